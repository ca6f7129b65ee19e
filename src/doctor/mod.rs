//! Examines an account before a job waits for hours and fails. It reads, and changes nothing, unless it is asked for the
//! probe.
//!
//! ```text
//! a stack's outputs, or the ─► subject ─► gather ─► facts ─► checks ─► findings
//! functions' environment                 calls AWS                    a line each
//! ```
//!
//! | file | job |
//! |---|---|
//! | `examine.rs` | the steps in order, and the order of the checks |
//! | `subject.rs` | what is examined: the settings, and what only a stack tells |
//! | `gather/` | asks AWS, one file per service |
//! | `facts.rs`, `known.rs` | what AWS answered |
//! | `checks/` | judges the facts, one file per kind of check |
//! | `vpc.rs`, `requests.rs`, `model_id.rs`, `questions.rs` | what the checks have in common |
//! | `policy.rs` | what the policy of a resource says about a request |
//! | `probe.rs` | asks for a job that cannot be made, only if told to; its own calls, and the only ones that write |
//! | `finding.rs` | the lines of the report |
//!
//! Everything from `facts` on is pure. IAM judges the policies of the role, with its simulation; `policy.rs`
//! reads the policies of resources, which the simulation does not support for roles.

mod checks;
mod examine;
mod facts;
mod finding;
mod gather;
mod known;
mod model_id;
mod policy;
mod probe;
mod questions;
mod requests;
mod subject;
#[cfg(test)]
mod tests;
mod vpc;

pub use self::examine::{DoctorError, examine, sdk_config};
pub use self::finding::{Finding, Report, State};
