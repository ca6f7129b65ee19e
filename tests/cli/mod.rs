//! The command line as a process.

mod check;
mod commands;
mod field;
mod local_run;
mod prepare;
