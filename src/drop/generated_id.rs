//! The ids of records that came without one. Pure.

use crate::drop::identity::DropId;

/// The id of a record that came without one: it says where the record is, and holds in every attempt.
#[must_use]
pub fn given_record_id(drop_id: &DropId, line: u64) -> String {
    let drop: String = drop_id.as_str().chars().take(12).collect();
    format!("{drop}-line-{line}")
}

/// What is written after the `{` of a record that came without an id. It has `modelInput` at least, so a
/// comma follows.
#[must_use]
pub fn given_member(record_id: &str) -> String {
    format!("\"recordId\":\"{record_id}\",")
}
