//! What a lost event or a crash has left open. Run by `complete`, on a schedule.
//!
//! Every undone drop and job has its marker, so the sweep reads the markers and nothing else: its cost
//! follows what is open, never what has been. It decides nothing of its own; for each marker it looks at
//! the entry and calls the step that comes next.

use std::time::Duration;

use tracing::{error, info, warn};

use crate::error::{Chain, Error};
use crate::jobs::Submitted;
use crate::layout::{self, DropId, DropSource, JobId, Open};
use crate::ledger::{DropEntry, JobEntry, JobState};
use crate::pipeline::Pipeline;
use crate::timestamp::Invocation;

/// What is kept back of the invocation's time: the sweep stops at a marker, not in the middle of its work.
const TIME_FOR_ONE: Duration = Duration::from_secs(10);

/// What one pass came to.
#[derive(Debug, Default)]
struct Pass {
    /// Bedrock has said that it takes no more jobs.
    is_full: bool,
    /// The age in seconds of the oldest job that waits.
    oldest_waiting_seconds: u64,
}

impl Pipeline {
    /// Goes on with everything that is open, oldest first. One failure does not stop the rest.
    pub(crate) async fn sweep(&self, by: &Invocation) -> Result<(), Error> {
        let markers = self.store.list(layout::OPEN_PREFIX).await?;
        let mut pass = Pass::default();
        let mut first_error = None;
        let mut done = 0_usize;
        for key in &markers {
            if !by.has_time_for(TIME_FOR_ONE) {
                warn!(open = markers.len(), done, "sweep out of time; the next one goes on");
                break;
            }
            let resumed = match layout::parse_marker(key) {
                Some(Open::Drop(drop_id)) => Box::pin(self.resume_drop(key, &drop_id, by)).await,
                Some(Open::Job(job_id)) => Box::pin(self.resume_job(key, &job_id, &mut pass, by)).await,
                None => {
                    warn!(key, "not a marker");
                    Ok(())
                }
            };
            if let Err(error) = resumed {
                if first_error.is_some() {
                    error!(key, error = %Chain(&error), "another marker could not be resumed");
                }
                first_error.get_or_insert(error);
            }
            done += 1;
        }
        info!(
            open = markers.len(),
            done,
            is_full = pass.is_full,
            metric.OldestWaitingSeconds = pass.oldest_waiting_seconds,
            "swept"
        );
        first_error.map_or(Ok(()), Err)
    }

    async fn resume_drop(&self, marker: &str, drop_id: &DropId, by: &Invocation) -> Result<(), Error> {
        if let Some(drop) = self.store.get_json::<DropEntry>(&layout::drop_entry(drop_id)).await? {
            return self.advance_drop(drop.entry.source, by).await;
        }
        // The marker says enough to start over; if it has gone by now, so has the need to.
        match self.store.get_json::<DropSource>(marker).await? {
            Some(source) => self.advance_drop(source.entry, by).await,
            None => Ok(()),
        }
    }

    async fn resume_job(
        &self,
        marker: &str,
        job_id: &JobId,
        pass: &mut Pass,
        by: &Invocation,
    ) -> Result<(), Error> {
        // Without an entry, the drop or the attempt before, which makes it, is open too.
        let Some(job) = self.store.get_json::<JobEntry>(&layout::job_entry(job_id)).await? else {
            return Ok(());
        };
        let job_arn = match &job.entry.state {
            JobState::Waiting => {
                let age = by.started.seconds_since(job.entry.created);
                if !pass.is_full {
                    pass.is_full = self.submit_stored(job, by).await? == Submitted::NotNow;
                }
                pass.oldest_waiting_seconds = pass.oldest_waiting_seconds.max(age);
                return Ok(());
            }
            JobState::Submitting { .. } => {
                self.submit_stored(job, by).await?;
                return Ok(());
            }
            JobState::Submitted { job_arn, .. }
            | JobState::Ended { job_arn, .. }
            | JobState::Settled { job_arn, .. } => job_arn.clone(),
        };
        if self.settle(job_id, &job_arn, by).await? {
            info!(job.id = %job_id, marker, "settled by the sweep");
        }
        Ok(())
    }
}
