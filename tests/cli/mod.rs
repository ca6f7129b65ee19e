//! The command line as a process.

mod check;
mod commands;
mod field;
mod local_run;
mod people;
mod prepare;
#[cfg(feature = "doctor")]
mod redrive;
mod report;
mod results;
mod routes;
#[cfg(target_os = "linux")]
mod terminal;
