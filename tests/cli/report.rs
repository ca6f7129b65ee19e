//! The command `report`: a page beside each summary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bedrock_vpc_batch::job::findings::ErrorGroup;
use bedrock_vpc_batch::job::summary::Summary;
use regex::Regex;

use crate::support::drop_of;
use crate::support::pages::assert_is_safe;
use crate::support::processes::COMMAND_LINE;

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(COMMAND_LINE).args(arguments).current_dir(folder).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn each_drop_of_a_run_gets_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "b <script>alert(1)</script>.jsonl";
    let name = hostile.replace('/', "\u{2215}");
    fs::write(folder.path().join("a.jsonl"), drop_of(250)).unwrap();
    fs::write(folder.path().join(&name), drop_of(100)).unwrap();
    let local =
        ["local", "a.jsonl", &name, "--pace-ms", "0", "--dir", "runs", "--set", "MAX_RECORDS_PER_JOB=125"];
    let (code, _, said) =
        run(folder.path(), &[&local[..], &["--model-id", "amazon.nova-lite-v1:0"]].concat());
    assert!(code == Some(0), "{said}");

    let (code, said, _) = run(folder.path(), &["report", "runs"]);
    let pages: Vec<&str> = said.lines().collect();
    assert_eq!((code, pages.len()), (Some(0), 2), "{said}");
    for (page, records, jobs) in [(pages[0], 250, 2), (pages[1], 100, 1)] {
        let page = fs::read_to_string(folder.path().join(page)).unwrap();
        assert_is_safe(&page);
        assert!(page.contains(&format!("Each of {records} records has an answer.")), "{page}");
        assert_eq!(page.matches("<td>Completed</td>").count(), jobs, "{page}");
        assert!(page.contains("US dollars at the batch prices of"), "{page}");
    }
    // The functions have written the same page, and with it the type that a browser needs.
    let bucket = find(&folder.path().join("runs"), "report.html");
    assert_eq!(bucket.len(), 2, "{bucket:?}");

    // Prompts and answers stay where they are, unless they are asked for.
    let line = String::from_utf8(drop_of(1)).unwrap();
    let prompt = Regex::new(r#""text": ?"([^"]+ )"#).unwrap().captures(&line).unwrap()[1].to_owned();
    let page = || fs::read_to_string(folder.path().join(pages[0])).unwrap();
    assert!(!page().contains(&prompt));
    assert_eq!(run(folder.path(), &["report", "runs", "--samples", "2"]).0, Some(0));
    assert!(page().contains(&prompt) && page().matches("<h3>").count() == 2, "{}", page());
    assert_is_safe(&page());

    // It can be made again, and from the results of one drop.
    let one = Path::new(pages[0]).parent().unwrap().to_str().unwrap();
    assert_eq!(run(folder.path(), &["report", one]), (Some(0), format!("{}\n", pages[0]), String::new()));
}

/// The files below a folder that have this name.
fn find(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(find(&entry.path(), name));
        } else if entry.file_name() == name {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn refused_drop_gets_a_page_without_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "the-secret-prompt";
    let body = format!("{{\"recordId\":\"a\",\"modelInput\":{{}}}}\n{{\"prompt\":\"{secret}\"\n").repeat(100);
    fs::write(folder.path().join("a.jsonl"), body).unwrap();
    let local =
        ["local", "a.jsonl", "--pace-ms", "0", "--dir", "runs", "--model-id", "amazon.nova-lite-v1:0"];
    run(folder.path(), &local);
    let [of_function] = find(folder.path(), "report.html").try_into().unwrap();
    let of_function = fs::read_to_string(of_function).unwrap();
    assert!(of_function.contains("The file was refused"), "{of_function}");
    assert!(!of_function.contains(secret), "{of_function}");
    assert_is_safe(&of_function);
    let (code, said, _) = run(folder.path(), &["report", "runs"]);
    assert_eq!(code, Some(0));
    assert_eq!(fs::read_to_string(folder.path().join(said.trim())).unwrap(), of_function);
}

#[test]
fn page_of_many_parts_and_kinds_of_errors_is_small() {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger/golden/findings/summary.json");
    let mut summary: Summary = serde_json::from_slice(&fs::read(golden).unwrap()).unwrap();
    let hostile = "<img src=x onerror=alert(1)>\u{202e}\u{1b}[2J&\"'`${7*7}";
    let jobs: Vec<_> = (1..=200)
        .flat_map(|part| summary.jobs.iter().cloned().map(move |job| (part, job)))
        .map(|(part, mut job)| {
            job.part = part;
            job
        })
        .collect();
    summary.jobs = jobs;
    let group = |number: u64| ErrorGroup {
        code: Some("400".into()),
        message: format!("{number} {}", hostile.repeat(20)),
        count: 5_000 - number,
        retryable: false,
        sample_ids: vec![hostile.into(); 3],
    };
    summary.largest_errors = (0..5_000).map(group).collect();
    summary.other_errors = 0;
    summary.mismatches = vec![hostile.repeat(9); 5_000];
    fs::write(folder.path().join("summary.json"), serde_json::to_vec(&summary).unwrap()).unwrap();
    assert_eq!(run(folder.path(), &["report", "."]).0, Some(0));
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.len() < 1_000_000, "{}", page.len());
    assert_is_safe(&page);
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;\\u{202e}\\u{1b}[2J"), "{page}");
    assert!(page.contains("12,007,450</td><td>other errors</td>"), "those that are not listed are counted");
}

#[test]
fn what_is_not_a_summary_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, error) = run(folder.path(), &["report", "missing"]);
    assert_eq!((code, error.as_str()), (Some(1), "error: missing: No such file or directory (os error 2)\n"));
    let (code, _, error) = run(folder.path(), &["report", "."]);
    assert!(code == Some(1) && error.contains(".: it has no summary.json and no rejection.json"), "{error}");
    fs::write(folder.path().join("summary.json"), "{}").unwrap();
    let (code, _, error) = run(folder.path(), &["report", "."]);
    assert!(code == Some(1) && error.contains("summary.json: it is not a summary of a drop"), "{error}");
    fs::write(folder.path().join("prices.json"), "{}").unwrap();
    let (code, _, error) = run(folder.path(), &["report", ".", "--prices", "prices.json"]);
    assert!(code == Some(2) && error.starts_with("error: --prices prices.json: "), "{error}");
    assert!(!folder.path().join("report.html").exists());
}
