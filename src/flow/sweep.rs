//! What a lost event or a crash has left open. Run by `complete`, on a schedule.
//!
//! 1. Compare the input bucket with the ledger, a piece at a time (`reconcile.rs`): a version without an entry gets
//!    a marker, as if its event had come.
//! 2. The jobs that have a marker, oldest first: each of them is a few calls, or the end of a job.
//! 3. The drops that have a marker, oldest first, those that could not be read before last: one of them can take all
//!    the time that is left.
//!
//! Every undone drop and job has its marker, so the sweep reads the markers and nothing else: its cost
//! follows what is open, never what has been. It decides nothing of its own; for each marker it looks at
//! the entry and calls the step that comes next. A failure does not stop the rest.

use std::time::Duration;

use tracing::{error, info, warn};

use crate::aws::clock::now;
use crate::aws::error::{Chain, Error};
use crate::aws::store::{Listed, Stored};
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys::{self, Open};
use crate::drop::source::DropSource;
use crate::flow::ask_bedrock::Submitted;
use crate::flow::context::Pipeline;
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::job::{JobEntry, JobState};
use crate::ledger::lease::Invocation;

/// What is kept back of the invocation's time: the sweep stops at a marker, not in the middle of its work.
const TIME_FOR_ONE: Duration = Duration::from_secs(10);

/// How long a marker may have no entry. What makes the entry is open as well, and was tried several times by then.
const ENTRY_IS_LATE: Duration = Duration::from_secs(3_600);

/// The age at which the input of a job that still waits is copied anew. Inputs expire after 30 days at least, and a
/// job that Bedrock has taken may read them for 7 days.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html> (read 2026-11)
const INPUT_IS_OLD: Duration = Duration::from_secs(7 * 86_400);

/// What one pass came to.
#[derive(Debug, Default)]
struct Pass {
    /// Bedrock has said that it takes no more jobs.
    is_full: bool,
    /// The age in seconds of the oldest job that waits.
    oldest_waiting_seconds: u64,
    done: usize,
    first_error: Option<Error>,
}

impl Pass {
    fn note(&mut self, key: &str, resumed: Result<(), Error>) {
        self.done += 1;
        if let Err(error) = resumed {
            if self.first_error.is_some() {
                error!(key, error = %Chain(&error), "another part of the sweep failed");
            }
            self.first_error.get_or_insert(error);
        }
    }
}

impl Pipeline {
    /// Goes on with everything that is open.
    pub(crate) async fn sweep(&self, by: &Invocation) -> Result<(), Error> {
        let mut pass = Pass::default();
        let reconciled = Box::pin(self.reconcile(by)).await;
        pass.note(keys::SWEEP_ENTRY, reconciled);

        let markers = self.store.list_objects(keys::OPEN_PREFIX).await?;
        let (mut jobs, mut drops) = (Vec::new(), Vec::new());
        for marker in &markers {
            match keys::parse_marker(&marker.key) {
                Some(Open::Job(job_id)) => jobs.push((marker, job_id)),
                Some(Open::Drop(drop_id)) => drops.push((marker, drop_id)),
                None => warn!(key = marker.key, "not a marker"),
            }
        }
        let is_out_of_time = !Box::pin(self.resume_jobs(&jobs, &mut pass, by)).await
            || !Box::pin(self.resume_drops(&drops, &mut pass, by)).await;
        let (open, done) = (markers.len(), pass.done.saturating_sub(1));
        if is_out_of_time {
            warn!(open, done, "sweep out of time; the next one goes on");
        }
        info!(
            open,
            done,
            is_full = pass.is_full,
            metric.OldestWaitingSeconds = pass.oldest_waiting_seconds,
            "swept"
        );
        pass.first_error.map_or(Ok(()), Err)
    }

    /// False if there was not time for all.
    async fn resume_jobs(&self, jobs: &[(&Listed, JobId)], pass: &mut Pass, by: &Invocation) -> bool {
        for (marker, job_id) in jobs {
            if !by.has_time_at(now(), TIME_FOR_ONE) {
                return false;
            }
            let resumed = Box::pin(self.resume_job(marker, job_id, pass, by)).await;
            pass.note(&marker.key, resumed);
        }
        true
    }

    /// False if there was not time for all.
    async fn resume_drops(&self, drops: &[(&Listed, DropId)], pass: &mut Pass, by: &Invocation) -> bool {
        let mut read_before = Vec::new();
        for (marker, drop_id) in drops {
            if !by.has_time_at(now(), TIME_FOR_ONE) {
                return false;
            }
            match Box::pin(self.resume_drop(marker, drop_id, by)).await {
                Ok(None) => pass.note(&marker.key, Ok(())),
                Ok(Some(drop)) => read_before.push((marker, drop)),
                Err(error) => pass.note(&marker.key, Err(error)),
            }
        }
        read_before.sort_by_key(|(_, drop)| drop.attempts());
        for (marker, drop) in read_before {
            if !by.has_time_at(now(), TIME_FOR_ONE) {
                return false;
            }
            let resumed = Box::pin(self.advance_drop(drop.source, by)).await;
            pass.note(&marker.key, resumed);
        }
        true
    }

    /// Goes on with a drop, unless it is one that was not read to its end before: that is given back, for later.
    async fn resume_drop(
        &self,
        marker: &Listed,
        drop_id: &DropId,
        by: &Invocation,
    ) -> Result<Option<DropEntry>, Error> {
        if let Some(drop) = self.store.get_json::<DropEntry>(&keys::drop_entry(drop_id)).await? {
            if drop.entry.attempts() > 0 {
                return Ok(Some(drop.entry));
            }
            self.advance_drop(drop.entry.source, by).await?;
            return Ok(None);
        }
        // The marker says enough to start over; if it has gone by now, so has the need to.
        if let Some(source) = self.store.get_json::<DropSource>(&marker.key).await? {
            self.advance_drop(source.entry, by).await?;
        }
        Ok(None)
    }

    async fn resume_job(
        &self,
        marker: &Listed,
        job_id: &JobId,
        pass: &mut Pass,
        by: &Invocation,
    ) -> Result<(), Error> {
        let key = keys::job_entry(job_id);
        let Some(job) = self.store.get_json::<JobEntry>(&key).await? else {
            // Bedrock is asked only for a job with an entry, and then the marker is emptied. One that is not empty
            // may have no entry yet: the drop or the attempt before, which makes it, is open too, but not for long.
            let is_late = by.started.seconds_since(marker.last_modified) > ENTRY_IS_LATE.as_secs();
            return if marker.is_empty || is_late { Err(self.missing_entry(&key)) } else { Ok(()) };
        };
        let job_arn = match &job.entry.state {
            JobState::Waiting => {
                let age = by.started.seconds_since(job.entry.created);
                pass.oldest_waiting_seconds = pass.oldest_waiting_seconds.max(age);
                let job = self.with_fresh_input(job, by).await?;
                if let Some(job) = job
                    && !pass.is_full
                {
                    pass.is_full = self.submit_stored(job, by).await? == Submitted::NotNow;
                }
                return Ok(());
            }
            JobState::Submitting { .. } => {
                self.submit_stored(job, by).await?;
                return Ok(());
            }
            JobState::Submitted { job_arn, .. }
            | JobState::Doubtful { job_arn, .. }
            | JobState::Ended { job_arn, .. }
            | JobState::Settled { job_arn, .. } => job_arn.clone(),
            JobState::SourceDeleted => String::new(),
        };
        self.settle(job_id, &job_arn, by).await?;
        Ok(())
    }

    /// A waiting job whose input does not expire soon: an old one is copied onto itself. `None` if another invocation
    /// has changed the entry.
    async fn with_fresh_input(
        &self,
        job: Stored<JobEntry>,
        by: &Invocation,
    ) -> Result<Option<Stored<JobEntry>>, Error> {
        if by.started.seconds_since(job.entry.input_written) < INPUT_IS_OLD.as_secs() {
            return Ok(Some(job));
        }
        let input = keys::job_input(&job.entry.job_id);
        self.store.copy(&input, &input).await?;
        let next = job.entry.with_new_input(by);
        self.store.replace(&keys::job_entry(&job.entry.job_id), next, &job.etag).await
    }
}

impl DropEntry {
    /// How often its reading was begun and not ended.
    fn attempts(&self) -> u32 {
        match self.state {
            DropState::Reading { attempts, .. } => attempts,
            DropState::Accepted { .. }
            | DropState::Rejected { .. }
            | DropState::Finished { .. }
            | DropState::Erased => 0,
        }
    }
}
