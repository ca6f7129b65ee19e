//! The command line as a process.

mod commands;
mod local_run;
mod prepare;
