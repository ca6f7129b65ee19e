//! `bedrock-vpc-batch stand-in`: serves the stand-in for Amazon Bedrock over another server's S3.

use std::time::Duration;

use aws_config::Region;
use aws_config::environment::EnvironmentVariableCredentialsProvider;

use super::error::CliError;
use super::output::print_line;
use super::settings::LOG_LIMIT;
use super::signals::Signals;
use crate::aws::clients::{Clients, NotSet, explicit, http_client, plain_http_client};
use crate::aws::config::variable;
use crate::local::ACCOUNT_ID;
use crate::local::bedrock::{StandIn, StandInOptions};
use crate::local::s3::REGION;

/// The timeout of one attempt of a call to the given S3.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug, clap::Args)]
pub(super) struct StandInArguments {
    /// The S3 that holds the inputs of the jobs and gets their outputs.
    #[arg(long, value_name = "URL")]
    s3_endpoint: String,

    /// The account that the jobs belong to.
    #[arg(long, default_value = ACCOUNT_ID, value_name = "ID")]
    account_id: String,

    /// The Region that the jobs belong to, and that requests must be signed for.
    #[arg(long, default_value = REGION, value_name = "REGION")]
    region: String,

    /// How long a job stays in each of its states, in milliseconds.
    #[arg(long, default_value_t = 300, value_name = "MS")]
    pace_ms: u64,
}

/// Serves until a signal, or until nothing reads the events.
pub(super) async fn serve(arguments: &StandInArguments) -> Result<(), CliError> {
    let mut signals = Signals::new().map_err(CliError::Start)?;
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        variable(name).ok_or(CliError::Credentials(NotSet(name)))?;
    }
    // Only the credentials come from the environment: the command line names the S3.
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let is_plain = arguments.s3_endpoint.starts_with("http://");
    let http_client = if is_plain { plain_http_client() } else { http_client() };
    let sdk = explicit(Region::new(arguments.region.clone()), credentials, CALL_TIMEOUT)
        .endpoint_url(&arguments.s3_endpoint)
        .http_client(http_client)
        .build();
    let mut options = StandInOptions::new(Clients::new(&sdk, true).s3);
    options.account_id.clone_from(&arguments.account_id);
    options.region.clone_from(&arguments.region);
    options.pace = Duration::from_millis(arguments.pace_ms);
    let stand_in = StandIn::start(options).await.map_err(CliError::Start)?;
    stand_in.limit_log(LOG_LIMIT);
    let mut events = stand_in.subscribe();
    let mut printed = print_line(stand_in.endpoint());
    while printed.is_ok() {
        tokio::select! {
            Some(event) = events.recv() => printed = print_line(&event.to_string()),
            _signal = signals.next() => break,
        }
    }
    match printed {
        Err(CliError::Closed) => Ok(()),
        other => other,
    }
}
