//! Drops: what a file may be, and how it is cut into jobs.

mod awkward_keys;
mod hostile;
mod malformed;
mod splitting;
