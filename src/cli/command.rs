//! The arguments of the command line, and which command they start.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use super::error::CliError;
use super::output::print_error;
use super::{
    approve, cancel, check, completions, erase, errors, local, prepare, report, results, retry, routes,
    stand_in, status, submit, watch,
};
#[cfg(feature = "doctor")]
use super::{doctor, redrive};
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
    /// Each FILE is dropped into an embedded S3. The same code that runs in Lambda validates it, submits a
    /// job to a stand-in for Amazon Bedrock, and writes the results. No model is called, and the answers say
    /// so.
    ///
    /// The run takes nothing from the environment or from an AWS profile, and connects only to the loopback
    /// address. Only you can read its folder.
    ///
    /// Exit code: 0 if every record is accounted for; 1 if a file could not be dropped, a drop was rejected
    /// or given up, a record is missing, or the run could not continue, for example because the disk is full;
    /// 2 if the command line or a setting is wrong, or if, without FILE, a pipeline runs in the folder already. Ctrl-C (130) and
    /// SIGTERM (143) end the run, and the drops that are still open are listed with what they wait for; if there are none, as when
    /// nothing arrives in a watched folder, the exit code is 0 or 1 as above. 141 if standard output was closed.
    Local(local::LocalArguments),

    /// Check files before you drop them, with the same rules as in Lambda, and estimate what they cost.
    ///
    /// For each FILE, prints what is wrong with it: the line, the byte, and the fix. For one that is valid, prints its jobs and an
    /// estimate of its tokens and their cost, as ranges. No model is called, and nothing is sent; only `s3://` files are
    /// read over the network. With --model-id, it also warns of records that the model is certain to refuse. Of a file of more than
    /// 64 MiB, it examines the first 1,000 records and every 1,000th of the rest, as the function does, and says so.
    ///
    /// Exit code: 0 if every file is valid; 1 if one is not, or cannot be read; 2 if the command line or a
    /// setting is wrong; 130 after Ctrl-C; 143 after SIGTERM; 141 if standard output was closed. Colors are off if `NO_COLOR`
    /// is set.
    #[command(visible_alias = "validate")]
    Check(check::CheckArguments),

    /// Turn a file that you have into one that you can drop.
    ///
    /// Reads JSON Lines, JSON arrays, indented JSON, and CSV, also compressed with gzip or Zstandard, and in
    /// UTF-16, UTF-32, or another encoding that you name. What FILE is, is recognized from its content. Rows need
    /// a prompt template. docs/prepare.md has examples.
    ///
    /// Standard error names each kind of change, each kind of record that was not written, and each kind of record
    /// that the model is certain to refuse, with its first lines. Nothing is left out silently.
    ///
    /// Exit code: 0 if every record was written; 1 if one was not, if the model must refuse all of them, or if FILE
    /// cannot be read to its end, in which case OUT is not written; 2 if the command line or a setting is wrong, an
    /// option is missing for this FILE, or an option has no effect on it. Ctrl-C (130) and SIGTERM
    /// (143) leave nothing behind. 141 if standard output was closed.
    Prepare(Box<prepare::PrepareArguments>),

    /// Drop files into a stack: check them, show what they cost, ask, and upload them.
    ///
    /// Each FILE is checked as with `check`, with the settings of the stack, and nothing is uploaded unless all are valid. An
    /// upload that was interrupted goes on when the same command is given again within a day. Standard output has a line for
    /// each file: the id of the drop, and its key. You need to be among the uploaders of the stack, and
    /// `cloudformation:DescribeStacks` on it; for --wait, among the readers, too.
    ///
    /// Exit code: 0 if every file was dropped, and with --wait, if every record has an answer; 1 if a file is not valid or
    /// could not be dropped, or if you said no, and with --wait, if a record has no answer; 2 if the command line is wrong, or
    /// the stack cannot be found; 130 after Ctrl-C; 143 after SIGTERM; 141 if standard output was closed.
    Submit(submit::SubmitArguments),

    /// Show where drops stand: how many of their records are done, what they wait for, and what they cost.
    ///
    /// Without DROP, it shows the newest drops of the stack. The cost is known once a drop is finished, at the published prices
    /// of batch inference. You need to be among the readers of the stack, and `cloudformation:DescribeStacks` on it.
    ///
    /// Exit code: 0; 1 if there is no such drop, or S3 refuses to tell; 2 if the command line is wrong, or the stack cannot be
    /// found. 141 if standard output was closed.
    Status(status::StatusArguments),

    /// Follow drops until they end.
    ///
    /// Without DROP, it follows all drops that are not finished, and new ones as they appear, until Ctrl-C. With DROP, it ends
    /// when they have ended. On a terminal, it shows bars; elsewhere, a line for each change. The time left is shown once
    /// enough records are done to tell.
    ///
    /// Exit code: 0 if every record of the named drops has an answer or an error; 1 if a drop was rejected or cancelled, if other
    /// records were not processed, if figures disagree, or if there is no such drop; 2 if the command line is wrong, the stack
    /// cannot be found, or a pipeline on this machine has ended; 130 after Ctrl-C, which changes nothing about the drops; 143 after
    /// SIGTERM; 141 if standard output was closed.
    Watch(watch::WatchArguments),

    /// Submit drops that are held.
    ///
    /// A drop is held if a budget is too small for it, or if the same file was dropped before. It says why, and what each drop
    /// costs at most, before it asks. What is approved does not count toward the budget of the day. You need to be among the
    /// operators of the stack; to name a drop by anything but its whole id, among its readers, too; and you need
    /// `cloudformation:DescribeStacks` on the stack.
    ///
    /// Exit code: 0 if the stack was asked; 1 if you answer no, if there is no such drop, if one is not held, or if S3 refuses; 2 if
    /// the command line is wrong, or the stack cannot be found; 130 after Ctrl-C; 143 after SIGTERM; 141 if standard output was closed.
    Approve(approve::ApproveArguments),

    /// Cancel drops.
    ///
    /// Bedrock is asked to stop the jobs that it has, and is never asked for the others. What is finished is kept, and every
    /// other record is listed in unprocessed/, ready to be dropped again. Bedrock charges for what it has processed. You need to be
    /// among the operators of the stack; to name a drop by anything but its whole id, among its readers, too; and you need
    /// `cloudformation:DescribeStacks` on the stack.
    ///
    /// Exit code: 0 if the stack was asked; 1 if you answer no, if there is no such drop, if one is over, or if S3 refuses; 2 if the
    /// command line is wrong, or the stack cannot be found; 130 after Ctrl-C; 143 after SIGTERM; 141 if standard output was closed.
    Cancel(cancel::CancelArguments),

    /// Erase drops that are over.
    ///
    /// This version of each file, its results, its entry in the index, the inputs and outputs of its jobs, and every text of it in
    /// the ledger are deleted, which nobody can undo. What is left says only that the drop was there, so that it does not run again.
    /// The command waits until nothing is left, as far as you may see that. A drop that is not over is refused: cancel it first.
    /// Retries of its records are drops of their own, and are named. You need to be among the operators of the stack; to name a drop by anything but its whole id, among its readers, too; and you
    /// need `cloudformation:DescribeStacks` on the stack.
    ///
    /// Exit code: 0 if the stack was asked, and nothing is left of what you may see; 1 if you answer no, if there is no such drop,
    /// if one is not over, or if S3 refuses; 2 if the command line is wrong, or the stack cannot be found; 130 after Ctrl-C, which
    /// does not stop what was asked for; 143 after SIGTERM; 141 if standard output was closed.
    Erase(erase::EraseArguments),

    /// Make a page of what became of a drop.
    ///
    /// Writes report.html beside each summary.json in FOLDER and below it, in place of an older one, and prints its path. The page
    /// says how many records have an answer, which errors there are, when the jobs ran, and what they cost. It is one file that
    /// loads nothing and has no prompts and no answers. No network is used.
    ///
    /// Exit code: 0 if every summary could be read; 1 if one could not, if there is none, or if a page cannot be written; 2 if
    /// the command line is wrong or the file of prices cannot be read. 141 if standard output was closed.
    Report(report::ReportArguments),

    /// Get the results of a drop: as they are in S3, in the order of your file, next to your records, or as CSV.
    ///
    /// What is downloaded is compared with the checksums that S3 has, and goes on where it ended if the same command is given
    /// again. In one stream, every record of the drop has a line that says what became of it: succeeded, truncated, refused, failed, or unprocessed.
    /// Before anything is written, all lines are counted and compared with summary.json. A file appears under its name when it
    /// is complete. Memory does not grow with the drop.
    ///
    /// Exit code: 0 if every record has a line; 1 if results are missing or damaged, a file cannot be read, or records of a
    /// joined file have no result; 2 if the command line is wrong, or the file of --output exists; 130 after Ctrl-C; 143 after
    /// SIGTERM; 141 if standard output was closed.
    Results(results::ResultsArguments),

    /// Say what went wrong with the records of a drop, and how to fix it.
    ///
    /// Groups the errors by what they say, with counts and ids of records, and names the answers that were cut off or refused,
    /// and the records that were never processed.
    ///
    /// Exit code: 0 if each record has an answer that can be used; 1 if one does not, or the results cannot be read; 2 if the
    /// command line is wrong; 130 after Ctrl-C; 143 after SIGTERM; 141 if standard output was closed.
    Errors(errors::ErrorsArguments),

    /// Drop those records of a drop once more that are worth another try.
    ///
    /// Shows what they cost, asks, and uploads them as `submit` does. Their drop is called after the first one, and its
    /// `status.json` and `summary.json` have the id of that one in `source.retry_of`. The records keep their ids, so their answers
    /// can be joined with the same file. You need to be among the readers and the uploaders of the stack.
    ///
    /// Exit code: 0 if they were dropped, or written with --output; 1 if there are none, if you said no, or if the results cannot
    /// be read; 2 if the command line is wrong, the file of --output exists, or the stack cannot be found; 130 after Ctrl-C; 143
    /// after SIGTERM; 141 if standard output was closed.
    Retry(retry::RetryArguments),

    /// Show which routes are in force in a stack: which drops have another model or other settings, by the prefix of their key.
    ///
    /// An administrator puts routes into the output bucket as config/routes.json; docs/routes.md has the format, and
    /// `check --routes FILE` judges a file before that. With KEY, it shows the route and the model of a drop with that key. You need to
    /// be among the readers of the stack, and `cloudformation:DescribeStacks` on it.
    ///
    /// Exit code: 0; 1 if config/routes.json was refused, so that the last good one is in force, or if S3 refuses to tell; 2 if the
    /// command line is wrong, or the stack cannot be found. 141 if standard output was closed.
    Routes(routes::RoutesArguments),

    /// Serve only the stand-in for Amazon Bedrock, for an AWS emulator that has no Bedrock.
    ///
    /// It reads and writes the S3 at --s3-endpoint, with the credentials in `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, and `AWS_SESSION_TOKEN`. It takes nothing else from the environment or from a
    /// profile. It accepts every well-formed role, subnet, and security group. It prints its address, and
    /// then a complete EventBridge event for each state change of a job, one JSON object per line, until
    /// Ctrl-C, SIGTERM, or until its output is closed.
    StandIn(stand_in::StandInArguments),

    /// Examine an AWS account before a job waits for hours and then fails.
    ///
    /// It only reads, except with --probe-batch. Each line says what was checked, what was found, and how to fix it; the last line
    /// counts them. Region and credentials come from the environment or a profile.
    ///
    /// Exit code: 0 if nothing was found that makes jobs fail; 1 if something was; 2 if the stack does not
    /// exist or a setting is wrong.
    #[cfg(feature = "doctor")]
    Doctor(doctor::DoctorArguments),

    /// Show what is in the failure queues of a stack, and send it again.
    ///
    /// The sweep finishes whatever failed once its cause is gone, so this is only for those who do not want to wait for it. An
    /// event can be sent as often as you like. Your own credentials need `cloudformation:DescribeStacks`, `sqs:ReceiveMessage`
    /// and `ChangeMessageVisibility`, and for --send `sqs:DeleteMessage` and `lambda:InvokeFunction`.
    ///
    /// Exit code: 0 if no message is left in the queues that were seen; 1 if one is, or a call fails; 2 if the stack cannot be
    /// found. 141 if standard output was closed.
    #[cfg(feature = "doctor")]
    Redrive(redrive::RedriveArguments),

    /// Print a script with which a shell completes the commands and their options.
    ///
    /// For bash: `bedrock-vpc-batch completions bash > ~/.local/share/bash-completion/completions/bedrock-vpc-batch`. For
    /// zsh: the same into a file named `_bedrock-vpc-batch` in a folder of `fpath`. For fish:
    /// `bedrock-vpc-batch completions fish > ~/.config/fish/completions/bedrock-vpc-batch.fish`.
    Completions(completions::CompletionsArguments),
}

/// Prints what is wrong with the arguments, or the help that they ask for.
#[expect(clippy::print_stderr, reason = "the command line talks to a person")]
pub fn print_usage(error: &clap::Error) -> ExitCode {
    let said = error.render().to_string();
    let shown = text::lines(&said).to_string();
    if shown == said {
        // This prints in color. If it fails, there is nowhere left to report it.
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
        Command::Check(arguments) => check::check(&arguments).await,
        Command::Prepare(arguments) => prepare::prepare(*arguments).await,
        Command::Submit(arguments) => submit::submit(&arguments).await,
        Command::Status(arguments) => status::status(&arguments).await.map(|()| true),
        Command::Watch(arguments) => watch::watch(&arguments).await,
        Command::Approve(arguments) => approve::approve(&arguments).await,
        Command::Cancel(arguments) => cancel::cancel(&arguments).await,
        Command::Erase(arguments) => erase::erase(&arguments).await,
        Command::Report(arguments) => report::report(&arguments),
        Command::Results(arguments) => results::results(arguments).await,
        Command::Errors(arguments) => errors::errors(arguments).await,
        Command::Retry(arguments) => retry::retry(arguments).await,
        Command::Routes(arguments) => routes::routes(&arguments).await,
        #[cfg(feature = "doctor")]
        Command::Doctor(arguments) => doctor::examine(&arguments).await,
        #[cfg(feature = "doctor")]
        Command::Redrive(arguments) => redrive::redrive(&arguments).await,
        Command::Completions(arguments) => {
            completions::completions(&arguments, Arguments::command()).map(|()| true)
        }
    };
    match result {
        Ok(all_is_well) => ExitCode::from(u8::from(!all_is_well)),
        Err(error) => {
            // The reader closed its end on purpose, or the user knows it already.
            if !matches!(error, CliError::Closed | CliError::Left(_)) {
                print_error(&error);
            }
            ExitCode::from(error.exit_code())
        }
    }
}
