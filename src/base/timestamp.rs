//! Points in time in whole seconds. Pure: only `aws::clock` reads the clock.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{Date, Month, OffsetDateTime};

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

    /// Returns its day in UTC: `2026-11-23`.
    #[must_use]
    pub fn day(self) -> String {
        self.to_string().chars().take_while(|c| *c != 'T').collect()
    }

    /// Returns it as text without separators, for a part of a key: `20261123T150500Z`.
    #[must_use]
    pub fn compact(self) -> String {
        self.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect()
    }
}

impl Timestamp {
    /// Reads the text that [`Display`](std::fmt::Display) writes; `None` for any other.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = |start: usize| text.get(start..start + 2)?.parse::<u8>().ok();
        let month = Month::try_from(number(5)?).ok()?;
        let date = Date::from_calendar_date(text.get(..4)?.parse().ok()?, month, number(8)?).ok()?;
        let time = date.with_hms(number(11)?, number(14)?, number(17)?).ok()?;
        let parsed = Self(time.assume_utc().unix_timestamp());
        (parsed.to_string() == text).then_some(parsed)
    }

    /// Reads the text that [`compact`](Self::compact) writes; `None` for any other.
    pub(crate) fn parse_compact(text: &str) -> Option<Self> {
        let piece = |range| text.get(range);
        let (year, month, day) = (piece(0..4)?, piece(4..6)?, piece(6..8)?);
        let (hour, minute, second) = (piece(9..11)?, piece(11..13)?, piece(13..15)?);
        let parsed = Self::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))?;
        (parsed.compact() == text).then_some(parsed)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let seconds = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Self(seconds(since.as_secs())),
            // Fractions are cut off toward the past, as after 1970.
            Err(error) => {
                let before = error.duration();
                Self(-seconds(before.as_secs() + u64::from(before.subsec_nanos() > 0)))
            }
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let seconds = Duration::from_secs(time.0.unsigned_abs());
        if time.0.is_negative() { Self::UNIX_EPOCH - seconds } else { Self::UNIX_EPOCH + seconds }
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Ok(time) = OffsetDateTime::from_unix_timestamp(self.0) else {
            return write!(f, "{} s since 1970", self.0);
        };
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second) = time.to_hms();
        let month = u8::from(month);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
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
        Self::parse(&text).ok_or_else(|| de::Error::custom("not a time such as 2026-11-23T15:05:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T15:05:00",
            "2026-11-23T15:05:00.0Z",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-11-23T25:05:00Z",
            "2026-11-23t15:05:00z",
            "2026-11-23T+1:05:00Z",
            "é026-11-23T15:05:00Z",
        ] {
            assert_eq!((Timestamp::parse(text), Timestamp::parse_compact(text)), (None, None), "{text}");
        }
        for seconds in [0, 1, 951_782_400, 1_795_446_300, 253_402_300_799] {
            let time = Timestamp::from_secs(seconds);
            assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
            assert_eq!(Timestamp::parse_compact(&time.compact()), Some(time));
        }
    }

    #[test]
    fn is_written_in_whole_seconds_and_read_back() {
        let time = Timestamp::from_secs(1_795_446_300);
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-11-23T15:05:00Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>("\"2026-11-23T15:05:00Z\"").unwrap(), time);
        assert_eq!(time.compact(), "20261123T150500Z");
    }

    #[test]
    fn seconds_are_counted_from_an_earlier_time_only() {
        let [earlier, later] = [1_000, 1_060].map(Timestamp::from_secs);
        assert_eq!([later.seconds_since(earlier), earlier.seconds_since(later)], [60, 0]);
    }

    #[test]
    fn fractions_of_a_second_are_cut_off_toward_the_past() {
        for (milliseconds, seconds) in
            [(0, 0), (1, 0), (999, 0), (1_000, 1), (-1, -1), (-999, -1), (-1_000, -1), (-1_001, -2)]
        {
            let distance = Duration::from_millis(i64::unsigned_abs(milliseconds));
            let epoch = SystemTime::UNIX_EPOCH;
            let time = if milliseconds < 0 { epoch - distance } else { epoch + distance };
            assert_eq!(Timestamp::from(time), Timestamp::from_secs(seconds), "{milliseconds} ms");
        }
    }

    #[test]
    fn whole_seconds_survive_the_clock() {
        for seconds in [-62_167_219_200, -1, 0, 1, 1_795_446_300] {
            let time = Timestamp::from_secs(seconds);
            let on_the_clock = SystemTime::from(time);
            assert_eq!(Timestamp::from(on_the_clock), time);
            assert_eq!(on_the_clock < SystemTime::UNIX_EPOCH, seconds < 0);
        }
    }
}
