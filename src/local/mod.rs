//! The whole pipeline on one machine, with no AWS account: an embedded S3, a stand-in for Bedrock, and an
//! event pump between them and the same handlers that Lambda runs.
//!
//! | file | job |
//! |---|---|
//! | `pipeline.rs` | starts everything and connects it |
//! | `clients.rs` | the SDK clients of the functions, pointed at the two servers |
//! | `s3/` | the embedded S3; its rules for multipart uploads are in `s3/operations/multipart.rs` |
//! | `bedrock/` | the stand-in for Bedrock |
//! | `pump/` | delivers events and the schedule to the handlers |
//! | `faults/` | what goes wrong on purpose; the fault options of the command line are in `faults/options.rs` |
//! | `account.rs`, `check_clock.rs`, `lock.rs`, `rng.rs`, `uuid.rs` | what several of these need |
//!
//! Only this module and the command line know that a run is local: the SDK clients are pointed at loopback
//! endpoints, and nothing else differs. These clients take nothing from the environment or from a profile,
//! because an endpoint, a proxy, or a credential that is set there would send a user's prompts to another
//! server.

mod account;
pub mod bedrock;
mod check_clock;
mod clients;
pub mod faults;
mod lock;
mod pipeline;
pub mod pump;
mod rng;
pub mod s3;
mod uuid;

pub use self::account::ACCOUNT_ID;
pub use self::clients::{clients, clients_through};
pub use self::pipeline::{Local, LocalOptions};
