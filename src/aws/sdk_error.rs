//! Classifies the errors of the SDK.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};

use crate::aws::error::{Error, ErrorKind};

/// The headers in which AWS services name a request. S3 adds a second id, and AWS Support asks for both.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshooting.html> (read 2026-11)
const REQUEST_ID_HEADERS: [&str; 3] = ["x-amzn-requestid", "x-amz-request-id", "x-amz-id-2"];

/// Classifies the failure of one call of the SDK. `call` names the operation, and what it was called on.
pub(crate) fn classify<E>(call: String, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(answer) => refusal(call, answer.err().meta(), answer.raw()),
        SdkError::ConstructionFailure(_) => {
            Error::Call { call, kind: ErrorKind::Internal, source: Box::new(error) }
        }
        _ => Error::Call { call, kind: ErrorKind::Unavailable, source: Box::new(error) },
    }
}

/// Makes the error of a refusal. Its code is not generic over the operation, or every call would have a copy.
#[inline(never)]
fn refusal(call: String, meta: &ErrorMetadata, answer: &HttpResponse) -> Error {
    let status = answer.status().as_u16();
    let code = meta.code().unwrap_or("unknown error").to_owned();
    let kind = kind_of_refusal(&code, status);
    let message = meta.message().unwrap_or("no message").to_owned();
    let mut request_ids = String::new();
    for id in REQUEST_ID_HEADERS.iter().filter_map(|name| answer.headers().get(*name)) {
        if !request_ids.is_empty() {
            request_ids.push(' ');
        }
        request_ids.push_str(id);
    }
    Error::Call { call, kind, source: Box::new(Refusal { code, status, request_ids, message }) }
}

/// A service's refusal. The SDK's own error prints as just "service error", so this keeps what the service said.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The error code, or `unknown error`: the answer to a HEAD request has none.
    pub(crate) code: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The ids that the service gave the request, separated by spaces.
    request_ids: String,
    message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, status, request_ids, message } = self;
        if request_ids.is_empty() {
            write!(f, "{code} (HTTP {status}): {message}")
        } else {
            write!(f, "{code} (HTTP {status}, request {request_ids}): {message}")
        }
    }
}

impl StdError for Refusal {}

/// Says what to do about a refusal. Bedrock answers some errors that only time fixes with HTTP 400, so the code counts
/// before the status.
fn kind_of_refusal(code: &str, status: u16) -> ErrorKind {
    match code {
        "ServiceQuotaExceededException"
        | "ThrottlingException"
        | "ConditionalRequestConflict"
        | "OperationAborted"
        | "PreconditionFailed"
        | "RequestTimeout"
        | "SlowDown" => ErrorKind::Unavailable,
        _ if status == 429 || status >= 500 => ErrorKind::Unavailable,
        _ => ErrorKind::Misconfigured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_counts_before_status() {
        let table = [
            ("ServiceQuotaExceededException", 400, ErrorKind::Unavailable),
            ("ThrottlingException", 429, ErrorKind::Unavailable),
            ("InternalServerException", 500, ErrorKind::Unavailable),
            ("ServiceUnavailableException", 503, ErrorKind::Unavailable),
            ("SlowDown", 503, ErrorKind::Unavailable),
            ("ConditionalRequestConflict", 409, ErrorKind::Unavailable),
            ("ValidationException", 400, ErrorKind::Misconfigured),
            ("AccessDeniedException", 403, ErrorKind::Misconfigured),
            ("AccessDenied", 403, ErrorKind::Misconfigured),
            ("ResourceNotFoundException", 404, ErrorKind::Misconfigured),
            ("NoSuchBucket", 404, ErrorKind::Misconfigured),
        ];
        for (code, status, kind) in table {
            assert_eq!(kind_of_refusal(code, status), kind, "{code} {status}");
        }
    }

    #[test]
    fn refusal_names_the_request() {
        let refusal = |request_ids: &str| Refusal {
            code: "AccessDenied".into(),
            status: 403,
            request_ids: request_ids.into(),
            message: "no".into(),
        };
        assert_eq!(refusal("").to_string(), "AccessDenied (HTTP 403): no");
        assert_eq!(refusal("4442 Uuag").to_string(), "AccessDenied (HTTP 403, request 4442 Uuag): no");
    }
}
