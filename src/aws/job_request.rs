//! The request for a job: from its settings and the environment, and into the SDK's types. Every request has a `VpcConfig`.

use aws_sdk_bedrock::error::BuildError;
use aws_sdk_bedrock::operation::create_model_invocation_job::CreateModelInvocationJobInput;
use aws_sdk_bedrock::operation::create_model_invocation_job::builders::CreateModelInvocationJobInputBuilder;
use aws_sdk_bedrock::types::{
    ModelInvocationJobInputDataConfig, ModelInvocationJobOutputDataConfig,
    ModelInvocationJobS3InputDataConfig, ModelInvocationJobS3OutputDataConfig, ModelInvocationType,
    S3InputFormat, Tag, VpcConfig,
};

use crate::aws::config::Config;
use crate::aws::error::Error;
use crate::base::s3_uri::S3Uri;
use crate::drop::identity::{self, JobId};
use crate::drop::keys;
use crate::drop::settings::Settings;
use crate::job::request::JobRequest;

/// Makes the request for a job. What the job costs and what becomes of it follows from `settings`; where it runs, with
/// which role and which key, follows from the environment.
#[must_use]
pub fn new_request(config: &Config, settings: &Settings, job_id: &JobId) -> JobRequest {
    let in_output_bucket = |key| S3Uri::new(&config.output_bucket, key).to_string();
    JobRequest {
        job_name: identity::job_name(&config.job_name_prefix, job_id),
        client_request_token: job_id.to_string(),
        role_arn: config.job_role_arn.clone(),
        model_id: settings.model_id.clone(),
        model_invocation_type: settings.model_invocation_type.clone(),
        input_s3_uri: in_output_bucket(keys::job_input(job_id)),
        output_s3_uri: in_output_bucket(keys::job_output_prefix(job_id)),
        s3_encryption_key_id: config.s3_encryption_key_id.clone(),
        subnet_ids: config.vpc.subnet_ids().to_vec(),
        security_group_ids: config.vpc.security_group_ids().to_vec(),
        timeout_duration_in_hours: settings.timeout_duration_in_hours,
        tags: settings.tags.clone(),
    }
}

/// Translates a request for the SDK.
///
/// # Errors
/// Returns [`Error::Internal`] if the recorded lists of subnets or security groups are empty, or if a member that the
/// SDK requires is missing.
pub fn to_request(request: &JobRequest) -> Result<CreateModelInvocationJobInputBuilder, Error> {
    let job_name = &request.job_name;
    if request.subnet_ids.is_empty() || request.security_group_ids.is_empty() {
        return Err(Error::Internal(format!(
            "job {job_name} has no subnets or security groups, so it is not submitted"
        )));
    }
    build(request).map_err(|error| Error::Internal(format!("job {job_name}: {error}")))
}

fn build(request: &JobRequest) -> Result<CreateModelInvocationJobInputBuilder, BuildError> {
    let input = ModelInvocationJobS3InputDataConfig::builder()
        .s3_input_format(S3InputFormat::Jsonl)
        .s3_uri(&request.input_s3_uri)
        .build()?;
    let output = ModelInvocationJobS3OutputDataConfig::builder()
        .s3_uri(&request.output_s3_uri)
        .set_s3_encryption_key_id(request.s3_encryption_key_id.clone())
        .build()?;
    let vpc_config = VpcConfig::builder()
        .set_subnet_ids(Some(request.subnet_ids.clone()))
        .set_security_group_ids(Some(request.security_group_ids.clone()))
        .build()?;
    let tags = request.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let tags = tags.collect::<Result<Vec<_>, _>>()?;
    Ok(CreateModelInvocationJobInput::builder()
        .job_name(&request.job_name)
        .client_request_token(&request.client_request_token)
        .role_arn(&request.role_arn)
        .model_id(&request.model_id)
        .model_invocation_type(ModelInvocationType::from(request.model_invocation_type.as_str()))
        .input_data_config(ModelInvocationJobInputDataConfig::S3InputDataConfig(input))
        .output_data_config(ModelInvocationJobOutputDataConfig::S3OutputDataConfig(output))
        .vpc_config(vpc_config)
        .timeout_duration_in_hours(request.timeout_duration_in_hours)
        .set_tags((!tags.is_empty()).then_some(tags)))
}
