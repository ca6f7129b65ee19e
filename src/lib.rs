//! Drop a JSONL file into a private S3 bucket, get Amazon Bedrock batch inference results back in a
//! private S3 bucket, inside a VPC.
//!
//! # The flows
//!
//! ```text
//! submit: an S3 put becomes jobs                                     the ledger then says
//!   identify_drop         look at the object that the event names
//!     ▼
//!   claim_drop            get the lease on the drop                  drop  Reading
//!     ▼
//!   judge_drop            read it once, judge every line, plan jobs  drop  Accepted, or Rejected,
//!     ▼                                                                    and then report_rejection
//!   make_jobs             put their input where Bedrock can read it  job   Waiting
//!     ▼
//!   ask_for_jobs          ask Bedrock for each job, once             job   Submitting, then Submitted
//!
//! complete: the end of a job becomes results
//!   end_job               ask Bedrock, read the output, compare all  job   Ended, or Doubtful
//!     ▼                                                                    until a later look
//!   carry_out             write the results, pass on what remains    job   Settled
//!     ▼
//!   finish_drop           after the last job, write summary.json     drop  Finished
//!     ▼
//!   ask_for_next_jobs   a slot is free: ask for jobs that wait     job   Submitting, then Submitted
//!
//! sweep: on a schedule, goes on with what a lost event or a crash has left open
//!   reconcile             compare the input bucket with the ledger
//!     ▼
//!   resume_jobs           take the step that each job's entry calls for
//!     ▼
//!   resume_drops          take the step that each drop's entry calls for
//! ```
//!
//! All of them also tell the user where a drop stands, in its `status.json`.
//!
//! [`flow`] has the steps, with these names. [`ledger`] says where every drop and job stands.
//!
//! # The rooms
//!
//! | room | what it has |
//! |---|---|
//! | `base` | small types that every room uses |
//! | `model` | what a model accepts in the body of a record, as far as it is certain |
//! | `record` | one line: of a drop, as users write it, and of the output, as Bedrock writes it |
//! | `drop` | one drop: where it comes from, its ids and keys, its verdict, its parts |
//! | `job` | one job: the request, what the output says, what becomes of the records |
//! | `ledger` | where every drop and job stands, and which moves are legal |
//! | `estimate` | what the records of a file will cost |
//! | `prepare` | turns the files that people have into records, for the command line |
//! | `report` | what became of a drop, as a page and as a notice for a person |
//! | `answers` | reads the results of a drop, and writes them as a person wants them, for the command line |
//! | `aws` | the adapters: the environment, the clock, S3, Bedrock, the log |
//! | `flow` | the order of the steps |
//! | `local` | the whole pipeline on one machine, with an embedded S3 and a stand-in for Bedrock |
//! | `doctor` | examines an account |
//! | `cli` | the command line |
//! | `bin` | the two functions and the command line: `main` only |
//!
//! A room imports only itself and the rooms above it in this table. The first ten are pure: they decide, but read and
//! write nothing. `tests/project/rooms.rs` checks both, and that no files import each other in a circle.

#[cfg(feature = "local")]
pub mod answers;
pub mod aws;
pub mod base;
#[cfg(feature = "local")]
pub mod cli;
#[cfg(feature = "doctor")]
pub mod doctor;
pub mod drop;
pub mod estimate;
pub mod flow;
pub mod job;
pub mod ledger;
#[cfg(feature = "local")]
pub mod local;
pub mod model;
#[cfg(feature = "local")]
pub mod prepare;
pub mod record;
pub mod report;
