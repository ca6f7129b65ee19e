//! How far the sweep has compared the input bucket with the ledger. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::drop::source::{DropSource, VersionMarker};
use crate::ledger::entry::Entry;

/// The longest that a multipart upload to the input bucket takes: `template.yaml` aborts older ones. S3 gives an object
/// the time at which its upload started.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html> (read 2026-11)
const LONGEST_UPLOAD: Duration = Duration::from_secs(8 * 86_400);

/// The entry of the sweep: `ledger/sweep.json`. The versions in the input bucket are compared page by page, over many
/// passes of the sweep; one cycle compares the whole bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepEntry {
    /// The schema version.
    pub version: u32,
    /// When the first sweep ran. The pipeline ignores what was put before that, such as the files of a bucket that
    /// already existed.
    pub since: Timestamp,
    /// When the first sweep ran of a release for which other keys can be drops than those that end in `.jsonl`, in lower
    /// case. Those that were put before that are left alone: they were met with silence, and a bucket may have any number
    /// of them. `None` until then. If an older release rewrites the entry, the time is lost, and the next sweep of this one
    /// sets it again.
    #[serde(default)]
    pub every_name_since: Option<Timestamp>,
    /// The last cycle has compared what was put before this time.
    pub compared_until: Timestamp,
    /// The current cycle compares what was put before this time.
    pub cycle_until: Timestamp,
    /// How far the current cycle has come; `None` at its start.
    pub cursor: Option<VersionMarker>,
}

impl SweepEntry {
    /// The entry that the first sweep writes. Only what is put from now on is compared.
    #[must_use]
    pub fn first(now: Timestamp) -> Self {
        Self {
            version: Self::VERSION,
            since: now,
            every_name_since: Some(now),
            compared_until: now,
            cycle_until: now,
            cursor: None,
        }
    }

    /// Returns whether this cycle has to look a version up: it was put since the last cycle. A multipart upload has the
    /// time at which it started, and may have ended since.
    #[must_use]
    pub fn concerns(&self, source: &DropSource) -> bool {
        let is_multipart = source.etag.contains('-');
        let from = self.compared_until.minus(if is_multipart { LONGEST_UPLOAD } else { Duration::ZERO });
        let since = if source.key.ends_with(".jsonl") { Some(self.since) } else { self.every_name_since };
        since.is_some_and(|since| (from.max(since)..self.cycle_until).contains(&source.last_modified))
    }
}

impl Entry for SweepEntry {
    const VERSION: u32 = 1;

    /// The times in this entry are those that the sweep compares with, not that of writing.
    fn stamp(&mut self, _time: Timestamp, _is_new: bool) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycle_compares_versions_since_the_last_one_and_uploads_that_started_before() {
        let at = |days: i64| Timestamp::from_secs(days * 86_400);
        let source = |days, etag: &str| DropSource {
            last_modified: at(days),
            etag: etag.into(),
            ..DropSource::example()
        };
        let state = SweepEntry { compared_until: at(20), cycle_until: at(22), ..SweepEntry::first(at(14)) };
        let concerned =
            |etag| -> Vec<i64> { (0..30).filter(|days| state.concerns(&source(*days, etag))).collect() };
        assert_eq!(concerned("\"e\""), [20, 21]);
        // No more than eight days back, and nothing from before the first sweep.
        assert_eq!(concerned("\"e-2\""), (14..22).collect::<Vec<_>>());
    }

    #[test]
    fn other_names_are_compared_from_the_first_sweep_that_looked_at_them() {
        let at = |days: i64| Timestamp::from_secs(days * 86_400);
        let concerned = |key: &str, every_name_since| -> Vec<i64> {
            let state = SweepEntry {
                compared_until: at(20),
                cycle_until: at(22),
                every_name_since,
                ..SweepEntry::first(at(14))
            };
            let source = |days| DropSource {
                key: key.into(),
                last_modified: at(days),
                etag: "\"e-2\"".into(),
                ..DropSource::example()
            };
            (0..30).filter(|days| state.concerns(&source(*days))).collect()
        };
        let all: Vec<i64> = (14..22).collect();
        for key in ["a.csv", "a.JSONL", "a.ndjson", "a"] {
            assert_eq!(concerned(key, Some(at(19))), [19, 20, 21], "{key}");
            assert_eq!(concerned(key, Some(at(14))), all, "{key}");
            assert_eq!(concerned(key, None), [0; 0], "{key}");
        }
        assert_eq!(concerned("a.jsonl", Some(at(19))), all);
        assert_eq!(concerned("a.jsonl", None), all);
    }

    #[test]
    fn entry_of_an_older_release_is_read() {
        let old = r#"{"version":1,"since":"2026-11-01T00:00:00Z","compared_until":"2026-11-02T00:00:00Z",
                      "cycle_until":"2026-11-03T00:00:00Z","cursor":{"key":"a.jsonl","version_id":null}}"#;
        let read: SweepEntry = crate::ledger::entry::parse(old.as_bytes()).unwrap();
        assert_eq!(read.every_name_since, None);
        assert!(!read.concerns(&DropSource {
            key: "a.csv".into(),
            last_modified: read.compared_until,
            ..DropSource::example()
        }));
    }
}
