//! The ledger.

pub mod drop;
pub mod illegal_move;
pub mod job;
pub mod lease;
