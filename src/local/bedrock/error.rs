//! The errors of the control plane, as they go over the wire.
//!
//! The names and status codes are those of the service model; the SDK reads the name from the
//! `x-amzn-errortype` header.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html> (read 2026-11).

/// One error: its name in the service, its HTTP status, and a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) code: &'static str,
    pub(super) status: u16,
    pub(super) message: String,
}

impl ApiError {
    fn new(code: &'static str, status: u16, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into() }
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", 400, message)
    }

    /// In the service model, a conflict has the status 400, not 409.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new("ConflictException", 400, message)
    }

    /// In the service model, an exhausted quota has the status 400, so the SDK does not retry it.
    pub(super) fn quota(message: impl Into<String>) -> Self {
        Self::new("ServiceQuotaExceededException", 400, message)
    }

    pub(super) fn access_denied(message: impl Into<String>) -> Self {
        Self::new("AccessDeniedException", 403, message)
    }

    pub(super) fn missing_token() -> Self {
        Self::new("MissingAuthenticationTokenException", 403, "Missing Authentication Token")
    }

    pub(super) fn unknown_key() -> Self {
        let message = "The security token included in the request is invalid.";
        Self::new("UnrecognizedClientException", 403, message)
    }

    pub(super) fn wrong_scope(message: impl Into<String>) -> Self {
        Self::new("InvalidSignatureException", 403, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new("ResourceNotFoundException", 404, message)
    }

    pub(super) fn unknown_operation() -> Self {
        Self::new("UnknownOperationException", 404, "The stand-in does not know this operation.")
    }

    pub(super) fn throttling() -> Self {
        Self::new("ThrottlingException", 429, "Too many requests, please wait before trying again.")
    }

    pub(super) fn internal() -> Self {
        Self::new("InternalServerException", 500, "The server encountered an internal error.")
    }

    pub(super) fn unavailable() -> Self {
        Self::new("ServiceUnavailableException", 503, "Service unavailable, please try again.")
    }
}
