//! The stack that a command works with: a deployed one, or a pipeline that runs on this machine. Nothing else knows which of
//! them it is.
//!
//! | file | job |
//! |---|---|
//! | `deployed.rs` | finds a deployed stack by its outputs |
//! | `on_this_machine.rs` | finds a running local pipeline |
//! | `listing.rs` | lists the output bucket |
//! | `denied.rs` | says in plain words what S3 refuses |

mod denied;
mod deployed;
mod listing;
mod on_this_machine;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::SdkConfig;
use serde::de::DeserializeOwned;

use super::error::CliError;
use super::fixes::shell_word;
use crate::aws::clients::Clients;
use crate::aws::config::{Config, variable};
use crate::aws::error::Error;
use crate::aws::store::objects::Store;
use crate::base::text;

/// The variable that names the stack if no option does.
const VARIABLE: &str = "BEDROCK_VPC_BATCH_STACK";

/// The time limit for one attempt of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a deployed stack is looked at. What becomes of drops there changes in minutes.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Which stack a command works with.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Stack")]
pub(super) struct StackArguments {
    /// The deployed stack to work with. Without it, the one that `BEDROCK_VPC_BATCH_STACK` names.
    #[arg(long, value_name = "NAME", conflicts_with = "local")]
    stack: Option<String>,

    /// Instead of a deployed stack, a pipeline that `bedrock-vpc-batch local` runs: the folder that it was given with
    /// --dir, such as bedrock-local.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["region", "profile"])]
    local: Option<PathBuf>,

    /// The Region of the stack. Without it, that of the environment or the profile.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// The AWS profile to use. Without it, the credentials of the environment, or the default profile.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl StackArguments {
    /// Finds the stack, and connects to it.
    pub(super) async fn open(&self) -> Result<Stack, CliError> {
        if let Some(dir) = &self.local {
            return on_this_machine::open(dir).await;
        }
        let of_environment = || variable(VARIABLE).filter(|name| !name.is_empty());
        let name = self.stack.clone().or_else(of_environment).ok_or_else(|| {
            CliError::Stack(format!(
                "no stack is named: give --stack NAME, set {VARIABLE}, or give --local FOLDER for a pipeline on this machine"
            ))
        })?;
        deployed::open(&name, self.region.as_deref(), self.profile.as_deref()).await
    }

    /// The options that name the same stack in another command, such as ` --stack demo`; nothing if the environment names it.
    pub(super) fn again(&self) -> String {
        let mut said = String::new();
        let mut add = |option: &str, value: Option<String>| {
            if let Some(value) = value {
                said.push_str(&format!(" --{option} {}", shell_word(value.as_ref())));
            }
        };
        add("stack", self.stack.clone());
        add("local", self.local.as_ref().map(|dir| dir.display().to_string()));
        add("region", self.region.clone());
        add("profile", self.profile.clone());
        said
    }
}

/// Returns the process of the pipeline that other commands find in a folder, if there is one.
pub(super) async fn process_in(dir: &Path) -> Option<u32> {
    // If the folder cannot be read, no run can be made in it either.
    let (process, _) = on_this_machine::answering(dir).await.ok()??;
    Some(process)
}

/// A stack, and the clients to use it with.
#[derive(Debug)]
pub(super) struct Stack {
    /// What it is called, such as `stack demo`, fit for a terminal.
    pub(super) name: String,
    /// Users put drops here.
    pub(super) input_bucket: String,
    /// Results are here, below `results/`.
    pub(super) output_bucket: String,
    /// The Region, whose prices count.
    pub(super) region: String,
    /// The command that starts it, if it is a pipeline of this machine.
    start: Option<String>,
    /// How often it is worth a look whether something has changed.
    pub(super) look_every: Duration,
    pub(super) s3: aws_sdk_s3::Client,
    /// The output bucket.
    pub(super) store: Store,
    /// What other clients are made from.
    #[cfg(feature = "doctor")]
    pub(super) sdk: SdkConfig,
    /// The outputs and parameters of a deployed stack.
    pub(super) values: BTreeMap<String, String>,
    /// The settings of the functions, as the variables that they are read from.
    settings: BTreeMap<String, String>,
}

impl Stack {
    fn new(
        name: String,
        region: String,
        sdk: SdkConfig,
        is_path_style: bool,
        settings: BTreeMap<String, String>,
    ) -> Result<Self, CliError> {
        let bucket = |variable: &str| {
            settings.get(variable).cloned().ok_or_else(|| {
                CliError::Stack(format!(
                    "{name} has no output that names its buckets: is it a stack of this project's template.yaml, and is it \
                     deployed to its end?"
                ))
            })
        };
        let (input_bucket, output_bucket) = (bucket("INPUT_BUCKET")?, bucket("OUTPUT_BUCKET")?);
        let s3 = Clients::new(&sdk, is_path_style).s3;
        let store = Store::new(s3.clone(), &output_bucket);
        Ok(Self {
            name,
            input_bucket,
            output_bucket,
            region,
            start: None,
            look_every: LOOK_EVERY,
            s3,
            store,
            #[cfg(feature = "doctor")]
            sdk,
            values: BTreeMap::new(),
            settings,
        })
    }

    /// Returns the settings of its functions.
    pub(super) fn config(&self) -> Result<Config, CliError> {
        Config::from_vars(|name| self.settings.get(name).cloned()).map_err(|error| {
            CliError::Stack(format!(
                "{} does not say all settings of its functions ({}): update it to this release",
                self.name,
                text::line(error.problems().join("; "))
            ))
        })
    }

    /// Reads a JSON object of the output bucket; `None` if it is not there. S3 does not tell readers whether an object is
    /// not there or they may not read it, but they may list.
    pub(super) async fn read_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CliError> {
        match self.store.get_json(key).await {
            Ok(value) => Ok(value),
            Err(error) if denied::is_denial(&error) && !self.is_listed(key).await? => Ok(None),
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Says in plain words why a call to S3 failed. A pipeline of this machine that does not answer has ended.
    pub(super) fn explain(&self, error: Error) -> CliError {
        denied::explain(&self.name, self.start.as_deref(), error)
    }
}
