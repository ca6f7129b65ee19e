//! Small types that every room uses: text for people, points in time, S3 URIs, ARNs. Pure; imports no other room.

pub mod arn;
pub mod count;
pub mod s3_uri;
pub mod text;
pub mod timestamp;
