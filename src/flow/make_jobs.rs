//! A step of flow 1: puts the input of each job where Bedrock can read it, and records the job.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::lock::Mutex;
use tracing::{error, info};

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::aws::store::copying::MIN_COPY_BYTES;
use crate::aws::store::lines::rewrite_lines;
use crate::drop::keys;
use crate::drop::plan::{Part, Plan};
use crate::drop::rewriting::Rewriter;
use crate::flow::context::{CONCURRENT_PARTS, Context, missing_entry};
use crate::job::padding::{Padder, Padding};
use crate::ledger::drop::DropEntry;
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::JobState;
use crate::ledger::lease::Invocation;

/// How long it takes, at most, to make some more jobs.
const TIME_FOR_SOME_JOBS: Duration = Duration::from_secs(10);

/// Makes the jobs of all parts of a drop. `is_new` says that this invocation has just accepted the drop.
///
/// # Errors
/// Returns [`Error::Busy`] if there is not enough time for all jobs. The sweep makes the others.
pub(super) async fn make_jobs(
    context: &Context,
    drop: &DropEntry,
    plan: &Plan,
    is_new: bool,
    by: &Invocation,
) -> Result<(), Error> {
    let (mut made, rewriting) = (0, Mutex::new(()));
    for page in 1..=plan.pages() {
        let parts = context.parts_on(&drop.drop_id, plan, page).await?;
        for some in parts.chunks(CONCURRENT_PARTS) {
            if !by.has_time_at(now(), TIME_FOR_SOME_JOBS) {
                let drop_id = &drop.drop_id;
                return Err(Error::Busy(format!(
                    "drop {drop_id}: only {made} jobs were made in time; the sweep makes the others"
                )));
            }
            let jobs =
                some.iter().map(|part| Box::pin(make_job(context, drop, part, is_new, by, &rewriting)));
            join_all(jobs).await.into_iter().collect::<Result<(), Error>>()?;
            made += some.len();
        }
    }
    Ok(())
}

/// Makes the job of a part, unless it exists. If the drop's version has been deleted, records that instead.
async fn make_job(
    context: &Context,
    drop: &DropEntry,
    part: &Part,
    is_new: bool,
    by: &Invocation,
    rewriting: &Mutex<()>,
) -> Result<(), Error> {
    let key = keys::job_entry(&part.job_id);
    let is_made = async || Ok::<_, Error>(context.store.get_entry::<JobEntry>(&key).await?.is_some());
    if is_made().await? {
        return Ok(());
    }
    if !is_new && !context.is_marked(&drop.source, &drop.drop_id).await? {
        // The drop's marker is deleted after all its jobs are recorded. So this job was recorded, and may be at
        // Bedrock.
        return if is_made().await? { Ok(()) } else { Err(missing_entry(&key)) };
    }
    let DropEntry { drop_id, source, .. } = drop;
    let job = match write_input(context, drop, part, rewriting).await? {
        Written::Input(padding) => {
            JobEntry { padding, ..JobEntry::waiting(drop_id, source, part, 1, by, now().into()) }
        }
        Written::DropGone => JobEntry::source_deleted(drop_id, source, part, by, now().into()),
    };
    record_job(context, JobEntry { settings: drop.settings().cloned(), ..job }).await
}

/// What became of a job's input.
enum Written {
    /// It is written, with this padding.
    Input(Option<Padding>),
    /// It cannot be written, because the drop is gone.
    DropGone,
}

/// Writes the input of a part's job. S3 copies it if it can; otherwise the lines pass through this function. Large parts
/// pass one after another: together they would need much memory, and one processor would gain nothing from it.
async fn write_input(
    context: &Context,
    drop: &DropEntry,
    part: &Part,
    rewriting: &Mutex<()>,
) -> Result<Written, Error> {
    let input = keys::job_input(&part.job_id);
    let is_large = part.bytes == drop.source.whole() || part.bytes.end - part.bytes.start >= MIN_COPY_BYTES;
    let padder = drop.settings().and_then(|settings| Padder::of(settings, part));
    if part.without_id == 0 && part.repaired == 0 && is_large && padder.is_none() {
        let is_copied = context.store.copy_drop(&drop.source, &part.bytes, &input).await?;
        return Ok(if is_copied { Written::Input(None) } else { Written::DropGone });
    }
    let _turn = if is_large { Some(rewriting.lock().await) } else { None };
    let Some(reader) = context.store.read_drop(&drop.source, &part.bytes).await? else {
        return Ok(Written::DropGone);
    };
    let mut rewriter = Rewriter::new(&drop.drop_id, part.first_line);
    let max_line_bytes = context.config.max_record_bytes;
    let padding = rewrite_lines(reader, max_line_bytes, &context.store, &input, padder, |line, out| {
        rewriter
            .push(line.bytes, out)
            .map_err(|error| Error::Internal(format!("drop {}: {error}", drop.drop_id)))
    })
    .await?;
    Ok(Written::Input(padding))
}

/// Records a new job, unless it is recorded: first its marker, then its entry.
pub(super) async fn record_job(context: &Context, job: JobEntry) -> Result<(), Error> {
    let marker = job.marker();
    context.store.put_json(&marker, &job.job_id).await?;
    let Some(recorded) = context.store.create(&keys::job_entry(&job.job_id), job.clone()).await? else {
        return Ok(());
    };
    let JobEntry { drop_id, job_id, source, part, attempt, .. } = &recorded.entry;
    if recorded.entry.state == JobState::SourceDeleted {
        error!(
            drop.id = %drop_id, job.id = %job_id, part = part.number, input.uri = %source,
            record.count = part.records, SourcesDeleted = 1_u64,
            "no job: this version of the file was deleted before it was copied"
        );
    } else {
        info!(
            drop.id = %drop_id, job.id = %job_id, part = part.number, attempt, record.count = part.records,
            padding.count = recorded.entry.padding_records(), JobsWaiting = 1_u64, "job waiting"
        );
    }
    Ok(())
}
