//! The command line and the functions, as processes.

mod local_run;
pub(crate) mod processes;
