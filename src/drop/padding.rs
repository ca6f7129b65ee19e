//! The padding records of a job's input: their ids and lines. Pure.
//!
//! A padding id is `<job-id>-padding-<n>`, with `n` from 1. No record of a drop can have one: a job-id is a hash over
//! the version id, which S3 assigns after the drop is uploaded. A retry has another job-id, so even the lines of an
//! earlier attempt's padding would not pass for its own.
//!
//! No other file knows what such an id looks like.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::drop::identity::JobId;

/// The body of padding if the record that it would repeat is too large. Every model refuses it, at no cost. Bedrock
/// counts records when it validates a job, but looks at their bodies only later.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html> (read 2026-11)
pub const EMPTY_BODY: &str = "{}";

/// Whether drops and leftovers of fewer records than a job needs are filled up with padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmallDrops {
    /// They are.
    #[default]
    Pad,
    /// They are not: a small drop is rejected, and a small leftover ends in `unprocessed/`.
    Reject,
}

impl SmallDrops {
    /// Reads the setting `SMALL_DROPS`; `None` if it is anything else.
    #[must_use]
    pub fn parse(setting: &str) -> Option<Self> {
        match setting {
            "pad" => Some(Self::Pad),
            "reject" => Some(Self::Reject),
            _ => None,
        }
    }
}

/// Returns the id of a job's padding record, counted from 1.
#[must_use]
pub fn padding_id(job_id: &JobId, number: u64) -> String {
    format!("{job_id}-padding-{number}")
}

/// Returns which of a job's padding records has this id; `None` if none has. Only the exact text counts, so `-padding-7`
/// and `-padding-07` are not the same record.
#[must_use]
pub fn padding_number(job_id: &JobId, record_id: &str) -> Option<u64> {
    let digits = record_id.strip_prefix(job_id.as_str())?.strip_prefix("-padding-")?;
    let number: u64 = digits.parse().ok()?;
    (number > 0 && padding_id(job_id, number) == record_id).then_some(number)
}

/// Appends a padding record's line, with its `\n`, to a job's input. `body` is a JSON object.
pub fn push_padding_line(job_id: &JobId, number: u64, body: &str, out: &mut Vec<u8>) {
    let id = padding_id(job_id, number);
    out.extend_from_slice(format!("{{\"recordId\":\"{id}\",\"modelInput\":{body}}}\n").as_bytes());
}

/// Returns how many bytes the longest of `records` padding lines has.
#[must_use]
pub fn padding_line_bytes(records: u64, body_bytes: u64) -> u64 {
    // A line without its number and its body: the job-id has 32 characters.
    const FRAME_BYTES: u64 = "{\"recordId\":\"\",\"modelInput\":}\n-padding-".len() as u64 + 32;
    FRAME_BYTES + u64::from(records.max(1).ilog10()) + 1 + body_bytes
}

/// Returns the `modelInput` of a line of a job's input, as it is there; `None` if the line is not a record.
#[must_use]
pub fn body_of(line: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    struct Record<'a> {
        #[serde(borrow, rename = "modelInput")]
        model_input: &'a RawValue,
    }
    serde_json::from_slice::<Record<'_>>(line).ok().map(|record| record.model_input.get())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::input::parse_input_record;

    const JOB_ID: &str = "0123456789abcdef0123456789abcdef";

    fn job_id() -> JobId {
        JobId::parse(JOB_ID).unwrap()
    }

    #[test]
    fn only_the_ids_of_this_job_are_padding() {
        let number = |suffix: &str| padding_number(&job_id(), &format!("{JOB_ID}{suffix}"));
        assert_eq!((number("-padding-1"), number("-padding-97")), (Some(1), Some(97)));
        for other in [
            "",
            "-padding-",
            "-padding-0",
            "-padding-07",
            "-padding-+7",
            "-padding-7 ",
            "-padding-x",
            "-line-1",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
        assert_eq!(padding_number(&job_id(), "1123456789abcdef0123456789abcdef-padding-1"), None);
        assert_eq!(padding_number(&job_id(), "-padding-1"), None);
    }

    #[test]
    fn body_is_copied_as_it_is() {
        let body = r#"{"n":1.50e+2 , "s":"\ud83d\ude00é","t":{"modelInput":0}}"#;
        let line = format!(" {{ \"modelInput\" : {body} , \"recordId\":\"a\" }} \r");
        assert_eq!(body_of(line.as_bytes()), Some(body));
        assert_eq!(body_of(b"{\"recordId\":\"a\"}"), None);
    }

    proptest! {
        #[test]
        fn lines_are_records_with_the_promised_size(records in 1u64..100_000, share in 0u64..100) {
            let number = (records * share / 100).max(1);
            let (body, mut line) = (r#"{"inputText":"."}"#, Vec::new());
            push_padding_line(&job_id(), number, body, &mut line);
            prop_assert_eq!(line.pop(), Some(b'\n'));
            let record = parse_input_record(&line).unwrap();
            prop_assert_eq!(record.record_id.and_then(|id| padding_number(&job_id(), &id)), Some(number));
            prop_assert_eq!(body_of(&line), Some(body));
            let most = padding_line_bytes(records, body.len() as u64);
            prop_assert!((line.len() as u64) < most);
            let mut last = Vec::new();
            push_padding_line(&job_id(), records, body, &mut last);
            prop_assert_eq!(last.len() as u64, most);
        }
    }
}
