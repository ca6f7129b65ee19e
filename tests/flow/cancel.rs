//! Drops that an operator cancels: no job of theirs starts, those at Bedrock are stopped, what is finished is kept, and
//! every record is accounted for.

use std::collections::BTreeSet;
use std::time::Duration;

use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::keys::{self, Request};
use bedrock_vpc_batch::job::ending::EndStatus;
use bedrock_vpc_batch::local::bedrock::{Ending, Fault, Operation, RecordFailure, TerminalStatus};
use bedrock_vpc_batch::local::faults::{Action, Service};
use serde_json::Value;

use crate::support::{LEASE_OVER, World, drop_of, ids};

/// The ids of the drops with a status.
async fn drop_ids(world: &World) -> Vec<DropId> {
    let keys = world.output_keys_below("results/").await;
    keys.iter()
        .filter_map(|key| DropId::parse(key.strip_suffix("/status.json")?.rsplit('/').next()?))
        .collect()
}

/// The event of an operator who cancels the only drop.
async fn cancellation(world: &mut World) -> Value {
    let drop_id = drop_ids(world).await.remove(0);
    world.ask(&keys::request(&Request::Cancel(drop_id))).await
}

async fn stops(world: &World) -> usize {
    let is_stop = |operation: Option<Operation>| operation == Some(Operation::StopModelInvocationJob);
    world.stand_in.requests().iter().filter(|request| is_stop(request.operation)).count()
}

/// A world with one job in progress, over records of which Bedrock answers half before it is stopped.
async fn world_with_a_job_in_progress(settings: &[(&str, &str)], records: usize) -> World {
    let mut world = World::with(settings).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.stand_in.script_with(|_, _| Ending { until_stopped: true, ..Ending::default() });
    let event = world.put("in/a.jsonl", drop_of(records)).await;
    world.submit(event).await.unwrap();
    world.jobs_in_progress().await;
    world
}

async fn statuses(world: &World) -> Vec<EndStatus> {
    world.results().await.summary().jobs.iter().map(|job| job.outcome.status).collect()
}

#[tokio::test]
async fn job_in_progress_is_stopped_and_what_it_finished_is_kept() {
    let mut world = world_with_a_job_in_progress(&[], 200).await;
    let request = cancellation(&mut world).await;
    world.complete(request.clone()).await.unwrap();
    let status = world.results().await.status();
    assert_eq!(status.message, "The drop is cancelled. Bedrock is asked to stop 1 job.");
    assert_eq!(status.jobs.unwrap().stopping, 1);
    assert_eq!(world.output_keys_below("requests/").await, Vec::<String>::new());

    // The event comes twice, and the sweep goes on: nothing changes.
    world.complete(request).await.unwrap();
    world.sweep_after(LEASE_OVER).await.unwrap();
    world.complete_next().await;
    let results = world.results().await;
    let [succeeded, failed, unprocessed] = results.ids();
    assert_eq!((succeeded.len(), failed.len(), unprocessed.len()), (100, 0, 100));
    assert_eq!(&succeeded | &unprocessed, ids(200));
    let summary = results.summary();
    assert_eq!((summary.balanced, statuses(&world).await), (true, vec![EndStatus::Stopped]));
    results.assert_statuses_are_final();
    assert_eq!(
        results.status().message,
        "200 records: 100 succeeded, 100 were not processed. Bedrock says: Stopped: a person stopped the job."
    );
    world.sweep_after(2 * LEASE_OVER).await.unwrap();
    assert_eq!((world.markers().await, world.stand_in.jobs().len()), (vec![], 1));
}

#[tokio::test]
async fn job_that_waits_never_starts() {
    let mut world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let event = world.put("in/a.jsonl", drop_of(120)).await;
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceQuotaExceeded);
    world.submit(event).await.unwrap();
    let request = cancellation(&mut world).await;
    world.complete(request).await.unwrap();
    let results = world.results().await;
    assert_eq!(results.ids(), [BTreeSet::new(), BTreeSet::new(), ids(120)]);
    assert_eq!((statuses(&world).await, results.summary().balanced), (vec![EndStatus::Cancelled], true));
    results.assert_statuses_are_final();
    let told = "120 records: 0 succeeded, 120 were not processed. Cancelled: the drop was cancelled before Bedrock had the job.";
    assert_eq!(results.status().message, told);
    assert_eq!((world.markers().await, world.hints().await), (vec![], vec![]));
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_eq!((world.creates(), world.stand_in.jobs().len()), (1, 0));
}

#[tokio::test]
async fn each_part_of_a_large_drop_is_cancelled_wherever_it_stands() {
    // One part is over, one is in progress, and one waits.
    let mut world = World::with(&[("MAX_RECORDS_PER_JOB", "100")]).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.stand_in.set_max_jobs_in_flight(2);
    world.stand_in.script_with(|number, _| Ending { until_stopped: number > 0, ..Ending::default() });
    let event = world.put("in/a.jsonl", drop_of(300)).await;
    world.submit(event).await.unwrap();
    let first = world.ended().await;
    let request = cancellation(&mut world).await;
    world.complete(request).await.unwrap();
    assert_eq!(world.results().await.status().jobs.map(|jobs| jobs.stopping), Some(2));
    world.complete(first).await.unwrap();
    world.complete_next().await;
    let results = world.results().await;
    let mut endings = statuses(&world).await;
    endings.sort_by_key(|status| status.as_str());
    assert_eq!(endings, [EndStatus::Cancelled, EndStatus::Completed, EndStatus::Stopped]);
    let [succeeded, _, unprocessed] = results.ids();
    assert_eq!(&succeeded | &unprocessed, ids(300));
    assert!((100..=150).contains(&succeeded.len()), "{}", succeeded.len());
    assert!(results.summary().balanced);
}

#[tokio::test]
async fn job_that_ended_before_it_was_stopped_has_no_next_attempt() {
    let mut world = World::with(&[("SMALL_DROPS", "pad")]).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let busy = RecordFailure { position: 7, code: 503, message: "busy".into() };
    world.stand_in.script_with(move |_, _| Ending { failing: vec![busy.clone()], ..Ending::default() });
    let event = world.put("in/a.jsonl", drop_of(120)).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    // Bedrock answers that it cannot stop the job.
    let request = cancellation(&mut world).await;
    world.complete(request).await.unwrap();
    assert_eq!(stops(&world).await, 1);
    world.complete(ended).await.unwrap();
    assert_eq!(statuses(&world).await, [EndStatus::Completed]);
    let [succeeded, _, unprocessed] = world.results().await.ids();
    assert_eq!((succeeded.len(), unprocessed), (119, BTreeSet::from(["r7".to_owned()])));
}

#[tokio::test]
async fn next_attempt_that_is_decided_is_cancelled_too() {
    let mut world = World::with(&[("SMALL_DROPS", "pad")]).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let busy = RecordFailure { position: 7, code: 503, message: "busy".into() };
    world.stand_in.script_with(move |_, _| Ending { failing: vec![busy.clone()], ..Ending::default() });
    let event = world.put("in/a.jsonl", drop_of(120)).await;
    world.submit(event).await.unwrap();
    // The function dies after it has recorded the outcome.
    let ended = world.ended().await;
    world.faults.reset();
    world.faults.set(|call| {
        let is_result = call.to_string().contains("/succeeded/");
        if is_result { Action::StopBefore } else { Action::Pass }
    });
    let faults = world.faults.clone();
    let stopped = faults.until_stopped(world.complete(ended)).await;
    assert!(stopped.is_err());
    world.faults.clear();
    let request = cancellation(&mut world).await;
    world.complete(request).await.unwrap();
    assert_eq!(statuses(&world).await, [EndStatus::Completed, EndStatus::Cancelled]);
    assert_eq!((world.stand_in.jobs().len(), world.markers().await), (1, vec![]));
}

#[tokio::test]
async fn job_that_may_exist_is_asked_for_with_its_token_and_then_stopped() {
    let mut world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.stand_in.script_with(|_, _| Ending { until_stopped: true, ..Ending::default() });
    let event = world.put("in/a.jsonl", drop_of(120)).await;
    // All three answers are lost: the job exists, and the ledger does not know.
    for _ in 0..3 {
        world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::LoseAnswer);
    }
    world.submit(event).await.unwrap_err();
    world.jobs_in_progress().await;
    let request = cancellation(&mut world).await;
    world.complete(request).await.unwrap();
    world.sweep_after(LEASE_OVER).await.unwrap();
    world.complete_next().await;
    let [succeeded, _, unprocessed] = world.results().await.ids();
    assert_eq!((succeeded.len(), unprocessed.len(), world.stand_in.jobs().len()), (60, 60, 1));
}

#[tokio::test]
async fn refusal_that_was_not_the_truth_loses_no_job() {
    let mut world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.stand_in.script_with(|_, _| Ending { until_stopped: true, ..Ending::default() });
    let event = world.put("in/a.jsonl", drop_of(120)).await;
    world.submit(event).await.unwrap();
    world.jobs_in_progress().await;
    // The entry says that Bedrock refused the job, which runs nevertheless.
    let key = world.output_keys_below("ledger/jobs/").await.remove(0);
    let mut entry: Value = world.read_json(&key).await;
    entry["state"] = serde_json::json!({ "name": "Waiting" });
    entry["refusal"] = serde_json::json!({ "is_for_now": true, "message": "too many" });
    let put = world.own.put_object().bucket(&world.config.output_bucket).key(&key);
    put.body(entry.to_string().into_bytes().into()).send().await.unwrap();
    let request = cancellation(&mut world).await;
    world.complete(request).await.unwrap();
    assert_eq!(stops(&world).await, 1);
    world.complete_next().await;
    let [succeeded, _, unprocessed] = world.results().await.ids();
    assert_eq!((succeeded.len(), unprocessed.len()), (60, 60));
}

#[tokio::test]
async fn lost_request_is_found_by_the_sweep_before_any_job_is_asked_for() {
    let mut world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let event = world.put("in/a.jsonl", drop_of(120)).await;
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceQuotaExceeded);
    world.submit(event).await.unwrap();
    let _lost = cancellation(&mut world).await;
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_eq!(statuses(&world).await, [EndStatus::Cancelled]);
    assert_eq!((world.creates(), world.output_keys_below("requests/").await), (1, vec![]));
}

#[tokio::test]
async fn drop_that_is_over_or_unknown_stays_as_it_is() {
    let mut world = World::new().await;
    let before = world.run("in/a.jsonl", drop_of(120)).await;
    let request = cancellation(&mut world).await;
    world.complete(request).await.unwrap();
    assert_eq!(world.results().await, before);
    let unknown = DropId::parse(&"0".repeat(32)).unwrap();
    let request = world.ask(&keys::request(&Request::Cancel(unknown))).await;
    world.complete(request).await.unwrap();
    assert_eq!((world.markers().await, world.output_keys_below("requests/").await), (vec![], vec![]));
}

#[tokio::test]
async fn object_that_asks_for_nothing_known_is_left_alone() {
    let mut world = World::new().await;
    world.run("in/a.jsonl", drop_of(120)).await;
    let odd = ["requests/cancel/", "requests/x/1", "requests/a\u{1b}[2Jb"];
    for key in odd {
        let request = world.ask(key).await;
        world.complete(request).await.unwrap();
    }
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_eq!(world.output_keys_below("requests/").await.len(), odd.len());
    // An object that is not below requests/ asks for nothing either.
    let request = world.ask("elsewhere").await;
    world.complete(request).await.unwrap();
}

#[tokio::test]
async fn failure_to_stop_one_job_does_not_keep_the_others_running() {
    let mut world = World::with(&[("MAX_RECORDS_PER_JOB", "100")]).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    world
        .stand_in
        .script_with(|_, _| Ending { until_stopped: true, ..Ending::new(TerminalStatus::Completed) });
    let event = world.put("in/a.jsonl", drop_of(200)).await;
    world.submit(event).await.unwrap();
    world.jobs_in_progress().await;
    let denied = Fault::AccessDenied("not authorized to stop".into());
    world.stand_in.fail_next(Operation::StopModelInvocationJob, denied);
    let request = cancellation(&mut world).await;
    let error = world.complete(request).await.unwrap_err();
    assert!(format!("{error}").contains("StopModelInvocationJob"), "{error}");
    assert_eq!(stops(&world).await, 2, "both were asked for");
    world.complete_next().await;
    // The request is still there, and so is the marker: the sweep tries again.
    world.sweep_after(LEASE_OVER).await.unwrap();
    world.complete_next().await;
    let [succeeded, _, unprocessed] = world.results().await.ids();
    assert_eq!((succeeded.len(), unprocessed.len()), (100, 100));
    let calls = world.faults.calls();
    assert!(calls.iter().any(|call| call.service == Service::Bedrock));
}
