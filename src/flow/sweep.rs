//! Flow 3: finishes what a lost event or a crash has left open. `complete` runs it on a schedule.
//!
//! 1. [`reconcile`]: compare some of the input bucket with the ledger. A version without an entry gets a marker, as if
//!    its event had come.
//! 2. [`resume_jobs`]: the jobs that have a marker, oldest first. Each takes a few calls, or is at its end.
//! 3. [`resume_drops`]: the drops that have a marker, oldest first. Those that were not read to their end come last:
//!    one of them can take all the time that is left.
//!
//! Every drop and job that is not done has a marker. So the sweep reads the markers and nothing else, and its cost
//! depends on what is open, not on what has ever been. It decides nothing itself: for each marker it reads the entry,
//! and takes the step that the entry calls for. A failure does not stop the others.

use std::time::Duration;

use tracing::{error, info, warn};

use crate::aws::clock::now;
use crate::aws::error::{Chain, Error};
use crate::aws::store::entries::Stored;
use crate::aws::store::objects::Listed;
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys::{self, Open};
use crate::drop::source::DropSource;
use crate::flow::ask_bedrock::{Asked, ask_for_job};
use crate::flow::complete::complete;
use crate::flow::context::{Context, missing_entry};
use crate::flow::reconcile::reconcile;
use crate::flow::submit::advance_drop;
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::JobState;
use crate::ledger::lease::Invocation;

/// How much time the sweep reserves for one marker: it stops between markers, not in the middle of one.
const TIME_FOR_ONE: Duration = Duration::from_secs(10);

/// How long a marker may have no entry. The drop or job that makes the entry is open as well, and has been tried
/// several times by then.
const ENTRY_IS_LATE: Duration = Duration::from_secs(3_600);

/// The age at which the input of a waiting job is renewed. Inputs expire after 30 days at the earliest, and a job that
/// Bedrock has accepted may read its input for 7 days.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html> (read 2026-11)
const INPUT_IS_OLD: Duration = Duration::from_secs(7 * 86_400);

/// What one pass has done.
#[derive(Debug, Default)]
struct Pass {
    /// Bedrock accepts no more jobs.
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
            if error.is_of_newer_release() {
                info!(key, error = %Chain(&error), "left to the newer release");
                return;
            }
            if self.first_error.is_some() {
                error!(key, error = %Chain(&error), "another part of the sweep failed");
            }
            self.first_error.get_or_insert(error);
        }
    }
}

/// Goes on with everything that is open.
pub(super) async fn sweep(context: &Context, by: &Invocation) -> Result<(), Error> {
    let mut pass = Pass::default();
    let reconciled = Box::pin(reconcile(context, by)).await;
    pass.note(keys::SWEEP_ENTRY, reconciled);

    let markers = context.store.list_objects(keys::OPEN_PREFIX).await?;
    let (mut jobs, mut drops) = (Vec::new(), Vec::new());
    for marker in &markers {
        match keys::parse_marker(&marker.key) {
            Some(Open::Job(job_id)) => jobs.push((marker, job_id)),
            Some(Open::Drop(drop_id)) => drops.push((marker, drop_id)),
            None => warn!(key = marker.key, "object is not a marker"),
        }
    }
    let is_out_of_time = !Box::pin(resume_jobs(context, &jobs, &mut pass, by)).await
        || !Box::pin(resume_drops(context, &drops, &mut pass, by)).await;
    let (open, done) = (markers.len(), pass.done.saturating_sub(1));
    if is_out_of_time {
        warn!(open, done, "sweep ran out of time; the next one goes on");
    }
    info!(open, done, is_full = pass.is_full, OldestWaitingSeconds = pass.oldest_waiting_seconds, "swept");
    pass.first_error.map_or(Ok(()), Err)
}

/// Returns `false` if there was not enough time for all.
async fn resume_jobs(context: &Context, jobs: &[(&Listed, JobId)], pass: &mut Pass, by: &Invocation) -> bool {
    for (marker, job_id) in jobs {
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            return false;
        }
        let resumed = Box::pin(resume_job(context, marker, job_id, pass, by)).await;
        pass.note(&marker.key, resumed);
    }
    true
}

/// Returns `false` if there was not enough time for all.
async fn resume_drops(
    context: &Context,
    drops: &[(&Listed, DropId)],
    pass: &mut Pass,
    by: &Invocation,
) -> bool {
    let mut read_before = Vec::new();
    for (marker, drop_id) in drops {
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            return false;
        }
        match Box::pin(resume_drop(context, marker, drop_id, by)).await {
            Ok(None) => pass.note(&marker.key, Ok(())),
            Ok(Some(drop)) => read_before.push((marker, drop)),
            Err(error) => pass.note(&marker.key, Err(error)),
        }
    }
    read_before.sort_by_key(|(_, drop)| attempts(drop));
    for (marker, drop) in read_before {
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            return false;
        }
        let resumed = Box::pin(advance_drop(context, drop.source, by)).await;
        pass.note(&marker.key, resumed);
    }
    true
}

/// Goes on with a drop. Returns a drop that was not read to its end before, for later.
async fn resume_drop(
    context: &Context,
    marker: &Listed,
    drop_id: &DropId,
    by: &Invocation,
) -> Result<Option<DropEntry>, Error> {
    if let Some(drop) = context.store.get_entry::<DropEntry>(&keys::drop_entry(drop_id)).await? {
        if attempts(&drop.entry) > 0 {
            return Ok(Some(drop.entry));
        }
        Box::pin(advance_drop(context, drop.entry.source, by)).await?;
        return Ok(None);
    }
    // The marker says enough to start over. If it is gone by now, the drop has been taken care of.
    if let Some(source) = context.store.get_json::<DropSource>(&marker.key).await? {
        Box::pin(advance_drop(context, source, by)).await?;
    }
    Ok(None)
}

/// Goes on with a job.
async fn resume_job(
    context: &Context,
    marker: &Listed,
    job_id: &JobId,
    pass: &mut Pass,
    by: &Invocation,
) -> Result<(), Error> {
    let key = keys::job_entry(job_id);
    let Some(job) = context.store.get_entry::<JobEntry>(&key).await? else {
        // Bedrock is asked only for a job with an entry, and then the marker is emptied. A marker that is not empty may
        // have no entry yet: the drop or the attempt before, which makes the entry, is open too, but not for long.
        let is_late = by.started.seconds_since(marker.last_modified) > ENTRY_IS_LATE.as_secs();
        return if marker.is_empty || is_late { Err(missing_entry(&key)) } else { Ok(()) };
    };
    rename_marker(context, marker, &job.entry).await?;
    let job_arn = match &job.entry.state {
        JobState::Waiting => {
            let age = by.started.seconds_since(job.entry.created);
            pass.oldest_waiting_seconds = pass.oldest_waiting_seconds.max(age);
            let job = renew_input(context, job, by).await?;
            if let Some(job) = job
                && !pass.is_full
            {
                pass.is_full = Box::pin(ask_for_job(context, job, by)).await? == Asked::NotNow;
            }
            return Ok(());
        }
        JobState::Submitting { .. } => {
            Box::pin(ask_for_job(context, job, by)).await?;
            return Ok(());
        }
        JobState::Submitted(known)
        | JobState::Doubtful(known, _)
        | JobState::Ended(known, _)
        | JobState::Settled(known, _) => known.job_arn.clone(),
        JobState::SourceDeleted => String::new(),
    };
    Box::pin(complete(context, job_id, &job_arn, by)).await?;
    Ok(())
}

/// Replaces a marker of the first release, whose key does not say which drop its job belongs to.
async fn rename_marker(context: &Context, marker: &Listed, job: &JobEntry) -> Result<(), Error> {
    let key = job.marker();
    if marker.key == key {
        return Ok(());
    }
    context.store.put_json(&key, &job.job_id).await?;
    context.store.delete(&marker.key).await
}

/// Copies the input of a waiting job onto itself if it would expire soon. Returns `None` if another invocation has
/// changed the entry.
async fn renew_input(
    context: &Context,
    job: Stored<JobEntry>,
    by: &Invocation,
) -> Result<Option<Stored<JobEntry>>, Error> {
    if by.started.seconds_since(job.entry.input_written) < INPUT_IS_OLD.as_secs() {
        return Ok(Some(job));
    }
    let input = keys::job_input(&job.entry.job_id);
    context.store.copy(&input, &input).await?;
    let next = job.entry.with_new_input(by);
    context.store.replace(&keys::job_entry(&job.entry.job_id), next, &job.etag).await
}

/// Returns how many readings of a drop have started and not ended.
fn attempts(drop: &DropEntry) -> u32 {
    match &drop.state {
        DropState::Reading(reading) => reading.attempts,
        DropState::Accepted { .. }
        | DropState::Rejected { .. }
        | DropState::Finished { .. }
        | DropState::Erased => 0,
    }
}
