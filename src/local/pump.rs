//! Delivers S3 notifications and job state changes to the handlers as AWS does: each as an asynchronous
//! invocation of its own, tried three times.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

use crate::complete::Complete;
use crate::config::Config;
use crate::error::{Chain, Error};
use crate::local::ACCOUNT_ID;
use crate::local::s3::{ObjectCreated, REGION};
use crate::submit::Submit;
use crate::timestamp::{Invocation, now};

/// How often an event is delivered before it goes to the failure queue.
const DELIVERIES: u32 = 3;

/// The pause before the second delivery; the next is twice as long. Lambda waits one minute and two.
const REDELIVERY_PAUSE: Duration = Duration::from_millis(500);

/// The longest that a Lambda function may run.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (read 2026-11)
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(900);

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

/// The deliveries under way. They end when it is dropped.
#[derive(Debug)]
pub struct Pump {
    listeners: Listeners,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Clone, Default)]
struct Listeners(Arc<Mutex<Vec<mpsc::UnboundedSender<Ending>>>>);

impl Listeners {
    fn tell(&self, ending: &Ending) {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.send(ending.clone()).is_ok());
    }
}

impl Pump {
    /// Connects what S3 and Bedrock say to the handlers.
    #[must_use]
    pub fn start(
        config: &Config,
        mut objects: mpsc::UnboundedReceiver<ObjectCreated>,
        mut changes: mpsc::UnboundedReceiver<Value>,
        submit: Arc<Submit>,
        complete: Arc<Complete>,
    ) -> Self {
        let listeners = Listeners::default();
        let mut tasks = JoinSet::new();
        let (input_bucket, output_bucket) = (config.input_bucket.clone(), config.output_bucket.clone());
        let told = listeners.clone();
        tasks.spawn(async move {
            let mut deliveries = JoinSet::new();
            while let Some(object) = objects.recv().await {
                while deliveries.try_join_next().is_some() {}
                // The filter of the bucket's notification.
                if object.bucket == input_bucket && object.key.ends_with(".jsonl") {
                    let (submit, told, event) = (submit.clone(), told.clone(), notification(&object));
                    deliveries.spawn(async move {
                        deliver(&told, "submit", event, |event, by| {
                            let submit = submit.clone();
                            async move { submit.handle(event, &by).await }
                        })
                        .await;
                    });
                } else if object.bucket == output_bucket && is_report(&object.key) {
                    told.tell(&Ending::Reported(object.key));
                }
            }
        });
        let told = listeners.clone();
        tasks.spawn(async move {
            let mut deliveries = JoinSet::new();
            while let Some(event) = changes.recv().await {
                while deliveries.try_join_next().is_some() {}
                let (complete, told) = (complete.clone(), told.clone());
                deliveries.spawn(async move {
                    deliver(&told, "complete", event, |event, by| {
                        let complete = complete.clone();
                        async move { complete.handle(event, &by).await }
                    })
                    .await;
                });
            }
        });
        Self { listeners, _tasks: tasks }
    }

    /// How drops end, from now on.
    #[must_use]
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<Ending> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.listeners.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }
}

async fn deliver<F, R>(listeners: &Listeners, function: &str, event: Value, handle: F)
where
    F: Fn(Value, Invocation) -> R,
    R: Future<Output = Result<(), Error>>,
{
    let mut pause = REDELIVERY_PAUSE;
    for delivery in 1..=DELIVERIES {
        let invocation = Invocation::until(now() + FUNCTION_TIMEOUT);
        let Err(error) = handle(event.clone(), invocation).await else { return };
        warn!(function, delivery, kind = ?error.kind(), error = %Chain(&error), "function failed");
        if delivery == DELIVERIES {
            let error = format!("{function}: {}", Chain(&error));
            return listeners.tell(&Ending::GivenUp { event, error });
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
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
    use crate::event::parse_object_created;
    use proptest::prelude::*;

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
