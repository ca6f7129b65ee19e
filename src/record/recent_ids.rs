//! The ids of the last records of a drop, to find one that comes twice. Pure, in memory of a fixed size.

use std::hint::black_box;

use crate::record::key::RecordKey;

/// The most lines of which the ids are kept.
pub(crate) const MOST_LINES: u64 = 10_000_000;

/// The ids of the last lines, as many as a job can have records, in 24 to 40 bytes for each: within that distance no id comes twice, so
/// none does within a part, wherever the drop is cut.
///
/// The keys are in a ring, in the order of their lines. Two hash tables say where in it: one for the lines of
/// this round, one for those of the round before, which this one overwrites. Both are one list of pairs, since
/// what takes time is to get at a place of it.
#[derive(Debug)]
pub(crate) struct RecentIds {
    /// The upper halves of the keys. With where they are in the table that is 80 bits and more, by which no two ids
    /// of a drop meet.
    ring: Vec<u64>,
    slots: Vec<[Slot; 2]>,
    /// Which of each pair is of this round.
    this_round: usize,
    /// The line, counted from 0, with which this round has begun.
    round_begin: u64,
    /// How many bits of a slot are the place.
    place_bits: u32,
}

/// A place in the ring, counted from 1, and above it as many bits of its key as there is room for; 0 where there
/// is none.
type Slot = u32;

const EMPTY: Slot = 0;

impl RecentIds {
    /// No ids yet, and room for those of `lines` lines, at most [`MOST_LINES`].
    pub(crate) fn new(lines: u64) -> Self {
        let lines = usize::try_from(lines.clamp(1, MOST_LINES)).unwrap_or(usize::MAX);
        Self {
            ring: vec![0; lines],
            // At most half full: then most slots that are looked at first are empty.
            slots: vec![[EMPTY; 2]; (2 * lines).next_power_of_two()],
            this_round: 0,
            round_begin: 0,
            place_bits: usize::BITS - lines.leading_zeros(),
        }
    }

    /// Gets from memory what adding these ids will look at, all at once: one by one each would be waited for.
    pub(crate) fn fetch(&self, keys: impl Iterator<Item = RecordKey>) {
        let used = keys.filter(|key| self.slots.get(self.home(*key)) != Some(&[EMPTY; 2])).count();
        black_box(used);
    }

    /// Adds the id of a line, or says on which line it already is. Lines are counted from 1 and come in order;
    /// some may be left out.
    #[inline]
    pub(crate) fn add(&mut self, key: RecordKey, line: u64) -> Result<(), u64> {
        let lines = self.ring.len() as u64;
        while line - 1 - self.round_begin >= lines {
            self.begin_round(lines);
        }
        let place = usize::try_from(line - 1 - self.round_begin).unwrap_or_default();
        if let Err(first) = self.find(key, 1 - self.this_round)
            && first > place
        {
            return Err(self.round_begin - lines + first as u64 + 1);
        }
        match self.find(key, self.this_round) {
            Err(first) => Err(self.round_begin + first as u64 + 1),
            Ok(free) => {
                self.put(free, key, place);
                Ok(())
            }
        }
    }

    #[cold]
    fn begin_round(&mut self, lines: u64) {
        self.round_begin += lines;
        self.this_round = 1 - self.this_round;
        let this_round = self.this_round;
        self.slots.iter_mut().filter_map(|pair| pair.get_mut(this_round)).for_each(|slot| *slot = EMPTY);
    }

    /// Where the search for a key begins.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "any bits of the key will do")]
    fn home(&self, key: RecordKey) -> usize {
        key.lower_half() as usize & (self.slots.len() - 1)
    }

    /// The part of a slot that is of the key.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "any bits of the key will do")]
    fn tag(&self, key: RecordKey) -> Slot {
        (key.upper_half() as Slot) >> self.place_bits << self.place_bits
    }

    /// The place of a key in the ring as `Err`; as `Ok` the free slot for it.
    #[inline]
    fn find(&self, key: RecordKey, round: usize) -> Result<usize, usize> {
        let tag = self.tag(key);
        let place_mask = (1 << self.place_bits) - 1;
        let mut at = self.home(key);
        loop {
            let slot = self.slots.get(at).and_then(|pair| pair.get(round)).copied().unwrap_or(EMPTY);
            if slot == EMPTY {
                return Ok(at);
            }
            if slot & !place_mask == tag {
                let place = (slot & place_mask) as usize - 1;
                if self.ring.get(place) == Some(&key.upper_half()) {
                    return Err(place);
                }
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[inline]
    fn put(&mut self, free: usize, key: RecordKey, place: usize) {
        let slot = self.tag(key) | Slot::try_from(place + 1).unwrap_or_default();
        if let Some(free) = self.slots.get_mut(free).and_then(|pair| pair.get_mut(self.this_round)) {
            *free = slot;
        }
        if let Some(kept) = self.ring.get_mut(place) {
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
    fn id_is_known_for_as_many_lines_as_there_is_room_for() {
        for lines in 1..20 {
            let mut ids = RecentIds::new(lines);
            assert_eq!(ids.add(key(0), 1), Ok(()));
            for line in 2..=lines {
                assert_eq!(ids.add(key(0), line), Err(1), "{lines}");
            }
            assert_eq!(ids.add(key(0), lines + 1), Ok(()), "{lines}");
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
                prop_assert_eq!(recent.add(key(id), line), known.map_or(Ok(()), Err));
                if known.is_none() {
                    line_of.insert(id, line);
                }
            }
        }
    }
}
