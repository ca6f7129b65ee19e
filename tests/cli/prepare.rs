//! `bedrock-vpc-batch prepare` as a process, and the commands of its page.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::drop_of;
use crate::support::processes::{COMMAND_LINE, Printed, printed, run_command};

const CLAUDE: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

/// What is said about records if no model is named.
const NOT_CHECKED: &str = "  note: add --model-id MODEL to check the records for what the model refuses\n";

fn prepare(folder: &Path, arguments: &[&str]) -> Printed {
    run_command("prepare", folder, arguments)
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn output_is_written_at_once_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let records = drop_of(120);
    fs::write(path.join("in.gz"), gzip(&records)).unwrap();
    let (code, out, said) = prepare(path, &["in.gz", "-o", "out.jsonl"]);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{said}");
    assert_eq!(said, format!("in.gz: gzip, records: 120 of 120 records written to out.jsonl\n{NOT_CHECKED}"));
    assert!(fs::read(path.join("out.jsonl")).unwrap() == records, "good records stay as they are");

    // It does not overwrite, unless it is told to.
    let (code, _, said) = prepare(path, &["in.gz", "-o", "out.jsonl"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(2), "error: -o out.jsonl: it exists: add --force to overwrite it\n")
    );
    assert_eq!(prepare(path, &["out.jsonl", "-o", "out.jsonl", "--force"]).0, Some(0));
    assert!(fs::read(path.join("out.jsonl")).unwrap() == records);

    // A file that ends too soon leaves nothing behind.
    fs::write(path.join("cut.gz"), &gzip(&records)[..200]).unwrap();
    let (code, _, said) = prepare(path, &["cut.gz", "-o", "new.jsonl"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(1), "error: cut.gz: the gzip data ends too soon: the file was cut off\n")
    );
    // Nor does one without a good record.
    fs::write(path.join("bad.jsonl"), "{\"recordId\":\"1\"}\n").unwrap();
    let (code, _, said) = prepare(path, &["bad.jsonl", "-o", "new.jsonl"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.starts_with(
            "bad.jsonl: records: 0 of 1 record can be written, so new.jsonl is not\n  not written: "
        ),
        "{said}"
    );
    assert_eq!(names(path), ["bad.jsonl", "cut.gz", "in.gz", "out.jsonl"]);
}

/// The files of the field: each is one that somebody wanted to drop.
#[test]
fn what_people_have_becomes_a_good_drop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let body = |n: usize| {
        json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64,
               "messages": [{"role": "user", "content": format!("review {n} café")}]})
    };
    let record = |n: usize| json!({"recordId": format!("r{n:05}"), "modelInput": body(n)});
    let all = || (0..120).map(record).collect::<Vec<_>>();
    let lines =
        |make: &dyn Fn(usize) -> Value| (0..120).map(|n| make(n).to_string() + "\n").collect::<String>();
    let good = lines(&record);
    let message = |n: usize| json!([{"role": "user", "content": format!("review {n}")}]);
    let with_bodies_of_strings =
        |n: usize| json!({"recordId": 1000 + n, "modelInput": body(n).to_string(), "category": "x"});
    let openai = |n: usize| {
        json!({"custom_id": format!("r{n}"), "method": "POST", "url": "/v1/chat/completions",
               "body": {"model": "gpt-4o-mini", "max_tokens": 64, "messages": message(n)}})
    };
    let anthropic = |n: usize| {
        json!({"custom_id": format!("r{n}"),
               "params": {"model": "claude-haiku-4-5", "max_tokens": 64, "messages": message(n)}})
    };
    let vertex = |n: usize| json!({"request": {"contents": [{"role": "user", "parts": [{"text": format!("review {n}")}]}]}});
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let table = |end: &str| {
        let row = |n| format!("{n},\"review {n}, please\"{end}");
        format!("id,prompt{end}") + &(0..120).map(row).collect::<String>()
    };
    let columns: &[&str] = &["--template", "prompt.txt", "--id-column", "id", "--max-tokens", "64"];
    fs::write(path.join("prompt.txt"), "{prompt}\n").unwrap();
    for (name, content, arguments) in [
        ("export", lines(&with_bodies_of_strings).into_bytes(), &[][..]),
        ("openai", lines(&openai).into_bytes(), &[]),
        ("anthropic", lines(&anthropic).into_bytes(), &[]),
        ("vertex", lines(&vertex).into_bytes(), &["--max-tokens", "64"]),
        ("gzip", gzip(good.as_bytes()), &[]),
        ("utf16", utf_16(&format!("\u{feff}{}", good.replace('\n', "\r\n"))), &[]),
        ("array", Value::from(all()).to_string().into_bytes(), &[]),
        ("array-indented", serde_json::to_vec_pretty(&all()).unwrap(), &[]),
        (
            "objects-indented",
            all().iter().map(|one| format!("{one:#}\n")).collect::<String>().into_bytes(),
            &[],
        ),
        ("inner-blank", good.replacen('\n', "\n\n  \n", 1).into_bytes(), &[]),
        ("windows", format!("\u{feff}{}\r\n", good.replace('\n', "\r\n")).into_bytes(), &[]),
        ("table", table("\n").into_bytes(), columns),
        ("table-utf16-gzip", gzip(&utf_16(&table("\r\n"))), columns),
    ] {
        fs::write(path.join(name), content).unwrap();
        let out = format!("{name}.jsonl");
        for model in ["amazon.nova-lite-v1:0", CLAUDE] {
            let always = [name, "-o", &out, "--force", "--model-id", model];
            let (code, _, said) = prepare(path, &[&always, arguments].concat());
            // The records of these requests are written for the model; those of the others are for Claude already.
            let is_converted = ["openai", "anthropic", "vertex"].contains(&name) || name.starts_with("table");
            let judged_for = if is_converted { model } else { CLAUDE };
            // Requests for Claude are of no use to another model, and that is said.
            let is_right = judged_for == model;
            assert_eq!(code, Some(i32::from(!is_right)), "{name}: {said}");
            assert_eq!(said.contains("120 of 120 records must fail"), !is_right, "{said}");
            let (code, said, _) = run_command("check", path, &["--model-id", judged_for, &out]);
            assert!(code == Some(0) && said.contains("120 records"), "{said}");
            assert!(!said.contains("refuse") && !said.contains("certain"), "{said}");
        }
    }
    // What has no meaning as JSON is said, record by record.
    let nan = good.replace("\"max_tokens\":64", "\"max_tokens\":64,\"temperature\":NaN");
    fs::write(path.join("nan"), nan).unwrap();
    let (code, _, said) = prepare(path, &["nan", "-o", "nan.jsonl"]);
    assert_eq!(code, Some(1));
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("the line is not JSON: JSON has no NaN: write null, or leave the member out"),
        "{said}"
    );
    assert!(said.contains("(120 records, lines 1, 2, 3, 4, 5, …)"), "{said}");
}

#[test]
fn faults_of_the_command_line_have_a_message_and_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("t.csv"), "id,text\n1,a\n").unwrap();
    fs::write(path.join("p.txt"), "{text}\n").unwrap();
    fs::write(path.join("bad.txt"), "a\n{text\n").unwrap();
    fs::write(path.join("latin.txt"), b"caf\xe9").unwrap();
    fs::create_dir(path.join("folder")).unwrap();
    for (arguments, code, expected) in [
        (&["nope.csv"][..], 1, "error: nope.csv: No such file or directory"),
        (&["."], 1, "error: .: is a directory"),
        (&["t.csv", "--template", "nope.txt"], 2, "error: --template nope.txt: No such file"),
        (&["t.csv", "--template", "bad.txt"], 2, "error: --template bad.txt: line 2: a single brace"),
        (&["t.csv", "--template", "latin.txt"], 2, "error: --template latin.txt: the prompt is not UTF-8"),
        (
            &["t.csv", "--template", "p.txt", "--system", "@nope.txt"],
            2,
            "error: --system nope.txt: No such file",
        ),
        (&["t.csv", "--template", "p.txt", "--system", "{"], 2, "error: --system: line 1: a single brace"),
        (
            &["t.csv", "--template", "p.txt", "--shape", "Chat"],
            2,
            "error: invalid value 'Chat' for '--model-invocation-type <TYPE>'",
        ),
        (
            &["t.csv", "--encoding", "nope"],
            2,
            "error: invalid value 'nope' for '--encoding <ENCODING>': it is not known",
        ),
        (
            &["t.csv", "--set", "MODEL_ID=x", "--model", "y"],
            2,
            "error: --set MODEL_ID=x: --model-id says it, too",
        ),
        (&["t.csv", "--template", "p.txt", "--max-tokens", "0"], 2, "error: invalid value '0'"),
        (
            &["t.csv", "--template", "p.txt", "-o", "/dev/null"],
            2,
            "error: -o /dev/null: it is not a regular file",
        ),
        (
            &["t.csv", "--template", "p.txt", "-o", "no/out.jsonl"],
            2,
            "error: -o no/out.jsonl: there is no folder no",
        ),
        (&["t.csv", "--template", "p.txt", "-o", "new/"], 2, "error: -o new/: there is no folder new/"),
        (
            &["t.csv", "--template", "p.txt", "-o", "folder"],
            2,
            "error: -o folder: it is a folder: name a file in it, such as folder/records.jsonl",
        ),
        (
            &["t.csv", "--template", "p.txt", "-o", "s3://bucket/out.jsonl"],
            2,
            "error: -o s3://bucket/out.jsonl: it is in S3: name a file of this machine, and copy it with aws s3 cp",
        ),
        (
            &["s3://bucket/a b.csv"],
            2,
            "error: 's3://bucket/a b.csv' is in S3, and this command reads local files: aws s3 cp 's3://bucket/a b.csv' - | bedrock-vpc-batch prepare -",
        ),
        (&["t.csv", "--template", "p.txt", "--set", "NOPE=1"], 2, "error: --set NOPE=1: unknown setting"),
        (&["t.csv"], 2, "error: t.csv: the file is a table, and there is no prompt template"),
        (&["t.csv", "--template", "p.txt"], 2, "error: t.csv: each model has a request body of its own"),
    ] {
        let (found, out, said) = prepare(path, arguments);
        assert_eq!((found, out.as_str()), (Some(code), ""), "{arguments:?}: {said}");
        assert!(said.starts_with(expected), "{arguments:?}: {said}");
    }
}

/// A file, the arguments, the exit code, and texts that are printed if rows of the screen are joined.
type Case<'a> = (&'a str, &'a [u8], &'a [&'a str], i32, &'a [&'a str]);

#[test]
fn what_is_said_names_the_cause_once_and_fits_on_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let bodies = |most: u32| {
        let messages = |n: u32| json!([{"role": "user", "content": n.to_string()}]);
        let record = |n| json!({"modelInput": {"max_tokens": most, "messages": messages(n)}});
        (0..3).map(|n| record(n).to_string() + "\n").collect::<String>()
    };
    let good = gzip(bodies(9).as_bytes());
    let (padded, followed) = ([&good[..], &[0; 512]].concat(), [&good[..], b"-- end --"].concat());
    let (mixed, all) = (bodies(9) + &bodies(200_000), bodies(200_000));
    let request = |id: u32| {
        let body = json!({"messages": [{"role": "user", "content": "a"}], "max_tokens": 9, "n": id + 1, "temperature": 1.5});
        json!({"custom_id": id.to_string(), "url": "/v1/chat/completions", "body": body}).to_string() + "\n"
    };
    let openai = request(1) + &request(2);
    let archive = gzip(&[&[b'a'; 257][..], b"ustar\0"].concat());
    let claude: &[&str] = &["--model-id", CLAUDE];
    let nova: &[&str] = &["--model", "amazon.nova-lite-v1:0", "--allow-loss"];
    let off: &[&str] = &["--model", CLAUDE, "--set", "MODEL_RULES=off"];
    let latin: &[&str] = &["--template", "p.txt", "--model", "amazon.nova-lite-v1:0", "--encoding", "latin1"];
    fs::write(path.join("p.txt"), "{text}\n").unwrap();
    let cases: [Case<'_>; 11] = [
        (
            "padded.gz",
            &padded,
            claude,
            0,
            &["gzip, records: 3 of 3 records written", "changed: anthropic_version: "],
        ),
        ("followed.gz", &followed, claude, 0, &["warning: the gzip data is followed by bytes that are not"]),
        (
            "mixed",
            mixed.as_bytes(),
            claude,
            0,
            &[
                "6 of 6 records written",
                "warning: 3 of 6 records must fail at the model",
                "body-max-tokens-above-ceiling: `max_tokens` is 200000",
                "(lines 4, 5, 6) fix: ",
            ],
        ),
        ("all", all.as_bytes(), claude, 1, &["3 of 3 records must fail"]),
        ("off", all.as_bytes(), off, 0, &["note: what the model refuses is not checked"]),
        (
            "idle",
            all.as_bytes(),
            &["--max-tokens", "9"],
            2,
            &["idle: the records have their modelInput already, so --max-tokens has no effect: leave it out"],
        ),
        (
            "openai",
            openai.as_bytes(),
            claude,
            1,
            &[
                "not written: n: ",
                "not written: temperature: the model takes at most 1 (2 records, lines 1, 2)",
                "--allow-loss would write 2 more records, without what is named above",
            ],
        ),
        (
            "lossy",
            openai.as_bytes(),
            nova,
            0,
            &["lost: n: ", "lost: temperature: the model takes at most 1, so it became 1 (2 records"],
        ),
        (
            "latin.csv",
            b"id,text\n1,caf\xe9\n",
            latin,
            0,
            &["latin.csv: windows-1252, a table: 1 of 1 record"],
        ),
        (
            "tar.gz",
            &archive,
            &[],
            1,
            &[
                "the file is a tar archive: unpack it, and drop the JSONL files that were in it: tar -xf tar.gz",
            ],
        ),
        ("web.csv", b"<!doctype html>\n", &[], 1, &["the file is a web page or XML"]),
    ];
    for (name, content, arguments, code, expected) in cases {
        fs::write(path.join(name), content).unwrap();
        let (found, _, said) = prepare(path, &[&[name, "-o", "out", "--force"], arguments].concat());
        assert_eq!(found, Some(code), "{name}: {said}");
        let joined = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in expected {
            assert_eq!(joined.matches(text).count(), 1, "{name}: {text}: {said}");
        }
        let is_fit = |line: &str| line.chars().count() <= 80 || line.starts_with("error: ");
        assert!(said.lines().all(is_fit), "{said}");
    }
}

#[test]
fn an_interrupt_takes_the_bar_off_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    // A line without end, most of it a hole in the file: it takes a while to read, and no time to write.
    let mut file = fs::File::create(folder.path().join("in.jsonl")).unwrap();
    file.write_all(b"{\"modelInput\":{\"a\":\"").unwrap();
    file.set_len(64 << 30).unwrap();
    let script = r#"
import os, pty, signal, sys
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], [sys.argv[1], "prepare", "in.jsonl", "-o", "out.jsonl"])
said, sent = b"", False
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:
        break
    if not chunk:
        break
    said += chunk
    if not sent and b"GiB" in said:
        os.kill(child, signal.SIGINT)
        sent = True
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.stdout.buffer.write(b"%d %s" % (code, said))
"#;
    let arguments = ["-c", script, COMMAND_LINE];
    let output = Command::new("python3").args(arguments).current_dir(folder.path()).output().unwrap();
    let (_, said, errors) = printed(output);
    assert!(said.starts_with("130 ") && errors.is_empty(), "{said}{errors}");
    let last = said.trim_end().rsplit('\r').next().unwrap();
    assert_eq!(last, "\u{1b}[2Kerror: ended by SIGINT", "{said:?}");
    assert_eq!(names(folder.path()), ["in.jsonl"]);
}

#[test]
fn text_of_a_file_cannot_reach_the_terminal_raw() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let evil = "\u{1b}[2J\u{202e}";
    let lines = [
        format!("{{\"recordId\":\"{evil}\",\"modelInput\":{{}},\"{evil}\":1}}").replace('\u{1b}', "\\u001b"),
        "{\"recordId\":\"2\",\"modelInput\":{\"a\":\"\u{9b}2J\u{202e}\"}}".to_owned(),
    ];
    fs::write(path.join("\u{1b}x.jsonl"), lines.join("\n")).unwrap();
    let (code, out, said) = prepare(path, &["\u{1b}x.jsonl", "--dry-run"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("\\u{1b}x.jsonl: records: the first 2 records\n  left out: \\u{1b}[2J\\u{202e}: "),
        "{said}"
    );
    for text in [out, said] {
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{text:?}");
    }
}

#[test]
fn standard_input_is_read_and_a_closed_pipe_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(COMMAND_LINE)
        .args(["prepare", "-"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    drop(child.stdout.take());
    // More than fits into pipes. It fails once the process has ended.
    let _ = input.write_all(&drop_of(20_000));
    drop(input);
    let (code, _, said) = printed(child.wait_with_output().unwrap());
    assert_eq!((code, said.as_str()), (Some(141), ""));
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(COMMAND_LINE)
        .args(["prepare", "-", "-o", "out.jsonl"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&drop_of(2_000)).unwrap();
    while names(folder.path()).is_empty() {
        std::thread::yield_now();
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    // The input stays open: the process must not wait for it.
    let code = child.wait().unwrap().code();
    drop(input);
    assert_eq!((code, names(folder.path())), (Some(130), vec![]));
}

/// A compressed file of 1,000 times its size, without one line break: the memory must not grow with it.
#[test]
fn bombs_are_read_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(b"{\"modelInput\":{\"a\":\"").unwrap();
    for _ in 0..256 {
        encoder.write_all(&[b'x'; 1 << 20]).unwrap();
    }
    fs::write(path.join("bomb.gz"), encoder.finish().unwrap()).unwrap();
    // In KiB. The program maps some hundred MB before it reads anything.
    let script = "ulimit -v 600000; exec \"$0\" prepare bomb.gz -o out.jsonl --set MAX_RECORD_BYTES=1000000";
    let output = Command::new("sh").args(["-c", script, COMMAND_LINE]).current_dir(path).output().unwrap();
    let (code, _, said) = printed(output);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("not written: the record is longer than 1000000 bytes: "), "{said}");
}

/// Runs everything that the page shows, in its order, and compares what is printed. `…` stands for any text.
#[test]
fn the_page_shows_what_happens() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/prepare.md");
    let page = fs::read_to_string(page).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bin = Path::new(COMMAND_LINE).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let (mut files, mut commands) = (0, 0);
    for block in page.split("```").skip(1).step_by(2) {
        let (info, text) = block.split_once('\n').unwrap();
        match info.split_once(' ') {
            Some((_, name)) => {
                // One line stands for 1,000 requests, each with an id of its own.
                let text = match text.contains("request-0001") {
                    true => (1..=1_000)
                        .map(|n| text.replace("request-0001", &format!("request-{n:04}")))
                        .collect(),
                    false => text.to_owned(),
                };
                fs::write(folder.path().join(name), text).unwrap();
                files += 1;
            }
            None if info == "console" => {
                for step in text.split("$ ").skip(1) {
                    let (command, expected) = step.split_once('\n').unwrap();
                    let script = format!("{command} 2>&1");
                    let mut shell = Command::new("sh");
                    let shell = shell.args(["-c", &script]).current_dir(folder.path()).env("PATH", &path);
                    let (_, said, _) = printed(shell.output().unwrap());
                    assert!(is_like(expected, &said), "{command}\nprints\n{said}\nand not\n{expected}");
                    commands += 1;
                }
            }
            None => {}
        }
    }
    assert!(files >= 3 && commands >= 6, "{files} files, {commands} commands");
}

fn is_like(expected: &str, said: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = parts.next().and_then(|first| said.strip_prefix(first)) else { return false };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || expected.ends_with("…\n")
}
