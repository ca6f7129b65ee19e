//! The tokens of one record. Pure.

use super::range::Range;
use super::request::Request;
use super::script::float;
use super::weights::Family;

/// What an image costs, in tokens. The size in pixels decides, which is not looked at.
/// <https://platform.claude.com/docs/en/build-with-claude/vision> (read 2026-11): width × height / 750, up to about 1,600
/// tokens, and up to 4,784 for the models that take larger images. Other families are in between.
const IMAGE: Range = Range { least: 50.0, most: 4_800.0 };

/// How many output tokens a record may have at most if it does not say, in the families where that is not documented.
pub const ASSUMED_LIMIT: u64 = 4_096;

/// Meta Llama: "The default value is 512".
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html> (read 2026-11)
const LLAMA_LIMIT: u64 = 512;

/// What is asked of a model, as far as the number of tokens depends on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    family: Family,
    /// Whether its records have output tokens.
    generates: bool,
    /// The output limit of records that do not set one.
    limit: u64,
}

impl Model {
    /// Returns what is known about a model; without an id, what holds for all of them.
    #[must_use]
    pub fn of(model_id: Option<&str>) -> Self {
        let model_id = model_id.unwrap_or_default();
        let limit = if model_id.contains("meta.llama") { LLAMA_LIMIT } else { ASSUMED_LIMIT };
        Self { family: Family::of(model_id), generates: !model_id.contains("embed"), limit }
    }

    /// Whether the model's tokenizer, or one like it, is known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.family.is_known()
    }

    /// Returns the tokens that a record takes, and those of its answer.
    #[must_use]
    pub fn tokens(&self, request: &Request) -> (Range, Range) {
        let input = self.family.tokens(&request.counts, request.messages) + IMAGE * float(request.images);
        let limit = request.max_tokens.unwrap_or(self.limit).max(1);
        let output = if self.generates { Range { least: 1.0, most: float(limit) } } else { Range::default() };
        (input, output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_bounded_by_the_limit_of_the_record_or_of_the_family() {
        let output = |model_id, max_tokens| {
            let request = Request { max_tokens, ..Request::default() };
            Model::of(Some(model_id)).tokens(&request).1
        };
        let most = |model_id, max_tokens| output(model_id, max_tokens).most;
        assert_eq!(output("amazon.nova-lite-v1:0", Some(300)), Range { least: 1.0, most: 300.0 });
        assert_eq!((most("us.meta.llama3-3-70b-instruct-v1:0", None), most("x", None)), (512.0, 4_096.0));
        assert_eq!(output("amazon.titan-embed-text-v2:0", Some(300)), Range::default());
    }

    #[test]
    fn image_makes_the_range_wide() {
        let request = Request { images: 2, ..Request::default() };
        let (input, _) = Model::of(None).tokens(&request);
        assert!(input.least == 100.0 && input.most >= 9_600.0, "{input:?}");
    }
}
