//! What S3's refusals mean.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map(|response| response.status().as_u16()).unwrap_or_default()
}

/// Returns whether there is no such key or version, or the version is a delete marker (405).
pub(super) fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    match code {
        Some("NoSuchKey" | "NoSuchVersion" | "NotFound" | "MethodNotAllowed") => true,
        Some("NoSuchBucket") => false,
        _ => status(error) == 404,
    }
}

/// Returns whether a condition did not hold. The SDK has no type for this error, so its code is compared.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
pub(super) fn is_lost<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("PreconditionFailed")
        || status(error) == 412
}

/// Returns whether another request is writing or deleting the object at this moment. Then the call may be tried again.
pub(super) fn is_conflict<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalRequestConflict")
}
