//! The settings that decide what a drop's records cost, and what becomes of them. Pure.
//!
//! They are recorded when a drop is accepted, and all its jobs use them: a setting that changes while a drop waits does
//! not change the drop. The network, the role, and the KMS key are not among them. They come from the environment when a
//! job is submitted, because security follows the operator, and a deleted network helps nobody.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::drop::padding::SmallDrops;
use crate::drop::quotas::Quotas;

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
        }
    }
}
