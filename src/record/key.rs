//! Keys of records: a hash of the id, maps by it, and a sum over many. Pure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Deserializer};
use twox_hash::XxHash3_128;

/// A record's id as a number, its XXH3 of 128 bits. Sets of it have a known size, however long the ids are.
///
/// Two ids do not meet by chance. Somebody who searches for two that do, which a cryptographic hash would
/// prevent at ten times the cost, fools nobody but himself: they must stand in the same drop, which is then
/// refused because an id is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordKey(u128);

impl RecordKey {
    /// The key of an id.
    #[must_use]
    pub fn of(record_id: &str) -> Self {
        Self(XxHash3_128::oneshot(record_id.as_bytes()))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub(crate) fn lower_half(self) -> u64 {
        self.0 as u64
    }

    pub(crate) fn upper_half(self) -> u64 {
        (self.0 >> 64) as u64
    }
}

/// A map by record key.
#[derive(Debug)]
pub struct RecordMap<V>(HashMap<[u8; 16], V, BuildHasherDefault<KeyHasher>>);

impl<V> Default for RecordMap<V> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<V> RecordMap<V> {
    /// A map with room for so many records.
    #[must_use]
    pub fn with_capacity(records: usize) -> Self {
        Self(HashMap::with_capacity_and_hasher(records, BuildHasherDefault::default()))
    }

    /// Adds a record that is not there yet. False, and nothing changes, if it is.
    pub fn add(&mut self, key: RecordKey, value: V) -> bool {
        match self.0.entry(key.0.to_ne_bytes()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(value);
                true
            }
        }
    }

    /// Gives a record another value, whether it is there or not.
    pub fn replace(&mut self, key: RecordKey, value: V) {
        self.0.insert(key.0.to_ne_bytes(), value);
    }

    /// The value of a record.
    #[must_use]
    pub fn get(&self, key: RecordKey) -> Option<&V> {
        self.0.get(&key.0.to_ne_bytes())
    }

    /// How many records there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// All records, in any order.
    pub fn iter(&self) -> impl Iterator<Item = (RecordKey, &V)> {
        self.0.iter().map(|(key, value)| (RecordKey(u128::from_ne_bytes(*key)), value))
    }
}

/// Takes the last 8 bytes of a key, which is a hash already, for its hash.
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

/// The sum of the keys of a set of records, in any order. Two sets of distinct ids with the same sum are
/// the same set, so a job's output is held against its input without reading the input again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeySum(u128);

impl KeySum {
    /// Adds one record.
    pub fn add(&mut self, key: RecordKey) {
        self.0 = self.0.wrapping_add(key.0);
    }

    /// The sum without the records of another one.
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
        u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_sum_ignores_order_and_survives_the_ledger() {
        let sum = |ids: &[&str]| {
            let mut sum = KeySum::default();
            ids.iter().for_each(|id| sum.add(RecordKey::of(id)));
            sum
        };
        assert_eq!(sum(&["a", "b", "c"]), sum(&["c", "a", "b"]));
        assert_ne!(sum(&["a", "b"]), sum(&["a", "c"]));
        let json = serde_json::to_string(&sum(&["a"])).unwrap();
        assert_eq!(serde_json::from_str::<KeySum>(&json).unwrap(), sum(&["a"]));
    }
}
