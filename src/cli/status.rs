//! `bedrock-vpc-batch status`: where drops stand.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::check::read_prices;
use super::error::CliError;
use super::find::{DROP_HELP, find};
use super::index::Index;
use super::output::{columns, print_line, print_note};
use super::stack::{Stack, StackArguments};
use super::standing::{Standing, read_all};
use super::table::{View, explanation, table};
use crate::aws::clock::now;
use crate::base::text;
use crate::base::timestamp::Timestamp;
use crate::estimate::price::Prices;

/// How many drops are shown unless the user says something else.
const SHOWN: usize = 20;

#[derive(Debug, clap::Args)]
pub(super) struct StatusArguments {
    /// Which drops; the newest ones if none is named.
    #[arg(value_name = "DROP", long_help = DROP_HELP)]
    drops: Vec<String>,

    /// How many drops, at most. [default: 20, or with --since all]
    #[arg(long, value_name = "NUMBER", conflicts_with = "drops")]
    last: Option<usize>,

    /// Only drops that were put at most this long ago, such as 90min, 36h, or 7d.
    #[arg(long, value_name = "AGE", conflicts_with = "drops", value_parser = seconds)]
    since: Option<u64>,

    /// Write an object of JSON for each drop, on a line of its own.
    #[arg(long)]
    json: bool,

    /// Prices instead of those that are shipped, as `check --prices` takes them.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    #[command(flatten)]
    stack: StackArguments,
}

/// Reads how long ago something was.
fn seconds(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("it is not a number with min, h, or d, such as 36h".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "it does not start with a number".to_owned())?;
    Ok(number.saturating_mul(unit))
}

/// Prints where drops stand.
pub(super) async fn status(arguments: &StatusArguments) -> Result<(), CliError> {
    let prices = read_prices(arguments.prices.as_deref())?;
    let stack = arguments.stack.open().await?;
    let (standings, has_more) = if arguments.drops.is_empty() {
        newest(&stack, arguments).await?
    } else {
        let mut standings = Vec::new();
        for drop in &arguments.drops {
            standings.push(Standing::found(find(&stack, drop).await?));
        }
        (standings, false)
    };
    let standings = read_all(&stack, standings).await?;
    if arguments.json {
        for standing in &standings {
            print_line(&text::escape_json(&as_json(standing, &stack, &prices)))?;
        }
        return Ok(());
    }
    if standings.is_empty() {
        let when = if arguments.since.is_some() { " of that time" } else { "" };
        return print_line(&format!(
            "{} has no drops{when}; a new one appears once the function has seen it",
            stack.name
        ));
    }
    let view = View { columns: columns(), now: now().into(), prices: &prices, region: &stack.region };
    print_line(&table(&standings, &view).join("\n"))?;
    if has_more {
        print_note(&format!("there are older drops: --last {} shows more", 5 * standings.len()));
    }
    Ok(())
}

/// The newest drops, and whether there are older ones that were asked for.
async fn newest(stack: &Stack, arguments: &StatusArguments) -> Result<(Vec<Standing>, bool), CliError> {
    let oldest = arguments.since.map(|seconds| Timestamp::from(now()).minus(Duration::from_secs(seconds)));
    let most = arguments.last.unwrap_or(if oldest.is_some() { usize::MAX } else { SHOWN });
    let mut index = Index::new(stack);
    let mut standings = Vec::new();
    while let Some(drop) = index.next().await? {
        if oldest.is_some_and(|oldest| drop.time < oldest) {
            break;
        }
        if standings.len() >= most {
            return Ok((standings, true));
        }
        standings.push(Standing::indexed(drop));
    }
    Ok((standings, false))
}

/// A drop as an object of JSON, as docs/follow.md describes it.
fn as_json(standing: &Standing, stack: &Stack, prices: &Prices) -> String {
    let Standing { found, key, put, status } = standing;
    let cost = standing.cost(prices, &stack.region);
    let of = status.as_ref();
    json!({
        "version": 1,
        "drop_id": found.drop_id,
        "key": key,
        "put": put,
        "state": standing.state(),
        "since": of.map(|status| status.since),
        "has_ended": standing.has_ended(),
        "records": of.and_then(|status| status.records),
        "results": of.and_then(|status| status.results),
        "tokens": of.and_then(|status| status.tokens.clone()),
        "cost_usd": cost.map(|(usd, _)| (usd * 1e6).ceil() / 1e6),
        "price": cost.map(|(_, price)| price),
        "message": of.map(|status| &status.message),
        "next": of.map(|status| &status.next),
        "refusal": of.and_then(|status| status.refusal.as_ref()),
        "explanation": explanation(standing),
        "folder": format!("s3://{}/{}", stack.output_bucket, found.folder),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_a_unit() {
        assert_eq!(["90min", "36h", "7d"].map(seconds), [Ok(5_400), Ok(129_600), Ok(604_800)]);
        for text in ["", "7", "d", "-1d", "7 d", "1.5h", "99999999999999999999d"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
