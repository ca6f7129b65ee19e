//! `status.json`: tells the user where a drop stands. The flows write it after the ledger, and never decide by it.
//!
//! - It is created when the drop is claimed. At the same time, the drop goes into the index of its day.
//! - What happens to the only job of a drop is told at once. A drop with several parts is told of by `submit`, and then
//!   by the sweep, so that the work for one job does not depend on the others.
//! - A file that is not written is a warning: the next event or the sweep writes it. Only the last one must be written
//!   before the marker is deleted, because nothing would write it later.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::json;
use tracing::warn;

use crate::aws::clock::now;
use crate::aws::error::{Chain, Error};
use crate::aws::store::entries::{ETag, Stored};
use crate::drop::identity::{DropId, JobId, RouteId};
use crate::drop::keys;
use crate::drop::plan::{Part, Plan};
use crate::flow::context::{CONCURRENT_PARTS, Context};
use crate::flow::pass::{Pass, TIME_FOR_ONE};
use crate::job::summary::{Finished, Summary, SummaryJob, Tally};
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::job::JobEntry;
use crate::ledger::lease::Invocation;
use crate::ledger::status::{OpenJobs, Status, Tokens};

/// How often the file is read again after another invocation has changed it.
const MAX_ROUNDS: u32 = 5;

/// What an invocation knows about the file of a drop.
#[derive(Debug)]
pub(super) enum File {
    /// There is none, because this invocation has just claimed the drop.
    Absent,
    /// This invocation has written it.
    Written(ETag),
    /// This invocation has just read it, or found that there is none.
    Read(Option<Box<Stored<Status>>>),
    /// There may be one.
    Unknown,
}

/// Writes the status of a drop, unless there is nothing to tell. Returns what is known of the file now.
pub(super) async fn tell(context: &Context, status: Option<Status>, file: File) -> File {
    let Some(status) = status else { return file };
    match Box::pin(write(context, &status, file)).await {
        Ok(file) => file,
        Err(failure) => {
            warn!(
                drop.id = %status.drop_id, error = %Chain(&failure),
                "status not written; a later event or the sweep writes it"
            );
            File::Unknown
        }
    }
}

/// Writes the status of a drop whose only open job has changed. If the drop has several parts, the sweep will.
pub(super) async fn tell_of_job(context: &Context, job: &JobEntry) {
    if job.part.number > 1 {
        return;
    }
    let drop = match context.store.get_entry::<DropEntry>(&keys::drop_entry(&job.drop_id)).await {
        Ok(Some(drop)) => drop.entry,
        Ok(None) => return,
        Err(failure) => {
            warn!(drop.id = %job.drop_id, error = %Chain(&failure), "status not written: the drop's entry is not read");
            return;
        }
    };
    if matches!(&drop.state, DropState::Accepted { plan, .. } if plan.is_one_part()) {
        tell(context, Status::of_jobs(&drop, &OpenJobs::only(job)), File::Unknown).await;
    }
}

/// Writes the last status of a drop that is rejected, or finished with this summary. If the summary is not at hand, it
/// is read, unless the file is final already.
pub(super) async fn tell_end(
    context: &Context,
    drop: &DropEntry,
    summary: Option<&Summary>,
    file: File,
) -> Result<(), Error> {
    if let Some(status) = Status::of_drop(drop) {
        Box::pin(write(context, &status, file)).await?;
        return Ok(());
    }
    if let Some(summary) = summary {
        Box::pin(write(context, &Status::finished(drop, summary), file)).await?;
        return Ok(());
    }
    let key = keys::status(&drop.source.key, &drop.drop_id);
    if context.store.get_entry::<Status>(&key).await?.is_some_and(|file| file.entry.is_final()) {
        return Ok(());
    }
    let summary = keys::summary(&drop.source.key, &drop.drop_id);
    if let Some(summary) = context.store.get_json::<Summary>(&summary).await? {
        Box::pin(write(context, &Status::finished(drop, &summary), file)).await?;
    }
    Ok(())
}

/// Tells of the drops with several parts whose jobs have changed since the last sweep. A drop that has a marker itself
/// is left out: some of its jobs may not be made yet. Returns `false` if there was not enough time for all.
pub(super) async fn tell_of_many_jobs(context: &Context, pass: &Pass, by: &Invocation) -> bool {
    let several = |hinted: &Vec<JobId>| hinted.len() > 1;
    let hinted = pass.hinted_jobs.iter().filter(|(_, hinted)| several(hinted)).map(|(drop_id, _)| drop_id);
    let drops: HashSet<&DropId> = pass.open_jobs.keys().chain(hinted).collect();
    let counted = drops.into_iter().filter(|drop_id| !pass.uncounted.contains(drop_id));
    for some in counted.collect::<Vec<_>>().chunks(CONCURRENT_PARTS) {
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            return false;
        }
        let told = some.iter().map(|drop_id| Box::pin(sum_up(context, drop_id, pass, by)));
        for (drop_id, summed_up) in some.iter().zip(join_all(told).await) {
            if let Err(failure) = summed_up {
                warn!(drop.id = %drop_id, error = %Chain(&failure), "status not written: the drop was not summed up");
            }
        }
    }
    true
}

/// Sums up the open jobs of a drop, and tells of them. What those that wait have is in the plan, unless they are next
/// attempts.
async fn sum_up(context: &Context, drop_id: &DropId, pass: &Pass, by: &Invocation) -> Result<(), Error> {
    let drop = context.store.get_entry::<DropEntry>(&keys::drop_entry(drop_id)).await?;
    let Some(Stored { entry: drop, .. }) = drop else { return Ok(()) };
    let DropState::Accepted { plan, .. } = &drop.state else { return Ok(()) };
    if plan.is_one_part() {
        return Ok(());
    }
    let none = || OpenJobs::none(by.started);
    let route = drop.settings().and_then(|settings| settings.route.as_ref());
    let is_paused = pass.weight(route.map(|prefix| RouteId::derive(prefix)).as_ref()) == 0;
    let open = pass.open_jobs.get(drop_id).cloned().unwrap_or_else(none);
    let mut open = open.of_paused_route(is_paused);
    let mut hinted: HashSet<&JobId> = pass.hinted_jobs.get(drop_id).into_iter().flatten().collect();
    for page in 1..=plan.pages() {
        if hinted.is_empty() {
            break;
        }
        for part in context.parts_on(drop_id, plan, page).await?.iter() {
            if hinted.remove(&part.job_id) {
                open.add_waiting(part);
            }
        }
    }
    for some in hinted.into_iter().collect::<Vec<_>>().chunks(CONCURRENT_PARTS) {
        let entries = some.iter().map(|job_id| keys::job_entry(job_id));
        let read = entries.map(|key| async move { context.store.get_entry::<JobEntry>(&key).await });
        for job in join_all(read).await {
            job?.iter().for_each(|job| open.add(&job.entry));
        }
    }
    let Some(mut status) = Status::of_jobs(&drop, &open) else { return Ok(()) };
    let told = context.store.get_entry::<Status>(&keys::status(&drop.source.key, drop_id)).await?;
    status.tokens = match &told {
        Some(told) if told.entry.records == status.records => told.entry.tokens.clone(),
        _ => Tokens::of(&settled_jobs(context, drop_id, plan).await?),
    };
    tell(context, Some(status), File::Read(told.map(Box::new))).await;
    Ok(())
}

/// Returns the jobs of a drop that need nothing more. Of a plan with pages, these are the jobs of the pages that are over.
async fn settled_jobs(context: &Context, drop_id: &DropId, plan: &Plan) -> Result<Vec<SummaryJob>, Error> {
    let mut attempts = Vec::new();
    match plan {
        Plan::Whole { parts } => {
            for some in parts.chunks(CONCURRENT_PARTS) {
                for settled in join_all(some.iter().map(|part| settled_attempts_at(context, part))).await {
                    attempts.extend(settled?);
                }
            }
        }
        Plan::Paged { .. } => {
            for key in context.store.list(&keys::tallies(drop_id)).await? {
                attempts.extend(context.store.get_json::<Tally>(&key).await?.unwrap_or_default().attempts);
            }
        }
    }
    Ok(attempts
        .into_iter()
        .filter_map(|attempt| match attempt {
            Finished::Settled(job) => Some(*job),
            Finished::SourceDeleted { .. } => None,
        })
        .collect())
}

/// Returns the attempts at a part up to the first one that is not settled.
async fn settled_attempts_at(context: &Context, part: &Part) -> Result<Vec<Finished>, Error> {
    let mut settled = Vec::new();
    let mut job_id = Some(part.job_id.clone());
    while let Some(id) = job_id.take() {
        let job = context.store.get_entry::<JobEntry>(&keys::job_entry(&id)).await?;
        if let Some((attempt, job)) = job.and_then(|job| Some((job.entry.finished()?, job.entry))) {
            job_id = job.next_attempt().map(|next| next.job_id.clone());
            settled.push(attempt);
        }
    }
    Ok(settled)
}

/// Writes a status, unless a newer one is there, or one that says the same.
async fn write(context: &Context, status: &Status, mut file: File) -> Result<File, Error> {
    let key = keys::status(&status.source.key, &status.drop_id);
    for _ in 0..MAX_ROUNDS {
        if matches!(file, File::Unknown) {
            file = File::Read(context.store.get_entry::<Status>(&key).await?.map(Box::new));
        }
        let read = match file {
            File::Absent | File::Unknown => None,
            File::Written(etag) => Some(etag),
            File::Read(read) => {
                if read.as_ref().is_some_and(|read| read.entry.makes_needless(status)) {
                    return Ok(File::Unknown);
                }
                read.map(|read| read.etag)
            }
        };
        let written = match read {
            Some(etag) => context.store.replace(&key, status.clone(), &etag).await?,
            None => {
                put_index(context, status, &key).await?;
                context.store.create(&key, status.clone()).await?
            }
        };
        if let Some(written) = written {
            return Ok(File::Written(written.etag));
        }
        file = File::Unknown;
    }
    Err(Error::Busy(format!("other invocations changed {key} {MAX_ROUNDS} times")))
}

/// Puts a drop into the index of its day. What is written never changes.
async fn put_index(context: &Context, status: &Status, status_key: &str) -> Result<(), Error> {
    let Status { drop_id, source, .. } = status;
    let body = json!({ "drop_id": drop_id, "source": source, "status": status_key });
    context.store.put_json(&keys::index(&source.key, source.last_modified, drop_id), &body).await
}
