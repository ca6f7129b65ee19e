//! What the jobs of a whole drop take and cost, with their padding. Pure; imports `drop`, too.
//!
//! The command line and the functions use the same figures: what `check` shows as the most is what a budget counts.

use super::price::Prices;
use super::range::{Grouped, Range};
use super::request::read_record;
use super::sample::FileTokens;
use super::script::float;
use super::tokens::Model;
use crate::base::count::Counted;
use crate::base::usd::Usd;
use crate::drop::limits::Cost;
use crate::drop::settings::Settings;
use crate::job::padding::{PaddingBody, padding_records};

/// The tokens of requests and of answers.
pub type Tokens = (Range, Range);

/// The records of a drop, and those that fill its jobs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Records {
    /// The records of the drop.
    pub own: u64,
    /// The padding records of all its jobs.
    pub padding: u64,
}

impl Records {
    /// The records of jobs that have these numbers of records, without their padding.
    #[must_use]
    pub fn of_jobs(settings: &Settings, jobs: impl Iterator<Item = u64>) -> Self {
        jobs.fold(Self { own: 0, padding: 0 }, |all, records| Self {
            own: all.own.saturating_add(records),
            padding: all.padding.saturating_add(padding_records(settings, records)),
        })
    }
}

/// Returns the tokens of the padding, given those of the records. Without a model, it is that of any.
#[must_use]
pub fn padding_tokens(
    settings: &Settings,
    model: Option<&Model>,
    records: Records,
    (input, output): Tokens,
) -> Tokens {
    let known = match PaddingBody::of(&settings.model_id, &settings.model_invocation_type) {
        PaddingBody::Known(known) => {
            let record = format!(r#"{{"recordId":"","modelInput":{}}}"#, known.json);
            model.zip(read_record(record.as_bytes()))
        }
        PaddingBody::OwnRecord => None,
    };
    let padding = float(records.padding);
    if let Some((model, request)) = known {
        let (input, output) = model.tokens(&request);
        return (input * padding, output * padding);
    }
    // The shortest record is repeated, or a body that is shorter still.
    let like_records = |of_records: Range| {
        let most = of_records.most * padding / float(records.own.max(1));
        Range { least: padding.min(most), most }
    };
    (like_records(input), like_records(output))
}

/// Returns the tokens of a drop with its padding, given those of its records.
#[must_use]
pub fn with_padding(settings: &Settings, model: Option<&Model>, records: Records, tokens: Tokens) -> Tokens {
    if records.padding == 0 {
        return tokens;
    }
    let (input, output) = padding_tokens(settings, model, records, tokens);
    (tokens.0 + input, tokens.1 + output)
}

/// Returns what a drop costs in batch inference, at most. If a part of that is unknown, nobody can say: a budget must not take
/// it for nothing.
#[must_use]
pub fn cost(settings: &Settings, records: Records, tokens: Option<&FileTokens>, prices: &Prices) -> Cost {
    let unknown = |how: String| Cost { max_usd: None, how };
    let Some(price) = prices.of_model(&settings.model_id) else {
        return unknown(format!("There is no price for the model {}", settings.model_id));
    };
    let Some(tokens) = tokens else {
        return unknown("None of its records could be looked at".to_owned());
    };
    if tokens.has_other_media {
        let what = "documents, video, audio, or files in S3, whose tokens are not counted";
        return unknown(format!("Some of its records have {what}"));
    }
    let model = Model::of(Some(&settings.model_id));
    let (input, output) = with_padding(settings, Some(&model), records, (tokens.input, tokens.output));
    let max_usd = Usd::from_millionths(price.batch.cost(input, output).in_millionths().1);
    let all = Counted(records.own + records.padding, "record");
    let padding = if records.padding > 0 { " with padding" } else { "" };
    let how = format!(
        "{all}{padding} have at most {} input tokens and {} output tokens, at the batch prices of {}",
        Grouped(input.outward().1),
        Grouped(output.outward().1),
        price.as_of
    );
    Cost { max_usd: Some(max_usd), how }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(input: (f64, f64), output: (f64, f64)) -> FileTokens {
        let range = |(least, most)| Range { least, most };
        FileTokens {
            input: range(input),
            output: range(output),
            sampled: 1,
            unlimited: 0.0,
            has_images: false,
            has_other_media: false,
        }
    }

    fn of_model(model_id: &str, records: Records, tokens: Option<&FileTokens>) -> Cost {
        let settings = Settings { model_id: model_id.into(), ..Settings::example() };
        cost(&settings, records, tokens, &Prices::shipped().unwrap())
    }

    const FULL: Records = Records { own: 200, padding: 0 };

    #[test]
    fn cost_is_the_upper_end_rounded_up() {
        // Nova Lite: 0.03 and 0.12 dollars for a million tokens in batch inference.
        let taken = tokens((1.0, 1_000_000.0), (1.0, 2_000_001.0));
        let found = of_model("amazon.nova-lite-v1:0", FULL, Some(&taken));
        assert_eq!(found.max_usd, Usd::parse("0.270001"));
        assert_eq!(
            found.how,
            "200 records have at most 1,000,000 input tokens and 2,000,001 output tokens, at the batch prices of 2025-07-20"
        );
        let arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0";
        assert_eq!(of_model(arn, FULL, Some(&taken)).max_usd, found.max_usd);
    }

    #[test]
    fn nobody_can_say_the_cost_of_what_has_no_price_or_is_not_counted() {
        let known = tokens((1.0, 10.0), (1.0, 10.0));
        let other = FileTokens { has_other_media: true, ..known };
        for (model, tokens, how) in [
            (
                "amazon.unheard-of-v1:0",
                Some(&known),
                "There is no price for the model amazon.unheard-of-v1:0",
            ),
            ("amazon.nova-lite-v1:0", None, "None of its records could be looked at"),
            ("amazon.nova-lite-v1:0", Some(&other), "Some of its records have documents,"),
        ] {
            let found = of_model(model, FULL, tokens);
            assert!(found.max_usd.is_none() && found.how.starts_with(how), "{}", found.how);
        }
    }

    #[test]
    fn padding_is_part_of_the_cost() {
        let settings = Settings::example();
        let records = Records::of_jobs(&settings, [150, 7].into_iter());
        assert_eq!(records, Records { own: 157, padding: 93 });
        let taken = tokens((1_000.0, 1_000.0), (1_000.0, 1_000.0));
        let without = of_model("amazon.nova-lite-v1:0", FULL, Some(&taken)).max_usd.unwrap();
        let with = of_model("amazon.nova-lite-v1:0", records, Some(&taken));
        assert!(with.max_usd.unwrap() > without, "{with:?}");
        assert!(with.how.starts_with("250 records with padding have at most "), "{}", with.how);
        // A family without a known body repeats a record.
        let other = Settings { model_id: "x.y".into(), ..settings };
        let (input, _) =
            padding_tokens(&other, None, Records { own: 10, padding: 5 }, (taken.input, taken.output));
        assert_eq!(input, Range { least: 5.0, most: 500.0 });
    }
}
