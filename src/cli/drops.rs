//! Drops files, and tells the user how each drop ended.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::Value;
use tokio::sync::mpsc;

use super::error::{CliError, path_error};
use super::failures;
use super::names::Names;
use super::progress::Progress;
use super::signals::Signals;
use super::summary::{describe_rejection, describe_summary};
use super::waiting::{Waiting, describe_open};
use super::watched::{State, Watched};
use crate::aws::clock::now;
use crate::aws::error::{Chain, Error};
use crate::aws::events::{ObjectCreated, parse_job_state_change, parse_object_created};
use crate::aws::sdk_error;
use crate::aws::store::objects::Store;
use crate::base::s3_uri::S3Uri;
use crate::base::text;
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys::{self, Open};
use crate::drop::names::NameVerdict;
use crate::drop::rejection::Rejection;
use crate::drop::source::DropSource;
use crate::job::ending::EndStatus;
use crate::job::summary::Summary;
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::{DOUBT, Doubt, JobState};
use crate::ledger::status::{Progress as Records, Status};
use crate::local::Local;
use crate::local::pump::{DropEnding, EventCounts};

/// How often watched folders and jobs are checked.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How often it is looked up where each drop stands, at most.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// How many drops are looked up at once, so that the events of others need not wait.
const STATUSES_PER_LOOK: usize = 50;

/// At the end, it is said of this number of drops what they wait for, at most.
const MAX_EXPLAINED: usize = 100;

/// Drops the files, watches the folders, and reports each drop as it ends. Returns when all files are done
/// and no folder is watched, at a signal, or when nothing more can be written; drops that are still open are
/// then listed. Without files and folders, it returns at a signal.
///
/// Returns true if the records of every drop are accounted for.
pub(super) async fn process(
    local: &Local,
    paths: &[PathBuf],
    quiet: Duration,
    signals: &mut Signals,
) -> Result<bool, CliError> {
    let (folders, files): (Vec<_>, Vec<_>) =
        paths.iter().map(PathBuf::as_path).partition(|path| path.is_dir());
    let names = Names::new(files.iter().copied(), folders.iter().copied());
    let mut session = Session::new(local, local.endings());
    session.waiting = files.iter().map(|file| (file.to_path_buf(), names.key(file))).collect();
    let watched = folders.iter().map(|folder| Watched::new(folder.to_path_buf(), quiet)).collect();
    let is_serving = paths.is_empty();
    let worked = tokio::select! {
        biased;
        interrupt = signals.next() => Err(CliError::Interrupted(interrupt)),
        cause = local.s3().broken() => Err(CliError::Storage(cause)),
        worked = work(&mut session, &names, watched, quiet, is_serving) => worked,
    };
    if is_serving && matches!(worked, Err(CliError::Interrupted(_))) {
        session.find_open().await?;
    }
    let is_over = session.is_over();
    let finished = match &worked {
        Err(CliError::Closed | CliError::Output(_)) => {
            session.progress.finish();
            Ok(false)
        }
        Ok(()) | Err(_) => session.finish(is_serving).await,
    };
    match worked {
        // Nothing was interrupted: this is how watching a folder ends.
        Err(CliError::Interrupted(_)) if is_over => finished,
        Err(error) => Err(error),
        Ok(()) => finished,
    }
}

async fn work(
    session: &mut Session<'_>,
    names: &Names,
    mut watched: Vec<Watched>,
    quiet: Duration,
    is_serving: bool,
) -> Result<(), CliError> {
    while let Some((file, key)) = session.waiting.front().cloned() {
        session.drop_file(&file, &key).await?;
        session.waiting.pop_front();
    }
    for folder in &watched {
        session.progress.note(&format!(
            "watching {}: a file is dropped once nothing has been written to it for {} s; Ctrl-C ends",
            text::line(folder.folder().display()),
            quiet.as_secs_f64(),
        ))?;
    }
    let mut look = tokio::time::interval(LOOK_EVERY);
    while is_serving || !session.open.is_empty() || !watched.is_empty() {
        tokio::select! {
            Some(ending) = session.endings.recv() => session.end(ending).await?,
            _ = look.tick() => {
                session.read_statuses().await?;
                session.show_jobs()?;
                session.report_doubts().await?;
                for folder in &mut watched {
                    session.look_at(folder, names).await?;
                }
            }
        }
    }
    Ok(())
}

/// The drops of one run.
struct Session<'a> {
    local: &'a Local,
    /// The user's own client: no faults are injected into its calls.
    s3: Client,
    store: Store,
    endings: mpsc::UnboundedReceiver<DropEnding>,
    progress: Progress,
    /// Files that have not been dropped yet, with their keys.
    waiting: VecDeque<(PathBuf, String)>,
    /// How often each key was dropped.
    dropped: HashMap<String, u64>,
    /// The drops that have not ended, by id.
    open: HashMap<String, OpenDrop>,
    /// The drops to look up next, and when the last round of looking them up started.
    unread: (Vec<String>, Option<Instant>),
    /// The state changes of all jobs, which say that a job has ended.
    changes: mpsc::UnboundedReceiver<Value>,
    /// The jobs that ended at Bedrock and need more looks: they are not settled, and the user does not know
    /// that they are in doubt.
    ended: Vec<JobId>,
    unsound: u64,
}

struct OpenDrop {
    key: String,
    /// The name that the user knows.
    name: String,
    /// The file that was dropped.
    file: PathBuf,
    version_id: Option<String>,
    drop_id: DropId,
    job_id: JobId,
    /// How many records it has, once they are counted.
    records: Option<u64>,
    /// What the user was told that it waits for.
    waiting: Option<Waiting>,
}

impl<'a> Session<'a> {
    fn new(local: &'a Local, endings: mpsc::UnboundedReceiver<DropEnding>) -> Self {
        let s3 = local.s3().client();
        let store = Store::new(s3.clone(), &local.config().output_bucket);
        Self {
            local,
            s3,
            store,
            endings,
            progress: Progress::new(),
            waiting: VecDeque::new(),
            dropped: HashMap::new(),
            open: HashMap::new(),
            unread: (Vec::new(), None),
            changes: local.stand_in().subscribe(),
            ended: Vec::new(),
            unsound: 0,
        }
    }

    /// Drops the files that arrived in a watched folder, and tells the user what cannot be dropped.
    async fn look_at(&mut self, folder: &mut Watched, names: &Names) -> Result<(), CliError> {
        let rule = self.local.config().name_rule();
        let look = folder.look(Instant::now(), now(), |path| rule.judge(&names.key(path)));
        for (path, note) in look.notes {
            self.progress.note(&format!("{}: {note}", text::line(path.display())))?;
        }
        self.waiting.extend(look.arrived.iter().map(|file| (file.path.clone(), names.key(&file.path))));
        for file in look.arrived {
            let key = names.key(&file.path);
            if file.is_again {
                let note = "changed since it was dropped; dropping it again as a new version";
                self.progress.note(&format!("{}: {note}", text::line(&key)))?;
            }
            let is_dropped = self.drop_file(&file.path, &key).await?;
            self.waiting.pop_front();
            if !is_dropped {
                folder.failed(&file.path);
            }
        }
        Ok(())
    }

    /// Drops a file. If that fails, tells the user why, and returns false; the other files are still dropped.
    async fn drop_file(&mut self, file: &Path, key: &str) -> Result<bool, CliError> {
        // Nothing would tell how it ended.
        if let NameVerdict::Ignored(why) = self.local.config().name_rule().judge(key) {
            self.unsound += 1;
            self.progress.note(&format!("{}: ignored, as it would be in S3: {why}", text::line(key)))?;
            return Ok(false);
        }
        let before = State::of(file);
        let put = self.put(file, key).await;
        let has_changed = State::of(file) != before;
        let source = match put {
            Ok(source) => source,
            Err(error) => {
                self.unsound += 1;
                // If a file ends early, the SDK's message does not say so.
                let cause = if has_changed {
                    "it changed while it was being read".to_owned()
                } else {
                    Chain(&error).to_string()
                };
                self.progress.note(&format!("{}: not dropped: {cause}", text::line(key)))?;
                return Ok(false);
            }
        };
        if has_changed {
            self.progress.note(&format!("{}: changed while it was being dropped", text::line(key)))?;
        }
        let drop_id = DropId::derive(&source);
        let count = self.dropped.entry(key.to_owned()).or_default();
        *count += 1;
        let name = if *count == 1 { key.to_owned() } else { format!("{key} (version {count})") };
        self.progress.start(drop_id.as_str(), &name)?;
        let job_id = JobId::derive(&drop_id, 1, 1);
        let open = OpenDrop {
            key: key.to_owned(),
            name,
            file: file.to_path_buf(),
            version_id: source.version_id,
            drop_id: drop_id.clone(),
            job_id,
            records: None,
            waiting: None,
        };
        self.open.insert(drop_id.to_string(), open);
        Ok(true)
    }

    /// Puts a file into the input bucket, as a user would.
    async fn put(&self, file: &Path, key: &str) -> Result<DropSource, CliError> {
        // Opening a pipe would wait for a writer.
        if let State::Unusable(why) = State::of(file) {
            return Err(path_error(file, io::Error::other(why)));
        }
        // If the SDK cannot open it, it calls that a failed call.
        File::open(file).map_err(|error| path_error(file, error))?;
        let bucket = &self.local.config().input_bucket;
        let body =
            ByteStream::from_path(file).await.map_err(|error| path_error(file, io::Error::other(error)))?;
        let put = self.s3.put_object().bucket(bucket).key(key).body(body).send().await;
        let put =
            put.map_err(|error| sdk_error::classify(format!("S3 PutObject s3://{bucket}/{key}"), error))?;
        let source = self.store.head(&S3Uri::new(bucket, key), put.version_id()).await?;
        source.ok_or_else(|| Error::Internal(format!("s3://{bucket}/{key} is not there")).into())
    }

    /// Whether every file was dropped and every drop has ended.
    fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.open.is_empty()
    }

    /// Looks up where some of the open drops stand, and tells the user which of them wait because Bedrock refuses their
    /// jobs. Each reason is told once.
    async fn read_statuses(&mut self) -> Result<(), CliError> {
        let (unread, round) = &mut self.unread;
        if unread.is_empty() && round.is_none_or(|round| round.elapsed() >= STATUS_EVERY) {
            (*unread, *round) = (self.open.keys().cloned().collect(), Some(Instant::now()));
        }
        let some = unread.split_off(unread.len().saturating_sub(STATUSES_PER_LOOK));
        for drop_id in some {
            let Some(open) = self.open.get(&drop_id) else { continue };
            let Some(status) = self.status(open).await else { continue };
            let Some(open) = self.open.get_mut(&drop_id) else { continue };
            open.records = status.records.map(|Records { total, .. }| total);
            let waiting = Waiting::of(&status);
            if waiting.is_some() {
                self.progress.waits(&drop_id);
            }
            if let Some(waiting) = waiting.filter(|waiting| Some(waiting) != open.waiting.as_ref()) {
                let name = text::line(&open.name).to_string();
                self.progress.note(&waiting.describe(&name, self.local.is_swept()))?;
                open.waiting = Some(waiting);
            }
        }
        Ok(())
    }

    /// Reads the `status.json` of a drop; `None` if there is none yet, or if it cannot be read.
    async fn status(&self, open: &OpenDrop) -> Option<Status> {
        let key = keys::status(&open.key, &open.drop_id);
        self.store.get_json::<Status>(&key).await.ok().flatten()
    }

    fn show_jobs(&mut self) -> Result<(), CliError> {
        for (drop_id, open) in &self.open {
            if let Some(job) = self.local.stand_in().job(open.job_id.as_str()) {
                // Bedrock counts padding, too, and the user knows nothing of it.
                let most = open.records.unwrap_or(0);
                let [processed, total] =
                    [job.counts.processed, job.counts.total].map(|count| count.min(most));
                self.progress.job(drop_id, job.status.as_str(), processed, total)?;
            }
        }
        Ok(())
    }

    /// Tells the user which jobs are waited for because their evidence contradicts itself, and how long that
    /// can take.
    async fn report_doubts(&mut self) -> Result<(), CliError> {
        let prefix = &self.local.config().job_name_prefix;
        while let Ok(event) = self.changes.try_recv() {
            let Ok(change) = parse_job_state_change(&event) else { continue };
            if EndStatus::parse(&change.status).is_some() {
                self.ended.extend(JobId::from_job_name(prefix, &change.batch_job_name));
            }
        }
        for job_id in std::mem::take(&mut self.ended) {
            // If an entry is missing or cannot be read, the functions report it.
            let Ok(Some(job)) = self.store.get_entry::<JobEntry>(&keys::job_entry(&job_id)).await else {
                self.ended.push(job_id);
                continue;
            };
            if let JobState::Doubtful(_, Doubt { contradictions, .. }) = &job.entry.state {
                let name = self
                    .open
                    .get(job.entry.drop_id.as_str())
                    .map_or(job.entry.source.key.as_str(), |open| &open.name);
                self.progress.note(&format!(
                    "{}: in doubt: job {job_id} has ended, but {}; it is checked again for {} hours, and none of its records are submitted again",
                    text::line(name),
                    text::line(contradictions.join("; ")),
                    DOUBT.as_secs() / 3_600,
                ))?;
            } else if !job.entry.is_settled() {
                self.ended.push(job_id);
            }
        }
        Ok(())
    }

    async fn end(&mut self, ending: DropEnding) -> Result<(), CliError> {
        let key = match ending {
            DropEnding::GivenUp { error, .. } if self.local.is_swept() => {
                return self.progress.note(&format!("an event: given up: {error}"));
            }
            DropEnding::GivenUp { event, error } => {
                self.unsound += 1;
                let drop_id = self.drop_of(event).unwrap_or_default();
                let name = self.open.remove(&drop_id).map_or_else(|| "an event".to_owned(), |open| open.name);
                return self.progress.end(&drop_id, &format!("{}: given up: {error}", text::line(name)));
            }
            DropEnding::Reported(key) => key,
        };
        // results/<key of the drop>/<drop-id>/<report>
        let drop_id = key.rsplit('/').nth(1).unwrap_or_default().to_owned();
        let Some(open) = self.open.remove(&drop_id) else { return Ok(()) };
        let folder = self.local.folder_of(&key).unwrap_or_default();
        let (is_sound, told) = self.report(&key, &open.file).await.unwrap_or_else(|error| {
            let cause = error.map(|error| format!(": {}", Chain(&error))).unwrap_or_default();
            (false, format!("its report cannot be read{cause}"))
        });
        self.unsound += u64::from(!is_sound);
        let (name, folder) = (text::line(&open.name), text::line(folder.display()));
        let folder = if key.ends_with("/summary.json") {
            format!("results: {folder}")
        } else {
            format!("report: {folder}/{report}", report = key.rsplit('/').next().unwrap_or_default())
        };
        self.progress.end(&drop_id, &format!("{name}: {told}\n  {folder}"))
    }

    /// Whether every record of a drop is accounted for, and what its report says. The error is `None` if
    /// there is no report.
    async fn report(&self, key: &str, file: &Path) -> Result<(bool, String), Option<Error>> {
        if key.ends_with("/summary.json") {
            let summary = self.store.get_json::<Summary>(key).await?.ok_or(None)?;
            let folder = self.local.folder_of(key).unwrap_or_default();
            let failures = failures::describe(&summary, &folder, &self.local.config().model_id);
            let repairs = summary.repairs.to_string();
            let repaired = if repairs.is_empty() { String::new() } else { format!("\n  {repairs}") };
            Ok((summary.balanced, describe_summary(&summary) + &repaired + &failures))
        } else {
            let rejection = self.store.get_json::<Rejection>(key).await?.ok_or(None)?;
            Ok((false, describe_rejection(&rejection, file)))
        }
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

    /// Finds the drops of other commands that have not ended. Nothing here has followed them.
    async fn find_open(&mut self) -> Result<(), CliError> {
        let drop_of = |marker: &String| match keys::parse_marker(marker)? {
            Open::Drop(drop_id) | Open::Cancellation(drop_id) => Some(drop_id),
            Open::Job(_) => keys::drop_of_job_marker(marker),
            Open::Erasure(_) => None,
        };
        let marked: HashSet<DropId> =
            self.store.list(keys::OPEN_PREFIX).await?.iter().filter_map(drop_of).collect();
        for entry in self.store.list(keys::INDEX_PREFIX).await? {
            let Some(drop) = keys::parse_index(&entry).filter(|drop| marked.contains(&drop.drop_id)) else {
                continue;
            };
            let open = OpenDrop {
                name: drop.key.clone(),
                key: drop.key,
                file: PathBuf::new(),
                version_id: None,
                job_id: JobId::derive(&drop.drop_id, 1, 1),
                drop_id: drop.drop_id.clone(),
                records: None,
                waiting: None,
            };
            if self.status(&open).await.is_none_or(|status| !status.is_final()) {
                self.open.insert(drop.drop_id.to_string(), open);
            }
        }
        Ok(())
    }

    /// Tells the user which faults were injected, and what is still open. Returns true if the records of
    /// every drop are accounted for.
    async fn finish(mut self, is_serving: bool) -> Result<bool, CliError> {
        self.progress.finish();
        let faults = injected(self.local);
        if !faults.is_empty() {
            self.progress.note(&format!("injected: {}", faults.join(", ")))?;
        }
        let mut open: Vec<_> = self.open.values().collect();
        open.sort_by(|one, other| one.name.cmp(&other.name));
        for (number, drop) in open.iter().enumerate() {
            let why = match number {
                0..MAX_EXPLAINED => {
                    format!(": {}", text::line(describe_open(self.status(drop).await.as_ref())))
                }
                _ => String::new(),
            };
            self.progress.note(&format!("{}: not finished{why}", text::line(&drop.name)))?;
        }
        for (_, key) in &self.waiting {
            self.progress.note(&format!("{}: not dropped", text::line(key)))?;
        }
        if !self.is_over() {
            self.progress.note(if is_serving {
                "to go on, drop them again: the next run has a folder of its own"
            } else {
                "to go on, run the command again: it drops the files anew, in a folder of its own"
            })?;
        }
        Ok(self.unsound == 0 && self.is_over())
    }
}

/// How often each fault was injected.
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
