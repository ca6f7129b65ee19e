//! The event of a new object.

use std::time::SystemTime;

/// One object that was created, with what its notification says.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCreated {
    /// `ObjectCreated:Put`, `ObjectCreated:Copy` or `ObjectCreated:CompleteMultipartUpload`.
    pub event_name: &'static str,
    /// The bucket.
    pub bucket: String,
    /// The key, not percent-encoded.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// `None` if the bucket never had versioning.
    pub version_id: Option<String>,
    /// Sixteen hexadecimal digits that increase with every event.
    pub sequencer: String,
    /// When the object became the current version.
    pub event_time: SystemTime,
}
