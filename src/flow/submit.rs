//! Flow 1: an S3 put becomes jobs.
//!
//! 1. Parse the notification, look at the object itself.
//! 2. Marker, then claim the drop (`Reading`).
//! 3. Read that version once and judge every line.
//! 4. Invalid: `Rejected`, then `rejection.json`; no retry can help, so it is not an error.
//! 5. Valid: plan the parts, `Accepted`.
//! 6. Per part: its input at a key that Bedrock takes, marker, entry (`Waiting`). The drop's marker goes.
//! 7. Try to submit these jobs, once.
//!
//! An invocation that comes after a crash begins at the step that the drop's entry names. One that fails gives its
//! lease back, so that the next delivery of the event need not wait for the lease to end.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tracing::{error, info, warn};

use crate::aws::clients::Clients;
use crate::aws::clock::now;
use crate::aws::config::Config;
use crate::aws::error::{Chain, Error};
use crate::aws::events::{ObjectCreated, parse_object_created};
use crate::aws::object_lines::rewrite_lines;
use crate::aws::store::{MIN_COPY_BYTES, Stored};
use crate::base::timestamp::Timestamp;
use crate::drop::check::{Validator, Verdict, check_source};
use crate::drop::generated_id::push_with_id;
use crate::drop::identity::DropId;
use crate::drop::keys;
use crate::drop::plan::Part;
use crate::drop::rejection::{Problem, Rejection};
use crate::drop::source::DropSource;
use crate::flow::ask_bedrock::Submitted;
use crate::flow::context::{Pipeline, SIDE_BY_SIDE};
use crate::ledger::drop::{DropEntry, DropState, TooSlow};
use crate::ledger::job::JobEntry;
use crate::ledger::lease::Invocation;
use crate::record::input::InputReader;
use crate::record::lines::Line;

/// What is kept back of the invocation's time when a drop is read: to record the verdict.
const TIME_FOR_THE_VERDICT: Duration = Duration::from_secs(5);

/// What it takes at most to begin with some more parts.
const TIME_FOR_SOME_PARTS: Duration = Duration::from_secs(10);

/// How often a drop is read at most that cannot be read in time. Each time takes all of a function's time, which
/// other drops need as well.
const MAX_READS: u32 = 3;

/// The handler of S3 notifications.
#[derive(Debug)]
pub struct Submit(Pipeline);

impl Submit {
    /// A handler with these settings.
    #[must_use]
    pub fn new(config: Config, clients: &Clients) -> Self {
        Self(Pipeline::new(config, clients))
    }

    /// Takes every object that the payload names, and does all it can before it reports a failure.
    ///
    /// # Errors
    /// The first failure, if any: Lambda is to deliver the event again. What was done is then found done.
    pub async fn handle(&self, payload: Value, by: &Invocation) -> Result<(), Error> {
        let mut first_error = None;
        for object in parse_object_created(payload)? {
            let taken = match object {
                Ok(object) => Box::pin(self.0.take(&object, by)).await,
                Err(error) => Err(error),
            };
            if let Err(error) = taken {
                if first_error.is_some() {
                    // Lambda logs the one that is returned.
                    error!(error = %Chain(&error), "another record of the same event failed");
                }
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

impl Pipeline {
    async fn take(&self, object: &ObjectCreated, by: &Invocation) -> Result<(), Error> {
        let uri = &object.uri;
        if uri.bucket() != self.config.input_bucket {
            let input_bucket = &self.config.input_bucket;
            return Err(Error::Event(format!("{uri} is not in the input bucket {input_bucket}")));
        }
        if uri.key().ends_with('/') {
            info!(input.uri = %uri, "a folder, not a drop");
            return Ok(());
        }
        let Some(source) = self.store.head(uri, object.version_id.as_deref()).await? else {
            warn!(input.uri = %uri, "drop is gone: it was deleted before it was read");
            return Ok(());
        };
        self.advance_drop(source, by).await
    }

    /// Brings a drop as far as it goes now, from wherever it stands: its jobs are submitted, or it is over.
    pub(crate) async fn advance_drop(&self, source: DropSource, by: &Invocation) -> Result<(), Error> {
        let Some(mut drop) = self.claim(source, by).await? else { return Ok(()) };
        let is_new = matches!(drop.entry.state, DropState::Reading { .. });
        if is_new {
            match Box::pin(self.judge(drop, by)).await? {
                Some(judged) => drop = judged,
                None => return Ok(()),
            }
        }
        let drop = &drop.entry;
        let parts = match &drop.state {
            DropState::Accepted { parts } => parts.as_slice(),
            DropState::Rejected { problems, stopped_early } => {
                self.report(drop, problems, *stopped_early).await?;
                &[]
            }
            DropState::Reading { .. } | DropState::Finished { .. } | DropState::Erased => &[],
        };
        for (done, some) in parts.chunks(SIDE_BY_SIDE).enumerate() {
            if !by.has_time_at(now(), TIME_FOR_SOME_PARTS) {
                let (drop_id, made, all) = (&drop.drop_id, done * SIDE_BY_SIDE, parts.len());
                return Err(Error::Busy(format!(
                    "drop {drop_id}: {made} of {all} jobs made; the sweep goes on"
                )));
            }
            let made = some.iter().map(|part| Box::pin(self.make_job(drop, part, is_new, by)));
            join_all(made).await.into_iter().collect::<Result<(), Error>>()?;
        }
        self.store.delete(&keys::drop_marker(drop.source.last_modified, &drop.drop_id)).await?;
        self.submit_parts(parts, by).await
    }

    /// Asks Bedrock for the jobs of a drop, until it takes no more: the others wait for their turn.
    async fn submit_parts(&self, parts: &[Part], by: &Invocation) -> Result<(), Error> {
        for some in parts.chunks(SIDE_BY_SIDE) {
            if !by.has_time_at(now(), TIME_FOR_SOME_PARTS) {
                break;
            }
            let asked = join_all(some.iter().map(|part| Box::pin(self.submit_job(&part.job_id, by)))).await;
            let submitted = asked.into_iter().collect::<Result<Vec<_>, Error>>()?;
            if submitted.iter().any(|one| matches!(one, Submitted::NotNow | Submitted::Refused)) {
                break;
            }
        }
        Ok(())
    }

    /// Claims a drop, or finds what became of it. `None` if another invocation is at it.
    async fn claim(&self, source: DropSource, by: &Invocation) -> Result<Option<Stored<DropEntry>>, Error> {
        let drop_id = DropId::derive(&source);
        let key = keys::drop_entry(&drop_id);
        let Some(stored) = self.store.get_json::<DropEntry>(&key).await? else {
            let marker = keys::drop_marker(source.last_modified, &drop_id);
            self.store.put_json(&marker, &source).await?;
            let (input, size_bytes) = (source.to_string(), source.size_bytes);
            let claimed = self.store.create(&key, DropEntry::claim(drop_id.clone(), source, by)).await?;
            if claimed.is_some() {
                info!(drop.id = %drop_id, input.uri = input, size_bytes, "drop claimed");
            }
            return Ok(claimed);
        };
        match &stored.entry.state {
            // The same request comes again only after it has failed or, rarely, twice at once: then the drop is read
            // twice, and the first verdict counts.
            DropState::Reading { lease_until, request_id, .. }
                if *lease_until > by.started && *request_id != by.request_id =>
            {
                info!(drop.id = %drop_id, %lease_until, "drop is being read by another invocation");
                Ok(None)
            }
            DropState::Reading { attempts, too_slow, .. } => {
                let (lease_until, request_id) = (by.lease_until, by.request_id.clone());
                let (attempts, too_slow) = (attempts + 1, *too_slow);
                let state = DropState::Reading { lease_until, request_id, attempts, too_slow };
                let next = stored.entry.advance(state, by)?;
                info!(drop.id = %drop_id, attempts, "drop taken over");
                self.store.replace(&key, next, &stored.etag).await
            }
            DropState::Accepted { .. }
            | DropState::Rejected { .. }
            | DropState::Finished { .. }
            | DropState::Erased => Ok(Some(stored)),
        }
    }

    /// Reads a claimed drop, and records the verdict. `None` if another invocation has taken the drop over.
    async fn judge(
        &self,
        drop: Stored<DropEntry>,
        by: &Invocation,
    ) -> Result<Option<Stored<DropEntry>>, Error> {
        let mut bytes_read = 0;
        let judged = self.read_and_record(&drop, &mut bytes_read, by).await;
        if let Err(error) = &judged {
            self.give_lease_back(&drop, matches!(error, Error::OutOfTime(_)).then_some(bytes_read), by).await;
        }
        judged
    }

    async fn read_and_record(
        &self,
        drop: &Stored<DropEntry>,
        bytes_read: &mut u64,
        by: &Invocation,
    ) -> Result<Option<Stored<DropEntry>>, Error> {
        let entry = &drop.entry;
        let drop_id = &entry.drop_id;
        let (attempts, too_slow) = match entry.state {
            DropState::Reading { attempts, too_slow, .. } => (attempts, too_slow),
            _ => (0, None),
        };
        let verdict = if attempts > MAX_READS {
            refuse(never_read(&entry.source, too_slow))
        } else {
            match self.read(entry, bytes_read, by).await {
                Err(Error::OutOfTime(_)) if attempts == MAX_READS => {
                    refuse(never_read(&entry.source, Some(slowness(*bytes_read, by))))
                }
                read => read?,
            }
        };
        let (state, records) = match verdict {
            Verdict::Valid(parts) => {
                let records = parts.iter().map(|part| part.records).sum();
                (DropState::Accepted { parts }, records)
            }
            Verdict::Invalid { problems, stopped_early } => {
                (DropState::Rejected { problems, stopped_early }, 0)
            }
        };
        let judged =
            self.store.replace(&keys::drop_entry(drop_id), entry.advance(state, by)?, &drop.etag).await?;
        match judged.as_ref().map(|judged| &judged.entry.state) {
            Some(DropState::Accepted { parts }) => info!(
                drop.id = %drop_id, input.uri = %entry.source, part.count = parts.len(),
                metric.DropsAccepted = 1_u64, metric.Records = records, "drop accepted"
            ),
            Some(DropState::Rejected { problems, stopped_early }) => warn!(
                drop.id = %drop_id, input.uri = %entry.source, problem.count = problems.len(), stopped_early,
                report = keys::rejection(&entry.source.key, drop_id), metric.DropsRejected = 1_u64,
                "drop rejected"
            ),
            _ => {}
        }
        Ok(judged)
    }

    async fn read(&self, drop: &DropEntry, bytes_read: &mut u64, by: &Invocation) -> Result<Verdict, Error> {
        let source = &drop.source;
        if let Some(problem) = check_source(source, self.config.max_drop_bytes) {
            return Ok(refuse(problem));
        }
        let Some(mut reader) = self.store.read_drop(source, &source.whole()).await? else {
            return Ok(refuse(Problem::of_file(
                "the file was overwritten or deleted before it was read",
                "drop it again",
            )));
        };
        let mut validator =
            Validator::new(drop.drop_id.clone(), self.config.quotas, self.config.max_record_bytes);
        while let Some(chunk) = reader.next().await? {
            if validator.feed(&chunk).is_err() {
                break;
            }
            *bytes_read += chunk.len() as u64;
            if !by.has_time_at(now(), TIME_FOR_THE_VERDICT) {
                let (size_bytes, slowness) = (source.size_bytes, slowness(*bytes_read, by));
                return Err(Error::OutOfTime(format!(
                    "{source}: {} of {size_bytes} bytes read in {} s when the time ran out; give the function \
                     more memory, and so more processor time, or lower MAX_DROP_BYTES",
                    slowness.bytes, slowness.seconds
                )));
            }
        }
        Ok(validator.finish())
    }

    /// Tells the user why a drop was refused.
    async fn report(&self, drop: &DropEntry, problems: &[Problem], stopped_early: bool) -> Result<(), Error> {
        let key = keys::rejection(&drop.source.key, &drop.drop_id);
        let (drop_id, source) = (drop.drop_id.clone(), drop.source.clone());
        let rejection = Rejection { version: 1, drop_id, source, problems: problems.to_vec(), stopped_early };
        self.store.put_json(&key, &rejection).await
    }

    /// Nothing was decided, so the next delivery need not wait for the lease to end. A reading that ran out of time
    /// counts, and so do the bytes it read; one that an error has ended does not.
    async fn give_lease_back(&self, drop: &Stored<DropEntry>, too_slow: Option<u64>, by: &Invocation) {
        let DropState::Reading { attempts, too_slow: before, request_id, .. } = &drop.entry.state else {
            return;
        };
        let attempts = if too_slow.is_some() { *attempts } else { attempts.saturating_sub(1) };
        let too_slow = too_slow.map(|bytes| slowness(bytes, by)).or(*before);
        let request_id = request_id.clone();
        let state = DropState::Reading { lease_until: by.started, request_id, attempts, too_slow };
        let Ok(next) = drop.entry.advance(state, by) else { return };
        let key = keys::drop_entry(&drop.entry.drop_id);
        if let Err(failure) = self.store.replace(&key, next, &drop.etag).await {
            warn!(drop.id = %drop.entry.drop_id, error = %Chain(&failure), "lease not given back; it will end by itself");
        }
    }

    /// Puts a part's input where Bedrock can read it, then records the job. What is there is left. If the drop's
    /// version was deleted meanwhile, that is recorded instead.
    async fn make_job(
        &self,
        drop: &DropEntry,
        part: &Part,
        is_new: bool,
        by: &Invocation,
    ) -> Result<(), Error> {
        let key = keys::job_entry(&part.job_id);
        let is_made = async || Ok::<_, Error>(self.store.get_json::<JobEntry>(&key).await?.is_some());
        if is_made().await? {
            return Ok(());
        }
        if !is_new && !self.is_marked(&drop.source, &drop.drop_id).await? {
            // The drop's marker goes when all its jobs are recorded: this one was, and may be at Bedrock.
            return if is_made().await? { Ok(()) } else { Err(self.missing_entry(&key)) };
        }
        let input = keys::job_input(&part.job_id);
        let is_large =
            part.bytes == drop.source.whole() || part.bytes.end - part.bytes.start >= MIN_COPY_BYTES;
        let is_there = if part.without_id == 0 && is_large {
            self.store.copy_drop(&drop.source, &part.bytes, &input).await?
        } else {
            self.rewrite(drop, part, &input).await?
        };
        let job = if is_there {
            JobEntry::waiting(&drop.drop_id, &drop.source, part, 1, by)
        } else {
            JobEntry::source_deleted(&drop.drop_id, &drop.source, part, by)
        };
        self.record_job(job).await
    }

    /// Writes a part of a drop as a job's input, with an id for every record. False if the drop is gone.
    async fn rewrite(&self, drop: &DropEntry, part: &Part, to: &str) -> Result<bool, Error> {
        let Some(reader) = self.store.read_drop(&drop.source, &part.bytes).await? else { return Ok(false) };
        let max_line_bytes = self.config.max_record_bytes;
        let mut records = InputReader::default();
        rewrite_lines(reader, max_line_bytes, &self.store, to, |line, out| {
            let line = Line { number: part.first_line + line.number - 1, ..line };
            push_with_id(&drop.drop_id, &mut records, &line, out).ok_or_else(|| {
                Error::Internal(format!(
                    "line {} of drop {} is no longer a record",
                    line.number, drop.drop_id
                ))
            })
        })
        .await?;
        Ok(true)
    }
}

fn refuse(problem: Problem) -> Verdict {
    Verdict::Invalid { problems: vec![problem], stopped_early: false }
}

/// How fast an invocation has read.
fn slowness(bytes: u64, by: &Invocation) -> TooSlow {
    TooSlow { bytes, seconds: Timestamp::from(now()).seconds_since(by.started).max(1) }
}

/// Why a drop is refused that no invocation could read to its end.
fn never_read(source: &DropSource, too_slow: Option<TooSlow>) -> Problem {
    let what = match too_slow {
        Some(TooSlow { bytes, seconds }) => format!(
            "the file could not be read in time, in {MAX_READS} attempts; the last one read {bytes} of {} bytes in \
             {seconds} s, which is {} kB/s",
            source.size_bytes,
            bytes / seconds / 1_000,
        ),
        None => format!("the function that reads the file ended {MAX_READS} times without a word"),
    };
    Problem::of_file(
        what,
        "split the file and drop its parts one by one, or have the function given more memory and time",
    )
}
