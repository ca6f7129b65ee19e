//! Every kind of problem: a drop can have it, and `docs/problems.md` explains it.

use std::collections::BTreeMap;
use std::path::Path;

use bedrock_vpc_batch::drop::check::{Validator, Verdict, check_source};
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::kinds::{self, Example, ProblemKind};
use bedrock_vpc_batch::drop::names::{InputSuffixes, NameRule};
use bedrock_vpc_batch::drop::quotas::{QuotaProblem, Quotas};
use bedrock_vpc_batch::drop::rejection::{Problem, ProblemPlace};
use bedrock_vpc_batch::drop::source::DropSource;
use bedrock_vpc_batch::local::faults::Action;
use bedrock_vpc_batch::model::rules::Rules;
use bedrock_vpc_batch::record::json_fault::JsonFault;

use crate::support::{World, any_drop, drop_of, out_of_time};

const GOOD: &[u8] = br#"{"recordId": "1", "modelInput": {}}"#;

const PAGE: &str = "docs/problems.md";

/// The start of the page.
const HEAD: &str = "# What can be wrong with a file

A file that cannot be processed as it is is refused as a whole, before any of its records is submitted. `rejection.json`
lists each kind of problem once: its `code`, how many `lines` have it, the first five `places`, and how to fix it. An
`excerpt` shows the line around the offending character, which is number `caret` in it, counted from 0. If
`stopped_early` is true, the reading stopped after 10,000 bad lines, or 256 MiB of them: there may be more problems, and
`lines` counts only what was read. A problem of the whole file has the same members: `lines` is 0, `line` and `byte` are
null, and `places` is empty. A line with several problems is counted in each of them. `bedrock-vpc-batch check FILE` says
the same without a stack.

Codes are stable; the texts are not. This page is made from `src/drop/kinds.rs` by `make problems`.
";

/// The body of the example of a kind; none if a few bytes cannot show it.
fn body(kind: &ProblemKind) -> Option<Vec<u8>> {
    match kind.example {
        Example::File(bytes) => Some(bytes.to_vec()),
        Example::Line(line) => Some([GOOD, b"\n", line, b"\n"].concat()),
        Example::Twice(line) => Some([line, b"\n", line, b"\n"].concat()),
        Example::Told(_) => None,
    }
}

fn problems_of(body: &[u8], quotas: Quotas, max_record_bytes: usize) -> Vec<Problem> {
    problems_found(body, Validator::new(DropId::derive(&any_drop()), quotas, max_record_bytes))
}

fn problems_found(body: &[u8], mut validator: Validator) -> Vec<Problem> {
    let _ = validator.feed(body);
    match validator.finish() {
        Verdict::Valid(_) => vec![],
        Verdict::Invalid { problems, .. } => problems,
    }
}

fn quotas(min_records: u64, max_records: u64, max_file_bytes: u64) -> Quotas {
    Quotas { min_records, max_records, max_file_bytes }
}

/// The problems of the situations that are only told.
fn problems_told() -> Vec<Problem> {
    let records = drop_of;
    let deep = format!(r#"{{"modelInput":{}1{}}}"#, r#"{"a":"#.repeat(200), "}".repeat(200));
    let mut tar = vec![0; 512];
    tar[..9].copy_from_slice(b"a.jsonl\n\n");
    tar[257..262].copy_from_slice(b"ustar");
    let mut found: Vec<Problem> = [
        (records(99), quotas(100, 100_000, 1_000_000), 1_000_000),
        (records(168), quotas(100, 100, 1_000_000), 1_000_000),
        (records(100), quotas(100, 100_000, 1_000), 1_000_000),
        ([GOOD, b"\n", &[b'x'; 100]].concat(), quotas(1, 10, 1_000), 99),
        ([GOOD, b"\n", deep.as_bytes()].concat(), quotas(1, 10, 1_000_000), 1_000_000),
        (tar, quotas(1, 10, 1_000), 1_000_000),
    ]
    .into_iter()
    .flat_map(|(body, quotas, max_record_bytes)| problems_of(&body, quotas, max_record_bytes))
    .collect();
    let source = |key: &str| DropSource { key: key.to_owned(), size_bytes: 60, ..any_drop() };
    let suffixes = InputSuffixes::default();
    let names = NameRule { prefix: "in/", suffixes: &suffixes };
    for (key, max_drop_bytes) in
        [("in/records.csv", 100), ("in/.records.jsonl", 100), ("in/records.jsonl", 50)]
    {
        found.extend(check_source(&source(key), names, max_drop_bytes));
    }
    let rules = Rules::of("anthropic.claude-3-haiku-20240307-v1:0", "InvokeModel");
    let validator =
        Validator::new(DropId::derive(&any_drop()), quotas(1, 10, 1_000), 1_000).with_rules(rules);
    found.extend(problems_found(GOOD, validator));
    // The tests of `plan.rs` make a plan with too many jobs, which takes seconds.
    found.push(QuotaProblem::TooManyParts.into());
    found
}

/// The problems of drops that are refused because of what S3, the clock, or an operator does.
async fn problems_in_flow() -> Vec<Problem> {
    let mut world = World::new().await;
    let gone = world.put("in/gone.jsonl", drop_of(100)).await;
    // It was there when it was asked for, and is not when it is read.
    world.faults.set(|call| match call.operation {
        "GetObject" if call.subject == "in/gone.jsonl" => Action::Refuse { status: 404, code: "NoSuchKey" },
        _ => Action::Pass,
    });
    world.submit(gone).await.unwrap();
    world.faults.clear();
    let slow = world.put("in/slow.jsonl", drop_of(100)).await;
    for _ in 1..=2 {
        world.submit.handle(slow.clone(), &out_of_time()).await.unwrap_err();
    }
    world.submit.handle(slow, &out_of_time()).await.unwrap();
    world.reconfigure(&[("MAX_DROP_USD", "0")]);
    let held = world.put("in/held.jsonl", drop_of(100)).await;
    world.submit(held.clone()).await.unwrap();
    let request = world.ask(&world.cancellation_of("in/held.jsonl", &held)).await;
    world.complete(request).await.unwrap();
    let mut found = Vec::new();
    for name in ["gone", "slow", "held"] {
        let mut results = world.results().await;
        results.files.retain(|key, _| key.contains(name));
        found.extend(results.rejection().problems);
    }
    found
}

#[tokio::test]
async fn every_kind_of_problem_has_an_example() {
    for kind in kinds::ALL {
        if let Some(body) = body(kind) {
            let problems = problems_of(&body, quotas(1, 100, 1_000_000), 1_000_000);
            let codes: Vec<&str> = problems.iter().map(|problem| problem.code.as_str()).collect();
            assert_eq!(codes, [kind.code]);
            // The page has the fixes of the other causes.
            assert!(problems[0].fix == kind.fix || kind.code == kinds::NOT_JSON.code, "{problems:?}");
        }
    }
    let told = [problems_told(), problems_in_flow().await].concat();
    let mut codes: Vec<&str> = told.iter().map(|problem| problem.code.as_str()).collect();
    codes.sort_unstable();
    let mut expected: Vec<&str> =
        kinds::ALL.iter().filter(|kind| body(kind).is_none()).map(|kind| kind.code).collect();
    expected.sort_unstable();
    assert_eq!(codes, expected);
}

/// A row of text as the page shows it: bytes that are not text are escaped.
fn shown(line: &[u8]) -> String {
    match std::str::from_utf8(line) {
        Ok(text) if !text.contains(|c: char| c.is_control() || c == '\u{feff}') => text.to_owned(),
        _ => line.escape_ascii().to_string(),
    }
}

fn shown_places(places: &[ProblemPlace]) -> String {
    let rows = places.iter().map(|ProblemPlace { line, detail, excerpt, caret, .. }| {
        let number = format!("line {line}: ");
        let before = number.chars().count() + caret;
        let caret = format!("{}^ {}", " ".repeat(before), detail.as_deref().unwrap_or_default());
        format!("{number}{excerpt}\n{}\n", caret.trim_end())
    });
    rows.collect()
}

/// The causes for which a line is not JSON, each with its fix.
fn causes() -> String {
    let row = |fault: &JsonFault| {
        // A `|` would end the cell, and a backslash before a quote would not be shown.
        let cell = |text: &str| text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "\\<");
        let said = fault.to_string();
        format!("| {} | {} |\n", cell(&said), cell(kinds::fix_of_fault(*fault)))
    };
    let rows: String = JsonFault::ALL.iter().map(row).collect();
    format!("\n| what the caret points to | what to do |\n|---|---|\n{rows}")
}

fn section(kind: &ProblemKind) -> String {
    let ProblemKind { code, what, fix, why, example } = kind;
    let sentence = |text: &str| {
        let mut letters = text.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    let example = match (example, body(kind)) {
        (Example::Told(situation), _) => format!("For example: {situation}.\n"),
        (Example::File(b""), _) => String::new(),
        (Example::File(bytes), _) => {
            let rows: String = bytes.split(|byte| *byte == b'\n').map(|line| shown(line) + "\n").collect();
            format!("```text\n{}\n```\n", rows.trim_end())
        }
        (Example::Line(_) | Example::Twice(_), body) => {
            let problems = problems_of(&body.unwrap(), quotas(1, 100, 1_000_000), 1_000_000);
            let places = shown_places(&problems[0].places);
            if problems[0].places[0].excerpt.is_empty() {
                String::new()
            } else {
                format!("```text\n{places}```\n")
            }
        }
    };
    let causes = if *code == kinds::NOT_JSON.code { causes() } else { String::new() };
    let example = if example.is_empty() { example } else { format!("\n{example}") };
    let fix = sentence(fix).replace('<', "\\<");
    format!("\n### {code}\n\n{}. {why}\n\n**Fix:** {fix}.\n{causes}{example}", sentence(what))
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    let first_lines = BTreeMap::from([
        (
            kinds::EMPTY_FILE.code,
            "## The file is not JSON Lines\n\nOne problem, because the first line that is not blank is not a record, and says what the file is.",
        ),
        (kinds::NAME_NOT_JSONL.code, "## The name, the size, or the number of records"),
        (kinds::BLANK_LINE.code, "## A line is not a JSON object"),
        (kinds::UNKNOWN_MEMBER.code, "## A line is not a record"),
    ]);
    for kind in kinds::ALL {
        if let Some(heading) = first_lines.get(kind.code) {
            page.push_str(&format!("\n{heading}\n"));
        }
        page.push_str(&section(kind));
    }
    page
}

/// With `WRITE_PROBLEMS=1`, as `make problems` sets it, the page is written instead.
#[test]
fn page_of_problems_matches_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    #[expect(clippy::disallowed_methods, reason = "it is not a setting of the functions")]
    if std::env::var("WRITE_PROBLEMS").is_ok() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "{PAGE} differs from src/drop/kinds.rs: run `make problems`");
}

#[test]
fn documents_promise_the_codes_and_link_to_them() {
    let read =
        |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    for (document, link) in [
        ("README.md", "(docs/problems.md)"),
        ("docs/troubleshooting.md", "(problems.md)"),
        ("docs/stability.md", "(problems.md)"),
    ] {
        assert!(read(document).contains(link), "{document}");
    }
    let page = read(PAGE);
    for kind in kinds::ALL {
        assert_eq!(page.matches(&format!("\n### {}\n", kind.code)).count(), 1, "{}", kind.code);
    }
}
