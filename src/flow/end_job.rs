//! A step of flow 2: finds out what became of a job, and records it.

use tracing::{error, info, warn};

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::aws::job_files::{JobFiles, OutputScan};
use crate::aws::job_request::new_request;
use crate::aws::store::entries::Stored;
use crate::base::count::percent;
use crate::drop::keys;
use crate::flow::ask_bedrock::report_differences;
use crate::flow::context::Context;
use crate::flow::status_file::tell_of_job;
use crate::job::answers::Matched;
use crate::job::ending::{JobEnd, Manifest};
use crate::job::evidence::Evidence;
use crate::job::outcome::Outcome;
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::{BedrockJob, DOUBT, Doubt, JobState};
use crate::ledger::lease::Invocation;

/// How far the step has come.
#[derive(Debug)]
pub(super) enum Ended<'c> {
    /// The outcome is recorded; this is the job's entry now, and its output.
    Recorded(Box<(Stored<JobEntry>, Output<'c>)>),
    /// Another invocation has changed the entry.
    ByAnother,
    /// There is nothing to do now: the evidence is in doubt, or the job is not ours.
    NotNow,
    /// Bedrock says that the job is not over.
    NotOver,
}

/// A job's files, and what its output says.
#[derive(Debug)]
pub(super) struct Output<'c> {
    pub(super) files: JobFiles<'c>,
    pub(super) scan: OutputScan,
}

/// Whose job has ended.
enum Identity {
    /// The job of this entry, which Bedrock has.
    Ours(Box<(JobEntry, BedrockJob, JobEnd)>),
    /// A job of another request, with the same name.
    Foreign,
    /// Bedrock says that the job is not over.
    NotOver,
}

/// Records what becomes of the records of a job that is over.
pub(super) async fn end_job<'c>(
    context: &'c Context,
    job: Stored<JobEntry>,
    job_arn: &str,
    by: &Invocation,
) -> Result<Ended<'c>, Error> {
    let (entry, bedrock_job, end) = match Box::pin(identify_job(context, &job.entry, job_arn, by)).await? {
        Identity::Ours(ours) => *ours,
        Identity::Foreign => return Ok(Ended::NotNow),
        Identity::NotOver => return Ok(Ended::NotOver),
    };
    // The output is read only now that nothing is added to it any more.
    let output = Box::pin(read_output(context, &entry, job_arn, by)).await?;
    let (matched, manifest) = Box::pin(match_records(&output, &entry, by)).await?;
    let evidence = Evidence::of(&entry.part, &output.scan.answers, &matched, &end, manifest.as_ref());
    let is_doubtful = evidence.is_doubtful(&matched);
    if is_doubtful && let Some(doubt) = doubt(&job.entry.state, &evidence, by) {
        let state = JobState::Doubtful(bedrock_job, doubt);
        return match record(context, &job, entry.advance(state, by)?).await? {
            Some(doubtful) => {
                log_doubt(&doubtful.entry);
                Box::pin(tell_of_job(context, &doubtful.entry)).await;
                Ok(Ended::NotNow)
            }
            None => Ok(Ended::ByAnother),
        };
    }
    // Records that Bedrock may have processed are never submitted again, even if the doubt never resolves. A job that is
    // to stop has no next attempt, even if it ended before Bedrock stopped it.
    let is_cancelled = matches!(job.entry.state, JobState::Stopping(_));
    let next = if is_doubtful || is_cancelled {
        None
    } else {
        entry.as_attempt().next(end.status, &matched, context.retry_limits(&entry))
    };
    let outcome = Outcome::new(&end, manifest.as_ref(), &matched, next, evidence)
        .with_findings(output.scan.answers.findings());
    match record(context, &job, entry.advance(JobState::Ended(bedrock_job, outcome), by)?).await? {
        Some(ended) => {
            log_end(&ended.entry);
            Ok(Ended::Recorded(Box::new((ended, output))))
        }
        None => Ok(Ended::ByAnother),
    }
}

/// Asks Bedrock about a job, and whether it was made from the request of this entry.
async fn identify_job(
    context: &Context,
    job: &JobEntry,
    job_arn: &str,
    by: &Invocation,
) -> Result<Identity, Error> {
    let job_id = &job.job_id;
    let known = job.state.bedrock_job();
    if known.is_some_and(|known| known.job_arn != job_arn) {
        warn!(job.id = %job_id, job.arn = job_arn, "another job has the name of this one; it is left alone");
        return Ok(Identity::Foreign);
    }
    let description = context.bedrock.get(job_arn).await?;
    let (entry, bedrock_job) = adopt(context, job, job_arn, by)?;
    if known.is_none() && !description.created_with.was_made_from(&bedrock_job.request) {
        warn!(job.id = %job_id, job.arn = job_arn, "a job of another request has this job's name; it is left alone");
        return Ok(Identity::Foreign);
    }
    let Some(end) = description.end else { return Ok(Identity::NotOver) };
    let differences = description.created_with.differences(&bedrock_job.request);
    report_differences(&bedrock_job.request.job_name, job_arn, &differences);
    Ok(Identity::Ours(Box::new((entry, bedrock_job, end))))
}

/// Returns the entry as it is after the job was submitted. The state change may arrive before `submit` has recorded
/// that the job exists, or `submit` may have died before it could.
fn adopt(
    context: &Context,
    job: &JobEntry,
    job_arn: &str,
    by: &Invocation,
) -> Result<(JobEntry, BedrockJob), Error> {
    let (submitting, request) = match &job.state {
        JobState::Waiting => {
            let request = new_request(&context.config, &context.settings_of(job), &job.job_id);
            let state = JobState::Submitting { lease_until: by.lease_until, request: request.clone() };
            (job.advance(state, by)?, request)
        }
        JobState::Submitting { request, .. } => (job.clone(), request.clone()),
        JobState::Submitted(known) | JobState::Stopping(known) | JobState::Doubtful(known, _) => {
            return Ok((job.clone(), known.clone()));
        }
        JobState::Ended(..) | JobState::Settled(..) | JobState::SourceDeleted => {
            let state = job.state.name();
            return Err(Error::Internal(format!("job {} is {state} and cannot end", job.job_id)));
        }
    };
    let bedrock_job = BedrockJob { request, job_arn: job_arn.to_owned() };
    Ok((submitting.advance(JobState::Submitted(bedrock_job.clone()), by)?, bedrock_job))
}

/// Lists a job's files, and reads its output.
pub(super) async fn read_output<'c>(
    context: &'c Context,
    job: &JobEntry,
    job_arn: &str,
    by: &Invocation,
) -> Result<Output<'c>, Error> {
    let max_line_bytes = context.config.max_record_bytes;
    let files = JobFiles::list(&context.store, &job.job_id, job_arn, max_line_bytes).await?;
    let files = files.with_padding(job.padding_records());
    let scan = files.scan(&job.drop_id, job.part.records, by).await?;
    Ok(Output { files, scan })
}

/// Finds out what the output says about each record of the input. The input is read only if the output does not have
/// exactly the part's records.
async fn match_records(
    output: &Output<'_>,
    job: &JobEntry,
    by: &Invocation,
) -> Result<(Matched, Option<Manifest>), Error> {
    let answers = &output.scan.answers;
    let matched = match answers.match_whole(&job.part) {
        Some(matched) => matched,
        None => output.files.match_input(answers, by).await?,
    };
    Ok((matched, output.files.manifest().await?))
}

/// Returns the next look at contradicting evidence, or `None` if the job has been in doubt for too long.
fn doubt(state: &JobState, evidence: &Evidence, by: &Invocation) -> Option<Doubt> {
    let (since, looks) = match state {
        JobState::Doubtful(_, doubt) => (doubt.since, doubt.looks),
        JobState::Waiting
        | JobState::Submitting { .. }
        | JobState::Submitted(_)
        | JobState::Stopping(_)
        | JobState::Ended(..)
        | JobState::Settled(..)
        | JobState::SourceDeleted => (now().into(), 0),
    };
    let contradictions = evidence.contradictions.clone();
    (by.started.seconds_since(since) < DOUBT.as_secs()).then(|| Doubt {
        since,
        looks: looks + 1,
        contradictions,
    })
}

async fn record(
    context: &Context,
    job: &Stored<JobEntry>,
    next: JobEntry,
) -> Result<Option<Stored<JobEntry>>, Error> {
    context.store.replace(&keys::job_entry(&job.entry.job_id), next, &job.etag).await
}

fn log_doubt(job: &JobEntry) {
    let JobState::Doubtful(_, Doubt { looks, contradictions, .. }) = &job.state else { return };
    let contradictions = contradictions.join("; ");
    let message = "job is over, but its evidence contradicts itself; it is checked again later";
    if *looks == 1 {
        error!(
            drop.id = %job.drop_id, job.id = %job.job_id, contradictions, JobsDoubtful = 1_u64,
            "{message}"
        );
    } else {
        info!(drop.id = %job.drop_id, job.id = %job.job_id, contradictions, looks, "{message}");
    }
}

fn log_end(job: &JobEntry) {
    let JobState::Ended(BedrockJob { job_arn, .. }, outcome) = &job.state else { return };
    let (records, findings) = (outcome.records, &outcome.findings);
    let truncated = percent(findings.truncated.count, records.succeeded);
    let refused = percent(findings.refused.count, records.succeeded);
    info!(
        drop.id = %job.drop_id, job.id = %job.job_id, job.arn = job_arn, part = job.part.number,
        attempt = job.attempt, Status = outcome.status.as_str(), Route = job.route(), JobsEnded = 1_u64,
        RecordsSucceeded = records.succeeded, RecordsFailed = records.failed,
        RecordsRetried = records.retried, record.unprocessed = records.unprocessed,
        AnswersTruncated = findings.truncated.count, AnswersRefused = findings.refused.count,
        TruncatedPercent = truncated, RefusedPercent = refused,
        InputTokens = outcome.input_tokens.unwrap_or_default(),
        OutputTokens = outcome.output_tokens.unwrap_or_default(), "job ended"
    );
}
