//! Decides by rates and a seed how jobs end. Pure.

use std::time::Duration;

use super::ending::{Ending, Lie, LieKind, Processed, RecordFailure, TerminalStatus};
use super::job::JobView;
use crate::local::rng::seeded;

/// How often jobs do not end as completed, and how often records end in an error that a new attempt may fix.
/// Each rate is from 0 (never) to 1 (always). A job has only one ending, so if the rates add up to more than
/// 1, the last ones happen less often.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndingRates {
    /// Per record: it fails with 429 or 503.
    pub retryable_errors: f64,
    /// The job ends `PartiallyCompleted`, after some of its records.
    pub partial: f64,
    /// The job ends `Expired`, with no record processed and nothing written.
    pub expired: f64,
    /// The job ends `Failed`: half of them with nothing written, half after some of its records, without a
    /// manifest.
    pub failed: f64,
    /// A person stops the job, after some of its records.
    pub stopped: f64,
    /// The output contradicts the manifest and the counters; in half of the cases, for only a second.
    pub lying: f64,
}

impl EndingRates {
    /// Decides how the job with this number ends.
    #[must_use]
    pub fn ending(&self, seed: u64, number: u64, job: &JobView) -> Ending {
        let total = usize::try_from(job.counts.total).unwrap_or(usize::MAX);
        let mut rng = seeded(seed, number);
        let mut roll = rng.f64();
        let endings = [
            (self.partial, TerminalStatus::PartiallyCompleted),
            (self.expired, TerminalStatus::Expired),
            (self.failed, TerminalStatus::Failed),
            (self.stopped, TerminalStatus::Stopped),
        ];
        let mut status = TerminalStatus::Completed;
        for (rate, other) in endings {
            if roll < rate {
                status = other;
                break;
            }
            roll -= rate;
        }
        let mut ending = Ending::new(status);
        let some = Processed::First(rng.usize(..total.max(1)));
        match status {
            TerminalStatus::PartiallyCompleted | TerminalStatus::Stopped => ending.processed = some,
            TerminalStatus::Failed => {
                ending.message = Some("The stand-in was asked to fail this job.".to_owned());
                if rng.bool() {
                    ending.processed = some;
                    ending.write_output = true;
                }
            }
            TerminalStatus::Completed | TerminalStatus::Expired => {}
        }
        if rng.f64() < self.lying {
            let kinds = [LieKind::Hidden, LieKind::Garbled, LieKind::Renamed];
            ending.lie = Some(Lie {
                kind: kinds.get(rng.usize(..kinds.len())).copied().unwrap_or(LieKind::Hidden),
                records: rng.usize(1..=20),
                truth_after: rng.bool().then_some(Duration::from_secs(1)),
            });
        }
        for position in 0..ending.processed.of(total) {
            if rng.f64() < self.retryable_errors {
                let (code, message) = if rng.bool() {
                    (429, "Too many requests, please wait before trying again.")
                } else {
                    (503, "Service unavailable, please try again.")
                };
                ending.failing.push(RecordFailure { position, code, message: message.to_owned() });
            }
        }
        ending
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::Value;

    use super::*;
    use crate::local::bedrock::job::{Counts, JobStatus};

    #[test]
    fn jobs_end_at_their_rates() {
        let counts = Counts { total: 100, ..Counts::default() };
        let job = JobView {
            arn: String::new(),
            name: String::new(),
            client_request_token: None,
            status: JobStatus::Scheduled,
            message: None,
            counts,
            request: Value::Null,
        };
        let rates = EndingRates {
            retryable_errors: 0.1,
            partial: 0.2,
            expired: 0.1,
            failed: 0.2,
            stopped: 0.1,
            lying: 0.0,
        };
        let endings: Vec<_> = (0..5_000).map(|number| rates.ending(4, number, &job)).collect();
        let (mut found, mut processed, mut failing) = (HashMap::new(), 0, 0);
        for ending in &endings {
            *found.entry((JobStatus::from(ending.status).as_str(), ending.write_output)).or_insert(0_u32) +=
                1;
            let count = ending.processed.of(100);
            assert_eq!(count == 100, ending.status == TerminalStatus::Completed);
            assert!(ending.failing.iter().all(|failure| failure.position < count));
            processed += count;
            failing += ending.failing.len();
        }
        let expected: [_; 6] = [
            (("Completed", true), 2_000),
            (("PartiallyCompleted", true), 1_000),
            (("Expired", false), 500),
            (("Failed", true), 500),
            (("Failed", false), 500),
            (("Stopped", true), 500),
        ];
        assert_eq!(found.len(), expected.len());
        for (kind, count) in expected {
            assert!(found[&kind].abs_diff(count) < 100, "{kind:?}: {} of {count}", found[&kind]);
        }
        assert!((9..=11).contains(&(failing * 100 / processed)));
        assert_eq!(rates.ending(4, 7, &job), endings[7]);
        assert_eq!(EndingRates::default().ending(4, 7, &job), Ending::default());
    }
}
