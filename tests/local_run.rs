//! The command line `local` as a process, in places and at moments that are not made for it.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use bedrock_vpc_batch::local::s3::EmbeddedS3;
use bedrock_vpc_batch::local::{Local, LocalOptions, clients};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};

use crate::processes::COMMAND_LINE;
use crate::support::{BOUND, config, drop_of};

/// A folder with drops, and the command line in it.
struct Rig(TempDir);

impl Rig {
    fn new() -> Self {
        let rig = Self(tempfile::tempdir().unwrap());
        rig.write("a.jsonl", drop_of(100));
        rig
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// `local` with these arguments, none of its output read yet.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(COMMAND_LINE);
        command.arg("local").args(arguments).args(["--pace-ms", "0", "--dir", "runs"]);
        command.current_dir(self.0.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// The folder of the only run.
    fn run_folder(&self) -> PathBuf {
        let mut runs = fs::read_dir(self.path("runs")).unwrap();
        let run = runs.next().unwrap().unwrap().path();
        assert!(runs.next().is_none());
        run
    }
}

async fn output(mut command: Command) -> (Option<i32>, String, String) {
    said(tokio::time::timeout(BOUND, command.output()).await.expect("it ends").unwrap())
}

fn said(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A run whose lines are read as they come.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, seen: Vec::new() }
    }

    /// Reads up to the first line that begins so.
    async fn until(&mut self, start: &str) -> String {
        loop {
            let line = tokio::time::timeout(BOUND, self.lines.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("no {start:?} in {:#?}", self.seen)).unwrap();
            let line = line.unwrap_or_else(|| panic!("it ended without {start:?}: {:#?}", self.seen));
            self.seen.push(line.clone());
            if line.starts_with(start) {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Its exit code, every line of its output, and its standard error.
    async fn end(mut self) -> (Option<i32>, Vec<String>, String) {
        while let Some(line) = tokio::time::timeout(BOUND, self.lines.next_line()).await.unwrap().unwrap() {
            self.seen.push(line);
        }
        let (code, _, error) =
            said(tokio::time::timeout(BOUND, self.child.wait_with_output()).await.unwrap().unwrap());
        (code, self.seen, error)
    }
}

// Nothing leaves the loopback address, and nobody else is let in.

/// Every variable by which something could be sent elsewhere, or fail; `URL` and `FILE` stand for a server that is
/// not ours and for a file that says the same as the environment.
const HOSTILE: &[(&str, &str)] = &[
    ("AWS_ENDPOINT_URL", "URL"),
    ("AWS_ENDPOINT_URL_S3", "URL"),
    ("AWS_ENDPOINT_URL_BEDROCK", "URL"),
    ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "URL"),
    ("AWS_ENDPOINT_URL_STS", "URL"),
    ("AWS_ENDPOINT_URL_SSO", "URL"),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "URL"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "URL"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "FILE"),
    ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/elsewhere"),
    ("AWS_CONFIG_FILE", "FILE"),
    ("AWS_SHARED_CREDENTIALS_FILE", "FILE"),
    ("AWS_PROFILE", "hostile"),
    ("AWS_DEFAULT_PROFILE", "hostile"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_DEFAULT_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("AWS_SESSION_TOKEN", "token"),
    ("AWS_BEARER_TOKEN_BEDROCK", "token"),
    ("AWS_ACCOUNT_ID", "210987654321"),
    ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "required"),
    ("AWS_AUTH_SCHEME_PREFERENCE", "sigv4a,httpBearerAuth"),
    ("AWS_SIGV4A_SIGNING_REGION_SET", "*"),
    ("AWS_USE_FIPS_ENDPOINT", "true"),
    ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
    ("AWS_DEFAULTS_MODE", "in-region"),
    ("AWS_MAX_ATTEMPTS", "1"),
    ("AWS_RETRY_MODE", "adaptive"),
    ("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"),
    ("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required"),
    ("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "0"),
    ("AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS", "true"),
    ("AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "true"),
    ("AWS_S3_USE_ARN_REGION", "true"),
    ("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "legacy"),
    ("AWS_CA_BUNDLE", "/nonexistent"),
    ("SSL_CERT_FILE", "/nonexistent"),
    ("SSL_CERT_DIR", "/nonexistent"),
    ("HTTP_PROXY", "URL"),
    ("HTTPS_PROXY", "URL"),
    ("ALL_PROXY", "URL"),
    ("NO_PROXY", ""),
    ("http_proxy", "URL"),
    ("https_proxy", "URL"),
    ("all_proxy", "URL"),
    ("no_proxy", ""),
    ("INPUT_BUCKET", "elsewhere"),
    ("OUTPUT_BUCKET", "elsewhere"),
    ("MAX_RECORDS_PER_JOB", "1"),
    ("S3_FORCE_PATH_STYLE", "false"),
];

fn hostile_profile(url: &str) -> String {
    let settings = format!(
        "endpoint_url = {url}\nservices = hostile\nregion = eu-central-1\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
         aws_secret_access_key = secret\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\nmax_attempts = 1\n\
         retry_mode = adaptive\nrequest_checksum_calculation = when_required\n\
         response_checksum_validation = when_required\ndefaults_mode = in-region\naccount_id_endpoint_mode = required\n"
    );
    let services = format!("s3 =\n  endpoint_url = {url}\nbedrock =\n  endpoint_url = {url}\n");
    format!(
        "[default]\n{settings}\n[profile hostile]\n{settings}\n[hostile]\n{settings}\n[services hostile]\n{services}"
    )
}

/// Runs a command with these of the variables, and fails if it connects to the server that they name.
async fn run_among(
    rig: &Rig,
    command: impl FnOnce(&str) -> Command,
    names: &[&str],
) -> (Option<i32>, String, String) {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", elsewhere.local_addr().unwrap());
    rig.write("profile", hostile_profile(&url));
    let file = rig.path("profile");
    let mut command = command(&url);
    for (name, value) in HOSTILE.iter().filter(|(name, _)| names.contains(name)) {
        command.env(name, value.replace("URL", &url).replace("FILE", file.to_str().unwrap()));
    }
    tokio::select! {
        biased;
        connected = elsewhere.accept() => {
            let (connection, _) = connected.unwrap();
            connection.readable().await.unwrap();
            let mut sent = vec![0; 200];
            let length = connection.try_read(&mut sent).unwrap_or_default();
            panic!("with {names:?} it sent to another server: {}", String::from_utf8_lossy(&sent[..length]));
        }
        ended = output(command) => {
            let late = tokio::time::timeout(std::time::Duration::ZERO, elsewhere.accept()).await;
            assert!(late.is_err(), "with {names:?} it connected to another server");
            ended
        }
    }
}

#[tokio::test]
async fn nothing_from_the_environment_or_a_profile_reaches_a_local_run() {
    let all: Vec<&str> = HOSTILE.iter().map(|(name, _)| *name).collect();
    let sets: [&[&str]; 8] = [
        &["AWS_ENDPOINT_URL"],
        &["AWS_ENDPOINT_URL_S3"],
        &["AWS_ENDPOINT_URL_BEDROCK"],
        &["AWS_CONFIG_FILE"],
        &["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"],
        &["AWS_BEARER_TOKEN_BEDROCK"],
        &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"],
        &all,
    ];
    for names in sets {
        let rig = Rig::new();
        let (code, said, error) = run_among(&rig, |_| rig.command(&["a.jsonl"]), names).await;
        assert_eq!((code, error.as_str()), (Some(0), ""), "{names:?}: {said}");
        assert!(said.contains("a.jsonl: 100 records = 100 succeeded"), "{names:?}: {said}");
    }
}

#[tokio::test]
async fn key_pair_and_folder_of_a_run_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let local = Local::start(&folder.path().join("s3"), LocalOptions::new(config(&[]))).await.unwrap();
    let other = EmbeddedS3::start(folder.path().join("other")).await.unwrap();
    assert_ne!(local.s3().key(), other.key());
    let strange = clients(local.config(), other.key(), local.s3().endpoint(), local.stand_in().endpoint());
    let refusal = strange.s3.list_buckets().send().await.unwrap_err();
    assert_eq!(refusal.raw_response().unwrap().status().as_u16(), 403);
    let refusal = strange.bedrock.list_model_invocation_jobs().send().await.unwrap_err();
    assert_eq!(refusal.raw_response().unwrap().status().as_u16(), 403);
    local.clients().bedrock.list_model_invocation_jobs().send().await.unwrap();

    let rig = Rig::new();
    let (code, said, _) = output(rig.command(&["a.jsonl"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(rig.run_folder().metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn stand_in_by_itself_takes_only_credentials_from_the_environment() {
    let rig = Rig::new();
    let s3 = EmbeddedS3::start(rig.path("s3")).await.unwrap();
    s3.create_bucket("bucket", false).unwrap();
    // It talks to S3 when a job is made, so one has to be.
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", elsewhere.local_addr().unwrap());
    rig.write("profile", hostile_profile(&url));
    let mut command = Command::new(COMMAND_LINE);
    command.args(["stand-in", "--s3-endpoint", s3.endpoint(), "--pace-ms", "0"]);
    for (name, value) in HOSTILE {
        command.env(name, value.replace("URL", &url).replace("FILE", rig.path("profile").to_str().unwrap()));
    }
    command
        .env("AWS_ACCESS_KEY_ID", s3.key().access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", s3.key().secret_access_key())
        .env_remove("AWS_SESSION_TOKEN")
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut running = Running::start(command);
    let address = running.until("http://").await;
    let bedrock = clients(&config(&[]), s3.key(), s3.endpoint(), &address).bedrock;
    s3.client().put_object().bucket("bucket").key("in.jsonl").body(drop_of(100).into()).send().await.unwrap();
    let input =
        aws_sdk_bedrock::types::ModelInvocationJobS3InputDataConfig::builder().s3_uri("s3://bucket/in.jsonl");
    let output =
        aws_sdk_bedrock::types::ModelInvocationJobS3OutputDataConfig::builder().s3_uri("s3://bucket/out/");
    bedrock
        .create_model_invocation_job()
        .job_name("job")
        .role_arn("arn:aws:iam::123456789012:role/batch")
        .model_id(crate::support::MODEL_ID)
        .input_data_config(input.build().unwrap().into_config())
        .output_data_config(output.build().unwrap().into_config())
        .send()
        .await
        .unwrap();
    let mut status = String::new();
    while !bedrock_vpc_batch::aws::bedrock::is_terminal(&status) {
        tokio::select! {
            biased;
            connected = elsewhere.accept() => panic!("it connected to another server: {connected:?}"),
            event = running.until("{") => {
                let event: Value = serde_json::from_str(&event).unwrap();
                event["detail"]["status"].as_str().unwrap().clone_into(&mut status);
            }
        }
    }
    assert_eq!(status, "Completed");
    running.signal("TERM");
    assert_eq!(running.end().await.0, Some(0));

    let mut without = Command::new(COMMAND_LINE);
    without.args(["stand-in", "--s3-endpoint", s3.endpoint()]).env_clear();
    let (code, _, error) = self::output(without).await;
    assert_eq!(
        (code, error.as_str()),
        (Some(2), "error: invalid environment: AWS_ACCESS_KEY_ID is not set\n")
    );
}

/// The SDK nests the two locations in unions of one member.
trait IntoConfig {
    type Config;
    fn into_config(self) -> Self::Config;
}

impl IntoConfig for aws_sdk_bedrock::types::ModelInvocationJobS3InputDataConfig {
    type Config = aws_sdk_bedrock::types::ModelInvocationJobInputDataConfig;
    fn into_config(self) -> Self::Config {
        Self::Config::S3InputDataConfig(self)
    }
}

impl IntoConfig for aws_sdk_bedrock::types::ModelInvocationJobS3OutputDataConfig {
    type Config = aws_sdk_bedrock::types::ModelInvocationJobOutputDataConfig;
    fn into_config(self) -> Self::Config {
        Self::Config::S3OutputDataConfig(self)
    }
}

// What cannot be dropped is told, and the rest goes on.

#[tokio::test]
async fn bad_file_does_not_end_the_watch_of_a_folder() {
    let rig = Rig::new();
    fs::create_dir_all(rig.path("drops/folder.jsonl")).unwrap();
    std::os::unix::fs::symlink("nowhere", rig.path("drops/link.jsonl")).unwrap();
    rig.write("drops/good.jsonl", drop_of(100));
    let mut running = Running::start(rig.command(&["drops", "--quiet-ms", "0"]));
    running.until("good.jsonl: 100 records = 100 succeeded").await;
    assert!(running.seen.contains(&"drops/folder.jsonl: is a folder".to_owned()), "{:#?}", running.seen);
    let link = "drops/link.jsonl: No such file or directory (os error 2)".to_owned();
    assert!(running.seen.contains(&link), "{:#?}", running.seen);

    fs::rename(rig.path("drops"), rig.path("away")).unwrap();
    running.until("drops: No such file or directory").await;
    rig.write("away/late.jsonl", drop_of(101));
    fs::rename(rig.path("away"), rig.path("drops")).unwrap();
    running.until("drops: can be read again").await;
    running.until("late.jsonl: 101 records = 101 succeeded").await;

    // One that is written to again after it was dropped.
    rig.write("drops/late.jsonl", drop_of(102));
    running.until("late.jsonl: changed since it was dropped; dropping it again as a new version").await;
    running.until("late.jsonl (version 2): 102 records = 102 succeeded").await;
    running.signal("INT");
    assert_eq!(running.end().await.0, Some(0));
}

#[tokio::test]
async fn file_that_cannot_be_read_is_told_and_the_others_are_processed() {
    let rig = Rig::new();
    assert!(std::process::Command::new("mkfifo").arg(rig.path("pipe.jsonl")).status().unwrap().success());
    let (code, said, error) = output(rig.command(&["pipe.jsonl", "a.jsonl"])).await;
    assert_eq!((code, error.as_str()), (Some(1), ""), "{said}");
    assert!(said.contains("pipe.jsonl: not dropped: pipe.jsonl: is not a regular file"), "{said}");
    assert!(said.contains("a.jsonl: 100 records = 100 succeeded"), "{said}");
}

#[tokio::test]
async fn file_that_no_event_tells_of_is_not_waited_for() {
    let rig = Rig::new();
    for name in ["a.ndjson", "b.JSONL", "c"] {
        rig.write(name, drop_of(100));
    }
    let (code, said, _) = output(rig.command(&["a.ndjson", "b.JSONL", "c", "a.jsonl"])).await;
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(said.matches("not dropped: its name does not end in .jsonl").count(), 3, "{said}");
    assert!(said.contains("a.jsonl: 100 records = 100 succeeded"), "{said}");
}

#[tokio::test]
async fn lost_event_is_not_waited_for_where_nothing_looks_for_it() {
    let rig = Rig::new();
    let lost = ["--fault", "events-dropped=1", "a.jsonl"];
    let (code, said, _) = output(rig.command(&[&["--sweep-ms", "0"], lost.as_slice()].concat())).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("a.jsonl: given up: submit: the event was lost"), "{said}");
    // With a sweep it is found.
    let (code, said, _) = output(rig.command(&[&["--sweep-ms", "500"], lost.as_slice()].concat())).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("a.jsonl: 100 records = 100 succeeded"), "{said}");
}

#[tokio::test]
async fn doubt_that_is_waited_for_is_told() {
    let rig = Rig::new();
    // Of the drops of a few seeds, some have output that is wrong for good.
    for seed in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        rig.write("a.jsonl", drop_of(100));
        let lying = ["--fault", "lying-output=1", "--sweep-ms", "300", "--seed", seed, "a.jsonl"];
        let mut running = Running::start(rig.command(&lying));
        let told = running.until("a.jsonl: in doubt: job ").await;
        assert!(
            told.ends_with("it is checked again for 6 hours, and none of its records are submitted again"),
            "{told}"
        );
        running.signal("TERM");
        assert_eq!(running.end().await.0, Some(143));
    }
}

#[tokio::test]
async fn file_that_shrinks_while_it_is_dropped_is_told_and_the_others_are_processed() {
    let rig = Rig::new();
    let large = File::create(rig.path("large.jsonl")).unwrap();
    // As large as takes a while to upload, and takes no room.
    large.set_len(8 << 30).unwrap();
    let running = Running::start(rig.command(&["large.jsonl", "a.jsonl"]));
    let begun = async {
        let size = |path: PathBuf| path.metadata().map(|metadata| metadata.len()).unwrap_or_default();
        let is_begun = || {
            let run = fs::read_dir(rig.path("runs")).ok()?.next()?.ok()?.path();
            let mut hidden = fs::read_dir(run.join("s3/.embedded-s3")).ok()?;
            hidden.any(|file| size(file.unwrap().path()) > 1 << 20).then_some(())
        };
        while is_begun().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, begun).await.unwrap();
    large.set_len(0).unwrap();
    let (code, said, error) = running.end().await;
    assert_eq!((code, error.as_str()), (Some(1), ""), "{said:#?}");
    assert_eq!(said[0], "large.jsonl: not dropped: it changed while it was being read");
    assert!(said.iter().any(|line| line.starts_with("a.jsonl: 100 records = 100 succeeded")), "{said:#?}");
}

#[tokio::test]
async fn files_of_the_same_name_are_told_apart() {
    let rig = Rig::new();
    rig.write("one/x.jsonl", drop_of(101));
    rig.write("two/x.jsonl", drop_of(102));
    let (code, said, _) = output(rig.command(&["one/x.jsonl", "two/x.jsonl"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("one/x.jsonl: 101 records = 101 succeeded"), "{said}");
    assert!(said.contains("two/x.jsonl: 102 records = 102 succeeded"), "{said}");
    let results = rig.run_folder().join("s3/local-output/results");
    assert!(results.join("one/x.jsonl").is_dir() && results.join("two/x.jsonl").is_dir());
}

// What ends a run is told by name.

#[tokio::test]
async fn signal_ends_a_run_which_names_what_is_open_and_leaves_no_temporary_files() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let rig = Rig::new();
        // As large as takes a while to upload, and takes no room.
        File::create(rig.path("large.jsonl")).unwrap().set_len(8 << 30).unwrap();
        let mut running = Running::start(rig.command(&["a.jsonl", "large.jsonl", "a.jsonl"]));
        running.until("a.jsonl: dropped").await;
        running.signal(signal);
        let (found, said, error) = running.end().await;
        assert_eq!((found, error), (Some(code), format!("error: ended by SIG{signal}\n")), "{said:#?}");
        for line in ["a.jsonl: not finished", "large.jsonl: not dropped", "a.jsonl: not dropped"] {
            assert!(said.contains(&line.to_owned()), "{line} is not in {said:#?}");
        }
        let s3 = rig.run_folder().join("s3");
        assert!(s3.is_dir() && !s3.join(".embedded-s3").exists(), "temporary files of SIG{signal}");
    }
}

#[tokio::test]
async fn closed_output_ends_a_run_quietly() {
    let rig = Rig::new();
    // The reader is closed before the process starts. Otherwise, the process could write everything before that.
    let closed = || {
        let (_, writer) = std::io::pipe().unwrap();
        writer
    };
    let child = rig.command(&["a.jsonl"]).stdout(closed()).spawn().unwrap();
    let (code, _, error) =
        said(tokio::time::timeout(BOUND, child.wait_with_output()).await.unwrap().unwrap());
    assert_eq!((code, error.as_str()), (Some(141), ""));

    let mut validate = Command::new(COMMAND_LINE);
    validate.args(["validate", "a.jsonl"]).current_dir(rig.0.path()).stdout(closed()).stderr(Stdio::piped());
    let child = validate.spawn().unwrap();
    let (code, _, error) =
        said(tokio::time::timeout(BOUND, child.wait_with_output()).await.unwrap().unwrap());
    assert_eq!((code, error.as_str()), (Some(141), ""));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn full_output_ends_a_run_with_the_cause() {
    let rig = Rig::new();
    let mut command = rig.command(&["a.jsonl"]);
    command.stdout(File::options().write(true).open("/dev/full").unwrap());
    let (code, _, error) = output_of_error(command).await;
    let cause = "error: cannot write the output: No space left on device (os error 28)\n";
    assert_eq!((code, error.as_str()), (Some(1), cause));
}

/// As [`output`], which would take the standard output back.
async fn output_of_error(mut command: Command) -> (Option<i32>, String, String) {
    let child = command.spawn().unwrap();
    said(tokio::time::timeout(BOUND, child.wait_with_output()).await.expect("it ends").unwrap())
}

#[tokio::test]
async fn full_disk_ends_a_run_with_the_cause() {
    let rig = Rig::new();
    rig.write("large.jsonl", drop_of(5_000));
    // The largest file that it may write has 200 blocks: what is refused is one file that is too large, at a write.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 200; exec \"$@\"", "sh", COMMAND_LINE, "local"]);
    command.args(["a.jsonl", "large.jsonl", "--pace-ms", "0", "--dir", "runs"]).current_dir(rig.0.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let (code, said, error) = output(command).await;
    let folder = rig.run_folder().join("s3").canonicalize().unwrap();
    let cause = format!("error: cannot write to disk: {}: File too large (os error 27)\n", folder.display());
    assert_eq!((code, error), (Some(1), cause), "{said}");
    assert!(said.contains("large.jsonl: not dropped"), "{said}");
}

#[tokio::test]
async fn what_is_wrong_with_a_run_from_the_start_is_told_with_its_place() {
    let rig = Rig::new();
    rig.write("file", "");
    let run = async |arguments: &[&str]| {
        let mut command = Command::new(COMMAND_LINE);
        command.args(["local", "a.jsonl"]).args(arguments).current_dir(rig.0.path());
        let (code, _, error) = output(command).await;
        (code.unwrap(), error)
    };
    let (code, error) = run(&["--dir", "file/runs"]).await;
    assert_eq!(
        (code, error.as_str()),
        (1, "error: could not start: file/runs: Not a directory (os error 20)\n")
    );
    let (code, error) = run(&["--set", "OUTPUT_BUCKET=xn--bucket"]).await;
    let message = "error: could not start: The specified bucket is not valid: xn--bucket\n";
    assert_eq!((code, error.as_str()), (2, message));
    let (code, error) = run(&["--fault", "partial=0.6", "--fault", "fail=0.6"]).await;
    let message = "error: --fault: partial, expire, fail and stop exclude each other, and their rates add up to more than 1\n";
    assert_eq!((code, error.as_str()), (2, message));
    let (code, error) = run(&["--function-timeout-ms", "10000"]).await;
    assert_eq!(code, 2);
    assert!(error.contains("a function needs at least 15000 ms"), "{error}");
    assert_eq!(run(&["--function-timeout-ms", "900001"]).await.0, 2);
}
