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
//!
//! [`submit`] and [`complete`] are where the steps meet; [`layout`] has every key, [`ledger`] every state.
//!
//! # Reading order
//!
//! [`config`], [`error`], [`text`], [`timestamp`], [`telemetry`]; then along a drop: [`event`], [`s3_uri`], [`layout`],
//! [`jsonl`], `json`, `shape`, [`record`], `ids`, [`plan`], [`validate`], [`job`], [`ledger`], [`store`], [`lines`],
//! [`bedrock`], [`submit`], `jobs`, [`accounting`], `sections`, [`output`], [`complete`], `sweep`, `reconcile`. From `jsonl` to
//! `ledger`, and `accounting`, all is pure: no IO, no clock, no environment.

pub mod accounting;
pub mod bedrock;
#[cfg(feature = "local")]
pub mod cli;
pub mod clients;
pub mod complete;
pub mod config;
#[cfg(feature = "doctor")]
pub mod doctor;
pub mod error;
pub mod event;
mod ids;
pub mod job;
mod jobs;
mod json;
pub mod jsonl;
pub mod layout;
pub mod ledger;
pub mod lines;
#[cfg(feature = "local")]
pub mod local;
pub mod output;
mod pipeline;
pub mod plan;
mod reconcile;
pub mod record;
pub mod s3_uri;
mod sections;
mod shape;
pub mod store;
pub mod submit;
mod sweep;
pub mod telemetry;
pub mod text;
pub mod timestamp;
pub mod validate;
