//! A step of flow 1: a drop that is in order is accepted, unless a budget or its content holds it back.
//!
//! A drop that may be held is recorded as `Held` before anything else. From then on, one conditional write of its entry
//! decides: to `Accepted`, once nothing objects or an operator has approved it, or to `Rejected`, if it is cancelled. The sweep
//! asks again for each drop that is held.
//!
//! 1. What can be said of the drop alone: its cost, and whether somebody has dropped the same file before.
//! 2. [`reserve`] its cost in the budgets of the day. The entry says for which day, before anything is reserved.
//! 3. Accept it, or record why it is held. What is reserved is given back only after that is recorded: then no
//!    invocation can accept the drop by it any more.

use std::collections::HashMap;

use tracing::{info, warn};

use crate::aws::error::Error;
use crate::aws::store::entries::Stored;
use crate::base::usd::Usd;
use crate::drop::identity::DropId;
use crate::drop::keys;
use crate::drop::kinds;
use crate::drop::limits::{DuplicateDrops, Limits};
use crate::drop::rejection::Problem;
use crate::drop::routes::Routes;
use crate::flow::context::Context;
use crate::flow::reserve::{Budget, Reserved, give_back, reserve};
use crate::job::summary::Summary;
use crate::ledger::budget::Spender;
use crate::ledger::contents::Contents;
use crate::ledger::drop::{DropEntry, DropState};
use crate::ledger::held::{Held, Reason};
use crate::ledger::lease::Invocation;
use crate::ledger::routes::RoutesEntry;

/// How often the entry of a content is read again after another invocation has changed it.
const MAX_ROUNDS: u32 = 5;

/// What one pass knows about limits and budgets, so that it need not ask again for each drop that is held.
#[derive(Debug, Default)]
pub(super) struct Purse {
    routes: Option<Routes>,
    /// What is left of a budget since a drop was refused. Other invocations can only have taken more.
    left: HashMap<Budget, Usd>,
}

impl Purse {
    /// Returns what is in force now for a drop with the settings of this route.
    async fn limits(&mut self, context: &Context, route: Option<&str>) -> Result<Limits, Error> {
        let routes = match self.routes.take() {
            Some(routes) => routes,
            None => {
                let known = context.store.get_entry::<RoutesEntry>(keys::ROUTES_ENTRY).await?;
                known.map(|known| known.entry.in_force.routes).unwrap_or_default()
            }
        };
        Ok(self.routes.insert(routes).limits(route, &context.config.limits))
    }

    /// Returns whether a drop that costs this much is known not to fit.
    fn is_too_small(&self, budget: &Budget, cost: Usd) -> bool {
        self.left.get(budget).is_some_and(|left| *left < cost)
    }
}

/// Accepts a drop that is held, if nothing objects to it any more. Returns it as it is now: any other drop unchanged, and
/// `None` if another invocation has changed it. `is_new` says that this invocation has just judged it.
pub(super) async fn release_drop(
    context: &Context,
    drop: Stored<DropEntry>,
    is_new: bool,
    purse: &mut Purse,
    by: &Invocation,
) -> Result<Option<Stored<DropEntry>>, Error> {
    let DropState::Held(held) = &drop.entry.state else { return Ok(Some(drop)) };
    let held = held.as_ref().clone();
    if held.approved.is_some() {
        return Box::pin(accept(context, &drop, held, by)).await;
    }
    let limits = Box::pin(purse.limits(context, held.settings.route.as_deref())).await?;
    let mut reasons = held.objections(&limits);
    if limits.duplicate_drops == DuplicateDrops::Hold {
        reasons.extend(Box::pin(find_earlier(context, &drop.entry, by)).await?);
    }
    if !reasons.is_empty() {
        return Box::pin(stay_held(context, drop, Held { reasons, ..held }, by)).await;
    }
    let day = by.started.day();
    let budgets = held.day_budgets(&limits).into_iter();
    let budgets: Vec<Budget> =
        budgets.map(|(route, max_usd)| Budget { day: day.clone(), route, max_usd }).collect();
    match held.cost.max_usd {
        Some(cost) if !budgets.is_empty() => {
            Box::pin(spend(context, drop, (held, cost), &budgets, is_new, purse, by)).await
        }
        _ => Box::pin(accept(context, &drop, held, by)).await,
    }
}

/// Accepts a drop if all these budgets of a day have room for its cost.
async fn spend(
    context: &Context,
    mut drop: Stored<DropEntry>,
    (mut held, cost): (Held, Usd),
    budgets: &[Budget],
    is_new: bool,
    purse: &mut Purse,
    by: &Invocation,
) -> Result<Option<Stored<DropEntry>>, Error> {
    let refused_by = |budget: &Budget| {
        let Budget { route, max_usd, .. } = budget.clone();
        vec![Reason::DayBudget { route, max_usd }]
    };
    if let Some(budget) = budgets.iter().find(|budget| purse.is_too_small(budget, cost)) {
        return stay_held(context, drop, Held { reasons: refused_by(budget), ..held }, by).await;
    }
    let day = budgets.first().map(|budget| budget.day.clone());
    // On a day for which nothing was recorded, nothing was reserved.
    let is_first = is_new || held.day != day;
    if held.day != day {
        held.day = day;
        let Some(recorded) = record(context, &drop, DropState::Held(Box::new(held.clone())), by).await?
        else {
            return Ok(None);
        };
        drop = recorded;
    }
    let (drop_id, turn) = (drop.entry.drop_id.clone(), held.turn);
    let spender = Spender { drop_id: &drop_id, turn };
    let mut is_reserved = false;
    for budget in budgets {
        match Box::pin(reserve(context, budget, spender, cost, is_first, by)).await? {
            Reserved::Whole => is_reserved = true,
            Reserved::TooLittle { left, has_some } => {
                purse.left.insert(budget.clone(), left);
                let reasons = refused_by(budget);
                if !is_reserved && !has_some {
                    return stay_held(context, drop, Held { reasons, ..held }, by).await;
                }
                // Another invocation may be about to accept the drop by what is reserved. After this write, it cannot.
                let refused = Held { reasons, turn: turn + 1, ..held };
                let Some(refused) = stay_held(context, drop, refused, by).await? else { return Ok(None) };
                for budget in budgets {
                    Box::pin(give_back(context, budget, spender, by)).await?;
                }
                return Ok(Some(refused));
            }
        }
    }
    Box::pin(accept(context, &drop, held, by)).await
}

/// Finds out whether the same file was dropped before. If not, this drop is the one that others are compared with.
async fn find_earlier(context: &Context, drop: &DropEntry, by: &Invocation) -> Result<Option<Reason>, Error> {
    let DropEntry { drop_id, source, .. } = drop;
    let key = keys::contents(source);
    for _ in 0..MAX_ROUNDS {
        let own = Contents::of(drop_id, source, &by.writer);
        let written = match context.store.get_entry::<Contents>(&key).await? {
            None => context.store.create(&key, own).await?,
            Some(known) if known.entry.drop_id == *drop_id => return Ok(None),
            Some(known) => {
                let Contents { drop_id: of, put, .. } = &known.entry;
                if known.entry.is_repeated_by(drop_id, source.last_modified)
                    && !Box::pin(was_undone(context, of, &source.key)).await?
                {
                    return Ok(Some(Reason::Duplicate { of: of.clone(), put: *put }));
                }
                context.store.replace(&key, own, &known.etag).await?
            }
        };
        if written.is_some() {
            return Ok(None);
        }
    }
    Err(Error::Busy(format!("other invocations changed {key} {MAX_ROUNDS} times")))
}

/// Returns whether a drop with this key was erased, refused, or cancelled, so that its file may be dropped again.
async fn was_undone(context: &Context, drop_id: &DropId, key: &str) -> Result<bool, Error> {
    let Some(drop) = context.store.get_entry::<DropEntry>(&keys::drop_entry(drop_id)).await? else {
        return Ok(true);
    };
    match drop.entry.state {
        DropState::Erased | DropState::Rejected { .. } => Ok(true),
        DropState::Finished { .. } => {
            let summary = context.store.get_json::<Summary>(&keys::summary(key, drop_id)).await?;
            Ok(summary.is_some_and(|summary| summary.was_stopped()))
        }
        DropState::Reading(_) | DropState::Held(_) | DropState::Accepted { .. } => Ok(false),
    }
}

/// Records why a drop is held, unless that is recorded already. Returns `None` if another invocation has changed it.
async fn stay_held(
    context: &Context,
    drop: Stored<DropEntry>,
    held: Held,
    by: &Invocation,
) -> Result<Option<Stored<DropEntry>>, Error> {
    let state = DropState::Held(Box::new(held));
    if drop.entry.state == state {
        return Ok(Some(drop));
    }
    let is_new = matches!(&drop.entry.state, DropState::Held(before) if before.reasons.is_empty());
    let recorded = record(context, &drop, state, by).await?;
    if let Some(Stored { entry, .. }) = &recorded
        && let DropState::Held(held) = &entry.state
        && is_new
    {
        let (drop_id, source, reason) = (&entry.drop_id, &entry.source, held.to_string());
        warn!(drop.id = %drop_id, input.uri = %source, reason, DropsHeld = 1_u64, "drop held");
    }
    Ok(recorded)
}

/// Accepts a drop. From now on, its jobs are made. Returns `None` if another invocation has changed it.
async fn accept(
    context: &Context,
    drop: &Stored<DropEntry>,
    Held { settings, repairs, plan, .. }: Held,
    by: &Invocation,
) -> Result<Option<Stored<DropEntry>>, Error> {
    let records = plan.records();
    let state = DropState::Accepted { settings: Some(settings), repairs, plan };
    let accepted = record(context, drop, state, by).await?;
    if let Some(Stored { entry, .. }) = &accepted {
        info!(
            drop.id = %entry.drop_id, input.uri = %entry.source, repairs = %entry.repairs(),
            Route = entry.settings().and_then(|settings| settings.route.as_deref()), DropsAccepted = 1_u64, Records = records, "drop accepted: nothing holds it"
        );
    }
    Ok(accepted)
}

async fn record(
    context: &Context,
    drop: &Stored<DropEntry>,
    state: DropState,
    by: &Invocation,
) -> Result<Option<Stored<DropEntry>>, Error> {
    let next = drop.entry.advance(state, by)?;
    context.store.replace(&keys::drop_entry(&drop.entry.drop_id), next, &drop.etag).await
}

/// Approves a drop that is held, as an operator has asked for. Returns `None` if there is nothing to approve, and otherwise
/// the drop, which [`release_drop`] accepts.
///
/// # Errors
/// Returns [`Error::Busy`] if another invocation has changed the drop.
pub(super) async fn approve_drop(
    context: &Context,
    drop: Stored<DropEntry>,
    by: &Invocation,
) -> Result<Option<Stored<DropEntry>>, Error> {
    let drop_id = &drop.entry.drop_id;
    let DropState::Held(held) = &drop.entry.state else {
        let state = drop.entry.state.name();
        info!(drop.id = %drop_id, state, "drop is not held, so there is nothing to approve");
        return Ok(None);
    };
    if held.approved.is_some() {
        return Ok(Some(drop));
    }
    let approved = Held { approved: Some(by.started), ..held.as_ref().clone() };
    let approved = record(context, &drop, DropState::Held(Box::new(approved)), by).await?;
    if approved.is_some() {
        info!(drop.id = %drop_id, "held drop approved");
    }
    approved.map_or_else(|| Err(changed(drop_id)), |approved| Ok(Some(approved)))
}

/// Refuses a drop that is held, because an operator cancels it: nothing of it was submitted, and from now on nothing is.
///
/// # Errors
/// Returns [`Error::Busy`] if another invocation has changed the drop: it may have been accepted.
pub(super) async fn refuse_held(
    context: &Context,
    drop: &Stored<DropEntry>,
    held: &Held,
    by: &Invocation,
) -> Result<Stored<DropEntry>, Error> {
    let drop_id = &drop.entry.drop_id;
    let problems = vec![Problem::of_kind(&kinds::CANCELLED)];
    let state = DropState::Rejected { problems, stopped_early: false };
    let Some(refused) = record(context, drop, state, by).await? else { return Err(changed(drop_id)) };
    info!(drop.id = %drop_id, "held drop cancelled");
    let today = by.started.day();
    if held.day.as_ref() == Some(&today) {
        for route in [held.settings.route.clone(), None] {
            let budget = Budget { day: today.clone(), route, max_usd: Usd::default() };
            Box::pin(give_back(context, &budget, Spender { drop_id, turn: held.turn }, by)).await?;
        }
    }
    Ok(refused)
}

fn changed(drop_id: &DropId) -> Error {
    Error::Busy(format!("another invocation changed drop {drop_id}"))
}
