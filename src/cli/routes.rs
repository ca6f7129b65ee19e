//! `bedrock-vpc-batch routes`: which routes are in force in a stack.

use std::path::Path;

use serde_json::Value;

use super::error::CliError;
use super::output::{print_line, print_note};
use super::stack::{Stack, StackArguments};
use crate::aws::config::Config;
use crate::base::count::Counted;
use crate::base::text;
use crate::drop::keys::{ROUTES_FILE, ROUTES_IN_FORCE};
use crate::drop::routes::{MAX_BYTES, MEMBERS, Route, Routes};
use crate::drop::settings::Settings;
use crate::ledger::routes::InForce;

#[derive(Debug, clap::Args)]
pub(super) struct RoutesArguments {
    /// Keys of drops, to see which route each of them has. All routes if none is given.
    #[arg(value_name = "KEY")]
    keys: Vec<String>,

    /// Write what is in force as an object of JSON.
    #[arg(long, conflicts_with = "keys")]
    json: bool,

    #[command(flatten)]
    stack: StackArguments,
}

/// Prints the routes in force. Returns false if the file that is there was refused.
pub(super) async fn routes(arguments: &RoutesArguments) -> Result<bool, CliError> {
    let stack = arguments.stack.open().await?;
    let settings = stack.config()?.settings();
    let in_force = in_force(&stack).await?;
    let is_good = in_force.as_ref().is_none_or(|in_force| in_force.refused.is_none());
    if arguments.json {
        // A struct of texts and numbers can always be written.
        let json = serde_json::to_string(&in_force).unwrap_or_default();
        print_line(&text::escape_json(&json))?;
        return Ok(is_good);
    }
    let known = in_force.as_ref().map(|in_force| in_force.routes.clone()).unwrap_or_default();
    if arguments.keys.is_empty() {
        print_line(&match &in_force {
            Some(in_force) if in_force.file.is_some() => {
                let count = Counted(known.routes.len() as u64, "route");
                format!("{}: {count} in force since {}", stack.name, in_force.since)
            }
            _ => format!("{} has no routes: every drop has the settings of the stack", stack.name),
        })?;
        if !known.routes.is_empty() {
            print_line(&table(&known, &settings))?;
        }
    } else {
        for key in &arguments.keys {
            let of_key = known
                .of(key)
                .map_or_else(|| "no route".to_owned(), |route| format!("route {}", shown(&route.prefix)));
            let model = known.settings(key, &settings).model_id;
            print_line(&format!("{}  {of_key}, {}", text::line(key), text::name(model)))?;
        }
    }
    if let Some(refused) = in_force.and_then(|in_force| in_force.refused) {
        let problems: String =
            refused.problems.iter().map(|problem| format!("\n  {}", text::line(problem))).collect();
        print_note(&format!("{ROUTES_FILE} was refused, so the routes above stay in force:{problems}"));
    }
    Ok(is_good)
}

/// Reads what is in force; `None` if the stack has never had routes.
pub(super) async fn in_force(stack: &Stack) -> Result<Option<InForce>, CliError> {
    stack.read_json(ROUTES_IN_FORCE).await
}

/// Judges a file of routes, and prints them, or what is wrong. Returns whether it is good.
pub(super) fn check(path: &Path, config: &Config) -> Result<bool, CliError> {
    let Some(routes) = read(path, config)? else { return Ok(false) };
    let count = Counted(routes.routes.len() as u64, "route");
    print_line(&format!("{}: good, {count}", text::line(path.display())))?;
    if !routes.routes.is_empty() {
        print_line(&table(&routes, &config.settings()))?;
    }
    if config.route_models.is_empty() && routes.routes.iter().any(|route| route.model_id.is_some()) {
        print_note(
            "which models the stack allows is not known here: give its parameter RouteModelArns with --set ROUTE_MODEL_ARNS=…",
        );
    }
    Ok(true)
}

/// Reads a file of routes. Prints its problems and returns `None` if it is not good. If no models are listed, every model is
/// allowed.
pub(super) fn read(path: &Path, config: &Config) -> Result<Option<Routes>, CliError> {
    let name = text::line(path.display()).to_string();
    let bytes = read_bounded(path)
        .map_err(|error| CliError::OptionFile("routes", name.clone(), error.to_string()))?;
    let mut stack = config.stack();
    stack.route_models = stack.route_models.filter(|models| !models.is_empty());
    match Routes::parse(&bytes, &stack) {
        Ok(routes) => Ok(Some(routes)),
        Err(problems) => {
            for problem in problems {
                print_line(&format!("{name}: {}", text::line(problem)))?;
            }
            Ok(None)
        }
    }
}

/// Reads no more of a file than a file of routes may have, and a byte.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;

    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A row for each route: its prefix, its model, and what else differs from the stack.
fn table(routes: &Routes, settings: &Settings) -> String {
    let rows = routes.routes.iter().map(|route| {
        let model = route.model_id.as_ref().unwrap_or(&settings.model_id);
        (shown(&route.prefix), text::name(model).to_string(), others(route))
    });
    let stack = ("(others)".to_owned(), text::name(&settings.model_id).to_string(), String::new());
    let rows: Vec<_> = rows.chain([stack]).collect();
    let width = |of: fn(&(String, String, String)) -> usize| rows.iter().map(of).max().unwrap_or_default();
    let (of_prefix, of_model) = (width(|row| row.0.chars().count()), width(|row| row.1.chars().count()));
    let row = |(prefix, model, others): &(String, String, String)| {
        format!("  {prefix:of_prefix$}  {model:of_model$}  {others}").trim_end().to_owned()
    };
    rows.iter().map(row).collect::<Vec<_>>().join("\n")
}

fn shown(prefix: &str) -> String {
    text::name(prefix).to_string()
}

/// What a route says besides its prefix and its model, as the file has it.
fn others(route: &Route) -> String {
    // A struct of texts and numbers can always be written.
    let members = serde_json::to_value(route).unwrap_or_default();
    let others = MEMBERS.iter().filter(|name| !["prefix", "model_id"].contains(name));
    let said = others.filter_map(|name| Some(format!("{name}={}", value(members.get(name)?))));
    said.collect::<Vec<_>>().join(", ")
}

/// A value of JSON, without quotes.
fn value(json: &Value) -> String {
    match json {
        Value::String(text) => text::name(text).to_string(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, of)| format!("{}:{}", text::name(name), value(of)));
            members.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}
