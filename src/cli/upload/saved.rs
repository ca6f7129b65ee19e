//! What is remembered of an upload, so that it can go on after Ctrl-C or a crash. It is in the user's state folder.
//! <https://specifications.freedesktop.org/basedir-spec/latest/> (read 2026-11)

use std::fs::{DirBuilder, File, OpenOptions, TryLockError, remove_file};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::aws::config::variable;
use crate::cli::error::with_path;

/// An upload that has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) upload_id: String,
    /// The size of the file, and when it was last written. If they change, nothing of it counts.
    pub(super) size_bytes: u64,
    pub(super) modified: SystemTime,
    pub(super) part_bytes: u64,
    /// Whether S3 was asked to make an object of the parts, so that the file may have been dropped.
    pub(super) is_completing: bool,
}

/// The file that remembers the upload of one file to one key. No other process can open it meanwhile.
#[derive(Debug)]
pub(super) struct Memory {
    path: PathBuf,
    file: File,
}

impl Memory {
    /// Opens the memory of an upload. `None` if another process has it.
    pub(super) fn open(bucket: &str, key: &str, path: &Path) -> io::Result<Option<Self>> {
        let folder = folder().ok_or_else(|| io::Error::other("neither XDG_STATE_HOME nor HOME is set"))?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| with_path(&folder, error))?;
        let path = folder.join(name(bucket, key, path));
        let open = || {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)?;
            match file.try_lock() {
                Ok(()) => Ok(Some(file)),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            }
        };
        let opened = open().map_err(|error| with_path(&path, error))?;
        Ok(opened.map(|file| Self { path, file }))
    }

    /// Reads what is remembered; `None` if there is nothing, or it cannot be understood.
    pub(super) fn load(&mut self) -> Option<Saved> {
        self.file.rewind().ok()?;
        let mut json = Vec::new();
        self.file.read_to_end(&mut json).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Remembers an upload.
    pub(super) fn save(&mut self, saved: &Saved) -> io::Result<()> {
        let mut write = || {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(&serde_json::to_vec(saved)?)?;
            self.file.sync_data()
        };
        write().map_err(|error| with_path(&self.path, error))
    }

    /// Forgets the upload.
    pub(super) fn forget(self) {
        // If it stays, the next upload finds that its parts are gone.
        let _ = remove_file(&self.path);
    }
}

/// The folder of these files.
fn folder() -> Option<PathBuf> {
    let absolute = |path: String| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").and_then(absolute);
    let state = state.or_else(|| Some(variable("HOME").and_then(absolute)?.join(".local/state")));
    Some(state?.join("bedrock-vpc-batch/uploads"))
}

/// A name that follows from what is uploaded to where.
fn name(bucket: &str, key: &str, path: &Path) -> String {
    let mut hasher = Sha256::new();
    for field in [bucket.as_bytes(), key.as_bytes(), path.as_os_str().as_encoded_bytes()] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field);
    }
    let hex: String = hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.json")
}
