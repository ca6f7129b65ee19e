//! The step that both flows end with: asks Bedrock for jobs that wait. A job is asked for once, and found again after a
//! crash.
//!
//! The ledger says that Bedrock is being asked before the call, and what Bedrock answered after it. If the answer is
//! lost, the job may exist. Its entry says so until another invocation looks it up.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::join_all;
use tracing::{error, info, warn};

use crate::aws::bedrock::{Found, Submission};
use crate::aws::clock::now;
use crate::aws::error::{Chain, Error, ErrorKind};
use crate::aws::job_request::new_request;
use crate::aws::store::entries::Stored;
use crate::base::timestamp::Timestamp;
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys;
use crate::drop::plan::Plan;
use crate::flow::context::{CONCURRENT_PARTS, Context};
use crate::flow::hint::{self, Known};
use crate::flow::status_file::tell_of_job;
use crate::job::outcome::Outcome;
use crate::job::request::JobRequest;
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::{BedrockJob, JobState, Refusal};
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

/// What happened when Bedrock was to be asked for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Bedrock has the job.
    Accepted,
    /// Bedrock accepts no more jobs for now.
    NotNow,
    /// Bedrock will not accept this job until an operator has fixed something.
    Refused,
    /// The job does not wait any more, or another invocation asks for it.
    NotNeeded,
}

/// Bedrock's answer to a request for a job.
#[derive(Debug)]
enum Answer {
    /// Bedrock has the job, and may have had it before.
    Has { job_arn: String, is_adopted: bool },
    /// Bedrock has not created the job.
    Refused(Error),
    /// A job of another request has the name.
    NameInUse { job_arn: String },
}

/// Asks for the jobs of a drop until Bedrock accepts no more. The others wait for their turn. Returns what is known of the
/// jobs that are open now.
pub(super) async fn ask_for_jobs(
    context: &Context,
    drop_id: &DropId,
    plan: &Plan,
    by: &Invocation,
) -> Result<OpenJobs, Error> {
    let mut open = OpenJobs::none(now().into());
    let mut is_full = false;
    for page in 1..=plan.pages() {
        for some in context.parts_on(drop_id, plan, page).await?.chunks(CONCURRENT_PARTS) {
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
    fn of(hints: Vec<String>) -> Self {
        let mut turns = Self::default();
        for key in hints {
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
    let age_seconds = Timestamp::from(now()).seconds_since(job.updated);
    matches!(job.state, JobState::Submitted(_)) && age_seconds < HINT_IS_LATE.as_secs()
}

/// Returns whether a job waits, or may wait again after Bedrock has answered. Otherwise it never waits again.
fn may_wait(state: &JobState) -> bool {
    match state {
        JobState::Waiting | JobState::Submitting { .. } => true,
        JobState::Submitted(_)
        | JobState::Doubtful(..)
        | JobState::Ended(..)
        | JobState::Settled(..)
        | JobState::SourceDeleted => false,
    }
}

/// Asks for a job of a drop that has just been submitted. Returns its entry, too, if it has one.
async fn ask_for_new_job(
    context: &Context,
    job_id: &JobId,
    by: &Invocation,
) -> Result<Option<(Asked, JobEntry)>, Error> {
    let Some(job) = context.store.get_entry::<JobEntry>(&keys::job_entry(job_id)).await? else {
        return Ok(None);
    };
    // If no other invocation has written the entry since this one recorded the job, none has written a hint.
    let known = if job.entry.writer == by.writer { Known::None } else { Known::Unknown };
    ask_knowing(context, job, &known, by).await.map(Some)
}

/// Asks for a job that waits, or that another invocation was asking for when its lease ended. If the step fails, it
/// gives the lease back, so that the next invocation need not wait for its end.
///
/// # Errors
/// Returns any failure, including a lost answer from Bedrock. The job may then exist, and the next invocation looks
/// it up.
pub(super) async fn ask_for_job(
    context: &Context,
    job: Stored<JobEntry>,
    by: &Invocation,
) -> Result<Asked, Error> {
    ask_and_tell(context, job, &Known::Unknown, by).await
}

/// Does what [`ask_for_job`] does. If the answer is news, the user is told.
async fn ask_and_tell(
    context: &Context,
    job: Stored<JobEntry>,
    known: &Known,
    by: &Invocation,
) -> Result<Asked, Error> {
    let refusal = job.entry.refusal.clone();
    let (asked, job) = ask_knowing(context, job, known, by).await?;
    let is_news = match asked {
        Asked::Accepted => true,
        Asked::NotNow | Asked::Refused => job.refusal != refusal,
        Asked::NotNeeded => false,
    };
    if is_news {
        Box::pin(tell_of_job(context, &job)).await;
    }
    Ok(asked)
}

/// Does what [`ask_for_job`] does, and keeps the job's hint. Returns the job's entry, too.
async fn ask_knowing(
    context: &Context,
    mut job: Stored<JobEntry>,
    known: &Known,
    by: &Invocation,
) -> Result<(Asked, JobEntry), Error> {
    let (request, may_exist) = match &job.entry.state {
        JobState::Waiting => {
            take_new_settings(context, &mut job.entry);
            let settings = context.settings_of(&job.entry);
            (new_request(&context.config, &settings, &job.entry.job_id), false)
        }
        JobState::Submitting { lease_until, request } if *lease_until <= by.started => {
            (request.clone(), true)
        }
        JobState::Submitting { .. }
        | JobState::Submitted(_)
        | JobState::Doubtful(..)
        | JobState::Ended(..)
        | JobState::Settled(..)
        | JobState::SourceDeleted => return Ok((Asked::NotNeeded, job.entry)),
    };
    let Some(job) = take_lease(context, &job, &request, by).await? else {
        return Ok((Asked::NotNeeded, job.entry));
    };
    let asked = match Box::pin(ask(context, &request, may_exist)).await {
        Ok(answer) => Box::pin(record_answer(context, &job, &request, answer, known, by)).await,
        Err(error) => Err(error),
    };
    if asked.is_err() {
        give_lease_back(context, &job, request, by).await;
    }
    asked
}

/// If Bedrock has refused a job for a cause that an operator has to fix, the fix may be in the settings: the job takes
/// those in force. The entry keeps the old ones, too.
fn take_new_settings(context: &Context, job: &mut JobEntry) {
    let in_force = context.config.settings();
    if job.is_refused() && job.settings_in_use().is_some_and(|settings| *settings != in_force) {
        info!(job.id = %job.job_id, model.id = in_force.model_id, "job takes the settings in force after a refusal");
        job.new_settings = Some(in_force);
    }
}

/// Records that this invocation asks for a job. Returns `None` if another invocation has changed the entry.
async fn take_lease(
    context: &Context,
    job: &Stored<JobEntry>,
    request: &JobRequest,
    by: &Invocation,
) -> Result<Option<Stored<JobEntry>>, Error> {
    let state = JobState::Submitting { lease_until: by.lease_until, request: request.clone() };
    let next = job.entry.advance(state, by)?;
    context.store.replace(&keys::job_entry(&job.entry.job_id), next, &job.etag).await
}

/// Ends the lease on a job that may exist. If even that fails, the lease ends by itself.
async fn give_lease_back(context: &Context, job: &Stored<JobEntry>, request: JobRequest, by: &Invocation) {
    let job_id = &job.entry.job_id;
    let Ok(next) = job.entry.advance(JobState::Submitting { lease_until: by.started, request }, by) else {
        return;
    };
    if let Err(failure) = context.store.replace(&keys::job_entry(job_id), next, &job.etag).await {
        warn!(job.id = %job_id, error = %Chain(&failure), "lease not given back; it will end by itself");
    }
}

/// Looks the job up if it may exist, and asks for it if it is not found. Fails if Bedrock's answer does not say whether
/// the job exists now.
///
/// A job of another request with the same name proves nothing until Bedrock refuses ours because of it: the listing may
/// lag, and names may not be unique. The token makes it safe to ask.
async fn ask(context: &Context, request: &JobRequest, may_exist: bool) -> Result<Answer, Error> {
    if may_exist && let Some(found @ Answer::Has { .. }) = look_up(context, request).await? {
        return Ok(found);
    }
    match context.bedrock.create(request).await? {
        Submission::Created(job_arn) => Ok(Answer::Has { job_arn, is_adopted: false }),
        Submission::Refused(error) => Ok(Answer::Refused(error)),
        Submission::NameInUse(error) => look_up(context, request).await?.ok_or(error),
        Submission::Unknown(error) => Err(error),
    }
}

async fn look_up(context: &Context, request: &JobRequest) -> Result<Option<Answer>, Error> {
    Ok(match context.bedrock.find(request).await? {
        Found::Nothing => None,
        Found::Ours { job_arn, differences } => {
            report_differences(&request.job_name, &job_arn, &differences);
            Some(Answer::Has { job_arn, is_adopted: true })
        }
        Found::Foreign { job_arn } => Some(Answer::NameInUse { job_arn }),
    })
}

async fn record_answer(
    context: &Context,
    job: &Stored<JobEntry>,
    request: &JobRequest,
    answer: Answer,
    known: &Known,
    by: &Invocation,
) -> Result<(Asked, JobEntry), Error> {
    let (drop_id, job_id) = (&job.entry.drop_id, &job.entry.job_id);
    let key = keys::job_entry(job_id);
    let request = request.clone();
    match answer {
        Answer::Has { job_arn, is_adopted } => {
            info!(
                drop.id = %drop_id, job.id = %job_id, job.arn = job_arn, is_adopted,
                JobsSubmitted = 1_u64, "job submitted"
            );
            let state = JobState::Submitted(BedrockJob { request, job_arn });
            let next = JobEntry { refusal: None, ..job.entry.advance(state, by)? };
            // Only a state change that came first can win against this write, and it has recorded more.
            let recorded = context.store.replace(&key, next.clone(), &job.etag).await?;
            let next = recorded.map_or(next, |recorded| recorded.entry);
            hint::update(context, known, &job.entry, &next).await;
            Ok((Asked::Accepted, next))
        }
        Answer::Refused(error) => {
            let is_for_now = error.kind() == ErrorKind::Unavailable;
            let message = Chain(&error).to_string();
            if is_for_now {
                info!(job.id = %job_id, refusal = message, "job waits: Bedrock accepts no more jobs for now");
            } else {
                warn!(
                    job.id = %job_id, refusal = message, JobsRefused = 1_u64,
                    "job waits: Bedrock refuses it until the cause is fixed"
                );
            }
            let refusal = Some(Refusal { is_for_now, message });
            let next = JobEntry { refusal, ..job.entry.advance(JobState::Waiting, by)? };
            let asked = if is_for_now { Asked::NotNow } else { Asked::Refused };
            let Some(waiting) = context.store.replace(&key, next, &job.etag).await? else {
                return Ok((asked, job.entry.clone()));
            };
            hint::update(context, known, &job.entry, &waiting.entry).await;
            Ok((asked, waiting.entry))
        }
        Answer::NameInUse { job_arn } => {
            warn!(
                drop.id = %drop_id, job.id = %job_id, job.arn = job_arn, JobsDiffer = 1_u64,
                "a job of another request has this job's name; the next attempt has another name"
            );
            let (attempt, limits) = (job.entry.as_attempt(), context.retry_limits(&job.entry));
            let outcome = Outcome::name_in_use(attempt, limits, &request.model_id, &job_arn, now().into());
            let next = job.entry.advance(JobState::Ended(BedrockJob { request, job_arn }, outcome), by)?;
            context.store.replace(&key, next.clone(), &job.etag).await?;
            hint::update(context, known, &job.entry, &next).await;
            Ok((Asked::NotNeeded, next))
        }
    }
}

/// Reports how a job of ours differs from its request. We pay for the job, so the pipeline uses its results anyway.
pub(super) fn report_differences(job_name: &str, job_arn: &str, differences: &[String]) {
    if !differences.is_empty() {
        error!(
            job.name = job_name,
            job.arn = job_arn,
            differences = differences.join("; "),
            JobsDiffer = 1_u64,
            "job is not as it was requested"
        );
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
        assert_eq!(order(Turns::of([waiting, refused].concat()), false), expected);
    }

    #[test]
    fn losing_races_changes_the_order_but_every_job_gets_its_turn() {
        let (waiting, refused) = (hints(50, false), hints(3, true));
        let turns = || Turns::of([waiting.clone(), refused.clone()].concat());
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
