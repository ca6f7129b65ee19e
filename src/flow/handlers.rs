//! The handlers that Lambda calls. They read the payload, and pass what it names to a flow.

use serde_json::Value;
use tracing::{error, info};

use crate::aws::clients::Clients;
use crate::aws::config::Config;
use crate::aws::error::{Chain, Error};
use crate::aws::events::{is_schedule, parse_job_state_change, parse_object_created, parse_put_in};
use crate::drop::identity::JobId;
use crate::flow::complete::{Completed, complete};
use crate::flow::context::Context;
use crate::flow::requests::answer;
use crate::flow::submit::submit;
use crate::flow::sweep::sweep;
use crate::flow::take_turns::ask_for_oldest_jobs;
use crate::job::ending::EndStatus;
use crate::ledger::lease::Invocation;

/// The handler of S3 notifications.
#[derive(Debug)]
pub struct Submit(Context);

impl Submit {
    /// A handler with these settings.
    #[must_use]
    pub fn new(config: Config, clients: &Clients) -> Self {
        Self(Context::new(config, clients))
    }

    /// Submits every drop that the payload names. A failure does not stop the others.
    ///
    /// # Errors
    /// Returns the first failure. Lambda then delivers the event again, and the next invocation does only what is left.
    pub async fn handle(&self, payload: Value, by: &Invocation) -> Result<(), Error> {
        let mut first_error = None;
        for object in parse_object_created(payload)? {
            let submitted = match object {
                Ok(object) => Box::pin(submit(&self.0, &object, by)).await,
                Err(error) => Err(error),
            };
            if let Err(error) = submitted {
                if first_error.is_some() {
                    // Lambda logs the error that is returned.
                    error!(error = %Chain(&error), "another record of the same event failed");
                }
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

/// The handler of job state changes, of the schedule, and of what operators ask for.
#[derive(Debug)]
pub struct Complete(Context);

impl Complete {
    /// A handler with these settings.
    #[must_use]
    pub fn new(config: Config, clients: &Clients) -> Self {
        Self(Context::new(config, clients))
    }

    /// Completes the job of a state change, sweeps if the payload comes from the schedule, and does what an operator asks
    /// for with an object below `requests/`.
    ///
    /// # Errors
    /// Returns any failure. Lambda then delivers the event again, and the next invocation does only what is left.
    pub async fn handle(&self, payload: Value, by: &Invocation) -> Result<(), Error> {
        if is_schedule(&payload) {
            return Box::pin(sweep(&self.0, by)).await;
        }
        if let Some(key) = parse_put_in(&self.0.config.output_bucket, &payload)? {
            return Box::pin(answer(&self.0, &key, by)).await;
        }
        let change = parse_job_state_change(&payload)?;
        let (job_name, job_arn, status) = (&change.batch_job_name, &change.batch_job_arn, &change.status);
        let Some(job_id) = JobId::from_job_name(&self.0.config.job_name_prefix, job_name) else {
            // The job does not belong to this stack.
            return Ok(());
        };
        if EndStatus::parse(status).is_none() {
            info!(job.id = %job_id, job.status = status, "job is not over");
            return Ok(());
        }
        match Box::pin(complete(&self.0, &job_id, job_arn, by)).await? {
            Completed::Done { model_id } => Box::pin(ask_for_oldest_jobs(&self.0, &model_id, by)).await,
            Completed::NotOver => Err(Error::Busy(format!(
                "{job_arn} is {status} according to its event, but Bedrock still says otherwise"
            ))),
        }
    }
}
