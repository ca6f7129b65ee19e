//! Where every drop and every job stands: small JSON objects in S3, changed by conditional writes. Pure;
//! [`aws::store`](crate::aws::store) reads and writes them.
//!
//! One rule underlies everything: decide, record the decision with a conditional write, act on what is recorded, and
//! delete the marker last. The next invocation after a crash does not decide again; it finishes what is recorded.
//!
//! - [`mod@drop`]: the entry of a drop, its states, and the moves between them
//! - [`held`]: a drop that a budget or its content keeps from being submitted
//! - [`budget`]: how much of a day's budget is reserved; [`contents`]: which drop had a content last
//! - [`job`]: the entry of a job; [`job_state`]: its states and the moves between them; [`stored_job_state`]: the JSON
//! - [`lease`]: the invocation that writes, and until when its leases hold
//! - [`status`]: where a drop stands, for the person who dropped it
//! - [`routes`]: which routes are in force
//! - [`sweep`]: how far the sweep has compared the input bucket with the ledger
//! - [`stored_job`]: the JSON of a job's entry, in all versions
//! - [`entry`]: what all entries have in common: versions, and the time of writing
//! - [`illegal_move`]: a move that the drawings do not have
//!
//! The keys of the entries are in [`drop::keys`](crate::drop::keys).

pub mod budget;
pub mod contents;
pub mod drop;
pub mod entry;
pub mod erasure;
#[cfg(test)]
mod example;
pub mod held;
pub mod illegal_move;
pub mod job;
pub mod job_state;
pub mod lease;
pub mod routes;
pub mod status;
pub mod stored_job;
pub mod stored_job_state;
pub mod sweep;
