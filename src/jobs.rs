//! A job from its entry to Bedrock: made once, asked for once, found again after a crash.

use tracing::{info, warn};

use crate::bedrock::Submission;
use crate::error::{Chain, Error, ErrorKind};
use crate::job::JobRequest;
use crate::layout::{self, JobId, Open};
use crate::ledger::{JobEntry, JobState, Refusal};
use crate::pipeline::Pipeline;
use crate::store::Stored;
use crate::timestamp::Invocation;

/// How many refused jobs are looked at for a free place: each is a request to S3, and there may be many.
const MOST_REFUSED: usize = 20;

/// What came of asking Bedrock for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// Bedrock has it.
    Accepted,
    /// Bedrock takes no more jobs for now.
    NotNow,
    /// Bedrock does not take this job until an operator has mended something.
    Refused,
    /// Nothing was to be done here, or somebody else does it.
    Left,
}

impl Pipeline {
    /// Records a job whose input is in place: marker first, then the entry. What is there is left.
    pub(crate) async fn record_waiting(&self, job: JobEntry) -> Result<(), Error> {
        self.store.put_json(&layout::job_marker(job.source.last_modified, &job.job_id), &job.job_id).await?;
        let (drop_id, job_id, records) = (job.drop_id.clone(), job.job_id.clone(), job.part.records);
        let (part, attempt) = (job.part.number, job.attempt);
        if self.store.create(&layout::job_entry(&job_id), job).await?.is_some() {
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
        match self.store.get_json::<JobEntry>(&layout::job_entry(job_id)).await? {
            Some(job) => self.submit_stored(job, by).await,
            None => Ok(Submitted::Left),
        }
    }

    /// The same, for an entry that was read just now.
    pub(crate) async fn submit_stored(
        &self,
        job: Stored<JobEntry>,
        by: &Invocation,
    ) -> Result<Submitted, Error> {
        let job_id = job.entry.job_id.clone();
        let key = layout::job_entry(&job_id);
        let (request, may_exist) = match &job.entry.state {
            JobState::Waiting => (JobRequest::new(&self.config, &job_id), false),
            JobState::Submitting { lease_until, request } if *lease_until <= by.started => {
                (request.clone(), true)
            }
            JobState::Submitting { .. }
            | JobState::Submitted { .. }
            | JobState::Ended { .. }
            | JobState::Settled { .. } => return Ok(Submitted::Left),
        };
        let state = JobState::Submitting { lease_until: by.lease_until, request: request.clone() };
        let next = job.entry.advance(state, by)?;
        let Some(job) = self.store.replace(&key, next, &job.etag).await? else { return Ok(Submitted::Left) };

        self.mark_asked(&job.entry, true).await;
        let found = if may_exist { self.bedrock.find_by_name(&request.job_name).await? } else { None };
        let submission = match found {
            Some(job_arn) => Submission::Created(job_arn),
            None => self.bedrock.create(&request).await?,
        };
        let submission = match submission {
            Submission::NameInUse(error) => match self.bedrock.find_by_name(&request.job_name).await? {
                Some(job_arn) => Submission::Created(job_arn),
                None => Submission::Unknown(error),
            },
            other => other,
        };
        match submission {
            Submission::Created(job_arn) => {
                info!(
                    drop.id = %job.entry.drop_id, job.id = %job_id, job.arn = job_arn, is_adopted = may_exist,
                    metric.JobsSubmitted = 1_u64, "job submitted"
                );
                let mut next = job.entry.advance(JobState::Submitted { request, job_arn }, by)?;
                next.refusal = None;
                // Lost only to a state change that came first and has recorded more than this.
                self.store.replace(&key, next, &job.etag).await?;
                Ok(Submitted::Accepted)
            }
            Submission::Refused(error) => {
                let is_for_now = error.kind() == ErrorKind::Unavailable;
                let message = Chain(&error).to_string();
                if is_for_now {
                    info!(job.id = %job_id, refusal = message, "job waits: Bedrock takes no more for now");
                } else {
                    warn!(
                        job.id = %job_id, refusal = message, metric.JobsRefused = 1_u64,
                        "job waits: Bedrock refuses it until the cause is mended"
                    );
                }
                let mut next = job.entry.advance(JobState::Waiting, by)?;
                next.refusal = Some(Refusal { is_for_now, message });
                self.store.replace(&key, next, &job.etag).await?;
                self.mark_asked(&job.entry, false).await;
                Ok(if is_for_now { Submitted::NotNow } else { Submitted::Refused })
            }
            // Only time can tell: the sweep looks the job up when the lease has ended.
            Submission::NameInUse(error) | Submission::Unknown(error) => Err(error),
        }
    }

    /// Empties the marker of a job that Bedrock is asked for, and fills it again if it was refused: so a look for
    /// waiting jobs need not read the entries of those in flight. It is a hint; the sweep reads every entry.
    async fn mark_asked(&self, job: &JobEntry, is_asked: bool) {
        let marker = layout::job_marker(job.source.last_modified, &job.job_id);
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
        for marker in self.store.list_objects(layout::OPEN_PREFIX).await? {
            if refused_before.len() >= MOST_REFUSED {
                break;
            }
            if marker.is_empty {
                continue;
            }
            let Some(Open::Job(job_id)) = layout::parse_marker(&marker.key) else { continue };
            let job = self.store.get_json::<JobEntry>(&layout::job_entry(&job_id)).await?;
            let Some(job) = job.filter(|job| job.entry.state == JobState::Waiting) else { continue };
            if job.entry.refusal.as_ref().is_some_and(|refusal| !refusal.is_for_now) {
                refused_before.push(job);
            } else if self.submit_stored(job, by).await? == Submitted::NotNow {
                return Ok(());
            }
        }
        let mut refusals = 0;
        for job in refused_before {
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
