//! A point in time in whole seconds, and the one invocation that all times of its work come from.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use lambda_runtime::Context;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How much the clocks of two Lambda hosts may differ before a lease could be taken from a living holder.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

/// Seconds since 1970, written as `2026-11-23T15:05:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From seconds since 1970; fractions are cut off.
    #[must_use]
    pub fn from_secs(secs: i64) -> Self {
        Self(secs)
    }

    /// How many seconds it is after another time; 0 if it is before.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or_default()
    }

    /// The time so much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(duration.as_secs()))
    }

    /// Written without separators, as part of a key: `20261123T150500Z`.
    #[must_use]
    pub fn compact(self) -> String {
        self.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect()
    }
}

impl From<&DateTime> for Timestamp {
    fn from(time: &DateTime) -> Self {
        Self(time.secs())
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(DateTime::from(time).secs())
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let seconds = Duration::from_secs(time.0.unsigned_abs());
        if time.0 < 0 { Self::UNIX_EPOCH - seconds } else { Self::UNIX_EPOCH + seconds }
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match DateTime::from_secs(self.0).fmt(Format::DateTime) {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, "{} s since 1970", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        DateTime::from_str(&text, Format::DateTime).map(|time| Self(time.secs())).map_err(de::Error::custom)
    }
}

/// One call of a handler: who writes, since when, and until when it may go on.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Lambda's id of the request. The event of a failed invocation comes again under the same id, as far as is
    /// known; AWS's guide does not say so, and nothing that matters for a promise depends on it.
    pub request_id: String,
    /// A random id that is in every ledger entry this invocation writes.
    pub writer: String,
    /// When it started; the time of everything that it records.
    pub started: Timestamp,
    /// When a lease taken by it ends: Lambda has ended the invocation by then, on any clock.
    pub lease_until: Timestamp,
    /// When Lambda ends it.
    pub deadline: SystemTime,
}

impl Invocation {
    /// An invocation for a request of its own that starts now and is ended at `deadline`.
    #[must_use]
    pub fn until(deadline: SystemTime) -> Self {
        Self {
            request_id: format!("{:032x}", fastrand::u128(..)),
            writer: format!("{:032x}", fastrand::u128(..)),
            started: now().into(),
            lease_until: (deadline + CLOCK_SKEW).into(),
            deadline,
        }
    }

    /// The invocation that Lambda describes.
    #[must_use]
    pub fn from_context(context: &Context) -> Self {
        let deadline = SystemTime::UNIX_EPOCH + Duration::from_millis(context.deadline);
        Self { request_id: context.request_id.clone(), ..Self::until(deadline) }
    }

    /// Whether there is time to begin one more piece of work. A function with little time keeps back at most a
    /// quarter of it, or it would never begin.
    #[must_use]
    pub fn has_time_for(&self, work: Duration) -> bool {
        self.has_time_at(now(), work)
    }

    fn has_time_at(&self, time: SystemTime, work: Duration) -> bool {
        let all = self.deadline.duration_since(self.started.into()).unwrap_or_default();
        time + work.min(all / 4) < self.deadline
    }
}

/// The one place that reads the clock.
#[expect(clippy::disallowed_methods, reason = "everything else takes time as an argument from here")]
#[must_use]
pub fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_in_whole_seconds_and_read_back() {
        let time = Timestamp::from_secs(1_795_446_300);
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-11-23T15:05:00Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>("\"2026-11-23T15:05:00Z\"").unwrap(), time);
        assert_eq!(time.compact(), "20261123T150500Z");
    }

    #[test]
    fn little_time_is_not_all_kept_back() {
        let started = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let invocation = |seconds| Invocation {
            started: started.into(),
            ..Invocation::until(started + Duration::from_secs(seconds))
        };
        let ten_seconds = Duration::from_secs(10);
        let at = |seconds| started + Duration::from_secs(seconds);
        assert!(invocation(900).has_time_at(at(889), ten_seconds));
        assert!(!invocation(900).has_time_at(at(890), ten_seconds));
        assert!(invocation(8).has_time_at(at(5), ten_seconds));
        assert!(!invocation(8).has_time_at(at(6), ten_seconds));
    }

    #[test]
    fn lease_outlives_the_deadline() {
        let deadline = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        assert_eq!(Invocation::until(deadline).lease_until, Timestamp::from_secs(1_030));
    }
}
