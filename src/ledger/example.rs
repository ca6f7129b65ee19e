//! Entries for the unit tests of this room.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::base::timestamp::Timestamp;
use crate::drop::identity::JobId;
use crate::drop::plan::Part;
use crate::drop::source::DropSource;
use crate::job::ending::EndStatus;
use crate::job::findings::Findings;
use crate::job::outcome::{Counts, Outcome};
use crate::job::request::JobRequest;
use crate::ledger::job_state::{BedrockJob, Doubt, JobState};
use crate::ledger::lease::Invocation;
use crate::record::key::KeySum;

pub(super) fn by() -> Invocation {
    Invocation::new("r".into(), "w".into(), SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH)
}

pub(super) fn source() -> DropSource {
    DropSource::example()
}

pub(super) fn part(job_id: &JobId) -> Part {
    let (job_id, id_sum) = (job_id.clone(), KeySum::default());
    Part { number: 1, job_id, bytes: 0..1, first_line: 1, records: 1, without_id: 0, repaired: 0, id_sum }
}

/// One of each.
pub(super) fn job_states() -> Vec<JobState> {
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
        status: EndStatus::Completed,
        message: None,
        model_id: "m".into(),
        submit_time: "t".into(),
        end_time: None,
        records: Counts::default(),
        next: None,
        input_tokens: None,
        output_tokens: None,
        mismatches: vec![],
        findings: Findings::default(),
    };
    let doubt = Doubt { since: Timestamp::from_secs(1), looks: 1, contradictions: vec!["c".into()] };
    let job = BedrockJob { request: request.clone(), job_arn: "arn".into() };
    vec![
        JobState::Waiting,
        JobState::Submitting { lease_until: Timestamp::from_secs(1), request },
        JobState::Submitted(job.clone()),
        JobState::Stopping(job.clone()),
        JobState::Doubtful(job.clone(), doubt),
        JobState::Ended(job.clone(), outcome.clone()),
        JobState::Settled(job, outcome),
        JobState::SourceDeleted,
    ]
}
