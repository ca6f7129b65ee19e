//! Amazon Bedrock: create, get and find model invocation jobs.

use std::time::Duration;

use aws_sdk_bedrock::Client;
use aws_sdk_bedrock::config::retry::RetryConfig;
use aws_sdk_bedrock::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrock::operation::get_model_invocation_job::GetModelInvocationJobOutput;
use aws_sdk_bedrock::primitives::DateTimeFormat;
use aws_sdk_bedrock::types::ModelInvocationJobStatus;

use crate::aws::error::Error;
use crate::base::text;
use crate::job::ending::JobEnd;
use crate::job::request::{CreatedWith, JobRequest};

/// How often a request for a job is sent, if its answer is lost or says nothing.
const CREATE_ATTEMPTS: u32 = 3;

/// The control plane, as far as batch inference needs it.
#[derive(Debug, Clone)]
pub struct Bedrock {
    client: Client,
    /// For requests that must not be sent again behind our back.
    client_without_retries: Client,
    /// How long the first pause between two attempts is, on average.
    backoff: Duration,
}

/// How Bedrock took a request for a job.
#[derive(Debug)]
pub enum Submission {
    /// The job exists under this ARN, be it from this call or an earlier one with the same token.
    Created(String),
    /// A job with this name, or a request with this token, exists already.
    NameInUse(Error),
    /// There is no such job, for this reason.
    Refused(Error),
    /// The answer is lost or says nothing: the job may exist.
    Unknown(Error),
}

/// A job as Bedrock sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDescription {
    /// What it was created with.
    pub created_with: CreatedWith,
    /// Whether it is over for good.
    pub is_terminal: bool,
    /// Status, counts and times.
    pub end: JobEnd,
}

/// The jobs that have a certain name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// There is none.
    Nothing,
    /// The one that was made from this request, and what differs from it.
    Ours {
        /// Its ARN.
        job_arn: String,
        /// Where it is not as requested.
        differences: Vec<String>,
    },
    /// Only one that was made from another request.
    Foreign {
        /// Its ARN.
        job_arn: String,
    },
}

impl Bedrock {
    /// An adapter on this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let config = client.config();
        let backoff = config.retry_config().map_or(Duration::from_secs(1), RetryConfig::initial_backoff);
        let without_retries = config.to_builder().retry_config(RetryConfig::disabled()).build();
        Self { client_without_retries: Client::from_conf(without_retries), client, backoff }
    }

    /// Asks for a job.
    ///
    /// An attempt whose answer is lost may have made the job, so what the next attempt is refused for (the
    /// quota, which that very job may have used up) says nothing of the job: only the refusal of a first
    /// attempt is one. The SDK's own retries would hide which attempt it was.
    ///
    /// # Errors
    /// [`Error::Internal`] if the request cannot be built. What Bedrock answers is in the [`Submission`].
    pub async fn create(&self, request: &JobRequest) -> Result<Submission, Error> {
        let mut submission = self.create_once(request).await?;
        let mut pause = self.backoff;
        for _ in 1..CREATE_ATTEMPTS {
            let Submission::Unknown(unknown) = submission else { break };
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
            pause *= 2;
            submission = match self.create_once(request).await? {
                Submission::Refused(_) => return Ok(Submission::Unknown(unknown)),
                other => other,
            };
        }
        Ok(submission)
    }

    async fn create_once(&self, request: &JobRequest) -> Result<Submission, Error> {
        let call = format!("Bedrock CreateModelInvocationJob {}", request.job_name);
        let error = match request.to_request()?.send_with(&self.client_without_retries).await {
            Ok(answer) => return Ok(Submission::Created(answer.job_arn)),
            Err(error) => error,
        };
        let (code, message, status) = match &error {
            SdkError::ServiceError(answer) => {
                (answer.err().code(), answer.err().message(), Some(answer.raw().status().as_u16()))
            }
            _ => (None, None, None),
        };
        // AWS documents no rule for names. Both codes have been met with this sentence.
        let is_in_use = code == Some("ConflictException")
            || message.is_some_and(|message| message.contains("job name is currently in use"));
        let is_refusal = status.is_some_and(|status| (400..500).contains(&status));
        let error = Error::from_sdk(call, error);
        Ok(match (is_in_use, is_refusal) {
            (true, _) => Submission::NameInUse(error),
            (false, true) => Submission::Refused(error),
            (false, false) => Submission::Unknown(error),
        })
    }

    /// What Bedrock says of a job now.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn get(&self, job_arn: &str) -> Result<JobDescription, Error> {
        let sent = self.client.get_model_invocation_job().job_identifier(job_arn).send().await;
        let job =
            sent.map_err(|error| Error::from_sdk(format!("Bedrock GetModelInvocationJob {job_arn}"), error))?;
        Ok(describe(job))
    }

    /// Looks for the job that was made from a request, by its name and then by its token. A job that has our token
    /// was paid for by us, whatever else it has.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn find(&self, request: &JobRequest) -> Result<Found, Error> {
        let mut foreign = None;
        for job_arn in self.named(&request.job_name).await? {
            let created_with = self.get(&job_arn).await?.created_with;
            if created_with.is_of(request) {
                let differences = created_with.differences(request);
                return Ok(Found::Ours { job_arn, differences });
            }
            foreign.get_or_insert(job_arn);
        }
        Ok(foreign.map_or(Found::Nothing, |job_arn| Found::Foreign { job_arn }))
    }

    /// The ARNs of all jobs with exactly this name. AWS does not document that there is at most one.
    async fn named(&self, job_name: &str) -> Result<Vec<String>, Error> {
        let request = self.client.list_model_invocation_jobs().name_contains(job_name);
        let mut pages = request.into_paginator().send();
        let mut named = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                Error::from_sdk(format!("Bedrock ListModelInvocationJobs nameContains {job_name}"), error)
            })?;
            let summaries = page.invocation_job_summaries.unwrap_or_default();
            named.extend(summaries.into_iter().filter(|job| job.job_name == job_name).map(|job| job.job_arn));
        }
        Ok(named)
    }
}

fn describe(job: GetModelInvocationJobOutput) -> JobDescription {
    let status = job.status.map_or_else(|| "unknown".to_owned(), |status| status.as_str().to_owned());
    let count = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
    let iso =
        |time: aws_sdk_bedrock::primitives::DateTime| time.fmt(DateTimeFormat::DateTime).unwrap_or_default();
    let input = job.input_data_config.as_ref().and_then(|config| config.as_s3_input_data_config().ok());
    let output = job.output_data_config.as_ref().and_then(|config| config.as_s3_output_data_config().ok());
    JobDescription {
        created_with: CreatedWith {
            client_request_token: job.client_request_token,
            role_arn: job.role_arn,
            model_id: job.model_id.clone(),
            input_s3_uri: input.map(|input| input.s3_uri.clone()),
            output_s3_uri: output.map(|output| output.s3_uri.clone()),
            vpc: job.vpc_config.map(|vpc| (vpc.subnet_ids, vpc.security_group_ids)),
        },
        is_terminal: is_terminal(&status),
        end: JobEnd {
            status,
            message: job
                .message
                .filter(|message| !message.is_empty())
                .map(|text| text::line(text).to_string()),
            model_id: job.model_id,
            submit_time: iso(job.submit_time),
            end_time: job.end_time.map(iso),
            total_record_count: count(job.total_record_count),
            processed_record_count: count(job.processed_record_count),
            success_record_count: count(job.success_record_count),
            error_record_count: count(job.error_record_count),
        },
    }
}

/// Whether a job with this status is over for good. A status that this SDK does not know is not.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-monitor.html>
#[must_use]
pub fn is_terminal(status: &str) -> bool {
    match ModelInvocationJobStatus::from(status) {
        ModelInvocationJobStatus::Completed
        | ModelInvocationJobStatus::PartiallyCompleted
        | ModelInvocationJobStatus::Failed
        | ModelInvocationJobStatus::Stopped
        | ModelInvocationJobStatus::Expired => true,
        ModelInvocationJobStatus::Submitted
        | ModelInvocationJobStatus::Validating
        | ModelInvocationJobStatus::Scheduled
        | ModelInvocationJobStatus::InProgress
        | ModelInvocationJobStatus::Stopping => false,
        // The SDK's list may grow.
        _ => false,
    }
}
