//! Drop a JSONL file into a private S3 bucket, get Amazon Bedrock batch inference results back in a
//! private S3 bucket, inside a VPC.
//!
//! # The two flows
//!
//! ```text
//! submit:    S3 put ─► event ─► validate ─► plan ─► store (copy) ─► job ─► bedrock
//!                      which     every       one     to a key that   with   CreateModel-
//!                      object?   line        part    Bedrock takes   VPC    InvocationJob
//!
//! complete:  state change ─► event ─► bedrock ─► output ─► accounting ─► results/, summary.json
//!                            whose    GetModel-  every     the sum is
//!                            job?     Invoc…Job  line      checked
//!
//! sweep:     schedule ─► what is open ─► the step that comes next, of either flow
//! ```

pub mod aws;
pub mod base;
#[cfg(feature = "local")]
pub mod cli;
#[cfg(feature = "doctor")]
pub mod doctor;
pub mod drop;
pub mod flow;
pub mod job;
pub mod ledger;
#[cfg(feature = "local")]
pub mod local;
pub mod record;
