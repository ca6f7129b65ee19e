//! Amounts of US dollars, in whole millionths, so that sums are exact. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Number;

/// The millionths of a dollar.
const MILLIONTHS: u64 = 1_000_000;

/// The largest amount that can be written, in dollars.
const MAX_DOLLARS: u64 = 1_000_000_000;

/// An amount of US dollars. In JSON, it is a number of dollars, such as `12.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(u64);

impl Usd {
    /// What an amount is, for messages about a text that is not one.
    pub const EXPECTED: &str = "an amount of US dollars such as 12.50";

    /// Makes an amount from millionths of a dollar.
    #[must_use]
    pub fn from_millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    /// Returns the millionths of a dollar.
    #[must_use]
    pub fn millionths(self) -> u64 {
        self.0
    }

    /// Reads dollars with at most six decimals; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (dollars, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(dollars) || !is_number(decimals) || decimals.len() > 6 {
            return None;
        }
        let dollars = dollars.parse::<u64>().ok().filter(|dollars| *dollars <= MAX_DOLLARS)?;
        let decimals = format!("{decimals:0<6}").parse::<u64>().ok()?;
        Some(Self(dollars * MILLIONTHS + decimals))
    }
}

/// Shows at least two decimals, and more only where the amount has them.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, decimals) = (self.0 / MILLIONTHS, format!("{:06}", self.0 % MILLIONTHS));
        write!(f, "{dollars}.{:0<2}", decimals.trim_end_matches('0'))
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        let number = Number::from_str(text.strip_suffix(".00").unwrap_or(&text));
        number.map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?.to_string();
        let number = number.strip_suffix(".0").unwrap_or(&number);
        // The smallest amounts are written with an exponent.
        let amount = match number.split_once("e-") {
            None => Self::parse(number),
            Some((digits, exponent)) => {
                let places = exponent.parse::<usize>().ok().filter(|places| (1..=6).contains(places));
                let zeros = "0".repeat(places.unwrap_or(7) - 1);
                Self::parse(&format!("0.{zeros}{}", digits.replace('.', "")))
            }
        };
        amount.ok_or_else(|| de::Error::custom(format_args!("not {}", Self::EXPECTED)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amount_is_read_and_shown_in_dollars() {
        for (text, millionths, shown) in [
            ("0", 0, "0.00"),
            ("50", 50_000_000, "50.00"),
            ("12.5", 12_500_000, "12.50"),
            ("0.000001", 1, "0.000001"),
            ("1.234500", 1_234_500, "1.2345"),
            ("1000000000", 1_000_000_000_000_000, "1000000000.00"),
        ] {
            let amount = Usd::parse(text).unwrap();
            assert_eq!((amount.millionths(), amount.to_string().as_str()), (millionths, shown));
        }
        let long = "9".repeat(30);
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "1.0000001", "1,50", "$1", " 1", "1000000001", &long]
        {
            assert_eq!(Usd::parse(text), None, "{text}");
        }
    }

    #[test]
    fn amount_is_a_number_in_json() {
        let json = |text| serde_json::to_string(&Usd::parse(text).unwrap()).unwrap();
        assert_eq!([json("50"), json("12.50"), json("0.1")], ["50", "12.5", "0.1"]);
        for bad in ["-1", "\"50\"", "1e21", "0.0000001", "1.23456789", "null"] {
            assert!(serde_json::from_str::<Usd>(bad).is_err(), "{bad}");
        }
        assert_eq!(serde_json::from_str::<Usd>("5e0").unwrap(), Usd::parse("5").unwrap());
    }

    proptest! {
        #[test]
        fn amount_survives_being_written(millionths in 0..=MAX_DOLLARS * MILLIONTHS) {
            let amount = Usd::from_millionths(millionths);
            prop_assert_eq!(Usd::parse(&amount.to_string()), Some(amount));
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), amount);
        }

        #[test]
        fn small_amount_survives_being_written(millionths in 0..1_000_u64) {
            let amount = Usd::from_millionths(millionths);
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), amount);
        }
    }
}
