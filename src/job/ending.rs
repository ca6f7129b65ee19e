//! What Bedrock says about a job that is over: `GetModelInvocationJob` and the manifest. Pure.

use serde::{Deserialize, Serialize};

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndStatus {
    /// Bedrock has read every record.
    Completed,
    /// Bedrock has read some records.
    PartiallyCompleted,
    /// The job failed; `message` says why.
    Failed,
    /// A person stopped the job.
    Stopped,
    /// The job's time ran out.
    Expired,
    /// Our own status, not Bedrock's: the job was never created because another request's job has its name.
    NameInUse,
    /// Our own status, not Bedrock's: the drop was cancelled before Bedrock had the job.
    Cancelled,
}

impl EndStatus {
    /// Says why a job with this status did not process all its records; `None` if the status alone does not tell.
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-monitor.html>
    pub(super) fn reason(self) -> Option<&'static str> {
        match self {
            Self::Expired => Some("Expired: the time of the job ran out"),
            Self::Stopped => Some("Stopped: a person stopped the job"),
            Self::Cancelled => Some("Cancelled: the drop was cancelled before Bedrock had the job"),
            Self::Completed | Self::PartiallyCompleted | Self::Failed | Self::NameInUse => None,
        }
    }

    /// Returns whether Bedrock has ever had the job.
    #[must_use]
    pub fn was_created(self) -> bool {
        !matches!(self, Self::NameInUse | Self::Cancelled)
    }

    /// Reads a status as the API spells it. Returns `None` for a job that is not over, and for a status that this
    /// release does not know.
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-monitor.html>
    #[must_use]
    pub fn parse(status: &str) -> Option<Self> {
        match status {
            "Completed" => Some(Self::Completed),
            "PartiallyCompleted" => Some(Self::PartiallyCompleted),
            "Failed" => Some(Self::Failed),
            "Stopped" => Some(Self::Stopped),
            "Expired" => Some(Self::Expired),
            _ => None,
        }
    }

    /// Returns the status as the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "Completed",
            Self::PartiallyCompleted => "PartiallyCompleted",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
            Self::Expired => "Expired",
            Self::NameInUse => "NameInUse",
            Self::Cancelled => "Cancelled",
        }
    }
}

/// Bedrock's counts of a job's records. A count that Bedrock does not give is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordCounts {
    /// The records of the job.
    pub total: Option<u64>,
    /// The records that have an answer or an error.
    pub processed: Option<u64>,
    /// The records that have an answer.
    pub success: Option<u64>,
    /// The records that have an error.
    pub error: Option<u64>,
}

/// The members of `manifest.json.out` that the pipeline uses. A job that failed may not have a manifest.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manifest {
    /// `totalRecordCount`, `processedRecordCount`, `successRecordCount`, and `errorRecordCount`.
    pub counts: RecordCounts,
    /// `inputTokenCount`.
    pub input_token_count: Option<u64>,
    /// `outputTokenCount`.
    pub output_token_count: Option<u64>,
}

impl Manifest {
    /// Reads a manifest. Leaves out members that are not counts; anything but a JSON object has none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let manifest: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
        let count = |name| manifest.get(name).and_then(serde_json::Value::as_u64);
        Self {
            counts: RecordCounts {
                total: count("totalRecordCount"),
                processed: count("processedRecordCount"),
                success: count("successRecordCount"),
                error: count("errorRecordCount"),
            },
            input_token_count: count("inputTokenCount"),
            output_token_count: count("outputTokenCount"),
        }
    }
}

/// What `GetModelInvocationJob` says about a job that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// The terminal status.
    pub status: EndStatus,
    /// Bedrock's message, if the job failed.
    pub message: Option<String>,
    /// The model that ran, as a full ARN.
    pub model_id: String,
    /// When the job was submitted, in ISO 8601.
    pub submit_time: String,
    /// When the job ended. For an expired job, AWS gives a time that is unrelated to its end.
    pub end_time: Option<String>,
    /// Bedrock's counters.
    pub counts: RecordCounts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_read_as_it_is_written() {
        use EndStatus::{Cancelled, Completed, Expired, Failed, NameInUse, PartiallyCompleted, Stopped};
        for status in [Completed, PartiallyCompleted, Failed, Stopped, Expired] {
            assert_eq!(EndStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert!(status.was_created());
        }
        for ours in [NameInUse, Cancelled] {
            assert_eq!(serde_json::to_value(ours).unwrap(), ours.as_str());
            assert_eq!((EndStatus::parse(ours.as_str()), ours.was_created()), (None, false));
        }
        for other in ["Submitted", "Validating", "Scheduled", "InProgress", "Stopping", "Archived", ""] {
            assert_eq!(EndStatus::parse(other), None, "{other}");
        }
    }
}
