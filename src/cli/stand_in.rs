//! The stand-in of Amazon Bedrock by itself, over somebody else's S3.

use std::io::{self, Write, stdout};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};

use super::CliError;
use crate::clients::{Clients, prepare};
use crate::local::ACCOUNT_ID;
use crate::local::bedrock::{StandIn, StandInOptions};
use crate::local::s3::REGION;

/// One attempt of one call to the S3 that was given.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug, clap::Args)]
pub(super) struct StandInArguments {
    /// The S3 that holds the inputs of the jobs and takes their outputs.
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

/// Serves until Ctrl-C, or until nobody reads the events any more.
pub(super) async fn serve(arguments: &StandInArguments) -> Result<(), CliError> {
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(arguments.region.clone()))
        .endpoint_url(&arguments.s3_endpoint);
    let sdk = prepare(loader, CALL_TIMEOUT).load().await;
    let mut options = StandInOptions::new(Clients::new(&sdk, true).s3);
    options.account_id.clone_from(&arguments.account_id);
    options.region.clone_from(&arguments.region);
    options.pace = Duration::from_millis(arguments.pace_ms);
    let stand_in = StandIn::start(options).await.map_err(CliError::Start)?;
    let mut events = stand_in.subscribe();
    let mut lines = print_line(stand_in.endpoint());
    while lines.is_ok() {
        tokio::select! {
            Some(event) = events.recv() => lines = print_line(&event.to_string()),
            interrupted = tokio::signal::ctrl_c() => return interrupted.map_err(CliError::Start),
        }
    }
    Ok(())
}

/// A program reads these lines, as they come, and may stop reading.
fn print_line(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
