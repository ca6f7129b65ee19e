//! What stops the command line, and its exit codes.

use std::io;
use std::path::Path;

use super::signals::Interrupt;
use crate::aws::clients::NotSet;
use crate::aws::error::Error;
use crate::local::faults::FaultError;

/// What stops the command line.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error("--set {0}: {1}")]
    Setting(String, &'static str),
    #[error("{0}")]
    Settings(String),
    #[error("--fault {0}: {1}")]
    Fault(String, FaultError),
    #[error("{0}")]
    Path(String, #[source] io::Error),
    #[error("{0}: {1}")]
    Unreadable(String, String),
    #[error("--{0} {1}: {2}")]
    OptionFile(&'static str, String, String),
    #[error("--fault: {0}")]
    Faults(FaultError),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Content(String),
    #[error("--dir: cannot make a folder for the run")]
    RunFolder(#[source] io::Error),
    #[error("could not start")]
    Start(#[source] io::Error),
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    #[error("the output was closed")]
    Closed,
    #[error("ended by {}", .0.name())]
    Interrupted(Interrupt),
    /// A signal ended the look at something that goes on, and the user was told so.
    #[error("ended by {}", .0.name())]
    Left(Interrupt),
    #[error("cannot write to disk: {0}")]
    Storage(String),
    #[error(transparent)]
    Credentials(NotSet),
    /// The stack cannot be found or used.
    #[error("{0}")]
    Stack(String),
    /// The stack does not have what the user wants, or it cannot be done.
    #[error("{0}")]
    Denied(String),
    /// IAM does not let the user do it.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Pipeline(#[from] Error),
    #[cfg(feature = "doctor")]
    #[error(transparent)]
    Doctor(#[from] crate::doctor::DoctorError),
}

impl CliError {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Setting(..)
            | Self::Usage(_)
            | Self::Fault(..)
            | Self::Faults(_)
            | Self::Settings(_)
            | Self::OptionFile(..)
            | Self::Stack(_)
            | Self::Credentials(_) => 2,
            // A bucket name that is not allowed.
            Self::Start(error) if error.kind() == io::ErrorKind::InvalidInput => 2,
            Self::Interrupted(interrupt) | Self::Left(interrupt) => interrupt.exit_code(),
            // 128 plus the number of SIGPIPE.
            Self::Closed => 141,
            #[cfg(feature = "doctor")]
            Self::Doctor(_) => 2,
            Self::Path(..)
            | Self::Content(_)
            | Self::Denied(_)
            | Self::Refused(_)
            | Self::Unreadable(..)
            | Self::RunFolder(_)
            | Self::Start(_)
            | Self::Output(_)
            | Self::Storage(_)
            | Self::Pipeline(_) => 1,
        }
    }
}

pub(super) fn path_error(path: &Path, error: io::Error) -> CliError {
    CliError::Path(path.display().to_string(), error)
}

/// Adds the path to an error.
pub(super) fn with_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
