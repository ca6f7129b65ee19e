//! Every record ends in exactly one place, and the sum is checked. Pure.

use serde::{Deserialize, Serialize};

use crate::layout::{self, DropId, DropSource, JobId, ResultKind};
use crate::ledger::{JobEntry, JobState};
use crate::plan::Part;
use crate::record::{KeySum, RecordKey, RecordMap, parse_output_record};

/// What one line of Bedrock's output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineVerdict {
    /// A record with its answer.
    Succeeded,
    /// A record with its error.
    Failed,
    /// A record that the output already has; the first line counts.
    Repeated,
    /// No record, such as the cut last line of a stopped job. Its record, if any, was not processed.
    Unreadable,
}

/// What all of a job's output says.
#[derive(Debug, Default)]
pub struct Answers {
    /// Whether the record succeeded.
    by_record: RecordMap<bool>,
    ids: KeySum,
    repeated: u64,
    unreadable: u64,
}

impl Answers {
    /// Takes in one line, given without its `\n`.
    pub fn judge(&mut self, line: &[u8]) -> LineVerdict {
        let Some(record) = parse_output_record(line) else {
            self.unreadable += 1;
            return LineVerdict::Unreadable;
        };
        let key = RecordKey::of(&record.record_id);
        if self.by_record.contains_key(&key) {
            self.repeated += 1;
            return LineVerdict::Repeated;
        }
        self.by_record.insert(key, record.succeeded);
        self.ids.add(key);
        if record.succeeded { LineVerdict::Succeeded } else { LineVerdict::Failed }
    }

    /// Whether the output has anything but successes. If not, the results are a copy of it.
    #[must_use]
    pub fn is_all_success(&self) -> bool {
        self.repeated == 0 && self.unreadable == 0 && self.by_record.values().all(|succeeded| *succeeded)
    }

    /// Whether the output has no record at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_record.is_empty()
    }

    /// Whether a record has no line in the output.
    #[must_use]
    pub fn lacks(&self, record_id: &str) -> bool {
        !self.by_record.contains_key(&RecordKey::of(record_id))
    }

    /// What the output says of the part's records, if it has exactly those: then the input need not be
    /// read again.
    #[must_use]
    pub fn match_whole(&self, part: &Part) -> Option<Matched> {
        if self.ids != part.ids || self.by_record.len() as u64 != part.records {
            return None;
        }
        let succeeded = self.by_record.values().filter(|succeeded| **succeeded).count() as u64;
        Some(Matched { succeeded, failed: part.records - succeeded, unprocessed: 0 })
    }

    /// Counts one record of the input by what the output says of it.
    pub fn match_record(&self, record_id: &str, matched: &mut Matched) {
        match self.by_record.get(&RecordKey::of(record_id)) {
            Some(true) => matched.succeeded += 1,
            Some(false) => matched.failed += 1,
            None => matched.unprocessed += 1,
        }
    }
}

/// How many records of a job's input ended where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matched {
    /// In `succeeded/`.
    pub succeeded: u64,
    /// In `errors/`.
    pub failed: u64,
    /// In `unprocessed/`.
    pub unprocessed: u64,
}

impl Matched {
    fn sum(self) -> u64 {
        self.succeeded + self.failed + self.unprocessed
    }
}

/// `manifest.json.out`, as far as it is used. A job that failed may have none.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "AWS's names")]
pub struct Manifest {
    pub success_record_count: Option<u64>,
    pub error_record_count: Option<u64>,
    pub input_token_count: Option<u64>,
    pub output_token_count: Option<u64>,
}

/// What `GetModelInvocationJob` says of a job that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// The terminal status, as the API spells it.
    pub status: String,
    /// Bedrock's message, if it failed.
    pub message: Option<String>,
    /// The model that ran, as a full ARN.
    pub model_id: String,
    /// When it was submitted, in ISO 8601.
    pub submit_time: String,
    /// When it ended. For an expired job AWS gives a time that has nothing to do with its end.
    pub end_time: Option<String>,
    /// Records with an answer, once counted.
    pub success_record_count: Option<u64>,
    /// Records with an error, once counted.
    pub error_record_count: Option<u64>,
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
    pub records: Matched,
    /// Tokens read, if Bedrock wrote a manifest.
    pub input_tokens: Option<u64>,
    /// Tokens written, if Bedrock wrote a manifest.
    pub output_tokens: Option<u64>,
    /// Where the figures do not agree. Empty, or somebody must look.
    pub mismatches: Vec<String>,
}

/// Draws up what became of a job, holding four figures against each other: the part as it was planned, the
/// lines of the output, Bedrock's manifest and Bedrock's own counts.
#[must_use]
pub fn outcome(
    part: &Part,
    answers: &Answers,
    matched: Matched,
    end: &JobEnd,
    manifest: Option<&Manifest>,
) -> Outcome {
    let mut mismatches = Vec::new();
    if matched.sum() != part.records {
        mismatches.push(format!("the part has {} records, its job's input {}", part.records, matched.sum()));
    }
    let foreign = (answers.by_record.len() as u64).saturating_sub(matched.succeeded + matched.failed);
    if foreign > 0 {
        mismatches.push(format!("the output has {foreign} records that the input does not have"));
    }
    if answers.repeated > 0 {
        mismatches.push(format!("the output has {} lines for records that it already has", answers.repeated));
    }
    let mut compare = |who: &str, what: &str, theirs: Option<u64>, ours: u64| {
        if let Some(theirs) = theirs.filter(|theirs| *theirs != ours) {
            mismatches.push(format!("{who} counts {theirs} {what} records, the output has {ours}"));
        }
    };
    compare("the manifest", "success", manifest.and_then(|m| m.success_record_count), matched.succeeded);
    compare("the manifest", "error", manifest.and_then(|m| m.error_record_count), matched.failed);
    // A job that never started has counts of 0 and no output, so these agree as well.
    compare("GetModelInvocationJob", "success", end.success_record_count, matched.succeeded);
    compare("GetModelInvocationJob", "error", end.error_record_count, matched.failed);
    Outcome {
        status: end.status.clone(),
        message: end.message.clone(),
        model_id: end.model_id.clone(),
        submit_time: end.submit_time.clone(),
        end_time: end.end_time.clone(),
        records: matched,
        input_tokens: manifest.and_then(|m| m.input_token_count),
        output_tokens: manifest.and_then(|m| m.output_token_count),
        mismatches,
    }
}

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

/// Sums up a drop whose jobs are all settled; `None` if one is not.
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
    };
    let (mut input_tokens, mut output_tokens) = (0, 0);
    let mut mismatches = Vec::new();
    let mut files = Vec::new();
    let mut summary_jobs = Vec::new();
    for job in jobs {
        let JobState::Settled { job_arn, outcome, .. } = &job.state else { return None };
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
                files.push(layout::result_name(kind, job.part.number, job.attempt));
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
    let sum = records.succeeded + records.failed + records.unprocessed;
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
