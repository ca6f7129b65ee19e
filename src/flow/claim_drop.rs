//! A step of flow 1: one invocation gets the lease on a drop, or finds out what became of the drop.

use tracing::info;

use crate::aws::error::Error;
use crate::aws::store::entries::Stored;
use crate::drop::identity::DropId;
use crate::drop::keys;
use crate::drop::source::DropSource;
use crate::flow::context::Context;
use crate::flow::status_file::{File, tell};
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::lease::Invocation;
use crate::ledger::status::Status;

/// Claims a drop that this principal has put, takes it over from an invocation whose lease has ended, or returns its entry as it is, and what is known
/// of its status. Returns `None` if another invocation is reading it.
pub(super) async fn claim_drop(
    context: &Context,
    source: DropSource,
    put_by: Option<String>,
    by: &Invocation,
) -> Result<Option<(Stored<DropEntry>, File)>, Error> {
    let drop_id = DropId::derive(&source);
    let key = keys::drop_entry(&drop_id);
    let Some(stored) = context.store.get_entry::<DropEntry>(&key).await? else {
        let marker = keys::drop_marker(source.last_modified, &drop_id);
        context.store.put_json(&marker, &source).await?;
        let (input, size_bytes) = (source.to_string(), source.size_bytes);
        let entry = DropEntry { dropped_by: put_by, ..DropEntry::claim(drop_id.clone(), source, by) };
        let claimed = context.store.create(&key, entry).await?;
        let Some(claimed) = claimed else { return Ok(None) };
        info!(drop.id = %drop_id, input.uri = input, size_bytes, "drop claimed");
        let file = tell(context, Status::of_drop(&claimed.entry), File::Absent).await;
        return Ok(Some((claimed, file)));
    };
    match &stored.entry.state {
        DropState::Reading(reading) if reading.is_leased_to_another(by) => {
            let lease_until = reading.lease_until;
            info!(drop.id = %drop_id, %lease_until, "drop is being read by another invocation");
            Ok(None)
        }
        DropState::Reading(reading) => {
            let reading = reading.taken_over(by);
            info!(drop.id = %drop_id, attempts = reading.attempts, "drop taken over");
            let next = stored.entry.advance(DropState::Reading(reading), by)?;
            let Some(claimed) = context.store.replace(&key, next, &stored.etag).await? else {
                return Ok(None);
            };
            let file = tell(context, Status::of_drop(&claimed.entry), File::Unknown).await;
            Ok(Some((claimed, file)))
        }
        DropState::Held(_)
        | DropState::Accepted { .. }
        | DropState::Rejected { .. }
        | DropState::Finished { .. }
        | DropState::Erased => Ok(Some((stored, File::Unknown))),
    }
}
