//! Injected faults: how one is attached to a request, and what it does to the answer.

use hyper::http::Extensions;
use s3s::{S3Result, s3_error};

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused, and has no effect.
    Refused {
        /// The HTTP status, such as 503.
        status: u16,
        /// The error code, such as `SlowDown`.
        code: &'static str,
    },
    /// It has its effect, but the caller gets an internal error (500).
    AnswerLost,
    /// Its range, or the range of its copy source, is ignored: the whole object is returned with 200, or
    /// copied. S3 does not do this, but some S3-compatible servers do.
    RangeIgnored,
}

/// Marks a request whose answer will be lost.
#[derive(Clone, Copy)]
pub(super) struct AnswerLost;

/// Marks a request whose range will be ignored.
#[derive(Clone, Copy)]
pub(super) struct RangeIgnored;

/// Whether the range of the request with these extensions will be ignored.
pub(super) fn ignores_range(extensions: &Extensions) -> bool {
    extensions.get::<RangeIgnored>().is_some()
}

/// Returns the answer of an operation, or an error instead of it if the answer is lost.
pub(super) fn deliver<T>(is_lost: bool, answer: S3Result<T>) -> S3Result<T> {
    if is_lost {
        Err(s3_error!(InternalError, "We encountered an internal error. Please try again."))
    } else {
        answer
    }
}

/// Whether the answer to the request with these extensions will be lost.
pub(super) fn is_lost(extensions: &Extensions) -> bool {
    extensions.get::<AnswerLost>().is_some()
}
