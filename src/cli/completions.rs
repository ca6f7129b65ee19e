//! `bedrock-vpc-batch completions`: prints a script with which a shell completes the commands and their options.

use std::io::{Write, stdout};

use clap_complete::{Shell, generate};

use super::error::CliError;
use super::output::failed_write;

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArguments {
    /// The shell that the script is for.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script, which is made of the same definitions as the help.
pub(super) fn completions(
    arguments: &CompletionsArguments,
    mut command: clap::Command,
) -> Result<(), CliError> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, name, &mut script);
    let mut out = stdout().lock();
    out.write_all(&script).and_then(|()| out.flush()).map_err(failed_write)
}
