//! A step of flow 2: does what an `Ended` entry says, and records that it is done.
//!
//! After a crash, everything is done again, and gives the same objects: the output does not change any more.

use tracing::info;

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::aws::store::entries::Stored;
use crate::drop::keys::{self, ResultKind};
use crate::flow::context::Context;
use crate::flow::end_job::{Output, read_output};
use crate::flow::hint;
use crate::flow::make_jobs::record_job;
use crate::flow::status_file::tell_of_job;
use crate::job::outcome::Outcome;
use crate::job::padding::Padder;
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::JobState;
use crate::ledger::lease::Invocation;

/// Writes the results of a job that has ended, passes its remaining records on, and records that it is `Settled`.
/// `output` is the job's output if it has just been read.
pub(super) async fn carry_out(
    context: &Context,
    job: Stored<JobEntry>,
    output: Option<Output<'_>>,
    by: &Invocation,
) -> Result<(), Error> {
    let JobState::Ended(bedrock_job, outcome) = job.entry.state.clone() else { return Ok(()) };
    let output = match output {
        Some(output) => output,
        None => Box::pin(read_output(context, &job.entry, &bedrock_job.job_arn, by)).await?,
    };
    Box::pin(write_results(&job.entry, &output)).await?;
    if outcome.next.is_some() || outcome.records.unprocessed > 0 {
        Box::pin(pass_on_remaining(context, &job.entry, &outcome, &output, by)).await?;
    }
    let next = job.entry.advance(JobState::Settled(bedrock_job, outcome), by)?;
    if context.store.replace(&keys::job_entry(&job.entry.job_id), next, &job.etag).await?.is_some() {
        info!(drop.id = %job.entry.drop_id, job.id = %job.entry.job_id, "job settled");
    }
    Ok(())
}

async fn write_results(job: &JobEntry, output: &Output<'_>) -> Result<(), Error> {
    let succeeded = result_file(job, ResultKind::Succeeded);
    let errors = result_file(job, ResultKind::Errors);
    output.files.write_results(&output.scan, &succeeded, &errors).await
}

/// Gives the remaining records to the next attempt if there is one, and to the user otherwise.
async fn pass_on_remaining(
    context: &Context,
    job: &JobEntry,
    outcome: &Outcome,
    output: &Output<'_>,
    by: &Invocation,
) -> Result<(), Error> {
    let answers = &output.scan.answers;
    let Some(part) = &outcome.next else {
        let unprocessed = result_file(job, ResultKind::Unprocessed);
        output.files.write_remaining(answers, &unprocessed, None).await?;
        return Ok(());
    };
    if context.store.get_entry::<JobEntry>(&keys::job_entry(&part.job_id)).await?.is_some() {
        return Ok(());
    }
    let settings = context.settings_of(job);
    let (input, padder) = (keys::job_input(&part.job_id), Padder::of(&settings, part));
    let padding = output.files.write_remaining(answers, &input, padder).await?;
    let next = JobEntry {
        padding,
        settings: job.settings.clone(),
        new_settings: job.new_settings.clone(),
        ..JobEntry::waiting(&job.drop_id, &job.source, part, job.attempt + 1, by, now().into())
    };
    record_job(context, next.clone()).await?;
    hint::put(context, &next).await;
    Box::pin(tell_of_job(context, &next)).await;
    Ok(())
}

fn result_file(job: &JobEntry, kind: ResultKind) -> String {
    keys::result_file(&job.source.key, &job.drop_id, kind, job.part.number, job.attempt)
}
