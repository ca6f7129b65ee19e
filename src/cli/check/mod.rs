//! `bedrock-vpc-batch check`: applies the rules of the function `submit` to files before they are dropped, and estimates what
//! they cost.
//!
//! | file | job |
//! |---|---|
//! | `input.rs` | a file, standard input, or an object in S3, and how it is read |
//! | `judging.rs` | feeds what is read to the validator and to the estimate |
//! | `bar.rs` | the progress of a large file |
//! | `pricing.rs` | the model, the prices, and the earlier drop that an estimate is made with |
//! | `report.rs` | what was found out about a file, and as JSON |
//! | `human.rs`, `github.rs` | the same for a person, and for GitHub |
//! | `explain.rs` | explains the code of a problem |
//! | `for_stack.rs` | checks a file for the command `submit`, with the settings of a stack |

mod bar;
mod explain;
mod for_stack;
mod github;
mod human;
mod input;
mod judging;
mod pricing;
mod report;

use std::collections::HashSet;
use std::path::PathBuf;

pub(super) use self::bar::Bar;
pub(super) use self::for_stack::Checker;
pub(super) use self::human::describe_refusable;
use self::input::{Input, Sources};
use self::judging::Look;
use self::pricing::Pricing;
pub(super) use self::pricing::read_prices;
use self::report::Report;
use super::error::CliError;
use super::fixes::Wording;
use super::output::{Style, print_line, print_note, print_shown};
use super::routes;
use super::settings::{InvocationType, functions_config, settings_help};
use super::signals::Signals;
use crate::base::text;

#[derive(Debug, clap::Args)]
pub(super) struct CheckArguments {
    /// JSONL files; `-` for standard input, or `s3://BUCKET/KEY`. Only the latter uses the network: it is read with
    /// the Region and credentials of the environment or a profile.
    #[arg(required_unless_present_any = ["explain", "routes"], value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The model that the records are for, to apply the rules of what it refuses, and to estimate tokens and their cost.
    #[arg(long, visible_alias = "model", value_name = "MODEL")]
    model_id: Option<String>,

    /// The format of modelInput. [default: InvokeModel]
    #[arg(long, visible_alias = "shape", value_name = "TYPE", ignore_case = true)]
    model_invocation_type: Option<InvocationType>,

    /// A setting of the functions, such as a quota; --help lists them. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", long_help = settings_help())]
    settings: Vec<String>,

    /// The `summary.json` of an earlier drop for the same model, with similar records: the tokens are estimated from what
    /// those took.
    #[arg(long, value_name = "SUMMARY")]
    like: Option<PathBuf>,

    /// Prices instead of those that are shipped; --help shows the format.
    #[arg(long, value_name = "FILE", long_help = PRICES_HELP)]
    prices: Option<PathBuf>,

    /// The Region whose prices count, if the prices have several.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// Apply the rules of what the model refuses to every record of a file of more than 64 MiB, too, not only to the first
    /// 1,000 and every 1,000th of the rest. It takes about eight times as long.
    #[arg(long)]
    every_record: bool,

    /// `human`, `json` (an object per file and line), or `github` (annotations in a workflow).
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// Check a file of routes before it is put as config/routes.json, and nothing else. `--set ROUTE_MODEL_ARNS=…` says which
    /// models the stack allows; without it, any.
    #[arg(long, value_name = "ROUTES", conflicts_with_all = ["files", "explain"])]
    routes: Option<PathBuf>,

    /// Explain the code of a problem, such as `record-id-repeated`, and check nothing.
    #[arg(long, value_name = "CODE", conflicts_with = "files")]
    explain: Option<String>,
}

const PRICES_HELP: &str = r#"Prices instead of those that are shipped, in US dollars per million tokens:
  {"version": 1, "date": "2026-11-27", "currency": "USD", "per_tokens": 1000000, "models": [
    {"model": "amazon.nova-lite", "region": "eu-central-1",
     "on_demand": {"input": 0.078, "output": 0.312}, "batch": {"input": 0.039, "output": 0.156},
     "as_of": "2026-11-27", "source": "our bill"}]}
"model" is the start of the id of a model or of an inference profile"#;

/// What the findings are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Human,
    Json,
    Github,
}

/// Prints what is wrong with each file, or what its jobs will be. A file that cannot be read does not keep the others from
/// being judged. Returns true if all are valid.
pub(super) async fn check(arguments: &CheckArguments) -> Result<bool, CliError> {
    if let Some(code) = &arguments.explain {
        print_line(&explain::explain(code)?)?;
        return Ok(true);
    }
    let model_of_settings = of_settings(&arguments.settings, "MODEL_ID=");
    if let (Some(_), Some(model_id)) = (&arguments.model_id, model_of_settings) {
        let setting = format!("MODEL_ID={}", text::name(model_id));
        return Err(CliError::Setting(setting, "--model-id names a model, too; leave one of them out"));
    }
    let type_of_settings = of_settings(&arguments.settings, "MODEL_INVOCATION_TYPE=");
    if let (Some(_), Some(value)) = (&arguments.model_invocation_type, type_of_settings) {
        let setting = format!("MODEL_INVOCATION_TYPE={}", text::name(value));
        return Err(CliError::Setting(
            setting,
            "--model-invocation-type is given, too; leave one of them out",
        ));
    }
    let pricing = Pricing::new(
        arguments.model_id.as_deref().or(model_of_settings),
        arguments.like.as_deref(),
        arguments.prices.as_deref(),
        arguments.region.clone(),
    )?;
    // Nothing is known about what a model refuses if none is named.
    let model = pricing.model_id.as_deref().map_or(("MODEL_RULES", "off"), |model_id| ("MODEL_ID", model_id));
    let invocation_type = arguments.model_invocation_type.unwrap_or(InvocationType::InvokeModel).name();
    let config = functions_config(&[model, ("MODEL_INVOCATION_TYPE", invocation_type)], &arguments.settings)?;
    if let Some(file) = &arguments.routes {
        return routes::check(file, &config);
    }
    let mut signals = Signals::new().map_err(CliError::Start)?;
    let mut sources = Sources::default();
    let mut all_are_valid = true;
    let mut seen = HashSet::new();
    for file in &arguments.files {
        let input = Input::of(file);
        if !seen.insert(input.identity()) {
            print_note(&format!("{input} is named more than once; it is checked once"));
            continue;
        }
        // What an earlier drop took says more than the records.
        let model = pricing.taken.is_none().then(|| pricing.model());
        let look = Look { model, every_record: arguments.every_record };
        let report = tokio::select! {
            biased;
            interrupt = signals.next() => return Err(CliError::Interrupted(interrupt)),
            judged = judging::judge(&config, &mut sources, &input, None, look) => {
                Report::new(&config, &pricing, &input, &Wording::new(input.path(), false), judged)
            }
        };
        all_are_valid &= report.is_valid();
        match arguments.format {
            Format::Human => human::print(&report)?,
            Format::Json => print_line(&text::escape_json(&report.json()))?,
            Format::Github => print_shown(&github::annotations(&report))?,
        }
    }
    if arguments.format == Format::Human
        && let Some(warning) = pricing.warning()
    {
        print_shown(&Style::of_stdout().warning(&warning))?;
    }
    Ok(all_are_valid)
}

/// The value of a setting, given its name with the `=`.
fn of_settings<'a>(settings: &'a [String], name: &str) -> Option<&'a str> {
    settings.iter().rev().find_map(|setting| setting.strip_prefix(name))
}
