//! What a test or a demonstration can ask of the stand-in: how jobs end, and which requests go wrong.

use super::job::JobStatus;

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
        }
    }
}

impl Default for Ending {
    fn default() -> Self {
        Self::new(TerminalStatus::Completed)
    }
}
