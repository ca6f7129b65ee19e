//! `bedrock-vpc-batch local`: runs the pipeline on this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::drops;
use super::error::{CliError, with_path};
use super::fixes::shell_word;
use super::output::print_line;
use super::routes;
use super::run_folder::{log_to, new_run_folder};
use super::running::announce;
use super::settings::{
    CONCURRENT_EXECUTIONS, DEFAULT_MODEL_ID, InvocationType, LOG_LIMIT, functions_config,
    functions_variables, settings_help,
};
use super::signals::Signals;
use super::stack::process_in;
use crate::base::text;
use crate::local::faults::FaultOptions;
use crate::local::pump::MAX_FUNCTION_TIMEOUT;
use crate::local::{Local, LocalOptions};

#[derive(Debug, clap::Args)]
pub(super) struct LocalArguments {
    /// JSONL files to process. A folder is watched until Ctrl-C: files that appear in it are processed, and
    /// processed again when they change. Names are judged as in S3: some are refused, and some ignored, such as
    /// those of unfinished downloads. Without any, the pipeline waits for the command `submit` until Ctrl-C.
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,

    /// How long a file in a watched folder must stay unchanged before it is dropped, in milliseconds, because
    /// its writer may only be pausing. If a file is renamed into the folder, the time counts from its last
    /// write.
    #[arg(long, default_value_t = 3_000, value_name = "MS")]
    quiet_ms: u64,

    /// The folder for the buckets. Each run gets a subfolder, which only you can read. Other commands use the run that was
    /// there first; without FILE, there can be only one.
    #[arg(long, default_value = "bedrock-local", value_name = "FOLDER")]
    dir: PathBuf,

    /// The model that the records are written for. For Claude:
    /// us.anthropic.claude-haiku-4-5-20251001-v1:0.
    #[arg(long, visible_alias = "model", default_value = DEFAULT_MODEL_ID, value_name = "MODEL")]
    model_id: String,

    /// The format of modelInput.
    #[arg(
        long,
        visible_alias = "shape",
        default_value = "InvokeModel",
        value_name = "TYPE",
        ignore_case = true
    )]
    model_invocation_type: InvocationType,

    /// Any other setting of the functions, such as a quota; --help lists them. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", long_help = settings_help())]
    settings: Vec<String>,

    /// A file of routes: which drops have another model or other settings, by the prefix of their key. docs/routes.md has the
    /// format. `--set ROUTE_MODEL_ARNS=…` says which models they may name; without it, any.
    #[arg(long, value_name = "ROUTES")]
    routes: Option<PathBuf>,

    /// How long a job stays in each of its states, in milliseconds.
    #[arg(long, default_value_t = 300, value_name = "MS")]
    pace_ms: u64,

    /// Seeds the order in which the stand-in writes its answers, and the faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// A fault to inject; --help lists them. May be repeated.
    #[arg(long = "fault", value_name = "NAME=VALUE", long_help = fault_help())]
    faults: Vec<String>,

    /// How often the sweep looks for what a fault has left open, in milliseconds; 0 for never. While so much is open
    /// that a sweep takes long, it looks less often.
    #[arg(long, default_value_t = 2_000, value_name = "MS")]
    sweep_ms: u64,

    /// How long a function may run before it is killed, in milliseconds. At least 15 s, because a function
    /// does not start what it may not have time to finish, and at most Lambda's 15 minutes. No other
    /// invocation touches the work of a killed function for this long plus 30 s.
    #[arg(long, default_value_t = 900_000, value_name = "MS", value_parser = function_timeout_ms)]
    function_timeout_ms: u64,
}

fn fault_help() -> String {
    format!(
        "A fault to inject. May be repeated. RATE is a number from 0 to 1, MS a time in milliseconds:\n{}",
        FaultOptions::help()
    )
}

/// The shortest timeout with which a function does anything: it does not start a step that may outlast the
/// time left.
const MIN_FUNCTION_TIMEOUT: Duration = Duration::from_secs(15);

fn function_timeout_ms(text: &str) -> Result<u64, String> {
    let [least, most] = [MIN_FUNCTION_TIMEOUT, MAX_FUNCTION_TIMEOUT].map(|limit| limit.as_millis());
    let milliseconds: u64 =
        text.parse().map_err(|_| "it is not a whole number of milliseconds".to_owned())?;
    match u128::from(milliseconds) {
        within if (least..=most).contains(&within) => Ok(milliseconds),
        shorter if shorter < least => Err(format!(
            "a function needs at least {least} ms: it does not start a step that may outlast the time left"
        )),
        _ => Err(format!("a Lambda function runs for at most {most} ms")),
    }
}

/// Says why an argument cannot be dropped, if it is clear that it is not meant as the path of a file.
fn not_local(path: &Path) -> Option<&'static str> {
    match path.to_str()? {
        "-" => Some("local drops files, not standard input: write it to a file first"),
        uri if uri.starts_with("s3://") => {
            Some("local connects to nothing outside of this machine: copy the object first, with aws s3 cp")
        }
        _ => None,
    }
}

/// Processes the files. True if every record is accounted for.
pub(super) async fn run(arguments: &LocalArguments) -> Result<bool, CliError> {
    let model: [(&str, &str); 2] = [
        ("MODEL_ID", &arguments.model_id),
        ("MODEL_INVOCATION_TYPE", arguments.model_invocation_type.name()),
    ];
    let mut config = functions_config(&model, &arguments.settings)?;
    let mut routes = None;
    if let Some(file) = &arguments.routes {
        let Some(read) = routes::read(file, &config)? else { return Ok(false) };
        if config.route_models.is_empty() {
            config.route_models = read.routes.iter().filter_map(|route| route.model_id.clone()).collect();
        }
        routes = Some(read);
    }
    let mut faults = FaultOptions::default();
    for fault in &arguments.faults {
        faults.set(fault).map_err(|error| CliError::Fault(fault.clone(), error))?;
    }
    faults.check().map_err(CliError::Faults)?;
    for path in &arguments.paths {
        if let Some(why) = not_local(path) {
            return Err(CliError::Usage(format!("{}: {why}", path.display())));
        }
        path.metadata().map_err(|error| CliError::Path(path.display().to_string(), error))?;
    }
    let mut signals = Signals::new().map_err(CliError::Start)?;
    let is_serving = arguments.paths.is_empty();
    let other = process_in(&arguments.dir).await;
    if let (true, Some(process)) = (is_serving, other) {
        let dir = text::line(arguments.dir.display());
        return Err(CliError::Stack(format!(
            "--dir {dir}: a pipeline runs there already (process {process}): use another folder, or end it"
        )));
    }
    let root = new_run_folder(&arguments.dir).map_err(CliError::RunFolder)?;
    let log = root.join("pipeline.log");
    log_to(&log, &config.job_name_prefix).map_err(|error| CliError::Start(with_path(&log, error)))?;
    let options = LocalOptions {
        config,
        routes,
        pace: Duration::from_millis(arguments.pace_ms),
        seed: arguments.seed,
        faults,
        sweep_every: (arguments.sweep_ms > 0).then(|| Duration::from_millis(arguments.sweep_ms)),
        function_timeout: Duration::from_millis(arguments.function_timeout_ms),
        concurrent_executions: Some(CONCURRENT_EXECUTIONS),
        log_limit: Some(LOG_LIMIT),
    };
    let local = Local::start(&root.join("s3"), options).await.map_err(CliError::Start)?;
    let settings = functions_variables(&model, &arguments.settings)?;
    // Other commands go on with the run that they know.
    let _announced = match other {
        None => Some(announce(&root, local.s3(), settings).map_err(CliError::Start)?),
        Some(_) => None,
    };
    let quiet = Duration::from_millis(arguments.quiet_ms);
    if is_serving {
        print_line(&format!(
            "the pipeline runs: other commands use it with --local {}; Ctrl-C ends it",
            shell_word(&arguments.dir)
        ))?;
    }
    let done = drops::process(&local, &arguments.paths, quiet, &mut signals).await;
    if is_serving {
        // If this fails, nobody reads it.
        let _ = print_line(&format!("what this run has stays in {}", root.display()));
    }
    done
}
