//! The log has each step, and never the content of a record.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use bedrock_vpc_batch::aws::metrics::{METRICS, Unit};
use bedrock_vpc_batch::local::bedrock::{Ending, Processed, RecordFailure, TerminalStatus};
use regex::Regex;
use serde_json::{Value, json};

use crate::support::captured::Captured;
use crate::support::processes::function_environment;
use crate::support::runtime_api::Function;
use crate::support::{World, drop_of};

/// A word in every prompt. No log line may have it.
const SECRET: &str = "Zimtsternfabrik";

/// A word in every answer of the stand-in. No log line may have it either.
const ANSWER: &str = "stand-in";

fn secret_drop(count: usize) -> String {
    String::from_utf8(drop_of(count)).unwrap().replace("Was sagt", SECRET)
}

/// The messages in JSON lines. Each line must be a JSON object with a message.
fn messages(text: &str) -> Vec<String> {
    let message = |line: &str| {
        let line: Value = serde_json::from_str(line).expect(line);
        line["message"].as_str().expect("a message").to_owned()
    };
    text.lines().map(message).collect()
}

#[tokio::test]
async fn no_log_line_has_the_content_of_a_record() {
    let (captured, _guard) = Captured::start();
    let mut world = World::new().await;
    world.stand_in.script(Ending {
        processed: Processed::First(110),
        failing: vec![RecordFailure { position: 3, code: 400, message: format!("{SECRET}: bad request") }],
        ..Ending::new(TerminalStatus::PartiallyCompleted)
    });
    let results = world.run("in/a.jsonl", secret_drop(120)).await;
    let written = results.files.values().map(|bytes| String::from_utf8_lossy(bytes)).collect::<String>();
    assert!(written.contains(SECRET) && written.contains(ANSWER), "the records have what is looked for");

    // Each line is wrong in a different way, and has the secret where it is wrong.
    let malformed = [
        format!("{{\"recordId\":\"{SECRET}\",\"modelInput\":\"{SECRET}\"}}"),
        format!("{{\"recordId\":1,\"modelInput\":{{\"{SECRET}\":1}}}}"),
        format!("{{\"{SECRET}\":{{}},\"modelInput\":{{}}}}"),
        SECRET.to_owned(),
    ];
    let event = world.put("in/b.jsonl", secret_drop(120) + &malformed.join("\n")).await;
    world.submit(event).await.unwrap();

    let text = captured.text();
    let messages: BTreeSet<String> = messages(&text).into_iter().collect();
    for step in ["job submitted", "job ended", "drop finished", "drop rejected"] {
        assert!(messages.contains(step), "{messages:?} has no {step:?}");
    }
    for line in text.lines() {
        assert!(!line.contains(SECRET) && !line.contains(ANSWER), "{line}");
    }
}

#[tokio::test]
async fn lines_with_metrics_name_the_route_of_the_drop() {
    let (captured, _guard) = Captured::start();
    let mut world = World::new().await;
    let event = world.put_routes(json!({"routes": [{"prefix": "in/a/"}]})).await;
    world.complete(event).await.unwrap();
    for folder in ["in/a", "in"] {
        world.run(&format!("{folder}/good.jsonl"), drop_of(120)).await;
        let event = world.put(&format!("{folder}/bad.jsonl"), "bad").await;
        world.submit(event).await.unwrap();
    }

    let text = captured.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for message in ["drop accepted", "drop rejected", "job submitted", "job ended", "drop finished"] {
        let lines = lines.iter().filter(|line| line["message"] == message);
        let routes: Vec<&Value> = lines.map(|line| &line["Route"]).collect();
        assert_eq!(routes, [&json!("in/a/"), &Value::Null], "{message}");
    }
}

/// What the binary logs at these levels about one put and about one event that it cannot use.
async fn logged_by_submit(levels: &[(&str, &str)]) -> String {
    let mut world = World::new().await;
    let mut environment =
        function_environment(world.s3.key(), world.s3.endpoint(), world.stand_in.endpoint());
    environment.extend(levels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let log = world.folder.path().join("log");
    let stdout = Stdio::from(std::fs::File::create(&log).unwrap());
    let mut submit = Function::start_writing(env!("CARGO_BIN_EXE_submit"), &environment, stdout).await;
    let event = world.put("in/a.jsonl", secret_drop(100)).await;
    assert_eq!(submit.invoke(event).await, Ok(Value::Null));
    submit.invoke(json!({"neither": "nor"})).await.unwrap_err();
    std::fs::read_to_string(log).unwrap()
}

#[tokio::test]
async fn binary_logs_json_lines_of_its_invocations_at_the_level_that_lambda_sets() {
    let text = logged_by_submit(&[]).await;
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert_eq!(line["requestId"], "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "{line}");
        assert!(["INFO", "ERROR"].contains(&line["level"].as_str().unwrap()), "{line}");
    }
    assert!(messages(&text).contains(&"job submitted".to_owned()), "{text}");

    for levels in [
        &[("AWS_LAMBDA_LOG_LEVEL", "ERROR")][..],
        &[("AWS_LAMBDA_LOG_LEVEL", "ERROR"), ("RUST_LOG", "trace")],
        &[("RUST_LOG", "error")],
    ] {
        let text = logged_by_submit(levels).await;
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let levels: Vec<&Value> = lines.iter().map(|line| &line["level"]).collect();
        assert_eq!(levels, ["ERROR"], "{text}");
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn every_metric_is_emitted_and_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let operations = std::fs::read_to_string(root.join("docs/operations.md")).unwrap();
    let (_, table) = operations.split_once("| metric | unit | one data point |\n|---|---|---|\n").unwrap();
    let documented: Vec<&str> = table.split_once("\n\n").unwrap().0.lines().collect();
    let row =
        |(name, unit, meaning): &(&str, Unit, &str)| format!("| `{name}` | {} | {meaning} |", unit.as_str());
    assert_eq!(documented, METRICS.iter().map(row).collect::<Vec<_>>());

    // Only the flows emit metrics. Other fields of log lines start with a small letter.
    let field = Regex::new(r"\b([A-Z]\w+) = [\w.()]+[,\s]").unwrap();
    let mut emitted = BTreeSet::new();
    for file in std::fs::read_dir(root.join("src/flow")).unwrap() {
        let code = std::fs::read_to_string(file.unwrap().path()).unwrap();
        emitted.extend(field.captures_iter(&code).map(|found| found[1].to_owned()));
    }
    let known = METRICS.iter().map(|(name, ..)| *name).chain(["Route", "Status"]);
    assert_eq!(emitted, known.map(str::to_owned).collect());
}
