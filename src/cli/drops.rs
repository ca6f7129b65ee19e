//! Files and folders to drops, and drops to a report for the user.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::Value;
use tokio::sync::mpsc;

use super::progress::Progress;
use super::{CliError, name_of, path_error, tell_problems};
use crate::accounting::Summary;
use crate::error::Error;
use crate::event::{ObjectCreated, parse_job_state_change, parse_object_created};
use crate::layout::{DropId, JobId};
use crate::local::Local;
use crate::local::pump::{Ending, EventCounts};
use crate::s3_uri::S3Uri;
use crate::store::Store;
use crate::text;
use crate::validate::Rejection;

/// How often a watched folder and the jobs are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Drops the files, watches the folders, and reports each drop as it ends. Returns when all files are done
/// and no folder is watched, or at Ctrl-C.
///
/// True if every drop's records are accounted for.
pub(super) async fn process(local: &Local, paths: &[PathBuf]) -> Result<bool, CliError> {
    let (folders, files): (Vec<_>, Vec<_>) = paths.iter().cloned().partition(|path| path.is_dir());
    let endings = local.endings();
    let mut session = Session::new(local, endings);
    for file in &files {
        session.drop_file(file, &name_of(file)).await?;
    }
    let mut watched: Vec<Watched> = folders.into_iter().map(Watched::new).collect();
    for folder in &watched {
        session.progress.note(&format!("watching {}; Ctrl-C ends", text::line(folder.path.display())));
    }
    let mut look = tokio::time::interval(LOOK_EVERY);
    while !session.open.is_empty() || !watched.is_empty() {
        tokio::select! {
            Some(ending) = session.endings.recv() => session.end(ending).await?,
            _ = look.tick() => {
                session.show_jobs();
                for folder in &mut watched {
                    for (file, key) in folder.arrived().map_err(|error| path_error(&folder.path, error))? {
                        session.drop_file(&file, &key).await?;
                    }
                }
            }
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.map_err(CliError::Start)?;
                break;
            }
        }
    }
    Ok(session.finish())
}

/// The drops of one run.
struct Session<'a> {
    local: &'a Local,
    /// The user's own: nothing goes wrong with its calls.
    s3: Client,
    store: Store,
    endings: mpsc::UnboundedReceiver<Ending>,
    progress: Progress,
    /// The drops that have not ended, by id.
    open: HashMap<String, OpenDrop>,
    unsound: u64,
}

struct OpenDrop {
    key: String,
    version_id: Option<String>,
    job_id: JobId,
}

impl<'a> Session<'a> {
    fn new(local: &'a Local, endings: mpsc::UnboundedReceiver<Ending>) -> Self {
        let s3 = local.s3().client();
        let store = Store::new(s3.clone(), &local.config().output_bucket);
        Self { local, s3, store, endings, progress: Progress::new(), open: HashMap::new(), unsound: 0 }
    }

    /// Puts a file into the input bucket, as a user would.
    async fn drop_file(&mut self, file: &Path, key: &str) -> Result<(), CliError> {
        let bucket = &self.local.config().input_bucket;
        let body =
            ByteStream::from_path(file).await.map_err(|error| path_error(file, io::Error::other(error)))?;
        let put = self.s3.put_object().bucket(bucket).key(key).body(body).send().await;
        let put = put.map_err(|error| Error::from_sdk(format!("S3 PutObject s3://{bucket}/{key}"), error))?;
        let source = self.store.head(&S3Uri::new(bucket, key), put.version_id()).await?;
        let source = source.ok_or_else(|| Error::Internal(format!("s3://{bucket}/{key} is not there")))?;
        let drop_id = DropId::derive(&source);
        self.progress.start(drop_id.as_str(), key);
        let job_id = JobId::derive(&drop_id, 1, 1);
        self.open.insert(
            drop_id.to_string(),
            OpenDrop { key: key.to_owned(), version_id: source.version_id, job_id },
        );
        Ok(())
    }

    fn show_jobs(&self) {
        let jobs = self.local.stand_in().jobs();
        for (drop_id, open) in &self.open {
            if let Some(job) =
                jobs.iter().find(|job| job.client_request_token.as_deref() == Some(open.job_id.as_str()))
            {
                self.progress.job(drop_id, job.status.as_str(), job.counts.processed, job.counts.total);
            }
        }
    }

    async fn end(&mut self, ending: Ending) -> Result<(), CliError> {
        let key = match ending {
            Ending::GivenUp { error, .. } if self.local.is_swept() => {
                self.progress.note(&format!("an event: given up: {error}"));
                return Ok(());
            }
            Ending::GivenUp { event, error } => {
                self.unsound += 1;
                let drop_id = self.drop_of(event).unwrap_or_default();
                let name = self.open.remove(&drop_id).map_or_else(|| "an event".to_owned(), |open| open.key);
                self.progress.end(&drop_id, &format!("{}: given up: {error}", text::line(name)));
                return Ok(());
            }
            Ending::Reported(key) => key,
        };
        // results/<key of the drop>/<drop-id>/<report>
        let drop_id = key.rsplit('/').nth(1).unwrap_or_default().to_owned();
        let Some(open) = self.open.remove(&drop_id) else { return Ok(()) };
        let folder = self.local.folder_of(&key).unwrap_or_default();
        let report = if key.ends_with("/summary.json") {
            let summary = self.store.get_json::<Summary>(&key).await?.map(|stored| stored.entry);
            summary.map(|summary| (summary.balanced, tell_summary(&summary)))
        } else {
            let rejection = self.store.get_json::<Rejection>(&key).await?.map(|stored| stored.entry);
            rejection.map(|rejection| (false, tell_rejection(&rejection)))
        };
        let (is_sound, told) = report.unwrap_or_else(|| (false, "its report cannot be read".into()));
        self.unsound += u64::from(!is_sound);
        let (name, folder) = (text::line(&open.key), text::line(folder.display()));
        self.progress.end(&drop_id, &format!("{name}: {told}\n  results: {folder}"));
        Ok(())
    }

    /// The open drop that an event is about.
    fn drop_of(&self, event: Value) -> Option<String> {
        let prefix = &self.local.config().job_name_prefix;
        let job_id = parse_job_state_change(&event)
            .ok()
            .and_then(|change| JobId::from_job_name(prefix, &change.batch_job_name));
        let objects = parse_object_created(event).unwrap_or_default();
        let is_meant = |open: &OpenDrop| {
            let of_object =
                |object: &ObjectCreated| object.uri.key() == open.key && object.version_id == open.version_id;
            Some(&open.job_id) == job_id.as_ref() || objects.iter().flatten().any(of_object)
        };
        self.open.iter().find(|(_, open)| is_meant(open)).map(|(drop_id, _)| drop_id.clone())
    }

    fn finish(self) -> bool {
        self.progress.finish();
        let faults = injected(self.local);
        if !faults.is_empty() {
            self.progress.note(&format!("injected: {}", faults.join(", ")));
        }
        for open in self.open.values() {
            self.progress.note(&format!("{}: not finished", text::line(&open.key)));
        }
        self.unsound == 0 && self.open.is_empty()
    }
}

/// The faults that came to pass, with how often.
fn injected(local: &Local) -> Vec<String> {
    let calls = local.faults().counts();
    let events = [local.pump().notifications(), local.pump().state_changes()];
    let sum = |count: fn(&EventCounts) -> u64| events.iter().map(count).sum();
    let events = [
        ("event dropped", sum(|events| events.dropped)),
        ("event duplicated", sum(|events| events.duplicated)),
        ("event delayed", sum(|events| events.delayed)),
    ];
    let all = calls.into_iter().chain(events);
    all.filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}")).collect()
}

fn tell_summary(summary: &Summary) -> String {
    let counts = &summary.records;
    let mut text = format!(
        "{} records = {} succeeded + {} failed + {} unprocessed",
        counts.total, counts.succeeded, counts.failed, counts.unprocessed
    );
    for mismatch in &summary.mismatches {
        text.push_str("\n  does not add up: ");
        text.push_str(mismatch);
    }
    text
}

fn tell_rejection(rejection: &Rejection) -> String {
    let (problems, shown) = (&rejection.problems, 3);
    let mut text = format!("rejected, {}", tell_problems(problems, rejection.stopped_early, shown));
    if problems.len() > shown {
        text.push_str("\n  the others are in rejection.json");
    }
    text
}

/// A folder, and what has been seen in it.
struct Watched {
    path: PathBuf,
    files: HashMap<PathBuf, Seen>,
}

struct Seen {
    state: (u64, SystemTime),
    is_dropped: bool,
}

impl Watched {
    fn new(path: PathBuf) -> Self {
        Self { path, files: HashMap::new() }
    }

    /// The files that are new or changed and were left alone since the last look, with their keys. A file
    /// that is still being written looks different each time.
    fn arrived(&mut self) -> io::Result<Vec<(PathBuf, String)>> {
        let mut arrived = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            // A file may go between two looks.
            let Ok(metadata) = entry.metadata() else { continue };
            if !metadata.is_file() {
                continue;
            }
            let state = (metadata.len(), metadata.modified()?);
            match self.files.get_mut(&path) {
                Some(seen) if seen.state == state => {
                    if !seen.is_dropped {
                        seen.is_dropped = true;
                        arrived.push((path.clone(), name_of(&path)));
                    }
                }
                _ => {
                    self.files.insert(path, Seen { state, is_dropped: false });
                }
            }
        }
        arrived.sort();
        Ok(arrived)
    }
}
