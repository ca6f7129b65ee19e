//! Flow 1: an S3 put becomes a job.
//!
//! 1. Parse the notification, look at the object itself.
//! 2. Marker, then claim the drop (`Reading`).
//! 3. Read that version once and judge every line.
//! 4. Invalid: `rejection.json`, `Rejected`; no retry can help, so it is not an error.
//! 5. Valid: plan the parts, `Accepted`.
//! 6. Per part: its input at a key that Bedrock takes, marker, entry (`Waiting`).
//! 7. Ask Bedrock for the job (`Submitting`, `Submitted`).

use serde_json::Value;
use tracing::{error, info, warn};

use crate::bedrock::{Bedrock, Submission};
use crate::clients::Clients;
use crate::config::Config;
use crate::error::{Chain, Error};
use crate::event::{ObjectCreated, parse_object_created};
use crate::job::JobRequest;
use crate::jsonl::Line;
use crate::layout::{self, DropId, JobId};
use crate::ledger::{DropEntry, DropState, JobEntry, JobState};
use crate::lines::rewrite_lines;
use crate::plan::{Part, plan};
use crate::record::parse_input_record;
use crate::store::{Store, Stored};
use crate::timestamp::Invocation;
use crate::validate::{Problem, Rejection, Validator, Verdict, given_record_id};

/// The handler of S3 notifications.
#[derive(Debug)]
pub struct Submit {
    config: Config,
    store: Store,
    bedrock: Bedrock,
}

impl Submit {
    /// A handler with these settings.
    #[must_use]
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.s3.clone(), &config.output_bucket);
        Self { config, store, bedrock: Bedrock::new(clients.bedrock.clone()) }
    }

    /// Takes every object that the payload names, and does all it can before it reports a failure.
    ///
    /// # Errors
    /// The first failure, if any: Lambda is to deliver the event again. What was done is then found done.
    pub async fn handle(&self, payload: Value, by: &Invocation) -> Result<(), Error> {
        let mut first_error = None;
        for object in parse_object_created(payload)? {
            let taken = match object {
                Ok(object) => self.take(&object, by).await,
                Err(error) => Err(error),
            };
            if let Err(error) = taken {
                if first_error.is_some() {
                    // Lambda logs the one that is returned.
                    error!(error = %Chain(&error), "another record of the same event failed");
                }
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    async fn take(&self, object: &ObjectCreated, by: &Invocation) -> Result<(), Error> {
        let uri = &object.uri;
        if uri.bucket() != self.config.input_bucket {
            let input_bucket = &self.config.input_bucket;
            return Err(Error::Event(format!("{uri} is not in the input bucket {input_bucket}")));
        }
        if uri.key().ends_with('/') {
            info!(input.uri = %uri, "a folder, not a drop");
            return Ok(());
        }
        let Some(source) = self.store.head(uri, object.version_id.as_deref()).await? else {
            warn!(input.uri = %uri, "drop is gone: it was deleted before it was read");
            return Ok(());
        };
        let drop_id = DropId::derive(&source);
        let claim = DropEntry::claim(drop_id, source, by);
        let mut drop = self.claim(claim, by).await?;
        if matches!(drop.entry.state, DropState::Reading { .. }) {
            drop = self.judge(drop, by).await?;
        }
        let marker = layout::drop_marker(drop.entry.source.last_modified, &drop.entry.drop_id);
        if let DropState::Accepted { parts } = &drop.entry.state {
            for part in parts {
                self.make_job(&drop.entry, part, by).await?;
            }
            self.store.delete(&marker).await?;
            for part in parts {
                self.submit_job(&part.job_id, by).await?;
            }
            return Ok(());
        }
        self.store.delete(&marker).await
    }

    /// Claims a drop, or finds what became of it.
    async fn claim(&self, claim: DropEntry, by: &Invocation) -> Result<Stored<DropEntry>, Error> {
        let key = layout::drop_entry(&claim.drop_id);
        let drop_id = claim.drop_id.clone();
        let busy = |what: &str| Error::Busy(format!("drop {drop_id} {what}"));
        let stored = match self.store.get_json::<DropEntry>(&key).await? {
            Some(stored) => stored,
            None => {
                let marker = layout::drop_marker(claim.source.last_modified, &claim.drop_id);
                self.store.put_json(&marker, &claim.source).await?;
                let (input, size) = (claim.source.to_string(), claim.source.size_bytes);
                if let Some(stored) = self.store.create(&key, claim).await? {
                    info!(drop.id = %drop_id, input.uri = input, size_bytes = size, "drop claimed");
                    return Ok(stored);
                }
                self.store.get_json(&key).await?.ok_or_else(|| busy("was claimed, and then was not there"))?
            }
        };
        match &stored.entry.state {
            DropState::Reading { lease_until } if *lease_until > by.started => {
                Err(busy(&format!("is being read by another invocation, until {lease_until} at the latest")))
            }
            DropState::Reading { .. } => {
                let next = stored.entry.advance(DropState::Reading { lease_until: by.lease_until }, by)?;
                info!(drop.id = %drop_id, "drop taken over");
                self.store
                    .replace(&key, next, &stored.etag)
                    .await?
                    .ok_or_else(|| busy("was taken over by another"))
            }
            DropState::Accepted { .. } | DropState::Rejected | DropState::Finished { .. } => {
                info!(drop.id = %drop_id, state = stored.entry.state.name(), "drop is known");
                Ok(stored)
            }
        }
    }

    /// Reads a claimed drop, and records the verdict.
    async fn judge(&self, drop: Stored<DropEntry>, by: &Invocation) -> Result<Stored<DropEntry>, Error> {
        let entry = &drop.entry;
        let state = match self.read(entry).await {
            Ok(Verdict::Valid(tally)) => DropState::Accepted { parts: plan(&entry.drop_id, &tally) },
            Ok(Verdict::Invalid { problems, stopped_early }) => {
                self.report(entry, problems, stopped_early).await?;
                DropState::Rejected
            }
            Err(error) => {
                self.give_lease_back(&drop, by).await;
                return Err(error);
            }
        };
        let drop_id = &entry.drop_id;
        let next = entry.advance(state, by)?;
        info!(drop.id = %drop_id, state = next.state.name(), "drop judged");
        let written = self.store.replace(&layout::drop_entry(drop_id), next, &drop.etag).await?;
        written.ok_or_else(|| Error::Busy(format!("drop {drop_id} was taken over by another invocation")))
    }

    async fn read(&self, drop: &DropEntry) -> Result<Verdict, Error> {
        let source = &drop.source;
        let refuse = |problem| Ok(Verdict::Invalid { problems: vec![problem], stopped_early: false });
        if !source.key.ends_with(".jsonl") {
            return refuse(Problem::of_file(
                "the key does not end in .jsonl",
                "name the file ….jsonl and drop it again",
            ));
        }
        if let Some(problem) = self.config.quotas.check_size(source.size_bytes) {
            return refuse(problem.into());
        }
        let Some(mut reader) = self.store.read_drop(source).await? else {
            return refuse(Problem::of_file(
                "the file was overwritten or deleted before it was read",
                "drop it again",
            ));
        };
        let mut validator =
            Validator::new(drop.drop_id.clone(), self.config.quotas, self.config.max_record_bytes);
        while let Some(chunk) = reader.next().await? {
            if validator.feed(chunk.as_ref()).is_err() {
                break;
            }
        }
        Ok(validator.finish())
    }

    async fn report(
        &self,
        drop: &DropEntry,
        problems: Vec<Problem>,
        stopped_early: bool,
    ) -> Result<(), Error> {
        let key = layout::rejection(&drop.source.key, &drop.drop_id);
        warn!(
            drop.id = %drop.drop_id, input.uri = %drop.source, problem.count = problems.len(), stopped_early,
            report = key, "drop rejected"
        );
        let (drop_id, source) = (drop.drop_id.clone(), drop.source.clone());
        self.store.put_json(&key, &Rejection { version: 1, drop_id, source, problems, stopped_early }).await
    }

    /// Nothing was decided, so the next delivery need not wait for the lease to end.
    async fn give_lease_back(&self, drop: &Stored<DropEntry>, by: &Invocation) {
        let Ok(next) = drop.entry.advance(DropState::Reading { lease_until: by.started }, by) else { return };
        let key = layout::drop_entry(&drop.entry.drop_id);
        if let Err(failure) = self.store.replace(&key, next, &drop.etag).await {
            warn!(drop.id = %drop.entry.drop_id, error = %Chain(&failure), "lease not given back; it will end by itself");
        }
    }

    /// Puts a part's input where Bedrock can read it, then marker and entry. What is there is left.
    async fn make_job(&self, drop: &DropEntry, part: &Part, by: &Invocation) -> Result<(), Error> {
        let key = layout::job_entry(&part.job_id);
        if self.store.get_json::<JobEntry>(&key).await?.is_some() {
            return Ok(());
        }
        let input = layout::job_input(&part.job_id);
        if part.without_id == 0 {
            self.store.copy_drop(&drop.source, &input).await?;
        } else {
            self.rewrite(drop, &input).await?;
        }
        let job = JobEntry::waiting(drop, part, by);
        self.store
            .put_json(&layout::job_marker(drop.source.last_modified, &part.job_id), &part.job_id)
            .await?;
        if self.store.create(&key, job).await?.is_some() {
            info!(drop.id = %drop.drop_id, job.id = %part.job_id, record.count = part.records, "job waiting");
        }
        Ok(())
    }

    /// Writes a drop as a job's input with an id for every record.
    async fn rewrite(&self, drop: &DropEntry, to: &str) -> Result<(), Error> {
        let gone =
            || Error::Busy(format!("drop {} was overwritten or deleted before it was copied", drop.drop_id));
        let reader = self.store.read_drop(&drop.source).await?.ok_or_else(gone)?;
        let max_line_bytes = self.config.max_record_bytes;
        rewrite_lines(reader, max_line_bytes, &self.store, to, |line, out| {
            with_record_id(&drop.drop_id, &line, out)
        })
        .await
    }

    /// Asks Bedrock for a waiting job. The ledger says so before the call, and what came of it after.
    async fn submit_job(&self, job_id: &JobId, by: &Invocation) -> Result<(), Error> {
        let key = layout::job_entry(job_id);
        let busy = |what: &str| Error::Busy(format!("job {job_id} {what}"));
        let job = self.store.get_json::<JobEntry>(&key).await?;
        let job = job.ok_or_else(|| Error::Internal(format!("job {job_id} has no entry")))?;
        let (request, may_exist) = match &job.entry.state {
            JobState::Waiting => (JobRequest::new(&self.config, job_id), false),
            JobState::Submitting { lease_until, .. } if *lease_until > by.started => {
                return Err(busy(&format!(
                    "is being submitted by another invocation, until {lease_until} at the latest"
                )));
            }
            JobState::Submitting { request, .. } => (request.clone(), true),
            JobState::Submitted { .. } | JobState::Ended { .. } | JobState::Settled { .. } => return Ok(()),
        };
        let lease_until = by.lease_until;
        let next = job.entry.advance(JobState::Submitting { lease_until, request: request.clone() }, by)?;
        let Some(job) = self.store.replace(&key, next, &job.etag).await? else {
            return Err(busy("was taken by another invocation"));
        };
        let found = if may_exist { self.bedrock.find_by_name(&request.job_name).await? } else { None };
        let submission = match found {
            Some(job_arn) => Submission::Created(job_arn),
            None => self.bedrock.create(&request).await?,
        };
        let (job_arn, refusal) = match submission {
            Submission::Created(job_arn) => (job_arn, None),
            Submission::NameInUse(error) => match self.bedrock.find_by_name(&request.job_name).await? {
                Some(job_arn) => (job_arn, None),
                None => return Err(error),
            },
            Submission::Refused(error) => (String::new(), Some(error)),
            Submission::Unknown(error) => return Err(error),
        };
        if let Some(error) = refusal {
            let mut next = job.entry.advance(JobState::Waiting, by)?;
            next.refusal = Some(Chain(&error).to_string());
            self.store.replace(&key, next, &job.etag).await?;
            return Err(error);
        }
        info!(drop.id = %job.entry.drop_id, job.id = %job_id, job.arn = job_arn, "job submitted");
        let mut next = job.entry.advance(JobState::Submitted { request, job_arn }, by)?;
        next.refusal = None;
        // Lost only to a state change that came first and has recorded more than this.
        self.store.replace(&key, next, &job.etag).await?;
        Ok(())
    }
}

/// Adds a line of a valid drop, with an id if it has none.
fn with_record_id(drop_id: &DropId, line: &Line<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let not_a_record =
        || Error::Internal(format!("line {} of drop {drop_id} is no record any more", line.number));
    let bytes = line.bytes.ok_or_else(not_a_record)?;
    let record = parse_input_record(bytes).map_err(|_| not_a_record())?;
    if record.record_id.is_some() {
        out.extend_from_slice(bytes);
    } else {
        // The object has modelInput at least, so a comma follows.
        let (before, after) = bytes.split_at_checked(record.object_begin + 1).ok_or_else(not_a_record)?;
        out.extend_from_slice(before);
        out.extend_from_slice(
            format!("\"recordId\":\"{}\",", given_record_id(drop_id, line.number)).as_bytes(),
        );
        out.extend_from_slice(after);
    }
    out.push(b'\n');
    Ok(())
}
