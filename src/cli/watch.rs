//! `bedrock-vpc-batch watch`: follows drops until they end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::check::read_prices;
use super::error::CliError;
use super::find::{DROP_HELP, Found, find, find_if_there, too_short};
use super::fixes::shell_word;
use super::following::{Ending, Following};
use super::index::Index;
use super::output::print_note;
use super::signals::Signals;
use super::stack::{Stack, StackArguments};
use super::standing::{Standing, read_all};

/// How many of the newest drops are looked at for those that have not ended.
const LOOKED_AT: usize = 200;

/// A function sees a file within seconds after it was put, unless it is throttled.
const APPEARS_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(super) struct WatchArguments {
    /// Which drops; all that have not ended, and new ones, if none is named.
    #[arg(value_name = "DROP", long_help = DROP_HELP)]
    drops: Vec<String>,

    /// Prices instead of those that are shipped, as `check --prices` takes them.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    #[command(flatten)]
    stack: StackArguments,
}

/// Follows drops. Returns true if every record of the named ones has an answer or an error.
pub(super) async fn watch(arguments: &WatchArguments) -> Result<bool, CliError> {
    let prices = read_prices(arguments.prices.as_deref())?;
    let mut signals = Signals::new().map_err(CliError::Start)?;
    let opened = async {
        let stack = arguments.stack.open().await?;
        let drops = drops(&stack, &arguments.drops).await?;
        Ok::<_, CliError>((stack, drops))
    };
    let (stack, drops) = tokio::select! {
        biased;
        interrupt = signals.next() => return Err(CliError::Interrupted(interrupt)),
        opened = opened => opened?,
    };
    let named: String =
        arguments.drops.iter().map(|drop| format!(" {}", shell_word(drop.as_ref()))).collect();
    let following = Following {
        stack: &stack,
        prices: &prices,
        with_new: arguments.drops.is_empty(),
        again: format!("bedrock-vpc-batch watch{named}{}", arguments.stack.again()),
    };
    Ok(following.follow(drops, &mut signals).await? >= Ending::Processed)
}

/// Finds a drop that may have been put only just now.
async fn appearing(stack: &Stack, drop: &str) -> Result<Found, CliError> {
    let end = Instant::now() + APPEARS_WITHIN;
    let mut is_told = false;
    while Instant::now() < end {
        if let Some(found) = find_if_there(stack, drop).await? {
            return Ok(found);
        }
        if !is_told {
            print_note(&format!(
                "{drop}: no such drop yet; looking again for {} s{}",
                APPEARS_WITHIN.as_secs(),
                too_short(drop)
            ));
            is_told = true;
        }
        tokio::time::sleep(stack.look_every).await;
    }
    find(stack, drop).await
}

/// The drops that are named, or those that have not ended, oldest first.
async fn drops(stack: &Stack, named: &[String]) -> Result<Vec<Standing>, CliError> {
    let mut standings = Vec::new();
    for drop in named {
        let standing = Standing::found(appearing(stack, drop).await?);
        if !standings.contains(&standing) {
            standings.push(standing);
        }
    }
    if !named.is_empty() {
        return Ok(standings);
    }
    let mut index = Index::new(stack);
    while standings.len() < LOOKED_AT
        && let Some(drop) = index.next().await?
    {
        standings.push(Standing::indexed(drop));
    }
    standings.reverse();
    let mut open = read_all(stack, standings).await?;
    open.retain(|standing| !standing.has_ended());
    Ok(open)
}
