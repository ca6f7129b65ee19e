//! A step of flow 2: sums up a drop after the last of its jobs.

use futures_util::future::join_all;
use tracing::{error, info};

use crate::aws::error::Error;
use crate::drop::keys::{self, Open};
use crate::drop::plan::Part;
use crate::flow::context::{CONCURRENT_PARTS, Context, missing_entry};
use crate::job::summary::{Finished, Summary};
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::job::JobEntry;
use crate::ledger::lease::Invocation;

/// Writes `summary.json` and finishes the drop, if this job was its last.
pub(super) async fn finish_drop(context: &Context, job: &JobEntry, by: &Invocation) -> Result<(), Error> {
    let drop_id = &job.drop_id;
    let key = keys::drop_entry(drop_id);
    let drop = context.store.get_entry::<DropEntry>(&key).await?.ok_or_else(|| missing_entry(&key))?;
    let parts = match &drop.entry.state {
        DropState::Accepted { parts, .. } => parts.clone(),
        DropState::Finished { .. } | DropState::Erased => return Ok(()),
        DropState::Reading(_) | DropState::Rejected { .. } => {
            let state = drop.entry.state.name();
            return Err(Error::Internal(format!("drop {drop_id} has job {}, but is {state}", job.job_id)));
        }
    };
    if parts.len() > 1 && another_is_open(context, job).await? {
        return Ok(());
    }
    let Some(attempts) = Box::pin(finished_attempts(context, &drop.entry, &parts)).await? else {
        return Ok(());
    };
    let source = &drop.entry.source;
    let summary = Summary::new(drop_id, source, &parts, attempts);
    context.store.put_json(&keys::summary(&source.key, drop_id), &summary).await?;
    let next = drop.entry.advance(DropState::Finished { parts }, by)?;
    if context.store.replace(&key, next, &drop.etag).await?.is_some() {
        log_finish(&summary);
    }
    Ok(())
}

/// Returns whether another job of the same drop is not settled. The first marker that says so is enough, so the work
/// per job does not grow with the number of parts. The invocation that settles that job looks again.
async fn another_is_open(context: &Context, job: &JobEntry) -> Result<bool, Error> {
    for marker in context.store.list(&keys::markers_of(job.source.last_modified)).await? {
        let Some(Open::Job(job_id)) = keys::parse_marker(&marker) else { continue };
        let other = context.store.get_entry::<JobEntry>(&keys::job_entry(&job_id)).await?;
        if other.is_some_and(|other| other.entry.drop_id == job.drop_id && !other.entry.is_settled()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns all attempts at all parts of a drop, or `None` as soon as one is not settled.
async fn finished_attempts(
    context: &Context,
    drop: &DropEntry,
    parts: &[Part],
) -> Result<Option<Vec<Finished>>, Error> {
    let mut finished = Vec::new();
    for some in parts.chunks(CONCURRENT_PARTS) {
        let attempts = some.iter().map(|part| Box::pin(finished_attempts_at(context, drop, part)));
        for attempts in join_all(attempts).await {
            match attempts? {
                Some(attempts) => finished.extend(attempts),
                None => return Ok(None),
            }
        }
    }
    Ok(Some(finished))
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

fn log_finish(summary: &Summary) {
    let Summary { drop_id, source, records, balanced, mismatches, .. } = summary;
    info!(
        drop.id = %drop_id, input.uri = %source, record.count = records.total, is_balanced = balanced,
        DropsFinished = 1_u64, RecordsUnprocessed = records.unprocessed, "drop finished"
    );
    if !balanced {
        error!(
            drop.id = %drop_id, input.uri = %source, mismatches = mismatches.join("; "),
            AccountingMismatches = mismatches.len() as u64, "accounting mismatch"
        );
    }
}
