//! The adapters: everything that reads the environment or the clock, or talks to AWS. They translate between the SDK's
//! types and ours, so that nothing above or below them needs to know both. May import `base`, `record`, `drop`, `job`,
//! and `ledger`.
//!
//! - [`config`]: the settings, read from the environment
//! - [`clients`]: the SDK clients and their time limits
//! - [`clock`]: the clock, and the start of an invocation
//! - [`events`]: what wakes the functions: S3 notifications, job state changes, the schedule
//! - [`store`]: Amazon S3, with one file for each kind of call
//! - [`job_files`]: the input and the output of a job; `result_file`: the result files, of which S3
//!   copies what it can
//! - [`bedrock`]: creates, gets, and finds jobs; [`job_request`]: the request for a job, in the SDK's types
//! - [`error`]: what can go wrong, and what to do about it; `sdk_error`: the same for the errors of the SDK
//! - `stack`: the settings of a deployed stack, for the command line
//! - [`telemetry`]: log lines; [`metrics`]: the metrics in them

pub mod bedrock;
pub mod clients;
pub mod clock;
pub mod config;
pub mod error;
pub mod events;
pub mod job_files;
pub mod job_request;
pub mod metrics;
mod result_file;
pub(crate) mod sdk_error;
#[cfg(feature = "local")]
pub(crate) mod stack;
pub mod store;
pub mod telemetry;
