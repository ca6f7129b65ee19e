//! Keys that S3 accepts and other programs stumble over. Each drop gets a job whose input is at a key that
//! Bedrock accepts, and results under the key that the user chose.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::service_model::violations;
use crate::support::{World, drop_of, ids};

fn keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "a b.jsonl",
        " leading and trailing .jsonl",
        "a+b.jsonl",
        "a%2Bb.jsonl",
        "100%.jsonl",
        "%.jsonl",
        "%2e%2e/a.jsonl",
        "dt=2026-11-23/a.jsonl",
        "a&b=c.jsonl",
        "a#b.jsonl",
        "a?versionId=1.jsonl",
        "it's \"quoted\".jsonl",
        "back\\slash.jsonl",
        "<tag>|pipe`tick`.jsonl",
        "12:30, 23.11.jsonl",
        "user@example;x$y~z^{}[].jsonl",
        "(1)!*'().jsonl",
        "\u{1f600}/\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}.jsonl",
        "e\u{301}te\u{301}.jsonl",
        "été.jsonl",
        "日本語/請求書.jsonl",
        "\u{202e}right to left.jsonl",
        "a//b.jsonl",
        "/leading/slash.jsonl",
        "//a.jsonl",
        "../../../escape.jsonl",
        "a/../../b.jsonl",
        "./a/./b.jsonl",
        "UPPER.JSONL",
        "a.ndjson",
        "a.b.JsonLines",
        "in/a.json",
        "_reviews.jsonl",
        "a.json/b.json",
        "a.jsonl/b.jsonl",
        "data.jsonl.part-1.jsonl",
        "results/x/summary.jsonl",
        "CON/nul/aux.jsonl",
        "tab\tand\u{7f}delete.jsonl",
    ]
    .map(String::from)
    .into();
    keys.push(format!("{}.jsonl", "k".repeat(894)));
    keys.push(format!("{}.jsonl", "日".repeat(298)));
    keys.push(format!("{}.jsonl", "x/".repeat(508) + "x"));
    keys
}

#[tokio::test]
async fn every_legal_key_gets_a_job_and_results_under_that_key() {
    let keys = keys();
    assert!(keys.len() >= 30);
    let mut world = World::new().await;
    let mut drop_ids = BTreeSet::new();
    for key in &keys {
        let event = world.put(key, drop_of(100)).await;
        world.submit(event).await.unwrap_or_else(|error| panic!("{key}: {error}"));
        let ended = world.ended().await;
        world.complete(ended).await.unwrap_or_else(|error| panic!("{key}: {error}"));

        let request =
            world.stand_in.requests().into_iter().rev().find(|request| request.method == "POST").unwrap();
        assert_eq!(request.status, Some(200), "{key}");
        assert_eq!(violations("CreateModelInvocationJob", &request.body), Vec::<String>::new(), "{key}");
        let job = request.body["clientRequestToken"].as_str().unwrap();
        let input = request.body["inputDataConfig"]["s3InputDataConfig"]["s3Uri"].as_str().unwrap();
        assert_eq!(input, format!("s3://{}/work/{job}/input/{job}.jsonl", world.config.output_bucket));

        let shown: String = cut(key, 900);
        let prefix = format!("results/{shown}/");
        let results = world.results().await;
        let mine = |file: &&String| file.starts_with(&prefix) && file.len() > prefix.len() + 32;
        let summary = results.files.keys().filter(mine).find(|file| {
            let rest = &file[prefix.len()..];
            rest.len() == 32 + "/summary.json".len() && rest.ends_with("/summary.json")
        });
        let summary = summary.unwrap_or_else(|| panic!("{key}: no summary below {prefix}"));
        let summary: Value = serde_json::from_slice(&results.files[summary]).unwrap();
        assert_eq!(summary["source"]["key"], key.as_str());
        let drop_id = summary["drop_id"].as_str().unwrap();
        assert!(drop_ids.insert(drop_id.to_owned()), "{key}: its drop-id is taken");
        let only_mine = crate::support::Results {
            files: results
                .files
                .into_iter()
                .filter(|(file, _)| file.starts_with(&format!("{prefix}{drop_id}/")))
                .collect(),
        };
        assert_eq!(only_mine.ids(), [ids(100), BTreeSet::new(), BTreeSet::new()], "{key}");
    }
    assert_eq!(world.stand_in.jobs().len(), keys.len());
    assert_eq!(files_in(world.folder.path()), [world.folder.path().join("s3")]);
    let beside = files_in(world.folder.path().parent().unwrap());
    assert!(beside.iter().all(|path| !path.ends_with("escape.jsonl")), "{beside:?}");
}

fn cut(key: &str, bytes: usize) -> String {
    let mut end = key.len().min(bytes);
    while !key.is_char_boundary(end) {
        end -= 1;
    }
    key[..end].to_owned()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}
