//! The budget of a day, in sixteen shards, so that many drops at once do not all write the same object. Pure.
//!
//! Each shard has a cap, and the caps add up to the budget. A drop takes what it costs from one shard or from several, and a
//! conditional write adds it. So whatever happens, what is reserved never exceeds the budget:
//!
//! - A shard never has more than its cap, except after the budget was lowered: then it takes nothing more.
//! - A drop takes what is free in any shard. So one that nothing else runs beside is refused only if it costs more than all
//!   that is left: nothing is lost to the cutting.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::drop::identity::DropId;
use crate::ledger::entry::Entry;

/// How many shards a budget has.
pub const SHARDS: u8 = 16;

/// A shard of a day's budget: `ledger/budgets/<day>/<budget>/<nn>.json`. It is not there until something is reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// The schema version.
    pub version: u32,
    /// Which invocation wrote this entry, so that it recognizes its own write.
    pub writer: String,
    /// When this entry was written.
    pub updated: Timestamp,
    /// What is reserved for each drop.
    pub reserved: BTreeMap<DropId, Reservation>,
}

/// What is reserved for a drop in a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The [turn](crate::ledger::held::Held::turn) of the drop that it is for. After a later one, it counts for nothing.
    pub turn: u32,
    /// Millionths of a US dollar.
    pub amount: u64,
}

/// Who reserves something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spender<'a> {
    /// The drop.
    pub drop_id: &'a DropId,
    /// Its turn.
    pub turn: u32,
}

impl Shard {
    /// A shard of which nothing is reserved.
    #[must_use]
    pub fn empty() -> Self {
        let (writer, updated) = (String::new(), Timestamp::from_secs(0));
        Self { version: Self::VERSION, writer, updated, reserved: BTreeMap::new() }
    }

    /// Returns what is reserved for a drop in this turn.
    #[must_use]
    pub fn of(&self, spender: Spender<'_>) -> u64 {
        let own = self.reserved.get(spender.drop_id).filter(|own| own.turn == spender.turn);
        own.map_or(0, |own| own.amount)
    }

    /// Returns what is free of this cap for a drop. What it had in an earlier turn is free again.
    #[must_use]
    pub fn free(&self, spender: Spender<'_>, cap: u64) -> u64 {
        let others = self
            .reserved
            .iter()
            .filter(|(drop_id, reserved)| *drop_id != spender.drop_id || reserved.turn >= spender.turn);
        cap.saturating_sub(others.fold(0, |sum: u64, (_, reserved)| sum.saturating_add(reserved.amount)))
    }

    /// Returns the shard with as much more reserved for a drop as is free, at most `amount`, and how much that is. One that is in a
    /// later turn already gets nothing.
    #[must_use]
    pub fn with(&self, spender: Spender<'_>, amount: u64, cap: u64, writer: &str) -> (Self, u64) {
        let Spender { drop_id, turn } = spender;
        let mut next = Self { version: Self::VERSION, writer: writer.to_owned(), ..self.clone() };
        let is_late = self.reserved.get(drop_id).is_some_and(|own| own.turn > turn);
        let taken = if is_late { 0 } else { amount.min(self.free(spender, cap)) };
        if taken > 0 {
            let amount = self.of(spender) + taken;
            next.reserved.insert(drop_id.clone(), Reservation { turn, amount });
        }
        (next, taken)
    }

    /// Returns the shard with nothing reserved for a drop in this turn or an earlier one; `None` if that is so already.
    #[must_use]
    pub fn without(&self, spender: Spender<'_>, writer: &str) -> Option<Self> {
        let mut next = Self { version: Self::VERSION, writer: writer.to_owned(), ..self.clone() };
        next.reserved.remove(spender.drop_id).filter(|own| own.turn <= spender.turn).map(|_| next)
    }
}

impl Entry for Shard {
    const VERSION: u32 = 1;

    fn stamp(&mut self, time: Timestamp, _is_new: bool) {
        self.updated = time;
    }
}

/// Returns the cap of a shard. All caps add up to the budget.
#[must_use]
pub fn cap(budget: u64, shard: u8) -> u64 {
    let shards = u64::from(SHARDS);
    budget / shards + u64::from(u64::from(shard) < budget % shards)
}

/// Returns the shards in the order in which a drop looks at them. Drops start at different ones, because their ids are hashes.
pub fn order(drop_id: &DropId) -> impl Iterator<Item = u8> + use<> {
    let first = drop_id.as_str().get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let first = first.unwrap_or_default() % SHARDS;
    (0..SHARDS).map(move |step| (first + step) % SHARDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u64) -> DropId {
        DropId::parse(&format!("{number:032x}")).unwrap()
    }

    fn sum(shard: &Shard) -> u64 {
        shard.reserved.values().map(|reserved| reserved.amount).sum()
    }

    /// Takes what a drop costs from all shards, if that is there. Otherwise takes nothing.
    fn reserve(shards: &mut [Shard], budget: u64, spender: Spender<'_>, cost: u64) -> bool {
        let free = |(at, shard): (u8, &Shard)| shard.free(spender, cap(budget, at));
        let free: u64 = (0..SHARDS).zip(shards.iter()).map(free).sum();
        let mut rest = cost;
        for at in order(spender.drop_id).filter(|_| free >= cost) {
            let (next, taken) = shards[usize::from(at)].with(spender, rest, cap(budget, at), "w");
            shards[usize::from(at)] = next;
            rest -= taken;
        }
        rest == 0
    }

    #[test]
    fn shard_takes_what_is_free_and_gives_it_back() {
        let (first, second, third) = (id(1), id(2), id(3));
        let [first, second, third] = [&first, &second, &third].map(|drop_id| Spender { drop_id, turn: 0 });
        let (shard, taken) = Shard::empty().with(first, 7, 10, "w");
        assert_eq!((taken, shard.of(first), shard.free(second, 10), shard.writer.as_str()), (7, 7, 3, "w"));
        let (shard, taken) = shard.with(second, 7, 10, "w");
        assert_eq!((taken, shard.of(second), shard.free(third, 10)), (3, 3, 0));
        let (same, taken) = shard.with(third, 7, 10, "w");
        assert_eq!((taken, &same.reserved), (0, &shard.reserved));
        // The budget was lowered, and then raised.
        assert_eq!((shard.free(third, 5), shard.free(third, 12)), (0, 2));
        assert_eq!(shard.with(first, 5, 12, "w").0.of(first), 9);
        let shard = shard.without(first, "x").unwrap();
        assert_eq!((shard.of(first), shard.free(third, 10), shard.writer.as_str()), (0, 7, "x"));
        assert_eq!(shard.without(first, "x"), None);
    }

    #[test]
    fn what_an_earlier_turn_has_left_is_free_and_only_later_turns_give_it_back() {
        let id = id(1);
        let [before, now, later] = [1, 2, 3].map(|turn| Spender { drop_id: &id, turn });
        let (shard, _) = Shard::empty().with(before, 7, 10, "w");
        assert_eq!((shard.of(now), shard.free(now, 10)), (0, 10));
        let (shard, taken) = shard.with(now, 9, 10, "w");
        assert_eq!((taken, shard.of(now), sum(&shard)), (9, 9, 9));
        // An invocation that is late neither adds to it nor gives it back.
        assert_eq!((shard.with(before, 1, 10, "w").1, shard.without(before, "w")), (0, None));
        assert_eq!(sum(&shard.without(later, "w").unwrap()), 0);
    }

    #[test]
    fn drop_looks_at_every_shard_once_and_drops_start_everywhere() {
        for number in [0, 1, 0xff] {
            let mut all: Vec<u8> =
                order(&DropId::parse(&format!("{number:02x}{}", "0".repeat(30))).unwrap()).collect();
            assert_eq!(all.first(), Some(&u8::try_from(number % 16).unwrap()));
            all.sort_unstable();
            assert_eq!(all, Vec::from_iter(0..SHARDS));
        }
    }

    #[test]
    fn shard_survives_being_written() {
        let (shard, _) = Shard::empty().with(Spender { drop_id: &id(1), turn: 3 }, 7, 10, "w");
        let json = serde_json::to_string(&shard).unwrap();
        assert_eq!(
            json,
            "{\"version\":1,\"writer\":\"w\",\"updated\":\"1970-01-01T00:00:00Z\",\
             \"reserved\":{\"00000000000000000000000000000001\":{\"turn\":3,\"amount\":7}}}"
        );
        assert_eq!(crate::ledger::entry::parse::<Shard>(json.as_bytes()).unwrap(), shard);
    }

    proptest! {
        #[test]
        fn caps_add_up_to_the_budget(budget in any::<u64>()) {
            let caps: Vec<u64> = (0..SHARDS).map(|shard| cap(budget, shard)).collect();
            prop_assert_eq!(caps.iter().sum::<u64>(), budget);
            prop_assert!(caps.iter().max().unwrap() - caps.iter().min().unwrap() <= 1);
        }

        #[test]
        fn reserved_is_never_more_than_the_budget_and_a_drop_that_fits_is_not_refused(
            budget in 0..2_000_u64,
            costs in proptest::collection::vec(0..300_u64, 1..60),
        ) {
            let mut shards = vec![Shard::empty(); usize::from(SHARDS)];
            let mut accepted = 0;
            for (number, cost) in (1..).zip(costs) {
                let fits = accepted + cost <= budget;
                let drop_id = id(number);
                let spender = Spender { drop_id: &drop_id, turn: 0 };
                prop_assert_eq!(reserve(&mut shards, budget, spender, cost), fits);
                accepted += if fits { cost } else { 0 };
                prop_assert_eq!(shards.iter().map(sum).sum::<u64>(), accepted);
                for (at, shard) in (0..SHARDS).zip(&shards) {
                    prop_assert!(sum(shard) <= cap(budget, at));
                }
            }
        }
    }
}
