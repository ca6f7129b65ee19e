//! What the model rules say about bodies, right and wrong, of all families. The expectations in `bodies.jsonl` are from
//! the documentation that each row names.

use std::collections::{BTreeMap, BTreeSet};

use bedrock_vpc_batch::model::facts::{Format, all_facts};
use bedrock_vpc_batch::model::findings::Examination;
use bedrock_vpc_batch::model::rules::{MAX_EXAMINED_BYTES, RuleFinding, Rules};
use bedrock_vpc_batch::record::padding::known_body;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

const BODIES: &str = include_str!("bodies.jsonl");

/// A body, and what is expected of it.
#[derive(Deserialize)]
struct Row<'a> {
    name: &'a str,
    model: &'a str,
    r#type: &'a str,
    /// The code of the finding; `None` for a body that the model accepts.
    code: Option<&'a str>,
    /// The page that says so.
    source: &'a str,
    #[serde(borrow)]
    body: &'a RawValue,
    /// The S3 prefixes that the batch role may read.
    #[serde(default)]
    readable: Vec<String>,
}

fn rows() -> Vec<Row<'static>> {
    BODIES
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn judge(model: &str, invocation_type: &str, readable: &[String], body: &str) -> Vec<RuleFinding> {
    let rules = Rules::of(model, invocation_type);
    rules.map(|rules| rules.with_readable(readable.iter().cloned()).judge(body)).unwrap_or_default()
}

#[test]
fn every_wrong_body_is_named_with_its_fix_and_no_right_one_draws_a_finding() {
    let rows = rows();
    let mut problems = Vec::new();
    let (mut right, mut wrong) = (0, 0);
    for row in &rows {
        assert!(row.source.starts_with("https://"), "{}: no source", row.name);
        let findings = judge(row.model, row.r#type, &row.readable, row.body.get());
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        let is_expected = match row.code {
            None => codes.is_empty(),
            Some(code) => codes.contains(&code),
        };
        *if row.code.is_some() { &mut wrong } else { &mut right } += 1;
        if !is_expected {
            problems
                .push(format!("{} ({}): expected {:?}, but {findings:#?}", row.name, row.model, row.code));
        }
        for finding in findings {
            assert!(!finding.what.is_empty() && !finding.fix.is_empty(), "{finding:?}");
            assert!(finding.source.starts_with("https://"), "{finding:?}");
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    println!("model rules: {right} right bodies without a finding, {wrong} wrong ones named");
    assert!(right >= 60 && wrong >= 60, "{right} right, {wrong} wrong");
}

#[test]
fn each_format_and_each_code_has_a_wrong_body_and_each_format_a_right_one() {
    let rows = rows();
    let formats = |is_right: bool| -> BTreeSet<&str> {
        let rows = rows.iter().filter(|row| row.code.is_none() == is_right);
        rows.filter_map(|row| Rules::of(row.model, row.r#type)).map(|rules| rules.subject()).collect()
    };
    let all: BTreeSet<&str> =
        all_facts().flat_map(|fact| fact.formats.iter().map(|format: &Format| format.name())).collect();
    assert_eq!(formats(true), all);
    assert_eq!(formats(false), all);
    let expected: BTreeSet<&str> = rows.iter().filter_map(|row| row.code).collect();
    assert_eq!(expected, all_facts().map(|fact| fact.code).collect());
}

#[test]
fn the_projects_own_bodies_pass() {
    let examples = include_str!("../../examples/support-tickets.jsonl");
    for line in examples.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(judge("amazon.nova-lite-v1:0", "InvokeModel", &[], &record["modelInput"].to_string()), []);
    }
    let models: BTreeSet<&str> = rows().iter().map(|row| row.model).collect();
    let mut padding = 0;
    for model in models {
        for invocation_type in ["InvokeModel", "Converse"] {
            if let Some(known) = known_body(model, invocation_type) {
                assert_eq!(judge(model, invocation_type, &[], known.json), [], "{model}");
                padding += 1;
            }
        }
    }
    assert!(padding > 40, "{padding}");
}

#[test]
fn facts_have_sources_and_codes_in_kebab_case() {
    let mut sources: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for fact in all_facts() {
        let is_kebab =
            |code: &str| code.bytes().all(|byte| byte.is_ascii_lowercase() || b"-34".contains(&byte));
        assert!(fact.code.starts_with("body-") && is_kebab(fact.code), "{}", fact.code);
        assert!(fact.source.starts_with("https://") && !fact.fix.is_empty(), "{}", fact.code);
        sources.entry(fact.code).or_default().insert(fact.source);
    }
    println!("model rules: {} facts, {} codes", all_facts().count(), sources.len());
}

/// The table of the documentation: one section for each format, one row for each fact.
fn documented() -> String {
    let mut sections: BTreeMap<Format, Vec<String>> = BTreeMap::new();
    for fact in all_facts() {
        let ids: Vec<String> = fact.models.iter().map(|start| format!("`{start}…`")).collect();
        let models = if ids.is_empty() { "all".to_owned() } else { ids.join(", ") };
        for format in fact.formats {
            let row = format!("| `{}` | {models} | {} | [source]({}) |", fact.code, fact.fix, fact.source);
            sections.entry(*format).or_default().push(row);
        }
    }
    let head = "| code | models | what to do | who says so |\n|---|---|---|---|\n";
    let section = |(format, rows): (Format, Vec<String>)| {
        format!("### {}\n\n{head}{}\n", format.name(), rows.join("\n"))
    };
    sections.into_iter().map(section).collect::<Vec<_>>().join("\n")
}

#[test]
fn documentation_has_the_table() {
    let page = include_str!("../../docs/model-rules.md");
    let (start, rest) = page.split_once("<!-- rules: start -->\n").unwrap();
    let (table, end) = rest.split_once("<!-- rules: end -->").unwrap();
    let expected = documented();
    if table != expected {
        let made = concat!(env!("CARGO_MANIFEST_DIR"), "/target/model-rules.md");
        let page = format!("{start}<!-- rules: start -->\n{expected}<!-- rules: end -->{end}");
        std::fs::write(made, page).unwrap();
        panic!("docs/model-rules.md is not up to date: copy target/model-rules.md to it");
    }
}

#[test]
fn text_of_the_file_is_escaped_and_truncated() {
    let hostile = "\u{1b}[2J\u{202e}".to_owned() + &"x".repeat(100_000);
    let bodies = [
        ("amazon.titan-embed-text-v1", serde_json::json!({"inputText": "Hi", hostile.as_str(): 1})),
        ("amazon.titan-embed-text-v2:0", serde_json::json!({"inputText": "Hi", "embeddingTypes": [hostile]})),
    ];
    for (model, body) in bodies {
        let findings = judge(model, "InvokeModel", &[], &body.to_string());
        assert!(!findings.is_empty());
        for finding in findings {
            assert!(finding.what.contains(r"\u{1b}[2J\u{202e}"), "{finding:?}");
            assert!(finding.what.len() < 300 && finding.at.len() < 300, "{finding:?}");
        }
    }
}

#[test]
fn nothing_is_said_about_what_cannot_be_judged() {
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(MAX_EXAMINED_BYTES));
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
    for body in [large.as_str(), &deep, "[]", "\"{}\"", "1", "", "{"] {
        assert_eq!(judge("amazon.titan-embed-text-v2:0", "InvokeModel", &[], body), []);
    }
    // The largest body that is examined, and one more byte.
    let of_length = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - r#"{"a":""}"#.len()));
    let count = |bytes| judge("amazon.titan-embed-text-v2:0", "InvokeModel", &[], &of_length(bytes)).len();
    assert!(count(MAX_EXAMINED_BYTES) > 0 && count(MAX_EXAMINED_BYTES + 1) == 0);
    let custom =
        "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.titan-embed-text-v1:2:8k/abcdefghijkl";
    for model in [
        custom,
        "abcdefghijkl",
        "anthropic.claude-v2:1",
        "amazon.nova-canvas-v1:0",
        "ai21.jamba-1-5-mini-v1:0",
    ] {
        assert!(Rules::of(model, "InvokeModel").is_none(), "{model}");
    }
}

#[test]
fn findings_are_grouped_by_code_with_the_first_lines() {
    let rules = Rules::of("us.anthropic.claude-haiku-4-5-20251001-v1:0", "InvokeModel").unwrap();
    assert_eq!(rules.model_id(), "us.anthropic.claude-haiku-4-5-20251001-v1:0");
    let mut examination = Examination::new(rules);
    let right = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
    for line in 1..=20 {
        let body =
            if line == 3 { right.to_owned() } else { right.replace("\"max_tokens\":9", "\"stream\":true") };
        assert_eq!(examination.examine(line, &body), line == 3);
    }
    assert_eq!((examination.examined(), examination.failing()), (20, 19));
    let groups: Vec<_> = examination
        .groups()
        .iter()
        .map(|group| (group.first.code, group.records, group.first_lines.clone()))
        .collect();
    let lines = vec![1, 2, 4, 5, 6];
    assert_eq!(groups, [("body-max-tokens", 19, lines.clone()), ("body-stream", 19, lines)]);
    let said = |lines: &[u64]| {
        let mut examination = Examination::new(examination.rules().clone());
        for line in lines {
            examination.examine(*line, "{}");
        }
        let group = &examination.groups()[0];
        assert_eq!(group.records, lines.len() as u64);
        group.lines()
    };
    assert_eq!(said(&[7]), "line 7");
    assert_eq!(said(&[7, 9]), "lines 7, 9");
    assert_eq!(said(&[1, 2, 3, 4, 5]), "lines 1, 2, 3, 4, 5");
    assert_eq!(said(&[1, 2, 3, 4, 5, 6]), "lines 1, 2, 3, 4, 5, …");
    // The elements of an array may be on one line.
    assert_eq!(said(&[1; 50]), "line 1");
    assert_eq!(said(&[1, 1, 2, 2]), "lines 1, 2");
}
