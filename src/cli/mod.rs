//! The command line `bedrock-vpc-batch`.
//!
//! | file | job |
//! |---|---|
//! | `command.rs` | the commands, their help, and the exit codes that it names |
//! | `local.rs`, `check/`, `prepare.rs`, `report.rs`, `results/`, `errors.rs`, `retry.rs`, `doctor.rs`, `stand_in.rs`, `submit.rs`, `status.rs`, `watch.rs`, `approve.rs`, `cancel.rs`, `erase.rs`, `redrive.rs`, `completions.rs` | one command each: its options, and what it does |
//! | `drops.rs`, `run_folder.rs`, `running.rs` | the drops of a local run, the folder that keeps it, and how other commands find it |
//! | `stack/` | the stack that a command works with: a deployed one, or a local run |
//! | `index.rs`, `find.rs` | the drops of a stack, and the one that an argument names |
//! | `standing.rs`, `following.rs` | where drops stand, and how they are followed to their end |
//! | `upload/` | puts a file into the input bucket |
//! | `table.rs`, `frame.rs`, `screen.rs` | how that is shown: as a table, or as a picture that is painted again and again |
//! | `names.rs`, `watched.rs` | which key a file gets, and which files of a watched folder are dropped |
//! | `summary.rs`, `failures.rs`, `failure_message.rs`, `problems.rs`, `waiting.rs` | what is said about a drop that ended, or waits |
//! | `progress.rs`, `output.rs`, `question.rs`, `fixes.rs` | what the terminal shows and asks, and how a fix is worded for it |
//! | `output_file.rs` | a file that a command writes because the user has named it |
//! | `settings.rs`, `error.rs`, `signals.rs` | what the commands share |

mod approve;
mod cancel;
mod check;
mod command;
mod completions;
#[cfg(feature = "doctor")]
mod doctor;
mod drops;
mod erase;
mod error;
mod errors;
#[cfg(feature = "doctor")]
mod failure_message;
mod failures;
mod find;
mod fixes;
mod following;
mod frame;
mod index;
mod interruptible;
mod local;
mod names;
mod output;
mod output_file;
mod prepare;
mod problems;
mod progress;
mod question;
#[cfg(feature = "doctor")]
mod redrive;
mod report;
mod results;
mod retry;
mod routes;
mod run_folder;
mod running;
mod screen;
mod settings;
mod signals;
mod stack;
mod stand_in;
mod standing;
mod status;
mod submit;
mod summary;
mod table;
mod upload;
mod waiting;
mod watch;
mod watched;

pub use self::command::{Arguments, print_usage, run};
