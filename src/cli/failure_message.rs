//! Reads the messages of the failure queues. Nothing here reads or writes anything else.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html> (read 2026-11)

use serde::Deserialize;
use serde_json::Value;

use crate::aws::events::{parse_job_state_change, parse_object_created};
use crate::base::text;

/// What a message of a failure queue says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The event that failed.
    pub(super) event: Value,
    /// What the event is about.
    pub(super) about: String,
    /// Why it failed.
    pub(super) why: String,
}

/// The record of an invocation that Lambda has given up.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    request_context: Context,
    request_payload: Value,
    response_payload: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    condition: String,
    approximate_invoke_count: u64,
}

impl Failure {
    /// Reads the body of a message. `code` and `message` are what EventBridge adds to an event that it could not deliver.
    /// `None` if the body is neither a record of Lambda nor an event.
    pub(super) fn read(body: &str, code: Option<&str>, message: Option<&str>) -> Option<Self> {
        let value: Value = serde_json::from_str(body).ok()?;
        if let Ok(record) = serde_json::from_value::<Record>(value.clone()) {
            let Context { condition, approximate_invoke_count: count } = &record.request_context;
            let times = if *count == 1 { "1 time".to_owned() } else { format!("{count} times") };
            let why = format!("{} ({condition}, invoked {times})", said(record.response_payload.as_ref()));
            return Some(Self { about: about(&record.request_payload)?, event: record.request_payload, why });
        }
        let why = match (code, message) {
            (None, None) => "EventBridge could not deliver it".to_owned(),
            (code, message) => format!(
                "EventBridge could not deliver it: {}",
                [code, message].into_iter().flatten().collect::<Vec<_>>().join(": ")
            ),
        };
        Some(Self { about: about(&value)?, event: value, why })
    }
}

/// What the function said.
fn said(response: Option<&Value>) -> String {
    let member = |name: &str| response?.get(name)?.as_str().map(str::to_owned);
    match (member("errorType"), member("errorMessage")) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (None, Some(message)) => message,
        _ => "it ended without an error message".to_owned(),
    }
}

/// What an event is about; `None` if it is not one of those that the functions handle.
fn about(event: &Value) -> Option<String> {
    if let Ok(change) = parse_job_state_change(event) {
        let (name, status) = (text::line(&change.batch_job_name), text::name(&change.status));
        return Some(format!("job {name}, which is {status}"));
    }
    if event.get("detail-type").and_then(Value::as_str) == Some("Scheduled Event") {
        return Some("a sweep".to_owned());
    }
    let objects = parse_object_created(event.clone()).ok()?;
    let names: Vec<String> = objects.iter().flatten().map(|object| object.uri.to_string()).collect();
    Some(if names.is_empty() {
        "a notification without a drop".to_owned()
    } else {
        format!("drop {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn put() -> Value {
        serde_json::from_str(include_str!("../../events/s3-key-encoded.json")).unwrap()
    }

    /// As in the documentation of Lambda.
    fn record(payload: &Value) -> String {
        json!({
            "version": "1.0", "timestamp": "2026-11-14T18:16:05.568Z",
            "requestContext": {"requestId": "e4b46cbf", "functionArn": "arn:aws:lambda:us-east-2:123456789012:function:f:$LATEST",
                               "condition": "RetriesExhausted", "approximateInvokeCount": 3},
            "requestPayload": payload,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorMessage": "no access", "errorType": "Misconfigured"},
        })
        .to_string()
    }

    #[test]
    fn record_of_lambda_has_the_event_and_the_error() {
        let failure = Failure::read(&record(&put()), None, None).unwrap();
        assert_eq!(failure.event, put());
        assert_eq!(
            failure.about,
            "drop s3://amzn-s3-demo-input/rapports été/100% sûr + vérifié/東京 📊.jsonl"
        );
        assert_eq!(failure.why, "Misconfigured: no access (RetriesExhausted, invoked 3 times)");
    }

    #[test]
    fn undelivered_event_is_the_message() {
        let detail = json!({"version": "0", "accountId": "123456789012", "batchJobName": "demo-0", "status": "Completed",
                            "batchJobArn": "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghijkl"});
        let event = json!({"version": "0", "id": "a", "detail-type": "Batch Inference Job State Change",
                           "source": "aws.bedrock", "account": "123456789012", "time": "2026-11-14T18:16:05Z",
                           "region": "us-east-1", "resources": [], "detail": detail});
        let failure = Failure::read(&event.to_string(), Some("NO_PERMISSIONS"), Some("denied")).unwrap();
        assert_eq!(failure.event, event);
        assert_eq!(failure.about, "job demo-0, which is Completed");
        assert_eq!(failure.why, "EventBridge could not deliver it: NO_PERMISSIONS: denied");
    }

    #[test]
    fn anything_else_is_not_sent_again() {
        for body in ["", "{}", "[]", "hello", &record(&json!({"a": 1}))] {
            assert_eq!(Failure::read(body, None, None), None, "{body}");
        }
        let sweep = json!({"detail-type": "Scheduled Event", "source": "aws.scheduler"});
        assert_eq!(Failure::read(&sweep.to_string(), None, None).unwrap().about, "a sweep");
    }
}
