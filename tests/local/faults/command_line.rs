//! The faults that the command line accepts.

use bedrock_vpc_batch::local::faults::FAULTS;

use crate::support::drop_of;
use crate::support::processes::{Printed, run_command};

fn command_line(arguments: &[&str]) -> Printed {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.jsonl"), drop_of(150)).unwrap();
    run_command("local", folder.path(), arguments)
}

#[test]
fn command_line_injects_what_it_is_asked_for() {
    let faults = ["s3-503=0.1", "s3-409=0.2", "lost-answers=0.05", "slow=5ms", "events-duplicated=1"];
    let mut arguments = vec!["a.jsonl", "--pace-ms", "0", "--seed", "3"];
    arguments.extend(faults.iter().flat_map(|fault| ["--fault", fault]));
    let (code, said, errors) = command_line(&arguments);
    assert_eq!(code, Some(0), "{said}{errors}");
    assert!(said.contains("a.jsonl: 150 records = 150 succeeded + 0 failed + 0 unprocessed"), "{said}");
    let injected = said.lines().find_map(|line| line.strip_prefix("injected: ")).unwrap();
    for fault in ["SlowDown", "delay", "event duplicated"] {
        assert!(injected.contains(fault), "no {fault} in {injected}");
    }
}

#[test]
fn command_line_lists_its_faults_and_refuses_others() {
    let (code, help, _) = command_line(&["--help"]);
    assert_eq!(code, Some(0));
    for (name, form, meaning, _) in FAULTS {
        let line = format!("{name}={form}");
        assert!(
            help.lines().any(|found| found.trim().starts_with(&line) && found.ends_with(meaning)),
            "{line}"
        );
    }
    for (fault, problem) in [
        ("slow", "is not NAME=VALUE"),
        ("slower=5", "unknown fault; --help lists them"),
        ("s3-503=2", "the value is not a number from 0 to 1"),
        ("jobs-in-flight=x", "the value is not a whole number of at least 1"),
        ("slow=fast", "the value is not a whole number of milliseconds, such as 500ms"),
    ] {
        let (code, _, said) = command_line(&["a.jsonl", "--fault", fault]);
        assert_eq!((code, said), (Some(2), format!("error: --fault {fault}: {problem}\n")));
    }
}
