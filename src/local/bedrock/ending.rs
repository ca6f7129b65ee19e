//! How a job ends, as a test or a demonstration requests it.

use std::time::Duration;

use super::job::JobStatus;

/// The five states in which a job can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalStatus {
    /// Every record was processed.
    Completed,
    /// Time ran out before every record was processed.
    PartiallyCompleted,
    /// The job failed while it was in progress.
    Failed,
    /// A person stopped the job while it was in progress.
    Stopped,
    /// The job did not start before its timeout.
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
    /// The number of records processed out of `total`.
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

/// How a job ends if its validation finds nothing wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The job's last state.
    pub status: TerminalStatus,
    /// Records that appear in the output.
    pub processed: Processed,
    /// Records among them that fail although their body is valid.
    pub failing: Vec<RecordFailure>,
    /// Whether the `.jsonl.out` files are written.
    pub write_output: bool,
    /// Whether `manifest.json.out` is written.
    pub write_manifest: bool,
    /// `message` of the job and `failureMessage` of its last event.
    pub message: Option<String>,
    /// How its output contradicts the manifest and the counters.
    pub lie: Option<Lie>,
    /// Whether it stays in progress until it is stopped. Then the other members do not matter.
    pub until_stopped: bool,
}

/// Output that contradicts the manifest and the counters. AWS documents neither that this happens nor that it
/// cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lie {
    /// What is wrong with the lines.
    pub kind: LieKind,
    /// How many lines are wrong; they are the first ones.
    pub records: usize,
    /// How long after the end of the job the correct output is written; `None` for never.
    pub truth_after: Option<Duration>,
}

/// What is wrong with a line of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LieKind {
    /// It is missing.
    Hidden,
    /// It is cut off in the middle.
    Garbled,
    /// It has an id that the input does not have.
    Renamed,
}

impl Ending {
    /// Makes an ending with everything processed and written, as far as the status allows: a Failed or an
    /// Expired job has processed nothing and writes nothing.
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
            until_stopped: false,
        }
    }
}

impl Default for Ending {
    fn default() -> Self {
        Self::new(TerminalStatus::Completed)
    }
}
