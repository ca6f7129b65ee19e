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
    /// The operation's name in the service model.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateModelInvocationJob => "CreateModelInvocationJob",
            Self::GetModelInvocationJob => "GetModelInvocationJob",
            Self::ListModelInvocationJobs => "ListModelInvocationJobs",
            Self::StopModelInvocationJob => "StopModelInvocationJob",
        }
    }
}

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429; the SDK retries it.
    Throttling,
    /// 500; the SDK retries it.
    InternalServer,
    /// 503; the SDK retries it.
    ServiceUnavailable,
    /// 400; the SDK does not retry it.
    ServiceQuotaExceeded,
    /// 403 with this message.
    AccessDenied(String),
    /// 400 with this message.
    Validation(String),
    /// Accepts the request and never answers.
    Hang,
    /// Does what was requested, and then closes the connection without sending a byte.
    LoseAnswer,
}
