//! Delivers S3 notifications, job state changes and the schedule to the handlers as AWS does: each as an
//! asynchronous invocation of its own, tried three times; or worse, if asked to.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use crate::aws::clock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use futures_util::future::BoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

use crate::aws::clock::now;
use crate::aws::config::Config;
use crate::aws::error::{Chain, Error};
use crate::base::timestamp::Timestamp;
use crate::flow::complete::Complete;
use crate::flow::submit::Submit;
use crate::ledger::lease::Invocation;
use crate::local::ACCOUNT_ID;
use crate::local::bedrock::uuid;
use crate::local::faults::EventFaults;
use crate::local::s3::{ObjectCreated, REGION};

/// How often an event is delivered before it goes to the failure queue.
const DELIVERIES: u32 = 3;

/// The pause before the second delivery; the next is twice as long. Lambda waits one minute and two.
const REDELIVERY_PAUSE: Duration = Duration::from_millis(500);

/// The longest that a Lambda function may run.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (read 2026-11)
pub const MAX_FUNCTION_TIMEOUT: Duration = Duration::from_secs(900);

/// What S3 leaves as it is when it form-encodes a key.
const IN_NOTIFICATION_KEY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b' ');

/// How a drop ended, or that an event could not be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A `summary.json` or `rejection.json` was written, at this key of the output bucket.
    Reported(String),
    /// An event was given up; on AWS it would be in the failure queue now.
    GivenUp {
        /// The event, as it was delivered.
        event: Value,
        /// Why the last delivery failed.
        error: String,
    },
}

/// What happens to the events on their way, beside being delivered.
#[derive(Debug, Clone)]
pub struct PumpOptions {
    /// Decides which events go wrong.
    pub seed: u64,
    /// What goes wrong with S3 notifications.
    pub notifications: EventFaults,
    /// What goes wrong with job state changes.
    pub state_changes: EventFaults,
    /// How often the schedule wakes the function `complete`; `None`: never.
    pub sweep_every: Option<Duration>,
    /// How long a function may run before it is ended.
    pub function_timeout: Duration,
}

impl Default for PumpOptions {
    /// Every event once and at once, no schedule, and the time that Lambda gives at most.
    fn default() -> Self {
        Self {
            seed: 0,
            notifications: EventFaults::default(),
            state_changes: EventFaults::default(),
            sweep_every: None,
            function_timeout: MAX_FUNCTION_TIMEOUT,
        }
    }
}

/// What has happened to the events of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Events that there were.
    pub events: u64,
    /// Events that never come.
    pub dropped: u64,
    /// Events that come twice.
    pub duplicated: u64,
    /// Arrivals that are late.
    pub delayed: u64,
}

impl EventCounts {
    fn add(&mut self, arrivals: &[Duration]) {
        self.events += 1;
        self.dropped += u64::from(arrivals.is_empty());
        self.duplicated += u64::from(arrivals.len() > 1);
        self.delayed += arrivals.iter().filter(|arrival| !arrival.is_zero()).count() as u64;
    }
}

/// The deliveries under way. They end when it is dropped.
#[derive(Debug)]
pub struct Pump {
    listeners: Listeners,
    notifications: Arc<Mutex<EventCounts>>,
    state_changes: Arc<Mutex<EventCounts>>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Clone, Default)]
struct Listeners(Arc<Mutex<Vec<mpsc::UnboundedSender<Ending>>>>);

impl Listeners {
    fn tell(&self, ending: &Ending) {
        lock(&self.0).retain(|listener| listener.send(ending.clone()).is_ok());
    }
}

/// Counts and listeners are whole after every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pump {
    /// Connects what S3, Bedrock and the clock say to the handlers.
    #[must_use]
    pub fn start(
        config: &Config,
        mut objects: mpsc::UnboundedReceiver<ObjectCreated>,
        mut changes: mpsc::UnboundedReceiver<Value>,
        submit: Arc<Submit>,
        complete: Arc<Complete>,
        options: PumpOptions,
    ) -> Self {
        let PumpOptions { seed, notifications, state_changes, sweep_every, function_timeout } = options;
        let listeners = Listeners::default();
        let function =
            |name, handle| Function { name, handle, timeout: function_timeout, listeners: listeners.clone() };
        let submit = function(
            "submit",
            Arc::new(move |event, by| {
                let submit = submit.clone();
                Box::pin(async move { submit.handle(event, &by).await })
            }),
        );
        let complete = function(
            "complete",
            Arc::new(move |event, by| {
                let complete = complete.clone();
                Box::pin(async move { complete.handle(event, &by).await })
            }),
        );
        let mut tasks = JoinSet::new();
        if let Some(every) = sweep_every {
            tasks.spawn(sweep(complete.clone(), every));
        }
        let is_swept = sweep_every.is_some();
        let mut to_submit = Stream::new(submit, notifications, seed, is_swept);
        // Other dice than those of the notifications.
        let mut to_complete = Stream::new(complete, state_changes, !seed, is_swept);
        let counts = (to_submit.counts.clone(), to_complete.counts.clone());
        let (input_bucket, output_bucket) = (config.input_bucket.clone(), config.output_bucket.clone());
        let told = listeners.clone();
        tasks.spawn(async move {
            while let Some(object) = objects.recv().await {
                // The filter of the bucket's notification.
                if object.bucket == input_bucket && object.key.ends_with(".jsonl") {
                    to_submit.take(&notification(&object));
                } else if object.bucket == output_bucket && is_report(&object.key) {
                    told.tell(&Ending::Reported(object.key));
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

    /// How drops end, from now on.
    #[must_use]
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<Ending> {
        let (sender, receiver) = mpsc::unbounded_channel();
        lock(&self.listeners.0).push(sender);
        receiver
    }

    /// What has happened to S3 notifications so far.
    #[must_use]
    pub fn notifications(&self) -> EventCounts {
        *lock(&self.notifications)
    }

    /// What has happened to job state changes so far.
    #[must_use]
    pub fn state_changes(&self) -> EventCounts {
        *lock(&self.state_changes)
    }
}

/// The events of one kind on their way to one function.
struct Stream {
    function: Function,
    faults: EventFaults,
    seed: u64,
    /// Whether a schedule finds what an event that never comes has left undone.
    is_swept: bool,
    counts: Arc<Mutex<EventCounts>>,
    deliveries: JoinSet<()>,
}

impl Stream {
    fn new(function: Function, faults: EventFaults, seed: u64, is_swept: bool) -> Self {
        Self { function, faults, seed, is_swept, counts: Arc::default(), deliveries: JoinSet::new() }
    }

    fn take(&mut self, event: &Value) {
        while self.deliveries.try_join_next().is_some() {}
        let mut counts = lock(&self.counts);
        let arrivals = self.faults.arrivals(self.seed, counts.events);
        counts.add(&arrivals);
        drop(counts);
        if arrivals.is_empty() && !self.is_swept {
            let error = format!("{}: the event was lost, and no sweep looks for it", self.function.name);
            self.function.listeners.tell(&Ending::GivenUp { event: event.clone(), error });
        }
        for arrival in arrivals {
            let (function, event) = (self.function.clone(), event.clone());
            self.deliveries.spawn(async move {
                tokio::time::sleep(arrival).await;
                function.deliver(event).await;
            });
        }
    }
}

/// A handler of events.
type Handle = dyn Fn(Value, Invocation) -> BoxFuture<'static, Result<(), Error>> + Send + Sync;

/// A function, invoked asynchronously.
#[derive(Clone)]
struct Function {
    name: &'static str,
    handle: Arc<Handle>,
    timeout: Duration,
    listeners: Listeners,
}

impl Function {
    async fn deliver(&self, event: Value) {
        let function = self.name;
        let mut pause = REDELIVERY_PAUSE;
        let request_id = uuid();
        for delivery in 1..=DELIVERIES {
            let request_id = request_id.clone();
            let invocation = Invocation { request_id, ..clock::invocation_until(now() + self.timeout) };
            let handled = tokio::time::timeout(self.timeout, (self.handle)(event.clone(), invocation)).await;
            let error = match handled {
                Ok(Ok(())) => return,
                Ok(Err(error)) => {
                    warn!(function, delivery, kind = ?error.kind(), error = %Chain(&error), "function failed");
                    Chain(&error).to_string()
                }
                Err(_) => {
                    warn!(function, delivery, "function timed out");
                    format!("timed out after {} s", self.timeout.as_secs_f64())
                }
            };
            if delivery == DELIVERIES {
                let error = format!("{function}: {error}");
                return self.listeners.tell(&Ending::GivenUp { event, error });
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

/// Lets the schedule wake a function. The next sweep does not wait for the one before: on AWS it does not either.
async fn sweep(function: Function, every: Duration) {
    let mut sweeps = JoinSet::new();
    let mut ticks = tokio::time::interval(every);
    // The first one is due at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        while sweeps.try_join_next().is_some() {}
        let (function, event) = (function.clone(), schedule_event(now()));
        sweeps.spawn(async move { function.deliver(event).await });
    }
}

/// The event that a schedule sends.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html> (read 2026-11)
#[must_use]
pub fn schedule_event(time: SystemTime) -> Value {
    json!({
        "version": "0",
        "id": uuid(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT_ID,
        "time": Timestamp::from(time),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/sweep")],
        "detail": {},
    })
}

fn is_report(key: &str) -> bool {
    key.starts_with("results/") && (key.ends_with("/summary.json") || key.ends_with("/rejection.json"))
}

/// The notification that S3 sends for an object.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
#[must_use]
pub fn notification(object: &ObjectCreated) -> Value {
    let key = utf8_percent_encode(&object.key, IN_NOTIFICATION_KEY).to_string().replace(' ', "+");
    let mut s3_object = json!({
        "key": key, "size": object.size, "eTag": object.etag, "sequencer": object.sequencer,
    });
    if let (Some(version_id), Some(members)) = (&object.version_id, s3_object.as_object_mut()) {
        members.insert("versionId".into(), version_id.as_str().into());
    }
    let bucket = &object.bucket;
    let event_time = DateTime::from(object.event_time).fmt(Format::DateTime).unwrap_or_default();
    json!({ "Records": [{
        "eventVersion": "2.6",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": event_time,
        "eventName": object.event_name,
        "userIdentity": { "principalId": format!("AWS:{ACCOUNT_ID}") },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": object.sequencer, "x-amz-id-2": object.sequencer },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "drops",
            "bucket": {
                "name": bucket, "ownerIdentity": { "principalId": ACCOUNT_ID }, "arn": format!("arn:aws:s3:::{bucket}"),
            },
            "object": s3_object,
        },
    }] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::events::parse_object_created;
    use proptest::prelude::*;

    /// A function with this handler, and what is told of it.
    fn function(handle: Arc<Handle>) -> (Function, mpsc::UnboundedReceiver<Ending>) {
        let (listener, endings) = mpsc::unbounded_channel();
        let listeners = Listeners(Arc::new(Mutex::new(vec![listener])));
        (Function { name: "complete", handle, timeout: Duration::from_millis(20), listeners }, endings)
    }

    #[tokio::test]
    async fn schedule_wakes_the_function_time_and_again() {
        let (seen, mut events) = mpsc::unbounded_channel();
        let (complete, _endings) = function(Arc::new(move |event, _| {
            let _ = seen.send(event);
            Box::pin(async { Ok(()) })
        }));
        let mut tasks = JoinSet::new();
        tasks.spawn(sweep(complete, Duration::from_millis(1)));
        let first = events.recv().await.unwrap();
        let second = events.recv().await.unwrap();
        assert_ne!(first["id"], second["id"]);
        assert_eq!(second["detail-type"], "Scheduled Event");
    }

    #[test]
    fn schedule_event_is_as_eventbridge_sends_it() {
        let mut event = schedule_event(SystemTime::UNIX_EPOCH);
        assert_eq!(event["id"].take().as_str().unwrap().len(), 36);
        let expected = json!({
            "version": "0",
            "id": null,
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "123456789012",
            "time": "1970-01-01T00:00:00Z",
            "region": "us-east-1",
            "resources": ["arn:aws:events:us-east-1:123456789012:rule/sweep"],
            "detail": {},
        });
        assert_eq!(event, expected);
    }

    #[tokio::test]
    async fn function_that_takes_too_long_is_ended_and_its_event_given_up() {
        let (seen, mut events) = mpsc::unbounded_channel();
        let (complete, mut endings) = function(Arc::new(move |event, _| {
            let _ = seen.send(event);
            Box::pin(std::future::pending())
        }));
        complete.deliver(json!(1)).await;
        let error = "complete: timed out after 0.02 s".to_owned();
        assert_eq!(endings.recv().await, Some(Ending::GivenUp { event: json!(1), error }));
        drop(complete);
        let mut delivered = Vec::new();
        while let Some(event) = events.recv().await {
            delivered.push(event);
        }
        assert_eq!(delivered, [1, 1, 1]);
    }

    #[tokio::test]
    async fn lost_event_that_nothing_looks_for_is_given_up() {
        let lost = EventFaults { dropped: 1.0, ..EventFaults::default() };
        for is_swept in [true, false] {
            let (complete, mut endings) = function(Arc::new(|_, _| Box::pin(async { Ok(()) })));
            Stream::new(complete, lost.clone(), 1, is_swept).take(&json!(1));
            let told = endings.recv().await;
            let error = "complete: the event was lost, and no sweep looks for it".to_owned();
            assert_eq!(told, (!is_swept).then_some(Ending::GivenUp { event: json!(1), error }));
        }
    }

    proptest! {
        #[test]
        fn submit_reads_every_key_that_a_notification_names(key in "\\PC{1,60}") {
            let object = ObjectCreated {
                event_name: "ObjectCreated:Put",
                bucket: "in".into(),
                key: key.clone(),
                size: 1,
                etag: "0".repeat(32),
                version_id: Some("v".into()),
                sequencer: "01".into(),
                event_time: std::time::UNIX_EPOCH,
            };
            let parsed = parse_object_created(notification(&object)).unwrap();
            let parsed: Vec<_> = parsed.into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(parsed.len(), 1);
            prop_assert_eq!(parsed[0].uri.key(), key);
        }
    }
}
