//! What became of the records of a job that is over, as the ledger records it. Pure.

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::drop::identity::DropId;
use crate::drop::plan::Part;
use crate::job::answers::Matched;
use crate::job::ending::{JobEnd, Manifest};
use crate::job::evidence::Evidence;
use crate::job::retry::{NAME_IN_USE, RetryLimits, next_attempt};

/// Where the records of a job's input ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// In `succeeded/`.
    pub succeeded: u64,
    /// In `errors/`.
    pub failed: u64,
    /// In the next attempt.
    pub retried: u64,
    /// In `unprocessed/`.
    pub unprocessed: u64,
}

/// What became of a job's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The terminal status, as the API spells it.
    pub status: String,
    /// Bedrock's message, if it failed.
    pub message: Option<String>,
    /// The model that ran, as a full ARN.
    pub model_id: String,
    /// When it was submitted.
    pub submit_time: String,
    /// When it ended, as Bedrock says.
    pub end_time: Option<String>,
    /// Where the records ended.
    pub records: Counts,
    /// The attempt that the rest goes to, if there is one.
    pub next: Option<Part>,
    /// Tokens read, if Bedrock wrote a manifest.
    pub input_tokens: Option<u64>,
    /// Tokens written, if Bedrock wrote a manifest.
    pub output_tokens: Option<u64>,
    /// Where the figures do not agree. Empty, or somebody must look.
    pub mismatches: Vec<String>,
}

/// Draws up what became of a job.
#[must_use]
pub fn outcome(
    matched: &Matched,
    next: Option<Part>,
    end: &JobEnd,
    manifest: Option<&Manifest>,
    evidence: Evidence,
) -> Outcome {
    let (retried, unprocessed) = if next.is_some() { (matched.rest(), 0) } else { (0, matched.rest()) };
    Outcome {
        status: end.status.clone(),
        message: end.message.clone(),
        model_id: end.model_id.clone(),
        submit_time: end.submit_time.clone(),
        end_time: end.end_time.clone(),
        records: Counts { succeeded: matched.succeeded, failed: matched.failed, retried, unprocessed },
        next,
        input_tokens: manifest.and_then(|m| m.input_token_count),
        output_tokens: manifest.and_then(|m| m.output_token_count),
        mismatches: evidence.mismatches,
    }
}

/// What becomes of a job that was never made because a job of another request, with this ARN, has its name: all its
/// records go to the next attempt, which has another name, if there is to be one.
#[must_use]
pub fn outcome_of_name_in_use(
    drop_id: &DropId,
    part: &Part,
    attempt: u32,
    model_id: &str,
    foreign_arn: &str,
    now: Timestamp,
    limits: RetryLimits,
) -> Outcome {
    let matched = Matched { missing: part.records, rest_ids: part.id_sum, ..Matched::default() };
    let next = next_attempt(drop_id, part, attempt, &matched, NAME_IN_USE, limits);
    let end = JobEnd {
        status: NAME_IN_USE.to_owned(),
        message: Some(format!("{foreign_arn} has the name of this job, but was not made by this pipeline")),
        model_id: model_id.to_owned(),
        submit_time: now.to_string(),
        end_time: Some(now.to_string()),
        total_record_count: None,
        processed_record_count: None,
        success_record_count: None,
        error_record_count: None,
    };
    outcome(&matched, next, &end, None, Evidence::default())
}
