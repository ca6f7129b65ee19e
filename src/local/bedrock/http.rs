//! The wire side: routes, signatures, statuses, and the connections themselves.
//!
//! Connections are served by hyper directly, because a router can neither close a connection without an
//! answer, which one of the faults needs, nor end every connection when the stand-in ends.

use std::fmt;
use std::io;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::error::ApiError;
use super::fault::{Fault, Operation};
use super::list_query::ListQuery;
use super::operations;
use super::patterns;
use super::state::Shared;
use super::violation::{summary, violation};
use crate::local::uuid::uuid;

/// The longest request body that is read. The longest one that the service model allows is far shorter.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Closes the connection without an answer.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no answer")
    }
}

impl std::error::Error for NoAnswer {}

/// Serves connections until the task is aborted, which also ends the connections.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // If a connection fails before it is accepted, the client has to try again.
                let Ok((stream, _)) = accepted else { continue };
                // Answers are small, and clients wait for them. If this fails, they are only slower.
                let _ = stream.set_nodelay(true);
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(|request| respond(Arc::clone(&shared), request));
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
                });
            }
            // An error here comes from the client or from a fault. Nothing needs to be done about either.
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn respond(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response, NoAnswer> {
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), MAX_BODY_BYTES).await.map_err(|_| NoAnswer)?;
    let route = Route::of(&head.method, &head.uri);
    let operation = route.as_ref().map(Route::operation);
    let number = shared.state().log.record(operation, &head.method, &head.uri, &body);
    let fault = operation.and_then(|operation| shared.next_fault(operation));
    if fault == Some(Fault::Hang) {
        std::future::pending::<()>().await;
    }
    let result = match fault.as_ref().and_then(refusal) {
        Some(refusal) => Err(refusal),
        None => authorize(&head.headers, &shared.options.region, shared.options.access_key_id.as_deref())
            .and_then(|()| route.ok_or_else(ApiError::unknown_operation))
            .and_then(|route| route.answer(&shared, &head.uri, &body)),
    };
    if fault == Some(Fault::LoseAnswer) {
        return Err(NoAnswer);
    }
    let response = match result {
        Ok(answer) => reply(StatusCode::OK, None, &answer),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            reply(status, Some(error.code), &json!({"message": error.message}))
        }
    };
    shared.state().log.set_status(number, response.status().as_u16());
    Ok(response)
}

fn reply(status: StatusCode, error_type: Option<&'static str>, body: &Value) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json".to_owned())];
    let request_id = [("x-amzn-requestid", uuid())];
    let error_type = error_type.map(|error_type| [("x-amzn-errortype", error_type)]);
    match error_type {
        Some(error_type) => (status, json, request_id, error_type, body.to_string()).into_response(),
        None => (status, json, request_id, body.to_string()).into_response(),
    }
}

/// The error that a fault stands for, if it stands for one.
fn refusal(fault: &Fault) -> Option<ApiError> {
    match fault {
        Fault::Throttling => Some(ApiError::throttling()),
        Fault::InternalServer => Some(ApiError::internal()),
        Fault::ServiceUnavailable => Some(ApiError::unavailable()),
        Fault::ServiceQuotaExceeded => Some(ApiError::quota("The service quota is exceeded.")),
        Fault::AccessDenied(message) => Some(ApiError::access_denied(message)),
        Fault::Validation(message) => Some(ApiError::validation(message)),
        Fault::Hang | Fault::LoseAnswer => None,
    }
}

/// Requires a Signature Version 4 header for this Region and service, with this access key if one is given.
/// The signature itself is not verified.
fn authorize(headers: &HeaderMap, region: &str, access_key_id: Option<&str>) -> Result<(), ApiError> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let parameters = value.and_then(|value| value.strip_prefix("AWS4-HMAC-SHA256 "));
    let parameter = |name| parameters?.split(',').find_map(|part| part.trim().strip_prefix(name));
    let (Some(credential), Some(_), Some(_)) =
        (parameter("Credential="), parameter("SignedHeaders="), parameter("Signature="))
    else {
        return Err(ApiError::missing_token());
    };
    if access_key_id.is_some_and(|known| credential.split('/').next() != Some(known)) {
        return Err(ApiError::unknown_key());
    }
    let scope: Vec<&str> = credential.rsplit('/').take(3).collect();
    if scope != ["aws4_request", "bedrock", region] {
        return Err(ApiError::wrong_scope(format!(
            "Credential should be scoped to service bedrock and region {region}."
        )));
    }
    Ok(())
}

/// One of the operations, with the job that its path names.
#[derive(Debug, PartialEq)]
enum Route {
    Create,
    Get(String),
    List,
    Stop(String),
}

impl Route {
    /// Finds the operation. A job's ARN is one segment of the path, its `/` percent-encoded.
    fn of(method: &Method, uri: &Uri) -> Option<Self> {
        let segments: Vec<&str> = uri.path().split('/').skip(1).collect();
        let decode = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        match (method.as_str(), segments.as_slice()) {
            ("POST", ["model-invocation-job"]) => Some(Self::Create),
            ("GET", ["model-invocation-jobs"]) => Some(Self::List),
            ("GET", ["model-invocation-job", job]) => Some(Self::Get(decode(job))),
            ("POST", ["model-invocation-job", job, "stop"]) => Some(Self::Stop(decode(job))),
            _ => None,
        }
    }

    fn operation(&self) -> Operation {
        match self {
            Self::Create => Operation::CreateModelInvocationJob,
            Self::Get(_) => Operation::GetModelInvocationJob,
            Self::List => Operation::ListModelInvocationJobs,
            Self::Stop(_) => Operation::StopModelInvocationJob,
        }
    }

    fn answer(&self, shared: &Arc<Shared>, uri: &Uri, body: &[u8]) -> Result<Value, ApiError> {
        match self {
            Self::Create => {
                // AWS does not document the error for a body that is not JSON. This one is the stand-in's.
                let body = serde_json::from_slice(body)
                    .map_err(|error| ApiError::validation(format!("The body is not JSON: {error}")))?;
                let job_arn = operations::create(shared, body)?;
                Ok(json!({"jobArn": job_arn}))
            }
            Self::Get(job) => operations::get(shared, &identifier(job)?),
            Self::List => operations::list(shared, &ListQuery::parse(uri)?),
            Self::Stop(job) => operations::stop(shared, &identifier(job)?),
        }
    }
}

fn identifier(job: &str) -> Result<String, ApiError> {
    let problems = patterns::JOB_IDENTIFIER.problems(job);
    if problems.is_empty() {
        return Ok(job.to_owned());
    }
    let value = Value::String(job.to_owned());
    let violations: Vec<_> =
        problems.iter().map(|problem| violation(&value, "jobIdentifier", problem)).collect();
    Err(ApiError::validation(summary(&violations)))
}

/// Listens on a free port of the loopback address.
pub(super) async fn listen() -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", 0)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_operation_of_a_path() {
        let arn = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghijkl";
        let encoded = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Amodel-invocation-job%2Fabcdefghijkl";
        let route = |method: &str, uri: &str| Route::of(&method.parse().unwrap(), &uri.parse().unwrap());
        for (method, uri, expected) in [
            ("POST", "/model-invocation-job".to_owned(), Some(Route::Create)),
            ("GET", "/model-invocation-jobs?maxResults=1".to_owned(), Some(Route::List)),
            (
                "GET",
                "/model-invocation-job/abcdefghijkl".to_owned(),
                Some(Route::Get("abcdefghijkl".to_owned())),
            ),
            ("GET", format!("/model-invocation-job/{encoded}"), Some(Route::Get(arn.to_owned()))),
            ("POST", format!("/model-invocation-job/{encoded}/stop"), Some(Route::Stop(arn.to_owned()))),
            ("GET", format!("/model-invocation-job/{arn}"), None),
            ("DELETE", "/model-invocation-job/abcdefghijkl".to_owned(), None),
            ("POST", "/tagResource".to_owned(), None),
        ] {
            assert_eq!(route(method, &uri), expected, "{method} {uri}");
        }
    }
}
