//! `summary.json`: what became of a drop, summed up from all its jobs. Pure.

use serde::{Deserialize, Serialize};

use crate::base::count::Counted;
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys::{self, ResultKind};
use crate::drop::plan::Part;
use crate::drop::source::DropSource;
use crate::job::outcome::Outcome;

/// `summary.json`: what became of a drop. It is written last: when it is there, all results are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The schema version, currently 1.
    pub version: u32,
    /// The drop.
    pub drop_id: DropId,
    /// The object version that the drop is.
    pub source: DropSource,
    /// How many records the drop has, and where they ended up.
    pub records: SummaryRecords,
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
    /// In `errors/`.
    pub failed: u64,
    /// In `unprocessed/`.
    pub unprocessed: u64,
    /// In parts without a job, because this version of the file was deleted too early.
    pub source_deleted: u64,
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

/// An attempt at a part of a drop that needs nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Sums up a drop, given all attempts at all its parts.
    #[must_use]
    pub fn new(drop_id: &DropId, source: &DropSource, parts: &[Part], attempts: Vec<Finished>) -> Self {
        let mut summary = Self {
            version: 1,
            drop_id: drop_id.clone(),
            source: source.clone(),
            records: SummaryRecords {
                total: parts.iter().map(|part| part.records).sum(),
                succeeded: 0,
                failed: 0,
                unprocessed: 0,
                source_deleted: 0,
            },
            balanced: true,
            mismatches: Vec::new(),
            input_tokens: 0,
            output_tokens: 0,
            files: Vec::new(),
            jobs: Vec::new(),
        };
        for attempt in attempts {
            match attempt {
                Finished::Settled(job) => summary.add(*job),
                Finished::SourceDeleted { records } => summary.records.source_deleted += records,
            }
        }
        let SummaryRecords { total, succeeded, failed, unprocessed, source_deleted } = summary.records;
        let sum = succeeded + failed + unprocessed + source_deleted;
        if sum != total {
            summary
                .mismatches
                .push(format!("the drop has {}, its results have {sum}", Counted(total, "record")));
        }
        summary.balanced = summary.mismatches.is_empty();
        summary
    }

    fn add(&mut self, job: SummaryJob) {
        let outcome = &job.outcome;
        let counts = outcome.records;
        self.records.succeeded += counts.succeeded;
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
