//! What AWS's service model requires of single values: patterns, lengths, ranges, and enumerations.
//!
//! Pure data, and its matching. Nothing else in the stand-in repeats one of these numbers. The values are
//! those of `bedrock/2023-04-20/service-2.json` in botocore 1.44.5, and `tests/local/bedrock/service_model.rs` compares
//! each of them with that file. The two sets of members are those of
//! `bedrock-runtime/2023-09-30/service-2.json`.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html> (read 2026-11).

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

/// A string shape of the service model.
#[derive(Debug)]
pub struct Text {
    /// The name of the shape in the service model.
    pub shape: &'static str,
    /// The fewest characters, if the model has a limit.
    pub min: Option<usize>,
    /// The most characters, if the model has a limit.
    pub max: Option<usize>,
    /// The regular expression that the whole value must match.
    pub pattern: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Text {
    const fn new(shape: &'static str, min: Option<usize>, max: Option<usize>, pattern: &'static str) -> Self {
        Self { shape, min, max, pattern, compiled: OnceLock::new() }
    }

    /// The constraints that `value` breaks, in AWS's words. Empty if the value is valid.
    pub fn problems(&self, value: &str) -> Vec<String> {
        let length = value.chars().count();
        let mut problems = Vec::new();
        if let Some(min) = self.min.filter(|min| length < *min) {
            problems.push(format!("Member must have length greater than or equal to {min}"));
        }
        if let Some(max) = self.max.filter(|max| length > *max) {
            problems.push(format!("Member must have length less than or equal to {max}"));
        }
        if !self.matches(value) {
            problems.push(format!("Member must satisfy regular expression pattern: {}", self.pattern));
        }
        problems
    }

    fn matches(&self, value: &str) -> bool {
        let regex = self.compiled.get_or_init(|| full_match(self.pattern));
        regex.as_ref().is_some_and(|regex| regex.is_match(value.as_bytes()))
    }
}

/// Compiles a pattern of the service model so that it must match a whole value. `None` if the pattern uses
/// something that Rust's syntax does not have; a test shows that no pattern here does.
///
/// AWS's services run these patterns in Java, where `\s` matches only ASCII and `.` does not match `\r`. This
/// is why the patterns match bytes instead of Unicode, in CRLF mode. One difference is left: Java's `.` does
/// not match U+0085, U+2028, and U+2029 either. Only `RoleArn` has a `.`.
fn full_match(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&format!(r"\A(?:{pattern})\z")).unicode(false).crlf(true).build().ok()
}

/// A range of the service model: of the number of items in a list, or of the value of an integer.
#[derive(Debug)]
pub struct Span {
    /// Name of the shape in the service model.
    pub shape: &'static str,
    /// Smallest number allowed.
    pub min: usize,
    /// Largest number allowed.
    pub max: usize,
}

/// An enumeration of the service model.
#[derive(Debug)]
pub struct Choice {
    /// Name of the shape in the service model.
    pub shape: &'static str,
    /// The values, in the model's order.
    pub values: &'static [&'static str],
}

impl Choice {
    /// What is wrong with `value`, in AWS's words, or `None` if it is one of the values.
    pub fn problem(&self, value: &str) -> Option<String> {
        let set = || format!("Member must satisfy enum value set: [{}]", self.values.join(", "));
        (!self.values.contains(&value)).then(set)
    }
}

/// The members of a structure or union that records are made of.
#[derive(Debug)]
pub struct Members {
    /// The name of the shape in the service model of the runtime.
    pub shape: &'static str,
    /// The members, in the model's order.
    pub names: &'static [&'static str],
}

/// `jobName`.
pub static JOB_NAME: Text =
    Text::new("ModelInvocationJobName", Some(1), Some(63), r"[a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9\+\-\.]){0,63}");

/// `roleArn`.
pub static ROLE_ARN: Text =
    Text::new("RoleArn", Some(0), Some(2048), r"arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+");

/// `clientRequestToken`.
pub static CLIENT_REQUEST_TOKEN: Text = Text::new(
    "ModelInvocationIdempotencyToken",
    Some(1),
    Some(256),
    r"[a-zA-Z0-9]{1,256}(-*[a-zA-Z0-9]){0,256}",
);

/// `modelId`: the id of a foundation model or inference profile, or an ARN.
pub static MODEL_ID: Text = Text::new(
    "ModelId",
    Some(1),
    Some(2048),
    concat!(
        r"(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:(([0-9]{12}:custom-model/[a-z0-9-]{1,63}[.]{1}[a-z0-9-:]{1,63}/[a-z0-9]{12}$)",
        r"|(:foundation-model/([a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}([.]?[a-z0-9-]{1,63})([:][a-z0-9-]{1,63}){0,2})|(([0-9a-zA-Z][_-]?)+)$)",
        r"|([0-9]{12}:(inference-profile|application-inference-profile)/[a-zA-Z0-9-:.]+$)))",
        r"|([a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}([.]?[a-z0-9-]{1,63})([:][a-z0-9-]{1,63}){0,2})",
        r"|(([0-9a-zA-Z][_-]?)+)",
    ),
);

/// `s3Uri` of the input and of the output.
pub static S3_URI: Text = Text::new(
    "S3Uri",
    Some(1),
    Some(1024),
    r"s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-z0-9A-Z]+(?:/[-!_*'().a-z0-9A-Z]+)*)?/?",
);

/// `s3BucketOwner`.
pub static ACCOUNT_ID: Text = Text::new("AccountId", None, None, r"[0-9]{12}");

/// `s3EncryptionKeyId`.
pub static KMS_KEY_ID: Text = Text::new(
    "KmsKeyId",
    Some(1),
    Some(2048),
    r"(arn:aws(-[^:]+)?:kms:[a-zA-Z0-9-]*:[0-9]{12}:((key/[a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)))|([a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)",
);

/// One item of `subnetIds`.
pub static SUBNET_ID: Text = Text::new("SubnetId", Some(0), Some(32), r"[-0-9a-zA-Z]+");

/// One item of `securityGroupIds`.
pub static SECURITY_GROUP_ID: Text = Text::new("SecurityGroupId", Some(0), Some(32), r"[-0-9a-zA-Z]+");

/// `key` of a tag.
pub static TAG_KEY: Text = Text::new("TagKey", Some(1), Some(128), r"[a-zA-Z0-9\s._:/=+@-]*");

/// `value` of a tag.
pub static TAG_VALUE: Text = Text::new("TagValue", Some(0), Some(256), r"[a-zA-Z0-9\s._:/=+@-]*");

/// `jobArn`.
pub static JOB_ARN: Text = Text::new(
    "ModelInvocationJobArn",
    Some(0),
    Some(1011),
    r"(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:model-invocation-job/[a-z0-9]{12})",
);

/// `jobIdentifier`: the ARN of a job, or its last twelve characters.
pub static JOB_IDENTIFIER: Text = Text::new(
    "ModelInvocationJobIdentifier",
    Some(0),
    Some(1011),
    r"((arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:model-invocation-job/)?[a-z0-9]{12})",
);

/// `nextToken`.
pub static PAGINATION_TOKEN: Text = Text::new("PaginationToken", Some(1), Some(2048), r"\S*");

/// Items of `subnetIds`.
pub static SUBNET_IDS: Span = Span { shape: "SubnetIds", min: 1, max: 16 };

/// Items of `securityGroupIds`.
pub static SECURITY_GROUP_IDS: Span = Span { shape: "SecurityGroupIds", min: 1, max: 5 };

/// Items of `tags`.
pub static TAGS: Span = Span { shape: "TagList", min: 0, max: 200 };

/// `timeoutDurationInHours`.
pub static TIMEOUT_DURATION_IN_HOURS: Span =
    Span { shape: "ModelInvocationJobTimeoutDurationInHours", min: 24, max: 168 };

/// `maxResults`.
pub static MAX_RESULTS: Span = Span { shape: "MaxResults", min: 1, max: 1000 };

/// `s3InputFormat`.
pub static S3_INPUT_FORMAT: Choice = Choice { shape: "S3InputFormat", values: &["JSONL"] };

/// `modelInvocationType`.
pub static MODEL_INVOCATION_TYPE: Choice =
    Choice { shape: "ModelInvocationType", values: &["InvokeModel", "Converse"] };

/// `status` and `statusEquals`.
pub static JOB_STATUS: Choice = Choice {
    shape: "ModelInvocationJobStatus",
    values: &[
        "Submitted",
        "InProgress",
        "Completed",
        "Failed",
        "Stopping",
        "Stopped",
        "PartiallyCompleted",
        "Expired",
        "Validating",
        "Scheduled",
    ],
};

/// `sortBy`.
pub static SORT_BY: Choice = Choice { shape: "SortJobsBy", values: &["CreationTime"] };

/// `sortOrder`.
pub static SORT_ORDER: Choice = Choice { shape: "SortOrder", values: &["Ascending", "Descending"] };

/// The body of a Converse record: the request without `modelId`, which is not part of the body.
pub static CONVERSE: Members = Members {
    shape: "ConverseRequest",
    names: &[
        "messages",
        "system",
        "inferenceConfig",
        "toolConfig",
        "guardrailConfig",
        "additionalModelRequestFields",
        "promptVariables",
        "additionalModelResponseFieldPaths",
        "requestMetadata",
        "performanceConfig",
        "serviceTier",
        "outputConfig",
    ],
};

/// The alternatives of one block of a message's content.
pub static CONTENT_BLOCK: Members = Members {
    shape: "ContentBlock",
    names: &[
        "text",
        "image",
        "document",
        "video",
        "audio",
        "toolUse",
        "toolResult",
        "guardContent",
        "cachePoint",
        "reasoningContent",
        "citationsContent",
        "searchResult",
        "toolAddition",
        "toolRemoval",
    ],
};

/// Every string shape above.
pub static TEXTS: &[&Text] = &[
    &JOB_NAME,
    &ROLE_ARN,
    &CLIENT_REQUEST_TOKEN,
    &MODEL_ID,
    &S3_URI,
    &ACCOUNT_ID,
    &KMS_KEY_ID,
    &SUBNET_ID,
    &SECURITY_GROUP_ID,
    &TAG_KEY,
    &TAG_VALUE,
    &JOB_ARN,
    &JOB_IDENTIFIER,
    &PAGINATION_TOKEN,
];

/// Every counted shape above.
pub static SPANS: &[&Span] =
    &[&SUBNET_IDS, &SECURITY_GROUP_IDS, &TAGS, &TIMEOUT_DURATION_IN_HOURS, &MAX_RESULTS];

/// Every enumeration above.
pub static CHOICES: &[&Choice] =
    &[&S3_INPUT_FORMAT, &MODEL_INVOCATION_TYPE, &JOB_STATUS, &SORT_BY, &SORT_ORDER];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        let refused: Vec<_> =
            TEXTS.iter().filter(|text| full_match(text.pattern).is_none()).map(|text| text.shape).collect();
        assert_eq!(refused, Vec::<&str>::new());
    }

    #[test]
    fn patterns_match_whole_values_only() {
        let table: &[(&Text, &[&str], &[&str])] = &[
            (
                &JOB_NAME,
                &["1job", "job-", "job.", "a+b", "job--x"],
                &["", "job_1", "a/b", "job 1", "-job", "2026-11-23T12:00", "job\n"],
            ),
            (
                &CLIENT_REQUEST_TOKEN,
                &["6dde3243-ebd2-42b1-f050-2f4b4cf192d0", "0123456789abcdef0123456789abcdef"],
                &["abc-", "a_b", "a/b", "a.b", "a="],
            ),
            (
                &S3_URI,
                &["s3://bkt", "s3://bkt/", "s3://bkt/dir/", "s3://bkt/a.jsonl", "s3://bkt/a(1).jsonl"],
                &[
                    "s3://bkt/a b.jsonl",
                    "s3://bkt/dt=1/a.jsonl",
                    "s3://bkt//a.jsonl",
                    "s3://bkt/é",
                    "S3://bkt",
                ],
            ),
            (
                &MODEL_ID,
                &[
                    "amazon.nova-lite-v1:0",
                    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
                    "global.anthropic.claude-opus-5",
                    "deepseek.v3.2",
                    "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
                    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
                ],
                &[
                    "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl",
                    "arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefghijkl",
                ],
            ),
            (&TAG_KEY, &["a b", "x:y/z=1+2@3"], &["", "a\u{a0}b", "a,b"]),
            (
                &ROLE_ARN,
                &["arn:aws:iam::123456789012:role/p/r"],
                &["arn:aws:iam::1:role/r", "arn:aws:iam:::role/\r"],
            ),
        ];
        for (text, good, bad) in table {
            for value in *good {
                assert_eq!(text.problems(value), Vec::<String>::new(), "{} {value:?}", text.shape);
            }
            for value in *bad {
                assert_ne!(text.problems(value), Vec::<String>::new(), "{} {value:?}", text.shape);
            }
        }
    }
}
