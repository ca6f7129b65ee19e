//! What the functions return when drops have ended: once for each drop, also after a crash, and in words.

use std::path::Path;
use std::time::Duration;

use bedrock_vpc_batch::ledger::lease::Invocation;
use bedrock_vpc_batch::local::bedrock::{Ending, Processed, RecordFailure, TerminalStatus};
use bedrock_vpc_batch::local::faults::Action;
use bedrock_vpc_batch::report::notice::Notice;
use regex::Regex;
use serde_json::{Value, json};

use crate::support::{
    LEASE_OVER, World, assert_is_plain, drop_of, invocation, invocation_after, schedule_event,
};

/// The message as people get it: EventBridge leaves the quotation marks of the template around each line.
fn message(notice: &Notice) -> String {
    let lines = serde_json::to_value(&notice.lines).unwrap();
    let line = |name| format!("\"{}\"", lines[name].as_str().unwrap());
    let text = ["what", "todo", "cost", "folder", "dropped"].map(line).join("\n");
    assert_is_plain(&text);
    let ids = Regex::new("[0-9a-f]{32}").unwrap();
    let times = Regex::new(r"[0-9-]{10}T[0-9:]{8}Z").unwrap();
    times.replace_all(&ids.replace_all(&text, "<drop id>"), "<time>").into_owned()
}

/// Fails unless the documentation shows this message.
fn assert_is_documented(notice: &Notice) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let message = message(notice);
    assert!(docs.contains(&format!("\n{message}\n")), "docs/operations.md does not show:\n{message}");
}

/// Another invocation of the same request, as Lambda makes it after a failure.
fn again(by: &Invocation) -> Invocation {
    Invocation { request_id: by.request_id.clone(), ..invocation_after(LEASE_OVER) }
}

/// An ending in which the model refuses some records, and some are never processed.
fn partly() -> Ending {
    let failing = (0..4).map(|position| RecordFailure { position, code: 400, message: "bad body".into() });
    Ending {
        processed: Processed::First(98),
        failing: failing.collect(),
        ..Ending::new(TerminalStatus::Stopped)
    }
}

async fn put(world: &mut World, key: &str, records: usize) -> Value {
    let mut event = world.put(key, drop_of(records)).await;
    event["Records"][0]["userIdentity"]["principalId"] = json!("AWS:AROAEXAMPLEUPLOADERS:ana");
    event
}

#[tokio::test]
async fn each_outcome_is_told_once_in_words() {
    let mut world = World::new().await;
    world.stand_in.script(Ending::new(TerminalStatus::Completed));
    world.stand_in.script(partly());
    for key in ["tickets/monday.jsonl", "tickets/tuesday.jsonl"] {
        let event = put(&mut world, key, 100).await;
        assert_eq!(world.submit.handle(event.clone(), &invocation()).await.unwrap(), None);
        assert_eq!(world.submit.handle(event, &invocation()).await.unwrap(), None);
        let ended = world.ended().await;
        let notice = world.complete.handle(ended.clone(), &invocation()).await.unwrap().unwrap();
        assert_is_documented(&notice);
        assert_eq!(
            (notice.drops.len(), notice.drops[0].state, notice.drops[0].key.as_str()),
            (1, "Finished", key)
        );
        // An event that comes again has another request.
        assert_eq!(world.complete.handle(ended, &invocation()).await.unwrap(), None);
    }
    let event = put(&mut world, "tickets/wednesday.jsonl", 99).await;
    let notice = world.submit.handle(event.clone(), &invocation()).await.unwrap().unwrap();
    assert_is_documented(&notice);
    assert_eq!((notice.drops[0].state, notice.drops[0].records), ("Rejected", None));
    assert_eq!(world.submit.handle(event, &invocation()).await.unwrap(), None);
    assert_eq!(world.complete.handle(schedule_event(), &invocation()).await.unwrap(), None);
}

#[tokio::test]
async fn sweep_tells_of_all_drops_that_it_ends_in_one_notice() {
    let mut world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    // One whose event was lost, and two whose job ends without an event.
    world.put("tickets/lost.jsonl", drop_of(99)).await;
    for key in ["tickets/monday.jsonl", "tickets/tuesday.jsonl"] {
        let event = put(&mut world, key, 100).await;
        world.submit(event).await.unwrap();
    }
    world.all_jobs_over().await;
    let notice =
        world.complete.handle(schedule_event(), &invocation_after(LEASE_OVER)).await.unwrap().unwrap();
    assert_is_documented(&notice);
    assert_eq!((notice.drops.len(), notice.other_drops), (3, 0));
    let unknown = notice.drops.iter().filter(|drop| drop.dropped_by.is_none());
    assert_eq!(unknown.map(|drop| drop.key.as_str()).collect::<Vec<_>>(), ["tickets/lost.jsonl"]);
    let again = world.complete.handle(schedule_event(), &invocation_after(2 * LEASE_OVER)).await.unwrap();
    assert_eq!(again, None);
}

#[tokio::test]
async fn failure_at_one_drop_does_not_keep_the_sweep_from_telling_of_another() {
    let mut world = World::new().await;
    for key in ["in/a.jsonl", "in/b.jsonl"] {
        let event = put(&mut world, key, 100).await;
        world.submit(event).await.unwrap();
    }
    world.all_jobs_over().await;
    let refuse = Action::Refuse { status: 403, code: "AccessDenied" };
    world.faults.set(move |call| {
        let is_it = call.operation == "PutObject" && call.subject.contains("in/b.jsonl");
        if is_it { refuse.clone() } else { Action::Pass }
    });
    let notice =
        world.complete.handle(schedule_event(), &invocation_after(LEASE_OVER)).await.unwrap().unwrap();
    assert_eq!(notice.drops.iter().map(|drop| drop.key.as_str()).collect::<Vec<_>>(), ["in/a.jsonl"]);
    // The next sweep has nothing to tell, so it fails as before.
    world.complete.handle(schedule_event(), &invocation_after(2 * LEASE_OVER)).await.unwrap_err();
}

#[tokio::test]
async fn request_that_comes_again_after_a_crash_tells() {
    let mut world = World::new().await;
    let event = put(&mut world, "in/a.jsonl", 100).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    world.faults.set(|call| {
        let records_the_end = call.operation == "PutObject" && call.subject.ends_with("/drop.json");
        if records_the_end { Action::StopAfter } else { Action::Pass }
    });
    let first = invocation();
    world.faults.until_stopped(world.complete.handle(ended.clone(), &first)).await.unwrap_err();
    world.faults.clear();
    let told = world.complete.handle(ended.clone(), &again(&first)).await.unwrap();
    assert_eq!(told.map(|notice| notice.drops[0].state), Some("Finished"));
    assert_eq!(world.complete.handle(ended, &invocation_after(LEASE_OVER)).await.unwrap(), None);
}

#[tokio::test]
async fn hostile_names_stay_on_their_line() {
    let mut world = World::new().await;
    let mut event = world.put("in/\"quoted\"\\\n<b>\u{202e}.jsonl", drop_of(99)).await;
    event["Records"][0]["userIdentity"]["principalId"] = json!("AWS:A:\"\r\n\u{1b}[2J".repeat(1_000));
    let notice = world.submit.handle(event, &invocation()).await.unwrap().unwrap();
    let lines = serde_json::to_value(&notice.lines).unwrap();
    for line in lines.as_object().unwrap().values().map(|line| line.as_str().unwrap()) {
        assert_is_plain(line);
        assert!(!line.contains(['"', '\\', '\n']) && line.len() < 5_000, "{line}");
    }
    assert!(serde_json::to_vec(&notice).unwrap().len() < 20_000);
}
