//! One line, one record.

pub mod input;
pub mod key;
pub mod lines;
pub mod output;
pub mod problem;
pub(crate) mod recent_ids;
mod scan;
mod template;
