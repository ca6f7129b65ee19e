//! Time, as Bedrock writes it: ISO 8601 with milliseconds, and another format in its events.

use crate::aws::clock;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// Reads the clock.
pub(super) fn now() -> DateTime {
    clock::now().into()
}

/// Writes `2024-08-28T22:47:53.012Z`, or the first second of 1970 for a time that cannot be written like
/// this.
pub(super) fn iso_8601(time: DateTime) -> String {
    let seconds = DateTime::from_secs(time.secs()).fmt(Format::DateTime);
    let seconds = seconds.unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned());
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), time.subsec_nanos() / 1_000_000)
}

/// Writes `Aug 28, 2024, 10:47:53 PM`, the format of `creationTime` in the documented event.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-eventbridge.html> (read 2026-11).
pub(super) fn creation_time(time: DateTime) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let iso = iso_8601(time);
    let mut numbers = iso.split(['-', 'T', ':', '.']).map(|part| part.parse::<usize>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let (year, month, day, hour, minute, second) = (next(), next(), next(), next(), next(), next());
    let month = MONTHS.get(month.saturating_sub(1)).unwrap_or(&"Jan");
    let half = if hour < 12 { "AM" } else { "PM" };
    let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
    format!("{month} {day}, {year}, {hour}:{minute:02}:{second:02} {half}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_both_forms() {
        let time = DateTime::from_millis(1_724_885_273_012);
        assert_eq!(iso_8601(time), "2024-08-28T22:47:53.012Z");
        assert_eq!(creation_time(time), "Aug 28, 2024, 10:47:53 PM");
        assert_eq!(creation_time(DateTime::from_secs(0)), "Jan 1, 1970, 12:00:00 AM");
        assert_eq!(creation_time(DateTime::from_secs(43_200)), "Jan 1, 1970, 12:00:00 PM");
    }
}
