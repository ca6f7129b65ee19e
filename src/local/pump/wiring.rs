//! Connects S3, Bedrock, and the schedule to the handlers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::ending::{DropEnding, Listeners};
use super::events::{notification, object_created_event};
use super::function::{Function, MAX_FUNCTION_TIMEOUT};
use super::schedule::sweep;
use super::stream::{EventCounts, Stream};
use crate::aws::config::Config;
use crate::aws::store::objects::Store;
use crate::drop::keys::{REQUESTS_PREFIX, ROUTES_FILE};
use crate::flow::handlers::Complete;
use crate::flow::handlers::Submit;
use crate::ledger::status::Status;
use crate::local::faults::EventFaults;
use crate::local::lock::lock;
use crate::local::s3::ObjectCreated;

/// How events are delivered.
#[derive(Debug, Clone)]
pub struct PumpOptions {
    /// Seeds the faults of events.
    pub seed: u64,
    /// The faults of S3 notifications.
    pub notifications: EventFaults,
    /// The faults of job state changes.
    pub state_changes: EventFaults,
    /// How often the schedule wakes the function `complete`; `None` for never.
    pub sweep_every: Option<Duration>,
    /// How long a function may run before it is killed.
    pub function_timeout: Duration,
    /// How many invocations of the functions may run at the same time. The others wait. `None` for any number.
    pub concurrent_executions: Option<usize>,
}

impl Default for PumpOptions {
    /// Every event once and immediately, no schedule, and Lambda's longest timeout.
    fn default() -> Self {
        Self {
            seed: 0,
            notifications: EventFaults::default(),
            state_changes: EventFaults::default(),
            sweep_every: None,
            function_timeout: MAX_FUNCTION_TIMEOUT,
            concurrent_executions: None,
        }
    }
}

/// The running deliveries. They end when this is dropped.
#[derive(Debug)]
pub struct Pump {
    listeners: Listeners,
    notifications: Arc<Mutex<EventCounts>>,
    state_changes: Arc<Mutex<EventCounts>>,
    _tasks: JoinSet<()>,
}

impl Pump {
    /// Connects S3, Bedrock, and the schedule to the handlers. `store` has the output bucket.
    #[must_use]
    pub fn start(
        config: &Config,
        store: Store,
        mut objects: mpsc::UnboundedReceiver<ObjectCreated>,
        mut changes: mpsc::UnboundedReceiver<Value>,
        submit: Arc<Submit>,
        complete: Arc<Complete>,
        options: PumpOptions,
    ) -> Self {
        let PumpOptions {
            seed,
            notifications,
            state_changes,
            sweep_every,
            function_timeout,
            concurrent_executions,
        } = options;
        let executions = Arc::new(Semaphore::new(concurrent_executions.unwrap_or(Semaphore::MAX_PERMITS)));
        let listeners = Listeners::default();
        let function = |name, handle| Function {
            name,
            handle,
            timeout: function_timeout,
            executions: executions.clone(),
            listeners: listeners.clone(),
        };
        let submit = function(
            "submit",
            Arc::new(move |event, by| {
                let submit = submit.clone();
                Box::pin(async move { submit.handle(event, &by).await.map(drop) })
            }),
        );
        let complete = function(
            "complete",
            Arc::new(move |event, by| {
                let complete = complete.clone();
                Box::pin(async move { complete.handle(event, &by).await.map(drop) })
            }),
        );
        let mut tasks = JoinSet::new();
        if let Some(every) = sweep_every {
            tasks.spawn(sweep(complete.clone(), every));
        }
        let is_swept = sweep_every.is_some();
        let mut to_submit = Stream::new(submit, notifications, seed, is_swept);
        let mut requests = Stream::new(complete.clone(), EventFaults::default(), seed, is_swept);
        // The notifications use the seed itself.
        let mut to_complete = Stream::new(complete, state_changes, !seed, is_swept);
        let counts = (to_submit.counts.clone(), to_complete.counts.clone());
        let (input_bucket, output_bucket) = (config.input_bucket.clone(), config.output_bucket.clone());
        let told = listeners.clone();
        tasks.spawn(async move {
            // The report of each drop whose last status is not written yet, by the folder of its results.
            let mut reports = HashMap::new();
            while let Some(object) = objects.recv().await {
                // The bucket's notifications have no filter for names.
                if object.bucket == input_bucket {
                    to_submit.take(&notification(&object));
                } else if object.bucket == output_bucket && is_for_complete(&object.key) {
                    requests.take(&object_created_event(&object));
                } else if object.bucket == output_bucket
                    && let Some((folder, name)) = result_of(&object.key)
                {
                    if is_report(name) {
                        reports.insert(folder.to_owned(), object.key.clone());
                    } else if name == STATUS
                        && reports.contains_key(folder)
                        && is_final(&store, &object.key).await
                        && let Some(report) = reports.remove(folder)
                    {
                        told.tell(&DropEnding::Reported(report));
                    }
                }
            }
        });
        tasks.spawn(async move {
            while let Some(event) = changes.recv().await {
                to_complete.take(&event);
            }
        });
        Self { listeners, notifications: counts.0, state_changes: counts.1, _tasks: tasks }
    }

    /// Receives how drops end, from now on.
    #[must_use]
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<DropEnding> {
        self.listeners.add()
    }

    /// What happened to S3 notifications so far.
    #[must_use]
    pub fn notifications(&self) -> EventCounts {
        *lock(&self.notifications)
    }

    /// What happened to job state changes so far.
    #[must_use]
    pub fn state_changes(&self) -> EventCounts {
        *lock(&self.state_changes)
    }
}

const STATUS: &str = "status.json";

/// Whether an object of the output bucket wakes the function `complete`.
fn is_for_complete(key: &str) -> bool {
    key.starts_with(REQUESTS_PREFIX) || key == ROUTES_FILE
}

/// Splits the key of a result into the folder of its drop and its name.
fn result_of(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix("results/")?.rsplit_once('/')
}

fn is_report(name: &str) -> bool {
    matches!(name, "summary.json" | "rejection.json")
}

/// Returns whether a status says that the drop has ended.
async fn is_final(store: &Store, key: &str) -> bool {
    matches!(store.get_entry::<Status>(key).await, Ok(Some(status)) if status.entry.is_final())
}
