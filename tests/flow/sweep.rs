//! The sweep finishes what a lost event, a crash, or a refusal left open.

use std::collections::BTreeSet;
use std::time::Duration;

use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::base::s3_uri::S3Uri;
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::keys;
use bedrock_vpc_batch::local::bedrock::{Fault, Operation};
use bedrock_vpc_batch::local::faults::Action;
use futures_util::stream::{self, StreamExt};
use serde_json::Value;

use crate::support::{LEASE_OVER, Results, World, drop_of, ids};

async fn state_of(world: &World, prefix: &str) -> Value {
    let key = world.output_keys().await.into_iter().find(|key| key.starts_with(prefix)).unwrap();
    world.read_json(&key).await
}

async fn assert_all_succeeded(world: &World, count: usize) -> Results {
    let results = world.results().await;
    assert_eq!(results.ids(), [ids(count), BTreeSet::new(), BTreeSet::new()]);
    assert!(results.summary().balanced);
    assert_eq!(world.markers().await, Vec::<String>::new());
    results
}

#[tokio::test]
async fn job_whose_event_never_comes_is_settled_by_the_sweep() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.submit(event).await.unwrap();
    world.ended().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_all_succeeded(&world, 150).await;
}

#[tokio::test]
async fn submit_killed_between_create_and_its_ledger_write_is_adopted() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.faults.set(|call| match call.operation {
        "CreateModelInvocationJob" => Action::StopAfter,
        _ => Action::Pass,
    });
    world.faults.until_stopped(world.submit(event)).await.unwrap_err();
    world.faults.clear();
    assert_eq!(state_of(&world, "ledger/jobs/").await["state"]["name"], "Submitting");
    let asked = world.creates();

    // The sweep respects the lease while it lasts.
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!(state_of(&world, "ledger/jobs/").await["state"]["name"], "Submitting");
    world.sweep_after(LEASE_OVER).await.unwrap();
    let job = state_of(&world, "ledger/jobs/").await;
    assert_eq!(job["state"]["job_arn"], world.stand_in.jobs()[0].arn.as_str());
    assert_eq!((world.creates(), world.stand_in.jobs().len()), (asked, 1));

    world.ended().await;
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_all_succeeded(&world, 150).await;
}

#[tokio::test]
async fn create_that_never_arrived_is_sent_again_as_recorded() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    for _ in 0..3 {
        world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::InternalServer);
    }
    world.submit(event).await.unwrap_err();
    assert_eq!(world.stand_in.jobs().len(), 0);
    // The settings have changed, but the recorded request counts.
    world.reconfigure(&[("MODEL_ID", "amazon.nova-micro-v1:0"), ("TIMEOUT_DURATION_IN_HOURS", "100")]);
    world.sweep_after(LEASE_OVER).await.unwrap();
    let jobs = world.stand_in.jobs();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].request["modelId"], crate::support::MODEL_ID);
    assert_eq!(jobs[0].request["timeoutDurationInHours"], 24);
}

#[tokio::test]
async fn refused_job_waits_with_its_reason_until_the_sweep_submits_it() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    for (fault, is_for_now) in [
        (Fault::ServiceQuotaExceeded, true),
        (Fault::AccessDenied("not authorized to perform: iam:PassRole".into()), false),
        (Fault::Validation("the subnet does not exist".into()), false),
    ] {
        world.stand_in.fail_next(Operation::CreateModelInvocationJob, fault);
        // The event comes again, a minute later.
        world.submit_after(Duration::from_secs(60), event.clone()).await.unwrap();
        let entry = state_of(&world, "ledger/jobs/").await;
        assert_eq!(entry["state"]["name"], "Waiting");
        assert_eq!(entry["refusal"]["is_for_now"], is_for_now);
        assert!(
            entry["refusal"]["message"].as_str().unwrap().contains("Exception (HTTP 4"),
            "{}",
            entry["refusal"]
        );
    }
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.complete_next().await;
    assert_all_succeeded(&world, 150).await;
}

#[tokio::test]
async fn job_waiting_for_quota_is_submitted_when_a_slot_is_free() {
    let mut world = World::new().await;
    for name in ["a", "b", "c"] {
        let event = world.put(&format!("{name}.jsonl"), drop_of(120)).await;
        // Bedrock is not asked for c, because b waits.
        if name == "b" {
            world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceQuotaExceeded);
        }
        world.submit(event).await.unwrap();
    }
    assert_eq!(world.stand_in.jobs().len(), 1);
    // Bedrock refuses once more, and then has a free slot.
    let ended = world.ended().await;
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceQuotaExceeded);
    world.complete(ended.clone()).await.unwrap();
    assert_eq!((world.stand_in.jobs().len(), world.creates()), (1, 3));
    world.complete(ended).await.unwrap();
    for _ in 0..2 {
        world.complete_next().await;
    }
    let results = world.results().await;
    assert_eq!(results.files.keys().filter(|key| key.ends_with("/summary.json")).count(), 3);
    assert_eq!(world.markers().await, Vec::<String>::new());
}

#[tokio::test]
async fn drop_with_only_its_marker_is_started_over() {
    let mut world = World::new().await;
    world.put("in/a.jsonl", drop_of(150)).await;
    // Submit died right after its first write.
    let store = Store::new(world.clients.s3.clone(), &world.config.output_bucket);
    let uri = S3Uri::new(&world.config.input_bucket, "in/a.jsonl");
    let source = store.head(&uri, None).await.unwrap().unwrap();
    let marker = keys::drop_marker(source.last_modified, &DropId::derive(&source));
    store.put_json(&marker, &source).await.unwrap();

    world.sweep_after(Duration::ZERO).await.unwrap();
    world.complete_next().await;
    assert_all_succeeded(&world, 150).await;
}

#[tokio::test]
async fn cost_of_the_sweep_depends_on_open_work_and_not_on_past_work() {
    let mut world = World::build(&[], |options| options.pace = Duration::from_secs(600)).await;
    for number in 0..5 {
        let event = world.put(&format!("{number}.jsonl"), drop_of(100)).await;
        world.submit(event).await.unwrap();
    }
    let requests = async || {
        let (s3, bedrock) = (world.s3.requests().len(), world.stand_in.requests().len());
        world.sweep_after(Duration::ZERO).await.unwrap();
        (world.s3.requests().len() - s3, world.stand_in.requests().len() - bedrock)
    };
    // The first sweep records when it started: it compares only drops that come later.
    requests().await;
    let before = requests().await;
    let finished = state_of(&world, "ledger/jobs/").await.to_string();
    stream::iter(0..10_000)
        .for_each_concurrent(16, |number| {
            let request = world.clients.s3.put_object().bucket(&world.config.output_bucket);
            let request = request
                .key(format!("ledger/jobs/{number:032x}.json"))
                .body(finished.clone().into_bytes().into());
            async move { drop(request.send().await.unwrap()) }
        })
        .await;
    let after = requests().await;
    assert_eq!(before, after);
    // One read of how far the input bucket was compared, two looks for routes, one list of what operators ask for, one of the
    // hints, and one of the markers, and two reads of the entry and one Get per open job.
    assert_eq!(after, (6 + 5 * 2, 5));
}
