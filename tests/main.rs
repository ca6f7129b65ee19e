//! All integration tests in one binary: the AWS SDKs are linked once. The folders are the rooms of `src/`, and
//! `proofs` for the tests that explore the whole.

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
mod project;
mod proofs;
mod record;
mod support;
