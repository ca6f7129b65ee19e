//! The command line `bedrock-vpc-batch`.
//!
//! | file | job |
//! |---|---|
//! | `command.rs` | the commands, their help, and the exit codes that it names |
//! | `local.rs`, `check/`, `prepare.rs`, `report.rs`, `doctor.rs`, `stand_in.rs` | one command each: its options, and what it does |
//! | `drops.rs`, `run_folder.rs` | the drops of a local run, and the folder that keeps it |
//! | `names.rs`, `watch.rs` | which key a file gets, and which files of a watched folder are dropped |
//! | `summary.rs`, `failures.rs`, `problems.rs`, `waiting.rs` | what is said about a drop that ended, or waits |
//! | `progress.rs`, `output.rs`, `fixes.rs` | what the terminal shows, and how a fix is worded for it |
//! | `settings.rs`, `error.rs`, `signals.rs` | what the commands share |

mod check;
mod command;
#[cfg(feature = "doctor")]
mod doctor;
mod drops;
mod error;
mod failures;
mod fixes;
mod local;
mod names;
mod output;
mod prepare;
mod problems;
mod progress;
mod report;
mod run_folder;
mod settings;
mod signals;
mod stand_in;
mod summary;
mod waiting;
mod watch;

pub use self::command::{Arguments, print_usage, run};
