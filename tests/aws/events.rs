//! The files in `events/` are what AWS sends. Each parses to the expected value.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bedrock_vpc_batch::aws::error::ErrorKind;
use bedrock_vpc_batch::aws::events::{
    ObjectCreated, parse_change_in, parse_job_state_change, parse_object_created,
};
use bedrock_vpc_batch::base::s3_uri::S3Uri;
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::keys::{self, Request};
use bedrock_vpc_batch::job::ending::EndStatus;
use serde_json::{Value, json};

use crate::support::{INPUT_BUCKET, OUTPUT_BUCKET, World};

const ODD_KEY: &str = "rapports été/100% sûr + vérifié/東京 📊.jsonl";
const DAILY: (&str, Option<&str>) = ("tickets/2026-11-23.jsonl", Some("096fKKXTRTtl3on89fVO.nfljtsv6qko"));
const ODD: (&str, Option<&str>) = (ODD_KEY, Some("QUpfdndhfd8438MNFDN93jdnJFkdmqnh"));

type Key = (&'static str, Option<&'static str>);

/// The objects that each notification names in the bucket `amzn-s3-demo-input`.
fn notifications() -> Vec<(&'static str, Vec<Key>)> {
    vec![
        ("s3-put.json", vec![DAILY]),
        ("s3-put-unversioned.json", vec![(DAILY.0, None)]),
        ("s3-copy.json", vec![("again/2026-11-22.jsonl", Some("3HL4kqtJvjVBH40Nrjfkd.KkVqLGm7sd"))]),
        (
            "s3-multipart.json",
            vec![("archive/calls-2026-10.jsonl", Some("L4kqtJlcpXroDTDmpUMLUo0qwmXOXa_7"))],
        ),
        ("s3-key-encoded.json", vec![ODD]),
        (
            "s3-several-records.json",
            vec![
                ("tickets/north.jsonl", Some("Ixkg9hCJ4S.eKtJ5Zs4f2y3jB0PmVQnd")),
                ("tickets/south west.jsonl", Some("UIORUnfndfiufdisojhr398493jfdkjF")),
                ("tickets/größe+1.jsonl", Some("YU2bG_r0ZlW8aC5tNf.3xVqK7dMhTs1e")),
            ],
        ),
        ("s3-test-event.json", vec![]),
        ("s3-wrong-suffix.json", vec![("tickets/2026-11-23.csv", DAILY.1)]),
        ("sqs-s3-put.json", vec![DAILY, ODD]),
        ("sqs-s3-test-event.json", vec![]),
        ("s3-object-created-eventbridge.json", vec![ODD]),
    ]
}

/// The state changes: file, job-id or whole name, end of the ARN, and status.
const STATE_CHANGES: &[(&str, &str, &str, &str)] = &[
    ("job-state-completed.json", "demo-88e6c9454ded9d31738e21c1a395e1bf", "57187615ac85", "Completed"),
    ("job-state-iso-dates.json", "demo-88e6c9454ded9d31738e21c1a395e1bf", "57187615ac85", "Completed"),
    (
        "job-state-partially-completed.json",
        "demo-6f005bd33e8e790710761a3c3ad20e41",
        "18e3c61dba24",
        "PartiallyCompleted",
    ),
    ("job-state-failed.json", "demo-1174bdbdf1ef28894027505cc90ddbaa", "6072a2ffa1dd", "Failed"),
    ("job-state-stopped.json", "demo-48348f4cccc874f2ae659a201d9a3c87", "38cfb8da9b5c", "Stopped"),
    ("job-state-expired.json", "demo-ef0fff4983c0e9b5e01c53ed3bf57963", "a76e8d80facb", "Expired"),
    ("job-state-in-progress.json", "demo-15539df5bef3d0eba6c72a6957abef12", "75bb4b36e0bd", "InProgress"),
    ("job-state-unknown-status.json", "demo-ce91d3340c6369f5af9bf87cf91497ec", "e7ed9045abda", "Archived"),
    ("job-state-documented-sample.json", "dummy-batch-job-name", "abcdefghwxyz", "Completed"),
];

const OTHER_BUCKET: &str = "s3-wrong-bucket.json";
const SCHEDULE: &str = "schedule.json";
const REQUEST: &str = "s3-request-eventbridge.json";
const ROUTES_DELETED: &str = "s3-routes-deleted-eventbridge.json";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("events")
}

fn event(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn objects(name: &str) -> Vec<ObjectCreated> {
    let parsed = parse_object_created(event(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    parsed.into_iter().map(|object| object.unwrap_or_else(|error| panic!("{name}: {error}"))).collect()
}

#[test]
fn notifications_name_their_objects() {
    for (name, keys) in notifications() {
        let expected: Vec<_> = keys
            .into_iter()
            .map(|(key, version_id)| (S3Uri::new("amzn-s3-demo-input", key), version_id.map(Into::into)))
            .collect();
        let found: Vec<_> = objects(name).into_iter().map(|object| (object.uri, object.version_id)).collect();
        assert_eq!(found, expected, "{name}");
    }
    let put_by = |name| objects(name).remove(0).put_by;
    assert_eq!(put_by("s3-put.json").as_deref(), Some("AWS:AROAEXAMPLEUPLOADERS:ana"));
    assert_eq!(put_by("s3-object-created-eventbridge.json"), None);
    assert_eq!(objects(OTHER_BUCKET)[0].uri.bucket(), "amzn-s3-demo-other");
}

#[test]
fn state_changes_name_their_job_and_status() {
    for (name, job_name, bedrock_id, status) in STATE_CHANGES {
        let change = parse_job_state_change(&event(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let arn = format!("arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/{bedrock_id}");
        assert_eq!(
            (change.batch_job_name.as_str(), change.batch_job_arn, change.status.as_str()),
            (*job_name, arn, *status),
            "{name}"
        );
        assert_eq!(
            EndStatus::parse(status).is_some(),
            !matches!(*status, "InProgress" | "Archived"),
            "{status}"
        );
    }
}

#[test]
fn every_event_file_is_tested() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    let named =
        notifications().into_iter().map(|(name, _)| name).chain(STATE_CHANGES.iter().map(|row| row.0));
    assert_eq!(
        files,
        named.chain([OTHER_BUCKET, REQUEST, ROUTES_DELETED, SCHEDULE]).map(String::from).collect()
    );
}

#[test]
fn request_is_read_from_the_output_bucket_only_and_nothing_else_is_one() {
    let put_in = |bucket, payload: &Value| parse_change_in(bucket, payload);
    let request = put_in(OUTPUT_BUCKET, &event(REQUEST)).unwrap().unwrap();
    assert_eq!(request, "requests/cancel/ceb4e75d2ae9bf4be350f567594f0ee1");
    let drop_id = DropId::parse("ceb4e75d2ae9bf4be350f567594f0ee1").unwrap();
    assert_eq!(keys::parse_request(&request), Some(Request::Cancel(drop_id.clone())));
    assert_eq!(keys::request(&Request::Cancel(drop_id.clone())), request);
    for request in [Request::Approve(drop_id.clone()), Request::Erase(drop_id)] {
        assert_eq!(keys::parse_request(&keys::request(&request)), Some(request));
    }
    let error = put_in(INPUT_BUCKET, &event(REQUEST)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert_eq!(put_in(OUTPUT_BUCKET, &event(ROUTES_DELETED)).unwrap().as_deref(), Some(keys::ROUTES_FILE));
    // To `submit`, a deleted object is an event that it does not handle.
    assert!(parse_object_created(event(ROUTES_DELETED)).unwrap()[0].is_err());
    for other in ["job-state-completed.json", SCHEDULE, "s3-put.json"] {
        assert_eq!(put_in(OUTPUT_BUCKET, &event(other)).unwrap(), None, "{other}");
    }
    for other in [
        "requests/cancel/",
        "requests/cancel/x",
        "requests/erase/x",
        "requests/approve/x",
        "requests/pause/ceb4e75d2ae9bf4be350f567594f0ee1",
        "cancel/a",
    ] {
        assert_eq!(keys::parse_request(other), None, "{other}");
    }
}

#[test]
fn event_of_an_unknown_form_is_an_operators_error() {
    let table = [json!({}), json!([]), json!("text"), json!({"Records": "none"})];
    for payload in table {
        let error = parse_object_created(payload.clone()).expect_err(&payload.to_string());
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(parse_job_state_change(&payload).is_err());
    }
    assert!(parse_object_created(event("job-state-completed.json")).unwrap()[0].is_err());
    assert!(parse_job_state_change(&event("s3-object-created-eventbridge.json")).is_err());
}

#[test]
fn one_bad_record_does_not_stop_the_others() {
    let mut payload = event("s3-several-records.json");
    payload["Records"][1]["s3"]["object"]["key"] = json!("bad%FFkey.jsonl");
    let parsed = parse_object_created(payload).unwrap();
    let are_ok: Vec<bool> = parsed.iter().map(Result::is_ok).collect();
    assert_eq!(are_ok, [true, false, true]);
    assert!(parsed[1].as_ref().unwrap_err().to_string().contains("bad%FFkey.jsonl"));

    payload = event("s3-several-records.json");
    payload["Records"][1]["s3"]["object"]["key"] = json!("a\nb%FF.jsonl");
    let error = parse_object_created(payload).unwrap().remove(1).unwrap_err();
    assert!(error.to_string().ends_with(r": a\nb%FF.jsonl"), "{error}");

    let mut payload = event("sqs-s3-put.json");
    payload["Records"][0]["body"] = json!("{cut");
    payload["Records"][0]["attributes"] = json!([]);
    let parsed = parse_object_created(payload.clone()).unwrap();
    let are_ok: Vec<bool> = parsed.iter().map(Result::is_ok).collect();
    assert_eq!(are_ok, [false, true]);
    payload["Records"][0]["body"] = json!(1);
    let parsed = parse_object_created(payload).unwrap();
    assert!(parsed[0].as_ref().unwrap_err().to_string().ends_with("does not have a body"));
    assert!(parsed[1].is_ok());
}

#[test]
fn messages_within_messages_are_not_read() {
    let inner = event("sqs-s3-put.json");
    let put = event("s3-put.json")["Records"][0].clone();
    for records in [json!([inner["Records"][0]]), json!([put, inner["Records"][0]])] {
        let mut payload = event("sqs-s3-put.json");
        payload["Records"] = json!([payload["Records"][0].clone()]);
        payload["Records"][0]["body"] = json!(json!({"Records": records}).to_string());
        let parsed = parse_object_created(payload).unwrap();
        assert_eq!(parsed.len(), 1);
        assert!(parsed[0].as_ref().unwrap_err().to_string().contains("has SQS messages in it"));
    }
}

#[tokio::test]
async fn events_that_are_not_for_this_stack_touch_nothing() {
    let world = World::new().await;
    for name in ["s3-test-event.json", "sqs-s3-test-event.json"] {
        world.submit(event(name)).await.unwrap();
    }
    let error = world.submit(event(OTHER_BUCKET)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    // Other jobs of the account, jobs that are still running, and an unknown status.
    for name in
        ["job-state-documented-sample.json", "job-state-in-progress.json", "job-state-unknown-status.json"]
    {
        world.complete(event(name)).await.unwrap();
    }
    assert_eq!(world.s3.requests(), []);
    world.complete(event(SCHEDULE)).await.unwrap();
    assert_eq!(
        world.s3.requests().into_iter().map(|request| request.operation).collect::<Vec<_>>(),
        // The first sweep records when it started: it compares only drops that come later. Then it looks for routes, and lists
        // requests, hints, and markers.
        [
            "GetObject",
            "PutObject",
            "GetObject",
            "HeadObject",
            "ListObjectsV2",
            "ListObjectsV2",
            "ListObjectsV2"
        ]
    );
    // A job with this prefix that the ledger does not know, and an object that was deleted.
    world.complete(event("job-state-completed.json")).await.unwrap();
    world.submit(event("s3-put.json")).await.unwrap();
    assert_eq!(world.output_keys().await, ["ledger/sweep.json"]);
    assert_eq!(world.stand_in.requests(), []);
}
