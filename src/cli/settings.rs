//! The settings of the functions, as the command line gives them.

use std::collections::BTreeMap;

use super::error::CliError;
use crate::aws::config::{Config, VARIABLES};
use crate::local::ACCOUNT_ID;

/// The default model: it has batch inference in us-east-1 without an inference profile, and needs no
/// subscription.
pub(super) const DEFAULT_MODEL_ID: &str = "amazon.nova-lite-v1:0";

/// How many requests and calls a run keeps in memory.
pub(super) const LOG_LIMIT: usize = 1_000;

/// How many invocations of the functions run at the same time. Few, so that memory does not grow with the number of files
/// and jobs: on AWS, each invocation has a process of its own.
pub(super) const CONCURRENT_EXECUTIONS: usize = 10;

/// The options that stand for a setting, in the commands that have them.
const OPTIONS: [(&str, &str); 2] =
    [("MODEL_ID", "--model-id"), ("MODEL_INVOCATION_TYPE", "--model-invocation-type")];

/// What `modelInput` is: the values of the setting `MODEL_INVOCATION_TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum InvocationType {
    /// The body of the model's own API
    #[value(name = "InvokeModel")]
    InvokeModel,
    /// The body of Converse, which is the same for all models
    #[value(name = "Converse")]
    Converse,
}

impl InvocationType {
    /// Returns the value of the setting.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InvokeModel => "InvokeModel",
            Self::Converse => "Converse",
        }
    }
}

/// Lists the settings for the help of `--set`.
pub(super) fn settings_help() -> String {
    let mut help = "A setting of the functions. May be repeated. NAME is one of:".to_owned();
    for (name, default, meaning) in VARIABLES {
        let default = match default {
            None => String::new(),
            Some("") => " [default: empty]".to_owned(),
            Some(default) => format!(" [default: {default}]"),
        };
        help.push_str(&format!("\n  {name}: {}{default}", meaning.replace('`', "")));
    }
    help
}

/// Builds the settings: working defaults for a fictional account, overridden by `some`, overridden by the
/// command line.
pub(super) fn functions_config(some: &[(&str, &str)], settings: &[String]) -> Result<Config, CliError> {
    let vars = functions_variables(some, settings)?;
    Config::from_vars(|name| vars.get(name).cloned()).map_err(|error| {
        let problems = error.problems().iter().map(|problem| as_given(problem, some, settings));
        CliError::Settings(problems.collect::<Vec<_>>().join("; "))
    })
}

/// Builds the variables that the settings are read from.
pub(super) fn functions_variables(
    some: &[(&str, &str)],
    settings: &[String],
) -> Result<BTreeMap<String, String>, CliError> {
    let role_arn = format!("arn:aws:iam::{ACCOUNT_ID}:role/local-batch");
    let defaults = [
        ("INPUT_BUCKET", "local-input"),
        ("OUTPUT_BUCKET", "local-output"),
        ("JOB_NAME_PREFIX", "local"),
        ("JOB_ROLE_ARN", &role_arn),
        ("SUBNET_IDS", "subnet-0a0a0a0a,subnet-0b0b0b0b"),
        ("SECURITY_GROUP_IDS", "sg-0c0c0c0c"),
        ("MODEL_ID", DEFAULT_MODEL_ID),
        // On the loopback address, events take no longer than this, unless a fault delays them.
        ("EVENT_GRACE_SECONDS", "1"),
    ];
    let mut vars: BTreeMap<&str, &str> = defaults.iter().chain(some).copied().collect();
    for setting in settings {
        let Some((name, value)) = setting.split_once('=') else {
            return Err(CliError::Setting(setting.clone(), "is not NAME=VALUE"));
        };
        if !VARIABLES.iter().any(|(known, ..)| *known == name) {
            return Err(CliError::Setting(setting.clone(), "unknown setting"));
        }
        vars.insert(name, value);
    }
    Ok(vars.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Says what is wrong with a setting as the user gave it: `--set X: is empty` for `X is empty`.
fn as_given(problem: &str, some: &[(&str, &str)], settings: &[String]) -> String {
    let Some((name, what)) = problem.split_once(' ') else { return problem.to_owned() };
    let is_set = |setting: &String| setting.split_once('=').is_some_and(|(set, _)| set == name);
    let option = OPTIONS.iter().find(|(setting, _)| *setting == name);
    match option {
        _ if settings.iter().any(is_set) => format!("--set {name}: {what}"),
        Some((_, option)) if some.iter().any(|(set, _)| *set == name) => format!("{option}: {what}"),
        // One that was given does not fit one that was not.
        _ => format!("--set: {problem}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_named_as_they_were_given() {
        let said = |some: &[(&str, &str)], settings: &[&str]| {
            let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
            functions_config(some, &settings).unwrap_err().to_string()
        };
        assert_eq!(said(&[], &["MAX_ATTEMPTS=11"]), "--set MAX_ATTEMPTS: is not between 1 and 10: 11");
        assert_eq!(
            said(&[("MODEL_ID", "?")], &["REPAIR=maybe"]),
            "--model-id: is not a model id, inference profile id, or ARN: \"?\"; --set REPAIR: is neither on nor off: \"maybe\""
        );
        assert_eq!(
            said(&[], &["MAX_RECORDS_PER_JOB=9"]),
            "--set: MIN_RECORDS_PER_JOB is more than MAX_RECORDS_PER_JOB"
        );
        for value in ["0", "-1", "many"] {
            let said = said(&[], &[&format!("MIN_RECORDS_PER_JOB={value}")]);
            assert!(
                said.starts_with("--set MIN_RECORDS_PER_JOB: is not a whole number of at least 1: "),
                "{said}"
            );
        }
    }

    #[test]
    fn help_has_every_setting() {
        let help = settings_help();
        for (name, ..) in VARIABLES {
            assert!(help.contains(&format!("\n  {name}: ")), "{name}: {help}");
        }
        assert!(help.contains(
            "MAX_ATTEMPTS: how often a record that was not processed is tried; 1 to 10 [default: 3]"
        ));
    }
}
