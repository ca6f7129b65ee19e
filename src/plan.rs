//! A drop's records to parts that fit the quotas of one job each. Pure.

use serde::{Deserialize, Serialize};

use crate::layout::{DropId, JobId};
use crate::record::KeySum;

/// Bedrock's quotas for one job over one file. They are per model and Region and change with time, so they
/// are configuration; the defaults are the documented ones.
/// <https://docs.aws.amazon.com/general/latest/gr/bedrock.html> (read 2026-08)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Minimum number of records per batch inference job.
    pub min_records: u64,
    /// Records per input file per batch inference job.
    pub max_records: u64,
    /// Batch inference input file size in bytes. "1 GB" is read as the smaller of its two meanings.
    pub max_file_bytes: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { min_records: 100, max_records: 100_000, max_file_bytes: 1_000_000_000 }
    }
}

/// What one pass over a valid drop found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many records it has.
    pub records: u64,
    /// How many of them have no `recordId`.
    pub without_id: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// The sum of the ids, those that the pipeline gives included.
    pub ids: KeySum,
}

/// A contiguous run of a drop's records, and the job that is to be made over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Counted from 1.
    pub number: u32,
    /// The job's first attempt.
    pub job_id: JobId,
    /// How many records it has.
    pub records: u64,
    /// How many of them have no `recordId` in the drop and get one in the job's input.
    pub without_id: u64,
    /// The sum of their ids.
    pub ids: KeySum,
}

/// Why a drop fits no job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuotaProblem {
    /// Fewer records than a job needs.
    #[error("the file has {records} records; a job needs at least {min}")]
    TooFewRecords {
        /// What the drop has.
        records: u64,
        /// The quota.
        min: u64,
    },
    /// More records than a job takes.
    #[error("the file has {records} records; a job takes at most {max}")]
    TooManyRecords {
        /// What the drop has.
        records: u64,
        /// The quota.
        max: u64,
    },
    /// More bytes than a job takes.
    #[error("the file has {bytes} bytes; a job takes at most {max}")]
    TooManyBytes {
        /// What the drop has.
        bytes: u64,
        /// The quota.
        max: u64,
    },
}

impl QuotaProblem {
    /// What the user can do about it.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        match self {
            Self::TooFewRecords { .. } => "put more records into one file",
            Self::TooManyRecords { .. } | Self::TooManyBytes { .. } => {
                "split the file and drop its parts one by one"
            }
        }
    }
}

impl Quotas {
    /// What is wrong with a size, known before anything is read.
    #[must_use]
    pub fn check_size(&self, bytes: u64) -> Option<QuotaProblem> {
        (bytes > self.max_file_bytes)
            .then_some(QuotaProblem::TooManyBytes { bytes, max: self.max_file_bytes })
    }

    /// What is wrong with a number of records.
    #[must_use]
    pub fn check_records(&self, records: u64) -> Option<QuotaProblem> {
        if records < self.min_records {
            Some(QuotaProblem::TooFewRecords { records, min: self.min_records })
        } else if records > self.max_records {
            Some(QuotaProblem::TooManyRecords { records, max: self.max_records })
        } else {
            None
        }
    }
}

/// The parts of a drop that is within the quotas: one.
#[must_use]
pub fn plan(drop_id: &DropId, tally: &Tally) -> Vec<Part> {
    vec![Part {
        number: 1,
        job_id: JobId::derive(drop_id, 1, 1),
        records: tally.records,
        without_id: tally.without_id,
        ids: tally.ids,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_inclusive() {
        let quotas = Quotas { min_records: 2, max_records: 3, max_file_bytes: 10 };
        let few = |records| Some(QuotaProblem::TooFewRecords { records, min: 2 });
        let many = |records| Some(QuotaProblem::TooManyRecords { records, max: 3 });
        let verdicts: Vec<_> = (0..5).map(|records| quotas.check_records(records)).collect();
        assert_eq!(verdicts, [few(0), few(1), None, None, many(4)]);
        assert_eq!(quotas.check_size(10), None);
        assert_eq!(quotas.check_size(11), Some(QuotaProblem::TooManyBytes { bytes: 11, max: 10 }));
    }
}
