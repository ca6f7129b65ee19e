//! The outcome of a drop in a sentence, and times and costs in words. Pure.

use crate::base::timestamp::Timestamp;
use crate::drop::source::EstimatedTokens;
use crate::estimate::like::model_of;
use crate::estimate::price::{Dollars, ModelPrice, Prices};
use crate::estimate::range::{Grouped, Range};
use crate::job::summary::Summary;

/// How good an outcome is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Every record has an answer.
    Good,
    /// Some records have none, or one that is of no use.
    Mixed,
    /// No record has an answer, or the figures disagree.
    Bad,
}

/// Says in one sentence what became of a drop, and how good that is.
#[must_use]
pub fn outcome(summary: &Summary) -> (Tone, String) {
    let of = &summary.records;
    let noun = if of.total == 1 { "record" } else { "records" };
    let all = format!("{} {noun}", Grouped(of.total));
    if !summary.balanced {
        let said = "The figures disagree, so look at it before you use the results: ";
        return (Tone::Bad, format!("{said}{} of {all} have an answer.", Grouped(of.succeeded)));
    }
    let unusable = of.truncated + of.refused;
    match (of.succeeded, unusable) {
        (0, _) => (Tone::Bad, format!("None of {all} has an answer.")),
        (succeeded, 0) if succeeded == of.total => (Tone::Good, format!("Each of {all} has an answer.")),
        (succeeded, _) if succeeded == of.total => {
            let said = format!("Each of {all} has an answer, of which {} cannot be used.", Grouped(unusable));
            (Tone::Mixed, said)
        }
        (succeeded, 0) => (Tone::Mixed, format!("{} of {all} have an answer.", Grouped(succeeded))),
        (succeeded, _) => {
            let said = format!(
                "{} of {all} have an answer, of which {} cannot be used.",
                Grouped(succeeded),
                Grouped(unusable)
            );
            (Tone::Mixed, said)
        }
    }
}

/// Reads a time as Bedrock writes it; fractions of a second are ignored.
#[must_use]
pub fn read_time(text: &str) -> Option<Timestamp> {
    Timestamp::parse(&format!("{}Z", text.get(..19)?))
}

/// Says how long something took, such as `2 h 5 min`.
#[must_use]
pub fn duration(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..172_800 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} days {} h", hours / 24, hours % 24),
    }
}

/// What the tokens of a drop cost, by published prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// The cost in words, such as `about 1.20 US dollars`.
    pub dollars: String,
    /// When the prices were published, such as `2026-11-27`.
    pub as_of: String,
    /// The Region of the prices.
    pub region: String,
}

/// Returns what the tokens of a drop cost; `None` if its jobs had several models, or one without a price.
#[must_use]
pub fn cost(summary: &Summary, prices: &Prices) -> Option<Cost> {
    let price = price_of(summary, prices)?;
    let exactly = |count: u64| Range::from((count, count));
    let cost = price.batch.cost(exactly(summary.input_tokens), exactly(summary.output_tokens));
    Some(Cost { dollars: dollars(cost.most), as_of: price.as_of.clone(), region: price.region.clone() })
}

/// Returns what these tokens were to cost at the same prices.
#[must_use]
pub fn estimated_cost(summary: &Summary, of: &EstimatedTokens, prices: &Prices) -> Option<Dollars> {
    Some(Dollars(price_of(summary, prices)?.batch.cost(of.input.into(), of.output.into())))
}

fn price_of<'a>(summary: &Summary, prices: &'a Prices) -> Option<&'a ModelPrice> {
    prices.of_model(model_of(summary)?)
}

fn dollars(amount: f64) -> String {
    if amount < 0.01 {
        "less than 0.01 US dollars".to_owned()
    } else {
        format!("about {amount:.2} US dollars")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::tests::summary;

    #[test]
    fn outcome_is_one_sentence() {
        let said = |succeeded, truncated, failed| {
            let mut summary = summary();
            summary.records.succeeded = succeeded;
            summary.records.truncated = truncated;
            summary.records.refused = 0;
            summary.records.failed = failed;
            summary.records.unprocessed = 0;
            summary.records.total = succeeded + failed;
            let (tone, said) = outcome(&summary);
            (tone, said)
        };
        assert_eq!(said(1, 0, 0), (Tone::Good, "Each of 1 record has an answer.".into()));
        assert_eq!(said(120, 0, 0), (Tone::Good, "Each of 120 records has an answer.".into()));
        let unusable = "Each of 120 records has an answer, of which 3 cannot be used.";
        assert_eq!(said(120, 3, 0), (Tone::Mixed, unusable.into()));
        assert_eq!(said(1_100, 0, 20), (Tone::Mixed, "1,100 of 1,120 records have an answer.".into()));
        let both = "100 of 120 records have an answer, of which 1 cannot be used.";
        assert_eq!(said(100, 1, 20), (Tone::Mixed, both.into()));
        assert_eq!(said(0, 0, 20), (Tone::Bad, "None of 20 records has an answer.".into()));
        let contradictory = Summary { balanced: false, ..summary() };
        let (tone, said) = outcome(&contradictory);
        assert!(tone == Tone::Bad && said.starts_with("The figures disagree"), "{said}");
    }

    #[test]
    fn times_are_read_and_told() {
        let start = read_time("2026-11-27T10:00:00.123456Z").unwrap();
        let end = read_time("2026-11-27T12:05:09Z").unwrap();
        assert_eq!(duration(end.seconds_since(start)), "2 h 5 min");
        assert_eq!(["", "soon", "2026-11-27T10:00"].map(read_time), [None; 3]);
        assert_eq!(
            [0, 59, 60, 3_599, 3_600, 172_799].map(duration).join(", "),
            "0 s, 59 s, 1 min, 59 min, 1 h 0 min, 47 h 59 min"
        );
        assert_eq!(duration(200_000), "2 days 7 h");
    }

    #[test]
    fn cost_is_that_of_the_only_model() {
        let prices = Prices::shipped().unwrap();
        assert_eq!(cost(&summary(), &prices), None, "no job, no model");
        assert_eq!(
            [0.0, 0.0099, 0.01, 1.2, 1_234.567].map(dollars),
            [
                "less than 0.01 US dollars",
                "less than 0.01 US dollars",
                "about 0.01 US dollars",
                "about 1.20 US dollars",
                "about 1234.57 US dollars"
            ]
        );
    }
}
