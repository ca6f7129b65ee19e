//! `bedrock-vpc-batch check`: what it says about files, in each format, and how it ends.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

#[cfg(target_os = "linux")]
use super::terminal::on_a_terminal;
use crate::support::processes::{COMMAND_LINE, Printed, printed, run_command};
use crate::support::{World, assert_is_plain, drop_of};

fn check(folder: &Path, arguments: &[&str]) -> Printed {
    run_command("check", folder, arguments)
}

/// A drop for Claude with prompts of about 1,000 characters.
fn claude(records: usize) -> String {
    let prompt = "The invoice was paid twice, and nobody has answered my letters. ".repeat(16);
    let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 300,
                      "messages": [{"role": "user", "content": prompt}]});
    let line = |number| json!({"recordId": format!("r{number}"), "modelInput": body}).to_string() + "\n";
    (0..records).map(line).collect()
}

const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

#[test]
fn files_are_checked_without_being_dropped() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.jsonl"), drop_of(100)).unwrap();
    std::fs::write(folder.path().join("bad.jsonl"), "{\"modelInput\":1}\n".repeat(2)).unwrap();
    let counts = "good.jsonl: valid, 100 records, jobs: 1\n  plan: 1 job of 100 records\n  estimate: ";
    let of = |arguments: &[&str]| check(folder.path(), arguments);
    let (code, good, error) = of(&["good.jsonl"]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{good}");
    assert!(good.starts_with(counts), "{good}");
    assert_eq!(run_command("validate", folder.path(), &["good.jsonl"]), (code, good.clone(), error));

    let (code, said, _) = of(&["bad.jsonl", "good.jsonl"]);
    assert_eq!(code, Some(1), "{said}");
    let expected = r#"bad.jsonl: not valid, 1 problem, on 2 lines
  model-input-not-object: the modelInput of a record is not an object
    (lines 1, 2)
    line 1: {"modelInput":1}
                          ^ a number
    line 2: {"modelInput":1}
                          ^ a number
    fix: put the request body of the model into modelInput, as a JSON object
  more about it: bedrock-vpc-batch check --explain model-input-not-object
"#;
    assert!(said.starts_with(expected), "{said}");
    assert!(said.ends_with(&good), "{said}");

    std::fs::write(folder.path().join("repaired.jsonl"), [b"\n".to_vec(), drop_of(100)].concat()).unwrap();
    let (code, said, _) = of(&["repaired.jsonl"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\n  Repaired: left out blank lines (1 line, line 1).\n"), "{said}");
    let (code, said, _) = of(&["repaired.jsonl", "--format", "json"]);
    assert_eq!(code, Some(0), "{said}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["repairs"], json!({"blank_lines": {"lines": 1, "first_line": 1}}));
    assert_eq!(of(&["repaired.jsonl", "--set", "REPAIR=off"]).0, Some(1));

    // A small file is filled up, unless the setting says otherwise.
    let (code, said, _) = of(&["good.jsonl", "--set", "MIN_RECORDS_PER_JOB=101"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\n  plan: 1 job of 100 records, filled up with 1 padding record\n"), "{said}");
    let (code, said, _) =
        of(&["good.jsonl", "--set", "MIN_RECORDS_PER_JOB=101", "--set", "SMALL_DROPS=reject"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("a job needs at least 101"), "{said}");
    let three = ["good.jsonl", "--set", "MIN_RECORDS_PER_JOB=33", "--set", "MAX_RECORDS_PER_JOB=34"];
    let (_, said, _) = of(&three);
    assert!(said.contains("jobs: 3\n  plan: 3 jobs of 33 to 34 records\n"), "{said}");
    let (code, _, said) = of(&["missing.jsonl"]);
    let missing = "error: missing.jsonl: No such file or directory (os error 2)\n";
    assert_eq!((code, said.as_str()), (Some(1), missing));
    std::fs::create_dir(folder.path().join("d.jsonl")).unwrap();
    let (code, _, said) = of(&["d.jsonl"]);
    assert_eq!((code, said.as_str()), (Some(1), "error: d.jsonl: is a directory\n"));
    assert_eq!(of(&["good.jsonl", "--set", "MIN_RECORDS_PER_JOB=none"]).0, Some(2));

    // Names are judged as in S3.
    for (name, expected) in [
        ("good.NDJSON", "good.NDJSON: valid, 100 records"),
        ("good.csv", "good.csv: not valid, 1 problem\n  name-not-jsonl: the name ends in .csv"),
        (
            ".good.jsonl",
            ".good.jsonl: not valid, 1 problem\n  name-ignored: a file with this name is ignored: it is hidden",
        ),
    ] {
        std::fs::rename(folder.path().join("good.jsonl"), folder.path().join(name)).unwrap();
        let (code, said, _) = of(&[name]);
        assert!(said.starts_with(expected), "{said}");
        assert_eq!(code, Some(if name == "good.NDJSON" { 0 } else { 1 }), "{said}");
        std::fs::rename(folder.path().join(name), folder.path().join("good.jsonl")).unwrap();
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "it leaves nothing behind");
}

#[test]
fn records_that_the_model_is_certain_to_refuse_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = claude(120).lines().map(str::to_owned).collect();
    let wrong = |(at, line): (usize, &String)| match at {
        2 | 99 => line.replace("\"anthropic_version\":\"bedrock-2023-05-31\",", ""),
        7 => line.replace("\"max_tokens\":300", "\"max_tokens\":300,\"model\":\"claude-haiku-4-5\""),
        _ => line.clone(),
    };
    let dropped = lines.iter().enumerate().map(wrong).collect::<Vec<_>>().join("\n");
    std::fs::write(folder.path().join("a.jsonl"), &dropped).unwrap();
    let of = |arguments: &[&str]| check(folder.path(), &[&["a.jsonl"], arguments].concat());

    let (code, said, _) = of(&["--model-id", HAIKU]);
    assert_eq!(code, Some(0), "some records can be answered: {said}");
    assert!(said.contains("\n  warning: 3 of 120 records must fail at the model\n"), "{said}");
    assert!(said.contains("`anthropic_version` is missing (lines 3, 100)\n      fix: "), "{said}");
    assert!(said.contains("`model` must not be there (line 8)\n      fix: "), "{said}");
    let (_, said, _) = of(&["--model-id", HAIKU, "--format", "json"]);
    let report: Value = serde_json::from_str(&said).unwrap();
    let found = &report["model"];
    assert_eq!((&found["examined"], &found["failing"]), (&json!(120), &json!(3)), "{said}");
    assert_eq!(found["findings"][0]["first_lines"], json!([3, 100]), "{said}");
    let (_, said, _) = of(&["--model-id", HAIKU, "--format", "github"]);
    assert!(said.contains("\n::warning file=a.jsonl,line=3,title="), "{said}");
    let (_, said, _) = of(&["--model-id", HAIKU, "--set", "MODEL_RULES=off"]);
    assert!(!said.contains("warning"), "{said}");

    // If all must fail, the file is refused, as by `submit`.
    let all = dropped.replace("\"max_tokens\":300", "\"max_tokens\":-1");
    std::fs::write(folder.path().join("a.jsonl"), all).unwrap();
    let (code, said, _) = of(&["--model-id", HAIKU]);
    assert!(code == Some(1) && said.contains("model-refuses: all 120 records"), "{said}");
}

#[test]
fn estimate_has_a_range_of_tokens_and_of_the_cost() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.jsonl"), claude(1_000)).unwrap();
    let (_, said, _) = check(folder.path(), &["a.jsonl", "--model-id", HAIKU]);
    let said = said.replace("\n    ", " ");
    assert!(
        said.contains(" USD in batch, ") && said.contains(" USD on demand (us-east-1 prices of "),
        "{said}"
    );
    let (code, said, _) = check(folder.path(), &["a.jsonl", "--model-id", HAIKU, "--format", "json"]);
    assert_eq!(code, Some(0), "{said}");
    let report: Value = serde_json::from_str(&said).unwrap();
    let estimate = &report["estimate"];
    let range = |name: &str| ["least", "most"].map(|end| estimate[name][end].as_f64().unwrap());
    // The tokenizer of Claude 2 makes 209 tokens of a prompt (`tools/tokens/tokenizers.mjs`).
    let [least, most] = range("input_tokens");
    assert!(least < 209_000.0 && 209_000.0 < most && most < 2.2 * least, "{least} to {most}");
    assert_eq!(range("output_tokens"), [1_000.0, 300_000.0]);
    // 1.1 and 5.5 USD per million tokens on demand.
    let [cheapest, dearest] = range("on_demand_usd");
    assert!(
        cheapest > 0.15 && dearest < (most * 1.1 + 300_000.0 * 5.5) / 1e6 + 0.01,
        "{cheapest} to {dearest}"
    );
    let half = range("batch_usd").map(|end| 2.0 * end);
    assert!((half[0] - cheapest).abs() < 4e-6 && (half[1] - dearest).abs() < 4e-6, "{half:?}");

    // Without a price there is none, and without a model neither; the tokens are a wider range.
    for (arguments, note) in [
        (&["a.jsonl", "--model-id", "anthropic.claude-opus-5"][..], "there is no price for this model"),
        (&["a.jsonl"][..], "--model-id narrows the range and adds the cost"),
    ] {
        let (_, said, _) = check(folder.path(), arguments);
        assert!(said.contains(note) && said.contains(" tokens in, ") && !said.contains("USD"), "{said}");
    }
}

#[test]
fn estimate_says_what_it_does_not_know_and_has_the_padding() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("few.jsonl"), claude(3)).unwrap();
    let of = |arguments: &[&str]| {
        let (code, said, _) = check(folder.path(), &[&["few.jsonl"], arguments].concat());
        assert_eq!(code, Some(0), "{said}");
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let said = of(&["--model", HAIKU, "--region", "eu-west-9"]);
    assert!(said.contains("note: there is no price for eu-west-9: the cost is that of us-east-1"), "{said}");
    assert!(said.contains("note: the estimate includes 97 padding records, which Bedrock bills"), "{said}");
    assert!(!of(&["--model", HAIKU, "--region", "us-east-1"]).contains("no price"));
    let said = of(&["--model-id", "amazon.nova-lit-v1:0"]);
    assert!(said.contains("note: nothing is known about the model amazon.nova-lit-v1:0: neither"), "{said}");
    assert!(said.contains("note: known ids that are like it start with amazon.nova-lite"), "{said}");
    let said = of(&["--model-id", "abcdefghijkl"]);
    assert!(said.contains("note: nothing is known") && !said.contains("known ids"), "{said}");

    let estimate = |arguments: &[&str]| {
        let arguments = [&["few.jsonl", "--format", "json"], arguments].concat();
        let (_, said, _) = check(folder.path(), &arguments);
        let report: Value = serde_json::from_str(&said).unwrap();
        let ends = |name: &str| ["least", "most"].map(|end| report["estimate"][name][end].as_f64().unwrap());
        (ends("input_tokens"), ends("output_tokens"), ends("batch_usd"), said)
    };
    let without = ["--model-id", HAIKU, "--set", "MIN_RECORDS_PER_JOB=3"];
    let (input, output, ..) = estimate(&without);
    assert_eq!(output, [3.0, 900.0]);
    let (padded_input, padded_output, usd, said) = estimate(&["--model-id", HAIKU]);
    // The padding for Claude is a dot in a message, and asks for one token.
    let more = [0, 1].map(|end| padded_input[end] - input[end]);
    assert!(more[0] >= 97.0 && more[1] <= 97.0 * 60.0, "{more:?}");
    assert_eq!(padded_output, [100.0, 1_000.0]);
    // 0.55 and 2.75 USD per million tokens, in millionths.
    assert!(usd[0] >= (padded_input[0] * 0.55 + 100.0 * 2.75) / 1e6 - 1e-6, "{usd:?}");
    for end in usd {
        assert!((end * 1e6 - (end * 1e6).round()).abs() < 1e-6, "{end}");
    }
    let digits = said.split("\"batch_usd\":").nth(1).unwrap().split('}').next().unwrap();
    assert!(digits.len() < "{\"least\":0.123456,\"most\":0.123456".len() + 1, "{digits}");
    // A model that is not known gets its shortest record again and again.
    let (unknown, ..) = estimate_without_price(folder.path());
    assert!(unknown[1] > 30.0 * input[1], "{unknown:?}");
}

/// The tokens of `few.jsonl` for a model that is not known.
fn estimate_without_price(folder: &Path) -> ([f64; 2], [f64; 2]) {
    let (_, said, _) = check(folder, &["few.jsonl", "--format", "json", "--model", "abcdefghijkl"]);
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["estimate"]["batch_usd"], Value::Null);
    let ends = |name: &str| ["least", "most"].map(|end| report["estimate"][name][end].as_f64().unwrap());
    (ends("input_tokens"), ends("output_tokens"))
}

#[test]
fn fixes_can_be_followed_where_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    write("my rows of 2026.jsonl", b"id,text\n1,a\n");
    write("a.csv", b"id,text\n1,a\n");
    write("wrong.jsonl", claude(100).replace("\"max_tokens\":300", "\"max_tokens\":-1").as_bytes());
    let of = |arguments: &[&str]| check(folder.path(), arguments).1;
    let said = of(&["my rows of 2026.jsonl"]);
    // The name is not broken at its space.
    assert!(said.contains("bedrock-vpc-batch prepare\n      'my rows of 2026.jsonl' --template"), "{said}");
    let said = of(&["a.csv"]);
    assert!(said.contains("prepare a.csv --template") && !said.contains("drop it"), "{said}");
    let said = of(&["wrong.jsonl", "--model", HAIKU]).replace("\n      ", " ");
    assert!(said.contains("disable these rules with --set MODEL_RULES=off"), "{said}");
    let json = of(&["my rows of 2026.jsonl", "--format", "json"]);
    let report: Value = serde_json::from_str(&json).unwrap();
    assert!(
        report["problems"][0]["fix"].as_str().unwrap().contains("prepare 'my rows of 2026.jsonl' "),
        "{json}"
    );
    // A pipe has no name that a command could be given.
    let piped = Command::new("sh")
        .args(["-c", &format!("cat 'my rows of 2026.jsonl' | {COMMAND_LINE} check -")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let (_, said, _) = printed(piped);
    assert!(said.contains("prepare FILE\n") || said.contains("prepare FILE "), "{said}");

    let code = "bedrock-vpc-batch check --explain table";
    assert!(of(&["my rows of 2026.jsonl"]).contains(code));
    let (code, said, _) = check(folder.path(), &["--explain", "table"]);
    assert_eq!(code, Some(0));
    assert!(said.starts_with("table: the file is a table, not JSON Lines\n"), "{said}");
    assert_eq!(check(folder.path(), &["--explain", "x"]).0, Some(2));
    assert_eq!(check(folder.path(), &["--explain", "table", "a.csv"]).0, Some(2));
}

#[test]
fn options_are_named_in_errors_and_have_the_names_of_prepare() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.jsonl"), drop_of(100)).unwrap();
    let error = |arguments: &[&str]| {
        let (code, said, error) = check(folder.path(), &[&["a.jsonl"], arguments].concat());
        assert_eq!((code, said.as_str()), (Some(2), ""), "{error}");
        error
    };
    let missing = "No such file or directory (os error 2)\n";
    assert_eq!(error(&["--like", "x.json"]), format!("error: --like x.json: {missing}"));
    assert_eq!(error(&["--prices", "x.json"]), format!("error: --prices x.json: {missing}"));
    assert_eq!(
        error(&["--set", "MIN_RECORDS_PER_JOB=0"]),
        "error: --set MIN_RECORDS_PER_JOB: is not a whole number of at least 1: 0\n"
    );
    assert!(error(&["--model", "a b"]).starts_with("error: --model-id: is not a model id"));
    let both = ["--shape", "Converse", "--set", "MODEL_INVOCATION_TYPE=InvokeModel"];
    assert!(error(&both).contains("--model-invocation-type is given, too"), "{}", error(&both));

    // `drop_of` writes bodies of Converse.
    std::fs::write(folder.path().join("claude.jsonl"), claude(100)).unwrap();
    for option in ["--shape", "--model-invocation-type"] {
        let of = |shape: &str| check(folder.path(), &["claude.jsonl", "--model", HAIKU, option, shape]);
        assert_eq!(of("InvokeModel").0, Some(0));
        let (code, said, _) = of("converse");
        assert!(code == Some(1) && said.contains("model-refuses"), "{said}");
    }
}

#[test]
fn file_that_is_named_twice_is_checked_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.jsonl"), drop_of(100)).unwrap();
    std::os::unix::fs::symlink("a.jsonl", folder.path().join("b.jsonl")).unwrap();
    let (code, said, error) = check(folder.path(), &["a.jsonl", "./a.jsonl", "b.jsonl", "a.jsonl"]);
    assert_eq!((code, said.matches(": valid, ").count()), (Some(0), 1), "{said}");
    let note = |name: &str| format!("note: {name} is named more than once; it is checked once\n");
    assert_eq!(error, ["./a.jsonl", "b.jsonl", "a.jsonl"].map(note).concat());
}

#[test]
fn it_is_said_how_many_records_the_rules_of_the_model_saw() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = claude(3_500).lines().map(str::to_owned).collect();
    let write = |wrong: &[usize]| {
        let line = |(at, line): (usize, &String)| match wrong.contains(&at) {
            true => line.replace("\"max_tokens\":300", "\"max_tokens\":-1"),
            false => line.clone(),
        };
        let text = lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\n");
        std::fs::write(folder.path().join("a.jsonl"), text).unwrap();
    };
    // Of standard input, nobody knows how much there is.
    let run = |arguments: &[&str]| {
        let mut command = Command::new(COMMAND_LINE);
        command.current_dir(folder.path()).args(["check", "--model", HAIKU]).args(arguments);
        command.stdin(std::fs::File::open(folder.path().join("a.jsonl")).unwrap());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let of = |arguments: &[&str]| run(arguments).split_whitespace().collect::<Vec<_>>().join(" ");
    write(&[]);
    let said = of(&["-"]);
    let seen = "model rules: nothing found in 1,002 of 3,500 records; examined were the first 1,000 and every 1,000th \
                (--every-record examines all)";
    assert!(said.contains(seen), "{said}");
    // Records 1,000 to 1,003 and 3,000: of the last ones, only the 3,000th is examined.
    write(&[999, 1_000, 1_001, 1_002, 2_999]);
    let said = of(&["-"]);
    let seen = "warning: 2 of the 1,002 records that were examined must fail at the model; the file has 3,500, of which the \
                first 1,000 and every 1,000th were examined (--every-record examines all)";
    assert!(said.contains(seen) && said.contains("(lines 1000, 3000)"), "{said}");
    let report: Value = serde_json::from_str(&of(&["-", "--format", "json"])).unwrap();
    let found = &report["model"];
    assert_eq!((&found["examined"], &found["failing"]), (&json!(1_002), &json!(2)), "{report}");
    for arguments in [&["-", "--every-record"][..], &["a.jsonl"]] {
        let said = of(arguments);
        assert!(said.contains("warning: 5 of 3,500 records must fail at the model "), "{said}");
        assert!(said.contains("(lines 1000, 1001, 1002, 1003, 3000)"), "{said}");
    }
    // No row is longer than a screen.
    let said = run(&["-"]);
    assert!(said.lines().all(|row| row.chars().count() <= 80), "{said}");
}

#[test]
fn problems_of_files_and_of_lines_have_the_same_members() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.jsonl", b"");
    write("b.jsonl", b"{\"modelInput\":{}}\n{\"modelInput\":1}\n{\"modelInput\":{},\"modelInput\":{}}\n");
    write("c.jsonl", &drop_of(99));
    let files = ["a.jsonl", "b.jsonl", "c.jsonl", "--format", "json", "--set", "SMALL_DROPS=reject"];
    let (_, said, _) = check(folder.path(), &files);
    let mut kinds = 0;
    for report in said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        for problem in report["problems"].as_array().unwrap() {
            kinds += 1;
            let members: Vec<&str> = problem.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["byte", "code", "fix", "line", "lines", "places", "what"], "{problem}");
            let of_lines = problem["line"].is_u64();
            assert_eq!(
                (problem["lines"].is_u64(), problem["byte"].is_u64()),
                (of_lines, of_lines),
                "{problem}"
            );
            let places = problem["places"].as_array().unwrap();
            assert_eq!(places.is_empty(), !of_lines, "{problem}");
            for place in places {
                let members: Vec<&str> = place.as_object().unwrap().keys().map(String::as_str).collect();
                assert_eq!(members, ["byte", "caret", "detail", "excerpt", "line"], "{place}");
            }
        }
    }
    assert_eq!(kinds, 5, "{said}");
}

#[test]
fn estimate_follows_an_earlier_drop_and_other_prices() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.jsonl", &claude(200));
    // As the pipeline writes it.
    let (code, said, _) = run_command(
        "local",
        folder.path(),
        &["a.jsonl", "--pace-ms", "0", "--dir", "runs", "--model-id", HAIKU],
    );
    assert_eq!(code, Some(0), "{said}");
    let results = said.lines().find_map(|line| line.strip_prefix("  results: ")).unwrap();
    let summary: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join(results).join("summary.json")).unwrap())
            .unwrap();
    let mut like = summary.clone();
    (like["input_tokens"], like["output_tokens"]) = (json!(40_000), json!(10_000));
    write("like.json", &like.to_string());
    let of = |arguments: &[&str]| {
        let (code, said, error) =
            check(folder.path(), &[&["a.jsonl", "--format", "json"], arguments].concat());
        (code, serde_json::from_str::<Value>(&said).unwrap_or_default(), error)
    };
    let (_, report, _) = of(&["--like", "like.json"]);
    let estimate = &report["estimate"];
    // Bedrock names the profile by its ARN.
    let profile = estimate["model_id"].as_str().unwrap().to_owned();
    assert!(profile.ends_with(HAIKU), "{profile}");
    assert_eq!(estimate["input_tokens"], json!({"least": 36_000, "most": 44_000}));
    assert_eq!(estimate["output_tokens"], json!({"least": 9_000, "most": 11_000}));
    let (code, _, error) = of(&["--like", "like.json", "--model-id", "amazon.nova-lite-v1:0"]);
    assert_eq!(
        (code, error),
        (Some(2), format!("error: --like like.json: the summary is of the model {profile}\n"))
    );
    let (code, _, error) = of(&["--like", "a.jsonl"]);
    assert_eq!(code, Some(2));
    assert!(error.starts_with("error: --like a.jsonl: not a summary.json: "), "{error}");

    let price = json!({"model": HAIKU, "region": "eu-west-1", "on_demand": {"input": 2.0, "output": 0.0},
        "batch": {"input": 1.0, "output": 0.0}, "as_of": "2020-01-02", "source": "mine"});
    let prices = json!({"version": 1, "date": "2020-01-02", "currency": "USD", "per_tokens": 1_000_000,
        "models": [price]});
    write("prices.json", &prices.to_string());
    let (_, report, _) = of(&["--like", "like.json", "--prices", "prices.json"]);
    let least = report["estimate"]["batch_usd"]["least"].as_f64().unwrap();
    assert!((least - 0.036).abs() < 1e-9, "{report}");
    let (_, said, _) = check(folder.path(), &["a.jsonl", "--model-id", HAIKU, "--prices", "prices.json"]);
    assert!(said.replace("\n    ", " ").contains("(eu-west-1 prices of 2020-01-02)"), "{said}");
    assert!(said.contains("\nwarning: the prices are of 2020-01-02, which is "), "{said}");
    let (code, _, error) = of(&["--prices", "like.json"]);
    assert_eq!(code, Some(2));
    assert!(error.starts_with("error: --prices like.json: not a file with prices: "), "{error}");
}

#[test]
fn each_format_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    write("good.jsonl", &drop_of(100));
    write("bad,1.jsonl", b"{\"modelInput\":{}}\n{\"modelInput\":1}\n");
    let files = ["good.jsonl", "bad,1.jsonl", "missing.jsonl"];
    let of = |format| check(folder.path(), &[&files[..], &["--format", format]].concat());
    let (code, said, error) = of("json");
    assert_eq!((code, error.as_str()), (Some(1), ""));
    let reports: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<_> = reports.iter().map(|report| report["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["valid", "invalid", "unreadable"]);
    assert_eq!((&reports[0]["records"], &reports[0]["jobs"]), (&json!(100), &json!(1)));
    assert_eq!(reports[0]["records_per_job"], json!({"least": 100, "most": 100}));
    assert_eq!(reports[2]["error"], "No such file or directory (os error 2)");

    let (code, said, error) = of("github");
    assert_eq!((code, error.as_str()), (Some(1), ""));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "::notice file=good.jsonl::valid, 100 records, jobs: 1");
    let bad = "::error file=bad%2C1.jsonl,line=2,title=model-input-not-object::the modelInput of a record is not an object \
               (a number); put ";
    assert!(lines[1].starts_with(bad), "{said}");
    assert_eq!(lines[2], "::error file=missing.jsonl::No such file or directory (os error 2)");
}

#[test]
fn standard_input_is_judged_as_a_file() {
    let of = |body: &[u8], arguments: &[&str]| {
        let mut child = Command::new(COMMAND_LINE)
            .args(["check", "-"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It stops reading once it has seen enough.
        let _ = child.stdin.take().unwrap().write_all(body);
        printed(child.wait_with_output().unwrap())
    };
    let (code, said, _) = of(&drop_of(100), &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("-: valid, 100 records, jobs: 1\n"), "{said}");
    let (code, said, _) = of(&drop_of(100), &["--set", "MAX_DROP_BYTES=1000"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("a drop may have at most 1000 bytes"), "{said}");
    assert_eq!(of(b"", &[]).0, Some(1));
}

#[tokio::test]
async fn object_in_s3_is_judged_as_a_file() {
    let mut world = World::new().await;
    world.put("in/a b.jsonl", drop_of(100)).await;
    let uri = |key: &str| format!("s3://{}/{key}", crate::support::INPUT_BUCKET);
    let run = async |uri: &str, endpoint: &str| {
        let output = tokio::process::Command::new(COMMAND_LINE)
            .args(["check", uri])
            .env_clear()
            .envs([
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", world.s3.key().access_key_id()),
                ("AWS_SECRET_ACCESS_KEY", world.s3.key().secret_access_key()),
                ("AWS_ENDPOINT_URL_S3", endpoint),
                ("AWS_EC2_METADATA_DISABLED", "true"),
            ])
            .output()
            .await
            .unwrap();
        printed(output)
    };
    let endpoint = world.s3.endpoint();
    let (code, said, error) = run(&uri("in/a b.jsonl"), endpoint).await;
    assert_eq!((code, error.as_str()), (Some(0), ""), "{said}");
    assert!(said.starts_with(&format!("{}: valid, 100 records, jobs: 1\n", uri("in/a b.jsonl"))), "{said}");
    let (code, _, error) = run(&uri("missing.jsonl"), endpoint).await;
    assert_eq!(
        (code, error),
        (Some(1), format!("error: {}: there is no such object\n", uri("missing.jsonl")))
    );
    let (code, _, error) = run("s3://no-such-bucket/a.jsonl", endpoint).await;
    let no_bucket = "error: s3://no-such-bucket/a.jsonl: there is no such bucket\n";
    assert_eq!((code, error.as_str()), (Some(1), no_bucket));
    // Nothing listens on this port.
    let (code, _, error) = run(&uri("a.jsonl"), "http://127.0.0.1:1").await;
    assert_eq!(code, Some(1));
    let unreachable = format!("error: {}: S3 cannot be reached: Connection refused", uri("a.jsonl"));
    assert!(error.starts_with(&unreachable), "{error}");
}

#[tokio::test]
async fn what_keeps_an_object_from_being_read_is_said_in_plain_words() {
    let mut world = World::new().await;
    world.put("a.jsonl", drop_of(100)).await;
    let uri = format!("s3://{}/a.jsonl", crate::support::INPUT_BUCKET);
    let home = tempfile::tempdir().unwrap();
    let key = world.s3.key().access_key_id().to_owned();
    let [region, id, secret] =
        [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", &key), ("AWS_SECRET_ACCESS_KEY", "wrong")];
    for (uri, envs, reason) in [
        (&*uri, &[id, secret][..], "no Region is set: set AWS_REGION"),
        (&uri, &[region], "no AWS credentials are found: set AWS_PROFILE"),
        (&uri, &[region, id, secret], "S3 does not accept the credentials (SignatureDoesNotMatch)"),
        ("s3://", &[region, id, secret], "it does not name an object: write s3://BUCKET/KEY"),
        ("s3://bucket", &[], "it does not name an object: write s3://BUCKET/KEY"),
        ("s3://bucket/", &[], "it does not name an object: write s3://BUCKET/KEY"),
    ] {
        let output = tokio::process::Command::new(COMMAND_LINE)
            .args(["check", uri])
            .env_clear()
            .envs(envs.iter().copied())
            .envs([
                ("AWS_ENDPOINT_URL_S3", world.s3.endpoint()),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("HOME", home.path().to_str().unwrap()),
            ])
            .output()
            .await
            .unwrap();
        let (code, said, error) = printed(output);
        assert_eq!((code, said.as_str()), (Some(1), ""), "{error}");
        assert!(error.starts_with(&format!("error: {uri}: {reason}")), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn terminal_gets_colors_and_nothing_that_a_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let title = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}.jsonl";
    let hostile = "{\"recordId\":\"\u{9b}2J\u{202e}\",\"modelInput\":{}}\n".repeat(2) + "{\"\u{9b}31m\":1}\n";
    std::fs::write(folder.path().join(title), hostile).unwrap();
    std::fs::write(folder.path().join("good.jsonl"), drop_of(100)).unwrap();
    let command = format!("{COMMAND_LINE} check *.jsonl good.jsonl");
    let (code, said) = on_a_terminal(folder.path(), &command, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("\u{1b}[31mnot valid\u{1b}[0m") && said.contains("\u{1b}[32mvalid\u{1b}[0m"),
        "{said:?}"
    );
    let colors = ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[0m", "\r"];
    let without = colors.iter().fold(said, |said, color| said.replace(color, ""));
    assert_is_plain(&without);
    assert!(without.contains(r"\u{1b}]0;x\u{7}\u{9b}2J\u{202e}.jsonl: not valid"), "{without}");

    for (arguments, envs) in
        [("", &[("NO_COLOR", "1")][..]), (" --format json", &[]), (" --format github", &[])]
    {
        let (_, said) = on_a_terminal(folder.path(), &format!("{command}{arguments}"), envs);
        assert_is_plain(&said.replace('\r', ""));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn terminal_shows_the_progress_of_a_large_file_and_is_left_clean() {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join("a.jsonl")).unwrap();
    // A sparse line that is not UTF-8, after a good one: it is read to its end without being kept.
    (&file).write_all(&drop_of(1)).unwrap();
    file.set_len(256 << 20).unwrap();
    let (code, said) = on_a_terminal(folder.path(), &format!("{COMMAND_LINE} check a.jsonl"), &[]);
    assert_eq!(code, Some(1), "{said:?}");
    assert!(said.contains("/256.00 MiB"), "{said:?}");
    let last = said.rfind("MiB").map(|at| &said[at..]).unwrap();
    assert!(last.contains("\u{1b}[2K") && last.contains("a.jsonl: "), "the bar is cleared first: {last:?}");
    // Standard error is not a terminal.
    let (_, said) = on_a_terminal(folder.path(), &format!("{COMMAND_LINE} check a.jsonl 2>/dev/null"), &[]);
    assert!(!said.contains("MiB"), "{said:?}");
}

#[tokio::test]
async fn signal_and_closed_output_end_it_quietly() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut child = tokio::process::Command::new(COMMAND_LINE)
            .args(["check", "-", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // It has caught signals before it reads. A pipe holds 64 KiB, so it reads once this is written.
        let mut stdin = child.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stdin, &drop_of(10_000)).await.unwrap();
        let id = child.id().unwrap().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
        let output = tokio::time::timeout(crate::support::BOUND, child.wait_with_output()).await.unwrap();
        let (found, said, error) = printed(output.unwrap());
        assert_eq!((found, said.as_str(), error), (Some(code), "", format!("error: ended by SIG{signal}\n")));
        drop(stdin);
    }
    let (_, writer) = std::io::pipe().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.jsonl"), drop_of(100)).unwrap();
    for format in ["human", "json", "github"] {
        let output = tokio::process::Command::new(COMMAND_LINE)
            .args(["check", "a.jsonl", "--format", format])
            .current_dir(folder.path())
            .stdout(writer.try_clone().unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output();
        let (code, _, error) =
            printed(tokio::time::timeout(crate::support::BOUND, output).await.unwrap().unwrap());
        assert_eq!((code, error.as_str()), (Some(141), ""), "{format}");
    }
}
