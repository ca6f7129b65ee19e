//! Events as AWS sends them.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::base::timestamp::Timestamp;
use crate::local::account::{ACCOUNT_ID, REGION};
use crate::local::s3::ObjectCreated;
use crate::local::uuid::uuid;

/// The characters that S3 does not encode when it form-encodes a key.
const IN_NOTIFICATION_KEY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b' ');

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

/// The event that S3 sends to EventBridge for an object.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
#[must_use]
pub fn object_created_event(object: &ObjectCreated) -> Value {
    let ObjectCreated { bucket, key, .. } = object;
    json!({
        "version": "0",
        "id": uuid(),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT_ID,
        "time": Timestamp::from(object.event_time),
        "region": REGION,
        "resources": [format!("arn:aws:s3:::{bucket}")],
        "detail": {
            "version": "0",
            "bucket": { "name": bucket },
            "object": { "key": key, "size": object.size, "etag": object.etag, "sequencer": object.sequencer },
            "request-id": object.sequencer,
            "requester": ACCOUNT_ID,
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aws::events::{parse_change_in, parse_object_created};

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
            prop_assert_eq!(parsed[0].uri.key(), &key);
            let event = object_created_event(&object);
            prop_assert_eq!(parse_change_in("in", &event).unwrap(), Some(key));
        }
    }
}
