//! What can go wrong outside the user's file, and what to do about it.
//!
//! A drop that can never work is not an error here: it is a [`Rejection`](crate::drop::rejection::Rejection), and
//! the handler returns `Ok`. `Err` from a handler means "Lambda, call me again".

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::base::text;

/// What to do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Try again as is: throttling, 5xx, a timeout, a quota in use, a lost race.
    Unavailable,
    /// An operator must change the stack: a permission, a role, a subnet, a wrongly wired event.
    Misconfigured,
    /// Our bug, or a stored object that we cannot read.
    Internal,
}

/// The name that Lambda logs and reports as the error's type. Alarms and redrive scripts match on it.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "Unavailable",
            Self::Misconfigured => "Misconfigured",
            Self::Internal => "Internal",
        })
    }
}

/// A failure of a flow, with what it failed on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An event that is none of the shapes this function handles.
    #[error("unusable event: {0}")]
    Event(String),
    /// A call to Amazon S3 or Amazon Bedrock failed.
    #[error("{call} failed")]
    Call {
        /// The operation and what it was called on.
        call: String,
        /// What to do about it.
        kind: ErrorKind,
        /// What the service or the network said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// An object of the ledger that cannot be read as what it should be.
    #[error("cannot read {key} in the output bucket")]
    Unreadable {
        /// The key of the object.
        key: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A state that the ledger does not allow to follow on the one before.
    #[error("ledger: {0}")]
    Ledger(#[from] crate::ledger::illegal_move::IllegalMove),
    /// The invocation would not have ended in time.
    #[error("{0}")]
    OutOfTime(String),
    /// Another invocation is at work on the same thing, or won a race.
    #[error("{0}")]
    Busy(String),
    /// Something that cannot be, if this program is right.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// What to do about this error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Event(_) | Self::OutOfTime(_) => ErrorKind::Misconfigured,
            Self::Call { kind, .. } => *kind,
            Self::Busy(_) => ErrorKind::Unavailable,
            Self::Unreadable { .. } | Self::Ledger(_) | Self::Internal(_) => ErrorKind::Internal,
        }
    }

    /// Classifies the failure of one SDK call; `call` names the operation and what it was called on.
    pub(crate) fn from_sdk<E>(call: String, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        match &error {
            SdkError::ServiceError(answer) => {
                let status = answer.raw().status().as_u16();
                let code = answer.err().code().unwrap_or("unknown error").to_owned();
                let kind = kind_of_answer(&code, status);
                let message = answer.err().message().unwrap_or("no message").to_owned();
                Self::Call { call, kind, source: Box::new(Answer { code, status, message }) }
            }
            SdkError::ConstructionFailure(_) => {
                Self::Call { call, kind: ErrorKind::Internal, source: Box::new(error) }
            }
            _ => Self::Call { call, kind: ErrorKind::Unavailable, source: Box::new(error) },
        }
    }
}

/// A service's refusal. Amazon's `SdkError` prints as just "service error", so the parts are kept here.
#[derive(Debug)]
struct Answer {
    code: String,
    status: u16,
    message: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (HTTP {}): {}", self.code, self.status, self.message)
    }
}

impl StdError for Answer {}

/// Bedrock answers some errors that only time cures with HTTP 400, so the code counts before the status.
fn kind_of_answer(code: &str, status: u16) -> ErrorKind {
    match code {
        "ServiceQuotaExceededException"
        | "ThrottlingException"
        | "ConditionalRequestConflict"
        | "OperationAborted"
        | "PreconditionFailed"
        | "RequestTimeout"
        | "SlowDown" => ErrorKind::Unavailable,
        _ if status == 429 || status >= 500 => ErrorKind::Unavailable,
        _ => ErrorKind::Misconfigured,
    }
}

/// An error with all its causes on one line, as [`text::line`] shows it: they quote keys, and services.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::line(Causes(self.0)).fmt(f)
    }
}

struct Causes<'a>(&'a (dyn StdError + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_counts_before_status() {
        let table = [
            ("ServiceQuotaExceededException", 400, ErrorKind::Unavailable),
            ("ThrottlingException", 429, ErrorKind::Unavailable),
            ("InternalServerException", 500, ErrorKind::Unavailable),
            ("ServiceUnavailableException", 503, ErrorKind::Unavailable),
            ("SlowDown", 503, ErrorKind::Unavailable),
            ("ConditionalRequestConflict", 409, ErrorKind::Unavailable),
            ("ValidationException", 400, ErrorKind::Misconfigured),
            ("AccessDeniedException", 403, ErrorKind::Misconfigured),
            ("AccessDenied", 403, ErrorKind::Misconfigured),
            ("ResourceNotFoundException", 404, ErrorKind::Misconfigured),
            ("NoSuchBucket", 404, ErrorKind::Misconfigured),
        ];
        for (code, status, kind) in table {
            assert_eq!(kind_of_answer(code, status), kind, "{code} {status}");
        }
    }

    #[test]
    fn diagnostic_has_the_kind_and_the_whole_chain() {
        let answer = Answer { code: "AccessDenied".into(), status: 403, message: "no".into() };
        let error = Error::Call {
            call: "S3 GetObject s3://b/k".into(),
            kind: ErrorKind::Misconfigured,
            source: Box::new(answer),
        };
        let shown = (error.kind().to_string(), Chain(&error).to_string());
        let message = "S3 GetObject s3://b/k failed: AccessDenied (HTTP 403): no";
        assert_eq!(shown, ("Misconfigured".to_owned(), message.to_owned()));
    }

    #[test]
    fn what_a_service_says_is_escaped_and_truncated() {
        let message = "\u{1b}]0;title\u{7}\n".to_owned() + &"x".repeat(1 << 20);
        let answer = Answer { code: "AccessDenied\u{202e}".into(), status: 403, message };
        let call = "S3 GetObject s3://b/\u{9b}2J".to_owned();
        let error = Error::Call { call, kind: ErrorKind::Misconfigured, source: Box::new(answer) };
        let shown = Chain(&error).to_string();
        let start =
            r"S3 GetObject s3://b/\u{9b}2J failed: AccessDenied\u{202e} (HTTP 403): \u{1b}]0;title\u{7}\nx";
        assert!(shown.starts_with(start), "{shown}");
        assert!(shown.ends_with("x…") && shown.len() < 2 * text::LINE_CHARS, "{}", shown.len());
    }
}
