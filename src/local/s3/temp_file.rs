//! A file that is deleted when nothing needs it any more.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the server's own that is deleted when nobody needs it any more.
#[derive(Debug)]
pub(super) struct TempFile {
    path: PathBuf,
    kept: bool,
}

impl TempFile {
    /// Takes over a file, which need not be there yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, kept: false }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the file where it is, now in the care of the caller.
    pub(super) fn keep(mut self) -> PathBuf {
        self.kept = true;
        self.path.clone()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.kept {
            // It may be gone already, and there is nobody left to tell.
            let _gone = fs::remove_file(&self.path);
        }
    }
}
