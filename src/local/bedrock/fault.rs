//! The operations, and what can go wrong with a request.

/// The four operations that the stand-in serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST /model-invocation-job`
    CreateModelInvocationJob,
    /// `GET /model-invocation-job/{jobIdentifier}`
    GetModelInvocationJob,
    /// `GET /model-invocation-jobs`
    ListModelInvocationJobs,
    /// `POST /model-invocation-job/{jobIdentifier}/stop`
    StopModelInvocationJob,
}

impl Operation {
    /// Gives the name that the service model has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateModelInvocationJob => "CreateModelInvocationJob",
            Self::GetModelInvocationJob => "GetModelInvocationJob",
            Self::ListModelInvocationJobs => "ListModelInvocationJobs",
            Self::StopModelInvocationJob => "StopModelInvocationJob",
        }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429; the SDK retries it by itself.
    Throttling,
    /// 500; the SDK retries it by itself.
    InternalServer,
    /// 503; the SDK retries it by itself.
    ServiceUnavailable,
    /// 400; the SDK does not retry it.
    ServiceQuotaExceeded,
    /// 403 with this message.
    AccessDenied(String),
    /// 400 with this message.
    Validation(String),
    /// Takes the request and never answers.
    Hang,
    /// Does what was asked, then closes the connection without a byte.
    LoseAnswer,
}
