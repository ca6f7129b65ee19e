//! Flows.

mod ask_bedrock;
pub mod complete;
mod context;
pub mod job_files;
mod reconcile;
pub mod submit;
mod sweep;
