//! All integration tests in one binary, so that the AWS SDKs are linked once. The folders are the rooms of
//! `src/`; `proofs` has the tests that explore the whole pipeline, and `project` those of the repository
//! itself.

#![cfg(test)]

mod aws;
mod bin;
mod cli;
#[cfg(feature = "doctor")]
mod doctor;
mod drop;
mod flow;
mod job;
mod ledger;
mod local;
mod model;
mod project;
mod proofs;
mod record;
mod support;
