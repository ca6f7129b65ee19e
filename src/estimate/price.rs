//! Published prices of models, and what tokens cost. Pure.
//!
//! AWS publishes its prices on a page that programs cannot read, and they differ by Region. So they are in a file with a
//! date and sources, `prices.json`, and a user can give another one. `docs/cost.md` documents the format.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::range::Range;
use crate::base::arn::{self, Arn};
use crate::base::timestamp::Timestamp;
use crate::model::family::foundation_model;

/// The prices that are shipped.
const SHIPPED: &str = include_str!("prices.json");

/// Prices that are older than this number of days are called old.
pub const OLD_AFTER_DAYS: u64 = 90;

/// A file with prices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The version of the format, currently 1.
    version: u32,
    /// When the prices were last compared with their sources, such as `2026-11-27`.
    date: String,
    /// Only `USD`.
    currency: String,
    /// For how many tokens the prices are: 1,000,000.
    per_tokens: u64,
    /// The prices. A model may be there once for each Region.
    models: Vec<ModelPrice>,
}

/// The price of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPrice {
    /// The start of the id of the model, or of an inference profile. The longest that fits a model counts.
    pub model: String,
    /// The Region that has these prices.
    pub region: String,
    /// The price on demand.
    pub on_demand: TokenPrice,
    /// The price in batch inference.
    pub batch: TokenPrice,
    /// When the source had them, such as `2026-11-27`.
    pub as_of: String,
    /// Where they were read.
    pub source: String,
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPrice {
    /// For the tokens of requests.
    pub input: f64,
    /// For the tokens of answers.
    pub output: f64,
}

/// Why a file with prices cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// It is not JSON, or does not have the members that it should have.
    #[error("not a file with prices: {0}")]
    Format(#[from] serde_json::Error),
    /// A member has another value than this version knows.
    #[error("not a file with prices: {0}")]
    Value(&'static str),
}

impl Prices {
    /// Reads a file with prices.
    ///
    /// # Errors
    /// [`PricesError`] if it does not have the format.
    pub fn parse(json: &[u8]) -> Result<Self, PricesError> {
        let prices: Self = serde_json::from_slice(json)?;
        let numbers = prices.models.iter().flat_map(|model| {
            let ModelPrice { on_demand, batch, .. } = model;
            [on_demand.input, on_demand.output, batch.input, batch.output]
        });
        let wrong = match &prices {
            Self { version, .. } if *version != 1 => Some("version is not 1"),
            Self { currency, .. } if currency != "USD" => Some("currency is not USD"),
            Self { per_tokens: 1_000_000, .. } => None,
            _ => Some("per_tokens is not 1000000"),
        };
        let dates = prices.models.iter().map(|model| &model.as_of).chain([&prices.date]);
        let wrong = wrong
            .or_else(|| {
                dates.into_iter().any(|date| day(date).is_none()).then_some("a date is not like 2026-11-27")
            })
            .or_else(|| {
                numbers
                    .into_iter()
                    .any(|number| !(0.0..1e9).contains(&number))
                    .then_some("a price is negative")
            });
        wrong.map_or(Ok(prices), |wrong| Err(PricesError::Value(wrong)))
    }

    /// Reads the prices that are shipped.
    ///
    /// # Errors
    /// None; a test reads them.
    pub fn shipped() -> Result<Self, PricesError> {
        Self::parse(SHIPPED.as_bytes())
    }

    /// Returns the price of a model, given by its id, profile, or ARN: that of this Region if there is one, or else the
    /// first. `None` if there is none.
    #[must_use]
    pub fn of(&self, model_id: &str, region: Option<&str>) -> Option<&ModelPrice> {
        let names = [arn::id_of(model_id), foundation_model(model_id)];
        let fits = |price: &&ModelPrice| names.iter().any(|name| name.starts_with(&price.model));
        let longest = self.models.iter().filter(fits).map(|price| price.model.len()).max()?;
        let mut candidates = self.models.iter().filter(fits).filter(|price| price.model.len() == longest);
        let of_region = candidates.clone().find(|price| Some(price.region.as_str()) == region);
        of_region.or_else(|| candidates.next())
    }

    /// Returns the price of a model, given by its id or ARN: that of the Region in the ARN, if there is one.
    #[must_use]
    pub fn of_model(&self, model_id: &str) -> Option<&ModelPrice> {
        let region = Arn::parse(model_id).map(Arn::region).filter(|region| !region.is_empty());
        self.of(arn::id_of(model_id), region)
    }

    /// Returns the names of at most three models that have prices and are spelled almost like this one, the most similar
    /// first: where it starts, a fifth of the characters may differ.
    #[must_use]
    pub fn similar(&self, model_id: &str) -> Vec<&str> {
        // Who forgets the provider is not looking for another one.
        let is_provider = |start: &str| start.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let without_provider = |id: &str| match id.split_once('.') {
            Some((provider, name)) if is_provider(provider) => name.to_owned(),
            _ => id.to_owned(),
        };
        let id = without_provider(foundation_model(model_id));
        let names: BTreeSet<&str> = self.models.iter().map(|price| foundation_model(&price.model)).collect();
        let mut similar: Vec<(usize, &str)> = names
            .into_iter()
            .filter_map(|name| {
                let known = without_provider(name);
                let distance = distance_to_start(&known, &id);
                (distance <= known.len() / 5).then_some((distance, name))
            })
            .collect();
        similar.sort();
        similar.into_iter().take(3).map(|(_, name)| name).collect()
    }

    /// Returns how many days old the prices are, if they are older than [`OLD_AFTER_DAYS`].
    #[must_use]
    pub fn old(&self, now: Timestamp) -> Option<u64> {
        let days = now.seconds_since(day(&self.date)?) / (24 * 60 * 60);
        (days > OLD_AFTER_DAYS).then_some(days)
    }

    /// Returns the date of the prices.
    #[must_use]
    pub fn date(&self) -> &str {
        &self.date
    }
}

/// Returns how many characters have to be inserted, left out, or replaced to make this text out of the start of another
/// one.
fn distance_to_start(text: &str, other: &str) -> usize {
    // The distances of the characters so far to each start of the other text.
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (count, c) in text.chars().enumerate() {
        let mut before = count;
        let mut last = count + 1;
        let mut next = vec![last];
        for (above, d) in row.iter().skip(1).zip(other.chars()) {
            last = (before + usize::from(c != d)).min(above + 1).min(last + 1);
            next.push(last);
            before = *above;
        }
        row = next;
    }
    row.into_iter().min().unwrap_or_default()
}

/// Midnight of a day.
fn day(date: &str) -> Option<Timestamp> {
    serde_json::from_value(format!("{date}T00:00:00Z").into()).ok()
}

impl TokenPrice {
    /// Returns what tokens cost, in US dollars.
    #[must_use]
    pub fn cost(&self, input: Range, output: Range) -> Range {
        input * (self.input / 1e6) + output * (self.output / 1e6)
    }
}

/// Shows US dollars, as in `0.012 to 3.40`, or `at most 3.40`: the lower end rounded down, the upper one up.
#[derive(Debug, Clone, Copy)]
pub struct Dollars(pub Range);

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { least, most } = self.0;
        let decimals = |number: f64| match number {
            1_000.0.. => 0,
            1.0.. => 2,
            0.01.. => 3,
            _ => 5,
        };
        let (below, above) = (decimals(least), decimals(most));
        let factor = |decimals: usize| 10_f64.powi(i32::try_from(decimals).unwrap_or_default());
        // A number that has few decimals in decimal has many in binary; it should not be rounded for those.
        let least = (least * factor(below) + 1e-6).floor() / factor(below);
        let most = (most * factor(above) - 1e-6).max(0.0).ceil() / factor(above);
        if least > 0.0 {
            write!(f, "{least:.below$} to {most:.above$}")
        } else {
            write!(f, "at most {most:.above$}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::padding;

    const DAY: u64 = 24 * 60 * 60;

    #[test]
    fn shipped_prices_are_complete() {
        let prices = Prices::shipped().unwrap();
        assert!(prices.models.len() >= 20);
        for price in &prices.models {
            assert!(price.source.len() > 10 && !price.region.is_empty(), "{price:?}");
            assert!(price.batch.input <= price.on_demand.input, "{price:?}");
            assert!(price.batch.input >= 0.499 * price.on_demand.input, "{price:?}");
        }
    }

    /// The functions know prices too, for the padding of a drop. There are no two truths.
    #[test]
    fn shipped_prices_agree_with_those_of_padding() {
        let prices = Prices::shipped().unwrap();
        let mut compared = 0;
        for price in prices.models.iter().filter(|price| !price.model.starts_with("global.")) {
            let Some(of_padding) = padding::price(&price.model) else {
                panic!("{} has no price", price.model)
            };
            for (ours, nano_usd) in [
                (price.batch.input, of_padding.input_nano_usd),
                (price.batch.output, of_padding.output_nano_usd),
            ] {
                // Padding's are whole billionths, rounded up, and some are with the 10% of geographic profiles.
                let theirs = super::super::script::float(nano_usd) / 1_000.0;
                assert!(
                    ours <= theirs + 1e-9 && theirs <= 1.1 * ours + 0.0011,
                    "{} {ours} {theirs}",
                    price.model
                );
            }
            compared += 1;
        }
        assert_eq!(compared, padding::PRICES.len());
    }

    #[test]
    fn price_is_that_of_the_longest_name_and_of_the_region() {
        let prices = Prices::shipped().unwrap();
        let of = |model_id| prices.of(model_id, None).map(|price| price.on_demand.input);
        assert_eq!(of("us.anthropic.claude-haiku-4-5-20251001-v1:0"), Some(1.1));
        assert_eq!(of("global.anthropic.claude-haiku-4-5-20251001-v1:0"), Some(1.0));
        assert_eq!(
            of("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"),
            Some(0.06)
        );
        assert_eq!((of("anthropic.claude-opus-5"), of("")), (None, None));

        let mut prices = prices;
        let mut frankfurt = prices.of("amazon.nova-lite-v1:0", None).unwrap().clone();
        frankfurt.region = "eu-central-1".into();
        frankfurt.on_demand.input = 0.07;
        prices.models.push(frankfurt);
        let of = |region| prices.of("eu.amazon.nova-lite-v1:0", region).unwrap().on_demand.input;
        assert_eq!(
            [of(None), of(Some("eu-central-1")), of(Some("eu-west-1"))],
            [0.06, 0.07, 0.06],
            "the first if there is none of the Region"
        );
    }

    #[test]
    fn models_that_are_spelled_alike_are_found() {
        let prices = Prices::shipped().unwrap();
        for (model_id, similar) in [
            ("amazon.nova-lit", Some("amazon.nova-lite")),
            ("us.amazon.nova-lte-v1:0", Some("amazon.nova-lite")),
            ("claude-haiku-4.5", Some("anthropic.claude-haiku-4-5")),
            ("us.anthropic.claude-haiku-45-20251001-v1:0", Some("anthropic.claude-haiku-4-5")),
            ("gpt-4o", None),
            ("foo", None),
            ("", None),
        ] {
            assert_eq!(prices.similar(model_id).first().copied(), similar, "{model_id}");
            assert!(prices.similar(model_id).len() <= 3);
        }
    }

    #[test]
    fn prices_are_old_after_90_days() {
        let prices = Prices::shipped().unwrap();
        let published = day(prices.date()).unwrap();
        let after = |days: u64| {
            let seconds = i64::try_from(days * DAY).unwrap();
            prices.old(Timestamp::from_secs(
                seconds + i64::try_from(published.seconds_since(Timestamp::from_secs(0))).unwrap(),
            ))
        };
        assert_eq!((after(0), after(90), after(91)), (None, None, Some(91)));
    }

    #[test]
    fn file_of_another_format_is_refused_with_the_reason() {
        let good = SHIPPED.to_owned();
        Prices::parse(good.as_bytes()).unwrap();
        for (from, to, reason) in [
            ("\"version\": 1", "\"version\": 2", "version is not 1"),
            ("USD", "EUR", "currency is not USD"),
            ("1000000", "1000", "per_tokens is not 1000000"),
            ("2026-11-27", "27 Nov 2026", "a date is not like 2026-11-27"),
            ("2025-07-20", "2025-07-32", "a date is not like 2026-11-27"),
            ("0.035", "-1", "a price is negative"),
            ("\"date\"", "\"day\"", "unknown field `day`"),
        ] {
            assert!(good.contains(from));
            let error = Prices::parse(good.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn cost_is_a_range_and_shown_as_one() {
        let price = TokenPrice { input: 3.0, output: 15.0 };
        let tokens = |least, most| Range { least, most };
        let cost = price.cost(tokens(1e6, 2e6), tokens(0.0, 1e6));
        assert_eq!(Dollars(cost).to_string(), "3.00 to 21.00");
        let shown = |least, most| Dollars(tokens(least, most)).to_string();
        assert_eq!(shown(0.0, 0.000_001), "at most 0.00001");
        assert_eq!(shown(0.000_001, 0.000_15), "at most 0.00015");
        assert_eq!(shown(0.0, 0.0), "at most 0.00000");
        assert_eq!(shown(0.000_014, 0.000_15), "0.00001 to 0.00015");
        assert_eq!(shown(0.012_34, 1_234.5), "0.012 to 1235");
    }
}
