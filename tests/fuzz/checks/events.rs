//! What is read from an event is in the event, and every other event gets an error that says so.

use bedrock_vpc_batch::aws::error::{Error, ErrorKind};
use bedrock_vpc_batch::aws::events::{
    JOB_STATE_CHANGE, ObjectCreated, is_schedule, parse_job_state_change, parse_object_created,
};
use serde_json::Value;

/// The data is an event.
pub(crate) fn check(data: &[u8]) {
    let Ok(payload) = serde_json::from_slice::<Value>(data) else { return };
    check_state_change(&payload);
    let expected = objects(&payload);
    let found = parse_object_created(payload.clone());
    assert!(!is_schedule(&payload) || found.as_ref().is_ok_and(|found| found.iter().all(Result::is_err)));
    match (found, expected) {
        (Err(error), expected) => {
            assert_is_clear(&error);
            assert!(expected.is_none_or(|expected| expected.iter().any(|one| !one.is_object())), "{error}");
        }
        (Ok(found), None) => panic!("{found:?}, but the event is not a list of objects"),
        (Ok(found), Some(expected)) => {
            assert_eq!(found.len(), expected.len(), "each record has its object or its error");
            for (found, expected) in found.iter().zip(&expected) {
                match (found, expected) {
                    (Ok(object), Expected::Object(expected)) => assert_eq!(named(object), expected.as_str()),
                    (Ok(_), Expected::Anything) => {}
                    (Ok(object), Expected::Error) => panic!("{object:?} is not in the event"),
                    (Err(error), _) => assert_is_clear(error),
                }
            }
        }
    }
}

/// What a record of an event must be read as. It may also be refused for a member that does not matter here.
enum Expected {
    Object(Named),
    Error,
    /// The record has a list in place of an object, and `serde` reads its items as members, in their order. Such a
    /// record names something, although not by its document.
    Anything,
}

impl Expected {
    fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }
}

impl From<Option<Named>> for Expected {
    fn from(named: Option<Named>) -> Self {
        named.map_or(Self::Error, Self::Object)
    }
}

/// A bucket, a decoded key, and a version.
struct Named(String, String, Option<String>);

impl Named {
    fn as_str(&self) -> (&str, &str, Option<&str>) {
        (&self.0, &self.1, self.2.as_deref())
    }
}

fn named(object: &ObjectCreated) -> (&str, &str, Option<&str>) {
    (object.uri.bucket(), object.uri.key(), object.version_id.as_deref())
}

/// The objects that a payload names, by the documents; `None` if it is not an event with objects.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html> (read 2026-11)
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html> (read 2026-11)
fn objects(payload: &Value) -> Option<Vec<Expected>> {
    if payload["Event"] == "s3:TestEvent" {
        return Some(vec![]);
    }
    if payload.get("detail-type").is_some() {
        let (bucket, object) = (&payload["detail"]["bucket"], &payload["detail"]["object"]);
        let is_created = payload["detail-type"] == "Object Created";
        if is_created && [&payload["detail"], bucket, object].into_iter().any(Value::is_array) {
            return Some(vec![Expected::Anything]);
        }
        let read = object_named(&bucket["name"], &object["key"], &object["version-id"], Some);
        return Some(vec![read.filter(|_| is_created).into()]);
    }
    let records = payload.get("Records")?.as_array()?;
    if !records.iter().any(|record| record["eventSource"] == "aws:sqs") {
        return Some(records.iter().map(in_notification).collect());
    }
    let in_message = |record: &Value| {
        let body = record["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
        let body = body.filter(|body| {
            let records = body["Records"].as_array();
            !records.into_iter().flatten().any(|record| record.get("body").is_some())
        });
        body.and_then(|body| objects(&body)).unwrap_or_else(|| vec![Expected::Error])
    };
    Some(records.iter().flat_map(in_message).collect())
}

fn in_notification(record: &Value) -> Expected {
    let (bucket, object) = (&record["s3"]["bucket"], &record["s3"]["object"]);
    if [record, &record["s3"], bucket, object].into_iter().any(Value::is_array) {
        return Expected::Anything;
    }
    let read = object_named(&bucket["name"], &object["key"], &object["versionId"], form_decoded);
    read.filter(|_| record["eventName"].as_str().is_some_and(|name| name.starts_with("ObjectCreated:")))
        .into()
}

fn object_named(
    bucket: &Value,
    key: &Value,
    version: &Value,
    decode: impl Fn(String) -> Option<String>,
) -> Option<Named> {
    let (bucket, key) = (bucket.as_str()?.to_owned(), decode(key.as_str()?.to_owned())?);
    let version = version.as_str().filter(|version| !["", "null"].contains(version));
    (!bucket.is_empty() && !key.is_empty()).then(|| Named(bucket, key, version.map(str::to_owned)))
}

/// Decodes a form's value: `+` is a space, and `%2B` is the byte 0x2B.
fn form_decoded(encoded: String) -> Option<String> {
    let mut decoded = Vec::new();
    let mut rest = encoded.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        match (first, hex) {
            (b'%', Some(hex)) => {
                let hex = std::str::from_utf8(hex).expect("digits are ASCII");
                decoded.push(u8::from_str_radix(hex, 16).expect("these are hex digits"));
                rest = &after[2..];
                continue;
            }
            (b'+', _) => decoded.push(b' '),
            (other, _) => decoded.push(*other),
        }
        rest = after;
    }
    String::from_utf8(decoded).ok()
}

fn check_state_change(payload: &Value) {
    match parse_job_state_change(payload) {
        // Lists in place of objects, as above.
        Ok(_) if payload.is_array() || payload["detail"].is_array() => {}
        Ok(change) => {
            assert_eq!(payload["detail-type"], JOB_STATE_CHANGE);
            let detail = &payload["detail"];
            assert_eq!(detail["batchJobName"], change.batch_job_name);
            assert_eq!(detail["batchJobArn"], change.batch_job_arn);
            assert_eq!(detail["status"], change.status);
        }
        Err(error) => {
            assert_is_clear(&error);
            let detail = &payload["detail"];
            let has_all =
                ["batchJobName", "batchJobArn", "status"].iter().all(|name| detail[name].is_string());
            assert!(payload["detail-type"] != JOB_STATE_CHANGE || !has_all, "{error}");
        }
    }
}

/// An operator must act, and the message is one line that says what on.
fn assert_is_clear(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    let message = error.to_string();
    let what = message.strip_prefix("unusable event: ").unwrap_or_default();
    assert!(!what.is_empty() && !message.chars().any(char::is_control), "{message:?}");
}
