//! The handlers that Lambda calls. They read the payload, and pass what it names to a flow.

use serde_json::Value;
use tracing::{error, info};

use crate::aws::clients::Clients;
use crate::aws::config::Config;
use crate::aws::error::{Chain, Error};
use crate::aws::events::{is_schedule, parse_change_in, parse_job_state_change, parse_object_created};
use crate::drop::identity::JobId;
use crate::drop::keys;
use crate::flow::complete::{Completed, complete};
use crate::flow::context::Context;
use crate::flow::requests::answer;
use crate::flow::routes::take_over;
use crate::flow::submit::submit;
use crate::flow::sweep::sweep;
use crate::flow::take_turns::ask_for_next_jobs;
use crate::job::ending::EndStatus;
use crate::ledger::lease::Invocation;
use crate::report::notice::Notice;

/// The handler of S3 notifications.
#[derive(Debug)]
pub struct Submit(Context);

impl Submit {
    /// A handler with these settings.
    #[must_use]
    pub fn new(config: Config, clients: &Clients) -> Self {
        Self(Context::new(config, clients))
    }

    /// Submits every drop that the payload names. A failure does not stop the others. Returns a notice of those that were
    /// refused.
    ///
    /// # Errors
    /// Returns the first failure. Lambda then delivers the event again, and the next invocation does only what is left.
    pub async fn handle(&self, payload: Value, by: &Invocation) -> Result<Option<Notice>, Error> {
        let (mut ended, mut first_error) = (Vec::new(), None);
        for object in parse_object_created(payload)? {
            let submitted = match object {
                Ok(object) => Box::pin(submit(&self.0, &object, by)).await,
                Err(error) => Err(error),
            };
            match submitted {
                Ok(refused) => ended.extend(refused),
                Err(error) => {
                    if first_error.is_some() {
                        // Lambda logs the error that is returned.
                        error!(error = %Chain(&error), "another record of the same event failed");
                    }
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => Ok(Notice::new(ended, self.0.place())),
        }
    }
}

/// The handler of job state changes, of the schedule, of what operators ask for, and of changed routes.
#[derive(Debug)]
pub struct Complete(Context);

impl Complete {
    /// A handler with these settings.
    #[must_use]
    pub fn new(config: Config, clients: &Clients) -> Self {
        Self(Context::new(config, clients))
    }

    /// Completes the job of a state change, sweeps if the payload comes from the schedule, and does what an operator asks
    /// for with an object below `requests/`. Takes changed routes over. Returns a notice of the drops that have ended.
    ///
    /// # Errors
    /// Returns any failure. Lambda then delivers the event again, and the next invocation does only what is left.
    pub async fn handle(&self, payload: Value, by: &Invocation) -> Result<Option<Notice>, Error> {
        if is_schedule(&payload) {
            let ended = Box::pin(sweep(&self.0, by)).await?;
            return Ok(Notice::new(ended, self.0.place()));
        }
        if let Some(key) = parse_change_in(&self.0.config.output_bucket, &payload)? {
            if key == keys::ROUTES_FILE {
                Box::pin(take_over(&self.0, by)).await?;
                return Ok(None);
            }
            let ended = Box::pin(answer(&self.0, &key, by)).await?;
            return Ok(Notice::new(ended.into_iter().collect(), self.0.place()));
        }
        let change = parse_job_state_change(&payload)?;
        let (job_name, job_arn, status) = (&change.batch_job_name, &change.batch_job_arn, &change.status);
        let Some(job_id) = JobId::from_job_name(&self.0.config.job_name_prefix, job_name) else {
            // The job does not belong to this stack.
            return Ok(None);
        };
        if EndStatus::parse(status).is_none() {
            info!(job.id = %job_id, job.status = status, "job is not over");
            return Ok(None);
        }
        match Box::pin(complete(&self.0, &job_id, job_arn, by)).await? {
            Completed::Done { model_id, ended } => {
                Box::pin(ask_for_next_jobs(&self.0, &model_id, by)).await?;
                Ok(Notice::new(ended.into_iter().map(|ended| *ended).collect(), self.0.place()))
            }
            Completed::NotOver => Err(Error::Busy(format!(
                "{job_arn} is {status} according to its event, but Bedrock still says otherwise"
            ))),
        }
    }
}
