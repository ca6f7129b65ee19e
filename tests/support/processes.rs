//! The binaries, and how to run them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use bedrock_vpc_batch::local::s3::{KeyPair, REGION};

use crate::support::environment;

pub(crate) const SUBMIT: &str = env!("CARGO_BIN_EXE_submit");

pub(crate) const COMPLETE: &str = env!("CARGO_BIN_EXE_complete");

pub(crate) const COMMAND_LINE: &str = env!("CARGO_BIN_EXE_bedrock-vpc-batch");

/// The environment of a function, with both services on loopback.
pub(crate) fn function_environment(key: &KeyPair, s3: &str, bedrock: &str) -> BTreeMap<String, String> {
    let mut environment = environment();
    for (name, value) in [
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", key.access_key_id()),
        ("AWS_SECRET_ACCESS_KEY", key.secret_access_key()),
        ("AWS_ENDPOINT_URL_S3", s3),
        ("AWS_ENDPOINT_URL_BEDROCK", bedrock),
    ] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    environment
}

/// Runs a command of the command line in a folder.
pub(crate) fn run_command(command: &str, folder: &Path, arguments: &[&str]) -> Printed {
    let output = Command::new(COMMAND_LINE).arg(command).args(arguments).current_dir(folder).output();
    printed(output.unwrap())
}

/// What a process printed: its exit code, its standard output, and its standard error.
pub(crate) type Printed = (Option<i32>, String, String);

pub(crate) fn printed(output: Output) -> Printed {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
