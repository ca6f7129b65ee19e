//! Drops: which files are accepted, and how they are cut into jobs.

mod awkward_keys;
mod hostile;
mod malformed;
mod repairs;
mod splitting;
