//! Odd keys, and the plain files that objects become.

use std::collections::BTreeSet;

use super::{NONE, PLAIN, Rig, VERSIONED, owned, refusal, refused, walk};

/// Legal keys that a file system, a URL, or an XML document would trip over.
fn odd_keys() -> Vec<String> {
    let keys = [
        "plain.jsonl",
        "a b.jsonl",
        "a+b.jsonl",
        "a%2Fb",
        "100%",
        "%",
        "%%",
        "%2e%2e/x",
        "dt=2026-01-01/x",
        "a&b",
        "a#b",
        "a?b",
        "a?versionId=x",
        "\"quoted\"",
        "it's",
        "<xml>&amp;</xml>",
        "😀/😀.jsonl",
        "e\u{301}/\u{e9}",
        "日本語.jsonl",
        "//",
        "/",
        "/leading",
        "trailing/",
        "a//b",
        "a///b",
        ".",
        "..",
        "./x",
        "../x",
        "../../../etc/passwd",
        "a/../b",
        "a/./b",
        "a/..",
        "/..",
        ".hidden",
        ".embedded-s3/x",
        "...",
        "x.jsonl.out",
        "a.jsonl/b.jsonl/c",
        "a",
        "a/b",
        "a/b/c",
        "back\\slash",
        "C:\\x",
        "con",
        "tab\there",
        "line\nbreak",
        "return\rhere",
        "\u{7f}",
        "a\u{85}b\u{2028}c",
        " leading and trailing ",
        "*|<>:",
        "~user",
        "$HOME",
        "`id`",
        "; rm -rf x",
        "@:,;=!'()",
        "%more",
        "a%file",
        "a%folder/b",
        "\u{202e}rtl",
    ];
    let mut keys = owned(&keys);
    keys.push("x".repeat(900));
    keys.push("y".repeat(1024));
    keys.push("😀".repeat(256));
    keys.push("/".repeat(1024));
    keys.push("../".repeat(341));
    keys.push("%".repeat(1024));
    keys.push(format!("{}..", "x".repeat(200)));
    keys
}

#[tokio::test]
async fn odd_keys_come_back_as_they_went_in() {
    let rig = Rig::start().await;
    let keys = odd_keys();
    assert!(keys.len() > 60);
    for key in &keys {
        rig.put(PLAIN, key, key.as_bytes()).await;
    }
    let mut files = BTreeSet::new();
    for key in &keys {
        assert_eq!(rig.get(PLAIN, key).await, key.as_bytes(), "{key:?}");
        let file = rig.s3.file_of(PLAIN, key).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), key.as_bytes(), "{key:?}");
        assert!(file.starts_with(rig.root().join(PLAIN)), "{key:?} lies at {file:?}");
        files.insert(file);
    }
    assert_eq!(files.len(), keys.len());
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!(rig.keys(PLAIN).await, sorted);
    assert_eq!(rig.strays(), NONE);

    // The source of a copy has its key percent-encoded.
    for key in &keys {
        let source = format!(
            "{PLAIN}/{}",
            percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC)
        );
        rig.client.copy_object().bucket(VERSIONED).key(key).copy_source(source).send().await.unwrap();
        assert_eq!(rig.get(VERSIONED, key).await, key.as_bytes(), "{key:?}");
    }

    for key in &keys {
        rig.client.delete_object().bucket(PLAIN).key(key).send().await.unwrap();
    }
    assert_eq!((rig.keys(PLAIN).await, walk(&rig.root().join(PLAIN))), (vec![], vec![]));
    assert_eq!(rig.strays(), NONE);
}

#[tokio::test]
async fn key_of_over_1024_bytes_is_refused() {
    let rig = Rig::start().await;
    rig.put(PLAIN, &"é".repeat(512), "").await;
    for key in ["x".repeat(1025), format!("{}x", "é".repeat(512))] {
        let put = rig.client.put_object().bucket(PLAIN).key(key).send().await;
        assert_eq!(refusal(put), refused(400, "KeyTooLongError"));
    }
}

#[tokio::test]
async fn objects_are_plain_files_under_their_keys() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "results/in/a b.jsonl/succeeded/part-00001.jsonl", "{}\n").await;
    let file = rig.root().join(PLAIN).join("results/in/a b.jsonl/succeeded/part-00001.jsonl");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{}\n");
    assert_eq!(rig.s3.file_of(PLAIN, "results/in/a b.jsonl/succeeded/part-00001.jsonl"), Some(file.clone()));
    rig.put(PLAIN, "results/in/a b.jsonl/succeeded/part-00001.jsonl", "new\n").await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "new\n");
    assert_eq!(rig.s3.file_of(PLAIN, "missing"), None);
    assert_eq!(rig.s3.file_of("no-such-bucket", "missing"), None);
}

#[tokio::test]
async fn a_key_and_keys_below_it_can_be_written_in_any_order() {
    for order in [["a", "a/b", "a/b/c"], ["a/b/c", "a/b", "a"], ["a/b", "a", "a/b/c"]] {
        let rig = Rig::start().await;
        for key in order {
            rig.put(PLAIN, key, key).await;
        }
        for key in order {
            assert_eq!(rig.get(PLAIN, key).await, key.as_bytes(), "{order:?}");
        }
        assert_eq!(rig.keys(PLAIN).await, ["a", "a/b", "a/b/c"]);
        for key in order {
            rig.client.delete_object().bucket(PLAIN).key(key).send().await.unwrap();
        }
        assert_eq!(walk(&rig.root().join(PLAIN)), NONE, "{order:?}");
    }
}

#[tokio::test]
async fn a_file_that_a_person_deleted_does_not_block_its_key() {
    let rig = Rig::start().await;
    for bucket in [PLAIN, VERSIONED] {
        rig.put(bucket, "k", "one").await;
        std::fs::remove_file(rig.s3.file_of(bucket, "k").unwrap()).unwrap();
        rig.put(bucket, "k", "two").await;
        assert_eq!(rig.get(bucket, "k").await, b"two");
    }
}
