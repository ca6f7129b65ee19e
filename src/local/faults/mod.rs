//! Faults between the functions and AWS, on the side of the functions: every call of both SDK clients passes
//! here, whatever server is behind.
//!
//! | file | job |
//! |---|---|
//! | `call.rs` | an HTTP request → the call that it is; pure |
//! | this file | what becomes of a call |
//! | `random.rs` | rates and a seed → what becomes of a call, or of an event; pure |
//! | `options.rs` | the faults of the command line |

mod call;
mod options;
mod random;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::http::{HttpRequest, HttpResponse};
use aws_sdk_s3::config::{ConfigBag, RuntimeComponents, RuntimeComponentsBuilder, SharedHttpClient};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use futures_util::stream::try_unfold;
use serde_json::json;
use tokio::sync::watch;

use crate::aws::error::Error;
use crate::job::sections::body_of;

pub use call::{Call, Condition, Service};
pub use options::{FAULTS, FaultError, FaultOptions};
pub(crate) use random::dice;
pub use random::{CallRates, EventFaults};

/// What becomes of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// It goes on to the server.
    #[default]
    Pass,
    /// It goes on to the server after this pause.
    Delay(Duration),
    /// It never comes to the server, and the caller gets this error as the service words it.
    Refuse {
        /// The HTTP status, such as 503.
        status: u16,
        /// The error code, such as `SlowDown` or `ThrottlingException`.
        code: &'static str,
    },
    /// It has its effect, but the connection breaks before the answer.
    LoseAnswer,
    /// It has its effect, and its answer arrives at this many bytes per second.
    Throttle(u64),
    /// The caller is killed just before the call: no effect, no answer, and no further call gets through.
    StopBefore,
    /// The caller is killed just after the call: it has its effect, no answer, and no further call gets through.
    StopAfter,
}

impl Action {
    /// What it is counted as; `None` for a call that passes.
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::Pass => None,
            Self::Delay(_) => Some("delay"),
            Self::Refuse { code, .. } => Some(code),
            Self::LoseAnswer => Some("lost answer"),
            Self::Throttle(_) => Some("throttle"),
            Self::StopBefore | Self::StopAfter => Some("stop"),
        }
    }
}

/// Decides what becomes of a call.
type Decide = Arc<dyn Fn(&Call) -> Action + Send + Sync>;

/// Writes down every call of the clients that it wraps, and decides what becomes of it. Clones share everything.
///
/// ```
/// use bedrock_vpc_batch::local::faults::{Action, Faults};
/// let faults = Faults::new();
/// // A kill just after the third call.
/// faults.set(|call| if call.number == 3 { Action::StopAfter } else { Action::Pass });
/// assert_eq!(faults.calls(), []);
/// ```
#[derive(Clone, Default)]
pub struct Faults(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// The call that the caller was killed at.
    stop: watch::Sender<Option<Call>>,
}

#[derive(Default)]
struct State {
    log: VecDeque<(Call, Action)>,
    /// How many calls the log keeps; `None`: all.
    most: Option<usize>,
    /// How many calls there were.
    calls: u64,
    counts: BTreeMap<&'static str, u64>,
    decide: Option<Decide>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faults").field(&self.state().log).finish()
    }
}

impl Faults {
    /// Lets everything pass.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks `decide` once about every call from now on. A caller that was stopped lives again.
    pub fn set(&self, decide: impl Fn(&Call) -> Action + Send + Sync + 'static) {
        self.state().decide = Some(Arc::new(decide));
        self.0.stop.send_replace(None);
    }

    /// Lets everything pass from now on. A caller that was stopped lives again.
    pub fn clear(&self) {
        self.state().decide = None;
        self.0.stop.send_replace(None);
    }

    /// As [`Self::clear`]; the calls so far are forgotten, and the next has the number 1.
    pub fn reset(&self) {
        let mut state = self.state();
        state.log.clear();
        state.calls = 0;
        state.counts.clear();
        drop(state);
        self.clear();
    }

    /// Keeps only this many of the newest calls from now on: a run of days has millions. They are counted all the same.
    pub fn limit_log(&self, most: usize) {
        self.state().most = Some(most);
    }

    /// Every call so far, in the order in which they began; the newest of them if the log is limited.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().log.iter().map(|(call, _)| call.clone()).collect()
    }

    /// How often each fault was injected so far: an error code, `lost answer`, `delay`, `throttle` or `stop`.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.state().counts.clone()
    }

    /// Ends when a call stops the caller, with that call; at once if one has.
    pub fn stopped(&self) -> impl Future<Output = Call> + Send + use<> {
        let mut stop = self.0.stop.subscribe();
        async move {
            let call = stop.wait_for(Option::is_some).await.ok().and_then(|call| call.clone());
            match call {
                Some(call) => call,
                // Nothing is left that could stop anything.
                None => std::future::pending().await,
            }
        }
    }

    /// Does `work` until it ends or is killed by a call, which is then given.
    ///
    /// # Errors
    /// The call that stopped it. The work is dropped where it was, as a killed process would be.
    pub async fn until_stopped<W: Future>(&self, work: W) -> Result<W::Output, Call> {
        let stopped = self.stopped();
        tokio::select! {
            biased;
            call = stopped => Err(call),
            output = work => Ok(output),
        }
    }

    /// A client whose every call passes here before it goes to `client`.
    #[must_use]
    pub fn wrap(&self, client: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(FaultyClient { faults: self.clone(), inner: client })
    }

    /// Writes a call down and gives what becomes of it.
    fn admit(&self, mut call: Call) -> (Call, Action) {
        let mut state = self.state();
        state.calls += 1;
        call.number = state.calls;
        state.log.push_back((call.clone(), Action::Pass));
        while state.most.is_some_and(|most| state.log.len() > most) {
            state.log.pop_front();
        }
        let decide = state.decide.clone();
        // Whoever decides may look at the calls so far.
        drop(state);
        let action = decide.map_or(Action::Pass, |decide| decide(&call));
        let mut state = self.state();
        if let Some(name) = action.name() {
            *state.counts.entry(name).or_default() += 1;
        }
        if let Some((_, taken)) = state.log.iter_mut().rev().find(|(logged, _)| logged.number == call.number)
        {
            taken.clone_from(&action);
        }
        drop(state);
        (call, action)
    }

    async fn pass(
        &self,
        server: &SharedHttpConnector,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        if self.0.stop.borrow().is_some() {
            return std::future::pending().await;
        }
        let has_body = request.method() != "HEAD";
        let (call, action) = self.admit(Call::from_request(&request));
        match action {
            Action::Pass => server.call(request).await,
            Action::Delay(pause) => {
                tokio::time::sleep(pause).await;
                server.call(request).await
            }
            Action::Refuse { status, code } => refusal(call.service, status, code, has_body),
            Action::LoseAnswer => {
                settle(server.call(request).await).await;
                Err(ConnectorError::io(format!("{call}: the answer was lost (injected)").into()))
            }
            Action::Throttle(bytes_per_second) => {
                Ok(server.call(request).await?.map(|body| throttled(body, bytes_per_second)))
            }
            Action::StopBefore => self.stop(call).await,
            Action::StopAfter => {
                settle(server.call(request).await).await;
                self.stop(call).await
            }
        }
    }

    async fn stop<T>(&self, call: Call) -> T {
        self.0.stop.send_replace(Some(call));
        std::future::pending().await
    }

    /// A lock whose holder panicked still guards whole values: each change is a single step.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the end of an answer: S3 may begin to answer before the effect is there.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html> (read 2026-11)
async fn settle(answer: Result<HttpResponse, ConnectorError>) {
    if let Ok(answer) = answer {
        let mut body = ByteStream::new(answer.into_body());
        while let Some(Ok(_)) = body.next().await {}
    }
}

/// The same body, more slowly. One of unknown length stays as it is.
fn throttled(body: SdkBody, bytes_per_second: u64) -> SdkBody {
    let Some(bytes) = body.content_length() else { return body };
    let chunks = try_unfold(ByteStream::new(body), move |mut body| async move {
        let Some(chunk) = body.next().await else { return Ok(None) };
        let chunk = chunk.map_err(|error| Error::Internal(format!("throttled: {error}")))?;
        let pause = chunk.len() as u64 * 1_000_000 / bytes_per_second.max(1);
        tokio::time::sleep(Duration::from_micros(pause)).await;
        Ok(Some((chunk, body)))
    });
    body_of(chunks, bytes)
}

/// An error as the service words it.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> (read 2026-11)
fn refusal(
    service: Service,
    status: u16,
    code: &'static str,
    has_body: bool,
) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::user(error.into()))?;
    let (body, content_type, request_id) = match service {
        Service::S3 => {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
                 <Message>Injected.</Message><RequestId>INJECTED</RequestId><HostId>INJECTED</HostId></Error>"
            );
            (body, "application/xml", "x-amz-request-id")
        }
        Service::Bedrock => {
            (json!({"message": "Injected."}).to_string(), "application/json", "x-amzn-requestid")
        }
    };
    let body = if has_body { SdkBody::from(body) } else { SdkBody::empty() };
    let mut response = HttpResponse::new(status, body);
    response.headers_mut().insert("content-type", content_type);
    response.headers_mut().insert(request_id, "INJECTED");
    if service == Service::Bedrock {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    Ok(response)
}

#[derive(Debug)]
struct FaultyClient {
    faults: Faults,
    inner: SharedHttpClient,
}

impl HttpClient for FaultyClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(FaultyConnector { faults: self.faults.clone(), inner })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        HttpClient::validate_base_client_config(&self.inner, components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        HttpClient::validate_final_config(&self.inner, components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

#[derive(Debug)]
struct FaultyConnector {
    faults: Faults,
    inner: SharedHttpConnector,
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (faults, inner) = (self.faults.clone(), self.inner.clone());
        HttpConnectorFuture::new(async move { faults.pass(&inner, request).await })
    }
}
