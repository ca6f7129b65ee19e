//! A move that the drawings of the states do not have, and the schema version of the entries. Pure.

/// The schema version of both kinds of entry.
pub(super) const VERSION: u32 = 1;

/// A move that the drawings do not have. It is a bug, or something else wrote the entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot go from {from} to {to}")]
pub struct IllegalMove {
    pub(super) what: String,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}
