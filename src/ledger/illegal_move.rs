//! A move between two states that the ledger does not have, and the version of its entries. Pure.

/// The version of the shape of both entries.
pub(super) const VERSION: u32 = 1;

/// A move that the drawing above does not have. It is a bug, or an entry that somebody else wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot go from {from} to {to}")]
pub struct IllegalMove {
    pub(super) what: String,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}
