//! Every name is met with something: a verdict on the content, a rejection, or a line in the log.

use std::collections::BTreeSet;
use std::time::Duration;

use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::drop::keys;
use bedrock_vpc_batch::ledger::status::Stage;
use serde_json::{Value, json};

use crate::support::captured::Captured;
use crate::support::{Results, World, drop_of, ids};

const LATER: Duration = Duration::from_secs(20 * 60);

/// One of each kind of name that is ignored.
const IGNORED: [&str; 8] = [
    "in/folder/",
    "in/folder_$folder$",
    "in/.a.jsonl",
    "in/_SUCCESS",
    "in/_temporary/0/part-00000.json",
    "in/_committed_730621741786234693",
    "in/photo.PNG",
    "in/a.jsonl.part",
];

/// Names that are refused, and what the rejection says.
const REFUSED: [(&str, &str); 4] = [
    ("in/a.jsonl.GZ", "the name ends in .gz, which says that the file is compressed, not JSON Lines"),
    ("in/a b+c%.csv", "the name ends in .csv, which says that the file is a table, not JSON Lines"),
    ("in/a.jsonl.bak", "the name does not end in .jsonl, .ndjson, .jsonlines, or .json"),
    ("a", "the name does not end in .jsonl, .ndjson, .jsonlines, or .json"),
];

/// The results of the drop with this key.
async fn results_of(world: &World, key: &str) -> Results {
    let mut results = world.results().await;
    results.files.retain(|file, _| file.starts_with(&format!("results/{key}/")));
    results
}

/// The log lines of this level.
fn lines(captured: &Captured, level: &str) -> Vec<Value> {
    let text = captured.text();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["level"] == level).collect()
}

#[tokio::test]
async fn ignored_name_leaves_a_log_line_and_a_metric_and_nothing_else() {
    let mut world = World::new().await;
    for key in IGNORED {
        let event = world.put(key, drop_of(100)).await;
        world.faults.reset();
        let (captured, guard) = Captured::start();
        world.submit(event).await.unwrap();
        drop(guard);

        let [line] = lines(&captured, "INFO").try_into().unwrap_or_else(|lines| panic!("{key}: {lines:?}"));
        assert_eq!(line["message"], "object ignored: it is not a drop");
        assert_eq!(line["input.uri"], format!("s3://{}/{key}", world.config.input_bucket));
        assert!(line["reason"].as_str().unwrap().starts_with("it "), "{line}");
        assert_eq!(line["ObjectsIgnored"], 1);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
        assert_eq!(*metrics, json!([{"Name": "ObjectsIgnored", "Unit": "Count"}]));
        assert!(world.faults.calls().is_empty(), "{key}: {:?}", world.faults.calls());
    }
    assert_eq!(world.output_keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn refused_name_gets_a_rejection_and_is_not_read() {
    let mut world = World::new().await;
    for (key, what) in REFUSED {
        let event = world.put(key, drop_of(100)).await;
        world.faults.reset();
        world.submit(event.clone()).await.unwrap();
        let calls = world.faults.calls();
        let on_the_file = calls.iter().filter(|call| call.subject == key).map(|call| call.operation);
        assert_eq!(on_the_file.collect::<Vec<_>>(), ["HeadObject"], "{key}");

        let results = results_of(&world, key).await;
        let rejection = results.rejection();
        assert_eq!((rejection.problems.len(), rejection.stopped_early), (1, false));
        assert_eq!(rejection.problems[0].what, what, "{key}");
        assert!(rejection.problems[0].fix.contains("give it a name that ends in .jsonl"), "{key}");
        assert_eq!(rejection.source.key, key);
        assert_eq!(results.status().state, Stage::Rejected, "{key}");

        // The same event again changes nothing.
        world.submit(event).await.unwrap();
        assert_eq!(results_of(&world, key).await, results);
    }
    assert_eq!((world.stand_in.jobs().len(), world.markers().await.len()), (0, 0));
}

#[tokio::test]
async fn names_are_judged_alike_if_their_events_are_lost() {
    let mut world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    for key in IGNORED.into_iter().chain(REFUSED.map(|(key, _)| key)).chain(["in/A.NDJSON"]) {
        world.put(key, drop_of(100)).await;
    }
    let (captured, guard) = Captured::start();
    world.sweep_after(LATER).await.unwrap();
    drop(guard);

    for (key, what) in REFUSED {
        let results = results_of(&world, key).await;
        assert_eq!(results.rejection().problems[0].what, what, "{key}");
        assert_eq!(results.status().state, Stage::Rejected, "{key}");
    }
    assert_eq!(world.stand_in.jobs().len(), 1);
    let lines = lines(&captured, "INFO");
    let compared =
        lines.iter().find(|line| line["message"] == "input bucket compared with the ledger").unwrap();
    assert_eq!((&compared["ignored"], &compared["DropsRecovered"]), (&json!(8), &json!(5)));
    assert!(lines.iter().all(|line| line.get("ObjectsIgnored").is_none()), "their events count them");
    let drops = world.output_keys().await.into_iter().filter(|key| key.ends_with("/drop.json")).count();
    assert_eq!(drops, REFUSED.len() + 1);
}

/// An older release was silent about other names. What it left in the bucket, in one upload or in many parts, must not be
/// rejected in a flood after the update.
#[tokio::test]
async fn what_an_older_release_was_silent_about_stays_as_it_is() {
    let mut world = World::with(&[("EVENT_GRACE_SECONDS", "0")]).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.put("in/old.jsonl", drop_of(100)).await;
    for key in ["in/old.csv", "in/old.JSONL", "in/old"] {
        world.put(key, drop_of(100)).await;
    }
    // As an older release writes the entry.
    let mut entry: Value = world.read_json(keys::SWEEP_ENTRY).await;
    entry.as_object_mut().unwrap().remove("every_name_since").unwrap();
    let store = Store::new(world.clients.s3.clone(), &world.config.output_bucket);
    store.put_json(keys::SWEEP_ENTRY, &entry).await.unwrap();

    world.sweep_after(Duration::from_secs(3)).await.unwrap();
    let first: Value = world.read_json(keys::SWEEP_ENTRY).await;
    for round in 1..4 {
        world.sweep_after(LATER * round).await.unwrap();
    }
    assert_eq!(world.stand_in.jobs().len(), 1, "its own drops are found as before");
    let files = world.results().await.files;
    assert!(files.keys().all(|file| file.starts_with("results/in/old.jsonl/")), "{:?}", files.keys());
    let last: Value = world.read_json(keys::SWEEP_ENTRY).await;
    assert_ne!(first["every_name_since"], Value::Null);
    assert_eq!(first["every_name_since"], last["every_name_since"], "it is written once");
}

#[tokio::test]
async fn setting_changes_which_names_are_judged() {
    let mut world = World::with(&[("INPUT_SUFFIXES", ".jsonl,.TXT"), ("INPUT_PREFIX", ".in/")]).await;
    let results = world.run(".in/a.txt", drop_of(100)).await;
    assert_eq!(results.ids(), [ids(100), BTreeSet::new(), BTreeSet::new()]);
    let event = world.put(".in/a.json", drop_of(100)).await;
    world.submit(event).await.unwrap();
    let rejection = results_of(&world, ".in/a.json").await.rejection();
    assert_eq!(rejection.problems[0].what, "the name does not end in .jsonl or .txt");
    let event = world.put(".in/.a.txt", drop_of(100)).await;
    world.submit(event).await.unwrap();
    assert_eq!(world.stand_in.jobs().len(), 1);
}
