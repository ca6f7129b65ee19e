//! S3's errors for what does not exist.

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use s3s::{S3Error, s3_error};

use super::version::Version;

pub(super) fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

pub(crate) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub(super) fn no_such_version() -> S3Error {
    s3_error!(NoSuchVersion, "The specified version does not exist.")
}

pub(super) fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
         completed."
    )
}

/// Adds headers to an error which say that it is about a delete marker.
pub(super) fn about_marker(mut error: S3Error, marker: &Version) -> S3Error {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if let Ok(version_id) = HeaderValue::from_str(&marker.id) {
        headers.insert("x-amz-version-id", version_id);
    }
    error.set_headers(headers);
    error
}
