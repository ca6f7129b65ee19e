//! What can go wrong outside the user's file, and what to do about it. `sdk_error` classifies the SDK's errors.
//!
//! A drop that can never work is not an error here: it is a [`Rejection`](crate::drop::rejection::Rejection), and
//! the handler returns `Ok`. `Err` from a handler means "Lambda, call me again".

use std::error::Error as StdError;
use std::fmt;

use crate::base::text;
use crate::ledger::entry::EntryError;

/// What to do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Try again unchanged: throttling, 5xx, a timeout, a quota in use, a lost race.
    Unavailable,
    /// An operator must change the stack: a permission, a role, a subnet, a misrouted event.
    Misconfigured,
    /// A bug of ours, or a stored object that we cannot read.
    Internal,
}

/// Shows the name that Lambda logs and reports as the error's type. Alarms and redrive scripts match on it.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "Unavailable",
            Self::Misconfigured => "Misconfigured",
            Self::Internal => "Internal",
        })
    }
}

/// A failure of a flow. It names what it failed on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An event that this function does not handle.
    #[error("unusable event: {0}")]
    Event(String),
    /// A call to Amazon S3 or Amazon Bedrock failed.
    #[error("{call} failed")]
    Call {
        /// The operation, and what it was called on.
        call: String,
        /// What to do about it.
        kind: ErrorKind,
        /// What the service or the network said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// An object of the output bucket that this release cannot read.
    #[error("cannot read {key} in the output bucket")]
    Unreadable {
        /// The key of the object.
        key: String,
        /// Why it cannot be read.
        #[source]
        source: EntryError,
    },
    /// The routes do not fit the stack any more.
    #[error("{0}; correct config/routes.json in the output bucket, or the parameters of the stack")]
    Routes(String),
    /// A state that the ledger does not allow after the one before.
    #[error("ledger: {0}")]
    Ledger(#[from] crate::ledger::illegal_move::IllegalMove),
    /// The invocation would not have ended in time.
    #[error("{0}")]
    OutOfTime(String),
    /// Another invocation is working on the same thing, or has won a race.
    #[error("{0}")]
    Busy(String),
    /// Something that cannot happen unless this program has a bug.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// Returns what to do about this error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Event(_) | Self::OutOfTime(_) | Self::Routes(_) => ErrorKind::Misconfigured,
            Self::Call { kind, .. } => *kind,
            Self::Busy(_) | Self::Unreadable { source: EntryError::Newer { .. }, .. } => {
                ErrorKind::Unavailable
            }
            Self::Unreadable { .. } | Self::Ledger(_) | Self::Internal(_) => ErrorKind::Internal,
        }
    }

    /// Returns whether an entry was written by a newer release. That release goes on with it, or this one after an update.
    #[must_use]
    pub fn is_of_newer_release(&self) -> bool {
        matches!(self, Self::Unreadable { source: EntryError::Newer { .. }, .. })
    }
}

/// Shows an error with all its causes on one line. [`text::line`] escapes it, because errors quote keys and services.
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
    fn error_shows_its_kind_and_the_whole_chain() {
        let call = "S3 GetObject s3://b/k".to_owned();
        let error = Error::Call { call, kind: ErrorKind::Misconfigured, source: "AccessDenied: no".into() };
        let shown = (error.kind().to_string(), Chain(&error).to_string());
        let message = "S3 GetObject s3://b/k failed: AccessDenied: no";
        assert_eq!(shown, ("Misconfigured".to_owned(), message.to_owned()));
    }

    #[test]
    fn what_a_service_says_is_escaped_and_truncated() {
        let message = "\u{1b}]0;title\u{7}\n".to_owned() + &"x".repeat(1 << 20);
        let source = format!("AccessDenied\u{202e}: {message}").into();
        let call = "S3 GetObject s3://b/\u{9b}2J".to_owned();
        let error = Error::Call { call, kind: ErrorKind::Misconfigured, source };
        let shown = Chain(&error).to_string();
        let start = r"S3 GetObject s3://b/\u{9b}2J failed: AccessDenied\u{202e}: \u{1b}]0;title\u{7}\nx";
        assert!(shown.starts_with(start), "{shown}");
        assert!(shown.ends_with("x…") && shown.len() < 2 * text::LINE_CHARS, "{}", shown.len());
    }
}
