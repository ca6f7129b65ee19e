//! What is read from the ledger survives being written, and can be used.

use bedrock_vpc_batch::drop::identity::{DropId, JobId};
use bedrock_vpc_batch::drop::rejection::Rejection;
use bedrock_vpc_batch::job::summary::Summary;
use bedrock_vpc_batch::ledger::drop::DropEntry;
use bedrock_vpc_batch::ledger::job::JobEntry;
use bedrock_vpc_batch::ledger::sweep::SweepEntry;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The data is an object of the ledger, or a report.
pub(crate) fn check(data: &[u8]) {
    if let Some(entry) = survives::<DropEntry>(data) {
        assert_eq!(DropId::parse(entry.drop_id.as_str()).as_ref(), Some(&entry.drop_id));
        assert!(!entry.state.name().is_empty());
    }
    if let Some(entry) = survives::<JobEntry>(data) {
        assert_eq!(JobId::parse(entry.job_id.as_str()).as_ref(), Some(&entry.job_id));
        assert_eq!(entry.is_settled(), entry.finished().is_some());
        assert!(entry.state.outcome().is_none() || entry.state.bedrock_job().is_some());
        assert_eq!(entry.as_attempt().number, entry.attempt);
        let next = entry.next_attempt();
        assert!(next.is_none() || entry.state.outcome().is_some());
    }
    survives::<SweepEntry>(data);
    survives::<Rejection>(data);
    survives::<Summary>(data);
}

/// Reads the data as a `T`, if it is one, and compares what is written of it with the data.
fn survives<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(data: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(data).ok()?;
    let written = serde_json::to_vec(&read).expect("an entry can be written");
    let again: T = serde_json::from_slice(&written).expect("what is written can be read");
    assert_eq!(again, read);
    let original: Value = serde_json::from_slice(data).expect("the data is JSON");
    let written: Value = serde_json::from_slice(&written).expect("the entry is JSON");
    assert_is_in(&written, &original);
    Some(read)
}

/// Asserts that everything that is written was in the original, which may leave out what is `null`.
fn assert_is_in(written: &Value, original: &Value) {
    match (written, original) {
        (Value::Object(written), Value::Object(original)) => {
            for (name, value) in written {
                assert_is_in(value, original.get(name).unwrap_or(&Value::Null));
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
