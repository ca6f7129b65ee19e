//! A run says what ended it.

use std::fs::File;
use std::process::Stdio;

use tokio::process::Command;

use super::{Rig, Running, output};
use crate::support::processes::{COMMAND_LINE, Printed, printed};
use crate::support::{BOUND, drop_of};

#[tokio::test]
async fn signal_ends_a_run_that_lists_its_open_drops_and_leaves_no_temporary_files() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let rig = Rig::new();
        // Large enough that uploading takes a while. It is sparse, so it takes no space on disk.
        File::create(rig.path("large.jsonl")).unwrap().set_len(8 << 30).unwrap();
        let mut running = Running::start(rig.command(&["a.jsonl", "large.jsonl", "a.jsonl"]));
        running.until("a.jsonl: dropped").await;
        running.signal(signal);
        let (found, said, error) = running.end().await;
        assert_eq!((found, error), (Some(code), format!("error: ended by SIG{signal}\n")), "{said:#?}");
        let open = said.iter().find(|line| line.starts_with("a.jsonl: not finished: ")).unwrap();
        assert!(open.len() > "a.jsonl: not finished: ".len(), "{open}");
        let go_on = "to go on, run the command again: it drops the files anew, in a folder of its own";
        for line in ["large.jsonl: not dropped", "a.jsonl: not dropped", go_on] {
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
        printed(tokio::time::timeout(BOUND, child.wait_with_output()).await.unwrap().unwrap());
    assert_eq!((code, error.as_str()), (Some(141), ""));

    let mut validate = Command::new(COMMAND_LINE);
    validate.args(["validate", "a.jsonl"]).current_dir(rig.0.path()).stdout(closed()).stderr(Stdio::piped());
    let child = validate.spawn().unwrap();
    let (code, _, error) =
        printed(tokio::time::timeout(BOUND, child.wait_with_output()).await.unwrap().unwrap());
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

/// Runs a command as [`output`] does, but leaves its standard output as it is.
async fn output_of_error(mut command: Command) -> Printed {
    let child = command.spawn().unwrap();
    printed(tokio::time::timeout(BOUND, child.wait_with_output()).await.expect("it ends").unwrap())
}

#[tokio::test]
async fn full_disk_ends_a_run_with_the_cause() {
    let rig = Rig::new();
    rig.write("large.jsonl", drop_of(5_000));
    // It may write files of at most 200 blocks, so writing the large file fails.
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
async fn run_that_cannot_start_says_why_and_where() {
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
        (1, "error: --dir: cannot make a folder for the run: file/runs: Not a directory (os error 20)\n")
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
    for (other, why) in [
        ("-", "local drops files, not standard input: write it to a file first"),
        (
            "s3://b/k.jsonl",
            "local connects to nothing outside of this machine: copy the object first, with aws s3 cp",
        ),
    ] {
        assert_eq!(run(&[other]).await, (2, format!("error: {other}: {why}\n")));
    }
}
