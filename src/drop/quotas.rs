//! Bedrock's quotas for one job, and what is wrong with a drop that does not fit them. Pure.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::base::count::Counted;

/// Bedrock's quotas for one job over one file. They depend on the model and the Region and change with time,
/// so they are configuration; the defaults are the documented values.
/// <https://docs.aws.amazon.com/general/latest/gr/bedrock.html> (read 2026-08)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// The largest number of jobs of one drop: their list is kept in memory, and in one object of the ledger. With the
/// default settings, the largest drop of the shortest records needs 27,778.
pub const MAX_PARTS: usize = 100_000;

/// Why a drop cannot be cut into jobs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuotaProblem {
    /// There are fewer records than a job needs.
    #[error("the file has {}; a job needs at least {min}", Counted(*records, "record"))]
    TooFewRecords {
        /// How many records the drop has.
        records: u64,
        /// The quota.
        min: u64,
    },
    /// This number of records cannot be cut into jobs, however small the records are.
    #[error("the {} cannot be cut into files of {}", Counted(*records, "record"), quotas.records())]
    NoCount {
        /// How many records the drop has.
        records: u64,
        /// The quotas.
        quotas: Quotas,
    },
    /// Wherever the drop is cut, a part has too many bytes or too few records.
    #[error(
        "the {} cannot be cut into files of {} and at most {}",
        Counted(*records, "record"),
        quotas.records(),
        Counted(quotas.max_file_bytes, "byte")
    )]
    NoParts {
        /// How many records the drop has.
        records: u64,
        /// How many bytes they have in the inputs of jobs.
        bytes: u64,
        /// The smallest number of files that are within the quotas of records and bytes.
        files: u64,
        /// The quotas.
        quotas: Quotas,
    },
    /// There would be more jobs than one drop can have.
    #[error("the file would need more than {MAX_PARTS} jobs")]
    TooManyParts,
}

impl QuotaProblem {
    /// Returns what the user can do about it.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::TooFewRecords { .. } => "put more records into one file".to_owned(),
            Self::NoCount { records, quotas } => {
                let [fewer, more] = quotas.nearest_counts(*records).map(Numbers);
                format!("put {fewer} or {more} records into one file")
            }
            Self::NoParts { records, bytes, files, quotas } => {
                let (min, max_bytes) = (quotas.min_records, quotas.max_file_bytes);
                let [all, all_bytes, of_files] = [*records, *bytes, *files].map(u128::from);
                if all_bytes * u128::from(min) > all * u128::from(max_bytes) {
                    let [mean, most] = [bytes / (*records).max(1), max_bytes / min.max(1)];
                    return format!(
                        "make the records smaller: they have {} on average, and {} fit into a file only if they have \
                         at most {}",
                        Counted(mean, "byte"),
                        Counted(min, "record"),
                        Counted(most, "byte"),
                    );
                }
                // At this average size, `fewer` records fill one file less, and `more` are just enough for
                // this number of files.
                let fewer = (of_files - 1) * u128::from(max_bytes) * all / all_bytes.max(1);
                let more = of_files * u128::from(min);
                if (1..all).contains(&fewer) && more > all {
                    return format!("put {fewer} or {more} records of this size into one file");
                }
                "make the largest records smaller, or spread them evenly over the file".to_owned()
            }
            Self::TooManyParts => "split the file and drop its parts one by one".to_owned(),
        }
    }
}

/// A range of numbers, such as `100 to 120`, or a single number.
struct Numbers(RangeInclusive<u64>);

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.0.start(), self.0.end());
        if first == last { write!(f, "{first}") } else { write!(f, "{first} to {last}") }
    }
}

impl Quotas {
    /// Returns how many records a job may have, as text such as `100 to 100000 records`.
    fn records(&self) -> String {
        if self.min_records == self.max_records {
            return Counted(self.min_records, "record").to_string();
        }
        format!("{} to {}", self.min_records, Counted(self.max_records, "record"))
    }

    /// Returns the numbers of records nearest to `records` that can be cut into jobs, if the records are
    /// small: those for the largest number of jobs that `records` are enough for, and those for one more job.
    pub(super) fn nearest_counts(&self, records: u64) -> [RangeInclusive<u64>; 2] {
        let jobs = records / self.min_records.max(1);
        [jobs, jobs.saturating_add(1)]
            .map(|jobs| jobs.saturating_mul(self.min_records)..=jobs.saturating_mul(self.max_records))
    }

    /// Whether this number of records can be cut into jobs, if the records are small.
    pub(super) fn admit_count(&self, records: u64) -> bool {
        let [fewer, _] = self.nearest_counts(records);
        fewer.contains(&records)
    }

    /// Whether this number of records and bytes is not too much for one job.
    #[inline]
    pub(super) fn admit(&self, records: u64, file_bytes: u64) -> bool {
        records <= self.max_records && file_bytes <= self.max_file_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_right_plural() {
        let quotas =
            |min_records, max_records, max_file_bytes| Quotas { min_records, max_records, max_file_bytes };
        let table = [
            (
                QuotaProblem::TooFewRecords { records: 1, min: 2 },
                "the file has 1 record; a job needs at least 2",
            ),
            (
                QuotaProblem::TooFewRecords { records: 0, min: 1 },
                "the file has 0 records; a job needs at least 1",
            ),
            (
                QuotaProblem::NoCount { records: 5, quotas: quotas(3, 4, 9) },
                "the 5 records cannot be cut into files of 3 to 4 records",
            ),
            (
                QuotaProblem::NoParts { records: 1, bytes: 3, files: 1, quotas: quotas(1, 1, 1) },
                "the 1 record cannot be cut into files of 1 record and at most 1 byte",
            ),
        ];
        for (problem, message) in table {
            assert_eq!(problem.to_string(), message);
        }
    }
}
