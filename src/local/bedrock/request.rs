//! Parses the body of a `CreateModelInvocationJob` into a request that keeps every rule of the service model,
//! or lists every rule that it breaks.
//!
//! Pure. Stricter than AWS in one point: AWS ignores unknown members, but here they are refused, because a
//! stand-in must catch a misspelled member such as `subnets` for `subnetIds`.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html> (read 2026-11).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::patterns::{self, Choice, Span, Text};
use super::violation::{summary, violation};

/// AWS does not document the default. Jobs that were made without a timeout were seen to have 24 hours.
const DEFAULT_TIMEOUT_DURATION_IN_HOURS: u64 = 24;

/// A request for a job. `body` is the request as sent, to compare it with a repeated one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CreateRequest {
    pub(super) job_name: String,
    pub(super) role_arn: String,
    pub(super) model_id: String,
    pub(super) client_request_token: Option<String>,
    pub(super) input_s3_uri: String,
    pub(super) output_s3_uri: String,
    pub(super) s3_encryption_key_id: Option<String>,
    pub(super) subnet_ids: Vec<String>,
    pub(super) security_group_ids: Vec<String>,
    pub(super) timeout_duration_in_hours: u64,
    pub(super) invocation_type: InvocationType,
    pub(super) body: Value,
}

/// How records are read and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InvocationType {
    /// In the format of the model's own family; the default.
    InvokeModel,
    /// In the format of the Converse operation, whatever the family.
    Converse,
}

impl InvocationType {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::InvokeModel => "InvokeModel",
            Self::Converse => "Converse",
        }
    }
}

impl CreateRequest {
    /// Parses a body. The error is one message with everything that is wrong, as AWS words it.
    pub(super) fn parse(body: Value) -> Result<Self, String> {
        let mut check = Check::default();
        let request = check.create(&body);
        match request {
            Some(request) if check.0.is_empty() => Ok(Self { body, ..request }),
            Some(_) | None => Err(summary(&check.0)),
        }
    }
}

/// A structure in the body, and the path to it.
struct Structure<'a> {
    at: String,
    members: &'a Map<String, Value>,
}

impl<'a> Structure<'a> {
    /// A member that is present. In this protocol, `null` means absent.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }
}

/// The violations found so far. The methods return `None` for what is absent or wrong.
#[derive(Default)]
struct Check(Vec<String>);

impl Check {
    fn create(&mut self, body: &Value) -> Option<CreateRequest> {
        let known = [
            "jobName",
            "roleArn",
            "clientRequestToken",
            "modelId",
            "inputDataConfig",
            "outputDataConfig",
            "vpcConfig",
            "timeoutDurationInHours",
            "tags",
            "modelInvocationType",
        ];
        let request = self.structure(body, String::new(), &known)?;
        let job_name = self.required_text(&request, "jobName", &patterns::JOB_NAME);
        let role_arn = self.required_text(&request, "roleArn", &patterns::ROLE_ARN);
        let model_id = self.required_text(&request, "modelId", &patterns::MODEL_ID);
        let client_request_token = self.text(&request, "clientRequestToken", &patterns::CLIENT_REQUEST_TOKEN);
        let input_s3_uri = self.input(&request);
        let output = self.output(&request);
        let vpc = self.vpc(&request);
        let timeout = self.integer(&request, "timeoutDurationInHours", &patterns::TIMEOUT_DURATION_IN_HOURS);
        self.tags(&request);
        let invocation_type = self.choice(&request, "modelInvocationType", &patterns::MODEL_INVOCATION_TYPE);
        let (output_s3_uri, s3_encryption_key_id) = output?;
        let (subnet_ids, security_group_ids) = vpc.unwrap_or_default();
        Some(CreateRequest {
            job_name: job_name?,
            role_arn: role_arn?,
            model_id: model_id?,
            client_request_token,
            input_s3_uri: input_s3_uri?,
            output_s3_uri,
            s3_encryption_key_id,
            subnet_ids,
            security_group_ids,
            timeout_duration_in_hours: timeout.unwrap_or(DEFAULT_TIMEOUT_DURATION_IN_HOURS),
            invocation_type: match invocation_type.as_deref() {
                Some("Converse") => InvocationType::Converse,
                Some(_) | None => InvocationType::InvokeModel,
            },
            body: Value::Null,
        })
    }

    fn input(&mut self, request: &Structure<'_>) -> Option<String> {
        let known = ["s3InputFormat", "s3Uri", "s3BucketOwner"];
        let config = self.union(request, "inputDataConfig", "s3InputDataConfig", &known)?;
        self.choice(&config, "s3InputFormat", &patterns::S3_INPUT_FORMAT);
        self.text(&config, "s3BucketOwner", &patterns::ACCOUNT_ID);
        self.required_text(&config, "s3Uri", &patterns::S3_URI)
    }

    fn output(&mut self, request: &Structure<'_>) -> Option<(String, Option<String>)> {
        let known = ["s3Uri", "s3EncryptionKeyId", "s3BucketOwner"];
        let config = self.union(request, "outputDataConfig", "s3OutputDataConfig", &known)?;
        let key = self.text(&config, "s3EncryptionKeyId", &patterns::KMS_KEY_ID);
        self.text(&config, "s3BucketOwner", &patterns::ACCOUNT_ID);
        Some((self.required_text(&config, "s3Uri", &patterns::S3_URI)?, key))
    }

    fn vpc(&mut self, request: &Structure<'_>) -> Option<(Vec<String>, Vec<String>)> {
        let value = request.get("vpcConfig")?;
        let config = self.structure(value, request.path("vpcConfig"), &["subnetIds", "securityGroupIds"])?;
        let subnets = self.ids(&config, "subnetIds", &patterns::SUBNET_IDS, &patterns::SUBNET_ID);
        let groups = self.ids(
            &config,
            "securityGroupIds",
            &patterns::SECURITY_GROUP_IDS,
            &patterns::SECURITY_GROUP_ID,
        );
        Some((subnets?, groups?))
    }

    fn ids(&mut self, config: &Structure<'_>, name: &str, count: &Span, rule: &Text) -> Option<Vec<String>> {
        let items = self.present(config, name)?;
        let items = self.list(items, &config.path(name), count)?;
        let mut ids = Vec::new();
        for (position, item) in items.iter().enumerate() {
            ids.extend(self.checked_text(item, &member(&config.path(name), position), rule));
        }
        Some(ids)
    }

    /// Checks also the rules that are not in the service model: keys must be unique (two keys may differ in
    /// case only), and the prefix `aws:` is reserved. AWS does not document the messages.
    /// <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html> (read 2026-11).
    fn tags(&mut self, request: &Structure<'_>) -> Option<()> {
        let at = request.path("tags");
        let items = self.list(request.get("tags")?, &at, &patterns::TAGS)?;
        let mut keys = HashSet::new();
        for (position, item) in items.iter().enumerate() {
            let Some(tag) = self.structure(item, member(&at, position), &["key", "value"]) else { continue };
            let key = self.required_text(&tag, "key", &patterns::TAG_KEY);
            self.required_text(&tag, "value", &patterns::TAG_VALUE);
            let Some(key) = key else { continue };
            let shown = Value::String(key.clone());
            if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
                self.0.push(violation(
                    &shown,
                    &tag.path("key"),
                    "Member must not begin with the reserved aws:",
                ));
            }
            if !keys.insert(key) {
                self.0.push(violation(
                    &shown,
                    &tag.path("key"),
                    "Member must be unique among the keys of the tags",
                ));
            }
        }
        Some(())
    }

    fn structure<'a>(&mut self, value: &'a Value, at: String, known: &[&str]) -> Option<Structure<'a>> {
        let Value::Object(members) = value else {
            self.0.push(violation(value, &at, "Member must be a structure"));
            return None;
        };
        let structure = Structure { at, members };
        for (name, unknown) in members.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            self.0.push(violation(
                unknown,
                &structure.path(name),
                "Member must be one that the service model knows",
            ));
        }
        Some(structure)
    }

    /// Reads a union that has only one member in the service model, so that this member is required.
    fn union<'a>(
        &mut self,
        parent: &Structure<'a>,
        name: &str,
        only: &str,
        known: &[&str],
    ) -> Option<Structure<'a>> {
        let value = self.present(parent, name)?;
        let union = self.structure(value, parent.path(name), &[only])?;
        let Some(config) = union.get(only) else {
            self.0.push(violation(value, &union.at, "Member must have exactly one member of the union set"));
            return None;
        };
        self.structure(config, union.path(only), known)
    }

    fn present<'a>(&mut self, parent: &Structure<'a>, name: &str) -> Option<&'a Value> {
        let value = parent.get(name);
        if value.is_none() {
            self.0.push(violation(&Value::Null, &parent.path(name), "Member must not be null"));
        }
        value
    }

    fn list<'a>(&mut self, value: &'a Value, at: &str, count: &Span) -> Option<&'a [Value]> {
        let Value::Array(items) = value else {
            self.0.push(violation(value, at, "Member must be a list"));
            return None;
        };
        if items.len() < count.min {
            let least = format!("Member must have length greater than or equal to {}", count.min);
            self.0.push(violation(value, at, &least));
        }
        if items.len() > count.max {
            let most = format!("Member must have length less than or equal to {}", count.max);
            self.0.push(violation(value, at, &most));
        }
        Some(items)
    }

    fn required_text(&mut self, parent: &Structure<'_>, name: &str, rule: &Text) -> Option<String> {
        let value = self.present(parent, name)?;
        self.checked_text(value, &parent.path(name), rule)
    }

    fn text(&mut self, parent: &Structure<'_>, name: &str, rule: &Text) -> Option<String> {
        self.checked_text(parent.get(name)?, &parent.path(name), rule)
    }

    fn checked_text(&mut self, value: &Value, at: &str, rule: &Text) -> Option<String> {
        let Value::String(text) = value else {
            self.0.push(violation(value, at, "Member must be a string"));
            return None;
        };
        self.0.extend(rule.problems(text).iter().map(|problem| violation(value, at, problem)));
        Some(text.clone())
    }

    fn choice(&mut self, parent: &Structure<'_>, name: &str, rule: &Choice) -> Option<String> {
        let value = parent.get(name)?;
        let at = parent.path(name);
        let Value::String(text) = value else {
            self.0.push(violation(value, &at, "Member must be a string"));
            return None;
        };
        self.0.extend(rule.problem(text).iter().map(|problem| violation(value, &at, problem)));
        Some(text.clone())
    }

    fn integer(&mut self, parent: &Structure<'_>, name: &str, rule: &Span) -> Option<u64> {
        let value = parent.get(name)?;
        let at = parent.path(name);
        if !(value.is_i64() || value.is_u64()) {
            self.0.push(violation(value, &at, "Member must be an integer"));
            return None;
        }
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        if number.is_none_or(|number| number < rule.min) {
            let least = format!("Member must have value greater than or equal to {}", rule.min);
            self.0.push(violation(value, &at, &least));
        }
        if number.is_some_and(|number| number > rule.max) {
            let most = format!("Member must have value less than or equal to {}", rule.max);
            self.0.push(violation(value, &at, &most));
        }
        value.as_u64()
    }
}

fn member(at: &str, position: usize) -> String {
    format!("{at}.{}.member", position + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tells_every_violation_in_one_message() {
        let body = json!({
            "jobName": "a_b",
            "modelId": "amazon.nova-lite-v1:0",
            "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://bkt/a.jsonl", "s3InputFormat": "CSV"}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bkt/out/"}},
            "vpcConfig": {"subnets": ["subnet-1"], "securityGroupIds": []},
            "timeoutDurationInHours": 12,
        });
        assert_eq!(
            CreateRequest::parse(body).unwrap_err(),
            "7 validation errors detected: \
             Value 'a_b' at 'jobName' failed to satisfy constraint: Member must satisfy regular expression \
             pattern: [a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9\\+\\-\\.]){0,63}; \
             Value null at 'roleArn' failed to satisfy constraint: Member must not be null; \
             Value 'CSV' at 'inputDataConfig.s3InputDataConfig.s3InputFormat' failed to satisfy constraint: \
             Member must satisfy enum value set: [JSONL]; \
             Value '[\"subnet-1\"]' at 'vpcConfig.subnets' failed to satisfy constraint: Member must be one that the service model knows; \
             Value null at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must not be null; \
             Value '[]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must have length \
             greater than or equal to 1; \
             Value '12' at 'timeoutDurationInHours' failed to satisfy constraint: Member must have value \
             greater than or equal to 24"
        );
    }
}
