//! What operators ask for: an object below `requests/`, of which only the key matters. Everyone who may put one may ask.
//!
//! The object is deleted when what it asks for is done, or recorded in the ledger. So the sweep finds what a lost event
//! or a crash has left, and what cannot be done yet.

use tracing::warn;

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::base::text;
use crate::drop::keys::{REQUESTS_PREFIX, Request, parse_request};
use crate::flow::cancel::cancel;
use crate::flow::context::Context;
use crate::flow::erase::erase;
use crate::flow::pass::{Pass, TIME_FOR_ONE};
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
        Request::Cancel(drop_id) => (Box::pin(cancel(context, &drop_id, by)).await?, true),
        Request::Erase(drop_id) => (None, Box::pin(erase(context, &drop_id, by)).await?),
    };
    if is_answered {
        context.store.delete(key).await?;
    }
    Ok(ended)
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
