//! The service's quotas, per model.

/// The service's quotas, per model.
/// <https://docs.aws.amazon.com/general/latest/gr/bedrock.html> (read 2026-11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// The fewest records in a job: 100.
    pub min_records: usize,
    /// The most records in a job: 100,000.
    pub max_records: usize,
    /// The most bytes in an input file: 1 GB.
    pub max_file_bytes: u64,
    /// The most bytes in all input files of a job: 5 GB.
    pub max_job_bytes: u64,
    /// The most jobs of one model that have not ended: 100.
    pub max_jobs_in_flight: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            min_records: 100,
            max_records: 100_000,
            max_file_bytes: 1_000_000_000,
            max_job_bytes: 5_000_000_000,
            max_jobs_in_flight: 100,
        }
    }
}

impl Quotas {
    pub(super) fn check_sizes(&self, uri: &str, file_bytes: u64, job_bytes: u64) -> Result<(), String> {
        if file_bytes > self.max_file_bytes {
            let most = self.max_file_bytes;
            return Err(format!("{uri} has {file_bytes} bytes; an input file may have at most {most}"));
        }
        if job_bytes > self.max_job_bytes {
            return Err(format!(
                "The input has over {} bytes, the most that a job may have",
                self.max_job_bytes
            ));
        }
        Ok(())
    }

    pub(super) fn check_record_count(&self, record_count: usize) -> Result<(), String> {
        let Self { min_records, max_records, .. } = *self;
        if (min_records..=max_records).contains(&record_count) {
            return Ok(());
        }
        Err(format!("The input has {record_count} records; a job must have {min_records} to {max_records}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_hold_at_their_edges() {
        let quotas = Quotas::default();
        let counts = [99, 100, 100_000, 100_001].map(|count| quotas.check_record_count(count).is_ok());
        assert_eq!(counts, [false, true, true, false]);
        let sizes = [(1_000_000_000, 5_000_000_000), (1_000_000_001, 1_000_000_001), (1, 5_000_000_001)];
        let sizes = sizes.map(|(file, job)| quotas.check_sizes("s3://b/k", file, job).is_ok());
        assert_eq!(sizes, [true, false, false]);
    }
}
