//! What a test or a demonstration can ask of the stand-in: how jobs end, and which requests go wrong.

use std::time::Duration;

use super::job::{JobStatus, JobView};
use crate::local::faults::dice;

/// The four operations that the stand-in serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST /model-invocation-job`
    CreateModelInvocationJob,
    /// `GET /model-invocation-job/{jobIdentifier}`
    GetModelInvocationJob,
    /// `GET /model-invocation-jobs`
    ListModelInvocationJobs,
    /// `POST /model-invocation-job/{jobIdentifier}/stop`
    StopModelInvocationJob,
}

impl Operation {
    /// Gives the name that the service model has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateModelInvocationJob => "CreateModelInvocationJob",
            Self::GetModelInvocationJob => "GetModelInvocationJob",
            Self::ListModelInvocationJobs => "ListModelInvocationJobs",
            Self::StopModelInvocationJob => "StopModelInvocationJob",
        }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429; the SDK retries it by itself.
    Throttling,
    /// 500; the SDK retries it by itself.
    InternalServer,
    /// 503; the SDK retries it by itself.
    ServiceUnavailable,
    /// 400; the SDK does not retry it.
    ServiceQuotaExceeded,
    /// 403 with this message.
    AccessDenied(String),
    /// 400 with this message.
    Validation(String),
    /// Takes the request and never answers.
    Hang,
    /// Does what was asked, then closes the connection without a byte.
    LoseAnswer,
}

/// The five states in which a job can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalStatus {
    /// Every record was processed.
    Completed,
    /// The time was up before every record was processed.
    PartiallyCompleted,
    /// The job failed while it was in progress.
    Failed,
    /// Somebody stopped the job while it was in progress.
    Stopped,
    /// The job never began before its timeout.
    Expired,
}

impl From<TerminalStatus> for JobStatus {
    fn from(status: TerminalStatus) -> Self {
        match status {
            TerminalStatus::Completed => Self::Completed,
            TerminalStatus::PartiallyCompleted => Self::PartiallyCompleted,
            TerminalStatus::Failed => Self::Failed,
            TerminalStatus::Stopped => Self::Stopped,
            TerminalStatus::Expired => Self::Expired,
        }
    }
}

/// How many of a job's records appear in its output, counted in the order of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processed {
    /// Every record.
    All,
    /// This many, or all if there are fewer.
    First(usize),
    /// None; an output file, if one is written, is empty.
    None,
}

impl Processed {
    /// Number of records processed out of `total`.
    pub(super) fn of(self, total: usize) -> usize {
        match self {
            Self::All => total,
            Self::First(count) => count.min(total),
            Self::None => 0,
        }
    }
}

/// An error to give to one record, whatever its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFailure {
    /// Position of the record in the job's input, from 0.
    pub position: usize,
    /// `errorCode` in the output.
    pub code: i64,
    /// `errorMessage` in the output.
    pub message: String,
}

/// How a job ends, if its validation finds nothing wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The job's last state.
    pub status: TerminalStatus,
    /// Records that appear in the output.
    pub processed: Processed,
    /// Records among them that fail though their body is good.
    pub failing: Vec<RecordFailure>,
    /// Whether the `.jsonl.out` files are written.
    pub write_output: bool,
    /// Whether `manifest.json.out` is written.
    pub write_manifest: bool,
    /// `message` of the job and `failureMessage` of its last event.
    pub message: Option<String>,
    /// In what its output is not what manifest and counters say.
    pub lie: Option<Lie>,
}

/// Output that contradicts manifest and counters. Neither is documented to happen, nor that it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lie {
    /// What is wrong with the lines.
    pub kind: LieKind,
    /// How many of the first lines it befalls.
    pub records: usize,
    /// How long after the job's end the output as it should be is written; `None`: never.
    pub truth_after: Option<Duration>,
}

/// What is wrong with a line of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LieKind {
    /// It is not there.
    Hidden,
    /// It is cut in its middle.
    Garbled,
    /// It has an id that the input does not have.
    Renamed,
}

impl Ending {
    /// Makes an ending with everything processed and written, as far as the status allows: a Failed and an
    /// Expired job have processed nothing and write nothing.
    pub fn new(status: TerminalStatus) -> Self {
        let processes = !matches!(status, TerminalStatus::Failed | TerminalStatus::Expired);
        Self {
            status,
            processed: if processes { Processed::All } else { Processed::None },
            failing: Vec::new(),
            write_output: processes,
            write_manifest: processes,
            message: None,
            lie: None,
        }
    }
}

impl Default for Ending {
    fn default() -> Self {
        Self::new(TerminalStatus::Completed)
    }
}

/// How often jobs end in another way than completed, and records in an error that a new attempt may cure. Each
/// rate is from 0 (never) to 1 (always); the endings exclude each other, so beyond a sum of 1 the later ones are cut.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndingRates {
    /// Per record: it fails with 429 or 503.
    pub retryable_errors: f64,
    /// The job ends `PartiallyCompleted`, after some of its records.
    pub partial: f64,
    /// The job ends `Expired`, with no record processed and nothing written.
    pub expired: f64,
    /// The job ends `Failed`: half of them with nothing written, half after some of its records, without a manifest.
    pub failed: f64,
    /// A person stops the job, after some of its records.
    pub stopped: f64,
    /// The output contradicts manifest and counters, half of the time for a second only.
    pub lying: f64,
}

impl EndingRates {
    /// How the job with this number ends under this seed.
    #[must_use]
    pub fn ending(&self, seed: u64, number: u64, job: &JobView) -> Ending {
        let total = usize::try_from(job.counts.total).unwrap_or(usize::MAX);
        let mut dice = dice(seed, number);
        let mut roll = dice.f64();
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
        let some = Processed::First(dice.usize(..total.max(1)));
        match status {
            TerminalStatus::PartiallyCompleted | TerminalStatus::Stopped => ending.processed = some,
            TerminalStatus::Failed => {
                ending.message = Some("The stand-in was asked to let this job fail.".to_owned());
                if dice.bool() {
                    ending.processed = some;
                    ending.write_output = true;
                }
            }
            TerminalStatus::Completed | TerminalStatus::Expired => {}
        }
        if dice.f64() < self.lying {
            let kinds = [LieKind::Hidden, LieKind::Garbled, LieKind::Renamed];
            ending.lie = Some(Lie {
                kind: kinds.get(dice.usize(..kinds.len())).copied().unwrap_or(LieKind::Hidden),
                records: dice.usize(1..=20),
                truth_after: dice.bool().then_some(Duration::from_secs(1)),
            });
        }
        for position in 0..ending.processed.of(total) {
            if dice.f64() < self.retryable_errors {
                let (code, message) = if dice.bool() {
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
    use crate::local::bedrock::Counts;

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
