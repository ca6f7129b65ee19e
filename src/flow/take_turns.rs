//! Whose turn it is when Bedrock may accept a job: the step that both flows end with.
//!
//! Jobs that wait have hints, in [queues](super::queues). When a job ends, its slot goes to the first of them. A new drop
//! asks Bedrock at once if no job waits, and queues up otherwise: if it asked, too, it would take the slot that
//! an older job waits for, and that job would be refused again and again.

use std::time::Duration;

use futures_util::future::join_all;

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::base::timestamp::Timestamp;
use crate::drop::identity::{DropId, RouteId};
use crate::drop::keys;
use crate::drop::plan::Plan;
use crate::drop::settings::Settings;
use crate::flow::ask_bedrock::{Asked, ask_and_tell, ask_for_new_job};
use crate::flow::context::{CONCURRENT_PARTS, Context};
use crate::flow::hint::{self, Known};
use crate::flow::queues::Queues;
use crate::flow::routes::shares;
use crate::ledger::drop::DropEntry;
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::JobState;
use crate::ledger::lease::Invocation;
use crate::ledger::status::OpenJobs;

/// How long the hint of a submitted job is left to the invocation that has submitted it, and that deletes it within
/// milliseconds.
const HINT_IS_LATE: Duration = Duration::from_secs(2);

/// How long it takes, at most, to ask for one job, or for some at once. Jobs that are not asked for wait for the sweep.
const TIME_TO_ASK: Duration = Duration::from_secs(10);

/// How long ago the first job that waits may have been refused, at most, so that the next one need not ask. A job is asked
/// for when it gets its hint, so a hint that is younger is as good.
const REFUSAL_HOLDS: Duration = Duration::from_secs(30);

/// What a new drop finds when it looks at the jobs that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    /// Nothing says that a job waits.
    Empty,
    /// Jobs wait, and Bedrock has just been asked for the first of them.
    Waits,
    /// Jobs wait, and Bedrock has not been asked for the first of them of late.
    IsDue,
    /// The route of the drop is paused.
    Paused,
}

/// Looks at the jobs of other drops that wait for the model of a drop, unless an operator must fix something for them.
pub(super) async fn look_at_queue(
    context: &Context,
    settings: &Settings,
    drop_id: &DropId,
    by: &Invocation,
) -> Result<Queue, Error> {
    if let Some(prefix) = &settings.route
        && shares(context).await?.is_paused(Some(&RouteId::derive(prefix)))
    {
        return Ok(Queue::Paused);
    }
    let at = Timestamp::from(now()).max(by.started);
    let holds = |since: Timestamp| at.seconds_since(since) < REFUSAL_HOLDS.as_secs();
    let mut queues = Box::pin(Queues::of(context, &settings.model_id)).await?;
    let Some(first) = queues.next_waiting(context).await? else { return Ok(Queue::Empty) };
    if holds(first.written) {
        return Ok(Queue::Waits);
    }
    let job = match context.store.get_entry::<JobEntry>(&keys::job_entry(&first.job_id)).await {
        Err(error) if error.is_of_newer_release() => None,
        job => job?,
    };
    let job = job.map(|job| job.entry).filter(|job| may_wait(&job.state) && job.drop_id != *drop_id);
    Ok(match job {
        None => Queue::Empty,
        Some(job) if holds(job.updated) => Queue::Waits,
        Some(_) => Queue::IsDue,
    })
}

/// Asks for the jobs of a drop until Bedrock accepts no more. The others wait for their turn, as do all of them if there
/// is a queue. Returns what is known of the jobs that are open now.
pub(super) async fn ask_for_jobs(
    context: &Context,
    drop: &DropEntry,
    plan: &Plan,
    queue: Queue,
    by: &Invocation,
) -> Result<OpenJobs, Error> {
    let mut open = OpenJobs::none(now().into()).of_paused_route(queue == Queue::Paused);
    let mut is_full = queue != Queue::Empty;
    for page in 1..=plan.pages() {
        for some in context.parts_on(&drop.drop_id, plan, page).await?.chunks(CONCURRENT_PARTS) {
            if !by.has_time_at(now(), TIME_TO_ASK) {
                return Ok(open);
            }
            if is_full {
                let read = some.iter().map(|part| Box::pin(hint::put_if_waiting(context, &part.job_id)));
                join_all(read).await.iter().flatten().for_each(|job| open.add(job));
                continue;
            }
            let asked = some.iter().map(|part| Box::pin(ask_for_new_job(context, &part.job_id, by)));
            let asked = join_all(asked).await.into_iter().collect::<Result<Vec<_>, Error>>()?;
            is_full =
                asked.iter().flatten().any(|(asked, _)| matches!(asked, Asked::NotNow | Asked::Refused));
            asked.iter().flatten().for_each(|(_, job)| open.add(job));
        }
    }
    Ok(open)
}

/// Asks for jobs that wait for this model, in turns, until Bedrock accepts no more. Jobs that were refused for a
/// cause that an operator must fix come last. The second refusal ends the step: nothing has been fixed, and the sweep
/// will try again.
pub(super) async fn ask_for_next_jobs(
    context: &Context,
    model_id: &str,
    by: &Invocation,
) -> Result<(), Error> {
    let mut queues = Box::pin(Queues::of(context, model_id)).await?;
    let mut refusals = 0;
    while let Some(turn) = queues.next(context).await? {
        if !by.has_time_at(now(), TIME_TO_ASK) {
            break;
        }
        let job = match context.store.get_entry::<JobEntry>(&keys::job_entry(&turn.job_id)).await {
            Err(error) if error.is_of_newer_release() => continue,
            job => job?,
        };
        if job.as_ref().is_some_and(|job| is_just_submitted(&job.entry)) {
            queues.note_race();
            continue;
        }
        let Some(job) = job.filter(|job| may_wait(&job.entry.state)) else {
            hint::delete(context, &turn.key).await;
            continue;
        };
        if queues.is_paused(hint::route(&job.entry).as_ref()) {
            continue;
        }
        match ask_and_tell(context, job, &Known::Key(turn.key), by).await? {
            Asked::NotNow => break,
            Asked::Refused if refusals == 1 => break,
            Asked::Refused => refusals += 1,
            Asked::Accepted => {}
            Asked::NotNeeded => queues.note_race(),
        }
    }
    Ok(())
}

fn is_just_submitted(job: &JobEntry) -> bool {
    matches!(job.state, JobState::Submitted(_)) && seconds_ago(job) < HINT_IS_LATE.as_secs()
}

fn seconds_ago(job: &JobEntry) -> u64 {
    Timestamp::from(now()).seconds_since(job.updated)
}

/// Returns whether a job waits, or may wait again after Bedrock has answered. Otherwise it never waits again.
fn may_wait(state: &JobState) -> bool {
    match state {
        JobState::Waiting | JobState::Submitting { .. } => true,
        JobState::Submitted(_)
        | JobState::Stopping(_)
        | JobState::Doubtful(..)
        | JobState::Ended(..)
        | JobState::Settled(..)
        | JobState::SourceDeleted => false,
    }
}
