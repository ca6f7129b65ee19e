//! A step of flow 3: finds drops whose event never came. S3 delivers each event at least once. But an event is lost if
//! the function cannot be invoked for six hours, or if an operator deletes a message from a failure queue.
//!
//! The versions in the input bucket are compared with the ledger, some pages in each pass. A version without an entry
//! gets a marker. From then on it is like any other open drop.

use std::time::Duration;

use futures_util::future::join_all;
use tracing::{error, info, warn};

use crate::aws::clock::now;
use crate::aws::error::{Chain, Error};
use crate::aws::store::entries::Stored;
use crate::aws::store::versions::VersionPage;
use crate::base::s3_uri::S3Uri;
use crate::drop::identity::DropId;
use crate::drop::keys;
use crate::drop::names::NameVerdict;
use crate::drop::source::DropSource;
use crate::flow::context::{CONCURRENT_PARTS, Context};
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::lease::Invocation;
use crate::ledger::sweep::SweepEntry;

/// How many pages of 1,000 versions one pass reads, at most.
const MAX_PAGES: u32 = 50;

/// How much of the invocation's time is reserved, so that every pass gets to what is open.
const TIME_FOR_WHAT_IS_OPEN: Duration = Duration::from_secs(200);

/// What one pass has found.
#[derive(Debug, Default)]
struct Tally {
    pages: u32,
    compared: u64,
    ignored: u64,
    recovered: u64,
    erased: u64,
    delete_markers: u64,
    /// The pass has read the last page of the bucket.
    is_whole: bool,
}

/// What the ledger knows about a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It has an entry.
    Known,
    /// It has an entry, which says that it was erased.
    Erased,
    /// It has no entry.
    Lost,
}

/// Compares the next pages of the input bucket with the ledger.
pub(super) async fn reconcile(context: &Context, by: &Invocation) -> Result<(), Error> {
    let stored = context.store.get_entry::<SweepEntry>(keys::SWEEP_ENTRY).await?;
    let Some(Stored { entry: mut state, etag }) = stored else {
        context.store.create(keys::SWEEP_ENTRY, SweepEntry::first(by.started)).await?;
        return Ok(());
    };
    state.every_name_since.get_or_insert(by.started);
    if state.cursor.is_none() {
        state.cycle_until = by.started.minus(context.config.event_grace);
        if state.cycle_until <= state.compared_until {
            return Ok(());
        }
    }
    let mut tally = Tally::default();
    while tally.pages < MAX_PAGES && !tally.is_whole && by.has_time_at(now(), TIME_FOR_WHAT_IS_OPEN) {
        let (bucket, prefix) = (&context.config.input_bucket, &context.config.input_prefix);
        let page = context.store.list_versions(bucket, prefix, state.cursor.as_ref()).await?;
        Box::pin(compare_page(context, &page, &state, &mut tally)).await?;
        tally.is_whole = page.next.is_none();
        state.cursor = page.next;
    }
    if tally.is_whole {
        state.compared_until = state.compared_until.max(state.cycle_until);
    }
    let Tally { pages, compared, ignored, recovered, erased, delete_markers, is_whole } = tally;
    info!(
        pages,
        compared,
        ignored,
        erased,
        delete_markers,
        is_whole,
        DropsRecovered = recovered,
        "input bucket compared with the ledger"
    );
    // If another sweep has recorded more meanwhile, this pass was in vain.
    context.store.replace(keys::SWEEP_ENTRY, state, &etag).await?;
    Ok(())
}

async fn compare_page(
    context: &Context,
    page: &VersionPage,
    state: &SweepEntry,
    tally: &mut Tally,
) -> Result<(), Error> {
    tally.pages += 1;
    tally.delete_markers += page.delete_markers;
    let mut drops: Vec<&DropSource> = Vec::new();
    for source in page.versions.iter().filter(|source| state.concerns(source)) {
        match context.config.name_rule().judge(&source.key) {
            // A refused drop is one too: its rejection is as lost as any other.
            NameVerdict::Judged | NameVerdict::Refused { .. } => drops.push(source),
            NameVerdict::Ignored(_) => tally.ignored += 1,
        }
    }
    for some in drops.chunks(CONCURRENT_PARTS) {
        let found = some.iter().map(|source| Box::pin(look_up(context, source)));
        for found in join_all(found).await {
            tally.compared += 1;
            match found? {
                Found::Known => {}
                Found::Erased => tally.erased += 1,
                Found::Lost => tally.recovered += 1,
            }
        }
    }
    Ok(())
}

/// Looks a version up in the ledger, and gives it a marker if it has no entry.
async fn look_up(context: &Context, source: &DropSource) -> Result<Found, Error> {
    let drop_id = DropId::derive(source);
    match context.store.get_entry::<DropEntry>(&keys::drop_entry(&drop_id)).await {
        Ok(Some(drop)) if drop.entry.state == DropState::Erased => Ok(Found::Erased),
        Ok(Some(_)) => Ok(Found::Known),
        Ok(None) => {
            warn!(drop.id = %drop_id, input.uri = %source, "drop has no entry: its event was lost");
            // The list of versions does not have the metadata.
            let uri = S3Uri::new(&source.bucket, &source.key);
            let head = context.store.head(&uri, source.version_id.as_deref()).await?;
            let Some(source) = head else { return Ok(Found::Known) };
            context.store.put_json(&keys::drop_marker(source.last_modified, &drop_id), &source).await?;
            Ok(Found::Lost)
        }
        Err(error) if error.is_of_newer_release() => Ok(Found::Known),
        Err(unreadable @ Error::Unreadable { .. }) => {
            error!(drop.id = %drop_id, error = %Chain(&unreadable), "drop has an entry that cannot be read");
            Ok(Found::Known)
        }
        Err(error) => Err(error),
    }
}
