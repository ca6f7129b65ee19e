//! Deployments while drops wait: settings that change, and two releases that work on one ledger.

use std::collections::BTreeSet;

use bedrock_vpc_batch::aws::error::ErrorKind;
use bedrock_vpc_batch::drop::identity::JobId;
use bedrock_vpc_batch::drop::keys::{self, Open};
use bedrock_vpc_batch::ledger::drop::DropEntry;
use bedrock_vpc_batch::ledger::entry::Entry;
use bedrock_vpc_batch::local::bedrock::Operation;
use bedrock_vpc_batch::local::faults::Action;
use serde_json::{Map, Value, json};

use crate::support::{LEASE_OVER, OUTPUT_BUCKET, World, drop_of, ids, invocation_after};

/// The bodies of the requests for jobs, in order.
fn requests(world: &World) -> Vec<Value> {
    let is_create = |operation| operation == Some(Operation::CreateModelInvocationJob);
    let requests = world.stand_in.requests().into_iter().filter(|request| is_create(request.operation));
    requests.map(|request| request.body).collect()
}

async fn job_entry(world: &World) -> Value {
    let key = world.output_keys().await.into_iter().find(|key| key.starts_with("ledger/jobs/")).unwrap();
    world.read_json(&key).await
}

const OTHER_SETTINGS: &[(&str, &str)] = &[
    ("MODEL_ID", "amazon.nova-pro-v1:0"),
    ("TIMEOUT_DURATION_IN_HOURS", "48"),
    ("JOB_TAGS", r#"{"team":"other"}"#),
    ("MAX_ATTEMPTS", "1"),
    ("MIN_RECORDS_PER_JOB", "200"),
    ("SUBNET_IDS", "subnet-0b"),
];

#[tokio::test]
async fn waiting_drop_keeps_its_settings_and_follows_the_network() {
    let mut world = World::with(&[("JOB_TAGS", r#"{"team":"first"}"#)]).await;
    world.faults.set(|call| match call.operation {
        "CreateModelInvocationJob" => Action::Refuse { status: 429, code: "ThrottlingException" },
        _ => Action::Pass,
    });
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.submit(event).await.unwrap();
    assert_eq!(job_entry(&world).await["state"]["name"], "Waiting");
    world.faults.set(|_| Action::Pass);

    world.reconfigure(OTHER_SETTINGS);
    world.sweep_after(LEASE_OVER).await.unwrap();
    let [request] = requests(&world).try_into().unwrap();
    assert_eq!(request["modelId"], "amazon.nova-lite-v1:0");
    assert_eq!(request["timeoutDurationInHours"], 24);
    assert_eq!(request["tags"], json!([{"key": "team", "value": "first"}]));
    assert_eq!(request["vpcConfig"]["subnetIds"], json!(["subnet-0b"]));
    let job = job_entry(&world).await;
    assert_eq!((&job["settings"]["max_attempts"], &job["new_settings"]), (&json!(3), &Value::Null));
    world.complete_next().await;
    assert_eq!(world.results().await.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
}

#[tokio::test]
async fn refused_job_takes_the_settings_in_force_and_its_entry_keeps_both() {
    let mut world = World::new().await;
    world.stand_in.set_known_roles(Some(vec![]));
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.submit(event).await.unwrap();
    assert_eq!(job_entry(&world).await["refusal"]["is_for_now"], false);
    world.stand_in.set_known_roles(None);

    world.reconfigure(OTHER_SETTINGS);
    world.sweep_after(LEASE_OVER).await.unwrap();
    let request = requests(&world).pop().unwrap();
    assert_eq!(request["modelId"], "amazon.nova-pro-v1:0");
    assert_eq!(request["timeoutDurationInHours"], 48);
    let job = job_entry(&world).await;
    assert_eq!(job["settings"]["model_id"], "amazon.nova-lite-v1:0");
    assert_eq!(job["new_settings"]["model_id"], "amazon.nova-pro-v1:0");
    world.complete_next().await;
    assert_eq!(world.results().await.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
}

/// Rewrites every entry and marker of the ledger, as `change` says.
async fn rewrite_ledger(world: &World, change: impl Fn(&mut Map<String, Value>)) {
    for key in world.output_keys().await {
        if key.starts_with("ledger/drops/") || key.starts_with("ledger/jobs/") {
            let mut entry: Map<String, Value> = world.read_json(&key).await;
            change(&mut entry);
            let body = serde_json::to_vec_pretty(&entry).unwrap();
            let put = world.own.put_object().bucket(OUTPUT_BUCKET).key(&key);
            put.body(body.into()).send().await.unwrap();
        }
    }
}

/// Makes an entry look as the first release wrote it.
fn to_version_1(entry: &mut Map<String, Value>) {
    entry["version"] = json!(1);
    for of_version_2 in ["settings", "new_settings", "padding"] {
        entry.remove(of_version_2);
    }
    if let Some(Value::Array(segments)) = entry.remove("segments") {
        let Value::Object(segment) = segments.into_iter().next().unwrap() else { panic!("no segment") };
        entry.extend(segment);
    }
    entry["state"].as_object_mut().unwrap().remove("settings");
}

/// Names the markers of jobs as the first release did.
async fn name_markers_as_version_1(world: &World) {
    for marker in world.markers().await {
        let Some(Open::Job(job_id)) = keys::parse_marker(&marker) else { continue };
        let (time, _) = marker.strip_prefix(keys::OPEN_PREFIX).unwrap().split_once('-').unwrap();
        let old = format!("{}{time}-{job_id}.job", keys::OPEN_PREFIX);
        let body = world.read_output(&marker).await;
        let put = world.own.put_object().bucket(OUTPUT_BUCKET).key(&old).body(body.into());
        put.send().await.unwrap();
        world.own.delete_object().bucket(OUTPUT_BUCKET).key(&marker).send().await.unwrap();
    }
}

/// Lets the sweep and the jobs take everything to its end.
async fn finish(world: &mut World, what: &str) {
    for _ in 0..10 {
        world.sweep_after(LEASE_OVER).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        if world.markers().await.is_empty() {
            return;
        }
        world.all_jobs_over().await;
    }
    panic!("{what}: {:?} are still open", world.markers().await);
}

/// The first release is stopped at every call, and this one goes on with its ledger.
#[tokio::test]
async fn this_release_goes_on_with_what_the_first_one_left() {
    let mut stopped_at = 0;
    loop {
        let mut world = World::with(&[("MAX_RECORDS_PER_JOB", "100")]).await;
        world.faults.set(
            move |call| {
                if call.number == stopped_at + 1 { Action::StopBefore } else { Action::Pass }
            },
        );
        let event = world.put("in/a.jsonl", drop_of(200)).await;
        let again = event.clone();
        let faults = world.faults.clone();
        let first_release = async {
            world.submit(event).await.unwrap();
            while !world.markers().await.is_empty() {
                let event = world.ended().await;
                world.complete(event).await.unwrap();
            }
        };
        let is_through = faults.until_stopped(Box::pin(first_release)).await.is_ok();
        world.faults.reset();
        rewrite_ledger(&world, to_version_1).await;
        name_markers_as_version_1(&world).await;
        // Lambda delivers the event again.
        world.submit.handle(again, &invocation_after(LEASE_OVER)).await.unwrap();
        finish(&mut world, &format!("stopped at call {stopped_at}")).await;
        let results = world.results().await;
        assert_eq!(results.ids(), [ids(200), BTreeSet::new(), BTreeSet::new()], "at call {stopped_at}");
        assert_eq!(world.stand_in.jobs().len(), 2, "at call {stopped_at}");
        if is_through {
            break;
        }
        stopped_at += 1;
    }
    assert!(stopped_at > 40, "only {stopped_at} calls");
    println!("deployments: {stopped_at} calls of the first release, each followed by this one");
}

/// What a newer release would write: a higher version, and other shapes.
fn to_newer_version(entry: &mut Map<String, Value>) {
    let old = Value::Object(std::mem::take(entry));
    entry.insert("version".into(), json!(DropEntry::VERSION + 1));
    entry.insert("state".into(), json!(["of another shape"]));
    entry.insert("wrapped".into(), old);
}

fn from_newer_version(entry: &mut Map<String, Value>) {
    if let Some(Value::Object(old)) = entry.remove("wrapped") {
        *entry = old;
    }
}

/// The ledger's entries, byte for byte.
async fn entries(world: &World) -> Vec<(String, Vec<u8>)> {
    let mut entries = Vec::new();
    for key in world.output_keys().await {
        if key.starts_with("ledger/drops/") || key.starts_with("ledger/jobs/") {
            let bytes = world.read_output(&key).await;
            entries.push((key, bytes));
        }
    }
    entries
}

#[tokio::test]
async fn entries_of_a_newer_release_are_left_alone_and_tried_again_later() {
    let mut world = World::new().await;
    let put = world.put("in/a.jsonl", drop_of(150)).await;
    world.submit(put.clone()).await.unwrap();
    let ended = world.ended().await;
    let job_id = JobId::from_job_name("demo", &world.stand_in.jobs()[0].name).unwrap();

    rewrite_ledger(&world, to_newer_version).await;
    let before = entries(&world).await;
    for refused in [world.submit(put.clone()).await, world.complete(ended.clone()).await] {
        // Lambda delivers the event again.
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    // The sweep passes over them, which is not a failure.
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_eq!(entries(&world).await, before);
    assert_eq!((world.creates(), world.markers().await.len()), (1, 1));

    rewrite_ledger(&world, from_newer_version).await;
    world.complete(ended).await.unwrap();
    assert_eq!(world.results().await.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
    assert_eq!((world.creates(), world.markers().await.len()), (1, 0));
    let entry: Value = world.read_json(&keys::job_entry(&job_id)).await;
    assert_eq!(entry["state"]["name"], "Settled");
}
