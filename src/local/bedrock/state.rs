//! What the stand-in holds: jobs, the endings and faults that are queued, and who receives events.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::ending::Ending;
use super::error::ApiError;
use super::fault::{Fault, Operation};
use super::job::{Counts, Job, JobStatus, JobView};
use super::jobs::Jobs;
use super::known::Known;
use super::options::StandInOptions;
use super::request::CreateRequest;
use super::request_log::RequestLog;
use super::time;
use crate::local::lock::lock;
use crate::local::uuid::uuid;

/// What the connections and the job tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: StandInOptions,
    state: Mutex<State>,
    pub(super) tasks: Mutex<JoinSet<()>>,
}

impl Shared {
    pub(super) fn new(options: StandInOptions) -> Self {
        let known = Known {
            roles: options.roles.clone(),
            subnet_ids: options.subnet_ids.clone(),
            security_group_ids: options.security_group_ids.clone(),
        };
        let state = Mutex::new(State { known, ..State::default() });
        Self { options, state, tasks: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn next_fault(&self, operation: Operation) -> Option<Fault> {
        self.state().faults.get_mut(&operation)?.pop_front()
    }

    /// Moves a job to its next state, and tells the subscribers. Returns false if it may not move there.
    pub(super) fn advance(&self, job_id: &str, next: JobStatus, message: Option<&str>) -> bool {
        let mut state = self.state();
        let Some(position) = state.jobs.position(job_id) else { return false };
        let moved = state.jobs.get_mut(position).is_some_and(|job| job.advance(next, message, time::now()));
        if moved {
            state.announce(position);
        }
        moved
    }

    /// Whether a job has ended.
    pub(super) fn is_over(&self, job_id: &str) -> bool {
        let state = self.state();
        let job = state.jobs.position(job_id).and_then(|position| state.jobs.get(position));
        job.is_some_and(|job| job.status.is_terminal())
    }

    /// How a job with this many records ends for which nothing was queued.
    pub(super) fn scripted(&self, job_id: &str, records: u64) -> Ending {
        let state = self.state();
        let Some(script) = state.script.clone() else { return Ending::default() };
        let Some(position) = state.jobs.position(job_id) else { return Ending::default() };
        let Some(mut job) = state.jobs.get(position).map(Job::view) else { return Ending::default() };
        // The script may look at the jobs, which takes the lock.
        drop(state);
        job.counts.total = records;
        (script.0)(position as u64, &job)
    }

    /// Sets the counters of a job.
    pub(super) fn count(&self, job_id: &str, counts: Counts) {
        let jobs = &mut self.state().jobs;
        if let Some(job) = jobs.position(job_id).and_then(|position| jobs.get_mut(position)) {
            job.counts = counts;
        }
    }
}

/// Decides how a job ends, given its number and the job.
pub(super) type DecideEnding = dyn Fn(u64, &JobView) -> Ending + Send + Sync;

#[derive(Clone)]
pub(super) struct Script(pub(super) Arc<DecideEnding>);

impl fmt::Debug for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Script")
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) jobs: Jobs,
    pub(super) endings: VecDeque<Ending>,
    pub(super) script: Option<Script>,
    pub(super) known: Known,
    /// Replaces the quota that the stand-in started with.
    pub(super) max_jobs_in_flight: Option<usize>,
    pub(super) faults: HashMap<Operation, VecDeque<Fault>>,
    pub(super) log: RequestLog,
    pub(super) subscribers: Vec<mpsc::UnboundedSender<Value>>,
}

impl State {
    /// Sends the event for a job's current state to every subscriber that still listens.
    pub(super) fn announce(&mut self, job: usize) {
        let Some(job) = self.jobs.get(job) else { return };
        let event = job.event(&uuid());
        self.subscribers.retain(|subscriber| subscriber.send(event.clone()).is_ok());
    }

    pub(super) fn position(&self, job_identifier: &str) -> Result<usize, ApiError> {
        let found = self.jobs.position(job_identifier);
        found.ok_or_else(|| ApiError::not_found(format!("The job {job_identifier} was not found.")))
    }

    /// Finds the job that an earlier request with the same token made.
    ///
    /// AWS documents that a request with a repeated token is ignored without an error, but not what happens
    /// if its other parameters differ. The stand-in refuses that as a conflict.
    pub(super) fn repeated(&self, request: &CreateRequest) -> Result<Option<String>, ApiError> {
        let Some(token) = &request.client_request_token else { return Ok(None) };
        match self.jobs.with_token(token) {
            None => Ok(None),
            Some(job) if job.request.body == request.body => Ok(Some(job.arn.clone())),
            Some(_) => Err(ApiError::conflict(
                "The provided client request token is already in use with different parameters.",
            )),
        }
    }

    /// Generates an id that no job has.
    pub(super) fn new_job_id(&self) -> String {
        loop {
            let id: String = std::iter::repeat_with(|| char::from_digit(fastrand::u32(..36), 36))
                .flatten()
                .take(12)
                .collect();
            if self.jobs.position(&id).is_none() {
                return id;
            }
        }
    }
}
