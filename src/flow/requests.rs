//! What operators ask for: an object below `requests/`, of which only the key matters. Everyone who may put one may ask.
//!
//! The object is deleted when what it asks for is done, or recorded in the ledger. So the sweep finds what a lost event
//! or a crash has left, and what cannot be done yet.

use tracing::{info, warn};

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::base::text;
use crate::drop::identity::DropId;
use crate::drop::keys::{self, REQUESTS_PREFIX, Request, parse_request};
use crate::flow::cancel::cancel;
use crate::flow::context::Context;
use crate::flow::erase::erase;
use crate::flow::pass::{Pass, TIME_FOR_ONE};
use crate::flow::release_drop::{Purse, approve_drop};
use crate::flow::status_file::File;
use crate::flow::submit::go_on;
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::lease::Invocation;
use crate::report::notice::EndedDrop;

/// Does what the object with this key asks for. One that asks for nothing that this release knows is left alone. Returns a
/// drop that has ended because of that.
pub(super) async fn answer(
    context: &Context,
    key: &str,
    by: &Invocation,
) -> Result<Option<EndedDrop>, Error> {
    let Some(request) = parse_request(key) else {
        warn!(key = %text::line(key), "object asks for nothing that this release knows");
        return Ok(None);
    };
    let (ended, is_answered) = match request {
        Request::Approve(drop_id) => (None, Box::pin(approve(context, &drop_id, by)).await?),
        Request::Cancel(drop_id) => (Box::pin(cancel(context, &drop_id, by)).await?, true),
        Request::Erase(drop_id) => (None, Box::pin(erase(context, &drop_id, by)).await?),
    };
    if is_answered {
        context.store.delete(key).await?;
    }
    Ok(ended)
}

/// Approves a drop, and submits it. Returns `false` if the drop is still being read, so that nobody knows yet whether it is
/// held.
async fn approve(context: &Context, drop_id: &DropId, by: &Invocation) -> Result<bool, Error> {
    let Some(drop) = context.store.get_entry::<DropEntry>(&keys::drop_entry(drop_id)).await? else {
        warn!(drop.id = %drop_id, "there is no such drop to approve");
        return Ok(true);
    };
    if matches!(drop.entry.state, DropState::Reading(_)) {
        info!(drop.id = %drop_id, "drop is still being read: it is approved once it is held");
        return Ok(false);
    }
    if let Some(approved) = Box::pin(approve_drop(context, drop, by)).await? {
        Box::pin(go_on(context, approved, File::Unknown, false, &mut Purse::default(), by)).await?;
    }
    Ok(true)
}

/// Does what all objects ask for. Returns `false` if there was not enough time.
pub(super) async fn answer_all(context: &Context, pass: &mut Pass, by: &Invocation) -> Result<bool, Error> {
    for key in context.store.list(REQUESTS_PREFIX).await? {
        if !by.has_time_at(now(), TIME_FOR_ONE) {
            return Ok(false);
        }
        let answered = Box::pin(answer(context, &key, by)).await;
        let ended = pass.note(&key, answered).flatten();
        pass.ended.extend(ended);
    }
    Ok(true)
}
