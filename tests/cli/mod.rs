//! The command line as a process.

mod check;
mod commands;
mod field;
mod local_run;
mod prepare;
#[cfg(target_os = "linux")]
mod terminal;
