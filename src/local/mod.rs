//! The whole pipeline on one machine, with no AWS account: an embedded S3, a Bedrock stand-in, and an
//! event pump between them and the same handlers that Lambda runs.
//!
//! Nothing outside this module and the command line knows that it is local: the SDK clients are pointed at
//! loopback endpoints, that is all.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use tokio::sync::mpsc;

use crate::clients::{Clients, prepare};
use crate::complete::Complete;
use crate::config::Config;
use crate::local::bedrock::{StandIn, StandInOptions};
use crate::local::pump::{Ending, Pump};
use crate::local::s3::EmbeddedS3;
use crate::submit::Submit;

pub mod bedrock;
pub mod pump;
pub mod s3;

/// The account that everything local belongs to: the one of AWS's own examples.
pub const ACCOUNT_ID: &str = "123456789012";

/// How the pipeline runs locally.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The settings of both functions.
    pub config: Config,
    /// How long a job stays in each state.
    pub pace: Duration,
    /// Decides the order of the output's lines.
    pub seed: u64,
}

/// A running pipeline. It stops when dropped.
#[derive(Debug)]
pub struct Local {
    config: Config,
    clients: Clients,
    s3: EmbeddedS3,
    stand_in: StandIn,
    pump: Pump,
}

impl Local {
    /// Starts everything. Objects are files below `root`.
    ///
    /// # Errors
    /// If the folder cannot be made or a port cannot be bound.
    pub async fn start(root: &Path, options: LocalOptions) -> io::Result<Self> {
        let LocalOptions { config, pace, seed } = options;
        let s3 = EmbeddedS3::start(root).await?;
        s3.create_bucket(&config.input_bucket, true)?;
        s3.create_bucket(&config.output_bucket, false)?;
        let mut options = StandInOptions::new(s3.client());
        options.account_id = ACCOUNT_ID.into();
        options.region = s3::REGION.into();
        options.roles = Some(vec![config.job_role_arn.clone()]);
        options.subnet_ids = Some(config.vpc.subnet_ids().to_vec());
        options.security_group_ids = Some(config.vpc.security_group_ids().to_vec());
        options.pace = pace;
        options.seed = seed;
        let stand_in = StandIn::start(options).await?;
        let clients = clients(&config, s3.endpoint(), stand_in.endpoint()).await;
        let submit = Arc::new(Submit::new(config.clone(), &clients));
        let complete = Arc::new(Complete::new(config.clone(), &clients));
        let pump = Pump::start(&config, s3.subscribe(), stand_in.subscribe(), submit, complete);
        Ok(Self { config, clients, s3, stand_in, pump })
    }

    /// The settings of both functions.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The clients that the functions use.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The embedded S3.
    #[must_use]
    pub fn s3(&self) -> &EmbeddedS3 {
        &self.s3
    }

    /// The Bedrock stand-in.
    #[must_use]
    pub fn stand_in(&self) -> &StandIn {
        &self.stand_in
    }

    /// How drops end, as it happens. Yields from the first call on.
    #[must_use]
    pub fn endings(&self) -> mpsc::UnboundedReceiver<Ending> {
        self.pump.subscribe()
    }

    /// The folder with the results of a drop, given the key of its summary or rejection.
    #[must_use]
    pub fn folder_of(&self, report_key: &str) -> Option<PathBuf> {
        let file = self.s3.file_of(&self.config.output_bucket, report_key)?;
        file.parent().map(Path::to_path_buf)
    }
}

/// The clients that a function has, pointed at these endpoints.
pub async fn clients(config: &Config, s3_endpoint: &str, bedrock_endpoint: &str) -> Clients {
    let credentials = Credentials::new(s3::ACCESS_KEY_ID, s3::SECRET_ACCESS_KEY, None, None, "local");
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(s3::REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    let base = prepare(loader, config.call_timeout).load().await;
    let pointed_at = |endpoint: &str| base.to_builder().endpoint_url(endpoint).build();
    Clients {
        s3: Clients::new(&pointed_at(s3_endpoint), true).s3,
        bedrock: Clients::new(&pointed_at(bedrock_endpoint), true).bedrock,
    }
}
