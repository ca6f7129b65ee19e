//! A step of flow 2: sums up a drop after the last of its jobs.

use futures_util::future::join_all;
use tracing::{error, info, warn};

use crate::aws::error::{Chain, Error};
use crate::aws::store::entries::Stored;
use crate::base::count::percent;
use crate::drop::identity::DropId;
use crate::drop::keys::{self, Open};
use crate::drop::plan::{Part, Plan};
use crate::estimate::price::Prices;
use crate::flow::context::{CONCURRENT_PARTS, Context, missing_entry};
use crate::flow::status_file::{File, tell_end};
use crate::job::summary::{Finished, Summary, Tally};
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::job::JobEntry;
use crate::ledger::lease::Invocation;
use crate::report::notice::EndedDrop;
use crate::report::page as finished;

/// How often the summary of a first drop is read again after another invocation has changed it.
const MAX_ROUNDS: u32 = 5;

/// Writes `report.html` and `summary.json`, and finishes the drop, if this job was its last. The summary comes after
/// everything that it sums up. Returns the drop if this request has finished it.
///
/// The plan of a large drop has pages. The last job of a page writes the page's tally, and then counts the tallies. S3
/// lists what was written before, so at least one of two jobs that end at the same time sees both tallies. So the work
/// for a job depends on its page only, and that for the last one on the number of pages, too.
pub(super) async fn finish_drop(
    context: &Context,
    job: &JobEntry,
    by: &Invocation,
) -> Result<Option<EndedDrop>, Error> {
    let drop_id = &job.drop_id;
    let key = keys::drop_entry(drop_id);
    let drop = context.store.get_entry::<DropEntry>(&key).await?.ok_or_else(|| missing_entry(&key))?;
    let plan = match &drop.entry.state {
        DropState::Accepted { plan, .. } => plan.clone(),
        DropState::Finished { .. } => {
            tell_end(context, &drop.entry, None, File::Unknown).await?;
            return if drop.entry.is_of_request(by) {
                ended_before(context, &drop.entry).await
            } else {
                Ok(None)
            };
        }
        DropState::Erased => return Ok(None),
        DropState::Reading(_) | DropState::Held(_) | DropState::Rejected { .. } => {
            let state = drop.entry.state.name();
            return Err(Error::Internal(format!("drop {drop_id} has job {}, but is {state}", job.job_id)));
        }
    };
    let page = job.part.page();
    let parts = match &plan {
        Plan::Whole { parts } if parts.len() <= 1 => parts.as_slice().into(),
        Plan::Whole { .. } | Plan::Paged { .. } if another_is_open(context, job).await? => return Ok(None),
        Plan::Whole { .. } | Plan::Paged { .. } => context.parts_on(drop_id, &plan, page).await?,
    };
    let Some(tally) = Box::pin(tally_parts(context, &drop.entry, &parts)).await? else { return Ok(None) };
    let tally = match &plan {
        Plan::Whole { .. } => tally,
        Plan::Paged { pages, .. } => {
            context.store.put_json(&keys::tally(drop_id, page), &tally).await?;
            match Box::pin(add_tallies(context, drop_id, *pages)).await? {
                Some(tally) => tally,
                None => return Ok(None),
            }
        }
    };
    let source = &drop.entry.source;
    let summary = Summary::new(drop_id, source, drop.entry.repairs(), tally);
    let prices = Prices::shipped().ok();
    let html = finished::page(&summary, prices.as_ref(), &[]);
    context.store.put_page(&keys::report(&source.key, drop_id), html).await?;
    context.store.put_json(&keys::summary(&source.key, drop_id), &summary).await?;
    if let Some(first) = source.retry_of.as_deref().and_then(DropId::parse)
        && let Err(failure) = Box::pin(name_in_first(context, &first, drop_id)).await
    {
        warn!(drop.id = %drop_id, error = %Chain(&failure), "the drop is not named in the summary of the first one");
    }
    let next = drop.entry.advance(DropState::Finished { plan }, by)?;
    let Some(finished) = context.store.replace(&key, next, &drop.etag).await? else { return Ok(None) };
    log_finish(&summary, job.route());
    Box::pin(tell_end(context, &finished.entry, Some(&summary), File::Unknown)).await?;
    Ok(Some(EndedDrop::finished(&finished.entry, &summary, prices.as_ref(), context.place())))
}

/// Names a drop in the summary of the one whose records it tried again. That one may have been erased, or its results may
/// have expired.
async fn name_in_first(context: &Context, first: &DropId, retry: &DropId) -> Result<(), Error> {
    let Some(first) = context.store.get_entry::<DropEntry>(&keys::drop_entry(first)).await? else {
        return Ok(());
    };
    let DropEntry { drop_id, source, state: DropState::Finished { .. }, .. } = &first.entry else {
        return Ok(());
    };
    let key = keys::summary(&source.key, drop_id);
    for _ in 0..MAX_ROUNDS {
        let Some(Stored { entry: mut summary, etag }) = context.store.get_entry::<Summary>(&key).await?
        else {
            return Ok(());
        };
        if !summary.add_retry(retry) || context.store.replace(&key, summary, &etag).await?.is_some() {
            return Ok(());
        }
    }
    Err(Error::Busy(format!("other invocations changed {key} {MAX_ROUNDS} times")))
}

/// Returns a drop that an earlier invocation of this request finished.
async fn ended_before(context: &Context, drop: &DropEntry) -> Result<Option<EndedDrop>, Error> {
    let summary = context.store.get_json::<Summary>(&keys::summary(&drop.source.key, &drop.drop_id)).await?;
    let prices = Prices::shipped().ok();
    Ok(summary.map(|summary| EndedDrop::finished(drop, &summary, prices.as_ref(), context.place())))
}

/// Returns whether another job on the same page of the drop's plan is not settled. The first marker that says so is
/// enough. The invocation that settles that job looks again.
async fn another_is_open(context: &Context, job: &JobEntry) -> Result<bool, Error> {
    let markers = keys::job_markers(job.source.last_modified, &job.drop_id, job.part.page());
    for marker in context.store.list(&markers).await? {
        let Some(Open::Job(job_id)) = keys::parse_marker(&marker) else { continue };
        if job_id == job.job_id {
            continue;
        }
        let other = context.store.get_entry::<JobEntry>(&keys::job_entry(&job_id)).await?;
        if other.is_some_and(|other| !other.entry.is_settled()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Adds up the tallies of all pages, or returns `None` if one is not there yet.
async fn add_tallies(context: &Context, drop_id: &DropId, pages: u32) -> Result<Option<Tally>, Error> {
    let keys = context.store.list(&keys::tallies(drop_id)).await?;
    if keys.len() < pages as usize {
        return Ok(None);
    }
    let mut all = Tally::default();
    for key in keys {
        let page = context.store.get_json::<Tally>(&key).await?.ok_or_else(|| missing_entry(&key))?;
        all.records += page.records;
        all.attempts.extend(page.attempts);
    }
    Ok(Some(all))
}

/// Returns all attempts at some parts of a drop, or `None` as soon as one is not settled.
async fn tally_parts(context: &Context, drop: &DropEntry, parts: &[Part]) -> Result<Option<Tally>, Error> {
    let mut tally = Tally::default();
    for some in parts.chunks(CONCURRENT_PARTS) {
        let attempts = some.iter().map(|part| Box::pin(finished_attempts_at(context, drop, part)));
        for attempts in join_all(attempts).await {
            match attempts? {
                Some(attempts) => tally.attempts.extend(attempts),
                None => return Ok(None),
            }
        }
    }
    tally.records = parts.iter().map(|part| part.records).sum();
    Ok(Some(tally))
}

/// Returns all attempts at a part, or `None` as soon as one is not settled. While the drop has its marker, a first
/// attempt may not be recorded yet. Every other entry must exist.
async fn finished_attempts_at(
    context: &Context,
    drop: &DropEntry,
    part: &Part,
) -> Result<Option<Vec<Finished>>, Error> {
    let mut finished = Vec::new();
    let mut job_id = Some(part.job_id.clone());
    while let Some(id) = job_id {
        let key = keys::job_entry(&id);
        let mut job = context.store.get_entry::<JobEntry>(&key).await?;
        if job.is_none() && finished.is_empty() {
            if context.is_marked(&drop.source, &drop.drop_id).await? {
                return Ok(None);
            }
            // The marker may have been deleted since, after the entry was written.
            job = context.store.get_entry::<JobEntry>(&key).await?;
        }
        let job = job.ok_or_else(|| missing_entry(&key))?.entry;
        let Some(attempt) = job.finished() else { return Ok(None) };
        job_id = job.next_attempt().map(|next| next.job_id.clone());
        finished.push(attempt);
    }
    Ok(Some(finished))
}

fn log_finish(summary: &Summary, route: Option<&str>) {
    let Summary { drop_id, source, records, balanced, mismatches, .. } = summary;
    let unprocessed = percent(records.unprocessed, records.total);
    info!(
        drop.id = %drop_id, input.uri = %source, record.count = records.total, is_balanced = balanced,
        Route = route, DropsFinished = 1_u64, RecordsUnprocessed = records.unprocessed,
        UnprocessedPercent = unprocessed, "drop finished"
    );
    if !balanced {
        error!(
            drop.id = %drop_id, input.uri = %source, mismatches = mismatches.join("; "),
            AccountingMismatches = mismatches.len() as u64, "accounting mismatch"
        );
    }
}
