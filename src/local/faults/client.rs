//! The HTTP client that every call of the functions passes through. It records the call, and carries out what
//! is decided about it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_s3::config::http::{HttpRequest, HttpResponse};
use aws_sdk_s3::config::{ConfigBag, RuntimeComponents, RuntimeComponentsBuilder, SharedHttpClient};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use tokio::sync::watch;

use super::action::Action;
use super::answer::{read_to_end, refusal, throttled};
use super::call::Call;
use crate::local::lock::lock;

/// Decides what becomes of a call.
type Decide = Arc<dyn Fn(&Call) -> Action + Send + Sync>;

/// Records every call of the clients that it wraps, and decides what becomes of it. Clones share everything.
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
    /// The call at which the caller was killed.
    stop: watch::Sender<Option<Call>>,
}

#[derive(Default)]
struct State {
    log: VecDeque<(Call, Action)>,
    /// How many calls the log keeps; `None` for all.
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
    /// Makes one that lets every call pass.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `decide` once for every call from now on. A caller that was stopped can make calls again.
    pub fn set(&self, decide: impl Fn(&Call) -> Action + Send + Sync + 'static) {
        self.state().decide = Some(Arc::new(decide));
        self.0.stop.send_replace(None);
    }

    /// Lets every call pass from now on. A caller that was stopped can make calls again.
    pub fn clear(&self) {
        self.state().decide = None;
        self.0.stop.send_replace(None);
    }

    /// Does what [`Self::clear`] does, and forgets the calls so far: the next one has the number 1.
    pub fn reset(&self) {
        let mut state = self.state();
        state.log.clear();
        state.calls = 0;
        state.counts.clear();
        drop(state);
        self.clear();
    }

    /// Keeps only this many of the newest calls from now on, because a run of days has millions. All are
    /// still counted.
    pub fn limit_log(&self, most: usize) {
        self.state().most = Some(most);
    }

    /// Every call so far, in the order in which they started; only the newest ones if the log is limited.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().log.iter().map(|(call, _)| call.clone()).collect()
    }

    /// How often each fault was injected so far: an error code, `lost answer`, `delay`, `throttle` or `stop`.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.state().counts.clone()
    }

    /// Returns the call that stops the caller, as soon as there is one.
    pub fn stopped(&self) -> impl Future<Output = Call> + Send + use<> {
        let mut stop = self.0.stop.subscribe();
        async move {
            let call = stop.wait_for(Option::is_some).await.ok().and_then(|call| call.clone());
            match call {
                Some(call) => call,
                // Nothing is left that could stop the caller.
                None => std::future::pending().await,
            }
        }
    }

    /// Runs `work` until it ends or a call stops it.
    ///
    /// # Errors
    /// The call that stopped it. The work is dropped where it was, as if its process were killed.
    pub async fn until_stopped<W: Future>(&self, work: W) -> Result<W::Output, Call> {
        let stopped = self.stopped();
        tokio::select! {
            biased;
            call = stopped => Err(call),
            output = work => Ok(output),
        }
    }

    /// Wraps a client, so that every call passes through here first.
    #[must_use]
    pub fn wrap(&self, client: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(FaultyClient { faults: self.clone(), inner: client })
    }

    /// Records a call, and decides what becomes of it.
    fn admit(&self, mut call: Call) -> (Call, Action) {
        let mut state = self.state();
        state.calls += 1;
        call.number = state.calls;
        state.log.push_back((call.clone(), Action::Pass));
        while state.most.is_some_and(|most| state.log.len() > most) {
            state.log.pop_front();
        }
        let decide = state.decide.clone();
        // `decide` may look at the calls so far, which takes the lock.
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
                read_to_end(server.call(request).await).await;
                Err(ConnectorError::io(format!("{call}: the answer was lost (injected)").into()))
            }
            Action::Throttle(bytes_per_second) => {
                Ok(server.call(request).await?.map(|body| throttled(body, bytes_per_second)))
            }
            Action::StopBefore => self.stop(call).await,
            Action::StopAfter => {
                read_to_end(server.call(request).await).await;
                self.stop(call).await
            }
        }
    }

    async fn stop<T>(&self, call: Call) -> T {
        self.0.stop.send_replace(Some(call));
        std::future::pending().await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
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
