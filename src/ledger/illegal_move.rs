//! A move that the drawings of the states do not have. Pure.

/// A move that the drawings do not have. It is a bug, or something else wrote the entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot go from {from} to {to}")]
pub struct IllegalMove {
    pub(super) what: String,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}
