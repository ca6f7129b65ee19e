//! Faults between the functions and AWS, on the functions' side: every call of both SDK clients passes
//! through here, whatever server answers it.
//!
//! | file | job |
//! |---|---|
//! | `call.rs` | an HTTP request → the call that it is; pure |
//! | `action.rs` | what can become of a call |
//! | `client.rs` | the HTTP client that records each call, and carries out what becomes of it |
//! | `answer.rs` | answers that are made up, or slowed down |
//! | `rates.rs` | rates and a seed → what becomes of a call or of an event; pure |
//! | `options.rs` | the fault options of the command line: `--fault NAME=VALUE` |

mod action;
mod answer;
mod body;
mod call;
mod client;
mod options;
mod rates;

pub use self::action::Action;
pub use self::call::{Call, Condition, Service};
pub use self::client::Faults;
pub use self::options::{FAULTS, FaultError, FaultOptions};
pub use self::rates::{CallRates, EventFaults};
