//! `summary.json`: what became of a drop, summed up from all its jobs. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::count::Counted;
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys::{self, ResultKind};
use crate::drop::source::DropSource;
use crate::job::findings::{ErrorCounts, ErrorGroup, Findings, Lines, MAX_LISTED_LINES};
use crate::job::outcome::Outcome;
use crate::record::error_text::ErrorText;

/// How many of Bedrock's messages are listed.
const MAX_MESSAGES: usize = 5;

/// `summary.json`: what became of a drop. It is written last: when it is there, all results are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The schema version, currently 1.
    pub version: u32,
    /// What Bedrock said about its jobs, most frequent first; not about those that went well.
    #[serde(default)]
    pub messages: Vec<JobMessage>,
    /// The most frequent errors of records that did not succeed, most frequent first.
    #[serde(default)]
    pub largest_errors: Vec<ErrorGroup>,
    /// How many other errors there are.
    #[serde(default)]
    pub other_errors: u64,
    /// The drop.
    pub drop_id: DropId,
    /// The object version that the drop is.
    pub source: DropSource,
    /// How many records the drop has, and where they ended up.
    pub records: SummaryRecords,
    /// Where the first of the answers are that cannot be used.
    #[serde(default)]
    pub unusable: Unusable,
    /// Whether all figures agree: the records' sum, the outputs, the manifests, and Bedrock's counts.
    pub balanced: bool,
    /// Which figures disagree.
    pub mismatches: Vec<String>,
    /// The input tokens of all jobs that have a manifest.
    pub input_tokens: u64,
    /// The output tokens of all jobs that have a manifest.
    pub output_tokens: u64,
    /// The result files, relative to this one.
    pub files: Vec<String>,
    /// The jobs, by part and attempt.
    pub jobs: Vec<SummaryJob>,
}

/// A drop's records, by where they ended up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryRecords {
    /// All records of the drop, counted when it was read.
    pub total: u64,
    /// In `succeeded/`.
    pub succeeded: u64,
    /// The succeeded ones whose answers a limit of tokens cut off.
    #[serde(default)]
    pub truncated: u64,
    /// The succeeded ones whose answers are a refusal, or were taken away by a filter or guardrail.
    #[serde(default)]
    pub refused: u64,
    /// In `errors/`.
    pub failed: u64,
    /// In `unprocessed/`.
    pub unprocessed: u64,
    /// In parts without a job, because this version of the file was deleted too early.
    pub source_deleted: u64,
}

/// A message of Bedrock about some jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMessage {
    /// The message, fit to be shown to a person.
    pub message: String,
    /// How many jobs have it.
    pub jobs: u64,
}

/// Where the answers are that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Unusable {
    /// Those that a limit of tokens cut off.
    pub truncated: Places,
    /// Those that are a refusal, or that a filter or guardrail took away.
    pub refused: Places,
}

/// Some lines of the result files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Places {
    /// The first [`MAX_LISTED_LINES`] of them.
    pub first: Vec<Place>,
    /// How many more there are.
    pub more: u64,
}

/// A line of a result file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, relative to the summary.
    pub file: String,
    /// The number of the line, counted from 1.
    pub line: u64,
}

impl Places {
    fn add(&mut self, lines: &Lines, job: &SummaryJob) {
        let file = keys::result_name(ResultKind::Succeeded, job.part, job.attempt);
        let room = MAX_LISTED_LINES - self.first.len();
        let first = lines.first.iter().take(room);
        self.first.extend(first.map(|line| Place { file: file.clone(), line: *line }));
    }
}

/// One job in a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryJob {
    /// The part of the drop, counted from 1.
    pub part: u32,
    /// The attempt at it, counted from 1.
    pub attempt: u32,
    /// Our id for the job.
    pub job_id: JobId,
    /// Bedrock's ARN for the job.
    pub job_arn: String,
    /// What became of the job.
    pub outcome: Outcome,
}

/// What became of the parts on a page of a drop's plan, or of several pages:
/// `ledger/drops/<drop-id>/tallies/<page>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How many records these parts have.
    pub records: u64,
    /// All attempts at them, by part and attempt.
    pub attempts: Vec<Finished>,
}

/// An attempt at a part of a drop that needs nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finished {
    /// Its job is over, and everything that followed from it is done.
    Settled(Box<SummaryJob>),
    /// No job was made, because the drop's version had been deleted.
    SourceDeleted {
        /// The records of the part.
        records: u64,
    },
}

impl Summary {
    /// Sums up a drop, given the tally of all its parts.
    #[must_use]
    pub fn new(drop_id: &DropId, source: &DropSource, tally: Tally) -> Self {
        let mut summary = Self {
            version: 1,
            messages: Vec::new(),
            largest_errors: Vec::new(),
            other_errors: 0,
            drop_id: drop_id.clone(),
            source: source.clone(),
            records: SummaryRecords {
                total: tally.records,
                succeeded: 0,
                truncated: 0,
                refused: 0,
                failed: 0,
                unprocessed: 0,
                source_deleted: 0,
            },
            unusable: Unusable::default(),
            balanced: true,
            mismatches: Vec::new(),
            input_tokens: 0,
            output_tokens: 0,
            files: Vec::new(),
            jobs: Vec::new(),
        };
        let mut problems = Problems::default();
        for attempt in tally.attempts {
            match attempt {
                Finished::Settled(job) => {
                    problems.add(&job.outcome);
                    summary.add(*job);
                }
                Finished::SourceDeleted { records } => summary.records.source_deleted += records,
            }
        }
        summary.tell(&problems);
        let SummaryRecords { total, succeeded, failed, unprocessed, source_deleted, .. } = summary.records;
        let sum = succeeded + failed + unprocessed + source_deleted;
        if sum != total {
            summary
                .mismatches
                .push(format!("the drop has {}, its results have {sum}", Counted(total, "record")));
        }
        summary.balanced = summary.mismatches.is_empty();
        summary
    }

    fn tell(&mut self, problems: &Problems) {
        let mut messages: Vec<_> = problems.messages.iter().collect();
        messages.sort_by_key(|(_, jobs)| std::cmp::Reverse(**jobs));
        let most = messages.into_iter().take(MAX_MESSAGES);
        self.messages =
            most.map(|(message, jobs)| JobMessage { message: message.clone(), jobs: *jobs }).collect();
        (self.largest_errors, self.other_errors) = problems.errors.largest();
        let (records, unusable) = (self.records, &mut self.unusable);
        for (places, count) in
            [(&mut unusable.truncated, records.truncated), (&mut unusable.refused, records.refused)]
        {
            places.more = count.saturating_sub(places.first.len() as u64);
        }
    }

    fn add(&mut self, job: SummaryJob) {
        let outcome = &job.outcome;
        let counts = outcome.records;
        self.records.succeeded += counts.succeeded;
        self.records.truncated += outcome.findings.truncated.count;
        self.records.refused += outcome.findings.refused.count;
        self.unusable.truncated.add(&outcome.findings.truncated, &job);
        self.unusable.refused.add(&outcome.findings.refused, &job);
        self.records.failed += counts.failed;
        self.records.unprocessed += counts.unprocessed;
        self.input_tokens += outcome.input_tokens.unwrap_or_default();
        self.output_tokens += outcome.output_tokens.unwrap_or_default();
        let mismatches = outcome.mismatches.iter().map(|mismatch| format!("job {}: {mismatch}", job.job_id));
        self.mismatches.extend(mismatches);
        for (kind, count) in [
            (ResultKind::Succeeded, counts.succeeded),
            (ResultKind::Errors, counts.failed),
            (ResultKind::Unprocessed, counts.unprocessed),
        ] {
            if count > 0 {
                self.files.push(keys::result_name(kind, job.part, job.attempt));
            }
        }
        self.jobs.push(job);
    }
}

/// What went wrong in a drop's jobs.
#[derive(Debug, Default)]
struct Problems {
    /// How many jobs have which message of Bedrock.
    messages: BTreeMap<String, u64>,
    /// The errors of records that did not succeed.
    errors: ErrorCounts,
}

impl Problems {
    fn add(&mut self, outcome: &Outcome) {
        if let Some(message) = outcome.message.as_ref().filter(|message| !message.is_empty()) {
            *self.messages.entry(message.clone()).or_default() += 1;
        }
        let Findings { largest_errors, other_errors, .. } = &outcome.findings;
        // Records with a retryable error may have succeeded in the next attempt.
        let counts = |group: &&ErrorGroup| !group.retryable || outcome.next.is_none();
        for ErrorGroup { code, message, count, retryable } in largest_errors.iter().filter(counts) {
            let error = ErrorText { code: code.clone(), message: message.clone() };
            self.errors.add(error, *retryable, *count);
        }
        self.errors.add_others(*other_errors);
    }
}
