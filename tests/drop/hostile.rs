//! Files made to do harm: with text that a terminal obeys, or that takes much memory to check. Each gets its
//! verdict within the memory that Lambda gives a function, and every message about it is safe to display.

use std::fs::{File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bedrock_vpc_batch::drop::check::{Validator, Verdict};
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::problems::MAX_BAD_BYTES;
use bedrock_vpc_batch::drop::quotas::Quotas;
use bedrock_vpc_batch::drop::rejection::{MAX_PLACES, Rejection};

use crate::support::processes::{Printed, printed};
use crate::support::runtime_api::Function;
use crate::support::{World, any_drop, assert_is_plain, drop_of, peak_memory};

const SUBMIT: &str = env!("CARGO_BIN_EXE_submit");
const COMMAND_LINE: &str = env!("CARGO_BIN_EXE_bedrock-vpc-batch");

/// The default memory of a function, in KiB.
const MEMORY_KIB: u32 = 512 << 10;

/// A length just under the default of `MAX_RECORD_BYTES`.
const LONGEST: usize = 26_000_000;

/// A length for the cases in which the longest line would only take more time, and show nothing more.
const LONG: usize = 3_000_000;

/// The most bytes that `rejection.json` may have, and the ledger entry of a rejected drop.
const REJECTION_BYTES: usize = 128 << 10;

/// The pieces of a file, each with the number of its repetitions.
type Body = Vec<(String, usize)>;

fn once(piece: impl Into<String>) -> (String, usize) {
    (piece.into(), 1)
}

/// A line with `piece` repeated up to `bytes` between two other pieces.
fn long(before: &str, piece: &str, bytes: usize, after: &str) -> Body {
    vec![once(before), (piece.to_owned(), bytes / piece.len()), once(after), once("\n")]
}

fn times(count: usize, body: &Body) -> Body {
    std::iter::repeat_n(body, count).flatten().cloned().collect()
}

fn write(path: &Path, body: &Body) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    for (piece, count) in body {
        // Written in blocks: millions of small writes would take longer than the test itself.
        let block = (1 << 16) / piece.len().max(1) + 1;
        let many = piece.repeat(block.min(*count));
        for _ in 0..count / block {
            out.write_all(many.as_bytes()).unwrap();
        }
        out.write_all(piece.repeat(count % block).as_bytes()).unwrap();
    }
    out.flush().unwrap();
}

/// A record without an id, up to the name of another member.
const INPUT: &str = r#"{"modelInput":{},""#;

/// The start of a line with an unknown member. Because of the escape, the fast check does not try to prove
/// the line.
const NAME: &str = r#"{"\u006dodelInput":{},""#;

/// What the command must print about the file, and whether the file is valid.
type Said = (&'static str, bool);

fn table() -> Vec<(&'static str, Body, Said)> {
    let valid = ("valid, ", true);
    // Examined by the model rules, because they are not too large for that.
    let fails = ("model-refuses: the only record is certain to fail at the model", false);
    let refused = |message: &'static str| (message, false);
    let id = |piece: &str, bytes: usize| long(r#"{"recordId":""#, piece, bytes, r#"","modelInput":{}}"#);
    let input = |open: &str, piece: &str, close: &str| {
        let (before, after) = (format!(r#"{{"modelInput":{{"a":{open}"#), format!("{close}}}}}"));
        long(&before, piece, LONG, &after)
    };
    let input_member = format!(r#""modelInput":{{"a":"{}"}},"#, "s".repeat(LONG));
    vec![
        ("names", times(100, &long(NAME, "n", 2_000_000, "\":1}")), refused("unknown member `nnnn")),
        ("long names", long(INPUT, "n", LONGEST, "\":1}"), refused("unknown member `nnnn")),
        ("names with escapes", long(INPUT, r"\u001b", LONG, "\":1}"), refused(r"`\u001b\u001b")),
        ("names of controls", long(INPUT, "\u{9b}", LONG, "\":1}"), refused(r"`\u{9b}\u{9b}")),
        ("ids", times(2, &id("i", LONG)), refused("line 2: {\"recordId\":\"iiii")),
        ("ids of escapes", times(2, &id(r"\u0000", LONG)), refused(r#""recordId":"\u0000\u0000"#)),
        (
            "ids with some escapes",
            times(2, &id(&("i".repeat(998) + r"\n"), LONGEST)),
            refused("line 2: {\"recordId\":\"iiii"),
        ),
        (
            "ids of line separators",
            times(2, &id("\u{2028}", LONG)),
            refused(r#""recordId":"\u{2028}\u{2028}"#),
        ),
        ("strings", long(r#"{"modelInput":{"a":""#, "s", LONGEST, "\"}}"), valid),
        ("strings of escapes", input("\"", r"\u0000", "\""), fails),
        ("values", input("[", "1,", "1]"), fails),
        ("members", input("{", r#""k":[{"l":null}],"#, r#""k":1}"#), fails),
        ("levels", input("", "[", ""), refused("nests deeper than 128 levels")),
        ("levels and nothing else", long("", "[", LONGEST, ""), refused("the file is a JSON array")),
        ("levels of names", input("", r#"{"k":"#, ""), refused("nests deeper than 128 levels")),
        (
            "a member twice",
            vec![once("{"), (input_member, 2), once("\n")],
            refused("duplicate member `modelInput`"),
        ),
        ("lone surrogates", input("\"", r"\ud83d", "\""), refused("half of a surrogate pair")),
        ("NULs", long("", "\0", LONGEST, ""), refused("the file is padded with NUL bytes")),
        ("a line of 200 MB", long("{", " ", 200_000_000, "}"), refused("longer than 26214400 bytes")),
        ("small lines", vec![("x\n".to_owned(), 100_000)], refused("10000 lines or more: ")),
        ("empty lines", vec![("\n".to_owned(), 100_000)], refused("empty-file: the file has no records")),
        (
            "clears the screen",
            vec![once("\u{1b}[2J\n{\"\u{1b}[2J\":1}\n")],
            refused("^ this is not a JSON object"),
        ),
        (
            "sets the title",
            vec![("{\"recordId\":\"\\u001b]0;x\\u0007\\n\",\"modelInput\":{}}\n".to_owned(), 2)],
            refused("^ already used on line 1"),
        ),
    ]
}

/// Runs the command line with only as much memory as a function has.
fn run_limited(command: &str, folder: &Path, arguments: &[&str]) -> Printed {
    let limited = format!("ulimit -v {MEMORY_KIB} && exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &limited, COMMAND_LINE, command])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    printed(output)
}

#[test]
fn each_hostile_file_is_checked_in_the_memory_of_a_function() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hostile.jsonl");
    let mut wrong = Vec::new();
    for (name, body, (message, is_valid)) in table() {
        write(&file, &body);
        let (code, said, errors) = run_limited(
            "check",
            folder.path(),
            &["hostile.jsonl", "--model-id", "amazon.nova-lite-v1:0", "--set", "MIN_RECORDS_PER_JOB=1"],
        );
        let start = |text: &str| text.chars().take(300).collect::<String>();
        if code != Some(i32::from(!is_valid)) || !said.contains(message) || said.len() > REJECTION_BYTES {
            let bytes = said.len();
            wrong.push(format!("{name}: {code:?}, {bytes} bytes, {:?}, {:?}", start(&said), start(&errors)));
        }
        assert_is_plain(&said);
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn file_that_is_not_text_is_checked_in_the_memory_of_a_function() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("sparse.jsonl")).unwrap();
    file.set_len(1 << 30).unwrap();
    std::fs::write(
        folder.path().join("binary.jsonl"),
        [0xff, 0x1b, b'[', b'2', b'J', 0x9b, b'\n'].repeat(1_000),
    )
    .unwrap();
    let (code, said, errors) = run_limited("validate", folder.path(), &["sparse.jsonl", "binary.jsonl"]);
    assert_eq!((code, errors.as_str()), (Some(1), ""));
    assert!(
        said.contains("sparse.jsonl: not valid, 1 problem\n  nul-padded: the file is padded with NUL bytes"),
        "{said}"
    );
    assert!(said.contains("binary.jsonl: not valid, 1 problem\n  not-text: the file is not text"), "{said}");
    assert_is_plain(&said);
}

#[test]
fn reading_of_long_names_ends_soon_and_needs_the_memory_of_one_line() {
    const NAME_BYTES: usize = 10 << 20;
    let quotas = Quotas { min_records: 1, ..Quotas::default() };
    let mut validator = Validator::new(DropId::derive(&any_drop()), quotas, LONGEST);
    let chunk = "n".repeat(1 << 20);
    let before = peak_memory();
    let line_bytes = NAME.len() + NAME_BYTES + "\":1}\n".len();
    let count = MAX_BAD_BYTES.div_ceil(line_bytes as u64 - 1);
    for number in 1..=count {
        validator.feed(NAME.as_bytes()).unwrap();
        for _ in 0..NAME_BYTES >> 20 {
            validator.feed(chunk.as_bytes()).unwrap();
        }
        assert_eq!(validator.feed(b"\":1}\n").is_err(), number == count);
    }
    let Verdict::Invalid { problems, stopped_early } = validator.finish() else {
        panic!("every name is unknown")
    };
    let grown = peak_memory() - before;
    assert!(grown < 3 * NAME_BYTES as u64, "memory grew by {grown} bytes");
    assert_eq!((problems.len(), problems[0].lines, stopped_early), (1, count, true));
    let places = &problems[0].places;
    assert!(
        problems[0].what.len() < 200 && places.iter().all(|place| place.excerpt.len() < 100),
        "{problems:?}"
    );
    assert_eq!((places.len(), places[4].byte), (MAX_PLACES, (4 * line_bytes + NAME.len() - 1) as u64));
}

/// A program that starts the function `submit` with only as much memory as Lambda gives it.
fn limited_submit(folder: &Path) -> PathBuf {
    let script = folder.join("submit");
    std::fs::write(&script, format!("#!/bin/sh\nulimit -v {MEMORY_KIB}\nexec {SUBMIT}\n")).unwrap();
    std::fs::set_permissions(&script, Permissions::from_mode(0o700)).unwrap();
    script
}

#[tokio::test]
async fn hostile_drops_are_rejected_by_a_function_with_the_default_memory() {
    let mut world = World::new().await;
    let environment = crate::support::processes::function_environment(
        world.s3.key(),
        world.s3.endpoint(),
        world.stand_in.endpoint(),
    );
    let folder = tempfile::tempdir().unwrap();
    let script = limited_submit(folder.path());
    let mut submit = Function::start(script.to_str().unwrap(), &environment).await;
    let names = [
        ("names", "unknown-member"),
        ("ids with some escapes", "record-id-repeated"),
        ("levels and nothing else", "json-array"),
    ];
    let mut count = 0;
    for (name, code) in names {
        let (_, body, _) = table().into_iter().find(|row| row.0 == name).unwrap();
        let file = folder.path().join("hostile.jsonl");
        write(&file, &body);
        let event = world.put_file(&format!("{name}.jsonl"), &file).await;
        let notice = submit.invoke(event).await.unwrap();
        assert_eq!(notice["drops"][0]["state"], "Rejected", "{name}: {notice}");
        assert_is_plain(&notice["lines"].to_string());
        count += 1;
        let mut results = world.results().await;
        results
            .files
            .retain(|key, _| key.contains(name) && (name.starts_with("long") || !key.contains("long")));
        let bytes: usize = results.files.values().map(Vec::len).sum();
        assert!(bytes < REJECTION_BYTES, "{name}: {bytes}");
        let problems = results.rejection().problems;
        let problem = &problems[0];
        assert_eq!(problem.code.as_str(), code, "{name}: {problem:?}");
        assert_is_plain(&serde_json::to_string(problem).unwrap());
    }
    assert_eq!((count, world.stand_in.jobs().len()), (names.len(), 0));
}

#[tokio::test]
async fn rejection_has_a_bounded_size_for_any_file() {
    let mut world = World::with(&[("MODEL_RULES", "off")]).await;
    // The longest escapes there are, and text that JSON escapes once more.
    let worst = ["\u{10ffff}".repeat(1_000), r"\\".repeat(1_000), r"\u001b".repeat(1_000)];
    for (number, text) in worst.iter().enumerate() {
        let id = format!("{{\"recordId\":\"{text}\",\"modelInput\":{{}}}}\n");
        let member = format!("{INPUT}{text}\":1}}\n");
        for (kind, line) in [("id", id), ("member", member)] {
            let key = format!("{kind}{number}{}.jsonl", "\u{85}".repeat(500));
            let event = world.put(&key, line.repeat(200)).await;
            world.submit(event).await.unwrap();
        }
    }
    let mut rejections = 0;
    for key in world.output_keys().await {
        let body = world.read_output(&key).await;
        assert!(body.len() < REJECTION_BYTES, "{key}: {} bytes", body.len());
        if key.ends_with("/rejection.json") {
            rejections += 1;
            let rejection: Rejection = serde_json::from_slice(&body).unwrap();
            assert_eq!((rejection.problems.len(), rejection.problems[0].lines >= 199), (1, true));
            assert_is_plain(&serde_json::to_string(&rejection.problems).unwrap());
        }
    }
    assert_eq!(rejections, 2 * worst.len());
}

#[test]
fn command_line_escapes_file_names_that_a_terminal_would_obey() {
    let folder = tempfile::tempdir().unwrap();
    let title = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\n.jsonl";
    let shown = r"\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\n.jsonl";
    std::fs::write(folder.path().join(title), drop_of(100)).unwrap();
    let (code, said, _) = run_limited("validate", folder.path(), &[title]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with(&format!("{shown}: valid, 100 records, jobs: 1\n")), "{said}");
    assert_is_plain(&said);
    let missing = format!("missing {title}");
    for command in ["validate", "local"] {
        let (code, _, said) = run_limited(command, folder.path(), &[&missing]);
        assert_eq!(
            (code, said),
            (Some(1), format!("error: missing {shown}: No such file or directory (os error 2)\n"))
        );
    }
    let unknown = format!("{title}=1");
    let (code, _, said) = run_limited("validate", folder.path(), &[title, "--set", &unknown]);
    assert_eq!(code, Some(2));
    assert_is_plain(&said);

    let (code, _, said) = run_limited("validate", folder.path(), &[&format!("--{title}")]);
    assert_eq!(code, Some(2));
    assert!(said.starts_with(r"error: unexpected argument '--\u{9b}2J\u{202e}"), "{said}");
    assert_is_plain(&said);

    // S3 does not accept a key with characters that XML does not allow, so these are others.
    let bidi = "\u{9b}2J\u{202e}\u{7f}a.jsonl";
    std::fs::write(folder.path().join(bidi), format!("{INPUT}\u{9b}2J\":1}}\n")).unwrap();
    let output = Command::new(COMMAND_LINE)
        .args(["local", bidi, "--pace-ms", "0"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(r"\u{9b}2J\u{202e}\u{7f}a.jsonl: rejected, 1 problem"), "{said}");
    assert!(said.contains(r"unknown member `\u{9b}2J`"), "{said}");
    assert_is_plain(&said);
    assert_is_plain(&String::from_utf8(output.stderr).unwrap());
}

#[tokio::test]
async fn command_line_and_function_refuse_the_same_names_and_sizes() {
    let settings = [("MAX_DROP_BYTES", "10000")];
    let mut world = World::with(&settings).await;
    let folder = tempfile::tempdir().unwrap();
    let table = [("a.csv", "name-not-jsonl"), ("a", "name-not-jsonl"), ("a.jsonl", "file-too-large")];
    for (key, message) in table {
        std::fs::write(folder.path().join(key), drop_of(100)).unwrap();
        let (code, said, _) = run_limited("validate", folder.path(), &[key, "--set", "MAX_DROP_BYTES=10000"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.starts_with(&format!("{key}: not valid, ")) && said.contains(message), "{said}");
        let event = world.put(key, drop_of(100)).await;
        world.submit(event).await.unwrap();
        let mut results = world.results().await;
        results.files.retain(|path, _| path.contains(&format!("/{key}/")));
        let problem = results.rejection().problems.remove(0);
        let on_one_line = said.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        // The command line knows the name of the file, and has settings as options.
        let fix = problem.fix.replace("FILE", key).replace("INPUT_SUFFIXES", "--set INPUT_SUFFIXES");
        let expected = format!("{}: {} fix: {fix}", problem.code.as_str(), problem.what);
        assert!(on_one_line.contains(&expected), "{said}");
    }
}
