//! Whose turn it is when Bedrock may accept a job: the step that both flows end with. The oldest drop comes first.
//!
//! Jobs that wait have [hints](hint), in the order of their turns. When a job ends, its slot goes to the first of them. A
//! new drop asks Bedrock at once if no job waits, and queues up otherwise: if it asked, too, it would take the slot that
//! an older job waits for, and that job would be refused again and again.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::join_all;
use tracing::warn;

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::aws::store::objects::Listed;
use crate::base::timestamp::Timestamp;
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys;
use crate::drop::plan::Plan;
use crate::flow::ask_bedrock::{Asked, ask_and_tell, ask_for_new_job};
use crate::flow::context::{CONCURRENT_PARTS, Context};
use crate::flow::hint::{self, Known};
use crate::ledger::drop::DropEntry;
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::JobState;
use crate::ledger::lease::Invocation;
use crate::ledger::status::OpenJobs;

/// How many hints are looked at when a slot is free. Usually the first is accepted, and the second is told that Bedrock
/// accepts no more. The others are for hints that are stale, or that other invocations are asking for.
const MAX_HINTS: i32 = 50;

/// How long the hint of a submitted job is left to the invocation that has submitted it, and that deletes it within
/// milliseconds.
const HINT_IS_LATE: Duration = Duration::from_secs(2);

/// How many jobs that were refused before are tried when a slot is free.
const MAX_REFUSED_JOBS: usize = 20;

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
}

/// Looks at the jobs of other drops that wait for a model, unless an operator must fix something for them.
pub(super) async fn look_at_queue(
    context: &Context,
    model_id: &str,
    drop_id: &DropId,
    by: &Invocation,
) -> Result<Queue, Error> {
    let at = Timestamp::from(now()).max(by.started);
    let holds = |since: Timestamp| at.seconds_since(since) < REFUSAL_HOLDS.as_secs();
    let first = context.store.list_first(&keys::hints_of(model_id), 1).await?.pop();
    let Some((hint, written)) = first.and_then(|it| Some((keys::parse_hint(&it.key)?, it.last_modified)))
    else {
        return Ok(Queue::Empty);
    };
    if hint.is_refused {
        return Ok(Queue::Empty);
    }
    if holds(written) {
        return Ok(Queue::Waits);
    }
    let job = match context.store.get_entry::<JobEntry>(&keys::job_entry(&hint.job_id)).await {
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
    let mut open = OpenJobs::none(now().into());
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

/// Asks for jobs that wait for this model, the oldest first, until Bedrock accepts no more. Jobs that were refused for a
/// cause that an operator must fix come last. The second refusal ends the step: nothing has been fixed, and the sweep
/// will try again.
pub(super) async fn ask_for_oldest_jobs(
    context: &Context,
    model_id: &str,
    by: &Invocation,
) -> Result<(), Error> {
    let mut turns = Turns::of(context.store.list_first(&keys::hints_of(model_id), MAX_HINTS).await?);
    let mut refusals = 0;
    while let Some((key, job_id)) = turns.next() {
        if !by.has_time_at(now(), TIME_TO_ASK) {
            break;
        }
        let job = match context.store.get_entry::<JobEntry>(&keys::job_entry(&job_id)).await {
            Err(error) if error.is_of_newer_release() => continue,
            job => job?,
        };
        if job.as_ref().is_some_and(|job| is_just_submitted(&job.entry)) {
            turns.note_race();
            continue;
        }
        let Some(job) = job.filter(|job| may_wait(&job.entry.state)) else {
            hint::delete(context, &key).await;
            continue;
        };
        match ask_and_tell(context, job, &Known::Key(key), by).await? {
            Asked::NotNow => break,
            Asked::Refused if refusals == 1 => break,
            Asked::Refused => refusals += 1,
            Asked::Accepted => {}
            Asked::NotNeeded => turns.note_race(),
        }
    }
    Ok(())
}

/// The order in which an invocation tries the jobs that wait: the oldest first, and those that were refused last.
///
/// When many jobs end together, as many invocations find the same hints. If each tried them in the same order, each
/// would read the entries of all jobs that the others ask for. So after a lost race, an invocation goes on with one of the
/// next two jobs at random, then with one of the next four, and so on.
#[derive(Debug, Default)]
struct Turns {
    waiting: VecDeque<(String, JobId)>,
    refused: VecDeque<(String, JobId)>,
    races: u32,
}

impl Turns {
    /// Takes the keys of hints, in their order.
    fn of(hints: Vec<Listed>) -> Self {
        let mut turns = Self::default();
        for Listed { key, .. } in hints {
            match keys::parse_hint(&key) {
                Some(found) if found.is_refused => turns.refused.push_back((key, found.job_id)),
                Some(found) => turns.waiting.push_back((key, found.job_id)),
                None => warn!(key, "object is not a hint"),
            }
        }
        turns.refused.truncate(MAX_REFUSED_JOBS);
        turns
    }

    /// Another invocation asks for the job that was tried.
    fn note_race(&mut self) {
        self.races = (self.races + 1).min(MAX_HINTS.ilog2());
    }

    /// Returns the key of a hint and its job. Each comes once.
    fn next(&mut self) -> Option<(String, JobId)> {
        let choices = self.waiting.len().min(1 << self.races);
        match choices {
            0 => self.refused.pop_front(),
            _ => self.waiting.remove(fastrand::usize(..choices)),
        }
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::drop::source::DropSource;

    fn hints(count: u32, is_refused: bool) -> Vec<String> {
        let source = DropSource::example();
        let (drop_id, time) = (DropId::derive(&source), source.last_modified);
        let id = |part| JobId::derive(&drop_id, part, 1 + u32::from(is_refused));
        (0..count).map(|part| keys::hint("m", time, &id(part), is_refused)).collect()
    }

    fn turns(keys: &[Vec<String>]) -> Turns {
        let last_modified = Timestamp::from_secs(0);
        Turns::of(keys.concat().into_iter().map(|key| Listed { key, last_modified }).collect())
    }

    fn order(mut turns: Turns, is_race: bool) -> Vec<String> {
        std::iter::from_fn(|| {
            let (key, _) = turns.next()?;
            if is_race {
                turns.note_race();
            }
            Some(key)
        })
        .collect()
    }

    #[test]
    fn oldest_jobs_come_first_and_refused_ones_last_and_not_all() {
        let (waiting, refused) = (hints(30, false), hints(30, true));
        let tried = refused.iter().take(MAX_REFUSED_JOBS);
        let expected: Vec<String> = waiting.iter().chain(tried).cloned().collect();
        assert_eq!(order(turns(&[waiting, refused]), false), expected);
    }

    #[test]
    fn losing_races_changes_the_order_but_every_job_gets_its_turn() {
        let (waiting, refused) = (hints(50, false), hints(3, true));
        let turns = || turns(&[waiting.clone(), refused.clone()]);
        let orders: Vec<_> = (0..20).map(|_| order(turns(), true)).collect();
        for order in &orders {
            assert_eq!((order[0] == waiting[0], &order[50..]), (true, refused.as_slice()));
            assert_eq!(order[..50].iter().collect::<BTreeSet<_>>(), waiting.iter().collect());
        }
        // Two invocations that have lost five races hardly ever try the same job next.
        let sixth: BTreeSet<_> = orders.iter().map(|order| &order[5]).collect();
        assert!(sixth.len() > 5, "{sixth:?}");
    }
}
