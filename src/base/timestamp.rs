//! Points in time in whole seconds. Pure: only `aws::clock` reads the clock.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A number of seconds since 1970, written as `2026-11-23T15:05:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Makes a point in time from seconds since 1970.
    #[must_use]
    pub fn from_secs(secs: i64) -> Self {
        Self(secs)
    }

    /// Returns how many seconds it is after an earlier time, or 0 if that time is not earlier.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or_default()
    }

    /// Returns the time that is earlier by a duration; fractions of a second are ignored.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(duration.as_secs()))
    }

    /// Returns it as text without separators, for a part of a key: `20261123T150500Z`.
    #[must_use]
    pub fn compact(self) -> String {
        self.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect()
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(OffsetDateTime::from(time).unix_timestamp())
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
        let text =
            OffsetDateTime::from_unix_timestamp(self.0).ok().and_then(|time| time.format(&Rfc3339).ok());
        match text {
            Some(text) => f.write_str(&text),
            None => write!(f, "{} s since 1970", self.0),
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
        OffsetDateTime::parse(&text, &Rfc3339)
            .map(|time| Self(time.unix_timestamp()))
            .map_err(de::Error::custom)
    }
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
}
