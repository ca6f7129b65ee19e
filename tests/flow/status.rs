//! `status.json`: that it says where a drop stands, at every event, and that nothing depends on it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bedrock_vpc_batch::aws::error::ErrorKind;
use bedrock_vpc_batch::drop::identity::{DropId, JobId};
use bedrock_vpc_batch::drop::source::DropSource;
use bedrock_vpc_batch::ledger::job_state::DOUBT;
use bedrock_vpc_batch::ledger::status::Stage;
use bedrock_vpc_batch::local::bedrock::{Ending, Fault, Lie, LieKind, Operation, Processed, TerminalStatus};
use bedrock_vpc_batch::local::faults::{Action, Call};
use serde_json::{Value, json};

use crate::support::{LEASE_OVER, World, drop_of, ids, invocation_after};

async fn status(world: &World) -> Value {
    let key = world.output_keys().await.into_iter().find(|key| key.ends_with("/status.json")).unwrap();
    world.read_json(&key).await
}

/// The members of a status that change from event to event.
fn shown(status: &Value) -> Value {
    json!([status["state"], status["attempt"], status["records"], status["jobs"]])
}

fn jobs(waiting: u64, running: u64, ending: u64) -> Value {
    json!({ "waiting": waiting, "running": running, "ending": ending })
}

fn records(total: usize, done: usize) -> Value {
    json!({ "total": total, "done": done })
}

/// An ending after which some records are left for the next attempt.
fn partly(records: usize) -> Ending {
    Ending { processed: Processed::First(records), ..Ending::new(TerminalStatus::PartiallyCompleted) }
}

/// Lets `submit` die before it reads the drop that it has claimed.
async fn submit_until_it_reads(world: &World, event: Value) {
    world.faults.set(|call| match call.operation {
        "GetObject" if call.subject.starts_with("in/") => Action::StopBefore,
        _ => Action::Pass,
    });
    let faults = world.faults.clone();
    assert!(faults.until_stopped(world.submit(event)).await.is_err());
    world.faults.clear();
}

#[tokio::test]
async fn drop_is_in_the_index_and_has_a_status_before_it_is_read() {
    let mut world = World::new().await;
    let event = world.put("in/a b.jsonl", drop_of(150)).await;
    submit_until_it_reads(&world, event).await;
    let status = status(&world).await;
    assert_eq!(shown(&status), json!(["Reading", null, null, null]));

    let source: DropSource = serde_json::from_value(status["source"].clone()).unwrap();
    let (drop_id, time) = (DropId::derive(&source), source.last_modified.to_string());
    let index: Vec<String> =
        world.output_keys().await.into_iter().filter(|key| key.starts_with("index/")).collect();
    let day = time.split('T').next().unwrap();
    let compact = time.replace(['-', ':'], "");
    assert_eq!(index, [format!("index/{day}/{compact}-{drop_id}/in/a b.jsonl")]);
    let entry: Value = world.read_json(&index[0]).await;
    assert_eq!(entry["status"], format!("results/in/a b.jsonl/{drop_id}/status.json"));
    assert_eq!((&entry["source"], &entry["drop_id"]), (&status["source"], &status["drop_id"]));
}

#[tokio::test]
async fn status_follows_the_only_job_of_a_drop() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceQuotaExceeded);
    world.submit(event).await.unwrap();
    let waiting = status(&world).await;
    assert_eq!(shown(&waiting), json!(["Waiting", 1, records(150, 0), jobs(1, 0, 0)]));
    assert_eq!(waiting["refusal"]["is_for_now"], true);
    assert!(waiting["refusal"]["message"].as_str().unwrap().contains("ServiceQuotaExceededException"));
    assert!(waiting["next"].as_str().unwrap().starts_with("Nothing needs to be done"), "{waiting}");

    let denied = Fault::AccessDenied("not authorized to perform: iam:PassRole".into());
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, denied);
    world.sweep_after(Duration::ZERO).await.unwrap();
    let refused = status(&world).await;
    assert_eq!(shown(&refused), shown(&waiting));
    assert_eq!(refused["refusal"]["is_for_now"], false);
    assert!(refused["refusal"]["message"].as_str().unwrap().contains("iam:PassRole"), "{refused}");
    assert!(refused["next"].as_str().unwrap().contains("operator"), "{refused}");

    world.stand_in.script(partly(100));
    world.sweep_after(Duration::ZERO).await.unwrap();
    let running = status(&world).await;
    assert_eq!(shown(&running), json!(["Running", 1, records(150, 0), jobs(0, 1, 0)]));
    assert_eq!(running["refusal"], Value::Null);
    assert!(running["next"].as_str().unwrap().contains("24 hours"), "{running}");

    // Of 150 records, 50 are left for the next attempt, which is too small. So the rest is not processed.
    world.complete_next().await;
    let results = world.results().await;
    results.assert_statuses_are_final();
    let finished = status(&world).await;
    assert_eq!(shown(&finished), json!(["Finished", null, records(150, 100), null]));
    assert_eq!(finished["message"], "150 records: 100 succeeded, 50 were not processed.");
    assert!(finished["next"].as_str().unwrap().contains("unprocessed/"), "{finished}");
}

#[tokio::test]
async fn next_attempt_shows_how_many_records_are_done() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(300)).await;
    world.stand_in.script(partly(100));
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceQuotaExceeded);
    world.complete(ended.clone()).await.unwrap();
    assert_eq!(shown(&status(&world).await), json!(["Waiting", 2, records(300, 100), jobs(1, 0, 0)]));
    world.complete(ended).await.unwrap();
    assert_eq!(shown(&status(&world).await), json!(["Running", 2, records(300, 100), jobs(0, 1, 0)]));
    world.complete_next().await;
    assert_eq!(shown(&status(&world).await), json!(["Finished", null, records(300, 300), null]));
}

#[tokio::test]
async fn contradicting_evidence_is_shown() {
    let mut world = World::new().await;
    let lie = Some(Lie { kind: LieKind::Hidden, records: 50, truth_after: None });
    world.stand_in.script(Ending { lie, ..Ending::new(TerminalStatus::Completed) });
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.submit(event).await.unwrap();
    world.complete_next().await;
    let checking = status(&world).await;
    assert_eq!(shown(&checking), json!(["Checking", 1, records(150, 0), jobs(0, 0, 1)]));
    assert!(checking["next"].as_str().unwrap().contains("6 hours"), "{checking}");
    world.sweep_after(2 * DOUBT).await.unwrap();
    let finished = status(&world).await;
    assert_eq!(finished["state"], "Finished");
    assert!(finished["next"].as_str().unwrap().contains("do not agree"), "{finished}");
}

#[tokio::test]
async fn refused_file_has_a_status_that_says_why() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(99)).await;
    world.submit(event).await.unwrap();
    let results = world.results().await;
    results.assert_statuses_are_final();
    let (status, problem) = (results.status(), results.rejection().problems.remove(0));
    assert!(status.message.contains(&problem.what) && status.message.contains(&problem.fix), "{status:?}");
    assert_eq!((status.state, status.records), (Stage::Rejected, None));
}

/// A drop of three parts, two of which are at Bedrock.
async fn three_parts() -> World {
    let settings = [("MAX_RECORDS_PER_JOB", "100")];
    let mut world = World::build(&settings, |options| options.quotas.max_jobs_in_flight = 2).await;
    // The first sweep only records when it ran.
    world.sweep_after(Duration::ZERO).await.unwrap();
    let event = world.put("in/a.jsonl", drop_of(300)).await;
    world.submit(event).await.unwrap();
    world
}

/// How often the status was written since the last reset.
fn writes(world: &World) -> usize {
    let calls = world.faults.calls();
    calls
        .iter()
        .filter(|call| call.operation == "PutObject" && call.subject.ends_with("/status.json"))
        .count()
}

#[tokio::test]
async fn sweep_sums_up_a_drop_with_several_parts_if_something_has_changed() {
    let mut world = three_parts().await;
    let submitted = status(&world).await;
    assert_eq!(shown(&submitted), json!(["Running", null, records(300, 0), jobs(1, 2, 0)]));
    assert_eq!(submitted["refusal"]["is_for_now"], true);

    // The end of a job only costs what the job takes.
    let ended = world.ended().await;
    let drop_id = DropId::parse(submitted["drop_id"].as_str().unwrap()).unwrap();
    let job_ids: Vec<String> = (1..=3).map(|part| JobId::derive(&drop_id, part, 1).to_string()).collect();
    let first_id = job_ids.iter().find(|id| ended.to_string().contains(id.as_str())).unwrap();
    let first_entry = format!("ledger/jobs/{first_id}.json");
    world.faults.reset();
    world.complete(ended).await.unwrap();
    assert_eq!((writes(&world), status(&world).await), (0, submitted));

    world.stand_in.set_max_jobs_in_flight(0);
    for _ in 0..2 {
        world.faults.reset();
        world.faults.set(|call| match call.operation {
            // The other two jobs go on.
            "GetModelInvocationJob" => Action::Refuse { status: 500, code: "InternalServerException" },
            _ => Action::Pass,
        });
        let _ = world.sweep_after(Duration::ZERO).await;
        let told = status(&world).await;
        assert_eq!(shown(&told), json!(["Running", null, records(300, 100), jobs(0, 2, 0)]));
        // What the first job took, as its manifest says.
        let job: Value = world.read_json(&first_entry).await;
        assert!(job["state"]["outcome"]["input_tokens"].as_u64().unwrap() > 0, "{job}");
        assert_eq!(told["tokens"]["input"], job["state"]["outcome"]["input_tokens"]);
        assert_eq!(told["tokens"]["output"], job["state"]["outcome"]["output_tokens"]);
    }
    assert_eq!(writes(&world), 0, "nothing has changed");
    let entries = |call: &Call| call.operation == "GetObject" && call.subject == first_entry;
    assert!(!world.faults.calls().iter().any(entries), "what has not changed is not read again");
}

#[tokio::test]
async fn jobs_that_the_sweep_takes_to_wait_by_their_hints_are_summed_up_from_the_plan() {
    let settings = [("MIN_RECORDS_PER_JOB", "1"), ("MAX_RECORDS_PER_JOB", "3")];
    let mut world = World::build(&settings, |options| options.quotas.max_jobs_in_flight = 2).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let event = world.put("in/a.jsonl", drop_of(360)).await;
    world.submit(event).await.unwrap();
    assert_eq!(shown(&status(&world).await), json!(["Running", null, records(360, 0), jobs(118, 2, 0)]));

    // The first job ends, and no other takes its slot.
    world.stand_in.set_max_jobs_in_flight(0);
    world.complete_next().await;
    world.faults.reset();
    world.faults.set(|call| match call.operation {
        "GetModelInvocationJob" => Action::Refuse { status: 500, code: "InternalServerException" },
        _ => Action::Pass,
    });
    let _ = world.sweep_after(Duration::ZERO).await;
    assert_eq!(shown(&status(&world).await), json!(["Running", null, records(360, 3), jobs(118, 1, 0)]));
    let is_entry = |subject: &str| subject.starts_with("ledger/jobs/");
    let calls = world.faults.calls();
    let read = calls.iter().filter(|call| call.operation == "GetObject" && is_entry(&call.subject)).count();
    assert!(read < 100, "{read} entries were read");
}

#[tokio::test]
async fn drop_whose_jobs_are_not_all_made_is_not_summed_up() {
    let settings = [("MAX_RECORDS_PER_JOB", "100")];
    let mut world = World::with(&settings).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let event = world.put("in/a.jsonl", drop_of(300)).await;
    // Of the three entries, which are written at the same time, at most the first one is.
    let is_first = AtomicBool::new(true);
    world.faults.set(move |call| match (call.operation, call.subject.starts_with("ledger/jobs/")) {
        ("PutObject", true) if !is_first.swap(false, Ordering::Relaxed) => Action::StopBefore,
        _ => Action::Pass,
    });
    let faults = world.faults.clone();
    assert!(faults.until_stopped(world.submit(event)).await.is_err());
    assert_eq!(shown(&status(&world).await), json!(["Preparing", null, records(300, 0), null]));

    // Now the sweep stops before it makes the other jobs.
    world.faults.set(|call| match call.subject.starts_with("work/") {
        true => Action::Refuse { status: 403, code: "AccessDenied" },
        false => Action::Pass,
    });
    world.sweep_after(Duration::ZERO).await.unwrap_err();
    assert_eq!(shown(&status(&world).await), json!(["Preparing", null, records(300, 0), null]));
    world.faults.clear();
    while !world.markers().await.is_empty() {
        world.sweep_after(LEASE_OVER / 2).await.unwrap();
        world.all_jobs_over().await;
    }
    world.results().await.assert_statuses_are_final();
}

#[tokio::test]
async fn status_that_cannot_be_written_stops_nothing_until_the_end() {
    let mut world = World::new().await;
    let is_status = |subject: &str| subject.ends_with("/status.json") || subject.starts_with("index/");
    world.faults.set(move |call| match is_status(&call.subject) {
        true => Action::Refuse { status: 403, code: "AccessDenied" },
        false => Action::Pass,
    });
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    let error = world.complete(ended.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error:?}");
    assert_eq!((world.markers().await.len(), world.results().await.ids()[0].clone()), (1, ids(150)));

    world.faults.clear();
    world.complete(ended).await.unwrap();
    world.results().await.assert_statuses_are_final();
    assert_eq!(world.markers().await, Vec::<String>::new());
    assert_eq!(world.output_keys().await.iter().filter(|key| key.starts_with("index/")).count(), 1);
}

#[tokio::test]
async fn late_status_yields_to_the_last_one() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    submit_until_it_reads(&world, event.clone()).await;

    // Another invocation is faster, and writes the last status. From then on, no other one is written.
    let mut last = status(&world).await;
    last["state"] = json!("Finished");
    last["message"] = json!("written by another invocation");
    let key = world.output_keys().await.into_iter().find(|key| key.ends_with("/status.json")).unwrap();
    let request = world.own.put_object().bucket(&world.config.output_bucket).key(&key);
    request.body(last.to_string().into_bytes().into()).send().await.unwrap();
    world.submit.handle(event, &invocation_after(LEASE_OVER)).await.unwrap();
    world.complete_next().await;
    assert_eq!(world.results().await.ids()[0], ids(150));
    assert_eq!((status(&world).await, writes(&world)), (last, 1));
}
