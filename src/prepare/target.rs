//! Which body the records are written for. Pure.

use crate::base::text;
use crate::model::family::{Family, may_have_converse};

/// The model and the form of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// As the user gave it.
    pub model_id: String,
    /// `InvokeModel` or `Converse`.
    pub model_invocation_type: String,
    /// The form of its body.
    pub(super) body: BodyForm,
}

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyForm {
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html>
    Claude,
    /// <https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html>
    Nova,
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
    Converse,
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html>
    Chat {
        /// How the model calls the limit of output tokens.
        max_tokens: &'static str,
    },
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-chat-completion.html>
    MistralChat,
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>
    TitanText,
    /// The family is not known, or its body is a prompt in a format of the model's own.
    Unknown,
}

impl Target {
    /// Makes the target for a model, given its id, that of its inference profile, or the ARN of either, and for
    /// `InvokeModel` or `Converse`.
    #[must_use]
    pub fn new(model_id: &str, model_invocation_type: &str) -> Self {
        let body = match Family::of(model_id) {
            _ if model_invocation_type == "Converse" => BodyForm::Converse,
            Some(Family::FirstClaude | Family::Claude) => BodyForm::Claude,
            Some(Family::Nova) => BodyForm::Nova,
            Some(Family::OpenAi) => BodyForm::Chat { max_tokens: "max_completion_tokens" },
            Some(Family::OpenAiShaped) => BodyForm::Chat { max_tokens: "max_tokens" },
            Some(Family::MistralChat) => BodyForm::MistralChat,
            Some(Family::TitanEmbedText) => BodyForm::TitanText,
            Some(
                Family::TitanText
                | Family::TitanEmbedImage
                | Family::Llama
                | Family::MistralText
                | Family::CohereEmbed
                | Family::CohereCommand
                | Family::DeepSeekR1,
            )
            | None => BodyForm::Unknown,
        };
        Self { model_id: model_id.to_owned(), model_invocation_type: model_invocation_type.to_owned(), body }
    }

    /// Returns what keeps requests from being written for this model, and how to fix it. It does not matter for records
    /// that have a `modelInput`.
    #[must_use]
    pub fn problem(&self, has_max_tokens: bool) -> Option<String> {
        let model_id = text::name(&self.model_id);
        match self.body {
            BodyForm::Unknown if !may_have_converse(&self.model_id) => Some(format!(
                "{model_id} makes embeddings or images, and no requests are made for it: write the records with their modelInput, or use another --model-id"
            )),
            BodyForm::Unknown => Some(format!(
                "the request body of {model_id} is not known, or is a prompt in a format of its own: use --model-invocation-type Converse, or another --model-id"
            )),
            BodyForm::Claude if !has_max_tokens => {
                Some(format!("{model_id} needs a limit of output tokens: add --max-tokens"))
            }
            _ => None,
        }
    }

    /// Returns whether the requests are those of Converse, although the model takes none.
    pub(super) fn lacks_converse(&self) -> bool {
        self.body == BodyForm::Converse && !may_have_converse(&self.model_id)
    }

    /// Returns whether the model refuses temperature and `top_p` together.
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html>
    pub(super) fn takes_one_of_temperature_and_top_p(&self) -> bool {
        self.model_id.contains("anthropic.") && self.model_id.contains("-4-5")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_follows_from_model_and_shape() {
        for (model_id, expected) in [
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", BodyForm::Claude),
            ("amazon.nova-lite-v1:0", BodyForm::Nova),
            ("openai.gpt-oss-120b-1:0", BodyForm::Chat { max_tokens: "max_completion_tokens" }),
            ("qwen.qwen3-32b-v1:0", BodyForm::Chat { max_tokens: "max_tokens" }),
            ("deepseek.v3.2", BodyForm::Chat { max_tokens: "max_tokens" }),
            ("mistral.mistral-large-2407-v1:0", BodyForm::MistralChat),
            ("amazon.titan-embed-text-v2:0", BodyForm::TitanText),
            ("us.meta.llama3-3-70b-instruct-v1:0", BodyForm::Unknown),
            ("abcdefghijkl", BodyForm::Unknown),
        ] {
            let target = Target::new(model_id, "InvokeModel");
            assert_eq!(target.body, expected, "{model_id}");
            assert_eq!(target.problem(true).is_some(), expected == BodyForm::Unknown);
            assert_eq!(Target::new(model_id, "Converse").body, BodyForm::Converse);
        }
        for (model_id, has_converse) in [
            ("us.meta.llama3-3-70b-instruct-v1:0", true),
            ("abcdefghijkl", true),
            ("cohere.embed-english-v3", false),
            ("amazon.nova-canvas-v1:0", false),
            ("amazon.titan-embed-image-v1", false),
        ] {
            let problem = Target::new(model_id, "InvokeModel").problem(true).unwrap();
            assert_eq!(problem.contains("Converse"), has_converse, "{problem}");
            assert_eq!(Target::new(model_id, "Converse").lacks_converse(), !has_converse, "{model_id}");
            assert!(!Target::new(model_id, "InvokeModel").lacks_converse(), "{model_id}");
        }
        assert!(
            Target::new("anthropic.claude-opus-5", "InvokeModel")
                .problem(false)
                .unwrap()
                .contains("--max-tokens")
        );
    }
}
