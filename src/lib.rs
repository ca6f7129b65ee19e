//! Drop a JSONL file into a private S3 bucket, get Amazon Bedrock batch inference results back.

#[cfg(feature = "local")]
pub mod local;
