//! The command line: `bedrock-vpc-batch local FILE…`, `bedrock-vpc-batch validate FILE…`,
//! `bedrock-vpc-batch doctor --stack NAME`, and the stand-in of Bedrock by itself.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::aws::clients::NotSet;
use crate::aws::clock::now;
use crate::aws::config::{Config, ConfigError, VARIABLES};
use crate::aws::error::Error;
use crate::aws::telemetry;
use crate::base::text;
use crate::base::timestamp::Timestamp;
use crate::drop::rejection::Problem;
use crate::local::faults::{FaultError, FaultOptions};
use crate::local::pump::MAX_FUNCTION_TIMEOUT;
use crate::local::{ACCOUNT_ID, Local, LocalOptions};

use self::output::{complain, print_line};
use self::signals::{Interrupt, Signals};
use self::stand_in::StandInArguments;
use self::validate::ValidateArguments;

mod drops;
mod failures;
mod names;
mod output;
mod progress;
mod signals;
mod stand_in;
mod validate;
mod watch;

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
    Local(LocalArguments),

    /// Judge files before they are dropped, by the same rules as in Lambda.
    ///
    /// Prints for each FILE how many records it has, or what is wrong with it: line, place in the file, cure.
    ///
    /// Exit code: 0 if every file is valid; 1 if one is not, or cannot be read; 2 if the command line or a
    /// setting is wrong.
    Validate(ValidateArguments),

    /// Serve the stand-in of Amazon Bedrock by itself, for an emulator of AWS that has none.
    ///
    /// It reads and writes the S3 at --s3-endpoint, with the credentials in `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; nothing else from the environment or from a profile counts. It
    /// takes every well-formed role, subnet and security group. It prints its address, then each change of state of a
    /// job as a whole EventBridge event, one JSON object a line, until Ctrl-C, SIGTERM, or until its output is closed.
    StandIn(StandInArguments),

    /// Examine an AWS account before a job waits for hours and fails.
    ///
    /// Every call reads, none changes anything. Each line says what was checked, what was found, and the cure;
    /// the last one is their sum. Region and credentials come from the environment or a profile; of a login
    /// with SSO, `eval "$(aws configure export-credentials --format env)"` makes some.
    ///
    /// Exit code: 0 if nothing was found that makes jobs fail; 1 if something was; 2 if there is no such stack or
    /// a setting is wrong.
    #[cfg(feature = "doctor")]
    Doctor(DoctorArguments),
}

#[cfg(feature = "doctor")]
#[derive(Debug, clap::Args)]
struct DoctorArguments {
    /// The stack of template.yaml to examine. Without it, the same environment variables as the functions'.
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
}

#[derive(Debug, clap::Args)]
struct LocalArguments {
    /// JSONL files to process. A folder is watched: what is dropped into it is processed until Ctrl-C, and again
    /// when it changes.
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,

    /// How long a file in a watched folder must be left alone before it is dropped, in milliseconds: its writer may
    /// only be pausing. For a file that is renamed into place, the time counts from its last write.
    #[arg(long, default_value_t = 3_000, value_name = "MS")]
    quiet_ms: u64,

    /// The folder that keeps the buckets, one sub-folder a run. The sub-folder is readable by you alone.
    #[arg(long, default_value = "bedrock-local", value_name = "FOLDER")]
    dir: PathBuf,

    /// The model whose requests and answers the records have. For a file written for Claude:
    /// us.anthropic.claude-haiku-4-5-20251001-v1:0.
    #[arg(long, default_value = DEFAULT_MODEL_ID, value_name = "MODEL")]
    model_id: String,

    /// The shape of modelInput: InvokeModel or Converse.
    #[arg(long, default_value = "InvokeModel", value_name = "TYPE")]
    model_invocation_type: String,

    /// Any other setting of the functions, as the README lists them. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,

    /// How long a job stays in each of its states, in milliseconds.
    #[arg(long, default_value_t = 300, value_name = "MS")]
    pace_ms: u64,

    /// Decides the order in which the stand-in writes its answers, and what goes wrong.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Something that goes wrong; --help lists what can. May be repeated.
    #[arg(long = "fault", value_name = "NAME=VALUE", long_help = fault_help())]
    faults: Vec<String>,

    /// How often the schedule looks for what a fault has left open, in milliseconds; 0: never.
    #[arg(long, default_value_t = 2_000, value_name = "MS")]
    sweep_ms: u64,

    /// How long a function may run before it is ended, in milliseconds: from 15 s, since it begins nothing that it
    /// may not have the time to finish, to Lambda's 15 minutes. What a killed function had begun is left to it for so
    /// long and 30 s more.
    #[arg(long, default_value_t = 900_000, value_name = "MS", value_parser = function_timeout_ms)]
    function_timeout_ms: u64,
}

fn fault_help() -> String {
    format!(
        "Something that goes wrong. May be repeated. RATE is from 0 to 1, MS a time:\n{}",
        FaultOptions::help()
    )
}

/// It has batch inference in us-east-1 without an inference profile, and needs no subscription.
const DEFAULT_MODEL_ID: &str = "amazon.nova-lite-v1:0";

/// The shortest timeout with which a function can do anything: it starts no step that could outlast the time left.
const MIN_FUNCTION_TIMEOUT: Duration = Duration::from_secs(15);

fn function_timeout_ms(text: &str) -> Result<u64, String> {
    let [least, most] = [MIN_FUNCTION_TIMEOUT, MAX_FUNCTION_TIMEOUT].map(|limit| limit.as_millis());
    let milliseconds: u64 =
        text.parse().map_err(|_| "it is not a whole number of milliseconds".to_owned())?;
    match u128::from(milliseconds) {
        within if (least..=most).contains(&within) => Ok(milliseconds),
        shorter if shorter < least => Err(format!(
            "a function needs at least {least} ms: it starts no step that may outlast the time left"
        )),
        _ => Err(format!("a Lambda function runs for at most {most} ms")),
    }
}

/// How many requests and calls a run keeps in memory.
const LOG_LIMIT: usize = 1_000;

/// What stops the command line.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("--set {0}: {1}")]
    Setting(String, &'static str),
    #[error("--fault {0}: {1}")]
    Fault(String, FaultError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Path(String, #[source] io::Error),
    #[error("--fault: {0}")]
    Faults(FaultError),
    #[error("could not start")]
    Start(#[source] io::Error),
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    #[error("the output was closed")]
    Closed,
    #[error("ended by {}", .0.name())]
    Interrupted(Interrupt),
    #[error("cannot write any more: {0}")]
    Storage(String),
    #[error(transparent)]
    Credentials(NotSet),
    #[error(transparent)]
    Pipeline(#[from] Error),
    #[cfg(feature = "doctor")]
    #[error(transparent)]
    Doctor(#[from] crate::doctor::DoctorError),
}

impl CliError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Setting(..)
            | Self::Fault(..)
            | Self::Faults(_)
            | Self::Config(_)
            | Self::Credentials(_) => 2,
            // A name that no bucket may have.
            Self::Start(error) if error.kind() == io::ErrorKind::InvalidInput => 2,
            Self::Interrupted(interrupt) => interrupt.exit_code(),
            // 128 and the number of SIGPIPE.
            Self::Closed => 141,
            #[cfg(feature = "doctor")]
            Self::Doctor(_) => 2,
            Self::Path(..) | Self::Start(_) | Self::Output(_) | Self::Storage(_) | Self::Pipeline(_) => 1,
        }
    }
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
        Command::Local(arguments) => local(&arguments).await,
        Command::StandIn(arguments) => stand_in::serve(&arguments).await.map(|()| true),
        Command::Validate(arguments) => validate::validate(&arguments),
        #[cfg(feature = "doctor")]
        Command::Doctor(arguments) => doctor(&arguments).await,
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

#[cfg(feature = "doctor")]
async fn doctor(arguments: &DoctorArguments) -> Result<bool, CliError> {
    let sdk = crate::doctor::sdk_config().await;
    let report = crate::doctor::examine(&sdk, arguments.stack.as_deref()).await?;
    print_line(&report.to_string())?;
    Ok(report.is_sound())
}

async fn local(arguments: &LocalArguments) -> Result<bool, CliError> {
    let config = functions_config(
        &[("MODEL_ID", &arguments.model_id), ("MODEL_INVOCATION_TYPE", &arguments.model_invocation_type)],
        &arguments.settings,
    )?;
    let mut faults = FaultOptions::default();
    for fault in &arguments.faults {
        faults.set(fault).map_err(|error| CliError::Fault(fault.clone(), error))?;
    }
    faults.check().map_err(CliError::Faults)?;
    for path in &arguments.paths {
        path.metadata().map_err(|error| CliError::Path(path.display().to_string(), error))?;
    }
    let mut signals = Signals::new().map_err(CliError::Start)?;
    let root = new_run_folder(&arguments.dir).map_err(CliError::Start)?;
    let log = root.join("pipeline.log");
    log_to(&log, &config.job_name_prefix).map_err(|error| CliError::Start(with_path(&log, error)))?;
    let options = LocalOptions {
        config,
        pace: Duration::from_millis(arguments.pace_ms),
        seed: arguments.seed,
        faults,
        sweep_every: (arguments.sweep_ms > 0).then(|| Duration::from_millis(arguments.sweep_ms)),
        function_timeout: Duration::from_millis(arguments.function_timeout_ms),
        log_limit: Some(LOG_LIMIT),
    };
    let local = Local::start(&root.join("s3"), options).await.map_err(CliError::Start)?;
    let quiet = Duration::from_millis(arguments.quiet_ms);
    drops::process(&local, &arguments.paths, quiet, &mut signals).await
}

/// Sound settings for an account that is nowhere, with some over them, and the command line's over both.
fn functions_config(some: &[(&str, &str)], settings: &[String]) -> Result<Config, CliError> {
    let role_arn = format!("arn:aws:iam::{ACCOUNT_ID}:role/local-batch");
    let sound = [
        ("INPUT_BUCKET", "local-input"),
        ("OUTPUT_BUCKET", "local-output"),
        ("JOB_NAME_PREFIX", "local"),
        ("JOB_ROLE_ARN", &role_arn),
        ("SUBNET_IDS", "subnet-0a0a0a0a,subnet-0b0b0b0b"),
        ("SECURITY_GROUP_IDS", "sg-0c0c0c0c"),
        ("MODEL_ID", DEFAULT_MODEL_ID),
        // Events take no longer on a loopback, unless they are made to.
        ("EVENT_GRACE_SECONDS", "1"),
    ];
    let mut vars: HashMap<&str, &str> = sound.iter().chain(some).copied().collect();
    for setting in settings {
        let Some((name, value)) = setting.split_once('=') else {
            return Err(CliError::Setting(setting.clone(), "is not NAME=VALUE"));
        };
        if !VARIABLES.iter().any(|(known, ..)| *known == name) {
            return Err(CliError::Setting(setting.clone(), "is no setting of the functions"));
        }
        vars.insert(name, value);
    }
    Ok(Config::from_vars(|name| vars.get(name).map(|value| (*value).to_owned()))?)
}

/// A folder that was not there before, so that no run writes into the results of another. Other users cannot look into
/// it: it holds prompts and answers.
fn new_run_folder(dir: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(dir).map_err(|error| with_path(dir, error))?;
    let mut private = std::fs::DirBuilder::new();
    private.mode(0o700);
    let name = Timestamp::from(now()).compact();
    let mut candidate = name.clone();
    let mut count = 1;
    loop {
        let folder = dir.join(&candidate);
        match private.create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                count += 1;
                candidate.clone_from(&name);
                // Writing to a String does not fail.
                let _ = write!(candidate, "-{count}");
            }
            Err(error) => return Err(with_path(&folder, error)),
        }
    }
}

/// The same error, naming what it is about.
fn with_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The functions' log lines go to a file: the terminal shows what a user came for.
fn log_to(path: &Path, job_name_prefix: &str) -> io::Result<()> {
    let file = std::fs::File::create(path)?;
    // s3s logs every refusal as an error, those included that the ledger lives by.
    let levels = Targets::new().with_default(Level::INFO).with_target("s3s", LevelFilter::OFF);
    let subscriber = telemetry::json_lines(job_name_prefix, levels, Mutex::new(file));
    // Only the first run of a process has its log.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

fn path_error(path: &Path, error: io::Error) -> CliError {
    CliError::Path(path.display().to_string(), error)
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// How many problems a drop has, and the first `shown` of them, a line each.
fn tell_problems(problems: &[Problem], stopped_early: bool, shown: usize) -> String {
    let more = if stopped_early { " or more" } else { "" };
    let mut text = format!("{}{more} problems", problems.len());
    for problem in problems.iter().take(shown) {
        let place = match (problem.line, problem.byte) {
            (Some(line), Some(byte)) => format!("line {line} (byte {byte}): "),
            _ => String::new(),
        };
        text.push_str(&format!("\n  {place}{}; {}", problem.what, problem.fix));
    }
    text
}
