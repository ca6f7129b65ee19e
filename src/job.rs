//! One part and the settings to the request that Bedrock gets. Pure.

use std::collections::BTreeMap;

use aws_sdk_bedrock::error::BuildError;
use aws_sdk_bedrock::operation::create_model_invocation_job::CreateModelInvocationJobInput;
use aws_sdk_bedrock::operation::create_model_invocation_job::builders::CreateModelInvocationJobInputBuilder;
use aws_sdk_bedrock::types::{
    ModelInvocationJobInputDataConfig, ModelInvocationJobOutputDataConfig,
    ModelInvocationJobS3InputDataConfig, ModelInvocationJobS3OutputDataConfig, ModelInvocationType,
    S3InputFormat, Tag, VpcConfig,
};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::error::Error;
use crate::layout::{self, JobId};
use crate::s3_uri::S3Uri;

/// Everything that a job is created with. It is recorded before the call, so that whoever takes over after
/// a crash asks for the same job, whatever the settings have become meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// `<prefix>-<job-id>`.
    pub job_name: String,
    /// The job-id: the same job again is the same request again.
    pub client_request_token: String,
    /// The role that Bedrock assumes.
    pub role_arn: String,
    /// The model, or an inference profile.
    pub model_id: String,
    /// `InvokeModel` or `Converse`.
    pub model_invocation_type: String,
    /// The one file that the job reads. Never a folder: Bedrock would read every JSONL file in it.
    pub input_s3_uri: String,
    /// The folder that the job writes below.
    pub output_s3_uri: String,
    /// The KMS key of the output.
    pub s3_encryption_key_id: Option<String>,
    /// Never empty.
    pub subnet_ids: Vec<String>,
    /// Never empty.
    pub security_group_ids: Vec<String>,
    /// 24 to 168.
    pub timeout_duration_in_hours: i32,
    /// Tags of the job.
    pub tags: BTreeMap<String, String>,
}

impl JobRequest {
    /// The request for a job with these settings.
    #[must_use]
    pub fn new(config: &Config, job_id: &JobId) -> Self {
        let in_output_bucket = |key| S3Uri::new(&config.output_bucket, key).to_string();
        Self {
            job_name: layout::job_name(&config.job_name_prefix, job_id),
            client_request_token: job_id.to_string(),
            role_arn: config.job_role_arn.clone(),
            model_id: config.model_id.clone(),
            model_invocation_type: config.model_invocation_type.as_str().to_owned(),
            input_s3_uri: in_output_bucket(layout::job_input(job_id)),
            output_s3_uri: in_output_bucket(layout::job_output_prefix(job_id)),
            s3_encryption_key_id: config.s3_encryption_key_id.clone(),
            subnet_ids: config.vpc.subnet_ids().to_vec(),
            security_group_ids: config.vpc.security_group_ids().to_vec(),
            timeout_duration_in_hours: config.timeout_duration_in_hours,
            tags: config.job_tags.clone(),
        }
    }

    /// The request in the SDK's words. It always has a `VpcConfig`.
    ///
    /// # Errors
    /// [`Error::Internal`] if the recorded lists of subnets or security groups are empty, or a member that
    /// the SDK requires is missing.
    pub fn to_request(&self) -> Result<CreateModelInvocationJobInputBuilder, Error> {
        if self.subnet_ids.is_empty() || self.security_group_ids.is_empty() {
            let job_name = &self.job_name;
            return Err(Error::Internal(format!(
                "job {job_name} has no subnets or security groups: not submitted"
            )));
        }
        self.build().map_err(|error| Error::Internal(format!("job {}: {error}", self.job_name)))
    }

    fn build(&self) -> Result<CreateModelInvocationJobInputBuilder, BuildError> {
        let input = ModelInvocationJobS3InputDataConfig::builder()
            .s3_input_format(S3InputFormat::Jsonl)
            .s3_uri(&self.input_s3_uri)
            .build()?;
        let output = ModelInvocationJobS3OutputDataConfig::builder()
            .s3_uri(&self.output_s3_uri)
            .set_s3_encryption_key_id(self.s3_encryption_key_id.clone())
            .build()?;
        let vpc_config = VpcConfig::builder()
            .set_subnet_ids(Some(self.subnet_ids.clone()))
            .set_security_group_ids(Some(self.security_group_ids.clone()))
            .build()?;
        let tags = self.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags = tags.collect::<Result<Vec<_>, _>>()?;
        Ok(CreateModelInvocationJobInput::builder()
            .job_name(&self.job_name)
            .client_request_token(&self.client_request_token)
            .role_arn(&self.role_arn)
            .model_id(&self.model_id)
            .model_invocation_type(ModelInvocationType::from(self.model_invocation_type.as_str()))
            .input_data_config(ModelInvocationJobInputDataConfig::S3InputDataConfig(input))
            .output_data_config(ModelInvocationJobOutputDataConfig::S3OutputDataConfig(output))
            .vpc_config(vpc_config)
            .timeout_duration_in_hours(self.timeout_duration_in_hours)
            .set_tags((!tags.is_empty()).then_some(tags)))
    }
}
