//! Numbers of things, as a sentence has them. Pure.

use std::fmt;

/// Shows a number with its noun: "1 record", "2 records".
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a>(pub u64, pub &'a str);

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "{count} {noun}{plural}")
    }
}

/// Returns a share in percent, from 0 to 100, rounded up: only 0 means none. Nothing has a share of nothing.
///
/// ```
/// # use bedrock_vpc_batch::base::count::percent;
/// assert_eq!([percent(0, 7), percent(1, 1_000), percent(7, 7), percent(0, 0)], [0, 1, 100, 0]);
/// ```
#[must_use]
pub fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 { 0 } else { part.min(whole).saturating_mul(100).div_ceil(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noun_agrees_with_the_number() {
        let shown = [0, 1, 2].map(|count| Counted(count, "record").to_string());
        assert_eq!(shown, ["0 records", "1 record", "2 records"]);
    }

    #[test]
    fn share_is_rounded_up_and_never_above_a_hundred() {
        let table = [
            (0, 0, 0),
            (5, 0, 0),
            (0, 100, 0),
            (5, 100, 5),
            (51, 1_000, 6),
            (1, 3, 34),
            (3, 3, 100),
            (4, 3, 100),
        ];
        for (part, whole, expected) in table {
            assert_eq!(percent(part, whole), expected, "{part} of {whole}");
        }
    }
}
