//! The functions as processes.

mod functions;
