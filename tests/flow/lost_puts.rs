//! A put whose event never comes: the sweep finds the drop in the input bucket.

use std::collections::BTreeSet;
use std::time::Duration;

use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::base::s3_uri::S3Uri;
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::keys;
use bedrock_vpc_batch::drop::source::EstimatedTokens;
use bedrock_vpc_batch::job::summary::Summary;
use serde_json::Value;

use crate::support::{World, drop_of, ids};

const MINUTE: Duration = Duration::from_secs(60);
const LATER: Duration = Duration::from_secs(20 * 60);

/// How often an operation was called with a subject that starts with `subject`.
fn calls(world: &World, operation: &str, subject: &str) -> usize {
    let calls = world.faults.calls();
    calls.iter().filter(|call| call.operation == operation && call.subject.starts_with(subject)).count()
}

/// Sweeps and delivers the end of every job until nothing is open.
async fn finish(world: &mut World, later: Duration) {
    for round in 1..10 {
        world.sweep_after(later + MINUTE * 20 * round).await.unwrap();
        world.all_jobs_over().await;
        if world.markers().await.is_empty() {
            return;
        }
    }
    panic!("still open: {:?}", world.markers().await);
}

async fn sweep_entry(world: &World) -> Value {
    world.read_json(keys::SWEEP_ENTRY).await
}

#[tokio::test]
async fn drop_whose_event_never_comes_is_run_once() {
    let mut world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let event = world.put("in/a b+c%.jsonl", drop_of(150)).await;
    world.put("in/b.png", drop_of(150)).await;
    world.put("in/folder/", vec![]).await;

    // The event may still arrive.
    world.sweep_after(9 * MINUTE).await.unwrap();
    assert_eq!((world.stand_in.jobs().len(), world.markers().await.len()), (0, 0));
    finish(&mut world, LATER).await;
    let results = world.results().await;
    assert_eq!(results.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
    assert!(results.summary().balanced);

    // The event arrives after all, and the sweep looks again.
    world.submit(event).await.unwrap();
    world.sweep_after(10 * LATER).await.unwrap();
    assert_eq!(world.stand_in.jobs().len(), 1);
    assert_eq!(world.results().await, results);
}

#[tokio::test]
async fn every_version_of_a_key_is_a_drop_but_a_delete_marker_is_not() {
    let mut world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    for count in [100, 110, 120] {
        world.put("in/a.jsonl", drop_of(count)).await;
    }
    let request = world.own.delete_object().bucket(&world.config.input_bucket).key("in/a.jsonl");
    request.send().await.unwrap();
    finish(&mut world, LATER).await;
    let mut totals: Vec<u64> = Vec::new();
    for (key, bytes) in world.results().await.files {
        if key.ends_with("/summary.json") {
            let summary: Value = serde_json::from_slice(&bytes).unwrap();
            totals.push(summary["records"]["total"].as_u64().unwrap());
        }
    }
    totals.sort_unstable();
    assert_eq!(totals, [100, 110, 120]);
}

/// The metadata of a drop says which records it tries again, and what it was to take. It is found without its event.
#[tokio::test]
async fn drop_that_tries_records_again_is_named_in_the_summary_of_the_first() {
    let mut world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let event = world.put("in/a.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();
    world.complete_next().await;
    let first = world.results().await.summary();
    let estimate = EstimatedTokens { input: (10, 20), output: (30, 40) };
    for (key, retry_of, estimate) in [
        ("in/b.jsonl", first.drop_id.as_str(), estimate.metadata()),
        ("in/c.jsonl", "../../ledger", "{\"input_tokens\": [1, 2]}".to_owned()),
    ] {
        let request = world.own.put_object().bucket(&world.config.input_bucket).key(key);
        let request = request.metadata("retry-of", retry_of).metadata("estimate", estimate);
        request.body(drop_of(110).into()).send().await.unwrap();
    }
    finish(&mut world, LATER).await;

    let mut summaries: Vec<Summary> = Vec::new();
    for (key, bytes) in world.results().await.files {
        if key.ends_with("/summary.json") {
            summaries.push(serde_json::from_slice(&bytes).unwrap());
        }
    }
    let [a, b, c] = summaries.as_slice() else { panic!("{summaries:?}") };
    assert_eq!(*a, Summary { retries: a.retries.clone(), ..first.clone() });
    assert_eq!(a.retries, std::slice::from_ref(&b.drop_id));
    assert_eq!((&b.source.retry_of, b.source.estimate), (&Some(first.drop_id.to_string()), Some(estimate)));
    assert_eq!((&c.source.retry_of, c.source.estimate), (&None, None), "{c:?}");
}

#[tokio::test]
async fn what_was_there_before_the_first_sweep_is_left_alone() {
    let mut world = World::new().await;
    world.put("in/old.jsonl", drop_of(150)).await;
    // S3 gives the times of objects in whole seconds.
    world.sweep_after(Duration::from_secs(2)).await.unwrap();
    let since = sweep_entry(&world).await["since"].clone();
    for round in 1..5 {
        world.sweep_after(LATER * round).await.unwrap();
    }
    assert_eq!((world.stand_in.jobs().len(), world.markers().await.len()), (0, 0));
    assert_eq!(sweep_entry(&world).await["since"], since, "it is written once");
}

#[tokio::test]
async fn erased_drop_is_not_run_again() {
    let mut world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let event = world.put("in/a.jsonl", drop_of(99)).await;
    world.submit(event.clone()).await.unwrap();
    let store = Store::new(world.clients.s3.clone(), &world.config.output_bucket);
    let source =
        store.head(&S3Uri::new(&world.config.input_bucket, "in/a.jsonl"), None).await.unwrap().unwrap();
    let entry = keys::drop_entry(&DropId::derive(&source));
    let mut erased: Value = world.read_json(&entry).await;
    erased["state"] = serde_json::json!({"name": "Erased"});
    store.put_json(&entry, &erased).await.unwrap();
    for report in world.results().await.files.into_keys() {
        store.delete(&report).await.unwrap();
    }

    world.sweep_after(LATER).await.unwrap();
    world.submit(event).await.unwrap();
    assert_eq!((world.results().await.files.len(), world.markers().await.len()), (0, 0));
}

#[tokio::test]
async fn entries_are_looked_up_once_and_not_in_every_pass() {
    let mut world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    for number in 0..20 {
        let event = world.put(&format!("in/{number}.jsonl"), drop_of(99)).await;
        world.submit(event).await.unwrap();
    }
    world.faults.reset();
    world.sweep_after(LATER).await.unwrap();
    assert_eq!(calls(&world, "GetObject", "ledger/drops/"), 20);
    world.faults.reset();
    world.sweep_after(2 * LATER).await.unwrap();
    assert_eq!(calls(&world, "GetObject", "ledger/drops/"), 0);
    assert_eq!(calls(&world, "ListObjectVersions", ""), 1);
}

#[tokio::test]
async fn a_pass_reads_at_most_fifty_pages_and_the_next_one_resumes_there() {
    let mut world = World::with(&[("INPUT_PREFIX", "in/")]).await;
    world.s3.limit_list_pages(2);
    world.sweep_after(Duration::ZERO).await.unwrap();
    for number in 0..110 {
        world.put(&format!("in/{number:03}.png"), vec![b'x']).await;
    }
    world.put("in/zzz.jsonl", drop_of(120)).await;
    world.put("out-of-the-prefix.jsonl", drop_of(120)).await;
    world.faults.reset();
    world.sweep_after(LATER).await.unwrap();
    assert_eq!(calls(&world, "ListObjectVersions", ""), 50);
    assert_eq!(sweep_entry(&world).await["cursor"]["key"], "in/099.png");
    assert_eq!(world.stand_in.jobs().len(), 0);
    world.faults.reset();
    world.sweep_after(2 * LATER).await.unwrap();
    assert_eq!(calls(&world, "ListObjectVersions", ""), 6);
    assert_eq!(sweep_entry(&world).await["cursor"], Value::Null);
    assert_eq!(world.stand_in.jobs().len(), 1);
}
