//! Which drop had a key and a content last. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::drop::identity::DropId;
use crate::drop::source::DropSource;
use crate::ledger::entry::Entry;

/// How far apart two drops may be that count as the same file dropped twice. `template.yaml` deletes the entries later.
const APART: Duration = Duration::from_secs(7 * 86_400);

/// The entry of a key and a content: `ledger/contents/<hash>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The schema version.
    pub version: u32,
    /// Which invocation wrote this entry, so that it recognizes its own write.
    pub writer: String,
    /// When this entry was written.
    pub updated: Timestamp,
    /// The drop.
    pub drop_id: DropId,
    /// When the drop was put.
    pub put: Timestamp,
}

impl Contents {
    /// The entry of a drop.
    #[must_use]
    pub fn of(drop_id: &DropId, source: &DropSource, writer: &str) -> Self {
        Self {
            version: Self::VERSION,
            writer: writer.to_owned(),
            updated: source.last_modified,
            drop_id: drop_id.clone(),
            put: source.last_modified,
        }
    }

    /// Returns whether this drop is another one with the same content, put at almost the same time.
    #[must_use]
    pub fn is_repeated_by(&self, drop_id: &DropId, put: Timestamp) -> bool {
        let apart = put.seconds_since(self.put).max(self.put.seconds_since(put));
        self.drop_id != *drop_id && apart < APART.as_secs()
    }
}

impl Entry for Contents {
    const VERSION: u32 = 1;

    fn stamp(&mut self, time: Timestamp, _is_new: bool) {
        self.updated = time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_the_same_for_seven_days_before_and_after() {
        let at = |days: i64| Timestamp::from_secs(days * 86_400);
        let source = DropSource { last_modified: at(20), ..DropSource::example() };
        let (own, other) = (DropId::derive(&source), DropId::parse(&"a".repeat(32)).unwrap());
        let contents = Contents::of(&own, &source, "w");
        let repeated: Vec<i64> = (0..40).filter(|days| contents.is_repeated_by(&other, at(*days))).collect();
        assert_eq!(repeated, Vec::from_iter(14..27));
        assert!(!contents.is_repeated_by(&own, at(20)));
        let json = serde_json::to_string(&contents).unwrap();
        assert_eq!(crate::ledger::entry::parse::<Contents>(json.as_bytes()).unwrap(), contents);
    }
}
