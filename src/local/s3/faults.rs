//! Faults of requests, for tests: how one is attached to a request, and what becomes of its answer.

use hyper::http::Extensions;
use s3s::{S3Result, s3_error};

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused and has no effect.
    Refused {
        /// The HTTP status, such as 503.
        status: u16,
        /// The error code, such as `SlowDown`.
        code: &'static str,
    },
    /// It has its effect, but the caller is told of an internal error (500).
    AnswerLost,
    /// The range that it asks for, or asks to copy from, is ignored: everything is answered with 200, or copied. Not as
    /// S3 does, but as some servers do that pass for it.
    RangeIgnored,
}

/// Goes with a request whose answer shall be lost.
#[derive(Clone, Copy)]
pub(super) struct AnswerLost;

/// Goes with a request whose range shall be ignored.
#[derive(Clone, Copy)]
pub(super) struct RangeIgnored;

/// Whether the range in the request that these belong to shall be ignored.
pub(super) fn ignores_range(extensions: &Extensions) -> bool {
    extensions.get::<RangeIgnored>().is_some()
}

/// The answer of an operation, or what becomes of it on the way to the caller.
pub(super) fn deliver<T>(is_lost: bool, answer: S3Result<T>) -> S3Result<T> {
    if is_lost {
        Err(s3_error!(InternalError, "We encountered an internal error. Please try again."))
    } else {
        answer
    }
}

/// Whether the answer to the request that these belong to shall be lost.
pub(super) fn is_lost(extensions: &Extensions) -> bool {
    extensions.get::<AnswerLost>().is_some()
}
