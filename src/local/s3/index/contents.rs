//! Buckets by name, and open uploads by id.

use std::collections::BTreeMap;
use std::time::SystemTime;

use s3s::{S3Result, s3_error};

use super::bucket::Bucket;
use super::refusals::{no_such_bucket, no_such_upload};
use super::upload::Upload;

/// Everything that the server holds.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) buckets: BTreeMap<String, Bucket>,
    uploads: BTreeMap<String, Upload>,
}

impl Index {
    /// Adds an empty bucket.
    ///
    /// # Errors
    /// `InvalidBucketName`, `BucketAlreadyOwnedByYou`.
    pub(crate) fn create_bucket(&mut self, name: &str, now: SystemTime) -> S3Result<&mut Bucket> {
        if !s3s::path::check_bucket_name(name) {
            return Err(s3_error!(InvalidBucketName, "The specified bucket is not valid: {name}"));
        }
        if self.buckets.contains_key(name) {
            return Err(s3_error!(BucketAlreadyOwnedByYou, "You already own the bucket {name}"));
        }
        Ok(self.buckets.entry(name.to_owned()).or_insert(Bucket::new(now)))
    }

    /// # Errors
    /// `NoSuchBucket`.
    pub(crate) fn bucket(&self, name: &str) -> S3Result<&Bucket> {
        self.buckets.get(name).ok_or_else(no_such_bucket)
    }

    /// # Errors
    /// `NoSuchBucket`.
    pub(crate) fn bucket_mut(&mut self, name: &str) -> S3Result<&mut Bucket> {
        self.buckets.get_mut(name).ok_or_else(no_such_bucket)
    }

    /// Opens an upload with a new id.
    pub(crate) fn open_upload(&mut self, upload_id: String, upload: Upload) {
        self.uploads.insert(upload_id, upload);
    }

    /// The open upload with this id, for this bucket and key.
    ///
    /// # Errors
    /// `NoSuchBucket`, `NoSuchUpload`.
    pub(crate) fn upload(&mut self, bucket: &str, key: &str, upload_id: &str) -> S3Result<&mut Upload> {
        self.bucket(bucket)?;
        self.uploads
            .get_mut(upload_id)
            .filter(|upload| upload.bucket == bucket && upload.key == key)
            .ok_or_else(no_such_upload)
    }

    /// Removes an upload. Its parts are deleted when it is dropped.
    ///
    /// # Errors
    /// `NoSuchBucket`, `NoSuchUpload`.
    pub(crate) fn close_upload(&mut self, bucket: &str, key: &str, upload_id: &str) -> S3Result<Upload> {
        self.upload(bucket, key, upload_id)?;
        self.uploads.remove(upload_id).ok_or_else(no_such_upload)
    }

    /// The open uploads of a bucket, sorted by key and then by age.
    pub(crate) fn uploads_of(&self, bucket: &str) -> Vec<(&str, &Upload)> {
        let mut uploads: Vec<_> = self
            .uploads
            .iter()
            .filter(|(_, upload)| upload.bucket == bucket)
            .map(|(upload_id, upload)| (upload_id.as_str(), upload))
            .collect();
        uploads.sort_by(|(_, one), (_, other)| (&one.key, one.initiated).cmp(&(&other.key, other.initiated)));
        uploads
    }
}
