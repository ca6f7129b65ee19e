//! Reservations under every kind of interleaving: several invocations work on the same drops, read stale shards, are refused by
//! another budget, and give back what they have reserved. Whatever the order, what was accepted is reserved.

use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::ledger::budget::{SHARDS, Shard, Spender, cap, order};
use proptest::prelude::*;

/// A value that a conditional write changes only if it is as it was read.
#[derive(Debug, Clone)]
struct Versioned<T> {
    version: u64,
    value: T,
}

impl<T: Clone> Versioned<T> {
    fn new(value: T) -> Self {
        Self { version: 0, value }
    }

    /// Returns whether the value is written.
    fn replace(&mut self, read: u64, value: T) -> bool {
        let is_as_read = self.version == read;
        if is_as_read {
            *self = Self { version: read + 1, value };
        }
        is_as_read
    }
}

/// What the entry of a drop says.
#[derive(Debug, Clone, Copy)]
struct Entry {
    turn: u32,
    is_accepted: bool,
}

struct HeldDrop {
    id: DropId,
    cost: u64,
    entry: Versioned<Entry>,
}

struct Ledger {
    budget: u64,
    drops: Vec<HeldDrop>,
    shards: Vec<Versioned<Shard>>,
}

/// Where an invocation stands.
#[derive(Debug, Clone, Copy)]
enum Step {
    ReadEntry,
    ReadShard(u8),
    Take(u8),
    Decide,
    GiveBack(u8),
    Done,
}

/// An invocation that releases a drop, as `flow::release_drop` does.
struct Invocation {
    drop: usize,
    /// Whether another budget refuses the drop after this one has accepted it.
    is_refused: bool,
    step: Step,
    entry: Versioned<Entry>,
    shards: Vec<Versioned<Shard>>,
    rest: u64,
}

impl Invocation {
    fn new(drop: usize, is_refused: bool) -> Self {
        let entry = Versioned::new(Entry { turn: 0, is_accepted: false });
        Self { drop, is_refused, step: Step::ReadEntry, entry, shards: Vec::new(), rest: 0 }
    }

    /// Makes one call.
    fn go_on(&mut self, ledger: &mut Ledger) {
        let (id, cost) = (ledger.drops[self.drop].id.clone(), ledger.drops[self.drop].cost);
        let spender = Spender { drop_id: &id, turn: self.entry.value.turn };
        let at = |step: u8| usize::from(order(&id).nth(usize::from(step)).unwrap());
        let budget = ledger.budget;
        let cap = |shard: usize| cap(budget, u8::try_from(shard).unwrap());
        self.step = match self.step {
            Step::ReadEntry => {
                self.entry = ledger.drops[self.drop].entry.clone();
                if self.entry.value.is_accepted { Step::Done } else { Step::ReadShard(0) }
            }
            Step::ReadShard(SHARDS) => {
                let own: u64 = self.shards.iter().map(|shard| shard.value.of(spender)).sum();
                let free = self
                    .shards
                    .iter()
                    .enumerate()
                    .map(|(step, shard)| shard.value.free(spender, cap(at(u8::try_from(step).unwrap()))));
                self.rest = cost.saturating_sub(own);
                if self.rest > free.sum() {
                    self.is_refused = true;
                    Step::Decide
                } else {
                    Step::Take(0)
                }
            }
            Step::ReadShard(step) => {
                self.shards.truncate(usize::from(step));
                self.shards.push(ledger.shards[at(step)].clone());
                Step::ReadShard(step + 1)
            }
            Step::Take(_) if self.rest == 0 => Step::Decide,
            // Another invocation was faster.
            Step::Take(SHARDS) => Step::ReadShard(0),
            Step::Take(step) => {
                let read = &self.shards[usize::from(step)];
                let (next, taken) = read.value.with(spender, self.rest, cap(at(step)), "w");
                if taken > 0 && ledger.shards[at(step)].replace(read.version, next) {
                    self.rest -= taken;
                }
                Step::Take(step + 1)
            }
            Step::Decide => {
                let before = self.entry.value;
                let next = if self.is_refused {
                    Entry { turn: before.turn + 1, ..before }
                } else {
                    Entry { is_accepted: true, ..before }
                };
                let is_written = ledger.drops[self.drop].entry.replace(self.entry.version, next);
                if is_written && self.is_refused { Step::GiveBack(0) } else { Step::Done }
            }
            Step::GiveBack(SHARDS) | Step::Done => Step::Done,
            Step::GiveBack(step) => {
                let shard = &mut ledger.shards[at(step)];
                if let Some(next) = shard.value.without(spender, "w") {
                    shard.replace(shard.version, next);
                }
                Step::GiveBack(step + 1)
            }
        };
    }
}

fn check(ledger: &Ledger) {
    for (shard, at) in ledger.shards.iter().zip(0..SHARDS) {
        let sum: u64 = shard.value.reserved.values().map(|reserved| reserved.amount).sum();
        assert!(sum <= cap(ledger.budget, at), "shard {at} has {sum}");
    }
    let accepted = ledger.drops.iter().filter(|drop| drop.entry.value.is_accepted);
    for HeldDrop { id, cost, entry } in accepted.clone() {
        let spender = Spender { drop_id: id, turn: entry.value.turn };
        let reserved: u64 = ledger.shards.iter().map(|shard| shard.value.of(spender)).sum();
        assert!(reserved >= *cost, "{reserved} of {cost} is reserved for an accepted drop");
    }
    let spent: u64 = accepted.map(|drop| drop.cost).sum();
    assert!(spent <= ledger.budget, "{spent} of {} is spent", ledger.budget);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_was_accepted_is_reserved_in_every_order_of_calls(
        budget in 16..80_u64,
        costs in proptest::collection::vec(1..40_u64, 1..4),
        invocations in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 2..8),
        // An invocation makes some calls in a row before another one goes on.
        turns in proptest::collection::vec((any::<prop::sample::Index>(), 1..40_u32), 1..120),
    ) {
        let drops = costs.into_iter().enumerate().map(|(number, cost)| HeldDrop {
            id: DropId::parse(&format!("{number:032x}")).unwrap(),
            cost,
            entry: Versioned::new(Entry { turn: 0, is_accepted: false }),
        });
        let shards = vec![Versioned::new(Shard::empty()); usize::from(SHARDS)];
        let mut ledger = Ledger { budget, drops: drops.collect(), shards };
        let mut running: Vec<Invocation> = invocations
            .iter()
            .map(|(drop, is_refused)| Invocation::new(drop.index(ledger.drops.len()), *is_refused))
            .collect();
        for (invocation, calls) in turns {
            let at = invocation.index(running.len());
            for _ in 0..calls {
                running[at].go_on(&mut ledger);
                check(&ledger);
            }
        }
        // The others end, or die where they are.
    }
}
