//! A job with the records a, b, c, and d, for the unit tests of this room.

use crate::drop::identity::{DropId, JobId};
use crate::drop::plan::Part;
use crate::drop::source::DropSource;
use crate::job::answers::{Answers, Matched};
use crate::job::ending::{EndStatus, JobEnd, Manifest, RecordCounts};
use crate::record::key::KeySum;

pub(super) const IDS: [&str; 4] = ["a", "b", "c", "d"];

pub(super) fn drop_id() -> DropId {
    DropId::derive(&DropSource::example())
}

/// A part with the records a, b, c, and d.
pub(super) fn part() -> Part {
    let mut id_sum = KeySum::default();
    IDS.iter().for_each(|id| id_sum.add(drop_id().record_hasher().key_of(id)));
    Part {
        number: 1,
        job_id: JobId::derive(&drop_id(), 1, 1),
        bytes: 0..1,
        first_line: 1,
        records: 4,
        without_id: 0,
        repaired: 0,
        id_sum,
    }
}

pub(super) fn answers(lines: &[(&str, &str)]) -> Answers {
    let mut answers = Answers::with_capacity(drop_id().record_hasher(), 0);
    for (id, rest) in lines {
        answers.judge(format!(r#"{{"recordId":"{id}",{rest}}}"#).as_bytes());
    }
    answers
}

pub(super) const GOOD: &str = r#""modelOutput":{}"#;
pub(super) const BAD: &str = r#""error":{"errorCode":400}"#;
pub(super) const BUSY: &str = r#""error":{"errorCode":503}"#;

pub(super) fn matched(answers: &Answers) -> Matched {
    let mut matched = Matched::default();
    IDS.iter().for_each(|id| answers.match_record(id, &mut matched));
    matched
}

pub(super) fn end(success: Option<u64>, error: Option<u64>) -> JobEnd {
    JobEnd {
        status: EndStatus::Completed,
        message: None,
        model_id: "m".into(),
        submit_time: "t".into(),
        end_time: None,
        counts: RecordCounts { total: Some(4), success, error, ..RecordCounts::default() },
    }
}

pub(super) fn manifest(success: u64, error: u64) -> Manifest {
    Manifest {
        counts: RecordCounts { success: Some(success), error: Some(error), ..RecordCounts::default() },
        input_token_count: Some(1),
        output_token_count: Some(2),
    }
}
