//! `summary.json`: what became of a drop, summed up from all its jobs. Pure.

use serde::{Deserialize, Serialize};

use crate::drop::identity::{DropId, JobId};
use crate::drop::keys::{self, ResultKind};
use crate::drop::plan::Part;
use crate::drop::source::DropSource;
use crate::job::outcome::Outcome;
use crate::ledger::job::{JobEntry, JobState};

/// `summary.json`: what became of a drop. Written last; when it is there, all results are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Of this shape: 1.
    pub version: u32,
    /// The drop.
    pub drop_id: DropId,
    /// Where it is.
    pub source: DropSource,
    /// How many records it has, and where they ended.
    pub records: SummaryRecords,
    /// Whether all figures agree: the records' sum, the outputs, the manifests and Bedrock's counts.
    pub balanced: bool,
    /// Where they do not.
    pub mismatches: Vec<String>,
    /// Tokens read in all jobs that wrote a manifest.
    pub input_tokens: u64,
    /// Tokens written in all jobs that wrote a manifest.
    pub output_tokens: u64,
    /// The result files, relative to this one.
    pub files: Vec<String>,
    /// The jobs, by part and attempt.
    pub jobs: Vec<SummaryJob>,
}

/// A drop's records by where they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummaryRecords {
    /// What the drop has, counted when it was read.
    pub total: u64,
    /// In `succeeded/`.
    pub succeeded: u64,
    /// In `errors/`.
    pub failed: u64,
    /// In `unprocessed/`.
    pub unprocessed: u64,
    /// In parts of which no job could be made, because this version of the file was deleted before.
    pub source_deleted: u64,
}

/// One job in a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummaryJob {
    /// The part of the drop, counted from 1.
    pub part: u32,
    /// The attempt at it, counted from 1.
    pub attempt: u32,
    /// Our name for it.
    pub job_id: JobId,
    /// Bedrock's name for it.
    pub job_arn: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// Sums up a drop from all attempts at all its parts; `None` if one is not settled.
#[must_use]
pub fn summarize(
    drop_id: &DropId,
    source: &DropSource,
    parts: &[Part],
    jobs: &[JobEntry],
) -> Option<Summary> {
    let mut records = SummaryRecords {
        total: parts.iter().map(|part| part.records).sum(),
        succeeded: 0,
        failed: 0,
        unprocessed: 0,
        source_deleted: 0,
    };
    let (mut input_tokens, mut output_tokens) = (0, 0);
    let mut mismatches = Vec::new();
    let mut files = Vec::new();
    let mut summary_jobs = Vec::new();
    for job in jobs {
        let (job_arn, outcome) = match &job.state {
            JobState::Settled { job_arn, outcome, .. } => (job_arn, outcome),
            JobState::SourceDeleted => {
                records.source_deleted += job.part.records;
                continue;
            }
            JobState::Waiting
            | JobState::Submitting { .. }
            | JobState::Submitted { .. }
            | JobState::Doubtful { .. }
            | JobState::Ended { .. } => return None,
        };
        let counts = outcome.records;
        records.succeeded += counts.succeeded;
        records.failed += counts.failed;
        records.unprocessed += counts.unprocessed;
        input_tokens += outcome.input_tokens.unwrap_or_default();
        output_tokens += outcome.output_tokens.unwrap_or_default();
        mismatches.extend(outcome.mismatches.iter().map(|what| format!("job {}: {what}", job.job_id)));
        let by_kind = [
            (ResultKind::Succeeded, counts.succeeded),
            (ResultKind::Errors, counts.failed),
            (ResultKind::Unprocessed, counts.unprocessed),
        ];
        for (kind, count) in by_kind {
            if count > 0 {
                files.push(keys::result_name(kind, job.part.number, job.attempt));
            }
        }
        summary_jobs.push(SummaryJob {
            part: job.part.number,
            attempt: job.attempt,
            job_id: job.job_id.clone(),
            job_arn: job_arn.clone(),
            outcome: outcome.clone(),
        });
    }
    let sum = records.succeeded + records.failed + records.unprocessed + records.source_deleted;
    if sum != records.total {
        mismatches.push(format!("the drop has {} records, its results {sum}", records.total));
    }
    Some(Summary {
        version: 1,
        drop_id: drop_id.clone(),
        source: source.clone(),
        records,
        balanced: mismatches.is_empty(),
        mismatches,
        input_tokens,
        output_tokens,
        files,
        jobs: summary_jobs,
    })
}
