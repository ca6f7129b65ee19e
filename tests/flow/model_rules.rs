//! A drop whose records are all certain to fail at the model is refused before a job is made.

use crate::support::{World, drop_of};

const CLAUDE: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

/// A record for Claude, as somebody writes it who knows only Anthropic's own API.
fn without_version(number: usize) -> String {
    let body = r#"{"model":"claude-haiku-4-5","max_tokens":64,"messages":[{"role":"user","content":"Hi"}]}"#;
    format!("{{\"recordId\":\"r{number}\",\"modelInput\":{body}}}\n")
}

fn with_version(number: usize) -> String {
    let version = r#""anthropic_version":"bedrock-2023-05-31""#;
    without_version(number).replace(r#""model":"claude-haiku-4-5""#, version)
}

#[tokio::test]
async fn drop_whose_records_must_all_fail_is_refused_with_every_fix() {
    let mut world = World::with(&[("MODEL_ID", CLAUDE)]).await;
    let event = world.put("a.jsonl", (0..120).map(without_version).collect::<String>()).await;
    world.submit(event).await.unwrap();
    let rejection = world.results().await.rejection();
    let [problem] = rejection.problems.as_slice() else { panic!("{rejection:?}") };
    assert!(
        problem.what.starts_with(&format!("all 120 records are certain to fail at the model {CLAUDE}: "))
    );
    for part in ["`anthropic_version` is missing (lines 1, 2, 3, 4, 5, …)", "`model` must not be there"] {
        assert!(problem.what.contains(part), "{}", problem.what);
    }
    for part in ["add \"anthropic_version\": \"bedrock-2023-05-31\"", "MODEL_ID", "MODEL_RULES=off"] {
        assert!(problem.fix.contains(part), "{}", problem.fix);
    }
    assert!(world.stand_in.requests().is_empty());
}

#[tokio::test]
async fn one_record_that_might_pass_lets_the_drop_in() {
    let mut world = World::with(&[("MODEL_ID", CLAUDE)]).await;
    let drop = (0..119).map(without_version).chain([with_version(119)]).collect::<String>();
    let results = world.run("a.jsonl", drop).await;
    let records = &results.summary().records;
    assert_eq!((records.succeeded, records.failed), (1, 119));
}

#[tokio::test]
async fn rules_can_be_disabled() {
    let mut world = World::with(&[("MODEL_ID", CLAUDE), ("MODEL_RULES", "off")]).await;
    let results = world.run("a.jsonl", (0..120).map(without_version).collect::<String>()).await;
    assert_eq!(results.summary().records.failed, 120);
}

#[tokio::test]
async fn media_in_s3_are_refused_unless_the_role_may_read_them() {
    let video = r#"{"role":"user","content":[{"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://media/videos/1.mp4"}}}}]}"#;
    let record =
        |number| format!("{{\"recordId\":\"r{number}\",\"modelInput\":{{\"messages\":[{video}]}}}}\n");
    let drop: String = (0..100).map(record).collect();
    let mut world = World::new().await;
    let event = world.put("a.jsonl", drop.clone()).await;
    world.submit(event).await.unwrap();
    let rejection = world.results().await.rejection();
    let what = &rejection.problems[0].what;
    assert!(what.contains("\"s3://media/videos/1.mp4\", which the batch role may not read"), "{what}");

    let mut world = World::build(&[("S3_LOCATION_PREFIXES", "s3://media/videos/")], |options| {
        options.s3_location_prefixes = vec!["s3://media/videos/".into()];
    })
    .await;
    assert_eq!(world.run("a.jsonl", drop).await.summary().records.succeeded, 100);
}

#[tokio::test]
async fn bodies_of_the_tests_themselves_pass() {
    let mut world = World::new().await;
    assert_eq!(world.run("a.jsonl", drop_of(100)).await.summary().records.succeeded, 100);
}
