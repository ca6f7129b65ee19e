//! A job.

pub mod answers;
pub mod ending;
pub mod evidence;
#[cfg(test)]
mod example;
pub mod outcome;
pub mod request;
pub mod retry;
pub mod sections;
pub mod summary;
