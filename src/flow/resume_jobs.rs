//! A step of flow 3: goes on with every job that has a marker.
//!
//! 1. [`look_at_all`]: read the entries, some at the same time, and keep of each only what the other steps need. Most jobs
//!    with a hint are taken to wait without a look at their entry: see [`trusted`].
//! 2. [`ask_for_all`]: ask for the jobs that wait, for each model the routes in turns and of each route the oldest first,
//!    until Bedrock accepts no more for this model. Jobs that were refused come last.
//! 3. [`check_hints`]: write the hints that are missing, and delete the stale ones.
//! 4. [`complete_all`]: complete the jobs that may be over, one after the other, because reading their output takes
//!    memory. If many are at Bedrock, its list says which of them are not over.
//!
//! A failure at one job does not stop the others. Each step ends when there is not enough time for one more job.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{FuturesOrdered, StreamExt};
use tracing::{info, warn};

use crate::aws::bedrock::NOT_OVER;
use crate::aws::clock::now;
use crate::aws::error::{Chain, Error};
use crate::aws::store::objects::Listed;
use crate::drop::hints::{self, Hint};
use crate::drop::identity::{JobId, RouteId};
use crate::drop::keys;
use crate::drop::shares::draw;
use crate::flow::ask_bedrock::{Asked, ask_for_job};
use crate::flow::complete::{Completed, complete};
use crate::flow::context::{Context, missing_entry};
use crate::flow::hint;
use crate::flow::pass::{Pass, TIME_FOR_ONE};
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::JobState;
use crate::ledger::lease::Invocation;
use crate::ledger::status::OpenJobs;

/// How many entries are read, or hints written, at the same time.
const CONCURRENT_CALLS: usize = 16;

/// How many jobs with a hint are read per model and route: those whose turn is next. A job that Bedrock was asked for had its turn,
/// so its hint is among these if it is wrong, except after a lost race.
const NEXT_TURNS: usize = 50;

/// One in this many of the other jobs with a hint is read, at random. So a job is read about every four hours, which is
/// soon enough to renew its input.
const ONE_IN: usize = 16;

/// How many refusals in a row end the requests for one model. A cause that stops 100 jobs very likely stops the others.
const MAX_REFUSALS: u32 = 100;

/// How much time is reserved when jobs are asked for, so that every pass gets to the jobs that are over.
const TIME_FOR_ENDED_JOBS: Duration = Duration::from_secs(200);

/// How long a marker may have no entry. The drop or job that makes the entry is open as well, and has been tried
/// several times by then.
const ENTRY_IS_LATE: Duration = Duration::from_secs(3_600);

/// The age at which the input of a waiting job is renewed. Inputs expire after 30 days at the earliest, and a job that
/// Bedrock has accepted may read its input for 7 days.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html> (read 2026-11)
const INPUT_IS_OLD: Duration = Duration::from_secs(7 * 86_400);

/// What the sweep keeps of a job's entry.
#[derive(Debug)]
enum Next {
    /// Nothing can be done now.
    Nothing,
    /// The job may exist, and the invocation that asked for it has ended.
    LookUp,
    /// The job waits.
    Ask(Waiting),
    /// Bedrock has the job, which is over only if Bedrock does not list it as running.
    CompleteUnlessListed { job_arn: String },
    /// The job is over, or Bedrock must say whether it is.
    Complete { job_arn: String },
}

/// A job that waits.
#[derive(Debug)]
struct Waiting {
    /// The key of its hint, which it may not have yet.
    hint: String,
    route: Option<RouteId>,
    is_refused: bool,
    age_seconds: u64,
    input_is_old: bool,
}

/// A job with a marker.
#[derive(Debug)]
struct OpenJob<'m> {
    marker: &'m Listed,
    job_id: &'m JobId,
    /// `None` if the entry was not read.
    next: Option<Next>,
    /// Whether Bedrock was asked for the job.
    is_asked: bool,
}

/// Goes on with these jobs, which are sorted by age. `hints` are the keys of all hints in their order, listed before the
/// markers. Returns `false` if there was not enough time for all.
pub(super) async fn resume_jobs(
    context: &Context,
    markers: &[(&Listed, JobId)],
    hints: Vec<String>,
    pass: &mut Pass,
    by: &Invocation,
) -> bool {
    let mut jobs = Box::pin(look_at_all(context, markers, trusted(&hints), pass, by)).await;
    let mut is_whole = jobs.len() == markers.len();
    is_whole &= Box::pin(look_up_all(context, &mut jobs, pass, by)).await;
    is_whole &= Box::pin(renew_inputs(context, &jobs, pass, by)).await;
    is_whole &= Box::pin(ask_for_all(context, &mut jobs, pass, by)).await;
    if is_whole {
        Box::pin(check_hints(context, &jobs, hints.into_iter().collect(), by)).await;
    }
    is_whole & Box::pin(complete_all(context, &jobs, pass, by)).await
}

/// Returns the hints that this pass goes by, instead of reading the entry of the job: the cost of a pass should not grow
/// with the jobs that only wait. Jobs that were refused are few or need an operator, so they are read. So are jobs with
/// two hints, because one of these is stale.
fn trusted(hints: &[String]) -> HashMap<JobId, &str> {
    let mut turns: HashMap<&str, usize> = HashMap::new();
    let (mut hinted, mut trusted) = (HashSet::new(), HashMap::new());
    for key in hints {
        let Some(Hint { job_id, is_refused, .. }) = hints::parse(key) else { continue };
        let turn = turns.entry(queue(key)).or_default();
        *turn += 1;
        if !hinted.insert(job_id.clone()) {
            trusted.remove(&job_id);
        } else if !is_refused && *turn > NEXT_TURNS && fastrand::usize(..ONE_IN) > 0 {
            trusted.insert(job_id, key.as_str());
        }
    }
    trusted
}

/// Returns the folder of a hint: the jobs in it take their turns one after the other.
fn queue(hint: &str) -> &str {
    hint.rsplit_once('/').map_or(hint, |(folder, _)| folder)
}

/// Returns the model in the key of a hint.
fn model(hint: &str) -> &str {
    let rest = hint.strip_prefix(hints::WAITING_PREFIX).unwrap_or(hint);
    rest.split_once('/').map_or(rest, |(model, _)| model)
}

/// Reads the entries of the jobs without a trusted hint, as long as there is time.
async fn look_at_all<'m>(
    context: &Context,
    markers: &'m [(&Listed, JobId)],
    trusted: HashMap<JobId, &str>,
    pass: &mut Pass,
    by: &Invocation,
) -> Vec<OpenJob<'m>> {
    let (waiting, others): (Vec<_>, Vec<_>) =
        markers.iter().partition(|(_, job_id)| trusted.contains_key(job_id));
    let mut left = others.iter();
    let mut looks = FuturesOrdered::new();
    let mut jobs = Vec::new();
    while by.has_time_at(now(), TIME_FOR_ONE) {
        while looks.len() < CONCURRENT_CALLS
            && let Some((marker, job_id)) = left.next()
        {
            looks.push_back(Box::pin(look_at(context, marker, job_id, by)));
        }
        let Some((marker, job_id, looked)) = looks.next().await else { break };
        match &looked {
            Ok((_, Some(job))) => {
                let open = pass.open_jobs.entry(job.drop_id.clone());
                open.or_insert_with(|| OpenJobs::none(by.started)).add(job);
            }
            Ok((_, None)) => {}
            Err(_) => pass.uncounted.extend(keys::drop_of_job_marker(&marker.key)),
        }
        let next = looked.map(|(next, _)| next);
        if let Ok(Next::Ask(waiting)) = &next {
            pass.oldest_waiting_seconds = pass.oldest_waiting_seconds.max(waiting.age_seconds);
        }
        let next = pass.note(&marker.key, next);
        jobs.push(OpenJob { marker, job_id, next, is_asked: false });
    }
    let unread = others.iter().skip(jobs.len());
    pass.uncounted.extend(unread.filter_map(|(marker, _)| keys::drop_of_job_marker(&marker.key)));
    jobs.extend(waiting.into_iter().map(|(marker, job_id)| {
        if let Some(drop_id) = keys::drop_of_job_marker(&marker.key) {
            pass.hinted_jobs.entry(drop_id).or_default().push(job_id.clone());
        }
        let hint = trusted.get(job_id).copied().unwrap_or_default().to_owned();
        let route = hints::parse(&hint).and_then(|hint| hint.route);
        let age_seconds = by.started.seconds_since(marker.last_modified);
        let waiting = Waiting { hint, route, is_refused: false, age_seconds, input_is_old: false };
        OpenJob { marker, job_id, next: Some(Next::Ask(waiting)), is_asked: false }
    }));
    jobs.sort_by_key(|job| &job.marker.key);
    jobs
}

/// Looks at a job. Returns its entry, too, if its drop has several parts.
async fn look_at<'m>(
    context: &Context,
    marker: &'m Listed,
    job_id: &'m JobId,
    by: &Invocation,
) -> (&'m Listed, &'m JobId, Result<(Next, Option<Box<JobEntry>>), Error>) {
    let key = keys::job_entry(job_id);
    let next = match context.store.get_entry::<JobEntry>(&key).await {
        Ok(Some(job)) => {
            let renamed = Box::pin(rename_marker(context, marker, &job.entry)).await;
            let is_one_of_several = job.entry.part.bytes != job.entry.source.whole();
            renamed.map(|()| {
                let next = next_for(context, &job.entry, by);
                (next, is_one_of_several.then(|| Box::new(job.entry)))
            })
        }
        // The drop or the attempt before, which makes the entry, is open too, but not for long.
        Ok(None) if by.started.seconds_since(marker.last_modified) <= ENTRY_IS_LATE.as_secs() => {
            Ok((Next::Nothing, None))
        }
        Ok(None) => Err(missing_entry(&key)),
        Err(error) => Err(error),
    };
    (marker, job_id, next)
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

fn next_for(context: &Context, job: &JobEntry, by: &Invocation) -> Next {
    match &job.state {
        JobState::Waiting => Next::Ask(Waiting {
            hint: hint::key(context, job),
            route: hint::route(job),
            is_refused: job.is_refused(),
            age_seconds: by.started.seconds_since(job.created),
            input_is_old: input_is_old(job, by),
        }),
        JobState::Submitting { lease_until, .. } if *lease_until <= by.started => Next::LookUp,
        JobState::Submitting { .. } => Next::Nothing,
        JobState::Submitted(known) | JobState::Stopping(known) => {
            let job_arn = known.job_arn.clone();
            let hours = u64::try_from(known.request.timeout_duration_in_hours).unwrap_or_default();
            // By then the job is over, whatever the list says.
            let is_overdue = by.started.seconds_since(job.updated) >= hours * 3_600;
            if is_overdue { Next::Complete { job_arn } } else { Next::CompleteUnlessListed { job_arn } }
        }
        JobState::Doubtful(known, _) | JobState::Ended(known, _) | JobState::Settled(known, _) => {
            Next::Complete { job_arn: known.job_arn.clone() }
        }
        JobState::SourceDeleted => Next::Complete { job_arn: String::new() },
    }
}

/// Asks again for the jobs that may exist, because the invocation that asked for them has ended.
async fn look_up_all(context: &Context, jobs: &mut [OpenJob<'_>], pass: &mut Pass, by: &Invocation) -> bool {
    for job in jobs.iter_mut().filter(|job| matches!(job.next, Some(Next::LookUp))) {
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            return false;
        }
        let asked = Box::pin(ask(context, job.job_id, by)).await;
        pass.note(&job.marker.key, asked);
        job.is_asked = true;
    }
    true
}

async fn ask(context: &Context, job_id: &JobId, by: &Invocation) -> Result<Asked, Error> {
    match context.store.get_entry::<JobEntry>(&keys::job_entry(job_id)).await? {
        Some(job) => ask_for_job(context, job, by).await,
        None => Ok(Asked::NotNeeded),
    }
}

/// Copies each input that would expire soon onto itself.
async fn renew_inputs(context: &Context, jobs: &[OpenJob<'_>], pass: &mut Pass, by: &Invocation) -> bool {
    for job in jobs {
        let Some(Next::Ask(Waiting { input_is_old: true, .. })) = job.next else { continue };
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            return false;
        }
        let renewed = Box::pin(renew_input(context, job.job_id, by)).await;
        pass.note(&job.marker.key, renewed);
    }
    true
}

async fn renew_input(context: &Context, job_id: &JobId, by: &Invocation) -> Result<(), Error> {
    let (key, input) = (keys::job_entry(job_id), keys::job_input(job_id));
    let job = context.store.get_entry::<JobEntry>(&key).await?;
    let Some(job) = job.filter(|job| job.entry.state == JobState::Waiting && input_is_old(&job.entry, by))
    else {
        return Ok(());
    };
    context.store.copy(&input, &input).await?;
    // If another invocation has changed the entry, the job does not wait any more, or the next sweep copies again.
    context.store.replace(&key, job.entry.with_new_input(by), &job.etag).await?;
    Ok(())
}

fn input_is_old(job: &JobEntry, by: &Invocation) -> bool {
    by.started.seconds_since(job.input_written) >= INPUT_IS_OLD.as_secs()
}

/// The jobs that wait for one model, by their indexes.
#[derive(Debug, Default)]
struct OfModel {
    by_route: BTreeMap<Option<RouteId>, VecDeque<usize>>,
    refused: Vec<usize>,
}

impl OfModel {
    /// Returns the order in which Bedrock is asked: the routes take turns by their weights, and the jobs that were refused
    /// before come last, in random order. If there are too many to ask for all, none of them keeps the others from their
    /// turn.
    fn turns(mut self, weight: impl Fn(Option<&RouteId>) -> u32) -> Vec<usize> {
        let mut turns = Vec::new();
        loop {
            let weights = self
                .by_route
                .iter()
                .map(|(route, jobs)| if jobs.is_empty() { 0 } else { weight(route.as_ref()) });
            let Some(drawn) = draw(weights, |sum| fastrand::u64(..sum)) else { break };
            turns.extend(self.by_route.values_mut().nth(drawn).and_then(VecDeque::pop_front));
        }
        fastrand::shuffle(&mut self.refused);
        turns.extend(self.refused);
        turns
    }
}

/// Asks for the jobs that wait, until Bedrock accepts no more for their model. Those of a route that is paused are left out.
async fn ask_for_all(context: &Context, jobs: &mut [OpenJob<'_>], pass: &mut Pass, by: &Invocation) -> bool {
    let mut by_model: BTreeMap<String, OfModel> = BTreeMap::new();
    for (index, job) in jobs.iter().enumerate() {
        let Some(Next::Ask(waiting)) = &job.next else { continue };
        if pass.weight(waiting.route.as_ref()) == 0 {
            continue;
        }
        let of_model = by_model.entry(model(&waiting.hint).to_owned()).or_default();
        if waiting.is_refused {
            of_model.refused.push(index);
        } else {
            of_model.by_route.entry(waiting.route.clone()).or_default().push_back(index);
        }
    }
    for (model_id, of_model) in by_model {
        let mut refusals = 0;
        for index in of_model.turns(|route| pass.weight(route)) {
            let Some(job) = jobs.get_mut(index) else { continue };
            if !by.has_time_at(now(), TIME_FOR_ENDED_JOBS) {
                return false;
            }
            job.is_asked = true;
            let asked = Box::pin(ask(context, job.job_id, by)).await;
            match pass.note(&job.marker.key, asked) {
                Some(Asked::NotNow) => {
                    pass.full_models += 1;
                    break;
                }
                Some(Asked::Refused) => refusals += 1,
                Some(Asked::Accepted) => refusals = 0,
                Some(Asked::NotNeeded) | None => {}
            }
            if refusals == MAX_REFUSALS {
                warn!(model.id = model_id, refusals, "Bedrock refuses every job; the next sweep tries again");
                break;
            }
        }
    }
    true
}

/// Writes the hints that are missing, and deletes those whose job does not wait.
///
/// The hints were listed before the markers. So a hint whose job has no marker belongs to a job that is done.
async fn check_hints(context: &Context, jobs: &[OpenJob<'_>], mut hints: HashSet<String>, by: &Invocation) {
    let mut missing = Vec::new();
    // The jobs that may wait again, under a key that is not known here.
    let mut unclear: HashSet<&JobId> = HashSet::new();
    for job in jobs {
        match &job.next {
            Some(Next::Ask(waiting)) => {
                if !hints.remove(&waiting.hint) && !job.is_asked {
                    missing.push(job.job_id);
                }
                if job.is_asked {
                    unclear.insert(job.job_id);
                }
            }
            None | Some(Next::Nothing | Next::LookUp) => {
                unclear.insert(job.job_id);
            }
            Some(Next::CompleteUnlessListed { .. } | Next::Complete { .. }) => {}
        }
    }
    let is_stale = |key: &String| hints::parse(key).is_none_or(|found| !unclear.contains(&found.job_id));
    let stale: Vec<String> = hints.into_iter().filter(is_stale).collect();
    if stale.is_empty() && missing.is_empty() {
        return;
    }
    info!(stale = stale.len(), missing = missing.len(), "hints do not match the entries");
    for some in missing.chunks(CONCURRENT_CALLS) {
        if !by.has_time_at(now(), TIME_FOR_ENDED_JOBS) {
            return;
        }
        join_all(some.iter().map(|job_id| Box::pin(hint::put_if_waiting(context, job_id)))).await;
    }
    for some in stale.chunks(CONCURRENT_CALLS) {
        if !by.has_time_at(now(), TIME_FOR_ENDED_JOBS) {
            return;
        }
        join_all(some.iter().map(|key| Box::pin(hint::delete(context, key)))).await;
    }
}

/// Completes the jobs that are over, or may be.
async fn complete_all(context: &Context, jobs: &[OpenJob<'_>], pass: &mut Pass, by: &Invocation) -> bool {
    let at_bedrock = jobs.iter().filter(|job| matches!(job.next, Some(Next::CompleteUnlessListed { .. })));
    let not_over =
        if at_bedrock.count() > NOT_OVER.len() { jobs_not_over(context).await } else { HashSet::new() };
    for job in jobs {
        let job_arn = match &job.next {
            Some(Next::CompleteUnlessListed { job_arn }) if !not_over.contains(job_arn) => job_arn,
            Some(Next::Complete { job_arn }) => job_arn,
            _ => continue,
        };
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            return false;
        }
        let completed = Box::pin(complete(context, job.job_id, job_arn, by)).await;
        if let Some(Completed::Done { ended, .. }) = pass.note(&job.marker.key, completed) {
            pass.ended.extend(ended.map(|ended| *ended));
        }
    }
    true
}

/// Returns the ARNs of jobs that need not be asked about. Without the list, each job is asked about.
async fn jobs_not_over(context: &Context) -> HashSet<String> {
    let names = format!("{}-", context.config.job_name_prefix);
    context.bedrock.jobs_not_over(&names).await.unwrap_or_else(|failure| {
        warn!(error = %Chain(&failure), "jobs not listed; each is asked about");
        HashSet::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::identity::DropId;
    use crate::drop::source::DropSource;

    #[test]
    fn most_hints_are_trusted_but_not_those_of_the_next_turns_of_refused_jobs_or_of_jobs_with_two() {
        let source = DropSource::example();
        let (drop_id, time) = (DropId::derive(&source), source.last_modified);
        let id = |part| JobId::derive(&drop_id, part, 1);
        let route = RouteId::derive("team/");
        let hint = |model, part, is_refused| hints::key(model, None, time, &id(part), is_refused);
        let of_route = |part| hints::key("m", Some(&route), time, &id(part), false);
        let mut hints: Vec<_> = (0..1_000).map(|part| hint("m", part, false)).collect();
        hints.extend((990..1_100).map(|part| hint("m", part, true)));
        hints.extend((900..940).map(|part| hint("n", part, false)));
        hints.extend((2_000..2_060).map(of_route));
        let trusted = trusted(&hints);
        for part in (0..50).chain(900..940).chain(990..1_100).chain(2_000..2_050) {
            assert!(!trusted.contains_key(&id(part)), "{part}");
        }
        assert!((700..910).contains(&trusted.len()), "{}", trusted.len());
        assert!(trusted.iter().all(|(job_id, key)| hints::parse(key).unwrap().job_id == *job_id));
    }
}
