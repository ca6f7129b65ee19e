//! A stand-in of Amazon Bedrock's control plane for batch inference, over HTTP on the loopback address.
//!
//! It is as strict as the service: what it accepts should be accepted there, and where the two are known to
//! differ it is the stricter one. No model is called; every answer says so. Inputs are read and outputs written
//! through an S3 client, so any S3 endpoint serves.
//!
//! ```text
//! http      routes, signatures, statuses ──► this file: jobs, tokens, names, quotas, events
//! request   body → checked request, by the rules in patterns     │ one task per job
//! model     model id → ARN and family                            ▼
//! run       Submitted → Validating → Scheduled → InProgress → an ending (script)
//! s3, record, body, answer      input lines → output lines and the manifest
//! job, time                     what Get, List and the events show
//! ```
//!
//! Where AWS documents nothing, the code says "AWS does not document" and what the stand-in does.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html> (read 2026-11).

use crate::aws::clock;
mod answer;
mod body;
mod error;
mod http;
mod job;
mod model;
pub mod patterns;
mod record;
mod request;
mod run;
mod s3;
mod script;
mod time;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::http::{Method, Uri};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

pub use self::job::{Counts, JobStatus, JobView};
pub use self::script::{
    Ending, EndingRates, Fault, Lie, LieKind, Operation, Processed, RecordFailure, TerminalStatus,
};

use crate::local::check_clock;

use self::error::ApiError;
use self::http::ListQuery;
use self::job::Job;
use self::request::CreateRequest;
use self::run::Run;

/// Jobs per page of List when the request names no number.
///
/// AWS does not document it; the stand-in's is small, so that a client which forgets to turn pages is found out.
pub const DEFAULT_PAGE_JOBS: usize = 10;

/// The service's quotas, per model.
/// <https://docs.aws.amazon.com/general/latest/gr/bedrock.html> (read 2026-11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Fewest records of a job; 100.
    pub min_records: usize,
    /// Most records of a job; 100,000.
    pub max_records: usize,
    /// Most bytes of an input file; 1 GB.
    pub max_file_bytes: u64,
    /// Most bytes of all input files of a job; 5 GB.
    pub max_job_bytes: u64,
    /// Most jobs of one model that have not ended; 100.
    pub max_jobs_in_flight: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            min_records: 100,
            max_records: 100_000,
            max_file_bytes: 1_000_000_000,
            max_job_bytes: 5_000_000_000,
            max_jobs_in_flight: 100,
        }
    }
}

/// How a job name that is in use is refused: AWS does not document the error, and both were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameInUse {
    /// `ConflictException`
    #[default]
    Conflict,
    /// `ValidationException`
    Validation,
}

/// What a stand-in is made with.
#[derive(Clone, Debug)]
pub struct StandInOptions {
    /// The S3 that holds inputs and takes outputs.
    pub s3: aws_sdk_s3::Client,
    /// The account that ARNs name, twelve digits.
    pub account_id: String,
    /// The Region that ARNs name and that signatures must have.
    pub region: String,
    /// The only access key id that is let in; `None`: every one. Signatures are not verified.
    pub access_key_id: Option<String>,
    /// The roles that may be passed; `None`: every well-formed one.
    pub roles: Option<Vec<String>>,
    /// The subnets that exist; `None`: every well-formed one.
    pub subnet_ids: Option<Vec<String>>,
    /// The security groups that exist; `None`: every well-formed one.
    pub security_group_ids: Option<Vec<String>>,
    /// How long a job stays in each state; zero: no longer than the work takes.
    pub pace: Duration,
    /// The quotas in force.
    pub quotas: Quotas,
    /// How a job name that is in use is refused.
    pub name_in_use: NameInUse,
    /// Decides the order of the output lines.
    pub seed: u64,
}

impl StandInOptions {
    /// Makes options for account 123456789012 in us-east-1, with AWS's quotas, no known resources and no pauses.
    pub fn new(s3: aws_sdk_s3::Client) -> Self {
        Self {
            s3,
            account_id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            access_key_id: None,
            roles: None,
            subnet_ids: None,
            security_group_ids: None,
            pace: Duration::ZERO,
            quotas: Quotas::default(),
            name_in_use: NameInUse::default(),
            seed: 0,
        }
    }
}

/// A request as it came in.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedRequest {
    /// Name of the operation, `None` for a path that is none.
    pub operation: Option<Operation>,
    /// HTTP method.
    pub method: String,
    /// Path and query, not decoded.
    pub path: String,
    /// The body; null if there was none, a string if it was no JSON.
    pub body: Value,
    /// Status answered, `None` if nothing was.
    pub status: Option<u16>,
}

/// A running stand-in. Dropping it ends its connections and its jobs.
#[derive(Debug)]
pub struct StandIn {
    endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl StandIn {
    /// Starts to serve on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start(options: StandInOptions) -> io::Result<Self> {
        check_clock(clock::now())?;
        let listener = http::listen().await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let known = Known {
            roles: options.roles.clone(),
            subnet_ids: options.subnet_ids.clone(),
            security_group_ids: options.security_group_ids.clone(),
        };
        let state = Mutex::new(State { known, ..State::default() });
        let shared = Arc::new(Shared { options, state, tasks: Mutex::default() });
        let server = tokio::spawn(http::serve(listener, Arc::clone(&shared)));
        Ok(Self { endpoint, shared, server })
    }

    /// The address to give to a Bedrock client: `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Gives every event from now on: whole EventBridge events, one per state change, Submitted first.
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<Value> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.shared.state().subscribers.push(sender);
        receiver
    }

    /// Decides how the next job that is created ends. Calls queue up; a job that finds the queue empty ends as
    /// [`Self::script_with`] says, or else completes.
    pub fn script(&self, ending: Ending) {
        self.shared.state().endings.push_back(ending);
    }

    /// Decides how every job ends for which nothing is queued. `ending` is asked once for a job, when its input is
    /// found valid, with its number (from 0, in the order of creation) and the job; its `counts.total` is set.
    pub fn script_with(&self, ending: impl Fn(u64, &JobView) -> Ending + Send + Sync + 'static) {
        self.shared.state().script = Some(Script(Arc::new(ending)));
    }

    /// Lets only these roles be passed from now on; `None`: every well-formed one.
    pub fn set_known_roles(&self, roles: Option<Vec<String>>) {
        self.shared.state().known.roles = roles;
    }

    /// Lets only these subnets exist from now on; `None`: every well-formed one.
    pub fn set_known_subnets(&self, subnet_ids: Option<Vec<String>>) {
        self.shared.state().known.subnet_ids = subnet_ids;
    }

    /// Allows at most this many jobs of one model that have not ended, from now on. Those that run go on.
    pub fn set_max_jobs_in_flight(&self, jobs: usize) {
        self.shared.state().max_jobs_in_flight = Some(jobs);
    }

    /// Lets the next request of this operation go wrong. Calls queue up, per operation.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        self.shared.state().faults.entry(operation).or_default().push_back(fault);
    }

    /// Keeps only this many of the newest requests from now on: a run of days has millions.
    pub fn limit_log(&self, most: usize) {
        self.shared.state().most_requests = Some(most);
    }

    /// Gives every request so far, in the order in which they came; the newest of them if the log is limited.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.state().requests.iter().cloned().collect()
    }

    /// Gives every job so far, oldest first.
    pub fn jobs(&self) -> Vec<JobView> {
        self.shared.state().jobs.iter().map(Job::view).collect()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
        lock(&self.shared.tasks).abort_all();
    }
}

/// What the connections and the job tasks share.
#[derive(Debug)]
struct Shared {
    options: StandInOptions,
    state: Mutex<State>,
    tasks: Mutex<JoinSet<()>>,
}

/// What exists; `None`: everything well-formed.
#[derive(Debug, Default)]
struct Known {
    roles: Option<Vec<String>>,
    subnet_ids: Option<Vec<String>>,
    security_group_ids: Option<Vec<String>>,
}

/// Decides how a job ends, by its number and itself.
type DecideEnding = dyn Fn(u64, &JobView) -> Ending + Send + Sync;

#[derive(Clone)]
struct Script(Arc<DecideEnding>);

impl fmt::Debug for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Script")
    }
}

#[derive(Debug, Default)]
struct State {
    /// Oldest first; jobs are never deleted, as on AWS.
    jobs: Vec<Job>,
    endings: VecDeque<Ending>,
    script: Option<Script>,
    known: Known,
    /// In place of the quota that the stand-in started with.
    max_jobs_in_flight: Option<usize>,
    faults: HashMap<Operation, VecDeque<Fault>>,
    requests: VecDeque<RecordedRequest>,
    /// How many requests there were before the first of `requests`.
    forgotten_requests: usize,
    /// How many requests are kept; `None`: all.
    most_requests: Option<usize>,
    subscribers: Vec<mpsc::UnboundedSender<Value>>,
}

impl State {
    /// Sends the event of a job's present state to everyone who still listens.
    fn announce(&mut self, job: usize) {
        let Some(job) = self.jobs.get(job) else { return };
        let event = job.event(&uuid());
        self.subscribers.retain(|subscriber| subscriber.send(event.clone()).is_ok());
    }

    fn position(&self, job_identifier: &str) -> Result<usize, ApiError> {
        let found = self.jobs.iter().position(|job| job.id == job_identifier || job.arn == job_identifier);
        found.ok_or_else(|| ApiError::not_found(format!("The job {job_identifier} was not found.")))
    }
}

/// A lock whose holder panicked still guards whole values here: each change is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn next_fault(&self, operation: Operation) -> Option<Fault> {
        self.state().faults.get_mut(&operation)?.pop_front()
    }

    /// Records a request and gives its number, for its status.
    fn record_request(&self, operation: Option<Operation>, method: &Method, uri: &Uri, body: &[u8]) -> usize {
        let text = || Value::String(String::from_utf8_lossy(body).into_owned());
        let body = match body {
            [] => Value::Null,
            _ => serde_json::from_slice(body).unwrap_or_else(|_| text()),
        };
        let mut state = self.state();
        state.requests.push_back(RecordedRequest {
            operation,
            method: method.to_string(),
            path: uri.to_string(),
            body,
            status: None,
        });
        while state.most_requests.is_some_and(|most| state.requests.len() > most) {
            state.requests.pop_front();
            state.forgotten_requests += 1;
        }
        (state.forgotten_requests + state.requests.len()).saturating_sub(1)
    }

    fn record_status(&self, number: usize, status: u16) {
        let mut state = self.state();
        let place = number.checked_sub(state.forgotten_requests);
        if let Some(request) = place.and_then(|place| state.requests.get_mut(place)) {
            request.status = Some(status);
        }
    }

    /// `CreateModelInvocationJob`: gives the ARN of the new job, or of the one that the token made before.
    fn create(self: &Arc<Self>, body: Value) -> Result<String, ApiError> {
        let options = &self.options;
        let request = CreateRequest::parse(body).map_err(ApiError::validation)?;
        let model = model::resolve(&request.model_id, &options.region, &options.account_id)
            .map_err(ApiError::validation)?;
        let mut state = self.state();
        state.known.check(&request, &options.account_id)?;
        if let Some(job_arn) = state.repeated(&request)? {
            return Ok(job_arn);
        }
        if state.jobs.iter().any(|job| job.request.job_name == request.job_name) {
            let message = "The provided job name is currently in use.";
            return Err(match options.name_in_use {
                NameInUse::Conflict => ApiError::conflict(message),
                NameInUse::Validation => ApiError::validation(message),
            });
        }
        let is_in_flight = |job: &&Job| !job.status.is_terminal() && job.model.base_id == model.base_id;
        let most = state.max_jobs_in_flight.unwrap_or(options.quotas.max_jobs_in_flight);
        if state.jobs.iter().filter(is_in_flight).count() >= most {
            let message = format!("At most {most} batch inference jobs of this model may be in progress.");
            return Err(ApiError::quota(message));
        }
        let job_id = state.new_job_id();
        let StandInOptions { region, account_id, .. } = options;
        let partition = model::partition(region);
        let arn = format!("arn:{partition}:bedrock:{region}:{account_id}:model-invocation-job/{job_id}");
        let (stop, stopped) = watch::channel(false);
        let now = time::now();
        let ending = state.endings.pop_front();
        state.jobs.push(Job {
            id: job_id.clone(),
            arn: arn.clone(),
            account_id: account_id.clone(),
            region: region.clone(),
            request: request.clone(),
            model: model.clone(),
            status: JobStatus::Submitted,
            message: None,
            counts: Counts::default(),
            submit_time: now,
            last_modified_time: now,
            stop,
        });
        let newest = state.jobs.len() - 1;
        state.announce(newest);
        drop(state);
        let run = Run { shared: Arc::clone(self), job_id, request, model, ending, stop: stopped };
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(run.run());
        Ok(arn)
    }

    /// `GetModelInvocationJob`.
    fn get(&self, job_identifier: &str) -> Result<Value, ApiError> {
        let state = self.state();
        let position = state.position(job_identifier)?;
        Ok(state.jobs.get(position).map(Job::describe).unwrap_or_default())
    }

    /// `ListModelInvocationJobs`. Newest first unless asked otherwise; AWS does not document its default.
    fn list(&self, query: &ListQuery) -> Result<Value, ApiError> {
        let state = self.state();
        let matches = |job: &Job| {
            query.submit_time_after.is_none_or(|after| job.submit_time > after)
                && query.submit_time_before.is_none_or(|before| job.submit_time < before)
                && query.status_equals.as_ref().is_none_or(|status| job.status.as_str() == status)
                && query.name_contains.as_ref().is_none_or(|part| job.request.job_name.contains(part))
        };
        // A token is the number of the first job of its page, so that new jobs do not move the pages.
        let token = query.next_token.as_ref().map(|token| token.parse::<usize>());
        // AWS does not document what a token gives that it never gave; the stand-in refuses it.
        let is_given = |first: Option<usize>| first.is_none_or(|first| first < state.jobs.len());
        let Some(first) = token.transpose().ok().filter(|first| is_given(*first)) else {
            return Err(ApiError::validation("The provided nextToken is invalid."));
        };
        let numbered = state.jobs.iter().enumerate();
        let mut found: Vec<_> = numbered.filter(|(_, job)| matches(job)).collect();
        if !query.ascending {
            found.reverse();
        }
        let is_before = |number: usize| {
            first.is_some_and(|first| if query.ascending { number < first } else { number > first })
        };
        let mut page = found.into_iter().skip_while(|(number, _)| is_before(*number));
        let limit = query.max_results.unwrap_or(DEFAULT_PAGE_JOBS);
        let summaries: Vec<_> = page.by_ref().take(limit).map(|(_, job)| job.describe()).collect();
        Ok(match page.next() {
            Some((next, _)) => json!({"invocationJobSummaries": summaries, "nextToken": next.to_string()}),
            None => json!({"invocationJobSummaries": summaries}),
        })
    }

    /// `StopModelInvocationJob`.
    ///
    /// AWS does not document the error for a job that has ended or is being stopped; the stand-in's is the
    /// `ConflictException` that the service model gives this operation.
    fn stop(&self, job_identifier: &str) -> Result<Value, ApiError> {
        let mut state = self.state();
        let position = state.position(job_identifier)?;
        let Some(job) = state.jobs.get_mut(position) else { return Ok(json!({})) };
        if !job.advance(JobStatus::Stopping, None, time::now()) {
            let status = job.status.as_str();
            return Err(ApiError::conflict(format!("The job cannot be stopped, its status is {status}.")));
        }
        job.stop.send_replace(true);
        state.announce(position);
        Ok(json!({}))
    }

    /// Moves a job to its next state and tells the subscribers; `false` if there is no such move.
    fn advance(&self, job_id: &str, next: JobStatus, message: Option<&str>) -> bool {
        let mut state = self.state();
        let Ok(position) = state.position(job_id) else { return false };
        let moved = state.jobs.get_mut(position).is_some_and(|job| job.advance(next, message, time::now()));
        if moved {
            state.announce(position);
        }
        moved
    }

    /// Whether a job has ended.
    fn is_over(&self, job_id: &str) -> bool {
        self.state().jobs.iter().any(|job| job.id == job_id && job.status.is_terminal())
    }

    /// How a job of this many records ends for which nothing was queued.
    fn scripted(&self, job_id: &str, records: u64) -> Ending {
        let state = self.state();
        let Some(script) = state.script.clone() else { return Ending::default() };
        let Ok(position) = state.position(job_id) else { return Ending::default() };
        let Some(mut job) = state.jobs.get(position).map(Job::view) else { return Ending::default() };
        // Whoever decides may look at the jobs.
        drop(state);
        job.counts.total = records;
        (script.0)(position as u64, &job)
    }

    /// Sets the counters of a job.
    fn count(&self, job_id: &str, counts: Counts) {
        if let Some(job) = self.state().jobs.iter_mut().find(|job| job.id == job_id) {
            job.counts = counts;
        }
    }
}

impl Known {
    /// Checks that what the request names exists.
    fn check(&self, request: &CreateRequest, account_id: &str) -> Result<(), ApiError> {
        let unknown = |known: &Option<Vec<String>>, named: &str| {
            known.as_ref().is_some_and(|known| !known.iter().any(|known| known == named))
        };
        let role = &request.role_arn;
        if unknown(&self.roles, role) {
            return Err(ApiError::access_denied(format!(
                "User: arn:aws:iam::{account_id}:user/caller is not authorized to perform: iam:PassRole on \
                 resource: {role}"
            )));
        }
        // AWS does not document the messages for a subnet or security group that does not exist.
        if let Some(id) = request.subnet_ids.iter().find(|id| unknown(&self.subnet_ids, id)) {
            return Err(ApiError::validation(format!("The subnet ID '{id}' does not exist")));
        }
        if let Some(id) = request.security_group_ids.iter().find(|id| unknown(&self.security_group_ids, id)) {
            return Err(ApiError::validation(format!("The security group '{id}' does not exist")));
        }
        Ok(())
    }
}

impl State {
    /// Finds the job that a request with the same token made.
    ///
    /// AWS documents that a repeated token is ignored without an error, but not what other parameters under the
    /// same token give; the stand-in refuses them as a conflict.
    fn repeated(&self, request: &CreateRequest) -> Result<Option<String>, ApiError> {
        let Some(token) = &request.client_request_token else { return Ok(None) };
        let earlier = self.jobs.iter().find(|job| job.request.client_request_token.as_ref() == Some(token));
        match earlier {
            None => Ok(None),
            Some(job) if job.request.body == request.body => Ok(Some(job.arn.clone())),
            Some(_) => Err(ApiError::conflict(
                "The provided client request token is already in use with different parameters.",
            )),
        }
    }

    /// Draws an id that no job has.
    fn new_job_id(&self) -> String {
        loop {
            let id: String = std::iter::repeat_with(|| char::from_digit(fastrand::u32(..36), 36))
                .flatten()
                .take(12)
                .collect();
            if self.jobs.iter().all(|job| job.id != id) {
                return id;
            }
        }
    }
}

/// Draws an id of the form that AWS gives to events and requests.
pub(super) fn uuid() -> String {
    let number = fastrand::u128(..);
    let hex = format!("{number:032x}");
    let mut digits = hex.chars();
    let groups: Vec<String> = [8, 4, 4, 4, 12].map(|length| digits.by_ref().take(length).collect()).to_vec();
    groups.join("-")
}
