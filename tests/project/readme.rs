//! The documents: the configuration table matches the code, and the README's commands start in a fresh clone.

use std::path::Path;
use std::process::Command;

use bedrock_vpc_batch::aws::config::VARIABLES;
use bedrock_vpc_batch::drop::identity::JobId;
use bedrock_vpc_batch::job::padding::{Padder, PaddingBody};

fn page(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn configuration_table_matches_the_code() {
    let page = page("docs/configuration.md");
    let header = "| variable | default | meaning |\n|---|---|---|\n";
    let table = page.split_once(header).unwrap().1.split_once("\n\n").unwrap().0;
    let expected: Vec<String> = VARIABLES
        .iter()
        .map(|(name, default, meaning)| {
            let default = match default {
                None => "required".to_owned(),
                Some("") => "none".to_owned(),
                Some(default) => format!("`{default}`"),
            };
            format!("| `{name}` | {default} | {meaning} |")
        })
        .collect();
    assert_eq!(table.lines().collect::<Vec<_>>(), expected);
}

/// Runs a section of the benchmarks where nothing was ever built. Its programs and figures are made up; its
/// files are real. All sections start as this one does.
#[test]
fn bench_starts_in_a_fresh_clone() {
    const FIRST_RUN: &str = r#"
import sys
sys.path.insert(0, "tools/bench")
import measure, run
figures = {"cpu": [1.0], "wall": [1.0]}
measure.programs = lambda: {"bedrock-vpc-batch": "none"}
measure.compare = lambda contenders: {name: figures for name in contenders}
run.main(["validate"])
"#;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clone = tempfile::tempdir().unwrap();
    let tools = clone.path().join("tools/bench");
    std::fs::create_dir_all(&tools).unwrap();
    for file in std::fs::read_dir(root.join("tools/bench")).unwrap().map(Result::unwrap) {
        if file.path().extension().is_some_and(|extension| extension == "py") {
            std::fs::copy(file.path(), tools.join(file.file_name())).unwrap();
        }
    }
    let mut python = Command::new("python3");
    let python = python.args(["-B", "-c", FIRST_RUN]).current_dir(clone.path()).env("SIZE", "1");
    let output = python.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(clone.path().join("target/bench/validate.json").is_file());
}

#[test]
fn the_map_of_the_source_is_complete_and_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    for path in page.split('`').skip(1).step_by(2) {
        let is_path =
            ["src/", "tests/", "docs/", "tools/", "events/"].iter().any(|folder| path.starts_with(folder));
        assert!(!is_path || root.join(path).exists(), "there is no {path}");
    }
    for room in ["base", "model", "record", "drop", "job", "ledger", "estimate", "prepare", "aws", "flow"] {
        for file in std::fs::read_dir(root.join("src").join(room)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let is_listed = page.split(|c: char| c.is_whitespace() || c == ',').any(|word| word == name);
            assert!(
                is_listed || matches!(name.as_str(), "mod.rs" | "example.rs" | "store"),
                "{room}/{name} is missing"
            );
        }
    }
}

/// What padding costs, by model: the table of the documentation has what the summaries say.
#[test]
fn costs_of_padding_match_the_code() {
    let table = page("docs/configuration.md").lines().filter_map(row_of_padding).collect::<Vec<_>>();
    assert!(table.len() >= 13, "{table:#?}");
    let job_id = JobId::parse("0123456789abcdef0123456789abcdef").unwrap();
    for (model_id, row) in table {
        let body = PaddingBody::of(&model_id, "InvokeModel");
        let (padding, _) = Padder::new(&job_id, 99, body, u64::MAX).finish();
        let output_tokens = padding.max_output_tokens.unwrap();
        let usd = match padding.max_cost(&model_id) {
            Some((micro_usd, _)) => format!("{}.{:06}", micro_usd / 1_000_000, micro_usd % 1_000_000),
            None => "not known".to_owned(),
        };
        let expected = format!("| `{model_id}` | {} | {output_tokens} | {usd} |", padding.max_input_tokens);
        assert_eq!(row, expected, "{}", padding.body);
        println!("{:36} {expected}", padding.body);
    }
}

/// A row that starts with a model id, and that id.
fn row_of_padding(row: &str) -> Option<(String, String)> {
    let (model_id, _) = row.strip_prefix("| `")?.split_once('`')?;
    (model_id.contains('.') && !model_id.contains(' ')).then(|| (model_id.to_owned(), row.to_owned()))
}
