//! Where drops stand, as their `status.json` says it.

use futures_util::{StreamExt, stream};

use super::error::CliError;
use super::find::{Found, find};
use super::stack::Stack;
use crate::base::timestamp::Timestamp;
use crate::drop::identity::DropId;
use crate::drop::keys::Indexed;
use crate::estimate::price::{ModelPrice, Prices};
use crate::estimate::range::Range;
use crate::ledger::status::{Stage, Status};

/// How many files are read at the same time.
const CONCURRENT: usize = 16;

/// The name of the file.
const STATUS: &str = "status.json";

/// A drop, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) found: Found,
    /// The key of the drop, which may be truncated if there is no status.
    pub(super) key: String,
    /// When the drop was put, if it is known.
    pub(super) put: Option<Timestamp>,
    /// What `status.json` says; `None` if it is not there yet.
    pub(super) status: Option<Status>,
}

impl Standing {
    /// A drop of which nothing is known yet.
    pub(super) fn unseen(key: &str, found: Found) -> Self {
        Self { found, key: key.to_owned(), put: None, status: None }
    }

    /// A drop of the index, before its status is read.
    pub(super) fn indexed(drop: Indexed) -> Self {
        let found = Found::new(&drop.key, drop.drop_id);
        Self { found, key: drop.key, put: Some(drop.time), status: None }
    }

    /// A drop that was found, before its status is read.
    pub(super) fn found(found: Found) -> Self {
        let key = found.folder.strip_prefix("results/").unwrap_or_default();
        let key = key.strip_suffix(&format!("/{}/", found.drop_id)).unwrap_or(key).to_owned();
        Self { key, found, put: None, status: None }
    }

    /// Whether nothing follows any more.
    pub(super) fn has_ended(&self) -> bool {
        self.status.as_ref().is_some_and(Status::is_final)
    }

    /// Whether a person ended it before all its records were processed.
    fn was_cancelled(&self) -> bool {
        self.status.as_ref().is_some_and(|status| {
            status.was_stopped && status.results.is_some_and(|results| results.unprocessed > 0)
        })
    }

    /// Where it stands, in a word.
    pub(super) fn state(&self) -> &'static str {
        match self.status.as_ref().map(|status| status.state) {
            None => "New",
            Some(Stage::Reading) => "Reading",
            Some(Stage::Held) => "Held",
            Some(Stage::Preparing) => "Preparing",
            Some(Stage::Waiting) => "Waiting",
            Some(Stage::Running) => "Running",
            Some(Stage::Checking) => "Checking",
            Some(Stage::Finished) if self.was_cancelled() => "Cancelled",
            Some(Stage::Finished) => "Finished",
            Some(Stage::Rejected) => "Rejected",
        }
    }

    /// What it cost, in US dollars, and the price that this is computed with; `None` if it is not known.
    pub(super) fn cost<'a>(&self, prices: &'a Prices, region: &str) -> Option<(f64, &'a ModelPrice)> {
        let tokens = self.status.as_ref()?.tokens.as_ref()?;
        let price = prices.of(tokens.model_id.as_deref()?, Some(region))?;
        let exactly = |count: u64| Range::from((count, count));
        Some((price.batch.cost(exactly(tokens.input), exactly(tokens.output)).most, price))
    }
}

/// Reads where a drop stands.
pub(super) async fn read(stack: &Stack, mut standing: Standing) -> Result<Standing, CliError> {
    let status: Option<Status> = stack.read_json(&standing.found.key(STATUS)).await?;
    if let Some(status) = status {
        standing.key.clone_from(&status.source.key);
        standing.put = Some(status.source.last_modified);
        standing.status = Some(status);
    }
    Ok(standing)
}

/// Finds the drop that an argument names, and reads where it stands; `None` if an operator who is not a reader gives a whole
/// id: then nobody knows whether there is such a drop.
pub(super) async fn find_for_operator(
    stack: &Stack,
    argument: &str,
) -> Result<(DropId, Option<Standing>), CliError> {
    let seen = async { read(stack, Standing::found(find(stack, argument).await?)).await };
    match (seen.await, DropId::parse(argument)) {
        (Ok(standing), _) => Ok((standing.found.drop_id.clone(), Some(standing))),
        (Err(CliError::Refused(_)), Some(drop_id)) => Ok((drop_id, None)),
        (Err(error), _) => Err(error),
    }
}

/// Reads where drops stand, in the same order.
pub(super) async fn read_all(stack: &Stack, standings: Vec<Standing>) -> Result<Vec<Standing>, CliError> {
    let reads = standings.into_iter().map(|standing| read(stack, standing));
    let mut reads = stream::iter(reads).buffered(CONCURRENT);
    let mut all = Vec::new();
    while let Some(read) = reads.next().await {
        all.push(read?);
    }
    Ok(all)
}
