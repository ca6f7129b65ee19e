//! Where the results of a drop are: in a folder of this machine, or in S3.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::download::Remote;
use super::folder::{ResultFile, Results};
use crate::base::text;
use crate::cli::error::{CliError, path_error};
use crate::cli::find::find;
use crate::cli::output_file::beside;
use crate::cli::stack::{Stack, StackArguments};

/// How the commands describe an argument that names results.
pub(crate) const SOURCE_HELP: &str = "A drop: its id or at least 6 characters of it, its key (the newest drop with it), or the s3:// address of \
                                              its results. Or a folder of this machine that has its results; then no stack is needed";

/// Where the results of a drop are.
#[derive(Debug)]
pub(crate) enum Source {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// In S3.
    Stack(Box<Stack>, Remote),
}

impl Source {
    /// Finds the results that an argument names.
    pub(crate) async fn find(argument: &str, stack: &StackArguments) -> Result<Self, CliError> {
        let path = Path::new(argument);
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let stack = stack.open().await.map_err(|error| match error {
            CliError::Stack(why) => {
                CliError::Stack(format!("{}: there is no such folder here, and {why}", text::line(argument)))
            }
            error => error,
        })?;
        let found = find(&stack, argument).await?;
        let remote =
            Remote { client: stack.s3.clone(), bucket: stack.output_bucket.clone(), folder: found.folder };
        Ok(Self::Stack(Box::new(stack), remote))
    }

    /// Brings those of the results that are wanted to a folder of this machine, for as long as it is used.
    pub(crate) async fn bring(
        &self,
        wanted: impl Fn(&ResultFile) -> bool + Send + Sync,
    ) -> Result<Brought, CliError> {
        match self {
            Self::Folder(folder) => Ok(Brought { results: Results::open(folder)?, _folder: None }),
            Self::Stack(stack, remote) => {
                let folder = TemporaryFolder::new()?;
                let downloaded = remote.download(&folder.0, wanted).await;
                downloaded.map_err(|error| explained(stack, error))?;
                Ok(Brought { results: Results::open(&folder.0)?, _folder: Some(folder) })
            }
        }
    }
}

/// Says in plain words what S3 refuses.
pub(super) fn explained(stack: &Stack, error: CliError) -> CliError {
    match error {
        CliError::Pipeline(error) => stack.explain(error),
        error => error,
    }
}

/// Results on this machine.
#[derive(Debug)]
pub(crate) struct Brought {
    pub(crate) results: Results,
    _folder: Option<TemporaryFolder>,
}

/// A folder that only the user can read, and that is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    pub(crate) fn new() -> Result<Self, CliError> {
        let path = std::env::temp_dir().join(format!("bedrock-vpc-batch-{:016x}", fastrand::u64(..)));
        // It fails if there is one already.
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| path_error(&path, error))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // If this fails, the system cleans up its folder of temporary files some day.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes the folder in which the results are while they become a file, beside it. Only the user can read it. What was
/// interrupted goes on there.
pub(super) fn work_folder(output: &Path, results: &Remote) -> Result<PathBuf, CliError> {
    let drop_id = results.folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let start: String = drop_id.chars().take(12).collect();
    let path = beside(output, &format!("{start}.results"));
    DirBuilder::new().mode(0o700).recursive(true).create(&path).map_err(|error| path_error(&path, error))?;
    Ok(path)
}
