//! Flow 5: erases a drop, as an operator has asked for.
//!
//! 1. [`record`]: write the marker, which says what has to be deleted, and then the tombstone (`Erased`), which does not. From
//!    now on, nothing of the drop runs again.
//! 2. [`delete_data`]: delete the results; per job, delete its input and output, and the texts in its entry; then delete the
//!    version in the input bucket, and at last the drop in the index.
//! 3. When no invocation can be left that has read the drop before it was erased, do this once more, because one may have
//!    written something since. Then delete the plan and the marker.
//!
//! After a crash, the marker is still there, and the sweep does all of it again.

use std::time::Duration;

use futures_util::future::join_all;
use tracing::{info, warn};

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::aws::store::entries::Stored;
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys;
use crate::drop::plan::{Part, Plan, PlanPage};
use crate::flow::context::{CONCURRENT_PARTS, Context};
use crate::flow::pass::TIME_FOR_WHAT_IS_OPEN;
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::erasure::Erasure;
use crate::ledger::job::JobEntry;
use crate::ledger::lease::Invocation;

/// When every invocation that started before a drop was erased has ended: the longest timeout of a function, and a minute
/// for the clocks. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (read 2026-11)
const OTHERS_HAVE_ENDED: Duration = Duration::from_secs(900 + 60);

/// Erases a drop as far as that can be done now, and leaves the rest to the sweep. Returns `false` if the drop is not over,
/// so that it cannot be erased yet.
///
/// # Errors
/// Returns [`Error::Busy`] if time runs out before everything is deleted. The sweep deletes the rest.
pub(super) async fn erase(context: &Context, drop_id: &DropId, by: &Invocation) -> Result<bool, Error> {
    let Some(drop) = context.store.get_entry::<DropEntry>(&keys::drop_entry(drop_id)).await? else {
        warn!(drop.id = %drop_id, "there is no such drop to erase");
        return Ok(true);
    };
    let marker = keys::erase_marker(drop.entry.source.last_modified, drop_id);
    let (erasure, tombstone) = if drop.entry.state == DropState::Erased {
        match context.store.get_json::<Erasure>(&marker).await? {
            Some(erasure) => (erasure, drop.entry),
            None => return Ok(true),
        }
    } else {
        let Some(erasure) = Erasure::of(&drop.entry) else {
            let state = drop.entry.state.name();
            info!(drop.id = %drop_id, state, "drop is not over: it is erased when it is, and cancelling it ends it");
            return Ok(false);
        };
        let tombstone = Box::pin(record(context, &drop, &marker, &erasure, by)).await?;
        (erasure, tombstone)
    };
    Box::pin(delete_data(context, drop_id, &erasure, by)).await?;
    if by.started.seconds_since(tombstone.updated) >= OTHERS_HAVE_ENDED.as_secs() {
        let entry = keys::drop_entry(drop_id);
        Box::pin(delete_below(context, &keys::drop_folder(drop_id), |key| key != entry, by)).await?;
        context.store.delete(&marker).await?;
        info!(drop.id = %drop_id, "nothing is left of the erased drop but its tombstone");
    }
    Ok(true)
}

/// Records that a drop is erased, and what has to be deleted. The marker is first, or a crash would lose what only it says.
async fn record(
    context: &Context,
    drop: &Stored<DropEntry>,
    marker: &str,
    erasure: &Erasure,
    by: &Invocation,
) -> Result<DropEntry, Error> {
    let drop_id = &drop.entry.drop_id;
    let tombstone = drop.entry.erased(by)?;
    context.store.put_json(marker, erasure).await?;
    match context.store.replace(&keys::drop_entry(drop_id), tombstone, &drop.etag).await? {
        Some(recorded) => {
            info!(drop.id = %drop_id, "drop erased");
            Ok(recorded.entry)
        }
        None => Err(Error::Busy(format!("another invocation changed drop {drop_id}"))),
    }
}

/// Deletes everything of a drop that has a text of the file, of Bedrock, or of who put it.
async fn delete_data(
    context: &Context,
    drop_id: &DropId,
    erasure: &Erasure,
    by: &Invocation,
) -> Result<(), Error> {
    let Erasure { source, plan } = erasure;
    // The first, because a late event could make the status again as long as the summary is there.
    context.store.delete(&keys::summary(&source.key, drop_id)).await?;
    let folder = keys::results_folder(&source.key, drop_id);
    let is_own = |key: &str| key.strip_prefix(&folder).is_some_and(keys::is_result_name);
    Box::pin(delete_below(context, &folder, is_own, by)).await?;
    Box::pin(delete_below(context, &keys::tallies(drop_id), |_| true, by)).await?;
    if let Some(plan) = plan {
        Box::pin(erase_jobs(context, drop_id, plan, by)).await?;
    }
    if !context.store.delete_drop(source).await? {
        warn!(drop.id = %drop_id, "the file is still in the input bucket: it has no version id, so delete it yourself");
    }
    // The last that people see, so that they can wait for it.
    context.store.delete(&keys::index(&source.key, source.last_modified, drop_id)).await
}

async fn erase_jobs(context: &Context, drop_id: &DropId, plan: &Plan, by: &Invocation) -> Result<(), Error> {
    for page in 1..=plan.pages() {
        let parts = match plan {
            Plan::Whole { parts } => parts.clone(),
            // A page that is gone was deleted after its jobs were erased.
            Plan::Paged { plan_id, .. } => {
                let key = keys::plan_page(drop_id, plan_id, page);
                context.store.get_json::<PlanPage>(&key).await?.map(|page| page.parts).unwrap_or_default()
            }
        };
        for some in parts.chunks(CONCURRENT_PARTS) {
            let erased = some.iter().map(|part| Box::pin(erase_attempts(context, part, by)));
            join_all(erased).await.into_iter().collect::<Result<(), Error>>()?;
        }
    }
    Ok(())
}

/// Deletes what Bedrock read and wrote for all attempts at a part, and the texts in the entries of the jobs.
async fn erase_attempts(context: &Context, part: &Part, by: &Invocation) -> Result<(), Error> {
    let mut next: Option<JobId> = Some(part.job_id.clone());
    while let Some(job_id) = next {
        let key = keys::job_entry(&job_id);
        let job = context.store.get_entry::<JobEntry>(&key).await?;
        next = job.as_ref().and_then(|job| job.entry.next_attempt()).map(|part| part.job_id.clone());
        if let Some(job) = job
            && let Some(erased) = job.entry.erased(by)
        {
            // If another invocation has changed the entry, it has done the same.
            context.store.replace(&key, erased, &job.etag).await?;
        }
        Box::pin(delete_below(context, &keys::work_folder(&job_id), |_| true, by)).await?;
    }
    Ok(())
}

/// Deletes those objects below a prefix of the output bucket whose keys `is_meant`.
async fn delete_below(
    context: &Context,
    prefix: &str,
    is_meant: impl Fn(&str) -> bool + Send + Sync,
    by: &Invocation,
) -> Result<(), Error> {
    let mut token = None;
    loop {
        if !by.has_time_at(now(), TIME_FOR_WHAT_IS_OPEN) {
            return Err(Error::Busy(format!(
                "{prefix}: not everything was deleted in time; the sweep goes on"
            )));
        }
        token = context.store.delete_page(prefix, token, &is_meant).await?;
        if token.is_none() {
            return Ok(());
        }
    }
}
