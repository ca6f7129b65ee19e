//! What an answer from AWS means: a fact, or why it is not known.

use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::aws::error::Chain;
use crate::doctor::known::{Known, Unknown};

/// The answer, or why it is not known.
pub(crate) fn known<T, E>(action: &str, answer: Result<T, SdkError<E, HttpResponse>>) -> Known<T>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    answer.map_err(|error| match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some(code) if is_refusal(code) => {
            Unknown { why: format!("{code} on {action}"), fix: format!("allow yourself {action}") }
        }
        Some(code) => {
            let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
            let message = message.map(|message| format!(": {message}")).unwrap_or_default();
            Unknown { why: format!("{code} on {action}{message}"), fix: "try again".to_owned() }
        }
        None => Unknown {
            why: format!("{action} failed: {}", Chain(&error)),
            fix: "make sure that AWS can be reached, and try again".to_owned(),
        },
    })
}

/// The answer, or `None` if the error has one of these codes, which mean that the thing does not exist.
pub(crate) fn found<T, E>(
    action: &str,
    answer: Result<T, SdkError<E, HttpResponse>>,
    codes: &[&str],
) -> Known<Option<T>>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match &answer {
        Err(error)
            if error
                .as_service_error()
                .and_then(|error| error.code())
                .is_some_and(|code| codes.contains(&code)) =>
        {
            Ok(None)
        }
        _ => known(action, answer).map(Some),
    }
}

/// Parses a policy document. IAM returns it percent-encoded.
pub(super) fn document(text: &str) -> Option<Value> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&decoded)).ok()
}

/// Whether an error means that access was denied. The services have different codes for it.
fn is_refusal(code: &str) -> bool {
    ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden"].contains(&code)
}
