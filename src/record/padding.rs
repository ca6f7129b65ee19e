//! What a padding record says, and what it costs at most. Pure.
//!
//! A job with fewer records than Bedrock's minimum is filled up with padding. Its records should cost next to nothing,
//! so each has the shortest body that its model's family accepts, and asks for one token of output where a body can.
//! The text is a dot, because Bedrock refuses a text that is empty or only white space ("text content blocks must
//! contain non-whitespace text"). <https://github.com/NousResearch/hermes-agent/pull/60628> (read 2026-11)
//!
//! Nobody documents whether every model accepts a limit of one output token in batch inference. A model that refuses
//! it answers the padding record with an error, which costs nothing and does not touch the other records.

use crate::model::family::{Family, foundation_model};

/// How many input tokens a chat template adds to a short prompt, at most. The longest known one, that of gpt-oss, adds
/// about 70; the others add about 10. Families with a known short template are covered by the bytes of their body.
/// <https://github.com/openai/harmony/blob/main/docs/format.md>
const TEMPLATE_TOKENS: u64 = 100;

/// A padding record's body, for a family of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownBody {
    /// The family, or `Converse`, whose body is the same for all models.
    pub family: &'static str,
    /// The JSON object.
    pub json: &'static str,
    /// The page that documents the body.
    pub source: &'static str,
    /// The most output tokens that it asks for.
    pub max_output_tokens: u64,
    /// How many input tokens the family's chat template adds beyond the bytes of the body, at most.
    template_tokens: u64,
}

impl KnownBody {
    /// Returns the most input tokens that a record with this body can have: a token has at least one byte.
    #[must_use]
    pub fn max_input_tokens(&self) -> u64 {
        self.json.len() as u64 + self.template_tokens
    }
}

macro_rules! bedrock_page {
    ($page:literal) => {
        concat!("https://docs.aws.amazon.com/bedrock/latest/userguide/", $page)
    };
}

const fn generates(family: &'static str, json: &'static str, source: &'static str) -> KnownBody {
    KnownBody { family, json, source, max_output_tokens: 1, template_tokens: 0 }
}

/// Embeddings have no output tokens.
const fn embeds(family: &'static str, json: &'static str, source: &'static str) -> KnownBody {
    KnownBody { family, json, source, max_output_tokens: 0, template_tokens: 0 }
}

/// The body of every model in a `Converse` job.
const CONVERSE: KnownBody = KnownBody {
    template_tokens: TEMPLATE_TOKENS,
    ..generates(
        "Converse",
        r#"{"messages":[{"role":"user","content":[{"text":"."}]}],"inferenceConfig":{"maxTokens":1}}"#,
        "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
    )
};

/// The body of a family, for an `InvokeModel` job (read 2026-11). `None` if the shortest one is not known.
const fn body_of(family: Family) -> Option<KnownBody> {
    let name = family.name();
    Some(match family {
        Family::FirstClaude | Family::Claude => generates(
            name,
            r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"."}]}]}"#,
            bedrock_page!("model-parameters-anthropic-claude-messages-request-response.html"),
        ),
        Family::Nova => generates(
            name,
            r#"{"messages":[{"role":"user","content":[{"text":"."}]}],"inferenceConfig":{"maxTokens":1}}"#,
            "https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html",
        ),
        Family::TitanEmbedText => {
            embeds(name, r#"{"inputText":"."}"#, bedrock_page!("model-parameters-titan-embed-text.html"))
        }
        Family::TitanEmbedImage => {
            embeds(name, r#"{"inputText":"."}"#, bedrock_page!("model-parameters-titan-embed-mm.html"))
        }
        Family::Llama => {
            generates(name, r#"{"prompt":".","max_gen_len":1}"#, bedrock_page!("model-parameters-meta.html"))
        }
        Family::MistralText => generates(
            name,
            r#"{"prompt":".","max_tokens":1}"#,
            bedrock_page!("model-parameters-mistral-text-completion.html"),
        ),
        Family::MistralChat => generates(
            name,
            r#"{"messages":[{"role":"user","content":"."}],"max_tokens":1}"#,
            bedrock_page!("model-parameters-mistral-chat-completion.html"),
        ),
        Family::CohereEmbed => embeds(
            name,
            r#"{"texts":["."],"input_type":"search_document"}"#,
            bedrock_page!("model-parameters-embed-v3.html"),
        ),
        // OpenAI's newer models refuse `max_tokens`.
        Family::OpenAi => KnownBody {
            template_tokens: TEMPLATE_TOKENS,
            ..generates(
                name,
                r#"{"messages":[{"role":"user","content":"."}],"max_completion_tokens":1}"#,
                bedrock_page!("model-parameters-openai.html"),
            )
        },
        Family::DeepSeekR1 => generates(
            name,
            r#"{"prompt":".","max_tokens":1}"#,
            bedrock_page!("model-parameters-deepseek.html"),
        ),
        Family::OpenAiShaped => KnownBody {
            template_tokens: TEMPLATE_TOKENS,
            ..generates(
                name,
                r#"{"messages":[{"role":"user","content":"."}],"max_tokens":1}"#,
                bedrock_page!("inference-chat-completions.html"),
            )
        },
        Family::TitanText | Family::CohereCommand => return None,
    })
}

/// Returns the body of padding records for a model, given its id, that of its inference profile, or the ARN of either.
/// `None` means that the family, or its shortest body, is not known. That is so for custom models and application
/// inference profiles, whose ids say nothing about the family.
///
/// ```
/// # use bedrock_vpc_batch::record::padding::known_body;
/// let claude = known_body("us.anthropic.claude-haiku-4-5-20251001-v1:0", "InvokeModel").unwrap();
/// assert_eq!(claude.family, "Anthropic Claude");
/// assert_eq!(known_body("abcdefghijkl", "InvokeModel"), None);
/// assert_eq!(known_body("abcdefghijkl", "Converse").unwrap().family, "Converse");
/// ```
#[must_use]
pub fn known_body(model_id: &str, model_invocation_type: &str) -> Option<KnownBody> {
    if model_invocation_type == "Converse" {
        return Some(CONVERSE);
    }
    Family::of(model_id).and_then(body_of)
}

/// Returns the most input tokens that a record with this body of the user's can have.
#[must_use]
pub fn own_body_tokens(body: &str) -> u64 {
    body.len() as u64 + TEMPLATE_TOKENS
}

/// Published prices of a model, for an estimate. They change, and differ by Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Billionths of a US dollar for an input token, in batch inference: half the price on demand.
    pub input_nano_usd: u64,
    /// Billionths of a US dollar for an output token.
    pub output_nano_usd: u64,
    /// Where the price is from, and of when.
    pub source: &'static str,
}

const PAGE_2025: &str = "the Bedrock pricing page of 2025-07-20, us-east-1, batch";
const ARTICLES_2026: &str = "published prices of 2026, half of on demand, plus 10% for geographic profiles";

const fn of_page(input_nano_usd: u64, output_nano_usd: u64) -> Price {
    Price { input_nano_usd, output_nano_usd, source: PAGE_2025 }
}

const fn of_articles(input_nano_usd: u64, output_nano_usd: u64) -> Price {
    Price { input_nano_usd, output_nano_usd, source: ARTICLES_2026 }
}

/// The starts of model ids, and their prices, rounded up to whole billionths. Models that are not here have no price
/// that could be read.
pub(crate) const PRICES: [(&str, Price); 16] = [
    ("amazon.nova-micro", of_page(18, 70)),
    ("amazon.nova-lite", of_page(30, 120)),
    ("amazon.nova-pro", of_page(400, 1_600)),
    ("amazon.nova-premier", of_page(1_250, 6_250)),
    ("amazon.nova-2-lite", of_articles(165, 1_375)),
    ("amazon.titan-embed-text-v2", of_articles(11, 0)),
    ("anthropic.claude-3-haiku", of_page(125, 625)),
    ("anthropic.claude-3-5-sonnet", of_articles(3_300, 16_500)),
    ("anthropic.claude-haiku-4-5", of_articles(550, 2_750)),
    ("anthropic.claude-sonnet-4-5", of_articles(1_650, 8_250)),
    ("anthropic.claude-sonnet-4-6", of_articles(1_650, 8_250)),
    ("anthropic.claude-opus-4-5", of_articles(2_750, 13_750)),
    ("anthropic.claude-opus-4-7", of_articles(2_750, 13_750)),
    ("meta.llama3-3-70b", of_page(360, 360)),
    ("meta.llama4-maverick", of_page(120, 485)),
    ("meta.llama4-scout", of_page(85, 330)),
];

/// Returns the price of a model, given as to [`known_body`]. `None` if no price is known.
#[must_use]
pub fn price(model_id: &str) -> Option<Price> {
    let id = foundation_model(model_id);
    PRICES.iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, price)| *price)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn family_follows_from_the_id_the_profile_or_the_arn() {
        let family = |model_id| known_body(model_id, "InvokeModel").map(|body| body.family);
        let table = [
            ("anthropic.claude-3-haiku-20240307-v1:0", Some("Anthropic Claude")),
            ("global.anthropic.claude-opus-5", Some("Anthropic Claude")),
            ("jp.anthropic.claude-sonnet-4-5-20250929-v1:0", Some("Anthropic Claude")),
            ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", Some("Amazon Nova")),
            (
                "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-2-lite-v1:0",
                Some("Amazon Nova"),
            ),
            ("amazon.titan-embed-text-v2:0", Some("Amazon Titan Text Embeddings")),
            ("amazon.titan-embed-text-v1", Some("Amazon Titan Text Embeddings")),
            ("amazon.titan-embed-image-v1", Some("Amazon Titan Multimodal Embeddings")),
            ("us.meta.llama3-3-70b-instruct-v1:0", Some("Meta Llama")),
            ("mistral.mistral-small-2402-v1:0", Some("Mistral text completion")),
            ("mistral.mistral-large-2407-v1:0", Some("Mistral chat completion")),
            ("openai.gpt-oss-120b-1:0", Some("OpenAI")),
            ("us.deepseek.r1-v1:0", Some("DeepSeek-R1")),
            ("deepseek.v3.2", Some("OpenAI-shaped chat completion")),
            ("qwen.qwen3-32b-v1:0", Some("OpenAI-shaped chat completion")),
            // Their shortest bodies are not known.
            ("amazon.nova-2-multimodal-embeddings-v1:0", None),
            ("amazon.nova-canvas-v1:0", None),
            (
                "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.titan-embed-image-v1:0/abcdefghijkl",
                None,
            ),
            ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl", None),
            ("", None),
        ];
        for (model_id, expected) in table {
            assert_eq!(family(model_id), expected, "{model_id}");
            assert_eq!(known_body(model_id, "Converse"), Some(CONVERSE), "{model_id}");
        }
    }

    #[test]
    fn bodies_are_objects_that_say_a_dot_and_ask_for_a_token() {
        let families = [
            Family::Claude,
            Family::Nova,
            Family::TitanEmbedText,
            Family::TitanEmbedImage,
            Family::Llama,
            Family::MistralText,
            Family::MistralChat,
            Family::CohereEmbed,
            Family::OpenAi,
            Family::DeepSeekR1,
            Family::OpenAiShaped,
        ];
        let bodies = families.into_iter().map(|family| body_of(family).unwrap()).chain([CONVERSE]);
        let mut families = BTreeSet::new();
        for body in bodies {
            assert!(families.insert(body.family), "{}", body.family);
            let json: serde_json::Value = serde_json::from_str(body.json).unwrap();
            assert!(json.is_object() && body.json.contains("\".\""), "{}", body.family);
            assert_eq!(json.to_string().len(), body.json.len(), "{} has no white space", body.family);
            assert_eq!(body.json.contains("\":1"), body.max_output_tokens == 1, "{}", body.family);
            assert!(body.source.starts_with("https://docs.aws.amazon.com/"), "{}", body.family);
        }
    }

    #[test]
    fn price_is_that_of_the_model_behind_a_profile() {
        let lite = price("us.amazon.nova-lite-v1:0").unwrap();
        assert_eq!((lite.input_nano_usd, lite.output_nano_usd), (30, 120));
        assert!(lite.source.contains("2025-07-20"));
        assert_eq!(price("anthropic.claude-opus-5"), None);
    }
}
