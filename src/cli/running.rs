//! The file by which other commands find a running local pipeline.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::with_path;
use crate::local::s3::EmbeddedS3;

/// The file, in the folder of the run.
const NAME: &str = "running.json";

/// Where a running pipeline is, and how it is used.
#[derive(Serialize, Deserialize)]
pub(super) struct Running {
    version: u32,
    /// The process.
    pub(super) pid: u32,
    /// The endpoint of its S3, on the loopback address.
    pub(super) endpoint: String,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    /// The settings of its functions, as the variables that they are read from.
    pub(super) settings: BTreeMap<String, String>,
}

/// Removes the file when the run ends.
#[derive(Debug)]
pub(super) struct Announced(PathBuf);

impl Drop for Announced {
    fn drop(&mut self) {
        // If it stays, nobody answers where it leads to.
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes the file into the folder of a run. Only its owner can read it.
pub(super) fn announce(
    folder: &Path,
    s3: &EmbeddedS3,
    settings: BTreeMap<String, String>,
) -> io::Result<Announced> {
    let running = Running {
        version: 1,
        pid: std::process::id(),
        endpoint: s3.endpoint().to_owned(),
        access_key_id: s3.key().access_key_id().to_owned(),
        secret_access_key: s3.key().secret_access_key().to_owned(),
        settings,
    };
    let path = folder.join(NAME);
    let new = folder.join(".running.json.new");
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec_pretty(&running)?)?;
        // Nobody reads half a file.
        fs::rename(&new, &path)
    };
    write().map_err(|error| with_path(&path, error))?;
    Ok(Announced(path))
}

/// Reads the files of the runs in a folder, newest first. A run that was killed leaves its file behind.
pub(super) fn announced(dir: &Path) -> io::Result<Vec<Running>> {
    let mut found = Vec::new();
    for run in fs::read_dir(dir)? {
        let path = run?.path().join(NAME);
        let Ok(metadata) = fs::metadata(&path) else { continue };
        found.push((metadata.modified()?, path));
    }
    found.sort();
    let read = |path: PathBuf| serde_json::from_slice(&fs::read(path).ok()?).ok();
    // Another program on this machine is the only one that may be asked.
    let is_here = |running: &Running| running.endpoint.starts_with("http://127.0.0.1:");
    Ok(found.into_iter().rev().filter_map(|(_, path)| read(path)).filter(is_here).collect())
}
