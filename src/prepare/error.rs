//! What keeps a file from being prepared. Pure.

use std::io;

use super::framing::FramingError;
use crate::drop::kinds::ProblemKind;

/// Why a file was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It cannot be read, or is damaged.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A line cannot be written.
    #[error("cannot write a line")]
    Write(#[source] io::Error),
    /// Its content cannot be prepared.
    #[error("{what}: {fix}")]
    Content {
        /// What is wrong.
        what: String,
        /// How to fix it.
        fix: String,
    },
    /// An option is missing, or has no effect on this file.
    #[error("{what}: {fix}")]
    Usage {
        /// What is wrong.
        what: String,
        /// How to fix it.
        fix: String,
    },
}

impl PrepareError {
    pub(super) fn content(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Content { what: what.into(), fix: fix.into() }
    }

    pub(super) fn usage(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), fix: fix.into() }
    }
}

impl From<&'static ProblemKind> for PrepareError {
    fn from(kind: &'static ProblemKind) -> Self {
        Self::content(kind.what, kind.fix)
    }
}

impl From<FramingError> for PrepareError {
    fn from(error: FramingError) -> Self {
        match error {
            FramingError::Read(error) => Self::Read(error),
            FramingError::Json { line, what } => {
                Self::content(format!("line {line}: {what}"), "correct the file, or write it again")
            }
        }
    }
}
