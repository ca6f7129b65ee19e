//! One event delivered many times, at once or one after another, makes one job and one set of results.

use std::collections::BTreeSet;

use bedrock_vpc_batch::aws::error::ErrorKind;
use bedrock_vpc_batch::local::bedrock::{Fault, Operation};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{LEASE_OVER, World, drop_of, ids};

#[tokio::test]
async fn same_put_five_times_in_sequence_makes_one_job() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    for _ in 0..5 {
        world.submit(event.clone()).await.unwrap();
    }
    let ended = world.ended().await;
    for _ in 0..5 {
        world.complete(ended.clone()).await.unwrap();
    }
    let results = world.results().await;
    world.submit(event).await.unwrap();

    assert_eq!(results.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
    assert_eq!(world.results().await, results);
    assert_eq!(world.creates(), 1);
    assert_eq!(world.markers().await, Vec::<String>::new());
}

#[tokio::test]
async fn same_put_five_times_at_once_makes_one_job() {
    for _ in 0..10 {
        let mut world = World::new().await;
        let event = world.put("in/a.jsonl", drop_of(150)).await;
        for delivered in join_all((0..5).map(|_| world.submit(event.clone()))).await {
            delivered.unwrap();
        }
        let ended = world.ended().await;
        for delivered in join_all((0..5).map(|_| world.complete(ended.clone()))).await {
            delivered.unwrap();
        }

        let results = world.results().await;
        assert_eq!(results.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
        assert!(results.summary().balanced);
        assert_eq!(world.stand_in.jobs().len(), 1);
        assert_eq!(world.creates(), 1);
        assert_eq!(world.markers().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn doing_everything_twice_writes_the_same_results() {
    let mut world = World::new().await;
    let results = world.run("in/a.jsonl", drop_of(150)).await;
    // Sets both entries back to their states before the event, as if the later writes had been lost.
    let entries: Vec<String> = world
        .output_keys()
        .await
        .into_iter()
        .filter(|key| key.starts_with("ledger/jobs/") || key.starts_with("ledger/drops/"))
        .collect();
    assert_eq!(entries.len(), 2);
    for key in entries {
        let mut entry: serde_json::Value = world.read_json(&key).await;
        let state = entry["state"].as_object_mut().unwrap();
        match state["name"].as_str().unwrap() {
            "Settled" => {
                state.insert("name".into(), "Submitted".into());
                state.remove("outcome");
            }
            name => {
                assert_eq!(name, "Finished");
                state.insert("name".into(), "Accepted".into());
            }
        }
        let request = world.clients.s3.put_object().bucket(&world.config.output_bucket).key(key);
        request.body(entry.to_string().into_bytes().into()).send().await.unwrap();
    }
    let arn = &world.stand_in.jobs()[0].arn;
    let name = &world.stand_in.jobs()[0].name;
    let event = json!({
        "detail-type": "Batch Inference Job State Change",
        "detail": {"batchJobName": name, "batchJobArn": arn, "status": "Completed"},
    });
    world.complete(event).await.unwrap();
    assert_eq!(world.results().await, results);
}

#[tokio::test]
async fn lost_answer_of_create_makes_no_second_job() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::LoseAnswer);
    world.submit(event).await.unwrap();
    world.complete_next().await;
    assert_eq!(world.stand_in.jobs().len(), 1);
    assert_eq!(world.results().await.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
}

#[tokio::test]
async fn state_change_before_submit_has_recorded_the_job_is_handled() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    // Each attempt creates or finds the job, but its answer is lost: submit does not know that the job
    // exists.
    for _ in 0..3 {
        world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::LoseAnswer);
    }
    let error = world.submit(event.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    world.complete_next().await;
    world.submit(event).await.unwrap();

    assert_eq!(world.stand_in.jobs().len(), 1);
    assert_eq!(world.results().await.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
    assert_eq!(world.markers().await, Vec::<String>::new());
}

#[tokio::test]
async fn overwritten_key_is_two_drops_with_two_results() {
    let mut world = World::new().await;
    let first = world.put("in/a.jsonl", drop_of(110)).await;
    let second = world.put("in/a.jsonl", drop_of(130)).await;
    // The events come in the wrong order, and the first version is no longer the current one.
    world.submit(second).await.unwrap();
    world.submit(first).await.unwrap();
    for _ in 0..2 {
        world.complete_next().await;
    }
    let results = world.results().await;
    let mut totals: Vec<u64> = results
        .files
        .iter()
        .filter(|(key, _)| key.ends_with("/summary.json"))
        .map(|(_, bytes)| {
            serde_json::from_slice::<serde_json::Value>(bytes).unwrap()["records"]["succeeded"]
                .as_u64()
                .unwrap()
        })
        .collect();
    totals.sort_unstable();
    assert_eq!(totals, [110, 130]);
}

#[tokio::test]
async fn refusal_after_a_lost_answer_may_come_from_the_job_that_took_the_last_slot() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::LoseAnswer);
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceQuotaExceeded);
    world.submit(event).await.unwrap_err();
    let key = world.output_keys().await.into_iter().find(|key| key.starts_with("ledger/jobs/")).unwrap();
    let entry: serde_json::Value = world.read_json(&key).await;
    assert_eq!(entry["state"]["name"], "Submitting");
    world.sweep_after(LEASE_OVER).await.unwrap();
    world.complete_next().await;
    assert_eq!((world.stand_in.jobs().len(), world.creates()), (1, 2));
    assert_eq!(world.results().await.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()]);
}
