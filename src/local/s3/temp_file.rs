//! Temporary files.

use std::fs;
use std::path::{Path, PathBuf};

/// A temporary file. It is deleted when this value is dropped, unless it was kept.
#[derive(Debug)]
pub(super) struct TempFile {
    path: PathBuf,
    kept: bool,
}

impl TempFile {
    /// Takes over a file, which need not exist yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, kept: false }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the file where it is; from now on, the caller is responsible for it.
    pub(super) fn keep(mut self) -> PathBuf {
        self.kept = true;
        self.path.clone()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.kept {
            // It may be gone already. If this fails, there is nowhere left to report it.
            let _gone = fs::remove_file(&self.path);
        }
    }
}
