//! One job: what Bedrock is asked for, what its output says, and what becomes of its records. Pure; imports `base`,
//! `record`, and `drop`.
//!
//! - [`request`]: the request for a job, and whether a job at Bedrock was made from it
//! - [`ending`]: how a job ended, and Bedrock's own counts
//! - [`answers`]: what the lines of the output say about the records
//! - [`findings`]: which answers are of no use, and which errors there are
//! - [`evidence`]: whether the output, the manifest, and Bedrock's counters can all be true
//! - [`retry`]: which of the remaining records go to a next attempt
//! - [`padding`]: the records that fill up a small job, and what they cost
//! - [`outcome`]: what became of the records, as the ledger records it
//! - [`sections`]: how a result file is made: what S3 copies, and what is read and uploaded
//! - [`summary`]: `summary.json`, from all jobs of a drop

pub mod answers;
pub mod ending;
pub mod evidence;
#[cfg(test)]
mod example;
pub mod findings;
pub mod outcome;
pub mod padding;
pub mod request;
pub mod retry;
pub mod sections;
pub mod summary;
