//! The folder of a run, and its log.

use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::error::with_path;
use crate::aws::clock::now;
use crate::aws::telemetry;
use crate::base::timestamp::Timestamp;

/// Creates a new folder, so that no run writes into the results of another. Other users cannot read it,
/// because it holds prompts and answers.
pub(super) fn new_run_folder(dir: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(dir).map_err(|error| with_path(dir, error))?;
    let mut private = std::fs::DirBuilder::new();
    private.mode(0o700);
    let name = Timestamp::from(now()).compact();
    let mut candidate = name.clone();
    let mut count = 1;
    loop {
        let folder = dir.join(&candidate);
        match private.create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                count += 1;
                candidate.clone_from(&name);
                // Writing to a String does not fail.
                let _ = write!(candidate, "-{count}");
            }
            Err(error) => return Err(with_path(&folder, error)),
        }
    }
}

/// Sends the functions' log lines to a file, so that the terminal shows only what the user came for.
pub(super) fn log_to(path: &Path, job_name_prefix: &str) -> io::Result<()> {
    let file = std::fs::File::create(path)?;
    // s3s logs every refusal as an error, including the failed conditional writes that the ledger relies on.
    let levels = Targets::new().with_default(Level::INFO).with_target("s3s", LevelFilter::OFF);
    let subscriber = telemetry::json_lines(job_name_prefix, levels, Mutex::new(file));
    // This fails if the process already has a subscriber: only its first run is logged.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}
