//! The pipeline of a local run: starts its parts, and connects them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::account::{ACCOUNT_ID, REGION};
use super::bedrock::{EndingRates, StandIn, StandInOptions};
use super::clients::{clients, clients_through};
use super::faults::{CallRates, FaultOptions, Faults};
use super::pump::{DropEnding, MAX_FUNCTION_TIMEOUT, Pump, PumpOptions, schedule_event};
use super::s3::EmbeddedS3;
use crate::aws::clients::Clients;
use crate::aws::clock;
use crate::aws::clock::now;
use crate::aws::config::Config;
use crate::aws::error::Chain;
use crate::aws::store::objects::Store;
use crate::drop::keys::ROUTES_FILE;
use crate::drop::routes::Routes;
use crate::flow::handlers::Complete;
use crate::flow::handlers::Submit;

/// How the pipeline runs locally.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The settings of both functions.
    pub config: Config,
    /// The routes that are in force from the start; `None` for none.
    pub routes: Option<Routes>,
    /// How long a job stays in each state.
    pub pace: Duration,
    /// Seeds the order of the output lines, and the faults.
    pub seed: u64,
    /// The faults.
    pub faults: FaultOptions,
    /// How often the schedule wakes the function `complete`; `None` for never.
    pub sweep_every: Option<Duration>,
    /// How long a function may run before it is killed.
    pub function_timeout: Duration,
    /// How many invocations of the functions may run at the same time; `None` for any number.
    pub concurrent_executions: Option<usize>,
    /// How many of the newest requests and calls are kept in memory; `None` for all, in a run that ends soon.
    pub log_limit: Option<usize>,
}

impl LocalOptions {
    /// A run with no faults, no pauses, and no schedule.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            routes: None,
            pace: Duration::ZERO,
            seed: 0,
            faults: FaultOptions::default(),
            sweep_every: None,
            function_timeout: MAX_FUNCTION_TIMEOUT,
            concurrent_executions: None,
            log_limit: None,
        }
    }
}

/// A running pipeline. It stops when dropped.
#[derive(Debug)]
pub struct Local {
    config: Config,
    clients: Clients,
    faults: Faults,
    s3: EmbeddedS3,
    stand_in: Arc<StandIn>,
    pump: Pump,
    is_swept: bool,
    _delayed: JoinSet<()>,
}

impl Local {
    /// Starts everything. Objects are files below `root`.
    ///
    /// # Errors
    /// If the folder cannot be created or a port cannot be opened.
    pub async fn start(root: &Path, options: LocalOptions) -> io::Result<Self> {
        let LocalOptions {
            config,
            routes,
            pace,
            seed,
            faults: fault_options,
            sweep_every,
            function_timeout,
            concurrent_executions,
            log_limit,
        } = options;
        let s3 = EmbeddedS3::start(root).await?;
        s3.create_bucket(&config.input_bucket, true)?;
        s3.create_bucket(&config.output_bucket, false)?;
        let stand_in = Arc::new(start_stand_in(&config, &s3, pace, seed, &fault_options).await?);
        let mut delayed = JoinSet::new();
        refuse_for_a_while(&config, &stand_in, &fault_options, &mut delayed);
        let faults = Faults::new();
        let calls = fault_options.calls;
        if calls != CallRates::default() {
            faults.set(move |call| calls.decide(seed, call));
        }
        if let Some(most) = log_limit {
            s3.limit_log(most);
            stand_in.limit_log(most);
            faults.limit_log(most);
        }
        let clients = clients_through(&config, s3.key(), s3.endpoint(), stand_in.endpoint(), &faults);
        if let Some(routes) = &routes {
            let store = Store::new(s3.client(), &config.output_bucket);
            store.put_json(ROUTES_FILE, routes).await.map_err(io::Error::other)?;
        }
        if sweep_every.is_some() || routes.is_some() {
            first_sweep(&config, &s3, stand_in.endpoint(), function_timeout).await?;
        }
        let submit = Arc::new(Submit::new(config.clone(), &clients));
        let complete = Arc::new(Complete::new(config.clone(), &clients));
        let options = PumpOptions {
            seed,
            notifications: fault_options.notifications,
            state_changes: fault_options.state_changes,
            sweep_every,
            function_timeout,
            concurrent_executions,
        };
        let store = Store::new(s3.client(), &config.output_bucket);
        let pump =
            Pump::start(&config, store, s3.subscribe(), stand_in.subscribe(), submit, complete, options);
        Ok(Self {
            config,
            clients,
            faults,
            s3,
            stand_in,
            pump,
            is_swept: sweep_every.is_some(),
            _delayed: delayed,
        })
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

    /// The faults of the functions' calls.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Whether a sweep finishes what a lost event left open.
    #[must_use]
    pub fn is_swept(&self) -> bool {
        self.is_swept
    }

    /// The events on their way to the functions.
    #[must_use]
    pub fn pump(&self) -> &Pump {
        &self.pump
    }

    /// Receives how drops end, from now on.
    #[must_use]
    pub fn endings(&self) -> mpsc::UnboundedReceiver<DropEnding> {
        self.pump.subscribe()
    }

    /// The folder with the results of a drop, given the key of its summary or rejection.
    #[must_use]
    pub fn folder_of(&self, report_key: &str) -> Option<PathBuf> {
        let file = self.s3.file_of(&self.config.output_bucket, report_key)?;
        file.parent().map(Path::to_path_buf)
    }
}

/// Sweeps once, without faults, before anything is dropped, because objects from before the first sweep are
/// left alone. It takes the routes over, too.
async fn first_sweep(
    config: &Config,
    s3: &EmbeddedS3,
    bedrock_endpoint: &str,
    timeout: Duration,
) -> io::Result<()> {
    let clients = clients(config, s3.key(), s3.endpoint(), bedrock_endpoint);
    let complete = Complete::new(config.clone(), &clients);
    let swept = complete.handle(schedule_event(now()), &clock::invocation_until(now() + timeout)).await;
    swept.map(drop).map_err(|error| io::Error::other(Chain(&error).to_string()))
}

/// Starts a stand-in that accepts only the role and the network in these settings.
async fn start_stand_in(
    config: &Config,
    s3: &EmbeddedS3,
    pace: Duration,
    seed: u64,
    fault_options: &FaultOptions,
) -> io::Result<StandIn> {
    let mut options = StandInOptions::new(s3.client());
    options.account_id = ACCOUNT_ID.into();
    options.region = REGION.into();
    options.access_key_id = Some(s3.key().access_key_id().to_owned());
    options.roles = Some(vec![config.job_role_arn.clone()]);
    options.subnet_ids = Some(config.vpc.subnet_ids().to_vec());
    options.security_group_ids = Some(config.vpc.security_group_ids().to_vec());
    options.pace = pace;
    options.seed = seed;
    // These settings say what the quotas of the account are.
    let quotas = &config.quotas;
    let count = |records: u64| usize::try_from(records).unwrap_or(usize::MAX);
    options.quotas.min_records = options.quotas.min_records.min(count(quotas.min_records));
    options.quotas.max_records = options.quotas.max_records.max(count(quotas.max_records));
    options.quotas.max_file_bytes = options.quotas.max_file_bytes.max(quotas.max_file_bytes);
    options.quotas.max_job_bytes = options.quotas.max_job_bytes.max(quotas.max_file_bytes);
    if let Some(jobs) = fault_options.jobs_in_flight {
        options.quotas.max_jobs_in_flight = jobs;
    }
    let stand_in = StandIn::start(options).await?;
    if fault_options.endings != EndingRates::default() {
        let endings = fault_options.endings.clone();
        stand_in.script_with(move |number, job| endings.ending(seed, number, job));
    }
    Ok(stand_in)
}

/// Makes Bedrock refuse the role or a subnet at first, and accept it after the time in the fault options.
fn refuse_for_a_while(
    config: &Config,
    stand_in: &Arc<StandIn>,
    fault_options: &FaultOptions,
    delayed: &mut JoinSet<()>,
) {
    if !fault_options.refuse_role.is_zero() {
        stand_in.set_known_roles(Some(Vec::new()));
        let (stand_in, roles, time) =
            (stand_in.clone(), vec![config.job_role_arn.clone()], fault_options.refuse_role);
        delayed.spawn(async move {
            tokio::time::sleep(time).await;
            stand_in.set_known_roles(Some(roles));
        });
    }
    if !fault_options.refuse_subnet.is_zero() {
        let subnets = config.vpc.subnet_ids().to_vec();
        stand_in.set_known_subnets(Some(subnets.iter().skip(1).cloned().collect()));
        let (stand_in, time) = (stand_in.clone(), fault_options.refuse_subnet);
        delayed.spawn(async move {
            tokio::time::sleep(time).await;
            stand_in.set_known_subnets(Some(subnets));
        });
    }
}
