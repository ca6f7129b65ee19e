//! Where every drop and every job stands: small JSON objects in S3, changed by conditional writes. Pure;
//! [`store`](crate::aws::store) reads and writes them.
//!
//! ```text
//! drop   Reading ──► Accepted ──► Finished ──► Erased
//!           └──────► Rejected ─────────────────►┘
//! job    Waiting ──► Submitting ──► Submitted ──► Ended ──► Settled
//!           ▲            │ │            └► Doubtful ─┘▲
//!           └────────────┘ └──────────────────────────┘
//!    (quota, throttling, refusal)      (the name is taken)
//!        SourceDeleted
//! ```
//!
//! One rule carries everything: decide, record the decision with a conditional write, then act on the
//! record. An invocation that comes after a crash does not decide again, it finishes what is recorded.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::drop::identity::{DropId, JobId};
use crate::drop::plan::Part;
use crate::drop::source::DropSource;
use crate::job::outcome::Outcome;
use crate::job::request::JobRequest;
use crate::ledger::illegal_move::{IllegalMove, VERSION};
use crate::ledger::lease::Invocation;

/// `ledger/jobs/<job-id>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobEntry {
    /// Of this shape.
    pub version: u32,
    /// The job.
    pub job_id: JobId,
    /// Its drop.
    pub drop_id: DropId,
    /// Where the drop is.
    pub source: DropSource,
    /// The part it runs over.
    pub part: Part,
    /// Which attempt at the part this is, counted from 1.
    pub attempt: u32,
    /// Which invocation wrote this, to recognise one's own write.
    pub writer: String,
    /// When the entry was made.
    pub created: Timestamp,
    /// When this was written.
    pub updated: Timestamp,
    /// When its input was written: what is below `work/` expires, but not under a job that still waits.
    pub input_written: Timestamp,
    /// Why Bedrock refused the job when it was last submitted.
    pub refusal: Option<Refusal>,
    /// Where the job stands.
    pub state: JobState,
}

/// Why Bedrock refused a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Whether time alone cures it: a quota in use, or throttling. Otherwise an operator must.
    pub is_for_now: bool,
    /// What Bedrock said.
    pub message: String,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "name")]
pub enum JobState {
    /// Its input is in place; Bedrock has not been asked, or has refused.
    Waiting,
    /// An invocation asks Bedrock, until this time at the latest. The job may exist.
    Submitting {
        /// When the lease ends.
        lease_until: Timestamp,
        /// What Bedrock is asked for.
        request: JobRequest,
    },
    /// Bedrock has it.
    Submitted {
        /// What Bedrock was asked for.
        request: JobRequest,
        /// Bedrock's name for it.
        job_arn: String,
    },
    /// It is over, but what Bedrock says of it cannot all be true: more was processed than its output shows.
    /// Nothing is done until it fits together, or until it is final after [`DOUBT`].
    Doubtful {
        /// What Bedrock was asked for.
        request: JobRequest,
        /// Bedrock's name for it.
        job_arn: String,
        /// When this was first seen.
        since: Timestamp,
        /// How often it was looked at.
        looks: u32,
        /// What contradicts what, at the last look.
        contradictions: Vec<String>,
    },
    /// It is over, and this is what became of its records.
    Ended {
        /// What Bedrock was asked for.
        request: JobRequest,
        /// Bedrock's name for it.
        job_arn: String,
        /// The counts, and what is to be done about the rest.
        outcome: Outcome,
    },
    /// All of that has been carried out.
    Settled {
        /// What Bedrock was asked for.
        request: JobRequest,
        /// Bedrock's name for it.
        job_arn: String,
        /// The counts.
        outcome: Outcome,
    },
    /// It was never made, because the drop's version was deleted before: its records are counted and lost to
    /// the pipeline, though not by it. Nothing follows.
    SourceDeleted,
}

/// How long contradicting evidence may still come to fit together. Bedrock documents no time within which all of
/// a job's output is there; its counters lag by a minute.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-monitor.html> (read 2026-11)
pub const DOUBT: Duration = Duration::from_secs(6 * 3_600);

impl JobState {
    /// The state's name in the drawing.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Submitting { .. } => "Submitting",
            Self::Submitted { .. } => "Submitted",
            Self::Doubtful { .. } => "Doubtful",
            Self::Ended { .. } => "Ended",
            Self::Settled { .. } => "Settled",
            Self::SourceDeleted => "SourceDeleted",
        }
    }

    fn may_become(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Waiting, Self::Submitting { .. })
            // A lease may be given back, or taken over when it has ended. A job whose name is another's ends at
            // once.
            | (
                Self::Submitting { .. },
                Self::Submitting { .. } | Self::Submitted { .. } | Self::Waiting | Self::Ended { .. },
            )
            | (
                Self::Submitted { .. } | Self::Doubtful { .. },
                Self::Doubtful { .. } | Self::Ended { .. },
            )
            | (Self::Ended { .. }, Self::Settled { .. }) => true,
            (
                Self::Waiting
                | Self::Submitting { .. }
                | Self::Submitted { .. }
                | Self::Doubtful { .. }
                | Self::Ended { .. }
                | Self::Settled { .. }
                | Self::SourceDeleted,
                _,
            ) => false,
        }
    }
}

impl JobEntry {
    /// An attempt, counted from 1, at a part of a drop.
    #[must_use]
    pub fn waiting(
        drop_id: &DropId,
        source: &DropSource,
        part: &Part,
        attempt: u32,
        by: &Invocation,
    ) -> Self {
        Self {
            version: VERSION,
            job_id: part.job_id.clone(),
            drop_id: drop_id.clone(),
            source: source.clone(),
            part: part.clone(),
            attempt,
            writer: by.writer.clone(),
            created: by.started,
            updated: by.started,
            input_written: by.started,
            refusal: None,
            state: JobState::Waiting,
        }
    }

    /// A part that no job can be made of any more, because the drop's version is gone.
    #[must_use]
    pub fn source_deleted(drop_id: &DropId, source: &DropSource, part: &Part, by: &Invocation) -> Self {
        Self { state: JobState::SourceDeleted, ..Self::waiting(drop_id, source, part, 1, by) }
    }

    /// The same entry, with a new copy of its input.
    #[must_use]
    pub fn with_new_input(&self, by: &Invocation) -> Self {
        Self { input_written: by.started, writer: by.writer.clone(), updated: by.started, ..self.clone() }
    }

    /// Whether nothing more is to be done for it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match &self.state {
            JobState::Settled { .. } | JobState::SourceDeleted => true,
            JobState::Waiting
            | JobState::Submitting { .. }
            | JobState::Submitted { .. }
            | JobState::Doubtful { .. }
            | JobState::Ended { .. } => false,
        }
    }

    /// The next attempt at what it has left, if that is decided and there is one.
    #[must_use]
    pub fn next(&self) -> Option<&Part> {
        match &self.state {
            JobState::Ended { outcome, .. } | JobState::Settled { outcome, .. } => outcome.next.as_ref(),
            JobState::Waiting
            | JobState::Submitting { .. }
            | JobState::Submitted { .. }
            | JobState::Doubtful { .. }
            | JobState::SourceDeleted => None,
        }
    }

    /// The entry with its next state.
    ///
    /// # Errors
    /// [`IllegalMove`] if the state does not follow on this one.
    pub fn advance(&self, state: JobState, by: &Invocation) -> Result<Self, IllegalMove> {
        if !self.state.may_become(&state) {
            let what = format!("job {}", self.job_id);
            return Err(IllegalMove { what, from: self.state.name(), to: state.name() });
        }
        Ok(Self { state, writer: by.writer.clone(), updated: by.started, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::SystemTime;

    use super::*;
    use crate::job::outcome::Counts;
    use crate::ledger::drop::{DropEntry, DropState};
    use crate::record::key::KeySum;

    fn by() -> Invocation {
        Invocation::new("r".into(), "w".into(), SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH)
    }

    fn source() -> DropSource {
        DropSource::example()
    }

    fn part(job_id: &JobId) -> Part {
        let (job_id, id_sum) = (job_id.clone(), KeySum::default());
        Part { number: 1, job_id, bytes: 0..1, first_line: 1, records: 1, without_id: 0, id_sum }
    }

    fn drop_states() -> Vec<DropState> {
        vec![
            DropState::reading(1, &by()),
            DropState::Accepted { parts: vec![] },
            DropState::Rejected { problems: vec![], stopped_early: false },
            DropState::Finished { parts: vec![] },
            DropState::Erased,
        ]
    }

    fn job_states() -> Vec<JobState> {
        let request = JobRequest {
            job_name: "n".into(),
            client_request_token: "t".into(),
            role_arn: "r".into(),
            model_id: "m".into(),
            model_invocation_type: "InvokeModel".into(),
            input_s3_uri: "s3://b/i".into(),
            output_s3_uri: "s3://b/o".into(),
            s3_encryption_key_id: None,
            subnet_ids: vec!["subnet-1".into()],
            security_group_ids: vec!["sg-1".into()],
            timeout_duration_in_hours: 24,
            tags: BTreeMap::new(),
        };
        let outcome = Outcome {
            status: "Completed".into(),
            message: None,
            model_id: "m".into(),
            submit_time: "t".into(),
            end_time: None,
            records: Counts::default(),
            next: None,
            input_tokens: None,
            output_tokens: None,
            mismatches: vec![],
        };
        let job_arn = "arn".to_owned();
        vec![
            JobState::Waiting,
            JobState::Submitting { lease_until: Timestamp::from_secs(1), request: request.clone() },
            JobState::Submitted { request: request.clone(), job_arn: job_arn.clone() },
            JobState::Doubtful {
                request: request.clone(),
                job_arn: job_arn.clone(),
                since: Timestamp::from_secs(1),
                looks: 1,
                contradictions: vec!["c".into()],
            },
            JobState::Ended { request: request.clone(), job_arn: job_arn.clone(), outcome: outcome.clone() },
            JobState::Settled { request, job_arn, outcome },
            JobState::SourceDeleted,
        ]
    }

    #[test]
    fn drops_move_as_drawn_and_no_other_way() {
        let drawn = [
            ("Reading", "Reading"),
            ("Reading", "Accepted"),
            ("Reading", "Rejected"),
            ("Accepted", "Finished"),
            ("Finished", "Erased"),
            ("Rejected", "Erased"),
        ];
        for from in drop_states() {
            for to in drop_states() {
                let entry = DropEntry {
                    state: from.clone(),
                    ..DropEntry::claim(DropId::derive(&source()), source(), &by())
                };
                let is_legal = entry.advance(to.clone(), &by()).is_ok();
                assert_eq!(
                    is_legal,
                    drawn.contains(&(from.name(), to.name())),
                    "{} to {}",
                    from.name(),
                    to.name()
                );
            }
        }
    }

    #[test]
    fn jobs_move_as_drawn_and_no_other_way() {
        let drawn = [
            ("Waiting", "Submitting"),
            ("Submitting", "Submitting"),
            ("Submitting", "Submitted"),
            ("Submitting", "Waiting"),
            ("Submitting", "Ended"),
            ("Submitted", "Doubtful"),
            ("Submitted", "Ended"),
            ("Doubtful", "Doubtful"),
            ("Doubtful", "Ended"),
            ("Ended", "Settled"),
        ];
        let drop_id = DropId::derive(&source());
        let job_id = JobId::derive(&drop_id, 1, 1);
        let part = part(&job_id);
        for from in job_states() {
            for to in job_states() {
                let entry = JobEntry {
                    state: from.clone(),
                    ..JobEntry::waiting(&drop_id, &source(), &part, 1, &by())
                };
                let moved = entry.advance(to.clone(), &by());
                assert_eq!(
                    moved.is_ok(),
                    drawn.contains(&(from.name(), to.name())),
                    "{} to {}",
                    from.name(),
                    to.name()
                );
                if let Err(error) = moved {
                    let text = format!("job {job_id} cannot go from {} to {}", from.name(), to.name());
                    assert_eq!(error.to_string(), text);
                }
            }
        }
    }

    #[test]
    fn entries_survive_being_written() {
        let drop_id = DropId::derive(&source());
        for state in drop_states() {
            let entry = DropEntry { state, ..DropEntry::claim(drop_id.clone(), source(), &by()) };
            let json = serde_json::to_vec(&entry).unwrap();
            assert_eq!(serde_json::from_slice::<DropEntry>(&json).unwrap(), entry);
        }
        let job_id = JobId::derive(&drop_id, 1, 1);
        let part = part(&job_id);
        for state in job_states() {
            let entry = JobEntry { state, ..JobEntry::waiting(&drop_id, &source(), &part, 1, &by()) };
            let json = serde_json::to_vec(&entry).unwrap();
            assert_eq!(serde_json::from_slice::<JobEntry>(&json).unwrap(), entry);
        }
    }
}
