//! Embedded S3.
