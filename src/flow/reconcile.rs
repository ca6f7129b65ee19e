//! Finds the drops whose event never came: S3 delivers an event at least once, but a function that cannot be
//! invoked for six hours loses it, and so does an operator who deletes the message of a failure queue.
//!
//! The versions in the input bucket are compared with the ledger, page by page over many passes of the sweep. One
//! without an entry gets a marker, and is then like any other drop that is open.

use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};

use crate::aws::clock::now;
use crate::aws::error::{Chain, Error};
use crate::aws::store::{Stored, VersionMarker};
use crate::base::timestamp::Timestamp;
use crate::drop::identity::DropId;
use crate::drop::keys;
use crate::drop::source::DropSource;
use crate::flow::context::{Pipeline, SIDE_BY_SIDE};
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::lease::Invocation;

/// How many pages of 1,000 versions one pass reads at most.
const MOST_PAGES: u32 = 50;

/// The longest that a multipart upload to the input bucket takes: `template.yaml` has older ones aborted. An object's
/// time is that of the beginning of its upload.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html> (read 2026-11)
const LONGEST_UPLOAD: Duration = Duration::from_secs(8 * 86_400);

/// What is kept back of the invocation's time: what is open already comes to its turn in every pass.
const TIME_FOR_WHAT_IS_OPEN: Duration = Duration::from_secs(200);

/// `ledger/sweep.json`: how far the input bucket has been compared with the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reconciled {
    /// The version of the schema, 1.
    version: u32,
    /// When the first sweep ran. What was put before is none of the pipeline's, such as the files of a bucket that
    /// was there already.
    since: Timestamp,
    /// What was put before this has been compared, in the last cycle over the whole bucket.
    compared_until: Timestamp,
    /// What was put before this is compared in the cycle that goes on now.
    cycle_until: Timestamp,
    /// How far this cycle has come; `None` at its start.
    cursor: Option<VersionMarker>,
}

impl Reconciled {
    /// The first cycle. What is put from now on is compared.
    fn begin(now: Timestamp) -> Self {
        Self { version: 1, since: now, compared_until: now, cycle_until: now, cursor: None }
    }

    /// Whether a version is to be compared in this cycle: it was put since the last one. A multipart upload has the
    /// time at which it began, and may have ended since.
    fn concerns(&self, source: &DropSource) -> bool {
        let is_multipart = source.etag.contains('-');
        let from = self.compared_until.minus(if is_multipart { LONGEST_UPLOAD } else { Duration::ZERO });
        (from.max(self.since)..self.cycle_until).contains(&source.last_modified)
    }
}

/// What one pass has found.
#[derive(Debug, Default)]
struct Tally {
    pages: u32,
    compared: u64,
    recovered: u64,
    erased: u64,
    delete_markers: u64,
}

impl Pipeline {
    /// Compares the next pages of the input bucket with the ledger.
    pub(crate) async fn reconcile(&self, by: &Invocation) -> Result<(), Error> {
        let Some(Stored { entry: mut state, etag }) =
            self.store.get_json::<Reconciled>(keys::SWEEP_ENTRY).await?
        else {
            self.store.create(keys::SWEEP_ENTRY, Reconciled::begin(by.started)).await?;
            return Ok(());
        };
        if state.cursor.is_none() {
            state.cycle_until = by.started.minus(self.config.event_grace);
            if state.cycle_until <= state.compared_until {
                return Ok(());
            }
        }
        let mut tally = Tally::default();
        let mut is_whole = false;
        while tally.pages < MOST_PAGES && by.has_time_at(now(), TIME_FOR_WHAT_IS_OPEN) {
            let (bucket, prefix) = (&self.config.input_bucket, &self.config.input_prefix);
            let page = self.store.list_versions(bucket, prefix, state.cursor.as_ref()).await?;
            tally.pages += 1;
            tally.delete_markers += page.delete_markers;
            let concerned: Vec<&DropSource> = page
                .versions
                .iter()
                .filter(|source| state.concerns(source) && source.key.ends_with(".jsonl"))
                .collect();
            for some in concerned.chunks(SIDE_BY_SIDE) {
                for found in join_all(some.iter().map(|source| Box::pin(self.compare(source)))).await {
                    tally.compared += 1;
                    match found? {
                        Found::Known => {}
                        Found::Erased => tally.erased += 1,
                        Found::Lost => tally.recovered += 1,
                    }
                }
            }
            state.cursor = page.next;
            if state.cursor.is_none() {
                is_whole = true;
                state.compared_until = state.compared_until.max(state.cycle_until);
                break;
            }
        }
        let Tally { pages, compared, recovered, erased, delete_markers } = tally;
        info!(
            pages,
            compared,
            erased,
            delete_markers,
            is_whole,
            metric.DropsRecovered = recovered,
            "input bucket compared with the ledger"
        );
        // Another sweep may have come further; then this one was for nothing.
        self.store.replace(keys::SWEEP_ENTRY, state, &etag).await?;
        Ok(())
    }

    /// Looks a version up in the ledger, and gives it a marker if there is no entry.
    async fn compare(&self, source: &DropSource) -> Result<Found, Error> {
        let drop_id = DropId::derive(source);
        match self.store.get_json::<DropEntry>(&keys::drop_entry(&drop_id)).await {
            Ok(Some(drop)) if drop.entry.state == DropState::Erased => Ok(Found::Erased),
            Ok(Some(_)) => Ok(Found::Known),
            Ok(None) => {
                warn!(drop.id = %drop_id, input.uri = %source, "drop has no entry: its event was lost");
                self.store.put_json(&keys::drop_marker(source.last_modified, &drop_id), source).await?;
                Ok(Found::Lost)
            }
            Err(unreadable @ Error::Unreadable { .. }) => {
                error!(drop.id = %drop_id, error = %Chain(&unreadable), "drop has an entry that cannot be read");
                Ok(Found::Known)
            }
            Err(error) => Err(error),
        }
    }
}

/// What the ledger knows of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It has an entry.
    Known,
    /// It has one that says that it was erased.
    Erased,
    /// It has none.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_since_the_last_cycle_are_compared_and_uploads_that_began_before() {
        let at = |days: i64| Timestamp::from_secs(days * 86_400);
        let source = |days, etag: &str| DropSource {
            last_modified: at(days),
            etag: etag.into(),
            ..DropSource::example()
        };
        let state = Reconciled { compared_until: at(20), cycle_until: at(22), ..Reconciled::begin(at(14)) };
        let concerned =
            |etag| -> Vec<i64> { (0..30).filter(|days| state.concerns(&source(*days, etag))).collect() };
        assert_eq!(concerned("\"e\""), [20, 21]);
        // No more than eight days back, and nothing from before the first sweep.
        assert_eq!(concerned("\"e-2\""), (14..22).collect::<Vec<_>>());
    }
}
