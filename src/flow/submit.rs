//! Flow 1: an S3 put becomes jobs.
//!
//! 1. [`identify_drop`]: look at the object itself; the event only names it. An object whose name says that it is not a
//!    drop is ignored.
//! 2. [`claim_drop`]: write the marker, then claim the drop (`Reading`).
//! 3. [`judge_drop`]: read that version once, judge every line, plan the parts, record the verdict (`Accepted` or
//!    `Rejected`).
//! 4. [`release_drop`]: if a budget applies, or files must not be dropped twice, the drop is `Held` until nothing objects.
//! 5. [`report_rejection`]: write `report.html` and `rejection.json`. The flow ends without an error, since no retry can help.
//! 6. [`make_jobs`]: per part, write the job's input, then its marker and its entry (`Waiting`). Now the drop's marker
//!    is deleted.
//! 7. [`ask_for_jobs`]: ask Bedrock for these jobs, once. If older jobs [wait](look_at_queue), these wait, too.
//!
//! An invocation that follows a crash starts at the step that the drop's entry names.

use tracing::{info, warn};

use crate::aws::error::Error;
use crate::aws::events::ObjectCreated;
use crate::aws::store::entries::Stored;
use crate::drop::keys;
use crate::drop::names::NameVerdict;
use crate::drop::rejection::{Problem, Rejection};
use crate::drop::source::DropSource;
use crate::flow::claim_drop::claim_drop;
use crate::flow::context::Context;
use crate::flow::judge_drop::judge_drop;
use crate::flow::make_jobs::make_jobs;
use crate::flow::release_drop::{Purse, release_drop};
use crate::flow::status_file::{File, tell, tell_end};
use crate::flow::take_turns::{Queue, ask_for_jobs, ask_for_next_jobs, look_at_queue};
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::lease::Invocation;
use crate::ledger::status::Status;
use crate::report::notice::EndedDrop;
use crate::report::rejected;

/// Submits the drop that an event names. Returns it if it has ended because of that.
pub(super) async fn submit(
    context: &Context,
    object: &ObjectCreated,
    by: &Invocation,
) -> Result<Option<EndedDrop>, Error> {
    match Box::pin(identify_drop(context, object)).await? {
        Some(source) => Box::pin(advance_drop(context, source, object.put_by.clone(), by)).await,
        None => Ok(None),
    }
}

/// Takes a drop from where it stands as far as it can go now: until its jobs are submitted, or it is rejected. Returns a
/// drop that this request has rejected. `put_by` is who put it, if an event has just said so.
pub(super) async fn advance_drop(
    context: &Context,
    source: DropSource,
    put_by: Option<String>,
    by: &Invocation,
) -> Result<Option<EndedDrop>, Error> {
    let claimed = Box::pin(claim_drop(context, source, put_by, by)).await?;
    let Some((claimed, file)) = claimed else { return Ok(None) };
    let reading = match &claimed.entry.state {
        DropState::Reading(reading) => Some(reading.clone()),
        DropState::Held(_)
        | DropState::Accepted { .. }
        | DropState::Rejected { .. }
        | DropState::Finished { .. }
        | DropState::Erased => None,
    };
    let is_new = reading.is_some();
    let drop = match reading {
        None => claimed,
        Some(reading) => match Box::pin(judge_drop(context, &claimed, &reading, by)).await? {
            Some(judged) => judged,
            None => return Ok(None),
        },
    };
    Box::pin(go_on(context, drop, file, is_new, &mut Purse::default(), by)).await
}

/// Takes a drop that is judged as far as it can go now. `is_new` says that this invocation has just judged it.
pub(super) async fn go_on(
    context: &Context,
    drop: Stored<DropEntry>,
    mut file: File,
    is_new: bool,
    purse: &mut Purse,
    by: &Invocation,
) -> Result<Option<EndedDrop>, Error> {
    let Some(released) = Box::pin(release_drop(context, drop, is_new, purse, by)).await? else {
        return Ok(None);
    };
    let drop = released.entry;
    let marker = keys::drop_marker(drop.source.last_modified, &drop.drop_id);
    match &drop.state {
        // Its marker stays, so that the sweep asks again.
        DropState::Held(_) => {
            tell(context, Status::of_drop(&drop), file).await;
        }
        DropState::Accepted { plan, .. } => {
            if !plan.is_one_part() {
                file = tell(context, Status::of_drop(&drop), file).await;
            }
            Box::pin(make_jobs(context, &drop, plan, is_new, by)).await?;
            context.store.delete(&marker).await?;
            let settings = drop.settings().cloned().unwrap_or_else(|| context.config.settings());
            let queue = Box::pin(look_at_queue(context, &settings, &drop.drop_id, by)).await?;
            let open = Box::pin(ask_for_jobs(context, &drop, plan, queue, by)).await?;
            tell(context, Status::of_jobs(&drop, &open), file).await;
            if queue == Queue::IsDue {
                Box::pin(ask_for_next_jobs(context, &settings.model_id, by)).await?;
            }
        }
        DropState::Rejected { problems, stopped_early } => {
            Box::pin(report_rejection(context, &drop, problems, *stopped_early)).await?;
            Box::pin(tell_end(context, &drop, None, file)).await?;
            context.store.delete(&marker).await?;
            if drop.is_of_request(by) {
                return Ok(Some(EndedDrop::rejected(&drop, problems, context.place())));
            }
        }
        DropState::Reading(_) | DropState::Finished { .. } | DropState::Erased => {
            context.store.delete(&marker).await?;
        }
    }
    Ok(None)
}

/// Looks at the object that an event names. Returns `None` if it is not a drop, or is gone.
async fn identify_drop(context: &Context, object: &ObjectCreated) -> Result<Option<DropSource>, Error> {
    let uri = &object.uri;
    if uri.bucket() != context.config.input_bucket {
        let input_bucket = &context.config.input_bucket;
        return Err(Error::Event(format!("{uri} is not in the input bucket {input_bucket}")));
    }
    if let NameVerdict::Ignored(reason) = context.config.name_rule().judge(uri.key()) {
        info!(input.uri = %uri, reason, ObjectsIgnored = 1_u64, "object ignored: it is not a drop");
        return Ok(None);
    }
    let source = context.store.head(uri, object.version_id.as_deref()).await?;
    if source.is_none() {
        warn!(input.uri = %uri, "drop is gone: it was deleted before it was read");
    }
    Ok(source)
}

/// Tells the user why a drop was refused.
async fn report_rejection(
    context: &Context,
    drop: &DropEntry,
    problems: &[Problem],
    stopped_early: bool,
) -> Result<(), Error> {
    let (drop_id, source) = (drop.drop_id.clone(), drop.source.clone());
    let rejection = Rejection { version: 1, drop_id, source, problems: problems.to_vec(), stopped_early };
    let (key, drop_id) = (&drop.source.key, &drop.drop_id);
    context.store.put_page(&keys::report(key, drop_id), rejected::page(&rejection)).await?;
    context.store.put_json(&keys::rejection(key, drop_id), &rejection).await
}
