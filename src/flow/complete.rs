//! Flow 2: a job's change of state becomes results.
//!
//! 1. Parse the event; not our job or not over: nothing to do.
//! 2. `GetModelInvocationJob`; the event is only a hint.
//! 3. Stream the output, count what is left, compare all figures. If they cannot all be true, and there is a rest
//!    that may have been processed, record that (`Doubtful`) and look again later.
//! 4. Decide where the rest goes, record that (`Ended`).
//! 5. Carry it out: `succeeded/` and `errors/`; the next attempt's job, or `unprocessed/`; then `Settled`.
//! 6. All jobs of the drop settled: `summary.json`, `Finished`. Only then the job's marker goes.
//! 7. A place is free: submit the oldest waiting jobs.
//!
//! The same function runs the sweep (`sweep.rs`), on a schedule.

use futures_util::future::join_all;
use serde_json::Value;
use tracing::{error, info, warn};

use crate::aws::bedrock::is_terminal;
use crate::aws::clients::Clients;
use crate::aws::config::Config;
use crate::aws::error::Error;
use crate::aws::events::{is_schedule, parse_job_state_change};
use crate::aws::store::Stored;
use crate::drop::identity::JobId;
use crate::drop::keys::{self, Open, ResultKind};
use crate::drop::plan::Part;
use crate::flow::ask_bedrock::tell_differences;
use crate::flow::context::{Pipeline, SIDE_BY_SIDE};
use crate::flow::job_files::{JobFiles, Reading};
use crate::job::answers::Answers;
use crate::job::evidence::evidence;
use crate::job::outcome::{Outcome, outcome};
use crate::job::request::JobRequest;
use crate::job::retry::{RetryLimits, next_attempt};
use crate::job::summary::summarize;
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::job::{DOUBT, JobEntry, JobState};
use crate::ledger::lease::Invocation;

/// How often a job is looked at again after another invocation has changed its entry. Each loss means that
/// the job was moved on, and it has few states.
const ROUNDS: u32 = 10;

/// The handler of job state changes, and of the schedule.
#[derive(Debug)]
pub struct Complete(Pipeline);

impl Complete {
    /// A handler with these settings.
    #[must_use]
    pub fn new(config: Config, clients: &Clients) -> Self {
        Self(Pipeline::new(config, clients))
    }

    /// Takes one state change, or sweeps if the payload is that of the schedule.
    ///
    /// # Errors
    /// Lambda is to deliver the event again. What was done is then found done.
    pub async fn handle(&self, payload: Value, by: &Invocation) -> Result<(), Error> {
        if is_schedule(&payload) {
            return Box::pin(self.0.sweep(by)).await;
        }
        let change = parse_job_state_change(&payload)?;
        let (job_name, status) = (&change.batch_job_name, &change.status);
        let Some(job_id) = JobId::from_job_name(&self.0.config.job_name_prefix, job_name) else {
            // It belongs to another stack, or to none.
            return Ok(());
        };
        if !is_terminal(status) {
            info!(job.id = %job_id, job.status = status, "job goes on");
            return Ok(());
        }
        if !Box::pin(self.0.settle(&job_id, &change.batch_job_arn, by)).await? {
            let job_arn = &change.batch_job_arn;
            return Err(Error::Busy(format!(
                "{job_arn} is {status} by its event, but not yet by Bedrock's word"
            )));
        }
        Box::pin(self.0.submit_oldest(by)).await
    }
}

impl Pipeline {
    /// Brings a job that is over to its end, from wherever it stands. False if it is not over.
    pub(crate) async fn settle(&self, job_id: &JobId, job_arn: &str, by: &Invocation) -> Result<bool, Error> {
        for _ in 0..ROUNDS {
            let Some(job) = self.store.get_json::<JobEntry>(&keys::job_entry(job_id)).await? else {
                warn!(job.id = %job_id, job.arn = job_arn, "job has a name of this stack, but is not in its ledger");
                return Ok(true);
            };
            match &job.entry.state {
                JobState::Settled { .. } | JobState::SourceDeleted => {
                    Box::pin(self.finish_drop(&job.entry, by)).await?;
                    let marker = keys::job_marker(job.entry.source.last_modified, job_id);
                    self.store.delete(&marker).await?;
                    return Ok(true);
                }
                JobState::Ended { .. } => Box::pin(self.carry_out(job, None, by)).await?,
                JobState::Waiting
                | JobState::Submitting { .. }
                | JobState::Submitted { .. }
                | JobState::Doubtful { .. } => match Box::pin(self.end(job, job_arn, by)).await? {
                    Progress::Moved => {}
                    Progress::NotOver => return Ok(false),
                    Progress::Left => return Ok(true),
                },
            }
        }
        Err(Error::Busy(format!("job {job_id} was changed by others {ROUNDS} times")))
    }

    /// Records what became of a job, and carries it out.
    async fn end(&self, job: Stored<JobEntry>, job_arn: &str, by: &Invocation) -> Result<Progress, Error> {
        let job_id = &job.entry.job_id;
        let known = match &job.entry.state {
            JobState::Submitted { job_arn, request } | JobState::Doubtful { job_arn, request, .. } => {
                Some((job_arn, request))
            }
            _ => None,
        };
        if known.is_some_and(|(known, _)| known != job_arn) {
            warn!(job.id = %job_id, job.arn = job_arn, "another job has the name of this one; it is left alone");
            return Ok(Progress::Left);
        }
        let description = self.bedrock.get(job_arn).await?;
        let (submitted, request) = self.adopt(&job.entry, job_arn, by)?;
        if known.is_none() && !description.created_with.is_of(&request) {
            warn!(job.id = %job_id, job.arn = job_arn, "a job of another request has this job's name; it is left alone");
            return Ok(Progress::Left);
        }
        if !description.is_terminal {
            return Ok(Progress::NotOver);
        }
        tell_differences(&request.job_name, job_arn, &description.created_with.differences(&request));
        // The output is read only now that nothing should be added to it.
        let part = &job.entry.part;
        let files = JobFiles::list(&self.store, job_id, job_arn, self.config.max_record_bytes).await?;
        let read = files.read(&job.entry.drop_id, part.records, by).await?;
        let answers = &read.answers;
        let matched = match answers.match_whole(part) {
            Some(matched) => matched,
            None => files.match_input(answers, by).await?,
        };
        let manifest = files.manifest().await?;
        let evidence = evidence(part, answers, &matched, &description.end, manifest.as_ref());
        let key = keys::job_entry(job_id);
        let doubted = match job.entry.state {
            JobState::Doubtful { since, looks, .. } => Some((since, looks)),
            _ => None,
        };
        if evidence.is_doubtful(&matched) {
            let (since, looks) = doubted.unwrap_or((by.started, 0));
            if by.started.seconds_since(since) < DOUBT.as_secs() {
                let (request, job_arn) = (request, job_arn.to_owned());
                let (looks, contradictions) = (looks + 1, evidence.contradictions);
                let what = contradictions.join("; ");
                let state = JobState::Doubtful { request, job_arn, since, looks, contradictions };
                let doubtful = self.store.replace(&key, submitted.advance(state, by)?, &job.etag).await?;
                if doubtful.is_some() {
                    tell_doubt(&job.entry, looks, &what);
                }
                return Ok(if doubtful.is_some() { Progress::Left } else { Progress::Moved });
            }
        }
        // What might have been processed is never given to Bedrock again, even if nothing more is to be found out.
        let next = if evidence.is_doubtful(&matched) {
            None
        } else {
            let (limits, status) = (self.retry_limits(), &description.end.status);
            next_attempt(&job.entry.drop_id, part, job.entry.attempt, &matched, status, limits)
        };
        let outcome = outcome(&matched, next, &description.end, manifest.as_ref(), evidence);
        let state = JobState::Ended { request, job_arn: job_arn.to_owned(), outcome };
        if let Some(ended) = self.store.replace(&key, submitted.advance(state, by)?, &job.etag).await? {
            tell_ended(&ended.entry);
            Box::pin(self.carry_out(ended, Some((&files, &read)), by)).await?;
        }
        Ok(Progress::Moved)
    }

    /// When the rest of a job's records goes to a next attempt.
    pub(crate) fn retry_limits(&self) -> RetryLimits {
        RetryLimits { max_attempts: self.config.max_attempts, min_records: self.config.quotas.min_records }
    }

    /// A state change may come before `submit` has recorded that the job exists, or after it died there.
    fn adopt(&self, job: &JobEntry, job_arn: &str, by: &Invocation) -> Result<(JobEntry, JobRequest), Error> {
        let (job, request) = match &job.state {
            JobState::Waiting => {
                let request = JobRequest::new(&self.config, &job.job_id);
                let state = JobState::Submitting { lease_until: by.lease_until, request: request.clone() };
                (job.advance(state, by)?, request)
            }
            JobState::Submitting { request, .. } => (job.clone(), request.clone()),
            JobState::Submitted { request, .. }
            | JobState::Doubtful { request, .. }
            | JobState::Ended { request, .. }
            | JobState::Settled { request, .. } => return Ok((job.clone(), request.clone())),
            JobState::SourceDeleted => {
                return Err(Error::Internal(format!("job {} was never made", job.job_id)));
            }
        };
        let state = JobState::Submitted { request: request.clone(), job_arn: job_arn.to_owned() };
        Ok((job.advance(state, by)?, request))
    }

    /// Does what an `Ended` entry says, and records that it is done. What was done before is done again, with the same
    /// objects as result: the output does not change any more.
    async fn carry_out(
        &self,
        job: Stored<JobEntry>,
        known: Option<(&JobFiles<'_>, &Reading)>,
        by: &Invocation,
    ) -> Result<(), Error> {
        let JobState::Ended { request, job_arn, outcome } = job.entry.state.clone() else { return Ok(()) };
        match known {
            Some((files, read)) => self.write_files(&job.entry, &outcome, files, read, by).await?,
            None => {
                let job_id = &job.entry.job_id;
                let files =
                    JobFiles::list(&self.store, job_id, &job_arn, self.config.max_record_bytes).await?;
                let read = files.read(&job.entry.drop_id, job.entry.part.records, by).await?;
                self.write_files(&job.entry, &outcome, &files, &read, by).await?;
            }
        }
        let key = keys::job_entry(&job.entry.job_id);
        let next = job.entry.advance(JobState::Settled { request, job_arn, outcome }, by)?;
        if self.store.replace(&key, next, &job.etag).await?.is_some() {
            info!(drop.id = %job.entry.drop_id, job.id = %job.entry.job_id, "job settled");
        }
        Ok(())
    }

    async fn write_files(
        &self,
        job: &JobEntry,
        outcome: &Outcome,
        files: &JobFiles<'_>,
        read: &Reading,
        by: &Invocation,
    ) -> Result<(), Error> {
        let (succeeded, errors) =
            (result_file(job, ResultKind::Succeeded), result_file(job, ResultKind::Errors));
        files.write_results(read, &succeeded, &errors).await?;
        if outcome.next.is_some() || outcome.records.unprocessed > 0 {
            self.pass_on(job, &outcome.next, files, &read.answers, by).await?;
        }
        Ok(())
    }

    /// Gives the rest of a job's records to the next attempt, or to the user.
    async fn pass_on(
        &self,
        job: &JobEntry,
        next: &Option<Part>,
        files: &JobFiles<'_>,
        answers: &Answers,
        by: &Invocation,
    ) -> Result<(), Error> {
        let Some(part) = next else {
            return files.write_rest(answers, &result_file(job, ResultKind::Unprocessed)).await;
        };
        if self.store.get_json::<JobEntry>(&keys::job_entry(&part.job_id)).await?.is_some() {
            return Ok(());
        }
        files.write_rest(answers, &keys::job_input(&part.job_id)).await?;
        self.record_job(JobEntry::waiting(&job.drop_id, &job.source, part, job.attempt + 1, by)).await
    }

    /// Sums the drop up if this was the last of its jobs.
    async fn finish_drop(&self, job: &JobEntry, by: &Invocation) -> Result<(), Error> {
        let drop_id = &job.drop_id;
        let key = keys::drop_entry(drop_id);
        let drop = self.store.get_json::<DropEntry>(&key).await?;
        let drop = drop.ok_or_else(|| self.missing_entry(&key))?;
        let parts = match &drop.entry.state {
            DropState::Accepted { parts } => parts.clone(),
            DropState::Finished { .. } => return Ok(()),
            DropState::Erased => return Ok(()),
            DropState::Reading { .. } | DropState::Rejected { .. } => {
                let state = drop.entry.state.name();
                return Err(Error::Internal(format!(
                    "drop {drop_id} has job {}, but is {state}",
                    job.job_id
                )));
            }
        };
        if parts.len() > 1 && self.another_is_open(job).await? {
            return Ok(());
        }
        let Some(jobs) = self.settled_jobs(&drop.entry, &parts).await? else { return Ok(()) };
        let source = &drop.entry.source;
        let Some(summary) = summarize(drop_id, source, &parts, &jobs) else { return Ok(()) };
        self.store.put_json(&keys::summary(&source.key, drop_id), &summary).await?;
        let next = drop.entry.advance(DropState::Finished { parts }, by)?;
        if self.store.replace(&key, next, &drop.etag).await?.is_some() {
            info!(
                drop.id = %drop_id, input.uri = %source, record.count = summary.records.total,
                is_balanced = summary.balanced, metric.DropsFinished = 1_u64,
                metric.RecordsUnprocessed = summary.records.unprocessed, "drop finished"
            );
            if !summary.balanced {
                error!(
                    drop.id = %drop_id, input.uri = %source, mismatches = summary.mismatches.join("; "),
                    metric.AccountingMismatches = summary.mismatches.len() as u64, "accounting mismatch"
                );
            }
        }
        Ok(())
    }

    /// Whether another job of the same drop is not settled, by the first marker that says so: the work per
    /// job does not grow with the number of parts. The invocation that settles that one looks again.
    async fn another_is_open(&self, job: &JobEntry) -> Result<bool, Error> {
        for marker in self.store.list(&keys::markers_of(job.source.last_modified)).await? {
            let Some(Open::Job(job_id)) = keys::parse_marker(&marker) else { continue };
            let other = self.store.get_json::<JobEntry>(&keys::job_entry(&job_id)).await?;
            if other.is_some_and(|other| other.entry.drop_id == job.drop_id && !other.entry.is_settled()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All attempts at all parts of a drop; `None` as soon as one is not settled.
    async fn settled_jobs(&self, drop: &DropEntry, parts: &[Part]) -> Result<Option<Vec<JobEntry>>, Error> {
        let mut jobs = Vec::new();
        for some in parts.chunks(SIDE_BY_SIDE) {
            let attempts = some.iter().map(|part| Box::pin(self.settled_attempts(drop, part)));
            for attempts in join_all(attempts).await {
                match attempts? {
                    Some(attempts) => jobs.extend(attempts),
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(jobs))
    }

    /// All attempts at a part; `None` as soon as one is not settled. A first attempt may not be recorded yet, as long
    /// as the drop has its marker; any other entry that is not there is missing.
    async fn settled_attempts(&self, drop: &DropEntry, part: &Part) -> Result<Option<Vec<JobEntry>>, Error> {
        let mut attempts = Vec::new();
        let mut job_id = Some(part.job_id.clone());
        while let Some(id) = job_id {
            let key = keys::job_entry(&id);
            let mut job = self.store.get_json::<JobEntry>(&key).await?;
            if job.is_none() && attempts.is_empty() {
                if self.is_marked(&drop.source, &drop.drop_id).await? {
                    return Ok(None);
                }
                // The marker may have gone since, because the entry has come.
                job = self.store.get_json::<JobEntry>(&key).await?;
            }
            let job = job.ok_or_else(|| self.missing_entry(&key))?.entry;
            if !job.is_settled() {
                return Ok(None);
            }
            job_id = job.next().map(|next| next.job_id.clone());
            attempts.push(job);
        }
        Ok(Some(attempts))
    }
}

/// How far a look at a job has brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Its entry was changed, by this invocation or another.
    Moved,
    /// Bedrock says that it is not over.
    NotOver,
    /// There is nothing to do about it now.
    Left,
}

fn tell_doubt(job: &JobEntry, looks: u32, contradictions: &str) {
    let what = "job is over, but what Bedrock says of it cannot all be true; it is looked at again";
    if looks == 1 {
        error!(
            drop.id = %job.drop_id, job.id = %job.job_id, contradictions, metric.JobsDoubtful = 1_u64, "{what}"
        );
    } else {
        info!(drop.id = %job.drop_id, job.id = %job.job_id, contradictions, looks, "{what}");
    }
}

fn tell_ended(job: &JobEntry) {
    let JobState::Ended { job_arn, outcome, .. } = &job.state else { return };
    let records = outcome.records;
    info!(
        drop.id = %job.drop_id, job.id = %job.job_id, job.arn = job_arn, part = job.part.number,
        attempt = job.attempt, dimension.Status = outcome.status, metric.JobsEnded = 1_u64,
        metric.RecordsSucceeded = records.succeeded, metric.RecordsFailed = records.failed,
        metric.RecordsRetried = records.retried, record.unprocessed = records.unprocessed,
        metric.InputTokens = outcome.input_tokens.unwrap_or_default(),
        metric.OutputTokens = outcome.output_tokens.unwrap_or_default(), "job ended"
    );
}

fn result_file(job: &JobEntry, kind: ResultKind) -> String {
    keys::result_file(&job.source.key, &job.drop_id, kind, job.part.number, job.attempt)
}
