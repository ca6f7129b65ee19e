//! Jobs with fewer records than Bedrock's minimum. The stand-in enforces the minimum, and nothing of the padding that
//! fills the jobs up may be in the results.

use std::collections::BTreeSet;

use bedrock_vpc_batch::job::summary::Summary;
use bedrock_vpc_batch::local::bedrock::{Ending, Processed, RecordFailure, TerminalStatus};
use serde_json::Value;

use crate::support::{Results, World, drop_of, record};

fn ids(count: usize) -> BTreeSet<String> {
    String::from_utf8(drop_of(count))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["recordId"].as_str().unwrap().to_owned())
        .collect()
}

/// A pipeline that fills small jobs up, which is the default.
async fn padding_world(changes: &[(&str, &str)]) -> World {
    World::with(&[&[("SMALL_DROPS", "pad")][..], changes].concat()).await
}

/// Checks that no result file contains padding, and that the counts add up, as they must for any drop.
fn assert_is_clean(results: &Results) -> Summary {
    let summary = results.summary();
    assert!(summary.balanced, "{:?}", summary.mismatches);
    let records = summary.records;
    assert_eq!(records.total, records.succeeded + records.failed + records.unprocessed);
    for (key, bytes) in &results.files {
        let is_report = key.ends_with("/summary.json");
        assert!(is_report || !String::from_utf8_lossy(bytes).contains("-padding-"), "{key}");
    }
    summary
}

/// How many lines of each job's input are padding, and how many are not.
async fn inputs(world: &World) -> Vec<(usize, usize)> {
    let mut counts = Vec::new();
    for job in world.stand_in.jobs() {
        let id = job.name.strip_prefix("demo-").unwrap().to_owned();
        let input = world.read_output(&format!("work/{id}/input/{id}.jsonl")).await;
        let lines: Vec<Value> = input
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        let own = format!("{id}-padding-");
        let padding =
            lines.iter().filter(|line| line["recordId"].as_str().unwrap().starts_with(&own)).count();
        counts.push((padding, lines.len() - padding));
    }
    counts
}

#[tokio::test]
async fn small_drop_is_filled_up_to_the_minimum() {
    for count in [1, 7, 99, 100] {
        let mut world = padding_world(&[]).await;
        let results = world.run("small.jsonl", drop_of(count)).await;
        let summary = assert_is_clean(&results);
        assert_eq!(results.ids()[0], ids(count));
        assert_eq!(inputs(&world).await, [(100 - count, count)]);
        let padding = summary.padding.map(|padding| {
            let bodies = Vec::from_iter(padding.bodies);
            assert_eq!(bodies, ["Amazon Nova"]);
            let cents: f64 = padding.max_cost_usd.unwrap().parse::<f64>().unwrap() * 100.0;
            assert!(cents > 0.0 && cents < 0.1, "{cents}");
            (padding.records, padding.max_output_tokens)
        });
        let filled = 100 - count as u64;
        assert_eq!(padding, (count < 100).then_some((filled, Some(filled))));
    }
}

#[tokio::test]
async fn records_without_ids_and_a_missing_last_newline_are_padded_too() {
    let mut world = padding_world(&[]).await;
    let line = record("x").replace(r#""recordId":"x""#, "").replace("{,", "{").replace(",}", "}");
    let results = world.run("small.jsonl", format!("{line}\n{line}")).await;
    assert_eq!(assert_is_clean(&results).records.succeeded, 2);
    assert_eq!(inputs(&world).await, [(98, 2)]);
}

#[tokio::test]
async fn small_leftover_goes_to_a_padded_attempt() {
    // 150 records need no padding. Three of them meet an error that may pass.
    let mut world = padding_world(&[]).await;
    let busy = |position| RecordFailure { position, code: 503, message: "busy".into() };
    let failing = [3, 70, 149].map(busy).to_vec();
    [Ending { failing, ..Ending::new(TerminalStatus::Completed) }]
        .into_iter()
        .for_each(|ending| world.stand_in.script(ending));
    let event = world.put("a.jsonl", drop_of(150)).await;
    world.submit(event).await.unwrap();
    world.complete_next().await;
    world.complete_next().await;
    let results = world.results().await;
    let summary = assert_is_clean(&results);
    assert_eq!(results.ids()[0], ids(150));
    assert_eq!(inputs(&world).await, [(0, 150), (97, 3)]);
    assert_eq!(summary.padding.map(|padding| padding.records), Some(97));
    assert_eq!(summary.jobs.iter().map(|job| job.padding.is_some()).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn attempts_after_a_padded_one_leave_its_padding_out() {
    // The first job stops after 4 of its 100 lines, which are records; the second one after the 6 others.
    let mut world = padding_world(&[("MAX_ATTEMPTS", "2")]).await;
    let part = |last| Ending {
        processed: Processed::First(last),
        ..Ending::new(TerminalStatus::PartiallyCompleted)
    };
    [part(4), part(50)].into_iter().for_each(|ending| world.stand_in.script(ending));
    let event = world.put("a.jsonl", drop_of(10)).await;
    world.submit(event).await.unwrap();
    world.complete_next().await;
    world.complete_next().await;
    let results = world.results().await;
    let summary = assert_is_clean(&results);
    assert_eq!(results.ids()[0], ids(10));
    assert_eq!(inputs(&world).await, [(90, 10), (94, 6)]);
    assert_eq!(summary.padding.map(|padding| padding.records), Some(184));
}

#[tokio::test]
async fn failed_padding_is_nobodys_problem() {
    // Every padding record fails, and so does one record, for good. Nothing is tried again.
    let mut world = padding_world(&[]).await;
    let error = |code| move |position| RecordFailure { position, code, message: "no".into() };
    let failing = (7..100).map(error(503)).chain([error(400)(2)]).collect();
    [Ending { failing, ..Ending::new(TerminalStatus::Completed) }]
        .into_iter()
        .for_each(|ending| world.stand_in.script(ending));
    let results = world.run("a.jsonl", drop_of(7)).await;
    let summary = assert_is_clean(&results);
    assert_eq!((summary.records.succeeded, summary.records.failed), (6, 1));
    assert_eq!((summary.jobs.len(), world.creates()), (1, 1));
}

#[tokio::test]
async fn stopped_job_returns_its_records_without_padding() {
    let mut world = padding_world(&[]).await;
    let ending = Ending { processed: Processed::First(0), ..Ending::new(TerminalStatus::Stopped) };
    [ending].into_iter().for_each(|ending| world.stand_in.script(ending));
    let results = world.run("a.jsonl", drop_of(7)).await;
    assert_is_clean(&results);
    assert_eq!(results.ids()[2], ids(7));
}

#[tokio::test]
async fn family_without_a_known_body_repeats_the_shortest_record() {
    let opaque = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl";
    let mut world = padding_world(&[("MODEL_ID", opaque)]).await;
    let results = world.run("a.jsonl", drop_of(7)).await;
    let padding = assert_is_clean(&results).padding.unwrap();
    assert_eq!((padding.records, padding.max_output_tokens, padding.max_cost_usd), (93, None, None));
    assert_eq!(Vec::from_iter(padding.bodies), ["shortest record"]);
    assert_eq!(results.ids()[0], ids(7));
}

#[tokio::test]
async fn every_known_body_is_accepted_by_its_family() {
    let models = [
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "amazon.nova-lite-v1:0",
        "amazon.titan-embed-text-v2:0",
        "amazon.titan-embed-image-v1",
        "us.meta.llama3-3-70b-instruct-v1:0",
        "mistral.mistral-small-2402-v1:0",
        "mistral.mistral-large-2407-v1:0",
        "openai.gpt-oss-120b-1:0",
        "deepseek.v3.2",
    ];
    for (model_id, invocation_type) in
        models.map(|model| (model, "InvokeModel")).into_iter().chain([(models[0], "Converse")])
    {
        let settings =
            [("MODEL_ID", model_id), ("MODEL_INVOCATION_TYPE", invocation_type), ("MODEL_RULES", "off")];
        let mut world = padding_world(&settings).await;
        // The only record is not what the model wants, and fails. All padding succeeds.
        let results = world.run("a.jsonl", "{\"recordId\":\"a\",\"modelInput\":{}}\n").await;
        let summary = assert_is_clean(&results);
        assert_eq!((summary.records.failed, world.creates()), (1, 1), "{model_id}");
        let outputs: Vec<String> =
            world.output_keys().await.into_iter().filter(|key| key.ends_with(".jsonl.out")).collect();
        let output = String::from_utf8(world.read_output(&outputs[0]).await).unwrap();
        let refused: Vec<&str> = output.lines().filter(|line| line.contains("\"error\"")).collect();
        assert_eq!(refused.len(), 1, "{model_id}: {refused:?}");
    }
}

#[tokio::test]
async fn reject_refuses_a_small_drop_and_returns_a_small_leftover() {
    let mut world = World::with(&[("SMALL_DROPS", "reject")]).await;
    let part = Ending { processed: Processed::First(97), ..Ending::new(TerminalStatus::PartiallyCompleted) };
    [part].into_iter().for_each(|ending| world.stand_in.script(ending));
    let event = world.put("small.jsonl", drop_of(99)).await;
    world.submit(event).await.unwrap();
    let rejection = world.results().await.rejection();
    assert_eq!(rejection.problems[0].what, "the file has 99 records; a job needs at least 100");
    let event = world.put("enough.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();
    world.complete_next().await;
    let mut results = world.results().await;
    results.files.retain(|key, _| key.contains("/enough.jsonl/"));
    assert_eq!(results.ids().map(|ids| ids.len()), [97, 0, 3]);
}

#[tokio::test]
async fn empty_file_is_refused_either_way() {
    for setting in ["pad", "reject"] {
        let mut world = World::with(&[("SMALL_DROPS", setting)]).await;
        let event = world.put("empty.jsonl", "").await;
        world.submit(event).await.unwrap();
        let rejection = world.results().await.rejection();
        assert!(rejection.problems[0].what.starts_with("the file has no records"), "{rejection:?}");
    }
}

#[tokio::test]
async fn drop_keeps_the_padding_of_the_settings_that_it_was_accepted_with() {
    let mut world = padding_world(&[]).await;
    let ending =
        Ending { processed: Processed::First(97), ..Ending::new(TerminalStatus::PartiallyCompleted) };
    [ending].into_iter().for_each(|ending| world.stand_in.script(ending));
    let event = world.put("a.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();
    world.reconfigure(&[("SMALL_DROPS", "reject"), ("MODEL_ID", "amazon.titan-embed-text-v2:0")]);
    world.complete_next().await;
    world.complete_next().await;
    let results = world.results().await;
    let padding = assert_is_clean(&results).padding.unwrap();
    assert_eq!((padding.records, Vec::from_iter(padding.bodies)), (97, vec!["Amazon Nova".to_owned()]));
    assert_eq!(results.ids()[0], ids(100));
}
