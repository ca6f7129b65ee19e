//! Reserves in the budget of a day what a drop costs, and gives it back.
//!
//! The budget is cut into [shards](crate::ledger::budget), whose caps add up to it. A conditional write adds a drop to a shard,
//! so the sum never exceeds the budget, however many drops there are at once. What an invocation has reserved before it
//! died is found by the id of the drop, and counts.

use std::time::Duration;

use futures_util::future::join_all;
use tracing::warn;

use crate::aws::error::Error;
use crate::aws::store::entries::Stored;
use crate::base::usd::Usd;
use crate::drop::keys;
use crate::flow::context::Context;
use crate::ledger::budget::{SHARDS, Shard, Spender, cap, order};
use crate::ledger::lease::Invocation;

/// How often the first shard is tried while other invocations change it, and then all of them.
const MAX_ROUNDS: u32 = 6;

/// The budget of a day.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// The day in UTC.
    pub(super) day: String,
    /// The prefix of its route; `None` for that of the stack.
    pub(super) route: Option<String>,
    /// What the drops of the day may cost.
    pub(super) max_usd: Usd,
}

/// What became of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserved {
    /// All that the drop costs is reserved.
    Whole,
    /// The budget has too little room for it.
    TooLittle {
        /// What is left for it.
        left: Usd,
        /// Whether some of that is reserved.
        has_some: bool,
    },
}

impl Budget {
    fn key(&self, shard: u8) -> String {
        keys::budget_shard(&self.day, self.route.as_deref(), shard)
    }

    fn cap(&self, shard: u8) -> u64 {
        cap(self.max_usd.millionths(), shard)
    }

    async fn read(&self, context: &Context, shard: u8) -> Result<Option<Stored<Shard>>, Error> {
        context.store.get_entry::<Shard>(&self.key(shard)).await
    }

    /// Reads all shards, in the order in which the drop looks at them.
    async fn read_all(
        &self,
        context: &Context,
        spender: Spender<'_>,
    ) -> Result<Vec<(u8, Option<Stored<Shard>>)>, Error> {
        let read = order(spender.drop_id)
            .map(|at| async move { self.read(context, at).await.map(|shard| (at, shard)) });
        join_all(read).await.into_iter().collect()
    }

    /// Takes what is free in a shard, at most `amount`. Returns how much that is, which is nothing if another invocation has
    /// changed the shard.
    async fn take(
        &self,
        context: &Context,
        at: u8,
        shard: Option<Stored<Shard>>,
        spender: Spender<'_>,
        amount: u64,
        by: &Invocation,
    ) -> Result<u64, Error> {
        let empty = Shard::empty();
        let known = shard.as_ref().map_or(&empty, |shard| &shard.entry);
        let (next, taken) = known.with(spender, amount, self.cap(at), &by.writer);
        if taken == 0 {
            return Ok(0);
        }
        let written = match shard {
            Some(shard) => context.store.replace(&self.key(at), next, &shard.etag).await?,
            None => context.store.create(&self.key(at), next).await?,
        };
        Ok(if written.is_some() { taken } else { 0 })
    }
}

/// Reserves what a drop costs. `is_first` says that nothing can be reserved for it yet: then one shard is enough, if it has
/// room.
///
/// # Errors
/// Returns [`Error::Busy`] if other invocations change the shards all the time.
pub(super) async fn reserve(
    context: &Context,
    budget: &Budget,
    spender: Spender<'_>,
    cost: Usd,
    is_first: bool,
    by: &Invocation,
) -> Result<Reserved, Error> {
    let cost = cost.millionths();
    let first = order(spender.drop_id).next().filter(|_| is_first);
    for round in 0..MAX_ROUNDS {
        let Some(at) = first else { break };
        let shard = Box::pin(budget.read(context, at)).await?;
        let cap = budget.cap(at);
        let free = shard.as_ref().map_or(cap, |shard| shard.entry.free(spender, cap));
        if free < cost {
            break;
        }
        if Box::pin(budget.take(context, at, shard, spender, cost, by)).await? == cost {
            return Ok(Reserved::Whole);
        }
        pause_after(round).await;
    }
    for round in 0..MAX_ROUNDS {
        let shards = Box::pin(budget.read_all(context, spender)).await?;
        let (mut own, mut free) = (0_u64, 0_u64);
        for (at, shard) in &shards {
            let cap = budget.cap(*at);
            own = own.saturating_add(shard.as_ref().map_or(0, |shard| shard.entry.of(spender)));
            free = free.saturating_add(shard.as_ref().map_or(cap, |shard| shard.entry.free(spender, cap)));
        }
        let mut rest = cost.saturating_sub(own);
        if rest > free {
            let left = Usd::from_millionths(own.saturating_add(free));
            return Ok(Reserved::TooLittle { left, has_some: own > 0 });
        }
        for (at, shard) in shards {
            if rest == 0 {
                break;
            }
            rest -= Box::pin(budget.take(context, at, shard, spender, rest, by)).await?;
        }
        if rest == 0 {
            return Ok(Reserved::Whole);
        }
        pause_after(round).await;
    }
    Err(busy(budget))
}

/// Gives back what is reserved for a drop in this turn and before. No invocation may be able to accept the drop by it any more.
pub(super) async fn give_back(
    context: &Context,
    budget: &Budget,
    spender: Spender<'_>,
    by: &Invocation,
) -> Result<(), Error> {
    for round in 0..MAX_ROUNDS {
        let mut is_done = true;
        for (at, shard) in Box::pin(budget.read_all(context, spender)).await? {
            let Some(shard) = shard else { continue };
            let Some(next) = shard.entry.without(spender, &by.writer) else { continue };
            is_done &= context.store.replace(&budget.key(at), next, &shard.etag).await?.is_some();
        }
        if is_done {
            return Ok(());
        }
        pause_after(round).await;
    }
    warn!(drop.id = %spender.drop_id, day = budget.day, "what was reserved for a drop is not given back, and stays unused");
    Ok(())
}

/// Waits a moment, because another invocation was faster.
async fn pause_after(round: u32) {
    let longest = 20_u64 << round;
    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..longest))).await;
}

fn busy(Budget { day, route, .. }: &Budget) -> Error {
    let of = route.as_ref().map_or("the stack".to_owned(), |prefix| format!("the route {prefix}"));
    Error::Busy(format!(
        "other invocations changed the {SHARDS} shards of the budget of {of} on {day} all the time"
    ))
}
