//! The settings that decide what a drop's records cost, and what becomes of them. Pure.
//!
//! They are recorded when a drop is accepted, and all its jobs use them: a setting that changes while a drop waits does
//! not change the drop. The network, the role, and the KMS key are not among them. They come from the environment when a
//! job is submitted, because security follows the operator, and a deleted network helps nobody.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::base::text;
use crate::drop::padding::SmallDrops;
use crate::drop::quotas::Quotas;

/// How often a record is given to Bedrock, at most.
pub const MAX_ATTEMPTS: RangeInclusive<u32> = 1..=10;

/// When Bedrock gives up on a job, in hours.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html> (read 2026-11)
pub const TIMEOUT_DURATION_IN_HOURS: RangeInclusive<i32> = 24..=168;

/// The shapes of `modelInput`.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html> (read 2026-11)
pub const MODEL_INVOCATION_TYPES: [&str; 2] = ["InvokeModel", "Converse"];

/// The largest number of tags of a job.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html> (read 2026-11)
const MAX_TAGS: usize = 50;

/// The settings of a drop and its jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The model, or an inference profile.
    pub model_id: String,
    /// The shape of `modelInput`: `InvokeModel` or `Converse`.
    pub model_invocation_type: String,
    /// Bedrock's quotas for one job.
    pub quotas: Quotas,
    /// What happens to fewer records than a job needs.
    pub small_drops: SmallDrops,
    /// How often a record is given to Bedrock before it is reported as unprocessed: 1 to 10.
    pub max_attempts: u32,
    /// When Bedrock gives up on a job, in hours: 24 to 168.
    pub timeout_duration_in_hours: i32,
    /// The tags of every job.
    pub tags: BTreeMap<String, String>,
    /// The prefix of the [route](crate::drop::routes) that these settings come from; `None` if they are those of the
    /// stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
}

/// Returns whether a text may be the id or ARN of a model or an inference profile. This checks less than the API's
/// pattern, which is long and changes. Bedrock checks the rest.
#[must_use]
pub fn is_model_id(id: &str) -> bool {
    let may_have = |byte: u8| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte);
    (1..=2048).contains(&id.len()) && id.bytes().all(may_have)
}

/// Returns what Bedrock refuses in the tags of a job, each as a clause without its subject.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Tag.html> (read 2026-11)
#[must_use]
pub fn refused_tags(tags: &BTreeMap<String, String>) -> Vec<String> {
    let is_text = |text: &str| {
        text.chars().all(|c| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "._:/=+@-".contains(c))
    };
    let is_good = |(key, value): &(&String, &String)| {
        (1..=128).contains(&key.len()) && value.len() <= 256 && is_text(key) && is_text(value)
    };
    let count = (tags.len() > MAX_TAGS)
        .then(|| format!("has {} tags, but at most {MAX_TAGS} are allowed", tags.len()));
    let bad = tags.iter().filter(|tag| !is_good(tag));
    let bad =
        bad.map(|(key, _)| format!("has a tag that Bedrock refuses: {:?}", text::name(key).to_string()));
    count.into_iter().chain(bad).collect()
}

#[cfg(test)]
impl Settings {
    /// Settings for tests.
    pub(crate) fn example() -> Self {
        Self {
            model_id: "amazon.nova-lite-v1:0".into(),
            model_invocation_type: "InvokeModel".into(),
            quotas: Quotas::default(),
            small_drops: SmallDrops::Pad,
            max_attempts: 3,
            timeout_duration_in_hours: 24,
            tags: BTreeMap::new(),
            route: None,
        }
    }
}
