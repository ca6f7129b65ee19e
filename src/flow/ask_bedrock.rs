//! A job from its entry to Bedrock: made once, asked for once, found again after a crash.

use std::time::Duration;

use tracing::{error, info, warn};

use crate::aws::bedrock::{Found, Submission};
use crate::aws::clock::now;
use crate::aws::error::{Chain, Error, ErrorKind};
use crate::aws::store::Stored;
use crate::drop::identity::JobId;
use crate::drop::keys::{self, Open};
use crate::flow::context::Pipeline;
use crate::job::outcome::outcome_of_name_in_use;
use crate::job::request::JobRequest;
use crate::ledger::job::{JobEntry, JobState, Refusal};
use crate::ledger::lease::Invocation;

/// How many refused jobs are looked at for a free place: each is a request to S3, and there may be many.
const MOST_REFUSED: usize = 20;

/// What it takes at most to ask for one job. Those that are not asked for wait for the sweep.
const TIME_FOR_A_JOB: Duration = Duration::from_secs(10);

/// What Bedrock has said to a request for a job.
#[derive(Debug)]
enum Asked {
    /// It has the job, be it from now or from before.
    Has { job_arn: String, is_adopted: bool },
    /// There is no such job.
    Refused(Error),
    /// A job of another request has its name.
    NameInUse { job_arn: String },
}

/// What came of asking Bedrock for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// Bedrock has it.
    Accepted,
    /// Bedrock takes no more jobs for now.
    NotNow,
    /// Bedrock does not take this job until an operator has fixed something.
    Refused,
    /// Nothing was to be done here, or another invocation does it.
    Left,
}

impl Pipeline {
    /// Records a new job: marker first, then the entry. What is there is left.
    pub(crate) async fn record_job(&self, job: JobEntry) -> Result<(), Error> {
        self.store.put_json(&keys::job_marker(job.source.last_modified, &job.job_id), &job.job_id).await?;
        let (drop_id, job_id, records) = (job.drop_id.clone(), job.job_id.clone(), job.part.records);
        let (part, attempt, input) = (job.part.number, job.attempt, job.source.to_string());
        let is_source_deleted = job.state == JobState::SourceDeleted;
        if self.store.create(&keys::job_entry(&job_id), job).await?.is_none() {
            return Ok(());
        }
        if is_source_deleted {
            error!(
                drop.id = %drop_id, job.id = %job_id, part, input.uri = input, record.count = records,
                metric.SourcesDeleted = 1_u64, "no job: this version of the file was deleted before it was copied"
            );
        } else {
            info!(
                drop.id = %drop_id, job.id = %job_id, part, attempt, record.count = records,
                metric.JobsWaiting = 1_u64, "job waiting"
            );
        }
        Ok(())
    }

    /// Asks Bedrock for a job that waits, or whose submitter's lease has ended. The ledger says so before
    /// the call, and what came of it after.
    ///
    /// # Errors
    /// Also if Bedrock's answer is lost: the job may exist, and its entry says so until the lease ends.
    pub(crate) async fn submit_job(&self, job_id: &JobId, by: &Invocation) -> Result<Submitted, Error> {
        match self.store.get_json::<JobEntry>(&keys::job_entry(job_id)).await? {
            Some(job) => self.submit_stored(job, by).await,
            None => Ok(Submitted::Left),
        }
    }

    /// The same, for an entry that was read just now. A failure gives the lease back, so that the next invocation
    /// need not wait for its end: it looks the job up first.
    pub(crate) async fn submit_stored(
        &self,
        job: Stored<JobEntry>,
        by: &Invocation,
    ) -> Result<Submitted, Error> {
        let job_id = job.entry.job_id.clone();
        let (request, may_exist) = match &job.entry.state {
            JobState::Waiting => (JobRequest::new(&self.config, &job_id), false),
            JobState::Submitting { lease_until, request } if *lease_until <= by.started => {
                (request.clone(), true)
            }
            JobState::Submitting { .. }
            | JobState::Submitted { .. }
            | JobState::Doubtful { .. }
            | JobState::Ended { .. }
            | JobState::Settled { .. }
            | JobState::SourceDeleted => return Ok(Submitted::Left),
        };
        let state = JobState::Submitting { lease_until: by.lease_until, request: request.clone() };
        let next = job.entry.advance(state, by)?;
        let taken = self.store.replace(&keys::job_entry(&job_id), next, &job.etag).await?;
        let Some(job) = taken else { return Ok(Submitted::Left) };

        self.mark_asked(&job.entry, true).await;
        let asked = match Box::pin(self.ask(&request, may_exist)).await {
            Ok(asked) => self.record_answer(&job, request, asked, by).await,
            Err(error) => Err(error),
        };
        if asked.is_err() {
            self.give_job_back(&job, by).await;
        }
        asked
    }

    /// Looks for the job if it may exist, and asks for it otherwise. An answer that leaves it open whether there is
    /// a job now is an error.
    ///
    /// A job of another request that has the name proves nothing as long as Bedrock has not refused ours for it: the
    /// listing may lag, and names may not be unique. The token makes it safe to ask.
    async fn ask(&self, request: &JobRequest, may_exist: bool) -> Result<Asked, Error> {
        if may_exist && let Some(found @ Asked::Has { .. }) = self.look_up(request).await? {
            return Ok(found);
        }
        match self.bedrock.create(request).await? {
            Submission::Created(job_arn) => Ok(Asked::Has { job_arn, is_adopted: false }),
            Submission::Refused(error) => Ok(Asked::Refused(error)),
            Submission::NameInUse(error) => self.look_up(request).await?.ok_or(error),
            Submission::Unknown(error) => Err(error),
        }
    }

    async fn look_up(&self, request: &JobRequest) -> Result<Option<Asked>, Error> {
        Ok(match self.bedrock.find(request).await? {
            Found::Nothing => None,
            Found::Ours { job_arn, differences } => {
                tell_differences(&request.job_name, &job_arn, &differences);
                Some(Asked::Has { job_arn, is_adopted: true })
            }
            Found::Foreign { job_arn } => Some(Asked::NameInUse { job_arn }),
        })
    }

    async fn record_answer(
        &self,
        job: &Stored<JobEntry>,
        request: JobRequest,
        asked: Asked,
        by: &Invocation,
    ) -> Result<Submitted, Error> {
        let (drop_id, job_id) = (&job.entry.drop_id, &job.entry.job_id);
        let key = keys::job_entry(job_id);
        match asked {
            Asked::Has { job_arn, is_adopted } => {
                info!(
                    drop.id = %drop_id, job.id = %job_id, job.arn = job_arn, is_adopted,
                    metric.JobsSubmitted = 1_u64, "job submitted"
                );
                let mut next = job.entry.advance(JobState::Submitted { request, job_arn }, by)?;
                next.refusal = None;
                // Lost only to a state change that came first and has recorded more than this.
                self.store.replace(&key, next, &job.etag).await?;
                Ok(Submitted::Accepted)
            }
            Asked::Refused(error) => {
                let is_for_now = error.kind() == ErrorKind::Unavailable;
                let message = Chain(&error).to_string();
                if is_for_now {
                    info!(job.id = %job_id, refusal = message, "job waits: Bedrock takes no more for now");
                } else {
                    warn!(
                        job.id = %job_id, refusal = message, metric.JobsRefused = 1_u64,
                        "job waits: Bedrock refuses it until the cause is fixed"
                    );
                }
                let mut next = job.entry.advance(JobState::Waiting, by)?;
                next.refusal = Some(Refusal { is_for_now, message });
                self.store.replace(&key, next, &job.etag).await?;
                self.mark_asked(&job.entry, false).await;
                Ok(if is_for_now { Submitted::NotNow } else { Submitted::Refused })
            }
            Asked::NameInUse { job_arn } => {
                warn!(
                    drop.id = %drop_id, job.id = %job_id, job.arn = job_arn, metric.JobsDiffer = 1_u64,
                    "a job of another request has this job's name; the next attempt has another"
                );
                let JobEntry { drop_id, part, attempt, .. } = &job.entry;
                let outcome = outcome_of_name_in_use(
                    drop_id,
                    part,
                    *attempt,
                    &request.model_id,
                    &job_arn,
                    by.started,
                    self.retry_limits(),
                );
                let next = job.entry.advance(JobState::Ended { request, job_arn, outcome }, by)?;
                self.store.replace(&key, next, &job.etag).await?;
                Ok(Submitted::Left)
            }
        }
    }

    /// Ends the lease on a job that may exist. If even that fails, the lease ends by itself.
    async fn give_job_back(&self, job: &Stored<JobEntry>, by: &Invocation) {
        let JobState::Submitting { request, .. } = &job.entry.state else { return };
        let state = JobState::Submitting { lease_until: by.started, request: request.clone() };
        let Ok(next) = job.entry.advance(state, by) else { return };
        let key = keys::job_entry(&job.entry.job_id);
        if let Err(failure) = self.store.replace(&key, next, &job.etag).await {
            warn!(job.id = %job.entry.job_id, error = %Chain(&failure), "lease not given back; it will end by itself");
        }
    }

    /// Empties the marker of a job that Bedrock is asked for, and fills it again if it was refused: so a look for
    /// waiting jobs need not read the entries of those in flight. It is a hint; the sweep reads every entry.
    async fn mark_asked(&self, job: &JobEntry, is_asked: bool) {
        let marker = keys::job_marker(job.source.last_modified, &job.job_id);
        let marked = if is_asked {
            self.store.put(&marker, Vec::new(), "application/json").await
        } else {
            self.store.put_json(&marker, &job.job_id).await
        };
        if let Err(failure) = marked {
            warn!(job.id = %job.job_id, error = %Chain(&failure), "marker not changed; the sweep reads the entry");
        }
    }

    /// Submits waiting jobs, oldest first, until Bedrock says no. Those that an operator had to mend come
    /// last, and a second refusal ends it: then nothing has been mended, and the sweep will see.
    pub(crate) async fn submit_oldest(&self, by: &Invocation) -> Result<(), Error> {
        let mut refused_before = Vec::new();
        for marker in self.store.list_objects(keys::OPEN_PREFIX).await? {
            if refused_before.len() >= MOST_REFUSED || !by.has_time_at(now(), TIME_FOR_A_JOB) {
                break;
            }
            if marker.is_empty {
                continue;
            }
            let Some(Open::Job(job_id)) = keys::parse_marker(&marker.key) else { continue };
            let job = self.store.get_json::<JobEntry>(&keys::job_entry(&job_id)).await?;
            let Some(job) = job.filter(|job| job.entry.state == JobState::Waiting) else { continue };
            if job.entry.refusal.as_ref().is_some_and(|refusal| !refusal.is_for_now) {
                refused_before.push(job);
            } else if self.submit_stored(job, by).await? == Submitted::NotNow {
                return Ok(());
            }
        }
        let mut refusals = 0;
        for job in refused_before {
            if !by.has_time_at(now(), TIME_FOR_A_JOB) {
                break;
            }
            match self.submit_stored(job, by).await? {
                Submitted::NotNow => return Ok(()),
                Submitted::Refused if refusals == 1 => return Ok(()),
                Submitted::Refused => refusals += 1,
                Submitted::Accepted | Submitted::Left => {}
            }
        }
        Ok(())
    }
}

/// A job of ours that is not as it was requested. It was paid for, so it is followed all the same.
pub(crate) fn tell_differences(job_name: &str, job_arn: &str, differences: &[String]) {
    if !differences.is_empty() {
        error!(
            job.name = job_name,
            job.arn = job_arn,
            differences = differences.join("; "),
            metric.JobsDiffer = 1_u64,
            "job is not as it was requested"
        );
    }
}
