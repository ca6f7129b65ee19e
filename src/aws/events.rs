//! What wakes the functions: S3 notifications in three envelopes, and Bedrock's job state changes.
//!
//! The types of `aws_lambda_events` are used where they accept what AWS sends. They accept neither `s3:TestEvent` nor
//! Bedrock's state change: the times in its documented sample are not ISO 8601.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_lambda_events::event::s3::S3EventRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::error::Error;
use crate::base::s3_uri::{S3Uri, decode_notification_key};
use crate::base::text;

/// The `detail-type` of Bedrock's job state changes.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-eventbridge.html>
pub const JOB_STATE_CHANGE: &str = "Batch Inference Job State Change";

/// The `detail-type` of Amazon S3's events for new objects.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
const OBJECT_CREATED: &str = "Object Created";

/// An object that was put, as the event names it. The event is only a hint; `HeadObject` tells the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectCreated {
    /// The bucket and the decoded key.
    pub uri: S3Uri,
    /// The version id; `None` in a bucket without versioning.
    pub version_id: Option<String>,
    /// The principal that put it, such as `AWS:AROAEXAMPLE:ana`. EventBridge's event only has the account.
    pub put_by: Option<String>,
}

/// The longest principal that is kept, in characters. Those of AWS are shorter.
const MAX_PRINCIPAL_CHARS: usize = 200;

/// Returns the objects that a payload names. A bad record does not stop the others. `s3:TestEvent`, which S3 sends
/// when a notification is set up, names no objects.
///
/// # Errors
/// Returns [`Error::Event`] if the payload is not an S3 notification, not SQS messages that contain one, and not
/// EventBridge's `Object Created`.
pub fn parse_object_created(payload: Value) -> Result<Vec<Result<ObjectCreated, Error>>, Error> {
    if payload.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(Vec::new());
    }
    if payload.get("detail-type").is_some() {
        return Ok(vec![from_eventbridge(payload, OBJECT_CREATED)]);
    }
    let Some(records) = payload.get("Records").and_then(Value::as_array) else {
        return Err(Error::Event("not an S3 notification, SQS message, or Object Created event".into()));
    };
    let is_sqs =
        records.iter().any(|record| record.get("eventSource").and_then(Value::as_str) == Some("aws:sqs"));
    if !is_sqs {
        return Ok(records.iter().map(from_notification_record).collect());
    }
    Ok(records.iter().flat_map(|message| from_sqs_body(message.get("body"))).collect())
}

fn from_sqs_body(body: Option<&Value>) -> Vec<Result<ObjectCreated, Error>> {
    let Some(body) = body.and_then(Value::as_str) else {
        return vec![Err(Error::Event("the SQS message does not have a body".into()))];
    };
    match serde_json::from_str::<Value>(body) {
        // SQS messages inside an SQS message are not read.
        Ok(payload) if !has_messages(&payload) => {
            parse_object_created(payload).unwrap_or_else(|error| vec![Err(error)])
        }
        Ok(_) => vec![Err(Error::Event("the body of the SQS message has SQS messages in it".into()))],
        Err(error) => vec![Err(Error::Event(format!("the body of the SQS message is not JSON: {error}")))],
    }
}

/// Whether a payload has SQS messages.
fn has_messages(payload: &Value) -> bool {
    let records = payload.get("Records").and_then(Value::as_array);
    records.into_iter().flatten().any(|record| record.get("body").is_some())
}

fn from_notification_record(record: &Value) -> Result<ObjectCreated, Error> {
    let record = S3EventRecord::deserialize(record)
        .map_err(|error| Error::Event(format!("cannot read the S3 record: {error}")))?;
    let name = record.event_name.unwrap_or_default();
    if !name.starts_with("ObjectCreated:") {
        return Err(Error::Event(format!("the S3 record's eventName is {name:?}, not ObjectCreated:…")));
    }
    let (Some(bucket), Some(encoded)) = (record.s3.bucket.name, record.s3.object.key) else {
        return Err(Error::Event("the S3 record lacks a bucket name or a key".into()));
    };
    let Some(key) = decode_notification_key(&encoded) else {
        return Err(Error::Event(format!("the key in the S3 record is not UTF-8: {}", text::line(&encoded))));
    };
    let put_by = record.principal_id.principal_id.filter(|id| !id.is_empty());
    let put_by = put_by.map(|id| id.chars().take(MAX_PRINCIPAL_CHARS).collect());
    Ok(ObjectCreated { put_by, ..object_created(bucket, key, record.s3.object.version_id)? })
}

/// The `detail-type` of Amazon S3's events for objects that are gone. Its `detail` names them in the same way.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
const OBJECT_DELETED: &str = "Object Deleted";

/// The members of an `Object Created` event's `detail` that are used.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ObjectCreatedDetail {
    bucket: BucketName,
    object: ObjectVersion,
}

#[derive(Debug, Serialize, Deserialize)]
struct BucketName {
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ObjectVersion {
    key: String,
    version_id: Option<String>,
}

fn from_eventbridge(payload: Value, detail_type: &str) -> Result<ObjectCreated, Error> {
    let event: EventBridgeEvent<ObjectCreatedDetail> = serde_json::from_value(payload)
        .map_err(|error| Error::Event(format!("cannot read the EventBridge event: {error}")))?;
    if event.detail_type != detail_type {
        let other = event.detail_type;
        return Err(Error::Event(format!(
            "the EventBridge event's detail-type is {other:?}, not {detail_type:?}"
        )));
    }
    // Unlike in a notification, the key is not encoded here.
    object_created(event.detail.bucket.name, event.detail.object.key, event.detail.object.version_id)
}

fn object_created(bucket: String, key: String, version_id: Option<String>) -> Result<ObjectCreated, Error> {
    if bucket.is_empty() || key.is_empty() {
        return Err(Error::Event("the event's bucket name or key is empty".into()));
    }
    // Versions that were put before versioning was switched on share the id "null", so it does not identify one.
    let version_id = version_id.filter(|id| !id.is_empty() && id != "null");
    Ok(ObjectCreated { uri: S3Uri::new(bucket, key), version_id, put_by: None })
}

/// Returns the key of the object in this bucket that an event of EventBridge says was put or deleted; `None` for any other
/// payload.
///
/// # Errors
/// Returns [`Error::Event`] if the event says so, but lacks the object, or if the object is in another bucket.
pub fn parse_change_in(bucket: &str, payload: &Value) -> Result<Option<String>, Error> {
    let detail_type = payload.get("detail-type").and_then(Value::as_str);
    let Some(detail_type) =
        [OBJECT_CREATED, OBJECT_DELETED].into_iter().find(|known| detail_type == Some(known))
    else {
        return Ok(None);
    };
    let object = from_eventbridge(payload.clone(), detail_type)?;
    if object.uri.bucket() != bucket {
        return Err(Error::Event(format!("{} is not in the output bucket {bucket}", object.uri)));
    }
    Ok(Some(object.uri.key().to_owned()))
}

/// Returns whether this is the event of an EventBridge schedule rule.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html>
#[must_use]
pub fn is_schedule(payload: &Value) -> bool {
    payload.get("detail-type").and_then(Value::as_str) == Some("Scheduled Event")
}

/// The members of a job's state change that are used. Times are not, because their format is not the documented one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobStateChange {
    /// The name that the job was created with.
    pub batch_job_name: String,
    /// The job's ARN.
    pub batch_job_arn: String,
    /// The state, as the API spells it. It may be one that this SDK does not know.
    pub status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct StateChangeEnvelope {
    detail_type: String,
    detail: Value,
}

/// Reads the state change in a payload.
///
/// # Errors
/// Returns [`Error::Event`] if the payload is not a state change of a batch inference job.
pub fn parse_job_state_change(payload: &Value) -> Result<JobStateChange, Error> {
    let envelope = StateChangeEnvelope::deserialize(payload)
        .map_err(|error| Error::Event(format!("cannot read the EventBridge event: {error}")))?;
    if envelope.detail_type != JOB_STATE_CHANGE {
        let detail_type = envelope.detail_type;
        return Err(Error::Event(format!(
            "the EventBridge event's detail-type is {detail_type:?}, not {JOB_STATE_CHANGE:?}"
        )));
    }
    JobStateChange::deserialize(&envelope.detail)
        .map_err(|error| Error::Event(format!("cannot read the job state change: {error}")))
}
