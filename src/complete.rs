//! Flow 2: a job's change of state becomes results.
//!
//! 1. Parse the event; not our job or not over: nothing to do.
//! 2. `GetModelInvocationJob`; the event is only a hint.
//! 3. Stream the output: `succeeded/` and `errors/`.
//! 4. Count what is left, check the sum, record it (`Ended`).
//! 5. `unprocessed/`, `Settled`.
//! 6. All jobs of the drop settled: `summary.json`, `Finished`, and only then the markers go.

use serde_json::Value;
use tracing::{debug, error, info, warn};

use crate::accounting::{Answers, JobEnd, outcome, summarize};
use crate::bedrock::{Bedrock, is_terminal};
use crate::clients::Clients;
use crate::config::Config;
use crate::error::Error;
use crate::event::{JobStateChange, parse_job_state_change};
use crate::job::JobRequest;
use crate::layout::{self, JobId, ResultKind};
use crate::ledger::{DropEntry, DropState, JobEntry, JobState};
use crate::output::JobFiles;
use crate::store::{Store, Stored};
use crate::timestamp::Invocation;

/// The handler of job state changes.
#[derive(Debug)]
pub struct Complete {
    config: Config,
    store: Store,
    bedrock: Bedrock,
}

impl Complete {
    /// A handler with these settings.
    #[must_use]
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.s3.clone(), &config.output_bucket);
        Self { config, store, bedrock: Bedrock::new(clients.bedrock.clone()) }
    }

    /// Takes one state change.
    ///
    /// # Errors
    /// Lambda is to deliver the event again. What was done is then found done.
    pub async fn handle(&self, payload: Value, by: &Invocation) -> Result<(), Error> {
        let change = parse_job_state_change(&payload)?;
        let (job_name, status) = (&change.batch_job_name, &change.status);
        let Some(job_id) = JobId::from_job_name(&self.config.job_name_prefix, job_name) else {
            debug!(job.name = job_name, "not a job of this stack");
            return Ok(());
        };
        if !is_terminal(status) {
            info!(job.id = %job_id, job.status = status, "job goes on");
            return Ok(());
        }
        let Some(job) = self.store.get_json::<JobEntry>(&layout::job_entry(&job_id)).await? else {
            warn!(job.id = %job_id, job.arn = change.batch_job_arn, "job has the prefix of this stack, but is not in its ledger");
            return Ok(());
        };
        let Some(job) = self.end(job, &change, by).await? else { return Ok(()) };
        self.finish_drop(&job, by).await
    }

    /// Brings a job to `Settled`. `None` if the event is about another job with the same name.
    async fn end(
        &self,
        mut job: Stored<JobEntry>,
        change: &JobStateChange,
        by: &Invocation,
    ) -> Result<Option<JobEntry>, Error> {
        let job_id = job.entry.job_id.clone();
        let key = layout::job_entry(&job_id);
        let job_arn = job_arn(&job.entry.state).unwrap_or(&change.batch_job_arn).to_owned();
        if job_arn != change.batch_job_arn {
            let other = &change.batch_job_arn;
            return Err(Error::Internal(format!("job {job_id} is {job_arn}, and {other} has its name")));
        }
        let lost = || Error::Busy(format!("job {job_id} was changed by another invocation"));
        // The output is read only after Bedrock has said that nothing will be added to it.
        let end = match &job.entry.state {
            JobState::Settled { .. } => return Ok(Some(job.entry)),
            JobState::Ended { .. } => None,
            JobState::Waiting | JobState::Submitting { .. } | JobState::Submitted { .. } => {
                let Some(end) = self.job_end(&job_id, &job_arn).await? else { return Ok(None) };
                Some(end)
            }
        };
        let files = JobFiles::list(&self.store, &job_id, &job_arn, self.config.max_record_bytes).await?;
        let answers = files.answers().await?;
        if let Some(end) = end {
            let next = self.account(&job.entry, &job_arn, &end, &files, &answers, by).await?;
            job = self.store.replace(&key, next, &job.etag).await?.ok_or_else(lost)?;
        }
        let JobState::Ended { request, job_arn, outcome } = job.entry.state.clone() else {
            return Err(lost());
        };
        if outcome.records.unprocessed > 0 {
            files.write_unprocessed(&answers, &result_file(&job.entry, ResultKind::Unprocessed)).await?;
        }
        let next = job.entry.advance(JobState::Settled { request, job_arn, outcome }, by)?;
        let settled = self.store.replace(&key, next, &job.etag).await?.ok_or_else(lost)?;
        info!(drop.id = %settled.entry.drop_id, job.id = %job_id, "job settled");
        Ok(Some(settled.entry))
    }

    /// How the job ended, by Bedrock's own word. `None` if it is another job with the same name.
    async fn job_end(&self, job_id: &JobId, job_arn: &str) -> Result<Option<JobEnd>, Error> {
        let description = self.bedrock.get(job_arn).await?;
        if description.client_request_token.as_deref().is_some_and(|token| token != job_id.as_str()) {
            warn!(job.id = %job_id, job.arn = job_arn, "job has a name of this stack, but not its token");
            return Ok(None);
        }
        if !description.is_terminal {
            let status = description.end.status;
            return Err(Error::Busy(format!(
                "job {job_id} has ended by its event, but Bedrock still says {status}"
            )));
        }
        Ok(Some(description.end))
    }

    /// Writes what follows from the output, and draws up the `Ended` entry.
    async fn account(
        &self,
        job: &JobEntry,
        job_arn: &str,
        end: &JobEnd,
        files: &JobFiles<'_>,
        answers: &Answers,
        by: &Invocation,
    ) -> Result<JobEntry, Error> {
        let job_id = &job.job_id;
        let (succeeded, errors) =
            (result_file(job, ResultKind::Succeeded), result_file(job, ResultKind::Errors));
        files.write_results(answers, &succeeded, &errors).await?;
        let matched = match answers.match_whole(&job.part) {
            Some(matched) => matched,
            None => files.match_input(answers).await?,
        };
        let outcome = outcome(&job.part, answers, matched, end, files.manifest().await?.as_ref());
        info!(
            drop.id = %job.drop_id, job.id = %job_id, job.arn = job_arn, job.status = outcome.status,
            record.succeeded = matched.succeeded, record.failed = matched.failed,
            record.unprocessed = matched.unprocessed, "job ended"
        );
        for mismatch in &outcome.mismatches {
            error!(job.id = %job_id, mismatch, "accounting mismatch");
        }
        let submitted = self.adopt(job, job_arn, by)?;
        let JobState::Submitted { request, job_arn } = submitted.state.clone() else {
            return Err(Error::Internal(format!("job {job_id} cannot end as {}", submitted.state.name())));
        };
        Ok(submitted.advance(JobState::Ended { request, job_arn, outcome }, by)?)
    }

    /// A state change may come before `submit` has recorded that the job exists, or after it died there.
    fn adopt(&self, job: &JobEntry, job_arn: &str, by: &Invocation) -> Result<JobEntry, Error> {
        let (submitting, request) = match &job.state {
            JobState::Waiting => {
                let request = JobRequest::new(&self.config, &job.job_id);
                let state = JobState::Submitting { lease_until: by.lease_until, request: request.clone() };
                (job.advance(state, by)?, request)
            }
            JobState::Submitting { request, .. } => (job.clone(), request.clone()),
            JobState::Submitted { .. } | JobState::Ended { .. } | JobState::Settled { .. } => {
                return Ok(job.clone());
            }
        };
        Ok(submitting.advance(JobState::Submitted { request, job_arn: job_arn.to_owned() }, by)?)
    }

    /// Sums the drop up if this was the last of its jobs.
    async fn finish_drop(&self, job: &JobEntry, by: &Invocation) -> Result<(), Error> {
        let drop_id = &job.drop_id;
        let key = layout::drop_entry(drop_id);
        let drop = self.store.get_json::<DropEntry>(&key).await?;
        let drop = drop
            .ok_or_else(|| Error::Internal(format!("drop {drop_id} of job {} has no entry", job.job_id)))?;
        let source = &drop.entry.source;
        let parts = match &drop.entry.state {
            DropState::Accepted { parts } | DropState::Finished { parts } => parts.clone(),
            DropState::Reading { .. } | DropState::Rejected => {
                let state = drop.entry.state.name();
                return Err(Error::Internal(format!(
                    "drop {drop_id} has job {}, but is {state}",
                    job.job_id
                )));
            }
        };
        if let DropState::Accepted { .. } = &drop.entry.state {
            let mut jobs = Vec::new();
            for part in &parts {
                let entry = self.store.get_json::<JobEntry>(&layout::job_entry(&part.job_id)).await?;
                let Some(entry) = entry else { return Ok(()) };
                jobs.push(entry.entry);
            }
            let Some(summary) = summarize(drop_id, source, &parts, &jobs) else { return Ok(()) };
            self.store.put_json(&layout::summary(&source.key, drop_id), &summary).await?;
            let next = drop.entry.advance(DropState::Finished { parts: parts.clone() }, by)?;
            if self.store.replace(&key, next, &drop.etag).await?.is_none() {
                return Err(Error::Busy(format!("drop {drop_id} was changed by another invocation")));
            }
            info!(
                drop.id = %drop_id, input.uri = %source, record.count = summary.records.total,
                balanced = summary.balanced, "drop finished"
            );
        }
        self.store.delete(&layout::drop_marker(source.last_modified, drop_id)).await?;
        for part in &parts {
            self.store.delete(&layout::job_marker(source.last_modified, &part.job_id)).await?;
        }
        Ok(())
    }
}

fn job_arn(state: &JobState) -> Option<&str> {
    match state {
        JobState::Waiting | JobState::Submitting { .. } => None,
        JobState::Submitted { job_arn, .. }
        | JobState::Ended { job_arn, .. }
        | JobState::Settled { job_arn, .. } => Some(job_arn),
    }
}

fn result_file(job: &JobEntry, kind: ResultKind) -> String {
    layout::result_file(&job.source.key, &job.drop_id, kind, job.part.number, job.attempt)
}
