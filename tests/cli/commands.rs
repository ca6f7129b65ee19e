//! The command line as a process: what each command prints, and how it exits.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use bedrock_vpc_batch::flow::handlers::{Complete, Submit};
use bedrock_vpc_batch::local::clients;
use serde_json::{Value, json};

use crate::support::processes::{COMMAND_LINE, Printed, run_command};
use crate::support::{World, drop_of, ids};

fn run_local(folder: &Path, arguments: &[&str]) -> Printed {
    run_command("local", folder, arguments)
}

#[test]
fn command_line_runs_a_file_to_its_results() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a b.jsonl"), drop_of(150)).unwrap();
    let (code, said, _) = run_local(folder.path(), &["a b.jsonl", "--pace-ms", "0", "--dir", "runs"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("a b.jsonl: 150 records = 150 succeeded + 0 failed + 0 unprocessed"), "{said}");
    let results = said.lines().find_map(|line| line.strip_prefix("  results: ")).unwrap();
    let results = folder.path().join(results);
    let succeeded = std::fs::read_to_string(results.join("succeeded/part-00001.jsonl")).unwrap();
    let found: BTreeSet<String> = succeeded
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["recordId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((found, succeeded.lines().count()), (ids(150), 150));
    assert!(succeeded.contains("stand-in"), "answers say what they are");
    assert!(results.join("summary.json").is_file());
}

#[test]
fn command_line_runs_the_example() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/support-tickets.jsonl");
    let folder = tempfile::tempdir().unwrap();
    let (code, said, _) = run_local(folder.path(), &[example.to_str().unwrap(), "--pace-ms", "0"]);
    assert_eq!(code, Some(0), "{said}");
    let sum = "support-tickets.jsonl: 168 records = 168 succeeded + 0 failed + 0 unprocessed\n  results: ";
    assert!(said.contains(sum), "{said}");
}

#[test]
fn command_line_says_why_records_have_failed() {
    let folder = tempfile::tempdir().unwrap();
    let claude = |text: &str| {
        let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9,
                          "messages": [{"role": "user", "content": text}], "\u{1b}[2J": true});
        json!({"modelInput": body}).to_string() + "\n"
    };
    let file: String = (0..100).map(|number| claude(&number.to_string())).collect();
    std::fs::write(folder.path().join("a.jsonl"), &file).unwrap();
    let (code, said, _) =
        run_local(folder.path(), &["a.jsonl", "--pace-ms", "0", "--set", "MODEL_RULES=off"]);
    assert_eq!(code, Some(0), "{said}");
    let expected = "a.jsonl: 100 records = 0 succeeded + 100 failed + 0 unprocessed\n  \
         first error: 400 Malformed input request: #: extraneous key [max_tokens] is not permitted, please reformat \
         your input and try again.\n  no record has an answer: were they written for a model other than \
         amazon.nova-lite-v1:0, or in another format? --model-id sets the model, and --model-invocation-type the format\n  \
         results: ";
    assert!(said.contains(expected), "{said}");

    let model = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    let (_, said, _) = run_local(folder.path(), &["a.jsonl", "--pace-ms", "0", "--model-id", model]);
    assert!(said.contains("100 records = 100 succeeded + 0 failed + 0 unprocessed\n  results: "), "{said}");

    // A message that quotes the file cannot clear the terminal.
    let converse = ["--model-invocation-type", "Converse", "--set", "MODEL_RULES=off"];
    let (_, said, _) = run_local(folder.path(), &[&["a.jsonl", "--pace-ms", "0"][..], &converse].concat());
    assert!(said.contains("extraneous key [\\u{1b}[2J] is not permitted"), "{said}");
}

#[test]
fn command_line_fails_for_a_rejected_drop_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.jsonl"), drop_of(100)).unwrap();
    std::fs::write(folder.path().join("bad.jsonl"), "{\"modelInput\":1}\n").unwrap();
    let (code, said, _) = run_local(folder.path(), &["good.jsonl", "bad.jsonl", "--pace-ms", "0"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("good.jsonl: 100 records = 100 succeeded"), "{said}");
    assert!(said.contains("bad.jsonl: rejected, 1 problem"), "{said}");
    let expected = r#"
  model-input-not-object: the modelInput of a record is not an object (line 1)
    line 1: {"modelInput":1}
                          ^ a number
    fix: put the request body of the model into modelInput, as a JSON object
  more about it: bedrock-vpc-batch check --explain model-input-not-object
"#;
    assert!(said.contains(expected), "{said}");
}

#[test]
fn command_line_says_what_is_wrong_with_its_arguments() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.jsonl"), drop_of(100)).unwrap();
    let table: [(&[&str], i32, &str); 4] = [
        (&["missing.jsonl"], 1, "error: missing.jsonl: No such file or directory"),
        (&["a.jsonl", "--set", "MAX_RECORDS"], 2, "error: --set MAX_RECORDS: is not NAME=VALUE"),
        (&["a.jsonl", "--set", "MAX_RECORDS=1"], 2, "error: --set MAX_RECORDS=1: unknown setting"),
        (&["a.jsonl", "--set", "SUBNET_IDS="], 2, "error: --set SUBNET_IDS: is empty"),
    ];
    for (arguments, expected, message) in table {
        let (code, _, said) = run_local(folder.path(), arguments);
        assert_eq!(code, Some(expected), "{said}");
        assert!(said.starts_with(message), "{said}");
    }
}

#[test]
fn watched_folder_is_processed_until_interrupted() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let watched = folder.path().join("drops");
    std::fs::create_dir(&watched).unwrap();
    std::fs::write(watched.join("first.jsonl"), drop_of(100)).unwrap();
    let mut child = Command::new(COMMAND_LINE)
        .args(["local", "drops", "--pace-ms", "0", "--quiet-ms", "0"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut wait_for =
        |start: &str| lines.find(|line| line.as_ref().unwrap().starts_with(start)).unwrap().unwrap();
    wait_for("first.jsonl: 100 records = 100 succeeded");
    std::fs::write(watched.join("second.jsonl"), drop_of(101)).unwrap();
    wait_for("second.jsonl: 101 records = 101 succeeded");
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn standalone_stand_in_works_with_the_s3_that_it_is_given() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let mut world = World::new().await;
    let mut child = tokio::process::Command::new(COMMAND_LINE)
        .args(["stand-in", "--s3-endpoint", world.s3.endpoint(), "--pace-ms", "0"])
        .envs([
            ("AWS_ACCESS_KEY_ID", world.s3.key().access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", world.s3.key().secret_access_key()),
        ])
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines.next_line().await.unwrap().unwrap();
    let clients = clients(&world.config, world.s3.key(), world.s3.endpoint(), &address);
    world.submit = Submit::new(world.config.clone(), &clients);
    world.complete = Complete::new(world.config.clone(), &clients);

    let event = world.put("a.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();
    let mut events: Vec<Value> = Vec::new();
    for _ in 0..5 {
        events.push(serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap());
    }
    let statuses: Vec<&str> =
        events.iter().map(|event| event["detail"]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["Submitted", "Validating", "Scheduled", "InProgress", "Completed"]);
    world.complete(events[4].clone()).await.unwrap();
    assert_eq!(world.results().await.ids(), [ids(100), BTreeSet::new(), BTreeSet::new()]);
}
