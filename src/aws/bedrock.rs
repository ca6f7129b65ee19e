//! Amazon Bedrock: creates, gets, finds, lists, and stops model invocation jobs.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_bedrock::Client;
use aws_sdk_bedrock::config::retry::RetryConfig;
use aws_sdk_bedrock::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrock::operation::get_model_invocation_job::GetModelInvocationJobOutput;
use aws_sdk_bedrock::primitives::{DateTime, DateTimeFormat};
use aws_sdk_bedrock::types::ModelInvocationJobStatus;

use crate::aws::error::Error;
use crate::aws::job_request::to_request;
use crate::aws::sdk_error;
use crate::base::text;
use crate::job::ending::{EndStatus, JobEnd, RecordCounts};
use crate::job::request::{CreatedWith, JobRequest};

/// How often a request for a job is sent, if its answers are lost or say nothing.
const CREATE_ATTEMPTS: u32 = 3;

/// The statuses of a job that is not over.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelInvocationJob.html> (read 2026-11)
pub const NOT_OVER: [ModelInvocationJobStatus; 5] = [
    ModelInvocationJobStatus::Submitted,
    ModelInvocationJobStatus::Validating,
    ModelInvocationJobStatus::Scheduled,
    ModelInvocationJobStatus::InProgress,
    ModelInvocationJobStatus::Stopping,
];

/// The most jobs on a page of `ListModelInvocationJobs`.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListModelInvocationJobs.html> (read 2026-11)
const MAX_RESULTS: i32 = 1_000;

/// The calls of Bedrock's control plane that the pipeline makes.
#[derive(Debug, Clone)]
pub struct Bedrock {
    client: Client,
    /// For requests that the SDK must not send again by itself.
    client_without_retries: Client,
    /// The average pause before the second attempt.
    backoff: Duration,
}

/// How Bedrock answered a request for a job.
#[derive(Debug)]
pub enum Submission {
    /// The job exists under this ARN. This call created it, or an earlier call with the same token.
    Created(String),
    /// Bedrock already has a job with this name, or a request with this token.
    NameInUse(Error),
    /// Bedrock has not created the job, for this reason.
    Refused(Error),
    /// The answer was lost or says nothing, so the job may exist.
    Unknown(Error),
}

/// What Bedrock says about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDescription {
    /// What the job was created with.
    pub created_with: CreatedWith,
    /// How the job ended; `None` if it is not over, or if its status is one that this release does not know.
    pub end: Option<JobEnd>,
}

/// What a search for a job's name found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// There is no job with the name.
    Nothing,
    /// A job that was made from this request.
    Ours {
        /// Its ARN.
        job_arn: String,
        /// How the job differs from the request.
        differences: Vec<String>,
    },
    /// Only a job that was made from another request.
    Foreign {
        /// Its ARN.
        job_arn: String,
    },
}

impl Bedrock {
    /// Makes an adapter around this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let config = client.config();
        let backoff = config.retry_config().map_or(Duration::from_secs(1), RetryConfig::initial_backoff);
        let without_retries = config.to_builder().retry_config(RetryConfig::disabled()).build();
        Self { client_without_retries: Client::from_conf(without_retries), client, backoff }
    }

    /// Asks for a job.
    ///
    /// An attempt whose answer is lost may have created the job. If the next attempt is refused, that says nothing
    /// about the job: the quota may be used up because the job exists. So only the refusal of a first attempt counts
    /// as one. The SDK's own retries would hide which attempt was refused.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the request cannot be built. What Bedrock answers is in the [`Submission`].
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
        let error = match to_request(request)?.send_with(&self.client_without_retries).await {
            Ok(answer) => return Ok(Submission::Created(answer.job_arn)),
            Err(error) => error,
        };
        let (code, message, status) = match &error {
            SdkError::ServiceError(answer) => {
                (answer.err().code(), answer.err().message(), Some(answer.raw().status().as_u16()))
            }
            _ => (None, None, None),
        };
        // AWS does not document that names are unique. Both codes have been seen with this sentence.
        let is_in_use = code == Some("ConflictException")
            || message.is_some_and(|message| message.contains("job name is currently in use"));
        let is_refusal = status.is_some_and(|status| (400..500).contains(&status));
        let error = sdk_error::classify(call, error);
        Ok(match (is_in_use, is_refusal) {
            (true, _) => Submission::NameInUse(error),
            (false, true) => Submission::Refused(error),
            (false, false) => Submission::Unknown(error),
        })
    }

    /// Returns what Bedrock says about a job now.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn get(&self, job_arn: &str) -> Result<JobDescription, Error> {
        let sent = self.client.get_model_invocation_job().job_identifier(job_arn).send().await;
        let job = sent.map_err(|error| {
            sdk_error::classify(format!("Bedrock GetModelInvocationJob {job_arn}"), error)
        })?;
        Ok(describe(job))
    }

    /// Asks Bedrock to stop a job. What it has processed by then is charged. Returns `false` if the job cannot be stopped,
    /// as when it is over, or is stopping already: AWS does not document which code says so, and both of these have been
    /// seen.
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-stop.html>
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the call fails for another reason.
    pub async fn stop(&self, job_arn: &str) -> Result<bool, Error> {
        let sent = self.client.stop_model_invocation_job().job_identifier(job_arn).send().await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.code(), Some("ConflictException" | "ValidationException")) => {
                Ok(false)
            }
            Err(error) => {
                Err(sdk_error::classify(format!("Bedrock StopModelInvocationJob {job_arn}"), error))
            }
        }
    }

    /// Looks for the job that was made from a request, by its name and then by its token. We pay for a job that has our
    /// token, even if it differs from the request.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn find(&self, request: &JobRequest) -> Result<Found, Error> {
        let mut foreign = None;
        for job_arn in self.named(&request.job_name).await? {
            let created_with = self.get(&job_arn).await?.created_with;
            if created_with.was_made_from(request) {
                let differences = created_with.differences(request);
                return Ok(Found::Ours { job_arn, differences });
            }
            foreign.get_or_insert(job_arn);
        }
        Ok(foreign.map_or(Found::Nothing, |job_arn| Found::Foreign { job_arn }))
    }

    /// Returns the ARNs of the jobs that are not over, of all whose name contains this text. A job whose status changes
    /// meanwhile may be missing, and the list may lag behind. So it only says which jobs need not be asked about now.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn jobs_not_over(&self, name_contains: &str) -> Result<HashSet<String>, Error> {
        let mut not_over = HashSet::new();
        for status in NOT_OVER {
            let request = self.client.list_model_invocation_jobs().name_contains(name_contains);
            let request = request.status_equals(status.clone()).max_results(MAX_RESULTS);
            let mut pages = request.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| {
                    let call = format!("Bedrock ListModelInvocationJobs statusEquals {status}");
                    sdk_error::classify(call, error)
                })?;
                let summaries = page.invocation_job_summaries.unwrap_or_default();
                not_over.extend(summaries.into_iter().map(|job| job.job_arn));
            }
        }
        Ok(not_over)
    }

    /// Returns the ARNs of all jobs with exactly this name. AWS does not document that there is at most one.
    async fn named(&self, job_name: &str) -> Result<Vec<String>, Error> {
        let request = self.client.list_model_invocation_jobs().name_contains(job_name);
        let mut pages = request.into_paginator().send();
        let mut named = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                sdk_error::classify(format!("Bedrock ListModelInvocationJobs nameContains {job_name}"), error)
            })?;
            let summaries = page.invocation_job_summaries.unwrap_or_default();
            named.extend(summaries.into_iter().filter(|job| job.job_name == job_name).map(|job| job.job_arn));
        }
        Ok(named)
    }
}

fn describe(job: GetModelInvocationJobOutput) -> JobDescription {
    let input = job.input_data_config.as_ref().and_then(|config| config.as_s3_input_data_config().ok());
    let output = job.output_data_config.as_ref().and_then(|config| config.as_s3_output_data_config().ok());
    let created_with = CreatedWith {
        client_request_token: job.client_request_token,
        role_arn: job.role_arn,
        model_id: job.model_id.clone(),
        input_s3_uri: input.map(|input| input.s3_uri.clone()),
        output_s3_uri: output.map(|output| output.s3_uri.clone()),
        vpc: job.vpc_config.map(|vpc| (vpc.subnet_ids, vpc.security_group_ids)),
    };
    let Some(status) = job.status.and_then(|status| EndStatus::parse(status.as_str())) else {
        return JobDescription { created_with, end: None };
    };
    let count = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
    let iso = |time: DateTime| time.fmt(DateTimeFormat::DateTime).unwrap_or_default();
    let message = job.message.filter(|message| !message.is_empty());
    let end = JobEnd {
        status,
        message: message.map(|message| text::line(message).to_string()),
        model_id: job.model_id,
        submit_time: iso(job.submit_time),
        end_time: job.end_time.map(iso),
        counts: RecordCounts {
            total: count(job.total_record_count),
            processed: count(job.processed_record_count),
            success: count(job.success_record_count),
            error: count(job.error_record_count),
        },
    };
    JobDescription { created_with, end: Some(end) }
}
