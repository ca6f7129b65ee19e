//! Numbers that are not known exactly. Pure.

use std::fmt;
use std::ops::{Add, AddAssign, Mul};

use super::script::float;

/// A number that is not known exactly: it is between these two.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Range {
    /// The smallest number that it may be.
    pub least: f64,
    /// The largest one.
    pub most: f64,
}

impl Range {
    /// Returns the smallest range that has both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    /// Returns both ends as whole numbers: the lower one rounded down, the upper one up.
    #[must_use]
    pub fn outward(&self) -> (u64, u64) {
        (whole(self.least.floor()), whole(self.most.ceil()))
    }

    /// Returns both ends in millionths: the lower one rounded down, the upper one up. A number that has few decimals in decimal
    /// has many in binary; it is not rounded for those.
    #[must_use]
    pub fn in_millionths(&self) -> (u64, u64) {
        (whole((self.least * 1e6 + 1e-6).floor()), whole((self.most * 1e6 - 1e-6).ceil()))
    }

    /// Returns both ends with two digits, so that the range does not look more precise than it is: the lower one rounded
    /// down, the upper one up.
    #[must_use]
    pub fn rounded(&self) -> (u64, u64) {
        let unit = |number: f64| 10_f64.powf((number.max(1.0).log10().floor() - 1.0).max(0.0));
        let (below, above) = (unit(self.least), unit(self.most));
        (whole((self.least / below).floor() * below), whole((self.most / above).ceil() * above))
    }
}

/// Shows the range in whole numbers, as in `1,200 to 3,400`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = self.rounded();
        write!(f, "{} to {}", Grouped(least), Grouped(most))
    }
}

/// A whole number with commas.
#[derive(Debug, Clone, Copy)]
pub struct Grouped(pub u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl Add for Range {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { least: self.least + other.least, most: self.most + other.most }
    }
}

impl AddAssign for Range {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl From<(u64, u64)> for Range {
    fn from((least, most): (u64, u64)) -> Self {
        Self { least: float(least), most: float(most) }
    }
}

impl Mul<f64> for Range {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        Self { least: self.least * factor, most: self.most * factor }
    }
}

/// Converts a number that is not negative; the largest integer for what is above it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millionths_are_rounded_outward() {
        let of = |least, most| Range { least, most }.in_millionths();
        assert_eq!(of(0.3, 0.3), (300_000, 300_000));
        assert_eq!(of(0.000_001_9, 0.000_001_1), (1, 2));
        assert_eq!(of(0.0, 0.0), (0, 0));
        assert_eq!(of(0.0, 1e300).1, u64::MAX);
    }

    #[test]
    fn range_is_rounded_outward_to_two_digits() {
        let shown = |least, most| Range { least, most }.to_string();
        assert_eq!(shown(0.0, 0.4), "0 to 1");
        assert_eq!(shown(9.9, 10.1), "9 to 11");
        assert_eq!(shown(123.0, 129.0), "120 to 130");
        assert_eq!(shown(1_999_999.0, 12_000_001.0), "1,900,000 to 13,000,000");
    }
}
