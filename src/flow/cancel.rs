//! Flow 4: cancels a drop, as an operator has asked for.
//!
//! 1. Write the marker of the cancellation, so that the sweep goes on with it until the drop is over.
//! 2. [`cancel_job`], for every open job: a job that Bedrock does not have is never submitted, and one that it has is
//!    stopped. What is finished is kept, and the rest goes to `unprocessed/`, as after any other end.
//! 3. When the drop is over, delete the marker.
//!
//! A drop that is held has no jobs, and is refused: one write decides that, and nothing of it is ever submitted.
//!
//! A drop that is still being read, or whose jobs are being made, gets more jobs later: the sweep cancels them.
//!
//! A job that may exist is never given up, or its records would be reported as unprocessed and dropped again, although
//! Bedrock processes them. So Bedrock is asked for it with its own token, as after any crash, and then to stop it.

use tracing::{info, warn};

use crate::aws::bedrock::Found;
use crate::aws::clock::now;
use crate::aws::error::{Chain, Error};
use crate::aws::job_request::new_request;
use crate::aws::store::entries::Stored;
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys::{self, Open};
use crate::flow::ask_bedrock::{ask_for_job, report_differences};
use crate::flow::complete::{Completed, complete};
use crate::flow::context::Context;
use crate::flow::hint;
use crate::flow::pass::TIME_FOR_ONE;
use crate::flow::release_drop::{Purse, refuse_held};
use crate::flow::status_file::{File, tell};
use crate::flow::submit::go_on;
use crate::job::outcome::Outcome;
use crate::job::request::JobRequest;
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::{BedrockJob, JobState};
use crate::ledger::lease::Invocation;
use crate::ledger::status::{OpenJobs, Status};
use crate::report::notice::EndedDrop;

/// How often a job is read again after its entry has changed. Each change means that the job has moved on.
const MAX_ROUNDS: u32 = 10;

/// What cancelling a job leads to.
#[derive(Debug)]
enum Cancelled {
    /// The job needs nothing more. This is the drop, if that has finished it.
    Done(Option<Box<EndedDrop>>),
    /// The job is still open: Bedrock is stopping it, or another invocation is at it.
    Open(Box<JobEntry>),
}

/// What became of the open jobs of a drop.
#[derive(Debug)]
struct Jobs {
    /// Those that are still open.
    open: OpenJobs,
    /// Whether there was enough time for all.
    is_whole: bool,
    /// The drop, if that has finished it.
    ended: Option<Box<EndedDrop>>,
}

/// Cancels a drop as far as that can be done now, and leaves the rest to the sweep. Returns the drop if that has finished
/// it.
pub(super) async fn cancel(
    context: &Context,
    drop_id: &DropId,
    by: &Invocation,
) -> Result<Option<EndedDrop>, Error> {
    let key = keys::drop_entry(drop_id);
    let Some(drop) = context.store.get_entry::<DropEntry>(&key).await? else {
        warn!(drop.id = %drop_id, "there is no such drop to cancel");
        return Ok(None);
    };
    let marker = keys::cancel_marker(drop.entry.source.last_modified, drop_id);
    if is_over(&drop.entry.state) {
        context.store.delete(&marker).await?;
        return Ok(None);
    }
    if let DropState::Held(held) = &drop.entry.state {
        let refused = Box::pin(refuse_held(context, &drop, held, by)).await?;
        let mut purse = Purse::default();
        let ended = Box::pin(go_on(context, refused, File::Unknown, false, &mut purse, by)).await?;
        context.store.delete(&marker).await?;
        return Ok(ended);
    }
    // It is written again each time, which does no harm.
    context.store.put_json(&marker, drop_id).await?;
    info!(drop.id = %drop_id, "drop is being cancelled");
    let jobs = Box::pin(cancel_jobs(context, &drop.entry, by)).await?;
    if jobs.ended.is_some() {
        context.store.delete(&marker).await?;
    } else if jobs.is_whole {
        // The entry was read before the jobs, which can only have moved on.
        tell(context, Status::of_jobs(&drop.entry, &jobs.open), File::Unknown).await;
    }
    Ok(jobs.ended.map(|ended| *ended))
}

fn is_over(state: &DropState) -> bool {
    match state {
        DropState::Reading(_) | DropState::Held(_) | DropState::Accepted { .. } => false,
        DropState::Rejected { .. } | DropState::Finished { .. } | DropState::Erased => true,
    }
}

/// Cancels the open jobs of a drop. A failure does not stop the others.
async fn cancel_jobs(context: &Context, drop: &DropEntry, by: &Invocation) -> Result<Jobs, Error> {
    let mut jobs = Jobs { open: OpenJobs::none(now().into()), is_whole: true, ended: None };
    let mut first_error = None;
    let markers = keys::all_job_markers(drop.source.last_modified, &drop.drop_id);
    for marker in context.store.list(&markers).await? {
        let Some(Open::Job(job_id)) = keys::parse_marker(&marker) else { continue };
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            jobs.is_whole = false;
            break;
        }
        match Box::pin(cancel_job(context, job_id, by)).await {
            Ok(Cancelled::Open(job)) => jobs.open.add(&job),
            Ok(Cancelled::Done(ended)) => jobs.ended = ended.or(jobs.ended),
            Err(error) => {
                warn!(key = marker, error = %Chain(&error), "job not cancelled; the sweep tries again");
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(jobs), Err)
}

/// Cancels a job, and the next attempt at its part, if there is one.
async fn cancel_job(context: &Context, mut job_id: JobId, by: &Invocation) -> Result<Cancelled, Error> {
    for _ in 0..MAX_ROUNDS {
        let Some(job) = context.store.get_entry::<JobEntry>(&keys::job_entry(&job_id)).await? else {
            // Its marker comes first. The sweep finds the entry.
            return Ok(Cancelled::Done(None));
        };
        match &job.entry.state {
            JobState::Waiting => Box::pin(cancel_waiting(context, &job, by)).await?,
            // Another invocation is asking for the job, and may have got it.
            JobState::Submitting { lease_until, .. } if *lease_until > by.started => {
                return Ok(Cancelled::Open(Box::new(job.entry)));
            }
            JobState::Submitting { .. } => {
                Box::pin(ask_for_job(context, job, by)).await?;
            }
            JobState::Submitted(known) => {
                let state = JobState::Stopping(known.clone());
                record(context, &job, job.entry.advance(state, by)?).await?;
            }
            JobState::Stopping(known) => {
                // An invocation that has recorded it may have died before it asked.
                let is_stopping = context.bedrock.stop(&known.job_arn).await?;
                info!(job.id = %job_id, job.arn = known.job_arn, is_stopping, "Bedrock is asked to stop the job");
                return Ok(Cancelled::Open(Box::new(job.entry)));
            }
            JobState::Doubtful(..) => return Ok(Cancelled::Open(Box::new(job.entry))),
            JobState::Ended(..) | JobState::Settled(..) | JobState::SourceDeleted => {
                let job_arn = job.entry.state.bedrock_job().map_or("", |known| &known.job_arn);
                let completed = Box::pin(complete(context, &job_id, job_arn, by)).await?;
                match (job.entry.next_attempt(), completed) {
                    (Some(next), _) => job_id = next.job_id.clone(),
                    (None, Completed::Done { ended, .. }) => return Ok(Cancelled::Done(ended)),
                    (None, Completed::NotOver) => return Ok(Cancelled::Done(None)),
                }
            }
        }
    }
    Err(Error::Busy(format!("other invocations changed job {job_id} {MAX_ROUNDS} times")))
}

/// Ends a job that waits. One that Bedrock has refused before is looked up first: if the refusal was not the truth, the
/// job exists.
async fn cancel_waiting(context: &Context, job: &Stored<JobEntry>, by: &Invocation) -> Result<(), Error> {
    let entry = &job.entry;
    let request = new_request(&context.config, &context.settings_of(entry), &entry.job_id);
    if entry.refusal.is_some()
        && let Found::Ours { job_arn, differences } = context.bedrock.find(&request).await?
    {
        report_differences(&request.job_name, &job_arn, &differences);
        let submitting = JobState::Submitting { lease_until: by.lease_until, request: request.clone() };
        let submitted = JobState::Submitted(BedrockJob { request, job_arn });
        let next = entry.advance(submitting, by)?.advance(submitted, by)?;
        record(context, job, JobEntry { refusal: None, ..next }).await?;
    } else {
        let outcome = Outcome::cancelled(entry.as_attempt(), &request.model_id, now().into());
        let state = JobState::Ended(never_asked_for(request), outcome);
        if record(context, job, entry.advance(state, by)?).await? {
            info!(drop.id = %entry.drop_id, job.id = %entry.job_id, "job cancelled before Bedrock had it");
        }
    }
    hint::delete(context, &hint::key(context, entry)).await;
    Ok(())
}

fn never_asked_for(request: JobRequest) -> BedrockJob {
    BedrockJob { request, job_arn: String::new() }
}

/// Returns `false` if another invocation has changed the entry.
async fn record(context: &Context, job: &Stored<JobEntry>, next: JobEntry) -> Result<bool, Error> {
    let written = context.store.replace(&keys::job_entry(&job.entry.job_id), next, &job.etag).await?;
    Ok(written.is_some())
}
