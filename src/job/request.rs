//! The request for a job, and whether a job at Bedrock was made from it. Pure; `aws::job_request` makes a request from
//! the settings, and translates it for the SDK.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::arn::id_of;

/// Everything that a job is created with. It is recorded before the call, so that the invocation that takes over after
/// a crash asks for the same job, even if the settings have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequest {
    /// `<prefix>-<job-id>`.
    pub job_name: String,
    /// The job-id, so that asking again for the same job is the same request.
    pub client_request_token: String,
    /// The role that Bedrock assumes.
    pub role_arn: String,
    /// The model, or an inference profile.
    pub model_id: String,
    /// `InvokeModel` or `Converse`.
    pub model_invocation_type: String,
    /// The one file that the job reads. It is never a folder: Bedrock would read every JSONL file in it.
    pub input_s3_uri: String,
    /// The folder that the job writes to.
    pub output_s3_uri: String,
    /// The KMS key that encrypts the output.
    pub s3_encryption_key_id: Option<String>,
    /// The subnets; never empty.
    pub subnet_ids: Vec<String>,
    /// The security groups; never empty.
    pub security_group_ids: Vec<String>,
    /// When Bedrock gives up on the job, in hours: 24 to 168.
    pub timeout_duration_in_hours: i32,
    /// The job's tags.
    pub tags: BTreeMap<String, String>,
}

/// What a job was created with, according to Bedrock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedWith {
    /// The client request token, which the API does not promise to return.
    pub client_request_token: Option<String>,
    /// The role that Bedrock assumes.
    pub role_arn: String,
    /// The model or inference profile: always a full ARN, whatever form the request had.
    pub model_id: String,
    /// Where the job reads.
    pub input_s3_uri: Option<String>,
    /// Where the job writes.
    pub output_s3_uri: Option<String>,
    /// The subnets, then the security groups.
    pub vpc: Option<(Vec<String>, Vec<String>)>,
}

impl CreatedWith {
    /// Returns whether this job was made from the request: it has the request's token or, if Bedrock does not return
    /// the token, its input, which no other request has.
    #[must_use]
    pub fn was_made_from(&self, request: &JobRequest) -> bool {
        match &self.client_request_token {
            Some(token) => *token == request.client_request_token,
            None => self.input_s3_uri.as_deref() == Some(&request.input_s3_uri),
        }
    }

    /// Returns how the job differs from the request. Models are compared by their ids, because Bedrock returns an ARN even
    /// if the request named the model by its id.
    #[must_use]
    pub fn differences(&self, request: &JobRequest) -> Vec<String> {
        let vpc = self.vpc.as_ref();
        let subnet_ids = vpc.map(|(subnet_ids, _)| sorted(subnet_ids));
        let security_group_ids = vpc.map(|(_, security_group_ids)| sorted(security_group_ids));
        let mut differences = Vec::new();
        let mut compare = |what: &str, is: Option<&str>, requested: &str| {
            if is != Some(requested) {
                differences.push(format!("{what} is {}, not {requested}", is.unwrap_or("missing")));
            }
        };
        compare("roleArn", Some(&self.role_arn), &request.role_arn);
        compare("modelId", Some(id_of(&self.model_id)), id_of(&request.model_id));
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

/// Sorts ids and joins them, so that two lists can be compared and shown.
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
    fn job_is_ours_if_it_has_our_token_or_else_our_input() {
        let foreign = CreatedWith { client_request_token: Some("2".into()), ..created_with() };
        let nameless = CreatedWith { client_request_token: None, ..created_with() };
        let elsewhere = CreatedWith { input_s3_uri: Some("s3://out/x".into()), ..nameless.clone() };
        let is_ours = [created_with(), foreign, nameless, elsewhere].map(|job| job.was_made_from(&request()));
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
