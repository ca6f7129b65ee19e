//! Which family a model belongs to: models of a family take the same bodies. Pure.

use crate::base::arn;

/// The start of the ids of inference profiles. <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>
const GEOGRAPHIES: [&str; 7] = ["us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "global."];

/// Models whose `InvokeModel` bodies have the same format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// The first Claude models, which take Anthropic's messages, and also its older text completions.
    FirstClaude,
    /// Anthropic Claude.
    Claude,
    /// The Amazon Nova models that understand and write text.
    Nova,
    /// Amazon Titan Text.
    TitanText,
    /// Amazon Titan Text Embeddings.
    TitanEmbedText,
    /// Amazon Titan Multimodal Embeddings.
    TitanEmbedImage,
    /// Meta Llama.
    Llama,
    /// The Mistral models that complete a text.
    MistralText,
    /// Mistral Large, which takes messages.
    MistralChat,
    /// Cohere Embed.
    CohereEmbed,
    /// Cohere Command R.
    CohereCommand,
    /// The models of `OpenAI`.
    OpenAi,
    /// DeepSeek-R1, which completes a text.
    DeepSeekR1,
    /// Qwen, the other `DeepSeek` models, and more: they take the chat completions of `OpenAI`.
    OpenAiShaped,
}

/// The families, with the starts of their model ids (read 2026-11). The first match counts. This is the only such table.
const FAMILIES: [(Family, &[&str]); 14] = [
    (Family::FirstClaude, &["anthropic.claude-v2", "anthropic.claude-instant"]),
    (Family::Claude, &["anthropic."]),
    // Canvas, Reel, Sonic, and the embeddings take other bodies.
    (
        Family::Nova,
        &[
            "amazon.nova-micro",
            "amazon.nova-lite",
            "amazon.nova-pro",
            "amazon.nova-premier",
            "amazon.nova-2-lite",
            "amazon.nova-2-pro",
        ],
    ),
    (Family::TitanText, &["amazon.titan-text"]),
    (Family::TitanEmbedText, &["amazon.titan-embed-text", "amazon.titan-embed-g1-text"]),
    (Family::TitanEmbedImage, &["amazon.titan-embed-image"]),
    (Family::Llama, &["meta.llama"]),
    (Family::MistralText, &["mistral.mistral-7b", "mistral.mixtral-", "mistral.mistral-small-2402"]),
    (Family::MistralChat, &["mistral.mistral-large"]),
    (Family::CohereEmbed, &["cohere.embed"]),
    (Family::CohereCommand, &["cohere.command-r"]),
    (Family::OpenAi, &["openai."]),
    (Family::DeepSeekR1, &["deepseek.r1"]),
    (
        Family::OpenAiShaped,
        &[
            "deepseek.",
            "qwen.",
            "zai.",
            "minimax.",
            "google.gemma-",
            "mistral.ministral",
            "mistral.magistral",
            "nvidia.",
        ],
    ),
];

/// The starts of the ids of models that make embeddings, images, or videos: Converse does not support them.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference.html>
const WITHOUT_CONVERSE: [&str; 7] = [
    "amazon.titan-embed-",
    "amazon.titan-image-",
    "amazon.nova-canvas",
    "amazon.nova-reel",
    "amazon.nova-2-multimodal-embeddings",
    "cohere.embed-",
    "stability.",
];

/// Returns whether a model may take requests of Converse, given its id, that of its inference profile, or the ARN of
/// either. Of models that are not known, it is assumed.
///
/// ```
/// # use bedrock_vpc_batch::model::family::may_have_converse;
/// assert!(may_have_converse("us.amazon.nova-lite-v1:0") && may_have_converse("abcdefghijkl"));
/// assert!(!may_have_converse("us.cohere.embed-v4:0"));
/// ```
#[must_use]
pub fn may_have_converse(model_id: &str) -> bool {
    let id = foundation_model(model_id);
    !WITHOUT_CONVERSE.iter().any(|start| id.starts_with(start))
}

impl Family {
    /// Returns the family of a model, given its id, that of its inference profile, or the ARN of either. `None` if it is
    /// not known. That is so for custom models and application inference profiles, whose ids say nothing about the
    /// family.
    ///
    /// ```
    /// # use bedrock_vpc_batch::model::family::Family;
    /// assert_eq!(Family::of("us.anthropic.claude-haiku-4-5-20251001-v1:0"), Some(Family::Claude));
    /// assert_eq!(Family::of("abcdefghijkl"), None);
    /// ```
    #[must_use]
    pub fn of(model_id: &str) -> Option<Self> {
        let id = foundation_model(model_id);
        let (family, _) =
            FAMILIES.iter().find(|(_, starts)| starts.iter().any(|start| id.starts_with(start)))?;
        Some(*family)
    }

    /// Returns the family's name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstClaude | Self::Claude => "Anthropic Claude",
            Self::Nova => "Amazon Nova",
            Self::TitanText => "Amazon Titan Text",
            Self::TitanEmbedText => "Amazon Titan Text Embeddings",
            Self::TitanEmbedImage => "Amazon Titan Multimodal Embeddings",
            Self::Llama => "Meta Llama",
            Self::MistralText => "Mistral text completion",
            Self::MistralChat => "Mistral chat completion",
            Self::CohereEmbed => "Cohere Embed",
            Self::CohereCommand => "Cohere Command R",
            Self::OpenAi => "OpenAI",
            Self::DeepSeekR1 => "DeepSeek-R1",
            Self::OpenAiShaped => "OpenAI-shaped chat completion",
        }
    }
}

/// Returns the id of the model that a profile leads to, or the id itself.
#[must_use]
pub fn foundation_model(model_id: &str) -> &str {
    let id = arn::id_of(model_id);
    GEOGRAPHIES.iter().find_map(|geography| id.strip_prefix(geography)).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn family_follows_from_the_id_the_profile_or_the_arn() {
        let custom =
            "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.titan-embed-image-v1:0/abcdefghijkl";
        let table = [
            ("anthropic.claude-v2:1", Some(Family::FirstClaude)),
            ("anthropic.claude-3-haiku-20240307-v1:0", Some(Family::Claude)),
            ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", Some(Family::Claude)),
            (
                "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-2-lite-v1:0",
                Some(Family::Nova),
            ),
            ("amazon.nova-canvas-v1:0", None),
            ("mistral.mistral-large-2407-v1:0", Some(Family::MistralChat)),
            ("us.deepseek.r1-v1:0", Some(Family::DeepSeekR1)),
            ("deepseek.v3.2", Some(Family::OpenAiShaped)),
            (custom, None),
            ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl", None),
            ("", None),
        ];
        for (model_id, family) in table {
            assert_eq!(Family::of(model_id), family, "{model_id}");
        }
    }
}
