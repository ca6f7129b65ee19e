//! A drop that cannot be read in time is refused after three attempts, and does not delay others.

use bedrock_vpc_batch::aws::clock;
use std::time::Duration;

use bedrock_vpc_batch::aws::clock::now;
use bedrock_vpc_batch::aws::error::Error;
use bedrock_vpc_batch::base::timestamp::Timestamp;
use bedrock_vpc_batch::ledger::lease::Invocation;
use bedrock_vpc_batch::local::faults::Action;
use serde_json::Value;

use crate::support::{LEASE_OVER, World, drop_of, invocation, out_of_time, schedule_event};

async fn drop_entry(world: &World) -> Value {
    let key = world.output_keys().await.into_iter().find(|key| key.starts_with("ledger/drops/")).unwrap();
    world.read_json(&key).await
}

#[tokio::test]
async fn drop_that_is_read_too_slowly_is_refused_after_three_attempts() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(1_000)).await;
    for attempt in 1..=2 {
        let error = world.submit.handle(event.clone(), &out_of_time()).await.unwrap_err();
        assert!(matches!(error, Error::OutOfTime(_)), "{error}");
        let state = drop_entry(&world).await["state"].clone();
        assert_eq!((&state["name"], &state["attempts"]), (&"Reading".into(), &attempt.into()));
        assert!(state["too_slow"]["seconds"].as_u64().unwrap() >= 900);
    }
    // An attempt that ends with an error of S3 does not count.
    world.faults.set(|call| match call.subject.as_str() {
        "in/a.jsonl" if call.operation == "GetObject" => Action::Refuse { status: 503, code: "SlowDown" },
        _ => Action::Pass,
    });
    let in_time = Invocation { started: out_of_time().started, ..invocation() };
    world.submit.handle(event.clone(), &in_time).await.unwrap_err();
    world.faults.clear();
    assert_eq!(drop_entry(&world).await["state"]["attempts"], 2);

    world.submit.handle(event, &out_of_time()).await.unwrap();
    let problem = &world.results().await.rejection().problems[0];
    let size = drop_of(1_000).len();
    assert_eq!(problem.code.as_str(), "not-read-in-time");
    assert!(
        problem.what.starts_with("the file could not be read in time, in 3 attempts; the last one read ")
            && problem.what.contains(&format!("of {size} bytes in 9"))
            && problem.what.contains(" s, which is "),
        "{problem:?}"
    );
    assert_eq!((world.stand_in.jobs().len(), world.markers().await.len()), (0, 0));
}

#[tokio::test]
async fn problems_that_were_found_before_the_time_ran_out_are_told() {
    let mut world = World::new().await;
    let bad = b"{\"recordId\":\"bad\"}\n";
    // The line with which the time runs out is not at its end, but that is not the user's mistake.
    let event = world.put("in/a.jsonl", [&bad[..], &drop_of(1_000)].concat()).await;
    world.submit.handle(event, &out_of_time()).await.unwrap();
    let rejection = world.results().await.rejection();
    let found: Vec<_> =
        rejection.problems.iter().map(|problem| (problem.code.as_str(), problem.lines)).collect();
    assert_eq!((found, rejection.stopped_early), (vec![("model-input-missing", 1)], true));

    let event = world.put("in/b.jsonl", b"id,prompt\n1,Hello\n").await;
    world.submit.handle(event, &out_of_time()).await.unwrap();
    let mut results = world.results().await;
    results.files.retain(|key, _| key.contains("b.jsonl"));
    let rejection = results.rejection();
    assert_eq!((rejection.problems[0].code.as_str(), rejection.stopped_early), ("table", false));
}

#[tokio::test]
async fn drop_that_kills_its_function_is_refused_after_three_attempts() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(1_000)).await;
    world.faults.set(|call| match call.subject.as_str() {
        "in/a.jsonl" if call.operation == "GetObject" => Action::StopBefore,
        _ => Action::Pass,
    });
    world.faults.until_stopped(world.submit(event)).await.unwrap_err();
    for round in 1..=2 {
        let faults = world.faults.clone();
        faults.set(|call| match call.subject.as_str() {
            "in/a.jsonl" if call.operation == "GetObject" => Action::StopBefore,
            _ => Action::Pass,
        });
        faults.until_stopped(world.sweep_after(LEASE_OVER * round)).await.unwrap_err();
    }
    world.faults.clear();
    world.sweep_after(LEASE_OVER * 3).await.unwrap();
    let problem = &world.results().await.rejection().problems[0];
    assert_eq!(problem.what, "the function that reads the file ended 3 times without saying why");
    assert_eq!((world.stand_in.jobs().len(), world.markers().await.len()), (0, 0));
}

#[tokio::test]
async fn slow_drop_keeps_neither_jobs_nor_other_drops_waiting() {
    let mut world = World::new().await;
    // In order of age: the slow drop, which was tried before; a job whose end was missed; a drop whose event
    // was lost.
    let slow = world.put("in/a.jsonl", drop_of(1_000)).await;
    world.submit.handle(slow, &out_of_time()).await.unwrap_err();
    let running = world.put("in/b.jsonl", drop_of(150)).await;
    world.submit(running).await.unwrap();
    world.ended().await;
    let fresh = world.put("in/c.jsonl", drop_of(150)).await;
    world.faults.set(|call| match call.operation {
        "PutObject" if call.subject.ends_with("/drop.json") => Action::StopBefore,
        _ => Action::Pass,
    });
    world.faults.until_stopped(world.submit(fresh)).await.unwrap_err();
    world.faults.clear();

    // The sweep gets to the slow drop last, and spends the rest of its time on it.
    let before = world.faults.calls().len();
    world.sweep_after(Duration::ZERO).await.unwrap();
    let read: Vec<String> = world.faults.calls()[before..]
        .iter()
        .filter(|call| call.operation == "GetObject" && !call.subject.starts_with("ledger/"))
        .map(|call| call.subject.clone())
        .collect();
    let place =
        |part: &str| read.iter().position(|key| key.contains(part)).unwrap_or_else(|| panic!("{read:?}"));
    assert!(place("/output/") < place("in/c.jsonl") && place("in/c.jsonl") < place("in/a.jsonl"), "{read:?}");
}

#[tokio::test]
async fn sweep_with_little_time_still_starts_its_first_entry() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(150)).await;
    world.submit(event).await.unwrap();
    world.ended().await;
    // Less time than a sweep usually keeps in reserve.
    let short = Invocation {
        started: Timestamp::from(now()),
        ..clock::invocation_until(now() + Duration::from_secs(8))
    };
    world.complete.handle(schedule_event(), &short).await.unwrap();
    assert!(world.results().await.summary().balanced);
}
