//! The jobs that wait for a slot of a model, as their [hints](super::hint) tell: a queue for each route, and one for the
//! drops without a route. Free slots go to the queues at random, by the [weights](Shares) of their routes. Within a queue,
//! the oldest drop comes first.
//!
//! Nothing has to be remembered for that, so invocations that run at the same time need not agree. A queue with a single
//! job gets its turn soon, however many jobs are in the others. A route that is paused has no turns.

use std::collections::VecDeque;

use tracing::warn;

use crate::aws::error::Error;
use crate::aws::store::objects::Listed;
use crate::base::timestamp::Timestamp;
use crate::drop::hints::{self, Hint};
use crate::drop::identity::{JobId, RouteId};
use crate::drop::shares::{Shares, draw};
use crate::flow::context::Context;
use crate::flow::routes::shares;

/// How many hints of a queue are looked at when a slot is free. Usually the first is accepted, and the second is told
/// that Bedrock accepts no more. The others are for hints that are stale, or that other invocations are asking for.
const MAX_HINTS: i32 = 50;

/// How many jobs that were refused before are tried when a slot is free.
const MAX_REFUSED_JOBS: usize = 20;

/// A job that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) job_id: JobId,
    /// The key of its hint.
    pub(super) key: String,
    /// When the hint was written.
    pub(super) written: Timestamp,
}

/// The jobs that wait for a model.
#[derive(Debug)]
pub(super) struct Queues {
    model_id: String,
    shares: Shares,
    queues: Vec<Queue>,
    /// Jobs that were refused for a cause that an operator must fix. They come last.
    refused: VecDeque<Turn>,
    /// The queue that had the last turn.
    last: Option<usize>,
}

impl Queues {
    /// Lists the jobs that wait. Without routes, and with few jobs, that is one call.
    pub(super) async fn of(context: &Context, model_id: &str) -> Result<Self, Error> {
        let first = context.store.list_first(&hints::of_model(model_id), MAX_HINTS).await?;
        let is_all = first.len() < usize::try_from(MAX_HINTS).unwrap_or_default();
        let mut queues: Vec<Queue> = Vec::new();
        let mut refused = VecDeque::new();
        for (hint, turn) in first.into_iter().filter_map(turn) {
            match queues.last_mut() {
                _ if hint.is_refused => refused.push_back(turn),
                Some(Queue { route, turns: Some(turns) }) if *route == hint.route => {
                    turns.waiting.push_back(turn)
                }
                _ => queues.push(Queue { route: hint.route, turns: Some(Turns::of([turn])) }),
            }
        }
        refused.truncate(MAX_REFUSED_JOBS);
        if !is_all {
            // The list may end within a route, and before others.
            queues.retain(|queue| queue.route.is_none());
            let folders = context.store.list_folders(&hints::of_routes(model_id)).await?;
            let routes = folders.iter().filter_map(|folder| hints::route_of(folder));
            queues.extend(routes.map(|route| Queue { route: Some(route), turns: None }));
        }
        let may_have_routes = !refused.is_empty() || queues.iter().any(|queue| queue.route.is_some());
        let shares = if may_have_routes { shares(context).await? } else { Shares::default() };
        queues.retain(|queue| !shares.is_paused(queue.route.as_ref()));
        Ok(Self { model_id: model_id.to_owned(), shares, queues, refused, last: None })
    }

    /// Returns whether the jobs of a route must not be asked for now. It is not said of routes that have no job here.
    pub(super) fn is_paused(&self, route: Option<&RouteId>) -> bool {
        self.shares.is_paused(route)
    }

    /// Another invocation asks for the job that had the last turn.
    pub(super) fn note_race(&mut self) {
        if let Some(Queue { turns: Some(turns), .. }) = self.last.and_then(|last| self.queues.get_mut(last)) {
            turns.note_race();
        }
    }

    /// Returns the job whose turn is next. Each job comes once, and those that were refused come last.
    pub(super) async fn next(&mut self, context: &Context) -> Result<Option<Turn>, Error> {
        let next = self.next_waiting(context).await?;
        Ok(next.or_else(|| self.refused.pop_front()))
    }

    /// Returns the next job that was not refused.
    pub(super) async fn next_waiting(&mut self, context: &Context) -> Result<Option<Turn>, Error> {
        loop {
            let weights = self.queues.iter().map(|queue| self.shares.weight(queue.route.as_ref()));
            let drawn = draw(weights, |sum| fastrand::u64(..sum));
            let Some(queue) = drawn.and_then(|drawn| self.queues.get_mut(drawn)) else { return Ok(None) };
            self.last = drawn;
            if let Some(turn) = queue.turns(context, &self.model_id).await?.next() {
                return Ok(Some(turn));
            }
            self.last = None;
            self.queues.retain(|queue| !queue.is_empty());
        }
    }
}

/// The jobs of a route that wait.
#[derive(Debug)]
struct Queue {
    /// `None` is the queue of the drops without a route.
    route: Option<RouteId>,
    /// `None` until they are listed.
    turns: Option<Turns>,
}

impl Queue {
    async fn turns(&mut self, context: &Context, model_id: &str) -> Result<&mut Turns, Error> {
        let turns = match (self.turns.take(), &self.route) {
            (Some(turns), _) => turns,
            (None, None) => Turns::default(),
            (None, Some(route)) => {
                let listed = context.store.list_first(&hints::of_route(model_id, route), MAX_HINTS).await?;
                Turns::of(listed.into_iter().filter_map(turn).map(|(_, turn)| turn))
            }
        };
        Ok(self.turns.insert(turns))
    }

    fn is_empty(&self) -> bool {
        self.turns.as_ref().is_some_and(|turns| turns.waiting.is_empty())
    }
}

/// The order in which an invocation tries the jobs of a queue: the oldest first.
///
/// When many jobs end together, as many invocations find the same hints. If each tried them in the same order, each
/// would read the entries of all jobs that the others ask for. So after a lost race, an invocation goes on with one of the
/// next two jobs at random, then with one of the next four, and so on.
#[derive(Debug, Default)]
struct Turns {
    waiting: VecDeque<Turn>,
    races: u32,
}

impl Turns {
    fn of(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self { waiting: turns.into_iter().collect(), races: 0 }
    }

    fn note_race(&mut self) {
        self.races = (self.races + 1).min(MAX_HINTS.ilog2());
    }

    fn next(&mut self) -> Option<Turn> {
        match self.waiting.len().min(1 << self.races) {
            0 => None,
            choices => self.waiting.remove(fastrand::usize(..choices)),
        }
    }
}

/// Reads a hint in a list.
fn turn(listed: Listed) -> Option<(Hint, Turn)> {
    let Listed { key, last_modified: written } = listed;
    let Some(hint) = hints::parse(&key) else {
        warn!(key, "object is not a hint");
        return None;
    };
    Some((hint.clone(), Turn { job_id: hint.job_id, key, written }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn turns(count: u32) -> Vec<Turn> {
        let turn = |number: u32| Turn {
            job_id: JobId::parse(&format!("{number:032x}")).unwrap(),
            key: format!("{number}"),
            written: Timestamp::from_secs(0),
        };
        (0..count).map(turn).collect()
    }

    fn order(mut turns: Turns, is_race: bool) -> Vec<Turn> {
        std::iter::from_fn(|| {
            let turn = turns.next()?;
            if is_race {
                turns.note_race();
            }
            Some(turn)
        })
        .collect()
    }

    #[test]
    fn losing_races_changes_the_order_but_every_job_gets_its_turn() {
        let waiting = turns(50);
        assert_eq!(order(Turns::of(waiting.clone()), false), waiting);
        let orders: Vec<_> = (0..20).map(|_| order(Turns::of(waiting.clone()), true)).collect();
        for order in &orders {
            assert_eq!((order.len(), &order[0]), (50, &waiting[0]));
            let ids = |turns: &[Turn]| turns.iter().map(|turn| turn.key.clone()).collect::<BTreeSet<_>>();
            assert_eq!(ids(order), ids(&waiting));
        }
        // Two invocations that have lost five races hardly ever try the same job next.
        let sixth: BTreeSet<_> = orders.iter().map(|order| &order[5].key).collect();
        assert!(sixth.len() > 5, "{sixth:?}");
    }
}
