//! What is examined: the functions' settings, and what only a stack says.

use std::collections::BTreeMap;

use crate::aws::config::{Config, ConfigError};
use crate::aws::stack::variables;
use crate::base::arn::{Arn, id_of};
use crate::drop::routes::Route;

/// What is examined.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) region: String,
    pub(super) config: Config,
    /// What only a stack says.
    pub(super) functions: Option<Functions>,
}

/// The functions of a stack, and how they reach the services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Functions {
    /// `SubmitRoleArn` and `CompleteRoleArn`.
    pub(super) roles: Vec<String>,
    /// The role of the function that sweeps: `CompleteRoleArn`.
    pub(super) sweep_role: Option<String>,
    pub(super) security_group_id: Option<String>,
    pub(super) bedrock_endpoint_id: Option<String>,
}

impl Subject {
    /// Reads the outputs and parameters of a stack, outputs first.
    ///
    /// # Errors
    /// One error that lists all settings that are missing or wrong.
    pub(super) fn of_stack(values: &BTreeMap<String, String>, region: &str) -> Result<Self, ConfigError> {
        let value = |name: &str| values.get(name).filter(|value| !value.is_empty()).cloned();
        let variables = variables(values);
        let config = Config::from_vars(|name| variables.get(name).cloned())?;
        let functions = Functions {
            roles: ["SubmitRoleArn", "CompleteRoleArn"].into_iter().filter_map(value).collect(),
            sweep_role: value("CompleteRoleArn"),
            security_group_id: value("FunctionSecurityGroupId"),
            bedrock_endpoint_id: value("BedrockVpcEndpointId"),
        };
        Ok(Self { region: region.to_owned(), config, functions: Some(functions) })
    }

    /// The stack as drops of a route see it: with the model, the quotas, and the tags of the route.
    pub(super) fn of_route(&self, route: &Route) -> Self {
        let settings = route.settings(&self.config.settings());
        let config = Config {
            model_id: settings.model_id,
            quotas: settings.quotas,
            job_tags: settings.tags,
            ..self.config.clone()
        };
        Self { config, ..self.clone() }
    }

    /// The partition of the account: `aws`, or that of China or of a government.
    pub(super) fn partition(&self) -> &str {
        Arn::parse(&self.config.job_role_arn).map_or("aws", Arn::partition)
    }

    /// The account that owns the job's role, and everything else.
    pub(super) fn account(&self) -> &str {
        Arn::parse(&self.config.job_role_arn).map_or("", Arn::account)
    }

    /// The name of the job's role, without its path.
    pub(super) fn role_name(&self) -> &str {
        id_of(&self.config.job_role_arn)
    }

    /// An ARN in this partition, Region, and account.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition(), self.region, self.account())
    }

    /// The ARN of a foundation model in this Region.
    pub(super) fn model_arn(&self, model_id: &str) -> String {
        format!("arn:{}:bedrock:{}::foundation-model/{model_id}", self.partition(), self.region)
    }

    /// The ARN of a job, such as Bedrock will create.
    pub(super) fn job_arn(&self) -> String {
        self.arn("bedrock", "model-invocation-job/abcdefghijkl")
    }

    /// The ARN of a bucket, or of a key in it.
    pub(super) fn s3_arn(&self, path: &str) -> String {
        format!("arn:{}:s3:::{path}", self.partition())
    }

    /// What only the sweep requests from S3, to find drops whose event was lost: its role, the action, and
    /// the ARN.
    pub(super) fn sweep_request(&self) -> Option<(String, &'static str, String)> {
        let role = self.functions.as_ref()?.sweep_role.clone()?;
        Some((role, "s3:ListBucketVersions", self.s3_arn(&self.config.input_bucket)))
    }

    /// What a job requests from S3: actions and ARNs.
    pub(super) fn s3_requests(&self) -> [(&'static str, String); 3] {
        let output = &self.config.output_bucket;
        let job = "work/00000000000000000000000000000000";
        [
            ("s3:GetObject", self.s3_arn(&format!("{output}/{job}/input/drop.jsonl"))),
            ("s3:PutObject", self.s3_arn(&format!("{output}/{job}/output/abcdefghijkl/drop.jsonl.out"))),
            ("s3:ListBucket", self.s3_arn(output)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn stack_gives_the_settings_of_its_functions() {
        let values = values(&[
            ("OutputBucketName", "out-bucket"),
            ("InputBucketName", "in-bucket"),
            ("JobRoleArn", "arn:aws:iam::123456789012:role/path/job"),
            ("ModelId", "amazon.nova-lite-v1:0"),
            ("JobNamePrefix", "demo"),
            ("JobSubnetIds", "subnet-0a,subnet-0b"),
            ("JobSecurityGroupIds", "sg-0a"),
            ("KmsKeyArn", ""),
            ("MaxRecordsPerJob", "5000"),
            ("SubmitRoleArn", "arn:aws:iam::123456789012:role/submit"),
            ("CompleteRoleArn", "arn:aws:iam::123456789012:role/complete"),
            ("BedrockVpcEndpointId", "vpce-0b"),
        ]);
        let subject = Subject::of_stack(&values, "us-east-1").unwrap();
        assert_eq!(subject.config.quotas.max_records, 5000);
        assert_eq!(subject.config.s3_encryption_key_id, None);
        assert_eq!((subject.account(), subject.role_name()), ("123456789012", "job"));
        assert_eq!(
            subject.functions,
            Some(Functions {
                roles: ["submit", "complete"]
                    .map(|name| format!("arn:aws:iam::123456789012:role/{name}"))
                    .into(),
                sweep_role: Some("arn:aws:iam::123456789012:role/complete".into()),
                security_group_id: None,
                bedrock_endpoint_id: Some("vpce-0b".into()),
            })
        );
    }

    #[test]
    fn stack_of_another_template_is_refused_with_everything_that_it_lacks() {
        let error = Subject::of_stack(&values(&[("ModelId", "a.b")]), "us-east-1").unwrap_err();
        let message = error.to_string();
        for name in ["INPUT_BUCKET", "OUTPUT_BUCKET", "JOB_ROLE_ARN", "SUBNET_IDS", "SECURITY_GROUP_IDS"] {
            assert!(message.contains(&format!("{name} is not set")), "{message}");
        }
    }
}
