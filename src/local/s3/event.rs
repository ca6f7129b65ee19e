//! What S3 tells of a new object.

use std::time::SystemTime;

/// One object that was created, as the notification of it tells.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCreated {
    /// `ObjectCreated:Put`, `ObjectCreated:Copy` or `ObjectCreated:CompleteMultipartUpload`.
    pub event_name: &'static str,
    /// The bucket.
    pub bucket: String,
    /// The key as it is, not percent-encoded.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// `None` in a bucket that has never kept versions.
    pub version_id: Option<String>,
    /// Sixteen hexadecimal digits that grow with every event.
    pub sequencer: String,
    /// When the object took its place.
    pub event_time: SystemTime,
}
