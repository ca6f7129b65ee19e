//! The JSON of a job's state, as schema version 1 writes it: `{"name": "Submitted", "request": …, "job_arn": …}`. Pure.

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::job::outcome::Outcome;
use crate::job::request::JobRequest;
use crate::ledger::job_state::{BedrockJob, Doubt, JobState};

/// The members of `state` in a job's entry. [`JobState`] says what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "name")]
#[expect(missing_docs, reason = "the fields of JobState, BedrockJob, and Doubt")]
pub enum StoredJobState {
    Waiting,
    Submitting {
        lease_until: Timestamp,
        request: JobRequest,
    },
    Submitted {
        request: JobRequest,
        job_arn: String,
    },
    Doubtful {
        request: JobRequest,
        job_arn: String,
        since: Timestamp,
        looks: u32,
        contradictions: Vec<String>,
    },
    Ended {
        request: JobRequest,
        job_arn: String,
        outcome: Outcome,
    },
    Settled {
        request: JobRequest,
        job_arn: String,
        outcome: Outcome,
    },
    SourceDeleted,
}

impl From<StoredJobState> for JobState {
    fn from(stored: StoredJobState) -> Self {
        match stored {
            StoredJobState::Waiting => Self::Waiting,
            StoredJobState::Submitting { lease_until, request } => Self::Submitting { lease_until, request },
            StoredJobState::Submitted { request, job_arn } => {
                Self::Submitted(BedrockJob { request, job_arn })
            }
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
