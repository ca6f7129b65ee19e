//! The whole pipeline on one machine, with no AWS account.

pub mod bedrock;
pub mod s3;
