//! How Bedrock is asked for a job, which [waits for its turn](super::take_turns). A job is asked for once, and found again after a
//! crash.
//!
//! The ledger says that Bedrock is being asked before the call, and what Bedrock answered after it. If the answer is
//! lost, the job may exist. Its entry says so until another invocation looks it up.

use tracing::{error, info, warn};

use crate::aws::bedrock::{Found, Submission};
use crate::aws::clock::now;
use crate::aws::error::{Chain, Error, ErrorKind};
use crate::aws::job_request::new_request;
use crate::aws::store::entries::Stored;
use crate::drop::identity::JobId;
use crate::drop::keys;
use crate::flow::context::Context;
use crate::flow::hint::{self, Known};
use crate::flow::routes::terms_for;
use crate::flow::status_file::tell_of_job;
use crate::job::outcome::Outcome;
use crate::job::request::JobRequest;
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::{BedrockJob, JobState, Refusal};
use crate::ledger::lease::Invocation;

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

/// Asks for a job of a drop that has just been submitted. Returns its entry, too, if it has one.
pub(super) async fn ask_for_new_job(
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
pub(super) async fn ask_and_tell(
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
            let old_hint = hint::key(context, &job.entry);
            if take_new_settings(context, &mut job.entry).await? && hint::key(context, &job.entry) != old_hint
            {
                hint::delete(context, &old_hint).await;
            }
            let settings = context.settings_of(&job.entry);
            (new_request(&context.config, &settings, &job.entry.job_id), false)
        }
        JobState::Submitting { lease_until, request } if *lease_until <= by.started => {
            (request.clone(), true)
        }
        JobState::Submitting { .. }
        | JobState::Submitted(_)
        | JobState::Stopping(_)
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
/// those in force. The entry keeps the old ones, too. Returns whether it has others now.
async fn take_new_settings(context: &Context, job: &mut JobEntry) -> Result<bool, Error> {
    if !job.is_refused() {
        return Ok(false);
    }
    let in_force = Box::pin(terms_for(context, &job.source.key)).await?.settings;
    let is_new = job.settings_in_use().is_some_and(|settings| *settings != in_force);
    if is_new {
        info!(job.id = %job.job_id, model.id = in_force.model_id, "job takes the settings in force after a refusal");
        job.new_settings = Some(in_force);
    }
    Ok(is_new)
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
                Route = job.entry.route(), JobsSubmitted = 1_u64, "job submitted"
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
                    job.id = %job_id, refusal = message, Route = job.entry.route(), JobsRefused = 1_u64,
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
