//! What a terminal shows: `script` gives a command one, and writes down what arrives there.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::drop_of;
use crate::support::processes::COMMAND_LINE;

/// Runs a shell command on a terminal. Returns its exit code, and everything that arrived.
pub(super) fn on_a_terminal(folder: &Path, command: &str, envs: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = Command::new("script")
        .args(["--quiet", "--return", "--echo", "never", "--command", command, "/dev/null"])
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .envs(envs.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn bars_of_a_local_run_show_the_records_of_the_file_and_never_nothing_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("few.jsonl"), drop_of(7)).unwrap();
    // Each state takes longer than it takes to look up how many records there are.
    let command = format!("stty cols 80 rows 24; {COMMAND_LINE} local few.jsonl --dir runs --pace-ms 1500");
    let (code, said) = on_a_terminal(folder.path(), &command, &[]);
    assert_eq!(code, Some(0), "{said:?}");
    assert!(said.contains("0/7"), "{said:?}");
    for wrong in ["0/0", "/100", "/93"] {
        assert!(!said.contains(wrong), "{wrong}: {said:?}");
    }
    // This one cannot move its cursor.
    let (code, said) = on_a_terminal(folder.path(), &command.replace("1500", "300"), &[("TERM", "dumb")]);
    assert_eq!(code, Some(0), "{said:?}");
    assert!(said.starts_with("few.jsonl: dropped\r\nfew.jsonl: job "), "{said:?}");
    assert!(!said.contains('\u{1b}') && !said.contains('\u{2588}'), "{said:?}");
}
