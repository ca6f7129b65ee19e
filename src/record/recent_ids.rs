//! Remembers the ids of a drop's last records, to find an id that is used twice. Pure, in memory of a fixed
//! size.

use std::hint::black_box;

use crate::record::key::RecordKey;

/// The largest number of lines whose ids can be remembered.
pub(crate) const MAX_LINES: u64 = 10_000_000;

/// The ids of the last lines: as many lines as a job may have records. If no id is used twice within that
/// distance, none is used twice in any part of the drop, wherever the drop is cut. Takes 24 to 40 bytes for
/// each line.
///
/// A ring holds the keys in the order of their lines. One way through the ring is a *round*. Two hash tables
/// tell where in the ring a key is: one table for the lines of this round, and one for those of the round
/// before, which this round overwrites. When a round ends, the older table is emptied for the next one.
///
/// What takes time is to get a random entry of a table from memory. So both tables are in one list of pairs,
/// where one access gets the entries of both, and [`warm_cache`](Self::warm_cache) gets the entries for many
/// keys at once.
#[derive(Debug)]
pub(crate) struct RecentIds {
    /// The upper halves of the keys. Which slot a key has depends on bits of its lower half. So keys count as
    /// equal only if 82 bits or more are equal, with room for 100,000 lines: by chance, that never happens in
    /// a drop.
    ring: Vec<u64>,
    slots: Vec<[Slot; 2]>,
    /// Which of each pair belongs to this round: 0 or 1.
    this_round: usize,
    /// The first line of this round, counted from 0.
    round_start: u64,
    /// How many bits of a slot hold the position.
    position_bits: u32,
}

/// An entry of a hash table. The low bits are a position in the ring, counted from 1; the other bits are a
/// tag, made of as many bits of the key as there is room for. 0 if the entry is empty.
type Slot = u32;

const EMPTY: Slot = 0;

/// What looking up a key found.
enum Lookup {
    /// The key, at this position in the ring, counted from 0.
    Known(usize),
    /// The empty slot where the key belongs.
    Free(usize),
}

impl RecentIds {
    /// Makes an empty memory for the ids of `lines` lines, at most [`MAX_LINES`].
    pub(crate) fn new(lines: u64) -> Self {
        let lines = usize::try_from(lines.clamp(1, MAX_LINES)).unwrap_or(usize::MAX);
        Self {
            ring: vec![0; lines],
            // At most half full, so that most look-ups end at the first slot.
            slots: vec![[EMPTY; 2]; (2 * lines).next_power_of_two()],
            this_round: 0,
            round_start: 0,
            position_bits: usize::BITS - lines.leading_zeros(),
        }
    }

    /// Reads the first slot that adding each of these keys will look at, and does nothing with it.
    ///
    /// The tables are far larger than the processor's cache, so almost every look-up waits for memory. These
    /// reads do not depend on each other, so the processor waits for all of them at the same time. The
    /// look-ups that follow find their slots in the cache.
    pub(crate) fn warm_cache(&self, keys: impl Iterator<Item = RecordKey>) {
        let used = keys.filter(|key| self.slots.get(self.first_slot(*key)) != Some(&[EMPTY; 2])).count();
        // Without a use of the result, the compiler would leave out the reads.
        black_box(used);
    }

    /// Adds the id of a line. If one of the last lines has the same id, returns that line and adds nothing.
    /// Lines are counted from 1 and must be added in order; some may be left out.
    #[inline]
    pub(crate) fn add(&mut self, key: RecordKey, line: u64) -> Option<u64> {
        let lines = self.ring.len() as u64;
        while line - 1 - self.round_start >= lines {
            self.start_round(lines);
        }
        let position = usize::try_from(line - 1 - self.round_start).unwrap_or_default();
        // This round has overwritten what the round before had at lower positions. What it had at this
        // position is just too far away.
        if let Lookup::Known(earlier) = self.look_up(key, 1 - self.this_round)
            && earlier > position
        {
            return Some(self.round_start - lines + earlier as u64 + 1);
        }
        match self.look_up(key, self.this_round) {
            Lookup::Known(earlier) => Some(self.round_start + earlier as u64 + 1),
            Lookup::Free(slot) => {
                self.put(slot, key, position);
                None
            }
        }
    }

    #[cold]
    fn start_round(&mut self, lines: u64) {
        self.round_start += lines;
        self.this_round = 1 - self.this_round;
        let this_round = self.this_round;
        self.slots.iter_mut().filter_map(|pair| pair.get_mut(this_round)).for_each(|slot| *slot = EMPTY);
    }

    /// Returns the slot where the search for a key starts.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "any bits of the key will do")]
    fn first_slot(&self, key: RecordKey) -> usize {
        key.lower_half() as usize & (self.slots.len() - 1)
    }

    /// Returns the bits of a key that are kept in its slot.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "any bits of the key will do")]
    fn tag(&self, key: RecordKey) -> Slot {
        (key.upper_half() as Slot) >> self.position_bits << self.position_bits
    }

    /// Looks up a key in the table of a round.
    #[inline]
    fn look_up(&self, key: RecordKey, round: usize) -> Lookup {
        let tag = self.tag(key);
        let position_mask = (1 << self.position_bits) - 1;
        let mut at = self.first_slot(key);
        loop {
            let slot = self.slots.get(at).and_then(|pair| pair.get(round)).copied().unwrap_or(EMPTY);
            if slot == EMPTY {
                return Lookup::Free(at);
            }
            if slot & !position_mask == tag {
                let position = (slot & position_mask) as usize - 1;
                if self.ring.get(position) == Some(&key.upper_half()) {
                    return Lookup::Known(position);
                }
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[inline]
    fn put(&mut self, free: usize, key: RecordKey, position: usize) {
        let slot = self.tag(key) | Slot::try_from(position + 1).unwrap_or_default();
        if let Some(free) = self.slots.get_mut(free).and_then(|pair| pair.get_mut(self.this_round)) {
            *free = slot;
        }
        if let Some(kept) = self.ring.get_mut(position) {
            *kept = key.upper_half();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::record::key::RecordHasher;

    fn key(id: u32) -> RecordKey {
        RecordHasher::seeded_with("").key_of(&id.to_string())
    }

    #[test]
    fn id_is_known_for_exactly_as_many_lines_as_there_is_room_for() {
        for lines in 1..20 {
            let mut ids = RecentIds::new(lines);
            assert_eq!(ids.add(key(0), 1), None);
            for line in 2..=lines {
                assert_eq!(ids.add(key(0), line), Some(1), "{lines}");
            }
            assert_eq!(ids.add(key(0), lines + 1), None, "{lines}");
        }
    }

    #[test]
    fn room_for_a_line_takes_24_to_40_bytes() {
        for lines in [100_000, 131_072, 131_073, 1_000_000] {
            let ids = RecentIds::new(lines);
            let bytes = size_of_val(&*ids.ring) + size_of_val(&*ids.slots);
            let lines = usize::try_from(lines).unwrap();
            assert!((24 * lines..=40 * lines).contains(&bytes), "{bytes} for {lines}");
        }
    }

    proptest! {
        #[test]
        fn repeated_ids_are_found_as_a_map_would_find_them(
            lines in 1u64..70, ids in prop::collection::vec((0u32..150, 1u64..3), 0..600),
        ) {
            let mut recent = RecentIds::new(lines);
            let mut line_of = HashMap::new();
            let mut line = 0;
            for (id, step) in ids {
                line += step;
                let known = line_of.get(&id).copied().filter(|first| line - first < lines);
                prop_assert_eq!(recent.add(key(id), line), known);
                if known.is_none() {
                    line_of.insert(id, line);
                }
            }
        }
    }
}
