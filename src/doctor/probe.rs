//! Asks Bedrock for a job that it cannot make, to see whether the model has batch inference. This is the only file of the
//! doctor that sends a call that writes.
//!
//! It rests on one public report: if nothing is under the input's URI, Bedrock first checks whether the caller may pass
//! the role, whether the caller may create jobs, and whether the model has batch inference; and then it refuses the input.

use aws_sdk_bedrock::Client;
use aws_sdk_bedrock::error::{ProvideErrorMetadata, SdkError};

use super::facts::{Probe, ProbeAnswer};
use super::gather::{found, known};
use super::known::{Known, Unknown};
use super::subject::Subject;
use crate::aws::error::Chain;
use crate::aws::job_request::to_request;
use crate::base::s3_uri::S3Uri;
use crate::base::timestamp::Timestamp;
use crate::job::request::JobRequest;

/// The folder of the probe. Jobs have folders whose names are 32 hex digits, so nothing is ever in it.
pub(super) const FOLDER: &str = "work/doctor-probe/";

/// Makes the request: that of a job, but with a name that no job has, and without an input.
fn request(subject: &Subject, now: Timestamp) -> JobRequest {
    let config = &subject.config;
    let in_folder = |folder| S3Uri::new(&config.output_bucket, format!("{FOLDER}{folder}/")).to_string();
    // At most 60 characters, for a prefix of at most 30.
    let job_name = format!("{}-doctor-probe-{}", config.job_name_prefix, now.compact());
    JobRequest {
        client_request_token: job_name.clone(),
        job_name,
        role_arn: config.job_role_arn.clone(),
        model_id: config.model_id.clone(),
        model_invocation_type: config.model_invocation_type.as_str().to_owned(),
        input_s3_uri: in_folder("input"),
        output_s3_uri: in_folder("output"),
        s3_encryption_key_id: config.s3_encryption_key_id.clone(),
        subnet_ids: config.vpc.subnet_ids().to_vec(),
        security_group_ids: config.vpc.security_group_ids().to_vec(),
        timeout_duration_in_hours: config.timeout_duration_in_hours,
        tags: config.job_tags.clone(),
    }
}

/// Sends the request, and stops the job if there is one against expectation.
pub(super) async fn probe(bedrock: &Client, subject: &Subject, now: Timestamp) -> Probe {
    let request = request(subject, now);
    let answer = send(bedrock, &request).await;
    let mut arns = named(bedrock, &request.job_name).await;
    if let ProbeAnswer::Created(arn) = &answer {
        match &mut arns {
            Ok(arns) if arns.contains(arn) => {}
            Ok(arns) => arns.push(arn.clone()),
            // What is known must be stopped.
            Err(_) => arns = Ok(vec![arn.clone()]),
        }
    }
    let jobs = match arns {
        Err(unknown) => Err(unknown),
        Ok(arns) => {
            let mut jobs = Vec::new();
            for arn in arns {
                let stopped = stop(bedrock, &arn).await;
                jobs.push((arn, stopped));
            }
            Ok(jobs)
        }
    };
    Probe { job_name: request.job_name, answer, jobs }
}

async fn send(bedrock: &Client, request: &JobRequest) -> ProbeAnswer {
    let no_answer = |why| ProbeAnswer::NoAnswer(Unknown { why, fix: "try again".to_owned() });
    let sent = match to_request(request) {
        Ok(built) => built.send_with(bedrock).await,
        Err(error) => return no_answer(error.to_string()),
    };
    match sent {
        Ok(answer) => ProbeAnswer::Created(answer.job_arn),
        Err(SdkError::ServiceError(refusal)) => ProbeAnswer::Refused {
            code: refusal.err().code().unwrap_or_default().to_owned(),
            message: refusal.err().message().unwrap_or_default().to_owned(),
        },
        Err(error) => no_answer(format!("bedrock:CreateModelInvocationJob failed: {}", Chain(&error))),
    }
}

async fn named(bedrock: &Client, job_name: &str) -> Known<Vec<String>> {
    let request = bedrock.list_model_invocation_jobs().name_contains(job_name);
    let jobs = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let jobs = known("bedrock:ListModelInvocationJobs", jobs)?.into_iter();
    Ok(jobs.filter(|job| job.job_name == job_name).map(|job| job.job_arn).collect())
}

/// Stops a job. A job that is over cannot be stopped, which is as good.
async fn stop(bedrock: &Client, job_arn: &str) -> Known<()> {
    let answer = bedrock.stop_model_invocation_job().job_identifier(job_arn).send().await;
    let over = ["ConflictException", "ValidationException"];
    found("bedrock:StopModelInvocationJob", answer, &over).map(|_| ())
}
