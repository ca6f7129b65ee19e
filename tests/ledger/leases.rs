//! A function that fails releases its leases, so that Lambda's next delivery can continue at once.

use std::collections::BTreeSet;

use bedrock_vpc_batch::aws::error::ErrorKind;
use bedrock_vpc_batch::ledger::lease::Invocation;
use bedrock_vpc_batch::local::faults::{Action, Call, Condition};

use crate::support::{World, drop_of, ids, invocation};

type IsMeant = fn(&Call) -> bool;

/// Refuses the calls for which `is_meant` holds until the function gives up.
fn refuse(world: &World, is_meant: IsMeant) {
    world.faults.set(move |call| match is_meant(call) {
        true => Action::Refuse { status: 503, code: "SlowDown" },
        false => Action::Pass,
    });
}

/// The steps of `submit` that hold a lease, each with a call that fails in it.
const STEPS: [(&str, IsMeant); 7] = [
    ("reading the drop", |call| call.operation == "GetObject" && call.subject == "in/a.jsonl"),
    ("recording the verdict", is_change_of_a_drop),
    ("emptying the marker", |call| call.operation == "PutObject" && call.subject.ends_with(".job")),
    ("asking Bedrock", |call| call.operation == "CreateModelInvocationJob"),
    ("looking at Bedrock", |call| call.operation == "ListModelInvocationJobs"),
    ("recording the answer", is_if_match_of_a_job),
    ("taking the lease", is_if_match_of_a_job),
];

fn is_if_match_of_a_job(call: &Call) -> bool {
    call.operation == "PutObject" && call.condition.is_some() && call.subject.starts_with("ledger/jobs/")
}

/// Any write of the entry except its creation.
fn is_change_of_a_drop(call: &Call) -> bool {
    call.operation == "PutObject"
        && call.condition == Some(Condition::IfMatch)
        && call.subject.starts_with("ledger/drops/")
}

#[tokio::test]
async fn next_delivery_continues_after_any_failed_step() {
    for (step, is_meant) in STEPS {
        let mut world = World::new().await;
        let event = world.put("in/a.jsonl", drop_of(150)).await;
        let first = invocation();
        refuse(&world, is_meant);
        if let Err(error) = world.submit.handle(event.clone(), &first).await {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{step}: {error}");
        }
        world.faults.clear();
        // Lambda delivers the event again, with the same request id.
        let again = Invocation { request_id: first.request_id, ..invocation() };
        world.submit.handle(event, &again).await.unwrap();
        assert_eq!(world.stand_in.jobs().len(), 1, "{step}: the lease was kept");
        world.complete_next().await;
        assert_eq!(world.results().await.ids(), [ids(150), BTreeSet::new(), BTreeSet::new()], "{step}");
        assert_eq!((world.stand_in.jobs().len(), world.markers().await.len()), (1, 0), "{step}");
    }
}

#[tokio::test]
async fn any_event_of_the_drop_continues_once_its_lease_is_released() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    // All attempts of one call fail. After that, S3 works again.
    let seen = world.faults.clone();
    world.faults.set(move |call| {
        let is_verdict = |call: &Call| {
            call.operation == "PutObject" && call.subject.ends_with("/drop.json") && call.condition.is_some()
        };
        let before = seen.calls().iter().filter(|call| is_verdict(call)).count();
        // The first write is the claim.
        let is_meant = is_verdict(call) && (2..=4).contains(&before);
        if is_meant { Action::Refuse { status: 503, code: "SlowDown" } } else { Action::Pass }
    });
    world.submit(event.clone()).await.unwrap_err();
    world.submit(event).await.unwrap();
    assert_eq!(world.stand_in.jobs().len(), 1, "the lease was kept");
}

#[tokio::test]
async fn lease_of_a_running_invocation_is_respected() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.faults.set(|call| match call.subject.as_str() {
        "in/a.jsonl" if call.operation == "GetObject" => Action::StopBefore,
        _ => Action::Pass,
    });
    let first = invocation();
    let killed = world.submit.handle(event.clone(), &first);
    world.faults.until_stopped(killed).await.unwrap_err();
    world.faults.clear();
    world.submit(event.clone()).await.unwrap();
    assert_eq!(world.stand_in.jobs().len(), 0, "another request waits for the end of the lease");
    // Lambda has ended the function that held the lease, and delivers its event again.
    let again = Invocation { request_id: first.request_id, ..invocation() };
    world.submit.handle(event, &again).await.unwrap();
    assert_eq!(world.stand_in.jobs().len(), 1);
}

#[tokio::test]
async fn write_whose_answers_are_all_lost_is_recognized_by_its_effect() {
    // The writes that take a lease: the claim of the drop, and the start of submitting its job.
    let writes: [IsMeant; 2] = [
        |call| call.condition == Some(Condition::IfNoneMatch) && call.subject.starts_with("ledger/drops/"),
        is_if_match_of_a_job,
    ];
    for is_meant in writes {
        let mut world = World::new().await;
        let event = world.put("in/a.jsonl", drop_of(150)).await;
        let seen = world.faults.clone();
        world.faults.set(move |call| {
            // Loses the answers to all attempts of the first such call.
            let before = seen.calls().iter().filter(|call| is_meant(call)).count();
            if is_meant(call) && before <= 3 { Action::LoseAnswer } else { Action::Pass }
        });
        if world.submit(event.clone()).await.is_err() {
            world.submit(event).await.unwrap();
        }
        assert_eq!(world.stand_in.jobs().len(), 1, "the lease was kept");
    }
}
