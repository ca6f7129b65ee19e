//! The ids of records that came without one. Pure.
//!
//! No other file knows what such an id looks like.

use crate::drop::identity::DropId;

/// How many digits of the drop-id are part of the id.
const DROP_ID_CHARS: usize = 12;

/// The id of a record that came without one, such as `2050a70013d5-line-17`. It says where the record is, and
/// is the same in every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedId(String);

impl GeneratedId {
    /// Makes the id of the record on a line of a drop, counted from 1.
    #[must_use]
    pub fn new(drop_id: &DropId, line: u64) -> Self {
        let drop: String = drop_id.as_str().chars().take(DROP_ID_CHARS).collect();
        Self(format!("{drop}-line-{line}"))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns how many bytes longer the line is with the id than without it.
    #[must_use]
    pub fn added_bytes(&self) -> u64 {
        self.member().len() as u64
    }

    /// Returns what is written after the `{` of the record. A comma follows the id, because every record has
    /// at least a `modelInput`.
    pub(super) fn member(&self) -> String {
        format!("\"recordId\":\"{}\",", self.0)
    }
}
