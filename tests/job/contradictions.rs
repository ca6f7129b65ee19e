//! If what Bedrock says about a job cannot all be true, nothing is decided, submitted again, or lost.

use std::collections::BTreeSet;
use std::time::Duration;

use bedrock_vpc_batch::ledger::job_state::DOUBT;
use bedrock_vpc_batch::ledger::status::Stage;
use bedrock_vpc_batch::local::bedrock::{Ending, Lie, LieKind, Processed, RecordFailure, TerminalStatus};
use serde_json::{Value, json};

use crate::support::{World, drop_of, ids};

const COUNT: usize = 300;
const HOUR: Duration = Duration::from_secs(3_600);

/// Drops a file, ends its job with `ending`, and delivers the state change.
async fn run(ending: Ending) -> (World, Value) {
    let mut world = World::new().await;
    world.stand_in.script(ending);
    let event = world.put("in/a.jsonl", drop_of(COUNT)).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    world.complete(ended.clone()).await.unwrap();
    (world, ended)
}

async fn job_entry(world: &World) -> Value {
    let key = world.output_keys().await.into_iter().find(|key| key.starts_with("ledger/jobs/")).unwrap();
    world.read_json(&key).await
}

async fn output(world: &World) -> (String, Vec<u8>) {
    let key = world.output_keys().await.into_iter().find(|key| key.ends_with(".jsonl.out")).unwrap();
    let bytes = world.read_output(&key).await;
    (key, bytes)
}

async fn put(world: &World, key: &str, bytes: Vec<u8>) {
    let request = world.own.put_object().bucket(&world.config.output_bucket).key(key);
    request.body(bytes.into()).send().await.unwrap();
}

fn lies(kind: LieKind) -> Ending {
    Ending {
        lie: Some(Lie { kind, records: 120, truth_after: None }),
        ..Ending::new(TerminalStatus::Completed)
    }
}

fn partly(processed: usize) -> Ending {
    let processed = Processed::First(processed);
    Ending { processed, ..Ending::new(TerminalStatus::PartiallyCompleted) }
}

/// Every sign that more records may have been processed than the output shows.
fn contradictions() -> Vec<(&'static str, Ending)> {
    let lie = |records| Some(Lie { kind: LieKind::Hidden, records, truth_after: None });
    vec![
        ("lines are missing", lies(LieKind::Hidden)),
        ("lines are cut", lies(LieKind::Garbled)),
        ("ids are others", lies(LieKind::Renamed)),
        ("there is no output", Ending { write_output: false, ..Ending::new(TerminalStatus::Completed) }),
        (
            "there is nothing at all",
            Ending { write_output: false, write_manifest: false, ..Ending::new(TerminalStatus::Completed) },
        ),
        ("the manifest is alone", Ending { write_output: false, ..partly(150) }),
        ("the counters are alone", Ending { write_output: false, write_manifest: false, ..partly(150) }),
        ("a part is missing", Ending { lie: lie(30), ..partly(150) }),
        (
            "a job that was stopped hides lines",
            Ending {
                lie: lie(30),
                ..Ending { processed: Processed::First(150), ..Ending::new(TerminalStatus::Stopped) }
            },
        ),
    ]
}

#[tokio::test]
async fn nothing_is_submitted_again_while_evidence_contradicts_itself() {
    for (what, ending) in contradictions() {
        let (world, ended) = run(ending).await;
        let entry = job_entry(&world).await;
        assert_eq!(entry["state"]["name"], "Doubtful", "{what}");
        let results = world.results().await;
        assert_eq!(results.files.len(), 1, "{what}: results before the doubt is over");
        assert_eq!(results.status().state, Stage::Checking, "{what}");

        // The event comes again, and sweeps run: they look again and change nothing.
        world.complete(ended).await.unwrap();
        for hours in 1..6 {
            world.sweep_after(HOUR * hours).await.unwrap();
        }
        let entry = job_entry(&world).await;
        assert_eq!(
            (&entry["state"]["name"], &entry["state"]["looks"]),
            (&json!("Doubtful"), &json!(7)),
            "{what}"
        );
        assert_eq!(world.stand_in.jobs().len(), 1, "{what}");

        // The doubt is final now: the rest is handed back, the summary has the mismatch, and nothing is
        // submitted again.
        world.sweep_after(DOUBT + HOUR).await.unwrap();
        assert_eq!((world.stand_in.jobs().len(), world.markers().await.len()), (1, 0), "{what}");
        let results = world.results().await;
        let summary = results.summary();
        assert!(!summary.balanced && !summary.mismatches.is_empty(), "{what}: {summary:?}");
        let [succeeded, unprocessed] = ["succeeded", "unprocessed"].map(|folder| results.ids_in(folder));
        let all: BTreeSet<String> = succeeded.union(&unprocessed).cloned().collect();
        assert!(ids(COUNT).is_subset(&all), "{what}");
        assert_eq!(summary.records.unprocessed, unprocessed.len() as u64, "{what}");
        assert_eq!(summary.records.total, COUNT as u64, "{what}");
    }
}

#[tokio::test]
async fn late_output_is_used() {
    let (world, ended) = run(lies(LieKind::Hidden)).await;
    assert_eq!(job_entry(&world).await["state"]["name"], "Doubtful");
    let (key, shown) = output(&world).await;
    let answered: BTreeSet<String> = shown
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| serde_json::from_slice::<Value>(line).unwrap()["recordId"].as_str().unwrap().to_owned())
        .collect();
    let late = ids(COUNT).into_iter().filter(|id| !answered.contains(id));
    let late = late.map(|id| json!({"recordId": id, "modelInput": {}, "modelOutput": {}}).to_string() + "\n");
    put(&world, &key, [shown, late.collect::<String>().into_bytes()].concat()).await;

    world.complete(ended).await.unwrap();
    let results = world.results().await;
    assert_eq!(results.ids(), [ids(COUNT), BTreeSet::new(), BTreeSet::new()]);
    assert!(results.summary().balanced, "{:?}", results.summary().mismatches);
    assert_eq!(world.stand_in.jobs().len(), 1);
}

#[tokio::test]
async fn missing_and_lagging_figures_contradict_nothing() {
    // Without a manifest, with a last line that is cut off, or with a manifest that is not JSON, the rest is
    // tried again.
    for change in ["no manifest", "cut last line", "broken manifest"] {
        let mut world = World::new().await;
        world.stand_in.script(Ending { write_manifest: change != "no manifest", ..partly(150) });
        let event = world.put("in/a.jsonl", drop_of(COUNT)).await;
        world.submit(event).await.unwrap();
        let ended = world.ended().await;
        match change {
            "cut last line" => {
                let (key, bytes) = output(&world).await;
                let more = br#"{"recordId":"r299","modelInput":{},"modelOutp"#;
                put(&world, &key, [bytes.as_slice(), more].concat()).await;
            }
            "broken manifest" => {
                let keys = world.output_keys().await;
                let key = keys.iter().find(|key| key.ends_with("/manifest.json.out")).unwrap();
                put(&world, key, b"{\"successRecordCount\": ".to_vec()).await;
            }
            _ => {}
        }
        world.complete(ended).await.unwrap();
        assert_eq!(world.stand_in.jobs().len(), 2, "{change}");
        world.complete_next().await;
        let results = world.results().await;
        assert_eq!(results.ids(), [ids(COUNT), BTreeSet::new(), BTreeSet::new()], "{change}");
        assert!(results.summary().balanced, "{change}: {:?}", results.summary().mismatches);
    }
}

#[tokio::test]
async fn answer_after_a_transient_error_is_final() {
    let mut world = World::new().await;
    let failing = (0..150).map(|position| RecordFailure { position, code: 503, message: "busy".into() });
    world.stand_in.script(Ending { failing: failing.collect(), ..Ending::new(TerminalStatus::Completed) });
    let event = world.put("in/a.jsonl", drop_of(COUNT)).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    let (key, bytes) = output(&world).await;
    let again = (0..150).map(|n| json!({"recordId": format!("r{n}"), "modelInput": {}, "modelOutput": {}}));
    let again: String = again.map(|line| line.to_string() + "\n").collect();
    put(&world, &key, [bytes, again.into_bytes()].concat()).await;
    world.complete(ended).await.unwrap();
    assert_eq!(world.stand_in.jobs().len(), 1, "paid for twice");
    assert_eq!(world.results().await.ids(), [ids(COUNT), BTreeSet::new(), BTreeSet::new()]);
}
