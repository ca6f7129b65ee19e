//! Flow 3: finishes what a lost event or a crash has left open. `complete` runs it on a schedule.
//!
//! 1. [`reconcile`]: compare some of the input bucket with the ledger. A version without an entry gets a marker, as if
//!    its event had come.
//! 2. [`take_over`]: the routes, if their file has changed.
//! 3. [`answer_all`]: what operators ask for; then the drops that are being cancelled, before their jobs are asked for.
//! 4. [`resume_jobs`]: the jobs that have a marker. Most need only a look at their entry.
//! 5. [`tell_of_many_jobs`]: the statuses of the drops with several parts.
//! 6. [`resume_drops`]: the drops that have a marker, oldest first. Those that were not read to their end come last:
//!    one of them can take all the time that is left.
//! 7. [`erase`]: the drops that are being erased.
//!
//! Every drop and job that is not done has a marker. So the sweep reads only what has a marker, and its cost
//! depends on what is open, not on what has ever been. It decides nothing itself: for each marker it reads the entry,
//! and takes the step that the entry calls for. A failure does not stop the others.

use tracing::{info, warn};

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::aws::store::objects::Listed;
use crate::drop::hints;
use crate::drop::identity::DropId;
use crate::drop::keys::{self, Open};
use crate::drop::source::DropSource;
use crate::flow::cancel::cancel;
use crate::flow::context::Context;
use crate::flow::erase::erase;
use crate::flow::pass::{Pass, TIME_FOR_ONE, TIME_FOR_WHAT_IS_OPEN};
use crate::flow::reconcile::reconcile;
use crate::flow::release_drop::Purse;
use crate::flow::requests::answer_all;
use crate::flow::resume_jobs::resume_jobs;
use crate::flow::routes::take_over;
use crate::flow::status_file::{File, tell_of_many_jobs};
use crate::flow::submit::{advance_drop, go_on};
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::lease::Invocation;
use crate::report::notice::EndedDrop;

/// Goes on with everything that is open. Returns the drops that have ended because of that.
pub(super) async fn sweep(context: &Context, by: &Invocation) -> Result<Vec<EndedDrop>, Error> {
    let mut pass = Pass::default();
    let reconciled = Box::pin(reconcile(context, by)).await;
    pass.note(keys::SWEEP_ENTRY, reconciled);

    let taken_over = Box::pin(take_over(context, by)).await;
    pass.shares = pass.note(keys::ROUTES_FILE, taken_over).flatten();

    let answered = Box::pin(answer_all(context, &mut pass, by)).await;
    let mut is_whole = pass.note(keys::REQUESTS_PREFIX, answered).unwrap_or(true);

    let hints = context.store.list(hints::WAITING_PREFIX).await?;
    let markers = context.store.list_objects(keys::OPEN_PREFIX).await?;
    let (mut jobs, mut drops) = (Vec::new(), Vec::new());
    let (mut cancellations, mut erasures) = (Vec::new(), Vec::new());
    for marker in &markers {
        match keys::parse_marker(&marker.key) {
            Some(Open::Job(job_id)) => jobs.push((marker, job_id)),
            Some(Open::Drop(drop_id)) => drops.push((marker, drop_id)),
            Some(Open::Cancellation(drop_id)) => cancellations.push((marker, drop_id)),
            Some(Open::Erasure(drop_id)) => erasures.push((marker, drop_id)),
            None => warn!(key = marker.key, "object is not a marker"),
        }
    }
    is_whole &= Box::pin(go_on_cancelling(context, &cancellations, &mut pass, by)).await;
    is_whole &= Box::pin(resume_jobs(context, &jobs, hints, &mut pass, by)).await;
    pass.uncounted.extend(drops.iter().map(|(_, drop_id)| drop_id.clone()));
    is_whole &= Box::pin(tell_of_many_jobs(context, &pass, by)).await;
    is_whole &= Box::pin(resume_drops(context, &drops, &mut pass, by)).await;
    is_whole &= Box::pin(go_on_erasing(context, &erasures, &mut pass, by)).await;
    let (open, full_models) = (markers.len(), pass.full_models);
    if !is_whole {
        warn!(open, "sweep ran out of time; the next one goes on");
    }
    info!(open, full_models, is_whole, OldestWaitingSeconds = pass.oldest_waiting_seconds, "swept");
    pass.into_result()
}

/// Returns `false` if there was not enough time for all.
async fn go_on_cancelling(
    context: &Context,
    cancellations: &[(&Listed, DropId)],
    pass: &mut Pass,
    by: &Invocation,
) -> bool {
    for (marker, drop_id) in cancellations {
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            return false;
        }
        let cancelled = Box::pin(cancel(context, drop_id, by)).await;
        let ended = pass.note(&marker.key, cancelled).flatten();
        pass.ended.extend(ended);
    }
    true
}

/// Returns `false` if there was not enough time for all.
async fn go_on_erasing(
    context: &Context,
    erasures: &[(&Listed, DropId)],
    pass: &mut Pass,
    by: &Invocation,
) -> bool {
    for (marker, drop_id) in erasures {
        if !by.has_time_at(now(), TIME_FOR_WHAT_IS_OPEN) {
            return false;
        }
        let erased = Box::pin(erase(context, drop_id, by)).await;
        pass.note(&marker.key, erased);
    }
    true
}

/// Returns `false` if there was not enough time for all.
async fn resume_drops(
    context: &Context,
    drops: &[(&Listed, DropId)],
    pass: &mut Pass,
    by: &Invocation,
) -> bool {
    let mut read_before = Vec::new();
    for (marker, drop_id) in drops {
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            return false;
        }
        match Box::pin(resume_drop(context, marker, drop_id, &mut pass.purse, by)).await {
            Ok(Resumed::Advanced(ended)) => pass.ended.extend(ended.map(|ended| *ended)),
            Ok(Resumed::ForLater(drop)) => read_before.push((marker, *drop)),
            Err(error) => {
                pass.note::<()>(&marker.key, Err(error));
            }
        }
    }
    read_before.sort_by_key(|(_, drop)| attempts(drop));
    for (marker, drop) in read_before {
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            return false;
        }
        let resumed = Box::pin(advance_drop(context, drop.source, None, by)).await;
        let ended = pass.note(&marker.key, resumed).flatten();
        pass.ended.extend(ended);
    }
    true
}

/// What became of a drop with a marker.
enum Resumed {
    /// It has gone as far as it can, and this invocation may have ended it.
    Advanced(Option<Box<EndedDrop>>),
    /// It was not read to its end before.
    ForLater(Box<DropEntry>),
}

impl Resumed {
    fn advanced(ended: Option<EndedDrop>) -> Self {
        Self::Advanced(ended.map(Box::new))
    }
}

/// Goes on with a drop.
async fn resume_drop(
    context: &Context,
    marker: &Listed,
    drop_id: &DropId,
    purse: &mut Purse,
    by: &Invocation,
) -> Result<Resumed, Error> {
    if let Some(drop) = context.store.get_entry::<DropEntry>(&keys::drop_entry(drop_id)).await? {
        if attempts(&drop.entry) > 0 {
            return Ok(Resumed::ForLater(Box::new(drop.entry)));
        }
        if matches!(drop.entry.state, DropState::Held(_)) {
            let went_on = go_on(context, drop, File::Unknown, false, purse, by);
            return Box::pin(went_on).await.map(Resumed::advanced);
        }
        if drop.entry.state == DropState::Erased {
            // The entry does not say any more which object the drop was.
            context.store.delete(&marker.key).await?;
            return Ok(Resumed::Advanced(None));
        }
        return Box::pin(advance_drop(context, drop.entry.source, None, by)).await.map(Resumed::advanced);
    }
    // The marker says enough to start over. If it is gone by now, the drop has been taken care of.
    match context.store.get_json::<DropSource>(&marker.key).await? {
        Some(source) => Box::pin(advance_drop(context, source, None, by)).await.map(Resumed::advanced),
        None => Ok(Resumed::Advanced(None)),
    }
}

/// Returns how many readings of a drop have started and not ended.
fn attempts(drop: &DropEntry) -> u32 {
    match &drop.state {
        DropState::Reading(reading) => reading.attempts,
        DropState::Held(_)
        | DropState::Accepted { .. }
        | DropState::Rejected { .. }
        | DropState::Finished { .. }
        | DropState::Erased => 0,
    }
}
