//! A running stand-in, and how a test controls it.

use std::io;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::ending::Ending;
use super::fault::{Fault, Operation};
use super::http;
use super::job::{Job, JobView};
use super::options::StandInOptions;
use super::request_log::RecordedRequest;
use super::state::{Script, Shared};
use crate::aws::clock;
use crate::local::check_clock::check_clock;
use crate::local::lock::lock;

/// A running stand-in. When it is dropped, its connections and its jobs end.
#[derive(Debug)]
pub struct StandIn {
    endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl StandIn {
    /// Starts serving on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start(options: StandInOptions) -> io::Result<Self> {
        check_clock(clock::now())?;
        let listener = http::listen().await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared::new(options));
        let server = tokio::spawn(http::serve(listener, Arc::clone(&shared)));
        Ok(Self { endpoint, shared, server })
    }

    /// The endpoint for a Bedrock client: `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Receives every event from now on: complete EventBridge events, one per state change, Submitted first.
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<Value> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.shared.state().subscribers.push(sender);
        receiver
    }

    /// Decides how the next job that is created ends. Calls queue up. A job for which nothing is queued ends
    /// as [`Self::script_with`] says, or completes.
    pub fn script(&self, ending: Ending) {
        self.shared.state().endings.push_back(ending);
    }

    /// Decides how every job ends for which nothing is queued. `ending` is called once per job, after its
    /// input was found to be valid, with its number (from 0, in the order of creation) and the job, whose
    /// `counts.total` is set.
    pub fn script_with(&self, ending: impl Fn(u64, &JobView) -> Ending + Send + Sync + 'static) {
        self.shared.state().script = Some(Script(Arc::new(ending)));
    }

    /// From now on, accepts only these roles. With `None`, it accepts any well-formed ARN.
    pub fn set_known_roles(&self, roles: Option<Vec<String>>) {
        self.shared.state().known.roles = roles;
    }

    /// From now on, accepts only these subnets. With `None`, it accepts any well-formed id.
    pub fn set_known_subnets(&self, subnet_ids: Option<Vec<String>>) {
        self.shared.state().known.subnet_ids = subnet_ids;
    }

    /// From now on, allows at most this many jobs of one model that have not ended. Running jobs continue.
    pub fn set_max_jobs_in_flight(&self, jobs: usize) {
        self.shared.state().max_jobs_in_flight = Some(jobs);
    }

    /// Injects a fault into the next request of this operation. Calls queue up, per operation.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        self.shared.state().faults.entry(operation).or_default().push_back(fault);
    }

    /// Keeps only this many of the newest requests from now on, because a run of days has millions.
    pub fn limit_log(&self, most: usize) {
        self.shared.state().log.limit(most);
    }

    /// Every request so far, oldest first; only the newest ones if the log is limited.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.state().log.requests()
    }

    /// Every job so far, oldest first.
    pub fn jobs(&self) -> Vec<JobView> {
        self.shared.state().jobs.all().iter().map(Job::view).collect()
    }

    /// The job that was made with this client request token.
    pub fn job(&self, client_request_token: &str) -> Option<JobView> {
        self.shared.state().jobs.with_token(client_request_token).map(Job::view)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
        lock(&self.shared.tasks).abort_all();
    }
}
