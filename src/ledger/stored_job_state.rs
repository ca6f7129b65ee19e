//! The JSON of a job's state, as it is written: `{"name": "Submitted", "request": …, "job_arn": …}`. Pure.

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::job::outcome::Outcome;
use crate::job::request::JobRequest;

/// The members of `state` in a job's entry. [`JobState`](super::job_state::JobState) says what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name")]
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
    Stopping {
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
