//! `bedrock-vpc-batch local`: runs the pipeline on this machine.

use std::path::PathBuf;
use std::time::Duration;

use super::drops;
use super::error::{CliError, with_path};
use super::run_folder::{log_to, new_run_folder};
use super::settings::{DEFAULT_MODEL_ID, LOG_LIMIT, functions_config};
use super::signals::Signals;
use crate::local::faults::FaultOptions;
use crate::local::pump::MAX_FUNCTION_TIMEOUT;
use crate::local::{Local, LocalOptions};

#[derive(Debug, clap::Args)]
pub(super) struct LocalArguments {
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

/// Processes the files. True if every record is accounted for.
pub(super) async fn run(arguments: &LocalArguments) -> Result<bool, CliError> {
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
