//! Bedrock's quotas for one job, and what is wrong with a drop that they do not admit. Pure.

use std::fmt;
use std::ops::RangeInclusive;

use crate::drop::plan::MAX_PARTS;

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

/// Why a drop fits no jobs.
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
    /// This number of records cannot be cut into jobs, however small they are.
    #[error(
        "the {records} records cannot be cut into files of {} to {} records",
        quotas.min_records, quotas.max_records
    )]
    NoCount {
        /// What the drop has.
        records: u64,
        /// The quotas.
        quotas: Quotas,
    },
    /// No cuts are such that every part is within the quotas, because of the bytes of the records.
    #[error(
        "the {records} records cannot be cut into files of {} to {} records and at most {} bytes",
        quotas.min_records, quotas.max_records, quotas.max_file_bytes
    )]
    NoParts {
        /// What the drop has.
        records: u64,
        /// The bytes that they have in the inputs of jobs.
        bytes: u64,
        /// The fewest files within the quotas of records and bytes.
        files: u64,
        /// The quotas.
        quotas: Quotas,
    },
    /// More jobs than one drop can have.
    #[error("the file makes more than {MAX_PARTS} jobs")]
    TooManyParts,
}

impl QuotaProblem {
    /// What the user can do about it.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::TooFewRecords { .. } => "put more records into one file".to_owned(),
            Self::NoCount { records, quotas } => {
                let [fewer, more] = quotas.nearest_counts(*records).map(Count);
                format!("put {fewer}, or {more} records into one file")
            }
            Self::NoParts { records, bytes, files, quotas } => {
                let (min, max_bytes) = (quotas.min_records, quotas.max_file_bytes);
                let [all, all_bytes, of_files] = [*records, *bytes, *files].map(u128::from);
                if all_bytes * u128::from(min) > all * u128::from(max_bytes) {
                    let (mean, most) = (bytes / (*records).max(1), max_bytes / min.max(1));
                    return format!(
                        "make the records smaller: they have {mean} bytes on average, and {min} of them fit \
                         only if it is at most {most}"
                    );
                }
                // Of such records, these fill one file less; those are just enough for as many files.
                let fewer = (of_files - 1) * u128::from(max_bytes) * all / all_bytes.max(1);
                let more = of_files * u128::from(min);
                if (1..all).contains(&fewer) && more > all {
                    return format!("put {fewer} or {more} records of such a size into one file");
                }
                "make the largest records smaller, or spread them over the file".to_owned()
            }
            Self::TooManyParts => "split the file and drop its parts one by one".to_owned(),
        }
    }
}

/// Numbers of records, such as `100 to 120`.
struct Count(RangeInclusive<u64>);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.0.start(), self.0.end());
        if first == last { write!(f, "{first}") } else { write!(f, "{first} to {last}") }
    }
}

impl Quotas {
    /// The numbers of records that fit a number of jobs if they are small: those of the most jobs that this many
    /// records are enough for, and those of one job more.
    pub(super) fn nearest_counts(&self, records: u64) -> [RangeInclusive<u64>; 2] {
        let jobs = records / self.min_records.max(1);
        [jobs, jobs.saturating_add(1)]
            .map(|jobs| jobs.saturating_mul(self.min_records)..=jobs.saturating_mul(self.max_records))
    }

    /// Whether this many records can be cut into jobs if they are small.
    pub(super) fn admit_count(&self, records: u64) -> bool {
        let [fewer, _] = self.nearest_counts(records);
        fewer.contains(&records)
    }

    /// Whether so many records with so many bytes are no more than a job takes.
    #[inline]
    pub(super) fn admit(&self, records: u64, file_bytes: u64) -> bool {
        records <= self.max_records && file_bytes <= self.max_file_bytes
    }
}
