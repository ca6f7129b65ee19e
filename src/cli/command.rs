//! The arguments of the command line, and which command they start.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[cfg(feature = "doctor")]
use super::doctor;
use super::error::CliError;
use super::output::complain;
use super::{local, stand_in, validate};
use crate::base::text;

/// Amazon Bedrock batch inference over private S3 buckets.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole pipeline on this machine, with no AWS account.
    ///
    /// Each FILE is dropped into an embedded S3; the same code that runs in Lambda validates it, submits a
    /// job to a stand-in of Amazon Bedrock, and writes the results. No model is called: the answers say so.
    ///
    /// Nothing from the environment or from an AWS profile reaches the run, and it connects to the loopback address
    /// only. Its folder is readable by you alone.
    ///
    /// Exit code: 0 if every record is accounted for; 1 if a file could not be dropped, a drop was rejected or given
    /// up, a record is missing, or the run could not go on, such as for a full disk; 2 if the command line or a
    /// setting is wrong. Ctrl-C (130) and SIGTERM (143) end the run, which names the drops that are open; if none is,
    /// as in a watched folder at rest, the exit code is 0 or 1 as above. 141 if the standard output was closed.
    Local(local::LocalArguments),

    /// Judge files before they are dropped, by the same rules as in Lambda.
    ///
    /// Prints for each FILE how many records it has, or what is wrong with it: line, place in the file, cure.
    ///
    /// Exit code: 0 if every file is valid; 1 if one is not, or cannot be read; 2 if the command line or a
    /// setting is wrong.
    Validate(validate::ValidateArguments),

    /// Serve the stand-in of Amazon Bedrock by itself, for an emulator of AWS that has none.
    ///
    /// It reads and writes the S3 at --s3-endpoint, with the credentials in `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; nothing else from the environment or from a profile counts. It
    /// takes every well-formed role, subnet and security group. It prints its address, then each change of state of a
    /// job as a whole EventBridge event, one JSON object a line, until Ctrl-C, SIGTERM, or until its output is closed.
    StandIn(stand_in::StandInArguments),

    /// Examine an AWS account before a job waits for hours and fails.
    ///
    /// Every call reads, none changes anything. Each line says what was checked, what was found, and the cure;
    /// the last one is their sum. Region and credentials come from the environment or a profile; of a login
    /// with SSO, `eval "$(aws configure export-credentials --format env)"` makes some.
    ///
    /// Exit code: 0 if nothing was found that makes jobs fail; 1 if something was; 2 if there is no such stack or
    /// a setting is wrong.
    #[cfg(feature = "doctor")]
    Doctor(doctor::DoctorArguments),
}

/// Says what is wrong with the arguments, which it quotes, or shows the help that they ask for.
#[expect(clippy::print_stderr, reason = "the command line talks to a person")]
pub fn refuse(error: &clap::Error) -> ExitCode {
    let said = error.render().to_string();
    let shown = text::lines(&said).to_string();
    if shown == said {
        // In colors. Nobody is left to tell of a failure.
        let _ = error.print();
    } else {
        eprint!("{shown}");
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Runs the command line.
pub async fn run(arguments: Arguments) -> ExitCode {
    let result = match arguments.command {
        Command::Local(arguments) => local::run(&arguments).await,
        Command::StandIn(arguments) => stand_in::serve(&arguments).await.map(|()| true),
        Command::Validate(arguments) => validate::validate(&arguments),
        #[cfg(feature = "doctor")]
        Command::Doctor(arguments) => doctor::examine(&arguments).await,
    };
    match result {
        Ok(all_is_well) => ExitCode::from(u8::from(!all_is_well)),
        Err(error) => {
            // The reader has seen enough.
            if !matches!(error, CliError::Closed) {
                complain(&error);
            }
            ExitCode::from(error.exit_code())
        }
    }
}
