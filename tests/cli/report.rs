//! The command `report`: a page beside each summary.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use regex::Regex;

use crate::support::drop_of;
use crate::support::processes::COMMAND_LINE;

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(COMMAND_LINE).args(arguments).current_dir(folder).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Elements that have no end tag. <https://html.spec.whatwg.org/#void-elements>
const VOID: [&str; 2] = ["meta", "!DOCTYPE"];

/// Fails unless each element is closed in the order in which they are opened.
fn assert_well_formed(page: &str) {
    let tag = Regex::new(r#"<(/?)([!a-zA-Z0-9]+)((?:"[^"]*"|[^">])*)>"#).unwrap();
    let mut open = Vec::new();
    for found in tag.captures_iter(page) {
        let name = found[2].to_owned();
        match &found[1] {
            "/" => assert_eq!(open.pop(), Some(name)),
            _ if VOID.contains(&name.as_str()) => {}
            _ => open.push(name),
        }
    }
    assert_eq!(open, Vec::<String>::new());
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
        assert_well_formed(&page);
        assert!(page.contains(&format!("Each of {records} records has an answer.")), "{page}");
        assert_eq!(page.matches("<td>Completed</td>").count(), jobs, "{page}");
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("US dollars at the batch prices of"), "{page}");
    }
    // Prompts and answers stay where they are.
    let line = String::from_utf8(drop_of(1)).unwrap();
    let prompt = Regex::new(r#""text": ?"([^"]+)""#).unwrap().captures(&line).unwrap()[1].to_owned();
    assert!(!fs::read_to_string(folder.path().join(pages[0])).unwrap().contains(&prompt));

    // It can be made again, and from the results of one drop.
    let one = Path::new(pages[0]).parent().unwrap().to_str().unwrap();
    assert_eq!(run(folder.path(), &["report", one]), (Some(0), format!("{}\n", pages[0]), String::new()));
}

#[test]
fn what_is_not_a_summary_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, error) = run(folder.path(), &["report", "missing"]);
    assert_eq!((code, error.as_str()), (Some(1), "error: missing: No such file or directory (os error 2)\n"));
    let (code, _, error) = run(folder.path(), &["report", "."]);
    assert!(code == Some(1) && error.contains(".: it has no summary.json"), "{error}");
    fs::write(folder.path().join("summary.json"), "{}").unwrap();
    let (code, _, error) = run(folder.path(), &["report", "."]);
    assert!(code == Some(1) && error.contains("summary.json: it is not a summary of a drop"), "{error}");
    fs::write(folder.path().join("prices.json"), "{}").unwrap();
    let (code, _, error) = run(folder.path(), &["report", ".", "--prices", "prices.json"]);
    assert!(code == Some(2) && error.starts_with("error: --prices prices.json: "), "{error}");
    assert!(!folder.path().join("report.html").exists());
}
