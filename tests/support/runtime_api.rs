//! A server of the Lambda Runtime API, enough for one function: it hands out invocations and receives the
//! function's answers. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::routing::{get, post};
use bedrock_vpc_batch::aws::clock::now;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};

/// What a function answered to one invocation: `Ok`, or `Err` with the error that it reported.
pub(crate) type Answer = Result<Value, Value>;

/// A function's process and the Runtime API that it uses. Dropping this ends both.
pub(crate) struct Function {
    invocations: mpsc::UnboundedSender<Value>,
    answers: mpsc::UnboundedReceiver<Answer>,
    _process: Child,
    server: tokio::task::JoinHandle<()>,
}

struct Api {
    invocations: Mutex<mpsc::UnboundedReceiver<Value>>,
    answers: mpsc::UnboundedSender<Answer>,
}

impl Function {
    /// Starts the binary with only this environment and the variables that Lambda adds.
    pub(crate) async fn start(binary: &str, environment: &BTreeMap<String, String>) -> Self {
        Self::start_writing(binary, environment, Stdio::null()).await
    }

    /// Starts the binary as [`Function::start`] does, and writes its log lines to `stdout`.
    pub(crate) async fn start_writing(
        binary: &str,
        environment: &BTreeMap<String, String>,
        stdout: Stdio,
    ) -> Self {
        let (invocations, received) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let api = Arc::new(Api { invocations: Mutex::new(received), answers: answered });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(error_at_init))
            .with_state(api);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let process = Command::new(binary)
            .env_clear()
            .envs(environment)
            .envs(lambda_environment(&address))
            .stdout(stdout)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { invocations, answers, _process: process, server }
    }

    /// Invokes the function and waits for its answer.
    pub(crate) async fn invoke(&mut self, event: Value) -> Answer {
        self.invocations.send(event).unwrap();
        tokio::time::timeout(super::BOUND, self.answers.recv()).await.expect("an answer in time").unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The variables that Lambda sets for every function.
pub(crate) fn lambda_environment(runtime_api: &str) -> BTreeMap<String, String> {
    [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", "demo"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/demo"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "demo"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

async fn next(State(api): State<Arc<Api>>) -> (HeaderMap, String) {
    let mut invocations = api.invocations.lock().await;
    let Some(event) = invocations.recv().await else { std::future::pending().await };
    let deadline = (now() + Duration::from_secs(900)).duration_since(UNIX_EPOCH).unwrap().as_millis();
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:demo".to_owned(),
        ),
    ];
    let headers = headers
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .into_iter()
        .collect();
    (headers, event.to_string())
}

async fn response(State(api): State<Arc<Api>>, Path(_): Path<String>, body: String) -> StatusCode {
    api.answers.send(Ok(serde_json::from_str(&body).unwrap_or(Value::Null))).unwrap();
    StatusCode::ACCEPTED
}

async fn error(State(api): State<Arc<Api>>, Path(_): Path<String>, body: String) -> StatusCode {
    api.answers.send(Err(serde_json::from_str(&body).unwrap())).unwrap();
    StatusCode::ACCEPTED
}

async fn error_at_init(State(api): State<Arc<Api>>, body: String) -> StatusCode {
    api.answers.send(Err(serde_json::from_str(&body).unwrap())).unwrap();
    StatusCode::ACCEPTED
}
