//! The states of a job, and the moves between them. Pure.
//!
//! ```text
//! Waiting ──► Submitting ──► Submitted ──► Stopping ──► Ended ──► Settled
//!  │ ▲            │ │            └──► Doubtful ◄┴────────►▲
//!  │ └────────────┘ └─────────────────────────────────────┤
//!  │ (quota, throttling, refusal)   (the name is in use)  │
//!  └──────────────────────────────────────────────────────┘
//!                     (cancelled before Bedrock had it)
//!
//! SourceDeleted
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::job::outcome::Outcome;
use crate::job::request::JobRequest;
use crate::ledger::stored_job_state::StoredJobState;

/// How long contradicting evidence may take to resolve itself. Bedrock does not document when all of a job's output is
/// there; its counters lag by a minute.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-monitor.html> (read 2026-11)
pub const DOUBT: Duration = Duration::from_secs(6 * 3_600);

/// Where a job stands. The ledger stores it as [`StoredJobState`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredJobState", into = "StoredJobState")]
pub enum JobState {
    /// The job's input is in place. Bedrock has not been asked for the job, or has refused it.
    Waiting,
    /// An invocation is asking Bedrock for the job, which may exist already.
    Submitting {
        /// When the invocation's lease ends.
        lease_until: Timestamp,
        /// What Bedrock is asked for.
        request: JobRequest,
    },
    /// Bedrock has the job.
    Submitted(BedrockJob),
    /// Bedrock has the job, and is asked to stop it, because an operator has cancelled the drop. What is left of it does
    /// not go to a next attempt.
    Stopping(BedrockJob),
    /// The job is over, but the evidence contradicts itself. Nothing follows until the contradiction resolves itself,
    /// or until [`DOUBT`] has passed.
    Doubtful(BedrockJob, Doubt),
    /// The job is over, and this is what becomes of its records.
    Ended(BedrockJob, Outcome),
    /// Everything that follows from the outcome has been done.
    Settled(BedrockJob, Outcome),
    /// The job was never made, because the drop's version had been deleted. Its records are counted, and nothing
    /// follows.
    SourceDeleted,
}

/// A job that Bedrock has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BedrockJob {
    /// What Bedrock was asked for.
    pub request: JobRequest,
    /// Bedrock's ARN for the job. If the job's name is in use, the ARN of the job that has the name. Empty if the job was
    /// cancelled before Bedrock had it.
    pub job_arn: String,
}

/// Why Bedrock refused a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Whether waiting alone fixes it, as with a quota in use or throttling. Otherwise an operator must act.
    pub is_for_now: bool,
    /// Bedrock's message.
    pub message: String,
}

/// Why the evidence about a job is in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// When the contradiction was first seen.
    pub since: Timestamp,
    /// How often it was seen.
    pub looks: u32,
    /// The contradictions that were seen last.
    pub contradictions: Vec<String>,
}

impl JobState {
    /// The name of the state, as in the drawing.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Submitting { .. } => "Submitting",
            Self::Submitted(_) => "Submitted",
            Self::Stopping(_) => "Stopping",
            Self::Doubtful(..) => "Doubtful",
            Self::Ended(..) => "Ended",
            Self::Settled(..) => "Settled",
            Self::SourceDeleted => "SourceDeleted",
        }
    }

    /// The job at Bedrock, if the ledger knows of it.
    #[must_use]
    pub fn bedrock_job(&self) -> Option<&BedrockJob> {
        match self {
            Self::Submitted(job)
            | Self::Stopping(job)
            | Self::Doubtful(job, _)
            | Self::Ended(job, _)
            | Self::Settled(job, _) => Some(job),
            Self::Waiting | Self::Submitting { .. } | Self::SourceDeleted => None,
        }
    }

    /// What became of the job's records, if that is decided.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Ended(_, outcome) | Self::Settled(_, outcome) => Some(outcome),
            Self::Waiting
            | Self::Submitting { .. }
            | Self::Submitted(_)
            | Self::Stopping(_)
            | Self::Doubtful(..)
            | Self::SourceDeleted => None,
        }
    }

    /// Returns the same state without the texts of Bedrock and of the records.
    #[must_use]
    pub(super) fn without_texts(&self) -> Self {
        match self {
            Self::Ended(job, outcome) => Self::Ended(job.clone(), outcome.without_texts()),
            Self::Settled(job, outcome) => Self::Settled(job.clone(), outcome.without_texts()),
            Self::Doubtful(job, doubt) => {
                Self::Doubtful(job.clone(), Doubt { contradictions: Vec::new(), ..doubt.clone() })
            }
            Self::Waiting
            | Self::Submitting { .. }
            | Self::Submitted(_)
            | Self::Stopping(_)
            | Self::SourceDeleted => self.clone(),
        }
    }

    /// Returns whether the drawing leads from this state to the next.
    pub(super) fn may_become(&self, next: &Self) -> bool {
        match self {
            // A job that Bedrock does not have ends at once if its drop is cancelled.
            Self::Waiting => matches!(next, Self::Submitting { .. } | Self::Ended(..)),
            // A lease may be given back, and another invocation may take over when it has ended. A job whose name is
            // in use ends at once.
            Self::Submitting { .. } => {
                matches!(next, Self::Submitting { .. } | Self::Submitted(_) | Self::Waiting | Self::Ended(..))
            }
            Self::Submitted(_) => matches!(next, Self::Stopping(_) | Self::Doubtful(..) | Self::Ended(..)),
            Self::Stopping(_) | Self::Doubtful(..) => matches!(next, Self::Doubtful(..) | Self::Ended(..)),
            Self::Ended(..) => matches!(next, Self::Settled(..)),
            Self::Settled(..) | Self::SourceDeleted => false,
        }
    }
}

impl From<StoredJobState> for JobState {
    fn from(stored: StoredJobState) -> Self {
        match stored {
            StoredJobState::Waiting => Self::Waiting,
            StoredJobState::Submitting { lease_until, request } => Self::Submitting { lease_until, request },
            StoredJobState::Submitted { request, job_arn } => {
                Self::Submitted(BedrockJob { request, job_arn })
            }
            StoredJobState::Stopping { request, job_arn } => Self::Stopping(BedrockJob { request, job_arn }),
            StoredJobState::Doubtful { request, job_arn, since, looks, contradictions } => {
                Self::Doubtful(BedrockJob { request, job_arn }, Doubt { since, looks, contradictions })
            }
            StoredJobState::Ended { request, job_arn, outcome } => {
                Self::Ended(BedrockJob { request, job_arn }, outcome)
            }
            StoredJobState::Settled { request, job_arn, outcome } => {
                Self::Settled(BedrockJob { request, job_arn }, outcome)
            }
            StoredJobState::SourceDeleted => Self::SourceDeleted,
        }
    }
}

impl From<JobState> for StoredJobState {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Waiting => Self::Waiting,
            JobState::Submitting { lease_until, request } => Self::Submitting { lease_until, request },
            JobState::Submitted(BedrockJob { request, job_arn }) => Self::Submitted { request, job_arn },
            JobState::Stopping(BedrockJob { request, job_arn }) => Self::Stopping { request, job_arn },
            JobState::Doubtful(BedrockJob { request, job_arn }, doubt) => {
                let Doubt { since, looks, contradictions } = doubt;
                Self::Doubtful { request, job_arn, since, looks, contradictions }
            }
            JobState::Ended(BedrockJob { request, job_arn }, outcome) => {
                Self::Ended { request, job_arn, outcome }
            }
            JobState::Settled(BedrockJob { request, job_arn }, outcome) => {
                Self::Settled { request, job_arn, outcome }
            }
            JobState::SourceDeleted => Self::SourceDeleted,
        }
    }
}
