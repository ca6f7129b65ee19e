//! Which errors of a record are worth another attempt. Pure.

/// Returns whether a record with this `errorCode` may succeed next time. As in HTTP, that is so after too many requests
/// (429) and after the service's own errors (500 to 599). AWS does not document a list of codes. A code that is missing
/// or not a number counts as final, so that nothing is tried again indefinitely.
pub(super) fn is_retryable(code: Option<u64>) -> bool {
    matches!(code, Some(429 | 500..=599))
}
