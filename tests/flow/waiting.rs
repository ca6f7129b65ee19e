//! Jobs that wait: which of them get a hint, and that a lost or stale hint does no harm.

use std::collections::BTreeMap;
use std::time::Duration;

use bedrock_vpc_batch::drop::hints;
use bedrock_vpc_batch::drop::identity::JobId;
use bedrock_vpc_batch::drop::keys::{self, Open};
use bedrock_vpc_batch::local::bedrock::{Ending, Fault, Operation, TerminalStatus};
use bedrock_vpc_batch::local::faults::{Action, Service};
use serde_json::{Value, json};

use crate::support::{MODEL_ID, World, drop_of, invocation_after};

/// A pipeline in which this many drops wait, because Bedrock refuses their jobs with this fault.
async fn world_with_waiting(drops: usize, fault: Fault) -> World {
    let mut world = World::new().await;
    // The first sweep only records when it ran.
    world.sweep_after(Duration::ZERO).await.unwrap();
    drops_that_wait(&mut world, drops, &fault).await;
    assert_eq!((world.hints().await.len(), world.stand_in.jobs().len()), (drops, 0));
    world.faults.reset();
    world
}

async fn drops_that_wait(world: &mut World, drops: usize, fault: &Fault) {
    for number in 0..drops {
        let event = world.put(&format!("in/{number}.jsonl"), drop_of(120)).await;
        // The others queue up behind a drop that waits for a slot.
        if number == 0 || *fault != Fault::ServiceQuotaExceeded {
            world.stand_in.fail_next(Operation::CreateModelInvocationJob, fault.clone());
        }
        world.submit(event).await.unwrap();
    }
}

async fn delete(world: &World, key: &str) {
    world.own.delete_object().bucket(&world.config.output_bucket).key(key).send().await.unwrap();
}

async fn put(world: &World, key: &str, body: &Value) {
    let request = world.own.put_object().bucket(&world.config.output_bucket).key(key);
    request.body(body.to_string().into_bytes().into()).send().await.unwrap();
}

fn job_of(hint: &str) -> JobId {
    hints::parse(hint).unwrap().job_id
}

/// How often each operation was called on S3 or Bedrock.
fn count(world: &World, service: Service) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for call in world.faults.calls().iter().filter(|call| call.service == service) {
        *counts.entry(call.operation).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn job_that_bedrock_accepts_at_once_costs_nineteen_calls_to_s3_and_no_hint() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.submit(event).await.unwrap();
    let s3 = [
        ("CopyObject", 1),
        ("DeleteObject", 1),
        ("GetObject", 5),
        ("HeadObject", 1),
        ("ListObjectsV2", 1),
        ("PutObject", 10),
    ];
    assert_eq!(count(&world, Service::S3), s3.into());
    assert_eq!(count(&world, Service::Bedrock), [("CreateModelInvocationJob", 1)].into());
    assert_eq!(world.hints().await, Vec::<String>::new());
}

async fn status(world: &World, key: &str) -> Value {
    let statuses = world.output_keys_below(&format!("results/{key}/")).await;
    world.read_json(statuses.iter().find(|key| key.ends_with("/status.json")).unwrap()).await
}

/// Changes a member of the entry of the first job that waits.
async fn change_first(world: &World, member: &str, value: Value) {
    let first = keys::job_entry(&job_of(&world.hints().await[0]));
    let mut entry: Value = world.read_json(&first).await;
    entry[member] = value;
    put(world, &first, &entry).await;
}

const LATER: Duration = Duration::from_secs(60);

#[tokio::test]
async fn new_drop_queues_up_behind_a_job_that_was_just_refused() {
    let mut world = world_with_waiting(1, Fault::ServiceQuotaExceeded).await;
    let event = world.put("in/y.jsonl", drop_of(120)).await;
    world.submit(event).await.unwrap();
    assert_eq!((world.creates(), world.hints().await.len()), (1, 2), "Bedrock is not asked for the new one");
    let status = status(&world, "in/y.jsonl").await;
    assert_eq!((&status["state"], &status["jobs"]["waiting"]), (&json!("Waiting"), &json!(1)), "{status}");

    // The hint is old, but the job has just been asked for again.
    let updated = invocation_after(LATER).started.to_string();
    change_first(&world, "updated", updated.into()).await;
    let event = world.put("in/z.jsonl", drop_of(120)).await;
    world.submit_after(LATER, event).await.unwrap();
    assert_eq!((world.creates(), world.hints().await.len()), (1, 3));
}

#[tokio::test]
async fn new_drop_gives_the_oldest_job_its_turn_if_that_was_refused_long_ago() {
    let mut world = world_with_waiting(2, Fault::ServiceQuotaExceeded).await;
    let hint = world.hints().await.remove(0);
    // All were put in about the same second.
    delete(&world, &hint).await;
    put(&world, &hint.replace("/2", "/1"), &json!({})).await;
    let event = world.put("in/z.jsonl", drop_of(120)).await;
    world.submit_after(LATER, event).await.unwrap();
    let jobs = world.stand_in.jobs();
    assert_eq!((jobs.len(), world.hints().await), (3, vec![]));
    assert_eq!(jobs[0].client_request_token.as_deref(), Some(job_of(&hint).as_str()));
    // Nothing that was known before the turn replaces what came after it.
    let status = status(&world, "in/z.jsonl").await;
    assert_eq!(status["state"], "Running", "{status}");
}

#[tokio::test]
async fn old_hint_that_is_stale_keeps_no_new_drop_from_asking() {
    let mut world = world_with_waiting(1, Fault::ServiceQuotaExceeded).await;
    change_first(&world, "state", json!({ "name": "SourceDeleted" })).await;
    let event = world.put("in/z.jsonl", drop_of(120)).await;
    world.submit_after(LATER, event).await.unwrap();
    assert_eq!(world.stand_in.jobs().len(), 1);
}

#[tokio::test]
async fn hint_follows_the_job_from_refusal_to_refusal_to_acceptance() {
    let world = world_with_waiting(1, Fault::ServiceQuotaExceeded).await;
    let waiting = world.hints().await.remove(0);
    assert!(waiting.starts_with(&hints::of_model(MODEL_ID)) && !waiting.contains("/refused/"), "{waiting}");
    let body: Value = world.read_json(&waiting).await;
    assert_eq!(body, json!({ "job_id": job_of(&waiting), "model_id": MODEL_ID }));

    let denied = Fault::AccessDenied("not authorized to perform: iam:PassRole".into());
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, denied);
    world.sweep_after(Duration::ZERO).await.unwrap();
    let refused = world.hints().await;
    assert_eq!(refused, [waiting.replace("/2", "/refused/2")]);

    world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceQuotaExceeded);
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!(world.hints().await, [waiting]);

    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!((world.hints().await, world.stand_in.jobs().len()), (vec![], 1));
}

#[tokio::test]
async fn jobs_of_a_drop_that_are_not_asked_for_get_hints() {
    let mut world =
        World::build(&[("MAX_RECORDS_PER_JOB", "100")], |options| options.quotas.max_jobs_in_flight = 0)
            .await;
    let event = world.put("in/a.jsonl", drop_of(2_000)).await;
    world.submit(event.clone()).await.unwrap();
    let hinted = world.hints().await;
    assert_eq!((hinted.len(), world.creates()), (20, 8));

    // The event comes again, and now Bedrock accepts eight jobs. The hints of these eight are gone.
    world.stand_in.set_max_jobs_in_flight(8);
    world.faults.set(|call| match call.operation {
        "CreateModelInvocationJob" if call.number > 80 => {
            Action::Refuse { status: 400, code: "ServiceQuotaExceededException" }
        }
        _ => Action::Pass,
    });
    world.faults.reset();
    world.submit_after(LATER, event).await.unwrap();
    let accepted: Vec<String> =
        world.stand_in.jobs().into_iter().filter_map(|job| job.client_request_token).collect();
    assert!(accepted.len() >= 8, "{accepted:?}");
    let waiting: Vec<String> = world.hints().await.iter().map(|hint| job_of(hint).to_string()).collect();
    assert_eq!(waiting.len() + accepted.len(), 20);
    assert!(accepted.iter().all(|job_id| !waiting.contains(job_id)));
}

#[tokio::test]
async fn next_attempt_has_a_hint_until_bedrock_has_it() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(120)).await;
    world.stand_in.script(Ending::new(TerminalStatus::Expired));
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceQuotaExceeded);
    world.complete(ended.clone()).await.unwrap();
    assert_eq!(world.hints().await.len(), 1);
    world.complete(ended).await.unwrap();
    assert_eq!((world.hints().await.len(), world.stand_in.jobs().len()), (0, 2));
    // Without a refusal, the same invocation writes the hint and deletes it.
    let (hinted, deleted) = ("PutObject", "DeleteObject");
    let calls = world.faults.calls();
    let on_hints = |operation| {
        calls.iter().filter(|call| call.operation == operation && call.subject.contains("/waiting/")).count()
    };
    assert_eq!((on_hints(hinted), on_hints(deleted)), (1, 1));
}

/// The hint of a job that has just been submitted is left to the invocation that submitted it.
#[tokio::test]
async fn completion_deletes_stale_hints_and_asks_for_the_oldest_job_that_waits() {
    for is_just_submitted in [false, true] {
        Box::pin(completion_with_stale_hints(is_just_submitted)).await;
    }
}

async fn completion_with_stale_hints(is_just_submitted: bool) {
    let mut world = World::new().await;
    let event = world.put("in/z.jsonl", drop_of(120)).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    drops_that_wait(&mut world, 3, &Fault::ServiceQuotaExceeded).await;
    let first = world.hints().await.remove(0);
    // The entry of the oldest one says that the job is submitted, and another hint belongs to no job at all.
    let entry = keys::job_entry(&job_of(&first));
    let waiting: Value = world.read_json(&entry).await;
    let submitted = world.stand_in.jobs()[0].client_request_token.clone().unwrap();
    let submitted: Value = world.read_json(&format!("ledger/jobs/{submitted}.json")).await;
    let mut changed = waiting.clone();
    changed["state"] = submitted["state"].clone();
    if !is_just_submitted {
        changed["updated"] = "2026-01-01T00:00:00Z".into();
    }
    put(&world, &entry, &changed).await;
    let unknown = first.replace(&job_of(&first).to_string(), &"f".repeat(32)).replace("/2", "/1");
    put(&world, &unknown, &json!({})).await;

    world.faults.reset();
    world.faults.set(|call| match call.operation {
        "CreateModelInvocationJob" => Action::Refuse { status: 400, code: "ServiceQuotaExceededException" },
        _ => Action::Pass,
    });
    world.complete(ended).await.unwrap();
    let mut hints = world.hints().await;
    assert_eq!((hints[0] == first, hints.contains(&unknown)), (is_just_submitted, false), "{hints:?}");
    hints.retain(|hint| *hint != first);
    assert_eq!(hints.len(), 2);
    let asked: Vec<String> = world
        .faults
        .calls()
        .iter()
        .filter(|call| call.operation == "CreateModelInvocationJob")
        .map(|call| call.subject.clone())
        .collect();
    assert_eq!(asked.len(), 1);
    // After a lost race, it is one of the two oldest.
    let oldest = if is_just_submitted { hints.as_slice() } else { &hints[..1] };
    assert!(oldest.iter().any(|hint| asked[0].contains(job_of(hint).as_str())), "{asked:?}");
}

#[tokio::test]
async fn sweep_asks_without_hints_and_writes_the_missing_ones_again() {
    let world = world_with_waiting(4, Fault::ServiceQuotaExceeded).await;
    let hints = world.hints().await;
    for hint in &hints {
        delete(&world, hint).await;
    }
    // The sweep asks for the first two jobs, but not for the last one.
    let marker = world.markers().await.pop().unwrap();
    let Some(Open::Job(last)) = keys::parse_marker(&marker) else { panic!("{marker}") };
    let last = hints.iter().find(|hint| job_of(hint) == last).unwrap();
    let stale = last.replace(&hints::of_model(MODEL_ID), &hints::of_model("amazon.nova-micro-v1:0"));
    put(&world, &stale, &json!({})).await;
    let unknown = last.replace(&job_of(last).to_string(), &"f".repeat(32));
    put(&world, &unknown, &json!({})).await;
    // Bedrock accepts one job and no other.
    world.stand_in.set_max_jobs_in_flight(1);
    let is_first = std::sync::atomic::AtomicBool::new(true);
    world.faults.set(move |call| match call.operation {
        "CreateModelInvocationJob" if !is_first.swap(false, std::sync::atomic::Ordering::Relaxed) => {
            Action::Refuse { status: 400, code: "ServiceQuotaExceededException" }
        }
        _ => Action::Pass,
    });
    world.sweep_after(Duration::ZERO).await.unwrap();
    let accepted = world.stand_in.jobs();
    let [job] = accepted.as_slice() else { panic!("{accepted:?}") };
    // All were put in about the same second, so any of them may be the oldest.
    let token = job.client_request_token.clone().unwrap();
    let (accepted, waiting): (Vec<String>, Vec<String>) =
        hints.into_iter().partition(|hint| job_of(hint).as_str() == token);
    assert_eq!((accepted.len(), world.hints().await), (1, waiting));
}

#[tokio::test]
async fn page_of_refused_jobs_does_not_hide_a_job_that_waits_for_a_slot() {
    let mut world = world_with_waiting(1, Fault::Validation("the subnet does not exist".into())).await;
    let refused = world.hints().await.remove(0);
    let mut entry: Value = world.read_json(&keys::job_entry(&job_of(&refused))).await;
    for number in 0..60 {
        let id = format!("{number:032x}");
        entry["job_id"] = json!(id);
        put(&world, &format!("ledger/jobs/{id}.json"), &entry).await;
        put(&world, &refused.replace(&job_of(&refused).to_string(), &id), &json!({})).await;
    }
    let (first, second) =
        (world.put("in/y.jsonl", drop_of(120)).await, world.put("in/z.jsonl", drop_of(120)).await);
    world.submit(first).await.unwrap();
    let ended = world.ended().await;
    world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceQuotaExceeded);
    world.submit(second).await.unwrap();
    world.faults.reset();
    world.faults.set(|call| match call.operation {
        "CreateModelInvocationJob" => Action::Refuse { status: 403, code: "AccessDeniedException" },
        _ => Action::Pass,
    });
    let creates = |world: &World| count(world, Service::Bedrock)["CreateModelInvocationJob"];
    world.complete(ended.clone()).await.unwrap();
    // The first refusal is that of the job that waited for a slot. The second one ends the step.
    assert_eq!(creates(&world), 2);
    let last = hints::parse(world.hints().await.last().unwrap()).unwrap();
    assert!(last.is_refused);
    assert!(world.hints().await.iter().all(|hint| hint.contains("/refused/")));

    world.faults.reset();
    world.complete(ended).await.unwrap();
    assert_eq!(creates(&world), 20, "now Bedrock accepts them, but no more are tried than that");
}

#[tokio::test]
async fn model_that_is_full_keeps_no_other_model_waiting() {
    let mut world = World::build(&[], |options| options.quotas.max_jobs_in_flight = 0).await;
    for model in [MODEL_ID, "amazon.nova-micro-v1:0"] {
        world.reconfigure(&[("MODEL_ID", model)]);
        for number in 0..2 {
            let event = world.put(&format!("in/{model}/{number}.jsonl"), drop_of(120)).await;
            world.submit(event).await.unwrap();
        }
    }
    let hints = world.hints().await;
    assert_eq!(hints.iter().filter(|hint| hint.starts_with(&hints::of_model(MODEL_ID))).count(), 2);
    assert_eq!(hints.len(), 4);
    // The sweep asks once for each model.
    world.faults.reset();
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!(count(&world, Service::Bedrock), [("CreateModelInvocationJob", 2)].into());
    world.stand_in.set_max_jobs_in_flight(100);
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!((world.hints().await, world.stand_in.jobs().len()), (vec![], 4));
}

#[tokio::test]
async fn job_that_bedrock_does_not_list_as_running_is_completed_by_the_sweep() {
    for is_listed in [true, false] {
        let mut world = World::new().await;
        world.sweep_after(Duration::ZERO).await.unwrap();
        for number in 0..6 {
            let event = world.put(&format!("in/{number}.jsonl"), drop_of(120)).await;
            world.submit(event).await.unwrap();
        }
        world.all_jobs_over().await;
        world.faults.reset();
        world.faults.set(move |call| match call.operation {
            "ListModelInvocationJobs" if !is_listed => {
                Action::Refuse { status: 403, code: "AccessDeniedException" }
            }
            _ => Action::Pass,
        });
        world.sweep_after(Duration::ZERO).await.unwrap();
        assert_eq!(world.markers().await, Vec::<String>::new());
        let bedrock = count(&world, Service::Bedrock);
        let lists = if is_listed { 5 } else { 1 };
        assert_eq!(bedrock, [("GetModelInvocationJob", 6), ("ListModelInvocationJobs", lists)].into());
    }
}

#[tokio::test]
async fn job_that_is_listed_as_running_for_longer_than_its_timeout_is_asked_about() {
    let mut world = World::build(&[], |options| options.pace = Duration::from_secs(600)).await;
    for number in 0..6 {
        let event = world.put(&format!("in/{number}.jsonl"), drop_of(120)).await;
        world.submit(event).await.unwrap();
    }
    let gets = async |hours: u64| {
        world.faults.reset();
        world.sweep_after(Duration::from_secs(hours * 3_600)).await.unwrap();
        count(&world, Service::Bedrock).get("GetModelInvocationJob").copied().unwrap_or_default()
    };
    assert_eq!((gets(23).await, gets(25).await), (0, 6));
}
