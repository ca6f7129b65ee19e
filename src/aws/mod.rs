//! Adapters: everything that reads the environment or the clock, or talks to AWS.

pub mod bedrock;
pub(crate) mod body;
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
pub mod store;
pub mod telemetry;
