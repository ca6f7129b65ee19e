//! The hash of a record's id, maps keyed by it, and a sum over a set of records. Pure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Deserializer};
use twox_hash::XxHash3_128;

/// A record's id as a number of fixed size, however long the id is. Made by a [`RecordHasher`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordKey(u128);

/// Hashes the record ids of one drop to 128 bits, with XXH3 and a seed of 64 bits.
///
/// The seed follows from the drop-id, and the drop-id from the version id that S3 gives a file only when it
/// is put. So the author of a file does not know the seed, and cannot search for two ids with the same key.
/// XXH3 is not a cryptographic hash, which would take ten times as long, so this is a hurdle and not a proof.
///
/// If two ids of a drop did have the same key, the second would count as repeated, and the drop would be
/// refused before anything is paid for. Keys of different drops cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHasher {
    seed: u64,
}

impl RecordHasher {
    /// Makes a hasher whose seed depends on all of a text, such as a drop-id.
    #[must_use]
    pub fn seeded_with(text: &str) -> Self {
        Self { seed: RecordKey(XxHash3_128::oneshot(text.as_bytes())).lower_half() }
    }

    /// Returns the key of an id.
    #[inline]
    #[must_use]
    pub fn key_of(self, record_id: &str) -> RecordKey {
        RecordKey(XxHash3_128::oneshot_with_seed(self.seed, record_id.as_bytes()))
    }
}

impl RecordKey {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub(crate) fn lower_half(self) -> u64 {
        self.0 as u64
    }

    pub(crate) fn upper_half(self) -> u64 {
        (self.0 >> 64) as u64
    }
}

/// A map with record keys as its keys.
#[derive(Debug)]
pub struct RecordMap<V>(HashMap<[u8; 16], V, BuildHasherDefault<KeyHasher>>);

impl<V> RecordMap<V> {
    /// Makes an empty map with room for `records` records.
    #[must_use]
    pub fn with_capacity(records: usize) -> Self {
        Self(HashMap::with_capacity_and_hasher(records, BuildHasherDefault::default()))
    }

    /// Adds a record. Returns false and changes nothing if the map already has it.
    pub fn add(&mut self, key: RecordKey, value: V) -> bool {
        match self.0.entry(key.0.to_ne_bytes()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(value);
                true
            }
        }
    }

    /// Sets the value of a record, whether the map already has it or not.
    pub fn replace(&mut self, key: RecordKey, value: V) {
        self.0.insert(key.0.to_ne_bytes(), value);
    }

    /// Returns the value of a record.
    #[must_use]
    pub fn get(&self, key: RecordKey) -> Option<&V> {
        self.0.get(&key.0.to_ne_bytes())
    }

    /// Returns the number of records.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Removes all records, and keeps the memory for others.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Iterates over all records, in any order.
    pub fn iter(&self) -> impl Iterator<Item = (RecordKey, &V)> {
        self.0.iter().map(|(key, value)| (RecordKey(u128::from_ne_bytes(*key)), value))
    }
}

/// Takes the last 8 bytes of a key as its hash: a key already is one.
#[derive(Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.last_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    }
}

/// The sum of the keys of a set of records, modulo 2^128, in any order. It tells whether a job's output has
/// the records of its part, so that the input need not be read again.
///
/// Different sets of records have different sums unless their keys happen to add up to the same number. For
/// ids that were chosen without knowing the seed (see [`RecordHasher`]), the chance is about 1 in 2^128.
/// Bedrock, which writes the output, could find out the seed, but it could just as well invent answers.
///
/// So equal sums are strong evidence and not a proof. Code that compares sums also compares the numbers of
/// records, and counts each key once. If two different sets did pass as the same, the records that the output
/// lacks would be reported as processed, and would have no line in any result file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeySum(u128);

impl KeySum {
    /// Adds one record, which must not be in the sum yet.
    pub fn add(&mut self, key: RecordKey) {
        self.0 = self.0.wrapping_add(key.0);
    }

    /// Returns the sum without the records of another sum, all of which must be in this one.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl serde::Serialize for KeySum {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for KeySum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let sum = u128::from_str_radix(&text, 16).map_err(serde::de::Error::custom)?;
        // Other spellings of a number are not what this type writes.
        if format!("{sum:032x}") == text {
            Ok(Self(sum))
        } else {
            Err(serde::de::Error::custom("not 32 hex digits"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    fn sum(hasher: RecordHasher, ids: &[&str]) -> KeySum {
        let mut sum = KeySum::default();
        ids.iter().for_each(|id| sum.add(hasher.key_of(id)));
        sum
    }

    #[test]
    fn key_sum_ignores_order_and_survives_the_ledger() {
        let hasher = RecordHasher::seeded_with("a drop");
        assert_eq!(sum(hasher, &["a", "b", "c"]), sum(hasher, &["c", "a", "b"]));
        assert_ne!(sum(hasher, &["a", "b"]), sum(hasher, &["a", "c"]));
        assert_eq!(sum(hasher, &["a", "b", "c"]).without(sum(hasher, &["b"])), sum(hasher, &["a", "c"]));
        let json = serde_json::to_string(&sum(hasher, &["a"])).unwrap();
        assert_eq!(serde_json::from_str::<KeySum>(&json).unwrap(), sum(hasher, &["a"]));
        for other in [json.to_uppercase(), json.replacen('"', "\"0", 1), "\"+1\"".into(), "\"\"".into()] {
            assert!(serde_json::from_str::<KeySum>(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn keys_follow_from_the_drop_and_the_id() {
        let [one, same, other] = ["a drop", "a drop", "another drop"].map(RecordHasher::seeded_with);
        // Each length takes another path through XXH3.
        for length in [0, 1, 4, 9, 17, 129, 241, 10_000] {
            let [id, other_id] = ["i", "j"].map(|c| c.repeat(length));
            assert_eq!(one.key_of(&id), same.key_of(&id));
            assert_ne!(one.key_of(&id), other.key_of(&id), "{length}");
            assert_eq!(one.key_of(&id) == one.key_of(&other_id), length == 0, "{length}");
        }
        // Ledger entries have sums of such keys, so they must not change between releases.
        assert_eq!(serde_json::to_string(&sum(one, &["a"])).unwrap(), "\"6f191ba23e948f78190806b8030dfe44\"");
    }

    #[test]
    fn map_keeps_the_first_value_unless_it_is_replaced() {
        let key = |id| RecordHasher::seeded_with("a drop").key_of(id);
        let mut map = RecordMap::with_capacity(2);
        assert!(map.add(key("a"), 1) && map.add(key("b"), 2));
        assert!(!map.add(key("a"), 3));
        assert_eq!([map.get(key("a")), map.get(key("b")), map.get(key("c"))], [Some(&1), Some(&2), None]);
        map.replace(key("a"), 4);
        map.replace(key("c"), 5);
        assert_eq!([map.get(key("a")), map.get(key("c"))], [Some(&4), Some(&5)]);
        assert_eq!(map.count(), 3);
        let mut all: Vec<_> = map.iter().map(|(key, value)| (*value, key)).collect();
        all.sort_by_key(|(value, _)| *value);
        assert_eq!(all, [(2, key("b")), (4, key("a")), (5, key("c"))]);
    }

    #[test]
    fn half_of_a_key_is_its_hash() {
        let key = RecordHasher::seeded_with("a drop").key_of("a");
        let hash = BuildHasherDefault::<KeyHasher>::default().hash_one(key.0.to_ne_bytes());
        assert!([key.lower_half(), key.upper_half()].contains(&hash));
    }
}
