//! The command `local` as a process, in environments and at moments that it was not made for.

mod drops;
mod endings;
mod isolation;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::processes::{COMMAND_LINE, Printed, printed};
use crate::support::{BOUND, drop_of};

/// A folder with drops, in which the command line runs.
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

    /// The command `local` with these arguments, not yet started.
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

async fn output(mut command: Command) -> Printed {
    printed(tokio::time::timeout(BOUND, command.output()).await.expect("it ends").unwrap())
}

/// A run whose output is read line by line while it runs.
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

    /// Reads up to the first line that starts with `start`.
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

    /// Waits for the end; gives the exit code, every line of the output, and the standard error.
    async fn end(mut self) -> (Option<i32>, Vec<String>, String) {
        while let Some(line) = tokio::time::timeout(BOUND, self.lines.next_line()).await.unwrap().unwrap() {
            self.seen.push(line);
        }
        let (code, _, error) =
            printed(tokio::time::timeout(BOUND, self.child.wait_with_output()).await.unwrap().unwrap());
        (code, self.seen, error)
    }
}
