//! What is read from the ledger survives being written, and can be used.

use std::fmt::Debug;
use std::time::SystemTime;

use bedrock_vpc_batch::drop::identity::{DropId, JobId};
use bedrock_vpc_batch::drop::rejection::Rejection;
use bedrock_vpc_batch::job::summary::Summary;
use bedrock_vpc_batch::ledger::drop::DropEntry;
use bedrock_vpc_batch::ledger::entry::{Entry, EntryError, parse};
use bedrock_vpc_batch::ledger::job::JobEntry;
use bedrock_vpc_batch::ledger::lease::Invocation;
use bedrock_vpc_batch::ledger::sweep::SweepEntry;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The data is an object of the ledger, or a report.
pub(crate) fn check(data: &[u8]) {
    let original = serde_json::from_slice(data).ok();
    if let Some(entry) = read::<DropEntry>(data, original.as_ref()) {
        assert_eq!(DropId::parse(entry.drop_id.as_str()).as_ref(), Some(&entry.drop_id));
        assert_survives(&entry, original.as_ref());
    }
    if let Some(entry) = read::<JobEntry>(data, original.as_ref()) {
        assert_job_makes_sense(&entry);
        let by = Invocation::new("r".into(), "w".into(), SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
        let (writer, input_written) = (entry.writer.clone(), entry.input_written);
        // A flow that rewrites an entry raises its version.
        let rewritten = JobEntry { writer, input_written, ..entry.with_new_input(&by) };
        assert_survives(&rewritten, original.map(as_version_2).as_ref());
    }
    let original = serde_json::from_slice(data).ok();
    if let Some(entry) = read::<SweepEntry>(data, original.as_ref()) {
        assert_survives(&entry, original.as_ref());
    }
    if let Ok(report) = serde_json::from_slice::<Rejection>(data) {
        assert_survives(&report, original.as_ref());
    }
    if let Ok(report) = serde_json::from_slice::<Summary>(data) {
        assert_survives(&report, original.as_ref());
    }
}

/// Reads the data as an entry, if it is one of a version that this release knows.
fn read<T: Entry + Debug>(data: &[u8], original: Option<&Value>) -> Option<T> {
    let version = original.and_then(|original| original.get("version")).and_then(Value::as_u64);
    match parse::<T>(data) {
        Ok(entry) => {
            assert!(version.is_none_or(|version| version <= u64::from(T::VERSION)), "{entry:?}");
            Some(entry)
        }
        Err(EntryError::Newer { version: newer, newest }) => {
            assert!(version.is_none_or(|version| version == u64::from(newer)) && newer > newest);
            None
        }
        Err(EntryError::Json(error)) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fn assert_job_makes_sense(entry: &JobEntry) {
    assert_eq!(JobId::parse(entry.job_id.as_str()).as_ref(), Some(&entry.job_id));
    assert_eq!(entry.is_settled(), entry.finished().is_some());
    assert!(entry.state.outcome().is_none() || entry.state.bedrock_job().is_some());
    assert!(entry.next_attempt().is_none() || entry.state.outcome().is_some());
    assert_eq!(entry.as_attempt().number, entry.attempt);
}

/// A job as version 2 has it: what version 1 says about its records is in a segment.
fn as_version_2(mut job: Value) -> Value {
    if job["version"] == 1 {
        let names = ["drop_id", "source", "part", "attempt"];
        let segment: serde_json::Map<_, _> =
            names.into_iter().map(|name| (name.to_owned(), job[name].clone())).collect();
        job["version"] = json!(2);
        job["segments"] = json!([segment]);
    }
    if job["version"] == 0 {
        job["version"] = json!(2);
    }
    job
}

/// Asserts that an object can be read again after it is written, and that nothing in it was not in the original. The
/// original is not known if a member that is not read has half of a surrogate pair.
fn assert_survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    object: &T,
    original: Option<&Value>,
) {
    let written = serde_json::to_vec(object).expect("it can be written");
    let again: T = serde_json::from_slice(&written).expect("what is written can be read");
    assert_eq!(&again, object);
    let written: Value = serde_json::from_slice(&written).expect("what is written is JSON");
    if let Some(original) = original {
        assert_is_in(&written, original);
    }
}

/// Whether a value is what a missing member is read as.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        value => value.is_null() || *value == json!(0),
    }
}

/// Asserts that everything that is written was in the original, which may leave out what is empty.
fn assert_is_in(written: &Value, original: &Value) {
    match (written, original) {
        (Value::Object(written), Value::Object(original)) => {
            for (name, value) in written {
                match original.get(name) {
                    // An entry of an earlier version is written as one of this.
                    Some(_) if name == "version" => {}
                    Some(original) => assert_is_in(value, original),
                    None => assert!(is_empty(value), "{name}: {value}"),
                }
            }
        }
        // `serde` also reads an object from a list of its members, in order.
        (Value::Object(_), Value::Array(_)) => {}
        (Value::Array(written), Value::Array(original)) => {
            assert_eq!(written.len(), original.len());
            written.iter().zip(original).for_each(|(written, original)| assert_is_in(written, original));
        }
        _ => assert_eq!(written, original, "what is written is what was read"),
    }
}
