//! Which answers are of no use although Bedrock counts them as successes. Pure.
//!
//! A model says why it stopped. If it reached a limit of tokens, its answer is cut off. If it refused, or a
//! filter or guardrail stepped in, there is no answer. Where a model says so depends on its family:
//!
//! | family | member of `modelOutput` | truncated | refused |
//! |---|---|---|---|
//! | [Anthropic][anthropic] | `stop_reason` | `max_tokens`, `model_context_window_exceeded` | `refusal` |
//! | [Converse][converse], [Nova][nova] | `stopReason` | `max_tokens`, `model_context_window_exceeded` | `guardrail_intervened`, `content_filtered` |
//! | [Llama][llama] | `stop_reason` | `length` | |
//! | [Mistral, text][mistral-text] | `outputs[].stop_reason` | `length` | |
//! | [Mistral, chat][mistral-chat], [DeepSeek][deepseek] | `choices[].stop_reason` | `length` | |
//! | [OpenAI and models with its format][openai] | `choices[].finish_reason` | `length` | `content_filter` |
//! | | `choices[].message.refusal` | | any text |
//! | [Titan Text][titan] | `results[].completionReason` | `LENGTH` | `CONTENT_FILTERED` |
//! | [Cohere Command R][cohere-r] | `finish_reason` | `MAX_TOKENS`, `ERROR_LIMIT` | `ERROR_TOXIC` |
//! | [Cohere Command][cohere] | `generations[].finish_reason` | `MAX_TOKENS` | `ERROR_TOXIC` |
//!
//! (all read 2026-11)
//!
//! - No two families use one word for different things, so every word counts wherever a reason may be. Then a
//!   `stopReason` of `refusal` counts, too: users have reported it, though AWS does not list it for Converse.
//! - If an answer has several reasons, as with several `choices`, a refusal counts more than a limit.
//! - Any other word means an answer that can be used, also one that is not known yet. That includes
//!   `malformed_model_output` and `malformed_tool_use`, which are neither a limit nor a refusal.
//! - AWS documents no stop reason for embeddings. No page was found that lists the reasons of the newer chat models on
//!   Bedrock, such as those of Qwen and Google; their answers are read as others with `choices` are.
//!
//! [anthropic]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
//! [converse]: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
//! [nova]: https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema-response.html
//! [llama]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html
//! [mistral-text]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-text-completion.html
//! [mistral-chat]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-chat-completion.html
//! [deepseek]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-deepseek.html
//! [openai]: https://platform.openai.com/docs/api-reference/chat/object
//! [titan]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-text.html
//! [cohere-r]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-cohere-command-r-plus.html
//! [cohere]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-cohere-command.html

/// Whether a model's answer can be used. Of two, the greater one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Usability {
    /// Nothing says that it cannot.
    #[default]
    Usable,
    /// The model reached a limit of tokens, so the answer is cut off.
    Truncated,
    /// The model refused, or a filter or guardrail stepped in.
    Refused,
}

impl Usability {
    /// Reads the word for which a model stopped.
    pub(super) fn of_reason(reason: &[u8]) -> Self {
        match reason {
            b"max_tokens"
            | b"model_context_window_exceeded"
            | b"length"
            | b"LENGTH"
            | b"MAX_TOKENS"
            | b"ERROR_LIMIT" => Self::Truncated,
            b"refusal"
            | b"guardrail_intervened"
            | b"content_filtered"
            | b"content_filter"
            | b"CONTENT_FILTERED"
            | b"ERROR_TOXIC" => Self::Refused,
            _ => Self::Usable,
        }
    }

    /// Reads the text with which a model refused.
    pub(super) fn of_refusal(text: &str) -> Self {
        if text.is_empty() { Self::Usable } else { Self::Refused }
    }
}

/// An object of a model's output whose members may say why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// The output itself.
    Output,
    /// One of several answers.
    Choice,
    /// The message of such an answer.
    Message,
}

/// What a member of such an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    /// If it is a string, the word for why the model stopped.
    Reason,
    /// If it is a string, the text with which the model refused.
    Refusal,
    /// If it is an object, one with such members.
    Object(Level),
    /// If it is a list, its objects have such members.
    List(Level),
    /// Anything else.
    Other,
}

impl Level {
    /// Returns what the member with this name is.
    pub(super) fn member(self, name: &[u8]) -> Member {
        match (self, name) {
            (Self::Output, b"stop_reason" | b"stopReason" | b"finish_reason") => Member::Reason,
            (Self::Output, b"choices" | b"outputs" | b"results" | b"generations") => {
                Member::List(Self::Choice)
            }
            (Self::Choice, b"stop_reason" | b"finish_reason" | b"completionReason") => Member::Reason,
            (Self::Choice, b"message") => Member::Object(Self::Message),
            (Self::Message, b"refusal") => Member::Refusal,
            _ => Member::Other,
        }
    }
}
