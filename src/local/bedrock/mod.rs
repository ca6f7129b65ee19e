//! A stand-in for Amazon Bedrock's control plane of batch inference, over HTTP on the loopback address.
//!
//! It is as strict as the service: what it accepts should be accepted there, and where the two are known to
//! differ it is the stricter one. No model is called; every answer says so. Inputs are read and outputs
//! written through an S3 client, so any S3 endpoint serves.
//!
//! | file | job |
//! |---|---|
//! | `server.rs`, `options.rs` | starts it, and lets a test decide what goes wrong |
//! | `http.rs` | connections, routes, signatures, statuses |
//! | `operations.rs` | Create, Get, List, and Stop: tokens, names, quotas |
//! | `request.rs`, `list_query.rs`, `violation.rs` | a request, checked by the rules in `patterns.rs` |
//! | `known.rs` | which roles, subnets, and security groups exist |
//! | `model.rs` | model id → ARN and family |
//! | `run.rs` | one task per job: takes it through its states to its end |
//! | `quotas.rs` | how large a job may be |
//! | `s3.rs`, `record.rs`, `body.rs`, `answer.rs` | input lines → output lines and the manifest |
//! | `job.rs`, `time.rs` | what Get, List, and the events show |
//! | `ending.rs`, `ending_rates.rs`, `fault.rs` | how jobs end, and which requests go wrong |
//! | `state.rs`, `jobs.rs`, `request_log.rs`, `error.rs` | what the connections and the jobs share |
//!
//! Where AWS documents nothing, the code says "AWS does not document" and what the stand-in does.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html> (read 2026-11).

mod answer;
mod body;
mod ending;
mod ending_rates;
mod error;
mod fault;
mod http;
mod job;
mod jobs;
mod known;
mod list_query;
mod model;
mod operations;
mod options;
pub mod patterns;
mod quotas;
mod record;
mod request;
mod request_log;
mod run;
mod s3;
mod server;
mod state;
mod time;
mod violation;

pub use self::ending::{Ending, Lie, LieKind, Processed, RecordFailure, TerminalStatus};
pub use self::ending_rates::EndingRates;
pub use self::fault::{Fault, Operation};
pub use self::job::{Counts, JobStatus, JobView};
pub use self::operations::DEFAULT_PAGE_JOBS;
pub use self::options::{NameInUse, StandInOptions};
pub use self::quotas::Quotas;
pub use self::request_log::RecordedRequest;
pub use self::server::StandIn;
