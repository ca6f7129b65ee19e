//! The commands of people against a pipeline that runs on this machine: `submit`, `status`, and `watch`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use bedrock_vpc_batch::local::s3::{EmbeddedS3, Fault};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::processes::{COMMAND_LINE, Printed, printed};
use crate::support::{BOUND, INPUT_BUCKET, OUTPUT_BUCKET, drop_of, environment};

const NO_DROPS: &str = "the pipeline in runs has no drops; a new one appears once the function has seen it\n";

/// A folder in which a person works.
pub(super) struct Person(TempDir);

impl Person {
    pub(super) fn new() -> Self {
        let person = Self(tempfile::tempdir().unwrap());
        person.write("a.jsonl", drop_of(100));
        person
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// A command that knows nothing of the environment of the tests.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(COMMAND_LINE);
        command.args(arguments).current_dir(self.0.path()).env_clear();
        command.env("HOME", self.0.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> Printed {
        let output = tokio::time::timeout(BOUND, self.command(arguments).output()).await;
        printed(output.expect("it ends").unwrap())
    }

    /// Starts a pipeline that serves until it is dropped. Its jobs end at once unless it is told another pace.
    pub(super) async fn serve(&self, arguments: &[&str]) -> Child {
        let pace: &[&str] = if arguments.contains(&"--pace-ms") { &[] } else { &["--pace-ms", "0"] };
        let mut child =
            self.command(&[&["local", "--dir", "runs"][..], pace, arguments].concat()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let line = tokio::time::timeout(BOUND, lines.next_line()).await.unwrap().unwrap().unwrap();
        assert_eq!(line, "the pipeline runs: other commands use it with --local runs; Ctrl-C ends it");
        child
    }

    /// Starts an S3 that other commands take for a running pipeline, without functions.
    async fn s3_alone(&self) -> EmbeddedS3 {
        let s3 = EmbeddedS3::start(self.path("s3")).await.unwrap();
        s3.create_bucket(INPUT_BUCKET, true).unwrap();
        s3.create_bucket(OUTPUT_BUCKET, false).unwrap();
        let running = json!({
            "version": 1, "pid": 1, "endpoint": s3.endpoint(), "access_key_id": s3.key().access_key_id(),
            "secret_access_key": s3.key().secret_access_key(), "settings": environment(),
        });
        fs::create_dir_all(self.path("runs/run")).unwrap();
        self.write("runs/run/running.json", running.to_string());
        s3
    }

    /// Drops a file, and returns the id of the drop.
    pub(super) async fn submit(&self, arguments: &[&str]) -> String {
        let (code, said, error) =
            self.run(&[&["submit", "--yes", "--local", "runs"][..], arguments].concat()).await;
        assert_eq!(code, Some(0), "{said}\n{error}");
        said.split(' ').next().unwrap().to_owned()
    }

    /// Waits until the pipeline knows a drop.
    async fn known(&self, drop: &str) {
        let look = async { while self.run(&["status", drop, "--local", "runs"]).await.0 != Some(0) {} };
        tokio::time::timeout(BOUND, look).await.unwrap();
    }
}

fn no_control_characters(said: &str) {
    assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "{said:?}");
    assert!(!said.contains('\u{202e}'), "{said:?}");
}

fn kill(signal: &str, process: &str) {
    assert!(std::process::Command::new("kill").args([signal, process]).status().unwrap().success());
}

/// Waits for the end of a process.
async fn ended(child: Child) -> Printed {
    printed(tokio::time::timeout(BOUND, child.wait_with_output()).await.expect("it ends").unwrap())
}

#[tokio::test]
async fn file_is_dropped_followed_and_listed() {
    let person = Person::new();
    let pipeline = person.serve(&[]).await;
    let (code, said, error) = person.run(&["submit", "a.jsonl", "--yes", "--wait", "--local", "runs"]).await;
    assert_eq!(code, Some(0), "{said}\n{error}");
    assert!(
        error.starts_with("a.jsonl: valid, 100 records, jobs: 1\n  plan: 1 job of 100 records\n"),
        "{error}"
    );
    let mut lines = said.lines();
    let (id, key) = lines.next().unwrap().split_once(' ').unwrap();
    assert_eq!((id.len(), key), (32, "a.jsonl"));
    let end = format!("{} a.jsonl: Finished, 100/100 records", &id[..8]);
    assert_eq!(lines.next_back(), Some(end.as_str()), "{said}");

    let address = format!("s3://local-output/results/a.jsonl/{id}/succeeded/part-00001.jsonl");
    for drop in [id, &id[..6], "a.jsonl", "s3://local-input/a.jsonl", &address] {
        let (code, said, error) = person.run(&["watch", drop, "--local", "runs"]).await;
        assert_eq!((code, said.trim(), error.as_str()), (Some(0), end.as_str(), ""), "{drop}");
        let (code, said, _) = person.run(&["status", drop, "--json", "--local", "runs"]).await;
        let status: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((code, &status["drop_id"], &status["state"]), (Some(0), &json!(id), &json!("Finished")));
        assert_eq!(status["results"]["succeeded"], json!(100));
        assert!(status["cost_usd"].as_f64().unwrap() > 0.0, "{status}");
    }

    person.write("a.jsonl", drop_of(101));
    // Times in S3 are whole seconds.
    let put = async |drop: &str| {
        person.run(&["watch", drop, "--local", "runs"]).await;
        let (_, said, _) = person.run(&["status", drop, "--json", "--local", "runs"]).await;
        serde_json::from_str::<Value>(&said).unwrap()["put"].as_str().unwrap().to_owned()
    };
    let first = put(id).await;
    let mut drops = 1;
    let newer = loop {
        let newer = person.submit(&["a.jsonl"]).await;
        drops += 1;
        if put(&newer).await != first {
            break newer;
        }
    };
    let (_, said, _) = person.run(&["status", "a.jsonl", "--json", "--local", "runs"]).await;
    assert!(said.contains(&newer), "a key is its newest drop: {said}");
    let (code, said, error) = person.run(&["status", "--local", "runs"]).await;
    let rows: Vec<&str> = said.lines().collect();
    assert_eq!((code, rows.len(), error.as_str()), (Some(0), 1 + drops, ""), "{said}");
    assert!(rows[0].starts_with("DROP      STATE"), "{said}");
    assert!(rows.iter().all(|row| row.chars().count() <= 80), "{said}");
    let (_, said, error) = person.run(&["status", "--last", "1", "--local", "runs"]).await;
    assert_eq!(
        (said.lines().count(), error.as_str()),
        (2, "note: there are older drops: --last 5 shows more\n")
    );
    drop(pipeline);
}

#[tokio::test]
async fn what_cannot_be_done_is_said_with_its_fix() {
    let person = Person::new();
    let missing = "missing.jsonl";
    let table: [(&[&str], i32, &str); 8] = [
        (
            &["status"],
            2,
            "no stack is named: give --stack NAME, set BEDROCK_VPC_BATCH_STACK, or give --local FOLDER",
        ),
        (
            &["status", "--stack", "demo"],
            2,
            "no Region is set: give --region, or set AWS_REGION, or use a profile",
        ),
        (
            &["status", "--stack", "demo", "--region", "eu-west-1"],
            2,
            "no AWS credentials are found: set AWS_PROFILE, or",
        ),
        (
            &["watch", "--local", "runs"],
            2,
            "--local runs: there is no such folder, so no pipeline runs in it: start one with",
        ),
        (
            &["submit", "a.jsonl", "--local", "runs"],
            2,
            "there is no terminal to ask on whether to drop the files: give --yes",
        ),
        (&["submit", "-", "--yes", "--local", "runs"], 2, "--local runs: there is no such folder"),
        (&["status", "--stack", "a", "--local", "b"], 2, "the argument '--stack <NAME>' cannot be used with"),
        (
            &["status", "--since", "soon", "--local", "b"],
            2,
            "invalid value 'soon' for '--since <AGE>': it is not a number with",
        ),
    ];
    for (arguments, code, said) in table {
        let (found, _, error) = person.run(arguments).await;
        assert_eq!(found, Some(code), "{arguments:?}: {error}");
        assert!(error.starts_with(&format!("error: {said}")), "{arguments:?}: {error}");
    }
    let s3 = person.s3_alone().await;
    person.write("bad.jsonl", "{}");
    let table: [(&[&str], i32, &str); 7] = [
        (
            &["status", missing],
            1,
            "error: missing.jsonl: the pipeline in runs has no such drop. The command status lists",
        ),
        (&["status", "abcdef"], 1, "error: abcdef: the pipeline in runs has no such drop"),
        (
            &["watch", "s3://other/results/x"],
            2,
            "error: s3://other/results/x: it is not in a bucket of this stack",
        ),
        (
            &["submit", missing, "--yes"],
            1,
            "error: missing.jsonl: No such file or directory (os error 2)\nnothing was dropped",
        ),
        (&["submit", "a.jsonl", "bad.jsonl", "--yes"], 1, "a.jsonl: valid"),
        (
            &["submit", "a.jsonl", "a.jsonl", "--yes"],
            2,
            "error: a.jsonl: another file has the same key, a.jsonl",
        ),
        (&["submit", "-", "--yes"], 2, "error: -: submit drops files, not standard input"),
    ];
    for (arguments, code, said) in table {
        let (found, out, error) = person.run(&[arguments, &["--local", "runs"]].concat()).await;
        assert_eq!((found, out.as_str()), (Some(code), ""), "{arguments:?}: {error}");
        assert!(error.starts_with(said), "{arguments:?}: {error}");
    }
    let (code, said, _) = person.run(&["status", "--local", "runs"]).await;
    assert_eq!((code, said.as_str()), (Some(0), NO_DROPS));
    let puts = s3.requests().into_iter().filter(|request| request.bucket.as_deref() == Some(INPUT_BUCKET));
    assert_eq!(puts.count(), 0, "nothing was uploaded");
    drop(s3);
    let (code, _, error) = person.run(&["status", "--local", "runs"]).await;
    let start = "error: --local runs: no pipeline runs in this folder: start one with bedrock-vpc-batch local --dir runs";
    assert_eq!((code, error.trim()), (Some(2), start));
}

#[tokio::test]
async fn running_pipeline_is_found_by_its_owner_only_and_until_it_ends() {
    let person = Person::new();
    let pipeline = person.serve(&[]).await;
    let run = fs::read_dir(person.path("runs")).unwrap().next().unwrap().unwrap().path();
    let file = run.join("running.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    kill("-INT", &pipeline.id().unwrap().to_string());
    let (code, said, error) = ended(pipeline).await;
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let run = run.strip_prefix(person.path("")).unwrap().display().to_string();
    assert_eq!(said, format!("what this run has stays in {run}\n"));
    assert!(!file.exists());
}

#[tokio::test]
async fn pipeline_that_is_ended_lists_the_drops_that_are_open() {
    let person = Person::new();
    let pipeline = person.serve(&["--pace-ms", "100000000"]).await;
    person.submit(&["a.jsonl", "--as", "x/a.jsonl"]).await;
    person.known("x/a.jsonl").await;
    kill("-INT", &pipeline.id().unwrap().to_string());
    let (code, said, error) = ended(pipeline).await;
    assert_eq!((code, error.as_str()), (Some(130), "error: ended by SIGINT\n"), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("x/a.jsonl: not finished: "), "{said}");
    assert_eq!(lines[1], "to go on, drop them again: the next run has a folder of its own");
    assert!(lines[2].starts_with("what this run has stays in runs/2"), "{said}");
    assert_eq!(lines.len(), 3, "{said}");
}

#[tokio::test]
async fn commands_go_on_with_the_pipeline_that_was_there_first() {
    let person = Person::new();
    let pipeline = person.serve(&[]).await;
    let (code, said, error) = person.run(&["local", "--dir", "runs"]).await;
    let process = pipeline.id().unwrap();
    let why = format!(
        "error: --dir runs: a pipeline runs there already (process {process}): use another folder, or end it\n"
    );
    assert_eq!((code, said.as_str(), error), (Some(2), "", why));
    // A run of its own is not in the way.
    let arguments = ["local", "a.jsonl", "--dir", "runs", "--pace-ms", "100000000"];
    let mut run = person.command(&arguments).spawn().unwrap();
    let mut lines = BufReader::new(run.stdout.as_mut().unwrap()).lines();
    let line = tokio::time::timeout(BOUND, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert_eq!(line, "a.jsonl: dropped");
    let (code, said, _) = person.run(&["status", "--local", "runs"]).await;
    assert_eq!((code, said.as_str()), (Some(0), NO_DROPS));
}

#[tokio::test]
async fn watch_ends_when_the_pipeline_has_ended() {
    for signal in ["-INT", "-KILL"] {
        let person = Person::new();
        let pipeline = person.serve(&["--pace-ms", "100000000"]).await;
        person.submit(&["a.jsonl"]).await;
        person.known("a.jsonl").await;
        let mut watch = person.command(&["watch", "a.jsonl", "--local", "runs"]).spawn().unwrap();
        let mut lines = BufReader::new(watch.stdout.as_mut().unwrap()).lines();
        tokio::time::timeout(BOUND, lines.next_line()).await.unwrap().unwrap().unwrap();
        kill(signal, &pipeline.id().unwrap().to_string());
        let (code, _, error) = ended(watch).await;
        assert_eq!(code, Some(2), "{error}");
        assert!(error.starts_with("error: the pipeline in runs has ended ("), "{error}");
        assert!(error.ends_with(": start one with bedrock-vpc-batch local --dir runs\n"), "{error}");
    }
}

#[tokio::test]
async fn watch_says_once_that_it_cannot_look() {
    let person = Person::new();
    let s3 = person.s3_alone().await;
    let looks = || s3.requests().iter().filter(|request| request.operation == "ListObjectsV2").count();
    let looks_again = async || {
        let before = looks();
        let wait = async {
            while looks() < before + 5 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(BOUND, wait).await.unwrap();
    };
    let watch = person.command(&["watch", "--local", "runs"]).spawn().unwrap();
    looks_again().await;
    s3.inject(|_| Some(Fault::Refused { status: 403, code: "AccessDenied" }));
    looks_again().await;
    kill("-INT", &watch.id().unwrap().to_string());
    let (code, said, error) = ended(watch).await;
    assert_eq!(code, Some(130), "{error}");
    assert_eq!(said, "the drops go on without you; to return: bedrock-vpc-batch watch --local runs\n");
    assert_eq!(
        error.matches("cannot look: the pipeline in runs denies S3 ListObjectsV2").count(),
        1,
        "{error}"
    );
    assert!(error.ends_with("trying again\n"), "{error}");
    assert!(error.lines().all(|line| line.chars().count() <= 80), "{error}");
}

#[tokio::test]
async fn watch_says_that_it_waits_for_a_drop_that_is_not_there() {
    let person = Person::new();
    let _pipeline = person.serve(&[]).await;
    for (drop, more) in
        [("b.jsonl", ""), ("abc12", "; if this is the start of an id, give at least 6 characters")]
    {
        let mut watch = person.command(&["watch", drop, "--local", "runs"]).spawn().unwrap();
        let mut lines = BufReader::new(watch.stderr.as_mut().unwrap()).lines();
        let line = tokio::time::timeout(BOUND, lines.next_line()).await.unwrap().unwrap().unwrap();
        assert_eq!(line, format!("note: {drop}: no such drop yet; looking again for 60 s{more}"));
        let (code, _, error) = person.run(&["status", drop, "--local", "runs"]).await;
        assert_eq!(code, Some(1));
        assert!(error.contains(&format!("{drop}: the pipeline in runs has no such drop{more}. ")), "{error}");
    }
}

#[tokio::test]
async fn what_is_dropped_is_said_even_if_nobody_reads_it() {
    let person = Person::new();
    let _pipeline = person.serve(&[]).await;
    let (_, closed) = std::io::pipe().unwrap();
    let mut submit = person.command(&["submit", "a.jsonl", "--yes", "--local", "runs"]);
    let (code, _, error) = ended(submit.stdout(closed).spawn().unwrap()).await;
    assert_eq!(code, Some(141), "{error}");
    let line = error.lines().next_back().unwrap();
    let id = line.strip_prefix("dropped: ").and_then(|line| line.strip_suffix(" a.jsonl"));
    assert_eq!(id.map(str::len), Some(32), "{error}");
}

#[tokio::test]
async fn rejected_drop_ends_with_1_and_says_why() {
    let person = Person::new();
    let _pipeline = person.serve(&["--set", "MAX_DROP_BYTES=100000"]).await;
    // Another function would refuse it, too, but this one is the last that judges.
    let running =
        fs::read_dir(person.path("runs")).unwrap().next().unwrap().unwrap().path().join("running.json");
    let settings = fs::read_to_string(&running).unwrap().replace("\"100000\"", "\"100000000\"");
    fs::write(&running, settings).unwrap();
    person.write("large.jsonl", drop_of(2_000));
    let (code, said, error) =
        person.run(&["submit", "large.jsonl", "--yes", "--wait", "--local", "runs"]).await;
    assert_eq!(code, Some(1), "{said}\n{error}");
    let last = said.lines().next_back().unwrap();
    assert!(last.contains(" large.jsonl: Rejected: "), "{said}");
    let (code, said, _) = person.run(&["status", "large.jsonl", "--local", "runs"]).await;
    assert_eq!(code, Some(0));
    assert!(said.contains("No record was submitted."), "{said}");
}

#[tokio::test]
async fn hostile_keys_stay_text() {
    let person = Person::new();
    let _pipeline = person.serve(&[]).await;
    let long = format!("{}.jsonl", "é".repeat(509));
    for key in
        ["\u{1b}[2J\u{1b}]0;x\u{7}.jsonl", "a\nb\r.jsonl", "gpj.\u{202e}lnosj.jsonl", "a//../b.jsonl", &long]
    {
        let id = person.submit(&["a.jsonl", "--as", key]).await;
        let (code, said, error) = person.run(&["watch", key, "--local", "runs"]).await;
        assert_eq!(code, Some(0), "{key:?}: {said}{error}");
        assert!(said.contains(&id[..8]), "{key:?}: {said}");
        no_control_characters(&said);
        let (_, said, _) = person.run(&["status", &id, "--local", "runs"]).await;
        no_control_characters(&said);
        assert!(said.lines().all(|row| row.chars().count() <= 80), "{said}");
        let (_, said, _) = person.run(&["status", &id, "--json", "--local", "runs"]).await;
        no_control_characters(&said);
        assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["key"], json!(key));
    }
}

/// A valid drop of about this many bytes.
fn large_drop(bytes: usize) -> String {
    let text = "x".repeat(bytes / 100);
    let line = |number| {
        let body = json!({"messages": [{"role": "user", "content": [{"text": text}]}]});
        json!({"recordId": format!("r{number}"), "modelInput": body}).to_string() + "\n"
    };
    (0..100).map(line).collect()
}

#[tokio::test]
async fn upload_goes_on_where_it_was_interrupted() {
    let person = Person::new();
    let s3 = person.s3_alone().await;
    person.write("large.jsonl", large_drop(30 << 20));
    let arguments = ["submit", "large.jsonl", "--yes", "--local", "runs"];
    let count =
        |operation: &str| s3.requests().iter().filter(|request| request.operation == operation).count();
    // Two parts arrive. A connection that is closed while a part is sent is tried again, so this one is refused again.
    let sent = std::sync::atomic::AtomicUsize::new(0);
    s3.inject(move |request| {
        let is_late =
            request.operation == "UploadPart" && sent.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= 2;
        is_late.then_some(Fault::Refused { status: 403, code: "AccessDenied" })
    });
    let (code, _, error) = person.run(&arguments).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("denies S3 UploadPart"), "{error}");
    s3.inject(|_| None);
    let before = count("UploadPart");
    let (code, said, error) = person.run(&arguments).await;
    assert_eq!(code, Some(0), "{error}");
    assert_eq!((count("CreateMultipartUpload"), count("CompleteMultipartUpload")), (1, 1));
    assert!(count("UploadPart") - before < 4, "{} parts were sent again", count("UploadPart") - before);
    let (id, _) = said.split_once(' ').unwrap();
    let object = s3.client().get_object().bucket(INPUT_BUCKET).key("large.jsonl").send().await.unwrap();
    let body = object.body.collect().await.unwrap().to_vec();
    assert!(body == fs::read(person.path("large.jsonl")).unwrap(), "the object is the file");
    assert_eq!(id.len(), 32);
    let state = person.path(".local/state/bedrock-vpc-batch/uploads");
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_dir(state).unwrap().count(), 0, "nothing is left to remember");
}

#[tokio::test]
async fn file_that_may_be_dropped_already_is_not_dropped_again_unasked() {
    let person = Person::new();
    let s3 = person.s3_alone().await;
    person.write("large.jsonl", large_drop(17 << 20));
    let arguments = ["submit", "large.jsonl", "--yes", "--local", "runs"];
    s3.inject(|request| (request.operation == "CompleteMultipartUpload").then_some(Fault::AnswerLost));
    let (code, _, error) = person.run(&arguments).await;
    assert_eq!(code, Some(1), "{error}");
    s3.inject(|_| None);
    let (code, _, error) = person.run(&arguments).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("an earlier command may have dropped it as large.jsonl"), "{error}");
    let (code, ..) = person.run(&[&arguments[..], &["--again"]].concat()).await;
    assert_eq!(code, Some(0));
    // A file that has changed is another one.
    person.write("large.jsonl", large_drop(18 << 20));
    let (code, _, error) = person.run(&arguments).await;
    assert_eq!(code, Some(0), "{error}");
}

/// What a terminal of this many columns gets from a command that is given a line of input.
#[cfg(target_os = "linux")]
fn on_a_terminal(person: &Person, columns: usize, arguments: &str, input: &str) -> (Option<i32>, String) {
    use std::io::Write;
    let command = format!("stty cols {columns} rows 24 -echo; exec {COMMAND_LINE} {arguments} --local runs");
    let mut script = std::process::Command::new("script");
    script.args(["--quiet", "--return", "--echo", "never", "--command", &command, "/dev/null"]);
    script.current_dir(person.0.path()).env("TERM", "xterm").env("HOME", person.0.path());
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn terminal_is_asked_before_anything_is_dropped() {
    let person = Person::new();
    let _pipeline = person.serve(&[]).await;
    for answer in ["n\n", "\n", "", "yess\n"] {
        let (code, said) = on_a_terminal(&person, 80, "submit a.jsonl", answer);
        assert_eq!(code, Some(1), "{said:?}");
        assert!(
            said.contains("Drop a.jsonl as a.jsonl (100 records) into the pipeline in runs for "),
            "{said:?}"
        );
        assert!(said.contains("nothing was dropped"), "{said:?}");
    }
    let (_, said, _) = person.run(&["status", "--local", "runs"]).await;
    assert_eq!(said, NO_DROPS);
    let (code, said) = on_a_terminal(&person, 80, "submit a.jsonl --wait", "Y\n");
    assert_eq!(code, Some(0), "{said:?}");
    assert!(said.contains(" a.jsonl\r\n") && said.contains("Finished"), "{said:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn bars_fit_the_terminal_and_ended_drops_stay() {
    let person = Person::new();
    person.write("b.jsonl", drop_of(600));
    let _pipeline = person.serve(&["--set", "MAX_RECORDS_PER_JOB=100", "--fault", "jobs-in-flight=2"]).await;
    let ids = [person.submit(&["a.jsonl"]).await, person.submit(&["b.jsonl"]).await];
    for columns in [80, 200] {
        let (code, said) = on_a_terminal(&person, columns, &format!("watch {} {}", ids[0], ids[1]), "");
        assert_eq!(code, Some(0), "{said:?}");
        // Each picture ends with an order to clear what is below it.
        let pictures: Vec<&str> = said.split("\u{1b}[J").collect();
        let plain = |row: &str| row.replace("\u{1b}[K", "").trim_end_matches('\r').to_owned();
        for row in pictures.iter().flat_map(|picture| picture.split('\n')).map(plain) {
            let row = row.trim_start_matches(|c: char| c == '\u{1b}' || "[0123456789A\r".contains(c));
            assert!(row.chars().count() <= columns, "{columns}: {row:?}");
        }
        let end = pictures.last().unwrap();
        assert!(end.contains("a.jsonl") && end.contains("600/600") && end.contains("DROP"), "{end:?}");
    }
    let (code, said, _) = person.run(&["watch", &ids[0], &ids[1], &ids[0], "--local", "runs"]).await;
    assert_eq!((code, said.lines().count()), (Some(0), 2), "{said}");
}

#[tokio::test]
async fn ctrl_c_says_how_to_return() {
    let person = Person::new();
    // The only job stays as it is.
    let _pipeline = person.serve(&["--pace-ms", "100000000"]).await;
    let id = person.submit(&["a.jsonl"]).await;
    person.known("a.jsonl").await;
    let mut watch = person.command(&["watch", "a.jsonl", "--local", "runs"]).spawn().unwrap();
    let signal = watch.id().unwrap().to_string();
    let mut lines = BufReader::new(watch.stdout.as_mut().unwrap()).lines();
    let first = tokio::time::timeout(BOUND, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(first.starts_with(&id[..8]), "{first}");
    kill("-INT", &signal);
    let mut last = first;
    while let Some(line) = tokio::time::timeout(BOUND, lines.next_line()).await.unwrap().unwrap() {
        last = line;
    }
    assert_eq!(last, "the drops go on without you; to return: bedrock-vpc-batch watch a.jsonl --local runs");
    let (code, _, error) = ended(watch).await;
    assert_eq!((code, error.as_str()), (Some(130), ""));
}

#[tokio::test]
async fn cancelled_drop_ends_with_all_its_records_handed_back() {
    let person = Person::new();
    let _pipeline = person.serve(&["--fault", "refuse-role=3600000"]).await;
    let id = person.submit(&["a.jsonl"]).await;
    person.known(&id).await;
    let (code, said, error) = person.run(&["cancel", "--local", "runs", &id]).await;
    let question = "there is no terminal to ask on whether to cancel the drops: give --yes to cancel the drops without a question";
    assert_eq!((code, said.as_str()), (Some(2), ""), "{error}");
    assert!(error.contains(question), "{error}");
    let (code, said, error) = person.run(&["cancel", "--yes", "--local", "runs", "a.jsonl", &id]).await;
    assert_eq!((code, said.as_str()), (Some(0), "a.jsonl: to be cancelled\n"), "{error}");
    assert!(error.contains(&format!("to follow: bedrock-vpc-batch watch {id} --local runs")), "{error}");
    let (code, said, error) = person.run(&["watch", "--local", "runs", &id]).await;
    assert_eq!(code, Some(1), "{said}\n{error}");
    assert!(said.contains("a.jsonl: Cancelled, 0/100 records: "), "{said}");
    assert!(said.contains("0 succeeded, 100 were not processed"), "{said}");
    assert!(said.contains("Cancelled: the drop was cancelled before Bedrock had the job"), "{said}");
    let (code, said, error) = person.run(&["cancel", "--yes", "--local", "runs", &id]).await;
    let over = "a.jsonl: it is over (Cancelled), so there is nothing to cancel\n";
    assert_eq!((code, said.as_str(), error.as_str()), (Some(1), over, ""));
}

#[tokio::test]
async fn held_drop_says_why_and_runs_once_it_is_approved() {
    let person = Person::new();
    let _pipeline = person.serve(&["--set", "MAX_DROP_USD=0"]).await;
    let id = person.submit(&["a.jsonl"]).await;
    person.known(&id).await;
    let (code, said, error) = person.run(&["approve", "--local", "runs", &id]).await;
    assert_eq!((code, said.as_str()), (Some(2), ""), "{error}");
    assert!(error.contains("give --yes to approve the drops without a question"), "{error}");
    let mut watch = person.command(&["watch", "--local", "runs", &id]).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.as_mut().unwrap()).lines();
    let mut line = String::new();
    while !line.contains(": Held, 0/100 records: ") {
        line = tokio::time::timeout(BOUND, lines.next_line()).await.unwrap().unwrap().unwrap();
    }
    assert!(line.contains("it may cost more than a drop may, which is 0.00 US dollars"), "{line}");
    assert!(line.contains(&format!("An operator can approve it: bedrock-vpc-batch approve {id}")), "{line}");
    let (code, said, error) = person.run(&["approve", "--yes", "--local", "runs", "a.jsonl"]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(said.starts_with("a.jsonl:\n  The drop is held: it may cost more"), "{said}");
    assert!(said.contains(" US dollars: 100 records have at most "), "{said}");
    assert!(said.ends_with("a.jsonl: to be submitted\n"), "{said}");
    assert!(error.contains(&format!("to follow: bedrock-vpc-batch watch {id} --local runs")), "{error}");
    let (code, _, error) = ended(watch).await;
    assert_eq!(code, Some(0), "{error}");
    let (code, said, error) = person.run(&["approve", "--yes", "--local", "runs", &id]).await;
    let over = "a.jsonl: it is not held (Finished), so there is nothing to approve\n";
    assert_eq!((code, said.as_str(), error.as_str()), (Some(1), over, ""));
}

/// An id that no drop has.
fn another(id: &str) -> String {
    let last = if id.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &id[..31])
}

#[tokio::test]
async fn drops_that_do_not_exist_are_neither_cancelled_nor_erased() {
    let person = Person::new();
    let _pipeline = person.serve(&[]).await;
    let id = another(&person.submit(&["a.jsonl"]).await);
    for command in ["approve", "cancel", "erase"] {
        let (code, said, error) = person.run(&[command, "--yes", "--local", "runs", &id]).await;
        assert_eq!((code, said.as_str()), (Some(1), ""), "{error}");
        assert!(error.contains(&format!("{id}: the pipeline in runs has no such drop")), "{error}");
    }
}

#[tokio::test]
async fn operator_who_is_not_a_reader_is_told_that_nothing_is_confirmed() {
    let person = Person::new();
    let s3 = person.s3_alone().await;
    let id = "0123456789abcdef0123456789abcdef";
    let requests = || {
        let puts = s3.requests().into_iter().filter(|request| request.operation == "PutObject");
        puts.filter_map(|request| request.key).collect::<Vec<_>>()
    };
    for command in ["approve", "cancel", "erase"] {
        // An outage is not a refusal.
        s3.inject(|request| {
            let is_read = ["ListObjectsV2", "GetObject"].contains(&request.operation.as_str());
            is_read.then_some(Fault::Refused { status: 400, code: "ExpiredToken" })
        });
        let (code, said, error) = person.run(&[command, "--yes", "--local", "runs", id]).await;
        assert_eq!((code, said.as_str()), (Some(1), ""), "{error}");
        assert!(requests().iter().all(|key| !key.contains(command)), "{:?}", requests());
        s3.inject(|request| {
            let is_read = ["ListObjectsV2", "GetObject"].contains(&request.operation.as_str());
            is_read.then_some(Fault::Refused { status: 403, code: "AccessDenied" })
        });
        let (code, said, error) = person.run(&[command, "--yes", "--local", "runs", id]).await;
        assert_eq!((code, error.as_str()), (Some(0), ""), "nothing can be followed");
        let last = said.lines().next_back().unwrap();
        assert!(last.starts_with(&format!("{id}: asked for")), "{said}");
        assert!(last.ends_with("nothing here can confirm that there is such a drop"), "{said}");
        assert!(requests().contains(&format!("requests/{command}/{id}")), "{:?}", requests());
    }
}

#[tokio::test]
async fn erased_drop_is_gone() {
    let person = Person::new();
    let _pipeline = person.serve(&[]).await;
    let id = person.submit(&["a.jsonl"]).await;
    let (code, said, error) = person.run(&["watch", "--local", "runs", &id]).await;
    assert_eq!(code, Some(0), "{said}\n{error}");
    let (code, said, error) = person.run(&["erase", "--local", "runs", &id]).await;
    assert_eq!((code, said.as_str()), (Some(2), ""), "{error}");
    assert!(error.contains("give --yes to erase the drops without a question"), "{error}");

    let (code, said, error) = person.run(&["erase", "--yes", "--local", "runs", "a.jsonl", &id]).await;
    assert_eq!(code, Some(0), "{said}\n{error}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with(&format!("a.jsonl ({id}): Finished, 100 records, put at ")), "{said}");
    assert_eq!(lines[1], "a.jsonl: erased");
    for gone in [id.as_str(), "a.jsonl"] {
        let (code, said, error) = person.run(&["errors", "--local", "runs", gone]).await;
        assert_eq!(code, Some(1), "{said}\n{error}");
        assert!(error.contains("has no such drop"), "{error}");
    }
    let (code, said, error) = person.run(&["erase", "--yes", "--local", "runs", &id]).await;
    assert_eq!((code, said.as_str()), (Some(1), ""), "{error}");
    assert!(error.contains("has no such drop"), "{error}");
}

#[tokio::test]
async fn drop_that_is_not_over_is_not_erased() {
    let person = Person::new();
    let _pipeline = person.serve(&["--fault", "refuse-role=3600000"]).await;
    let id = person.submit(&["a.jsonl"]).await;
    person.known(&id).await;
    for named in [id.as_str(), "a.jsonl"] {
        let (code, said, error) = person.run(&["erase", "--yes", "--local", "runs", named]).await;
        assert_eq!((code, said.as_str()), (Some(1), ""), "{error}");
        let said = format!("cancel it first: bedrock-vpc-batch cancel {id} --local runs");
        assert!(error.contains("only a drop that is over can be erased") && error.contains(&said), "{error}");
    }
}

#[tokio::test]
async fn nothing_is_cancelled_if_one_of_the_drops_does_not_exist() {
    let person = Person::new();
    let _pipeline = person.serve(&["--fault", "refuse-role=3600000"]).await;
    let id = person.submit(&["a.jsonl"]).await;
    person.known(&id).await;
    let (code, said, error) = person.run(&["cancel", "--yes", "--local", "runs", &id, "b.jsonl"]).await;
    assert_eq!((code, said.as_str()), (Some(1), ""), "{error}");
    assert!(error.contains("b.jsonl"), "{error}");
}
