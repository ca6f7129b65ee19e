//! The settings of the functions, as the command line gives them.

use std::collections::HashMap;

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

/// Builds the settings: working defaults for a fictional account, overridden by `some`, overridden by the
/// command line.
pub(super) fn functions_config(some: &[(&str, &str)], settings: &[String]) -> Result<Config, CliError> {
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
    let mut vars: HashMap<&str, &str> = defaults.iter().chain(some).copied().collect();
    for setting in settings {
        let Some((name, value)) = setting.split_once('=') else {
            return Err(CliError::Setting(setting.clone(), "is not NAME=VALUE"));
        };
        if !VARIABLES.iter().any(|(known, ..)| *known == name) {
            return Err(CliError::Setting(setting.clone(), "unknown setting"));
        }
        vars.insert(name, value);
    }
    Ok(Config::from_vars(|name| vars.get(name).map(|value| (*value).to_owned()))?)
}
