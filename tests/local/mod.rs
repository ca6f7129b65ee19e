//! The sandbox: the embedded S3, the Bedrock stand-in, and the faults of both.

pub(crate) mod bedrock;
mod faults;
mod s3;
