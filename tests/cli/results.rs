//! The commands `results` and `errors`, on the results of a local run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bedrock_vpc_batch::job::summary::Summary;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::people::Person;
use crate::support::processes::{Printed, run_command};

/// Runs a drop through a local pipeline, in parts of 60 records, and returns the folder of its results.
fn finished(folder: &Path, name: &str, drop: &[u8], more: &[&str]) -> PathBuf {
    fs::write(folder.join(name), drop).unwrap();
    let fixed = [name, "--dir", "runs", "--pace-ms", "0", "--model-id", "amazon.nova-lite-v1:0"];
    let quota = ["--set", "MAX_RECORDS_PER_JOB=60", "--set", "MIN_RECORDS_PER_JOB=1"];
    let (_, said, error) = run_command("local", folder, &[&fixed[..], &quota, more].concat());
    let results = said.lines().find_map(|line| line.trim().strip_prefix("results: "));
    folder.join(results.unwrap_or_else(|| panic!("{said}{error}")))
}

fn nova(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": text}]}], "inferenceConfig": {"maxTokens": 9}})
}

/// A drop in which each kind of repair is needed, with some records that the model refuses. Also returns the ids that its
/// records have in the results, in order; `#` is for the drop id.
fn mixed_drop(records: u64) -> (Vec<u8>, Vec<String>) {
    let (mut drop, mut ids, mut line) = (String::new(), Vec::new(), 0);
    for number in 0..records {
        line += 1;
        let input =
            if number % 10 == 7 { json!({"messages": "none"}) } else { nova(&format!("=question {number}")) };
        let (record, id) = match number % 5 {
            0 => (json!({"modelInput": input}), format!("#-line-{line}")),
            1 => (json!({"recordId": number, "modelInput": input}), number.to_string()),
            2 => (
                json!({"recordId": format!("r{number}"), "modelInput": input, "note": 1}),
                format!("r{number}"),
            ),
            _ => (json!({"recordId": format!("é\"{number}"), "modelInput": input}), format!("é\"{number}")),
        };
        let mark = if number % 9 == 4 { "\u{feff}" } else { "" };
        let end = if number % 11 == 3 { "\r" } else { "\n" };
        drop.push_str(&format!("{mark}{record}{end}"));
        if number % 13 == 6 && end == "\n" {
            drop.push_str(" \n");
            line += 1;
        }
        ids.push(id);
    }
    (drop.into_bytes(), ids)
}

struct Rig {
    folder: TempDir,
    results: PathBuf,
    summary: Summary,
    ids: Vec<String>,
}

impl Rig {
    /// A drop of several parts, with errors; `more` may inject faults.
    fn new(records: u64, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (drop, ids) = mixed_drop(records);
        let results = finished(folder.path(), "in.jsonl", &drop, more);
        let summary: Summary =
            serde_json::from_slice(&fs::read(results.join("summary.json")).unwrap()).unwrap();
        let start = &summary.drop_id.as_str()[..12];
        let ids = ids.into_iter().map(|id| id.replace('#', start)).collect();
        Self { folder, results, summary, ids }
    }

    fn run(&self, command: &str, arguments: &[&str]) -> Printed {
        let folder = self.results.to_str().unwrap();
        run_command(command, self.folder.path(), &[&[folder], arguments].concat())
    }

    /// The lines on standard output of `results`, as JSON.
    fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let (_, out, error) = self.run("results", arguments);
        assert!(!error.contains("error:"), "{error}");
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }
}

fn ids_of(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["recordId"].as_str().unwrap()).collect()
}

fn count(lines: &[Value], status: &str) -> u64 {
    lines.iter().filter(|line| line["status"] == status).count() as u64
}

#[test]
fn every_record_has_a_line_that_says_what_became_of_it() {
    let rig = Rig::new(250, &["--fault", "stop=1", "--seed", "7"]);
    let records = rig.summary.records;
    assert!(records.succeeded > 0 && records.failed > 0 && records.unprocessed > 0, "{records:?}");
    let (code, out, said) = rig.run("results", &[]);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(code, Some(0), "{said}");
    let expected: BTreeSet<&str> = rig.ids.iter().map(String::as_str).collect();
    assert_eq!((lines.len(), ids_of(&lines).into_iter().collect()), (250, expected));
    for (status, records) in
        [("succeeded", records.succeeded), ("failed", records.failed), ("unprocessed", records.unprocessed)]
    {
        assert_eq!(count(&lines, status), records, "{status}");
        assert!(said.contains(&format!("{records} {status}")), "{said}");
    }
    for line in &lines {
        let has = |name: &str| line.get(name).is_some();
        let expected = match line["status"].as_str().unwrap() {
            "succeeded" => [true, false],
            "failed" => [false, true],
            _ => [false, false],
        };
        assert_eq!([has("modelOutput"), has("error")], expected, "{line}");
    }
}

#[test]
fn order_is_that_of_the_file_whatever_was_repaired() {
    let rig = Rig::new(250, &["--fault", "stop=1", "--fault", "retryable-errors=0.1", "--seed", "3"]);
    let lines = rig.lines(&["--order", "in.jsonl"]);
    assert_eq!(ids_of(&lines), rig.ids);
    assert_ne!(ids_of(&rig.lines(&[])), rig.ids);

    // Other forms have the same order.
    let openai = rig.lines(&["--order", "in.jsonl", "--as", "openai"]);
    let custom: Vec<&str> = openai.iter().map(|line| line["custom_id"].as_str().unwrap()).collect();
    assert_eq!(custom, rig.ids);
    let anthropic = rig.lines(&["--order", "in.jsonl", "--as", "anthropic"]);
    let kinds: Vec<&str> = anthropic.iter().map(|line| line["result"]["type"].as_str().unwrap()).collect();
    for (line, kind) in lines.iter().zip(kinds) {
        let expected = match line["status"].as_str().unwrap() {
            "succeeded" => "succeeded",
            "failed" => "errored",
            _ => "expired",
        };
        assert_eq!(kind, expected);
    }

    let drop = fs::read(rig.folder.path().join("in.jsonl")).unwrap();
    let mut reversed: Vec<&[u8]> = drop.split_inclusive(|byte| *byte == b'\n').collect();
    reversed.reverse();
    rig.write("other.jsonl", reversed.concat());
    rig.write("shorter.jsonl", &drop[..drop.len() - 1]);
    for name in ["other.jsonl", "shorter.jsonl"] {
        let (code, _, error) = rig.run("results", &["--order", name, "-o", "out.jsonl"]);
        assert!(code == Some(1) && error.contains("it is not the file that was dropped"), "{error}");
        assert!(!rig.folder.path().join("out.jsonl").exists());
    }
}

#[test]
fn csv_has_the_fields_that_were_named_and_no_formula() {
    let rig = Rig::new(100, &[]);
    let fields = "recordId,text,status,error,usage.inputTokens,modelInput.messages.0.content.0.text";
    let (code, said, error) =
        rig.run("results", &["--order", "in.jsonl", "-o", "out.csv", "--fields", fields]);
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("written to out.csv: 100 records = 90 succeeded + 10 failed"), "{said}");
    let csv = fs::read_to_string(rig.folder.path().join("out.csv")).unwrap();
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!((rows.len(), rows[0]), (101, fields));
    assert!(
        rows[3].starts_with("r2,\"[local stand-in] no model was called; record r2\",succeeded,,"),
        "{}",
        rows[3]
    );
    assert!(rows[3].ends_with(",'=question 2"), "{}", rows[3]);
    assert!(rows[8].starts_with("r7,,failed,\"") || rows[8].starts_with("r7,,failed,400: "), "{}", rows[8]);
    let raw = rig.run("results", &["--format", "csv", "--raw-csv", "--fields", fields]).1;
    assert!(raw.contains(",=question 2\r\n"), "{raw}");
    let default = rig.run("results", &["--format", "csv"]).1;
    assert!(default.starts_with("recordId,status,text,error\r\n"), "{default}");
    let objects = rig.lines(&["--fields", "recordId,text,usage.inputTokens"]);
    assert!(objects.iter().filter(|object| object["usage.inputTokens"].is_u64()).count() == 90);
}

#[test]
fn own_records_are_joined_with_their_answers() {
    let rig = Rig::new(100, &[]);
    // A table in another order, with a row that was never dropped, and without most records.
    rig.write("mine.csv", "name;key;text\r\n\"b; c\";r7;x\r\nd;none;\r\n=e;r2;y\r\nf;r2;z\r\n");
    let (code, said, error) = rig.run("results", &["--join", "mine.csv", "--on", "key", "-o", "joined.csv"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(said.contains("4 records = 2 succeeded + 1 failed + 1 without a result in this drop"), "{said}");
    assert!(said.contains("98 results left out, because the joined file does not have the record"), "{said}");
    let csv = fs::read_to_string(rig.folder.path().join("joined.csv")).unwrap();
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows[0], "name,key,text,status,answer.text,error");
    assert!(rows[1].starts_with("\"b; c\",r7,x,failed,,"), "{csv}");
    assert_eq!(rows[2], "d,none,,missing,,");
    assert!(rows[3].starts_with("'=e,r2,y,succeeded,\"[local stand-in]"), "{csv}");
    assert!(rows[4].starts_with("f,r2,z,succeeded,\"[local stand-in]"), "{csv}");

    // The drop itself: records without an id have the one of their line.
    let drop = String::from_utf8(fs::read(rig.folder.path().join("in.jsonl")).unwrap()).unwrap();
    rig.write("drop.jsonl", drop.replace('\r', "\n"));
    let lines =
        rig.lines(&["--join", "drop.jsonl", "--fields", "recordId,status,record.recordId,record.note"]);
    assert_eq!((lines.len(), count(&lines, "missing")), (100, 0));
    for (line, id) in lines.iter().zip(&rig.ids) {
        assert_eq!(line["recordId"], **id);
    }
    assert!(lines[2]["record.note"] == 1 && lines[2]["record.recordId"] == "r2");
    for (content, expected) in [
        ("a,b\n1,2\n", "it has no column recordId: name the one with the ids with --on; there are a, b"),
        ("recordId,a,a\n1,2,3\n", "it has the column a twice"),
        ("recordId,a\n1\n", "line 2: its row has more or fewer cells"),
        ("{\"recordId\":[]}\n", "line 1: recordId is an array"),
        ("", "it is empty"),
    ] {
        rig.write("bad", content);
        let (code, _, error) = rig.run("results", &["--join", "bad", "-o", "out.csv"]);
        assert!(code == Some(1) && error.contains(expected), "{content:?}: {error}");
    }
}

#[test]
fn results_that_are_not_whole_are_found() {
    let rig = Rig::new(150, &[]);
    let files: BTreeMap<&str, Vec<u8>> = rig
        .summary
        .files
        .iter()
        .map(|name| (name.as_str(), fs::read(rig.results.join(name)).unwrap()))
        .collect();
    let (name, whole) = files.iter().find(|(name, _)| name.starts_with("succeeded/")).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let twice = [&lines[1..], &lines[1..2]].concat().concat();
    let mut no_json = whole.clone();
    no_json[0] = b'x';
    for (content, expected) in [
        (lines[1..].concat(), "lines, and summary.json counts"),
        (twice, "is there twice"),
        (no_json, "line 1: it is not a JSON object with a recordId"),
    ] {
        fs::write(rig.results.join(name), content).unwrap();
        let (code, _, error) = rig.run("results", &["-o", "out.jsonl"]);
        assert!(code == Some(1) && error.contains(expected), "{error}");
        assert!(!rig.folder.path().join("out.jsonl").exists());
    }
}

#[test]
fn options_without_effect_are_refused() {
    let rig = Rig::new(100, &[]);
    for (arguments, expected) in [
        (&["--raw-csv"][..], "--raw-csv has no effect on JSON Lines"),
        (&["--fields", "a,,b"], "--fields: a field has no name"),
        (&["--fields", "record.a"], "add --join FILE"),
        (&["--as", "openai", "-o", "a.csv"], "--as writes JSON Lines"),
        (&["--as", "openai", "--fields", "text"], "cannot be used with"),
        (&["--on", "a"], "--join"),
        (&["--force"], "--output"),
        (
            &["-o", "a.xlsx"],
            "-o a.xlsx: results are written as JSON Lines or as CSV, and not compressed: end the name",
        ),
        (&["-o", "a.csv.gz", "--order", "in.jsonl"], "-o a.csv.gz: results are written as"),
    ] {
        let (code, out, error) = rig.run("results", arguments);
        assert!(code == Some(2) && error.contains(expected) && out.is_empty(), "{arguments:?}: {error}");
    }
    let (code, _, error) = run_command("results", rig.folder.path(), &["nowhere"]);
    assert!(
        code == Some(2) && error.contains("nowhere: there is no such folder here, and no stack"),
        "{error}"
    );
}

#[test]
fn own_files_are_not_overwritten() {
    let rig = Rig::new(100, &[]);
    let path = |name: &str| rig.folder.path().join(name);
    let content = |name: &str| fs::read(path(name)).unwrap();
    rig.write("mine.csv", "recordId\r\nr2\r\n");
    rig.write("old.jsonl", "old");
    std::os::unix::fs::symlink("mine.csv", path("link.csv")).unwrap();
    let before = ["mine.csv", "old.jsonl", "in.jsonl"].map(content);
    let exists = "it exists: add --force to overwrite it";
    let read = "which is still read: choose another name";
    let table: [(&str, &[&str], &str); 8] = [
        ("results", &["-o", "old.jsonl"], exists),
        ("results", &["--order", "in.jsonl", "-o", "old.jsonl"], exists),
        ("results", &["--join", "mine.csv", "-o", "mine.csv"], read),
        ("results", &["--join", "mine.csv", "-o", "link.csv", "--force"], read),
        ("results", &["--order", "in.jsonl", "-o", "./in.jsonl", "--force"], read),
        ("retry", &["-o", "old.jsonl"], exists),
        ("retry", &["--from", "in.jsonl", "-o", "in.jsonl", "--force"], read),
        ("results", &["-o", "no/new.jsonl"], "there is no folder no"),
    ];
    for (command, arguments, why) in table {
        let (code, out, error) = rig.run(command, arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {error}");
        assert!(error.starts_with("error: -o ") && error.contains(why), "{arguments:?}: {error}");
    }
    assert_eq!(["mine.csv", "old.jsonl", "in.jsonl"].map(content), before);
    for command in ["results", "retry"] {
        let (code, _, error) = rig.run(command, &["-o", "old.jsonl", "--force"]);
        assert_eq!(code, Some(0), "{error}");
        assert_ne!(content("old.jsonl"), b"old");
        rig.write("old.jsonl", "old");
    }
    // A file has the permissions of any other, and nothing else is left.
    rig.run("results", &["-o", "new.jsonl"]);
    let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode();
    assert_eq!(mode("new.jsonl"), mode("mine.csv"));
    let names = fs::read_dir(rig.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| name.to_string_lossy().starts_with('.')).count(), 0);
}

#[test]
fn errors_are_grouped_with_ids_and_a_fix() {
    let rig = Rig::new(250, &["--fault", "stop=1", "--seed", "7"]);
    let records = rig.summary.records;
    let (code, said, error) = rig.run("errors", &[]);
    assert_eq!((code, error.as_str()), (Some(1), ""));
    assert!(said.contains(&format!("\n\n{} records: 400: ", records.failed)), "{said}");
    assert!(said.contains("\n  such as "), "{said}");
    assert!(said.contains("\n  fix: write modelInput in the format of the model"), "{said}");
    assert!(said.contains("Bedrock says: Stopped: a person stopped the job"), "{said}");
    assert!(said.contains(" --unprocessed\n") || said.ends_with(" --unprocessed\n"), "{said}");
    assert!(said.lines().all(|line| line.len() < 200), "{said}");
    let json: Value = serde_json::from_str(&rig.run("errors", &["--json"]).1).unwrap();
    assert_eq!(json["errors"][0]["records"], records.failed);
    assert_eq!(json["unprocessed"]["records"], records.unprocessed);
    assert_eq!(json["truncated"], Value::Null);

    let good = tempfile::tempdir().unwrap();
    let drop: String = (0..100)
        .map(|at| json!({"recordId": format!("r{at}"), "modelInput": nova("a")}).to_string() + "\n")
        .collect();
    let results = finished(good.path(), "good.jsonl", drop.as_bytes(), &[]);
    let (code, said, _) = run_command("errors", good.path(), &[results.to_str().unwrap()]);
    assert_eq!(
        (code, said.trim()),
        (Some(0), "good.jsonl: 100 records = 100 succeeded + 0 failed + 0 unprocessed")
    );
}

/// The results that `tools/bench/make_results.py` makes are those with which large drops are measured.
#[test]
fn many_records_are_ordered_part_by_part() {
    let folder = tempfile::tempdir().unwrap();
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/bench/make_results.py");
    let made = Command::new("python3").arg("-B").arg(tool).arg("60000").arg(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (code, said, error) = run_command(
        "results",
        folder.path(),
        &["results", "--order", "in.jsonl", "-o", "out.csv", "--fields", "recordId,status"],
    );
    assert!(
        code == Some(0) && said.contains("59,400 succeeded + 540 failed + 60 unprocessed"),
        "{said}{error}"
    );
    let csv = fs::read_to_string(folder.path().join("out.csv")).unwrap();
    let expected = (0..60_000).map(|number| {
        let status = match number {
            number if number % 1_000 == 999 => "unprocessed",
            number if number % 100 == 99 => "failed",
            _ => "succeeded",
        };
        format!("r{number},{status}")
    });
    assert!(csv.lines().skip(1).eq(expected), "{}", csv.lines().take(5).collect::<Vec<_>>().join("\n"));
}

/// The commands of a person from the first drop to the second, against a running pipeline.
#[tokio::test]
async fn drop_is_fetched_examined_and_tried_again() {
    let person = Person::new();
    let (records, _) = mixed_drop(120);
    person.write("in.jsonl", &records);
    let faults = ["--fault", "stop=1", "--seed", "7", "--model-id", "amazon.nova-lite-v1:0"];
    let quota = ["--set", "MAX_RECORDS_PER_JOB=60", "--set", "MIN_RECORDS_PER_JOB=1"];
    let pipeline = person.serve(&[&faults[..], &quota].concat()).await;
    let at = ["--local", "runs"];
    let run = async |arguments: &[&str]| person.run(&[arguments, &at].concat()).await;
    let (_, said, error) = run(&["submit", "in.jsonl", "--yes", "--wait"]).await;
    let id = said.split(' ').next().unwrap().to_owned();
    assert_eq!(id.len(), 32, "{said}{error}");

    let (code, said, error) = run(&["results", &id[..8], "-o", "fetched"]).await;
    assert_eq!(code, Some(0), "{said}{error}");
    assert!(said.contains("each has the checksum that S3 has"), "{said}");
    let summary: Summary =
        serde_json::from_slice(&fs::read(person.path("fetched/summary.json")).unwrap()).unwrap();
    assert_eq!(summary.drop_id.as_str(), id);
    let records = summary.records;
    assert!(records.failed > 0 && records.unprocessed > 0, "{records:?}");
    let name = person.path("fetched").join(&summary.files[0]);
    let mut bytes = fs::read(&name).unwrap();
    bytes[40] ^= 1;
    fs::write(&name, &bytes).unwrap();
    let (_, said, _) = run(&["results", "in.jsonl", "-o", "fetched"]).await;
    assert!(said.contains("1 were not as S3 has them, and were downloaded again"), "{said}");

    let (code, said, error) =
        run(&["results", "in.jsonl", "--order", "in.jsonl", "-o", "ordered.jsonl"]).await;
    assert_eq!(code, Some(0), "{said}{error}");
    assert_eq!(fs::read_to_string(person.path("ordered.jsonl")).unwrap().lines().count(), 120);
    let left: Vec<_> =
        fs::read_dir(person.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".ordered")), "{left:?}");
    // What is left of a command that failed is for its user only.
    let (code, ..) = run(&["results", "in.jsonl", "--order", "ordered.jsonl", "-o", "wrong.jsonl"]).await;
    let left = fs::metadata(person.path(&format!(".wrong.jsonl.{}.results", &id[..12]))).unwrap();
    assert_eq!((code, left.permissions().mode() & 0o777), (Some(1), 0o700));
    let (_, out, _) = run(&["results", "in.jsonl", "--fields", "recordId,status"]).await;
    assert_eq!(out.lines().count(), 120);

    let (code, said, error) = run(&["errors", "in.jsonl"]).await;
    assert_eq!((code, error.as_str()), (Some(1), ""));
    let fix = "fix: bedrock-vpc-batch retry in.jsonl --local runs --unprocessed";
    assert!(said.contains(fix), "{said}");

    let (code, _, error) = run(&["retry", "in.jsonl", "--unprocessed"]).await;
    assert!(code == Some(2) && error.contains("give --yes"), "{error}");
    let (code, said, error) = run(&["retry", "in.jsonl", "--unprocessed", "--yes"]).await;
    assert_eq!(code, Some(0), "{said}{error}");
    assert!(said.contains(" in.retry-1.jsonl"), "{said}");
    assert!(error.starts_with("in.retry-1.jsonl: valid, "), "the file is temporary, and not named: {error}");
    let (_, followed, error) = run(&["watch", "in.retry-1.jsonl"]).await;
    assert!(followed.contains("Cancelled"), "a person stopped its job, too: {followed}{error}");
    run(&["results", "in.retry-1.jsonl", "-o", "second"]).await;
    let second: Summary =
        serde_json::from_slice(&fs::read(person.path("second/summary.json")).unwrap()).unwrap();
    assert_eq!((second.records.total, second.source.retry_of), (records.unprocessed, Some(id.clone())));
    assert!(
        second.source.estimate.is_some_and(|estimate| estimate.input.0 > 0),
        "{:?}",
        second.source.estimate
    );
    let (_, said, _) = run(&["errors", "in.jsonl"]).await;
    let again = format!("some records were tried again in the drop {}", &second.drop_id.as_str()[..12]);
    assert!(said.contains(&again), "{said}");
    // The model is certain to refuse them again.
    let (code, said, error) = run(&["retry", "in.jsonl", "--errors", "--yes"]).await;
    assert_eq!(code, Some(1), "{said}{error}");
    assert!(said.contains("in.retry-2.jsonl") && error.contains("nothing was dropped"), "{said}{error}");
    let (code, said, error) = run(&["retry", "in.jsonl", "--errors", "-o", "again.jsonl"]).await;
    assert_eq!(code, Some(0), "{said}{error}");
    assert!(said.ends_with("to drop it: bedrock-vpc-batch submit again.jsonl --local runs\n"), "{said}");
    // An erased drop does not take its retries along.
    let (code, said, error) = run(&["erase", "in.jsonl", "--yes"]).await;
    assert_eq!(code, Some(0), "{said}{error}");
    let kept = format!(
        "in.jsonl: erased. Retries keep the same records unless they are erased, too: {}\n",
        second.drop_id
    );
    assert!(said.ends_with(&kept), "{said}");
    drop(pipeline);
}

/// A key may have characters that XML does not allow, and some that a URL or a shell reads as its own.
#[tokio::test]
async fn results_are_found_whatever_is_in_the_key() {
    let person = Person::new();
    let (records, _) = mixed_drop(110);
    person.write("in.jsonl", &records);
    let pipeline = person.serve(&["--model-id", "amazon.nova-lite-v1:0"]).await;
    let key = "a\u{1}b/\u{fffe}é +%2F&$'\".jsonl";
    let run = async |arguments: &[&str]| person.run(&[arguments, &["--local", "runs"]].concat()).await;
    let (_, submitted, _) = run(&["submit", "in.jsonl", "--as", key, "--yes", "--wait"]).await;
    let id = submitted.split(' ').next().unwrap();
    let (code, said, error) = run(&["results", key, "-o", "fetched"]).await;
    assert_eq!(code, Some(0), "{submitted}{said}{error}");
    let summary: Summary =
        serde_json::from_slice(&fs::read(person.path("fetched/summary.json")).unwrap()).unwrap();
    assert_eq!((summary.source.key.as_str(), summary.drop_id.as_str()), (key, id));
    let (_, said, _) = run(&["status", "--json"]).await;
    let line: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(line["key"], key);
    assert!(!said.contains('\u{fffe}') && !said.contains('\u{1}'), "{said}");
    drop(pipeline);
}

#[test]
fn records_are_written_again_for_a_retry() {
    let rig = Rig::new(150, &["--fault", "stop=1", "--seed", "7"]);
    let records = rig.summary.records;
    let lines = |name: &str| -> Vec<Value> {
        let text = fs::read_to_string(rig.folder.path().join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (code, said, error) = rig.run("retry", &[]);
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("to drop it: bedrock-vpc-batch submit in.retry-1.jsonl"), "{said}");
    let again = lines("in.retry-1.jsonl");
    assert_eq!(again.len() as u64, records.failed + records.unprocessed);
    let of_results: BTreeMap<String, Value> = rig
        .lines(&[])
        .into_iter()
        .map(|line| (line["recordId"].as_str().unwrap().to_owned(), line))
        .collect();
    for record in &again {
        let line = &of_results[record["recordId"].as_str().unwrap()];
        assert_ne!(line["status"], "succeeded");
        assert_eq!(*record, json!({"recordId": line["recordId"], "modelInput": line["modelInput"]}));
    }
    // The next file has the next number.
    assert!(rig.run("retry", &["--errors"]).1.contains("in.retry-2.jsonl"));
    assert_eq!(lines("in.retry-2.jsonl").len() as u64, records.failed);

    // Corrected records come from a file, by id.
    let corrected: String = again
        .iter()
        .rev()
        .map(|record| {
            json!({"recordId": record["recordId"], "modelInput": nova("corrected")}).to_string() + "\n"
        })
        .collect();
    rig.write("corrected.jsonl", &corrected);
    let (code, _, error) = rig.run("retry", &["--errors", "--from", "corrected.jsonl", "-o", "new.jsonl"]);
    assert_eq!(code, Some(0), "{error}");
    let new = lines("new.jsonl");
    assert_eq!(new.len() as u64, records.failed);
    assert!(new.iter().all(|record| record["modelInput"] == nova("corrected")));
    rig.write("corrected.jsonl", corrected.lines().next().unwrap());
    let (code, _, error) = rig.run("retry", &["--from", "corrected.jsonl", "-o", "none.jsonl"]);
    assert!(code == Some(1) && error.contains("of the drop are not in it, such as "), "{error}");
    assert!(!rig.folder.path().join("none.jsonl").exists());

    // Answers that were cut off get a higher limit.
    let (code, said, _) = rig.run("retry", &["--truncated"]);
    assert!(code == Some(1) && said.contains("there is no such record"), "{said}");
    // Which answers a stopped job has is not known before.
    let answers = rig.summary.files.iter().filter(|name| name.starts_with("succeeded/"));
    let read = answers.map(|name| (fs::read_to_string(rig.results.join(name)).unwrap(), name));
    let (text, name) = read.max_by_key(|(text, _)| text.len()).unwrap();
    assert!(text.matches("\"end_turn\"").count() >= 2, "{text}");
    fs::write(rig.results.join(name), text.replacen("\"end_turn\"", "\"max_tokens\"", 2)).unwrap();
    let (code, said, error) = rig.run("retry", &["--truncated", "--max-tokens", "500", "-o", "longer.jsonl"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("longer.jsonl: 2 records, with a higher limit of tokens"), "{said}");
    assert!(
        lines("longer.jsonl")
            .iter()
            .all(|record| record["modelInput"]["inferenceConfig"]["maxTokens"] == 500)
    );
}
