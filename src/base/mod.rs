//! Text and points in time.

pub mod s3_uri;
pub mod text;
pub mod timestamp;
