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

use crate::aws::config::Config;
use crate::aws::error::Error;
use crate::base::s3_uri::S3Uri;
use crate::drop::identity::{self, JobId};
use crate::drop::keys;

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
            job_name: identity::job_name(&config.job_name_prefix, job_id),
            client_request_token: job_id.to_string(),
            role_arn: config.job_role_arn.clone(),
            model_id: config.model_id.clone(),
            model_invocation_type: config.model_invocation_type.as_str().to_owned(),
            input_s3_uri: in_output_bucket(keys::job_input(job_id)),
            output_s3_uri: in_output_bucket(keys::job_output_prefix(job_id)),
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

/// What Bedrock says that a job was created with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedWith {
    /// The client request token; the API does not promise to name it.
    pub client_request_token: Option<String>,
    /// The role that Bedrock assumes.
    pub role_arn: String,
    /// The model or inference profile; a full ARN, whatever it was created with.
    pub model_id: String,
    /// Where it reads.
    pub input_s3_uri: Option<String>,
    /// Where it writes.
    pub output_s3_uri: Option<String>,
    /// The subnets and the security groups.
    pub vpc: Option<(Vec<String>, Vec<String>)>,
}

impl CreatedWith {
    /// Whether this is the job of a request: it has its token or, where Bedrock names none, its input, which no
    /// other request has.
    #[must_use]
    pub fn is_of(&self, request: &JobRequest) -> bool {
        match &self.client_request_token {
            Some(token) => *token == request.client_request_token,
            None => self.input_s3_uri.as_deref() == Some(&request.input_s3_uri),
        }
    }

    /// Where the job is not as requested. Models are compared by what follows the last `/`, since Bedrock answers
    /// with the ARN of a model that was given by its id.
    #[must_use]
    pub fn differences(&self, request: &JobRequest) -> Vec<String> {
        let vpc = self.vpc.as_ref();
        let subnet_ids = vpc.map(|(subnet_ids, _)| sorted(subnet_ids));
        let security_group_ids = vpc.map(|(_, security_group_ids)| sorted(security_group_ids));
        let model = |id: &str| id.rsplit('/').next().unwrap_or(id).to_owned();
        let mut differences = Vec::new();
        let mut compare = |what: &str, is: Option<&str>, requested: &str| {
            if is != Some(requested) {
                differences.push(format!("{what} is {}, not {requested}", is.unwrap_or("missing")));
            }
        };
        compare("roleArn", Some(&self.role_arn), &request.role_arn);
        compare("modelId", Some(&model(&self.model_id)), &model(&request.model_id));
        compare("input s3Uri", self.input_s3_uri.as_deref(), &request.input_s3_uri);
        let folder = |uri: &str| uri.trim_end_matches('/').to_owned();
        let output = self.output_s3_uri.as_deref().map(folder);
        compare("output s3Uri", output.as_deref(), &folder(&request.output_s3_uri));
        compare("vpcConfig subnetIds", subnet_ids.as_deref(), &sorted(&request.subnet_ids));
        compare(
            "vpcConfig securityGroupIds",
            security_group_ids.as_deref(),
            &sorted(&request.security_group_ids),
        );
        differences
    }
}

/// Ids in an order of their own, for those of two lists to be compared and shown.
fn sorted(ids: &[String]) -> String {
    let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    ids.sort_unstable();
    ids.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> JobRequest {
        JobRequest {
            job_name: "demo-1".into(),
            client_request_token: "1".into(),
            role_arn: "arn:aws:iam::123456789012:role/batch".into(),
            model_id: "amazon.nova-lite-v1:0".into(),
            model_invocation_type: "InvokeModel".into(),
            input_s3_uri: "s3://out/work/1/input/1.jsonl".into(),
            output_s3_uri: "s3://out/work/1/output/".into(),
            s3_encryption_key_id: None,
            subnet_ids: vec!["subnet-b".into(), "subnet-a".into()],
            security_group_ids: vec!["sg-1".into()],
            timeout_duration_in_hours: 24,
            tags: BTreeMap::new(),
        }
    }

    fn created_with() -> CreatedWith {
        CreatedWith {
            client_request_token: Some("1".into()),
            role_arn: "arn:aws:iam::123456789012:role/batch".into(),
            model_id: "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0".into(),
            input_s3_uri: Some("s3://out/work/1/input/1.jsonl".into()),
            output_s3_uri: Some("s3://out/work/1/output/".into()),
            vpc: Some((vec!["subnet-a".into(), "subnet-b".into()], vec!["sg-1".into()])),
        }
    }

    #[test]
    fn token_says_whose_a_job_is_and_else_its_input() {
        let foreign = CreatedWith { client_request_token: Some("2".into()), ..created_with() };
        let nameless = CreatedWith { client_request_token: None, ..created_with() };
        let elsewhere = CreatedWith { input_s3_uri: Some("s3://out/x".into()), ..nameless.clone() };
        let is_ours = [created_with(), foreign, nameless, elsewhere].map(|job| job.is_of(&request()));
        assert_eq!(is_ours, [true, false, true, false]);
    }

    #[test]
    fn every_difference_that_matters_is_named() {
        assert_eq!(created_with().differences(&request()), Vec::<String>::new());
        let table = [
            (CreatedWith { role_arn: "r".into(), ..created_with() }, "roleArn is r, not arn:aws:iam::"),
            (
                CreatedWith {
                    model_id: "arn:aws:bedrock:x:1:inference-profile/us.m".into(),
                    ..created_with()
                },
                "modelId is us.m, not amazon.nova-lite-v1:0",
            ),
            (CreatedWith { input_s3_uri: None, ..created_with() }, "input s3Uri is missing, not s3://out/"),
            (
                CreatedWith { output_s3_uri: Some("s3://x/".into()), ..created_with() },
                "output s3Uri is s3://x",
            ),
            (
                CreatedWith { vpc: Some((vec![], vec!["sg-1".into()])), ..created_with() },
                "vpcConfig subnetIds is , not subnet-a,subnet-b",
            ),
            (
                CreatedWith { vpc: Some((request().subnet_ids, vec!["sg-2".into()])), ..created_with() },
                "vpcConfig securityGroupIds is sg-2, not sg-1",
            ),
        ];
        for (job, expected) in table {
            let differences = job.differences(&request());
            assert!(differences.len() == 1 && differences[0].starts_with(expected), "{differences:?}");
        }
        let outside = CreatedWith { vpc: None, ..created_with() };
        assert_eq!(
            outside.differences(&request()),
            [
                "vpcConfig subnetIds is missing, not subnet-a,subnet-b",
                "vpcConfig securityGroupIds is missing, not sg-1",
            ]
        );
    }
}
