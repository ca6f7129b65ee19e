//! Finds text, calls of tools, and tokens in a model's output. Pure.
//!
//! The output says by its members which family wrote it; the id of the model is not needed, so custom models are read, too.
//!
//! | family | text | tokens in, out |
//! |---|---|---|
//! | [Anthropic][anthropic] | `content[].text` | `usage.input_tokens`, `usage.output_tokens` |
//! | Anthropic, [text completions][completions] | `completion` | |
//! | [Converse][converse], [Nova][nova] | `output.message.content[].text` | `usage.inputTokens`, `usage.outputTokens` |
//! | [Llama][llama] | `generation` | `prompt_token_count`, `generation_token_count` |
//! | [Mistral, text][mistral-text] | `outputs[].text` | |
//! | [Mistral, chat][mistral-chat], [AI21 Jamba][jamba], [OpenAI and models with its format][openai] | `choices[].message.content` | `usage.prompt_tokens`, `usage.completion_tokens` |
//! | [DeepSeek-R1][deepseek] | `choices[].text` | |
//! | [Titan Text][titan] | `results[].outputText` | `inputTextTokenCount`, `results[].tokenCount` |
//! | [Cohere Command R][cohere-r] | `text` | |
//! | [Cohere Command][cohere] | `generations[].text` | |
//! | [Titan Embeddings][titan-embed] | `embedding`, or else `embeddingsByType`, as JSON | `inputTextTokenCount` |
//! | [Cohere Embed][cohere-embed], [Nova embeddings][nova-embed] | `embeddings`, as JSON | |
//!
//! (all read 2026-11)
//!
//! Of several `choices`, `outputs`, `results`, or `generations`, the first one counts. Several pieces of text are joined.
//! Reasoning is not text. A text may be empty, as that of an answer that only calls a tool is.
//!
//! [anthropic]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
//! [completions]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-text-completion.html
//! [converse]: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
//! [nova]: https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema-response.html
//! [llama]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html
//! [mistral-text]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-text-completion.html
//! [mistral-chat]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-chat-completion.html
//! [jamba]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-jamba.html
//! [openai]: https://platform.openai.com/docs/api-reference/chat/object
//! [deepseek]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-deepseek.html
//! [titan]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-text.html
//! [cohere-r]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-cohere-command-r-plus.html
//! [cohere]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-cohere-command.html
//! [titan-embed]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
//! [cohere-embed]: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html
//! [nova-embed]: https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html

use std::borrow::Cow;

use super::strings;
use crate::base::json::{Members, array};

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output<'a> {
    /// The text; `None` if no member is known to have one.
    pub text: Option<Cow<'a, str>>,
    /// The vector or vectors, as JSON, if the model makes embeddings.
    pub embedding: Option<&'a str>,
    /// Which tools are to be called.
    pub calls: Vec<ToolCall<'a>>,
    /// The word for which the model stopped.
    pub stop: Option<Cow<'a, str>>,
    /// How many tokens were read.
    pub input_tokens: Option<u64>,
    /// How many tokens were written.
    pub output_tokens: Option<u64>,
    /// Whose format the output has, if it is one that a caller of another API knows.
    pub shape: Shape,
}

/// Whose format an output has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// A message of Anthropic.
    Anthropic,
    /// A chat completion as that of OpenAI, with an `object` that says so.
    ChatCompletion,
    /// Another one.
    #[default]
    Other,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall<'a> {
    /// The id of the call.
    pub id: Cow<'a, str>,
    /// The name of the tool.
    pub name: Cow<'a, str>,
    /// The arguments, as a JSON object.
    pub input: Cow<'a, str>,
}

impl<'a> Output<'a> {
    /// Reads a model's output. Of one that is not known, everything is missing.
    #[must_use]
    pub fn read(json: &'a str) -> Self {
        let mut output = Self::default();
        let Some(members) = object(json) else { return output };
        output.read_usage(&members);
        output.stop = text_of(&members, &["stop_reason", "stopReason", "finish_reason"]);
        for name in ["choices", "outputs", "results", "generations", "completions"] {
            if let Some(first) = members.get(name).and_then(first) {
                output.read_choice(first);
                let is_chat =
                    text_of(&members, &["object"]).is_some_and(|object| object == "chat.completion");
                output.shape = if is_chat { Shape::ChatCompletion } else { Shape::Other };
                return output;
            }
        }
        if let Some(content) = members.get("content").filter(|content| content.starts_with('[')) {
            output.read_content(content);
            let is_message = text_of(&members, &["type"]).is_some_and(|kind| kind == "message");
            output.shape = if is_message { Shape::Anthropic } else { Shape::Other };
        } else if let Some(message) = members.get("output").and_then(object) {
            let message = message.get("message").and_then(object);
            if let Some(content) = message.as_ref().and_then(|message| message.get("content")) {
                output.read_content(content);
            }
        } else if let Some(message) = members.get("message").and_then(object) {
            output.read_message(&message);
        } else if let Some(vector) =
            ["embedding", "embeddingsByType", "embeddings"].iter().find_map(|name| members.get(name))
        {
            output.embedding = Some(vector);
            output.text = Some(Cow::Borrowed(vector));
        } else {
            output.text = text_of(&members, &["generation", "completion", "text", "outputText"]);
        }
        output
    }

    fn read_usage(&mut self, members: &Members<'a>) {
        let usage = members.get("usage").and_then(object);
        let number = |names: &[&str]| {
            let all = usage.as_ref().into_iter().chain([members]);
            all.flat_map(|members| names.iter().filter_map(move |name| members.get(name)))
                .find_map(|json| json.parse().ok())
        };
        self.input_tokens = number(&[
            "input_tokens",
            "inputTokens",
            "prompt_tokens",
            "prompt_token_count",
            "inputTextTokenCount",
        ]);
        self.output_tokens =
            number(&["output_tokens", "outputTokens", "completion_tokens", "generation_token_count"]);
    }

    /// Reads one of several answers.
    fn read_choice(&mut self, json: &'a str) {
        let Some(choice) = object(json) else { return };
        let stop = text_of(&choice, &["finish_reason", "stop_reason", "completionReason"]);
        self.stop = stop.or(self.stop.take());
        let tokens = choice.get("tokenCount").and_then(|json| json.parse().ok());
        self.output_tokens = self.output_tokens.or(tokens);
        match choice.get("message").or_else(|| choice.get("data")).and_then(object) {
            Some(message) => self.read_message(&message),
            None => self.text = text_of(&choice, &["text", "outputText"]),
        }
    }

    fn read_message(&mut self, message: &Members<'a>) {
        match message.get("content") {
            Some(content) if content.starts_with('[') => self.read_content(content),
            Some(content) => self.text = strings::text(content),
            None => self.text = text_of(message, &["text", "refusal"]),
        }
        for call in message.get("tool_calls").and_then(array).unwrap_or_default() {
            let Some(call) = object(call) else { continue };
            let Some(function) = call.get("function").and_then(object) else { continue };
            self.calls.push(ToolCall {
                id: text_of(&call, &["id"]).unwrap_or_default(),
                name: text_of(&function, &["name"]).unwrap_or_default(),
                input: text_of(&function, &["arguments"]).unwrap_or(Cow::Borrowed("{}")),
            });
        }
        if self.text.is_none() && !self.calls.is_empty() {
            self.text = Some(Cow::Borrowed(""));
        }
    }

    /// Reads a list of blocks, whether they have a `type` or not.
    fn read_content(&mut self, json: &'a str) {
        let mut text: Option<Cow<'a, str>> = None;
        for block in array(json).unwrap_or_default() {
            let Some(block) = object(block) else { continue };
            if let Some(piece) = text_of(&block, &["text"]) {
                text = Some(match text {
                    Some(before) => Cow::Owned(before.into_owned() + &piece),
                    None => piece,
                });
            }
            let is_call = text_of(&block, &["type"]).is_some_and(|kind| kind == "tool_use");
            let call = if is_call { Some(block) } else { block.get("toolUse").and_then(object) };
            if let Some(call) = call {
                self.calls.push(ToolCall {
                    id: text_of(&call, &["id", "toolUseId"]).unwrap_or_default(),
                    name: text_of(&call, &["name"]).unwrap_or_default(),
                    input: Cow::Borrowed(call.get("input").unwrap_or("{}")),
                });
            }
        }
        self.text = Some(text.unwrap_or_default());
    }

    /// Returns why the model stopped, in Anthropic's words, which several families share.
    #[must_use]
    pub fn stop(&self) -> Stop {
        match self.stop.as_deref() {
            Some("max_tokens" | "length" | "LENGTH" | "MAX_TOKENS" | "ERROR_LIMIT") => Stop::Limit,
            Some("model_context_window_exceeded") => Stop::Window,
            Some("stop_sequence") => Stop::Sequence,
            Some("tool_use" | "tool_calls" | "function_call") => Stop::Tool,
            Some(
                "refusal"
                | "guardrail_intervened"
                | "content_filtered"
                | "content_filter"
                | "CONTENT_FILTERED"
                | "ERROR_TOXIC",
            ) => Stop::Refusal,
            _ => Stop::End,
        }
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The answer is complete, or nothing says that it is not.
    End,
    /// A limit of output tokens.
    Limit,
    /// The context window is full.
    Window,
    /// The text that the caller named.
    Sequence,
    /// A tool is to be called.
    Tool,
    /// A refusal or a filter.
    Refusal,
}

fn object(json: &str) -> Option<Members<'_>> {
    Members::parse(json).ok()
}

fn first(json: &str) -> Option<&str> {
    array(json)?.into_iter().next()
}

/// Returns the text of the first of these members that is a string.
fn text_of<'a>(members: &Members<'a>, names: &[&str]) -> Option<Cow<'a, str>> {
    names.iter().find_map(|name| members.get(name).and_then(strings::text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outputs of the pages above, shortened.
    const OUTPUTS: [(&str, &str, Stop, [Option<u64>; 2]); 19] = [
        (
            r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi "},{"type":"text","text":"there"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":4}}"#,
            "Hi there",
            Stop::End,
            [Some(3), Some(4)],
        ),
        (
            r#"{"completion":" Hi","stop_reason":"stop_sequence","stop":"\n\nHuman:"}"#,
            " Hi",
            Stop::Sequence,
            [None, None],
        ),
        (
            r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hi","image":null,"toolUse":null},{"reasoningContent":{"reasoningText":{"text":"hm"}}}]}},"stopReason":"max_tokens","usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7},"metrics":{"latencyMs":1}}"#,
            "Hi",
            Stop::Limit,
            [Some(3), Some(4)],
        ),
        (
            r#"{"generation":"Hi","prompt_token_count":3,"generation_token_count":4,"stop_reason":"length"}"#,
            "Hi",
            Stop::Limit,
            [Some(3), Some(4)],
        ),
        (r#"{"outputs":[{"text":"Hi","stop_reason":"stop"}]}"#, "Hi", Stop::End, [None, None]),
        (
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","tool_calls":null},"stop_reason":"length"}]}"#,
            "Hi",
            Stop::Limit,
            [None, None],
        ),
        (
            r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"content_filter"},{"index":1,"message":{"content":"Ho"}}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#,
            "Hi",
            Stop::Refusal,
            [Some(3), Some(4)],
        ),
        (
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"text","text":"Hi"}]},"finish_reason":"stop"}]}"#,
            "Hi",
            Stop::End,
            [None, None],
        ),
        (
            r#"{"choices":[{"message":{"content":null,"refusal":"No."},"finish_reason":"stop"}]}"#,
            "No.",
            Stop::End,
            [None, None],
        ),
        (r#"{"choices":[{"text":"Hi","stop_reason":"stop"}]}"#, "Hi", Stop::End, [None, None]),
        (
            r#"{"inputTextTokenCount":3,"results":[{"tokenCount":4,"outputText":"Hi","completionReason":"FINISH"}]}"#,
            "Hi",
            Stop::End,
            [Some(3), Some(4)],
        ),
        (
            r#"{"response_id":"r","text":"Hi","generation_id":"g","chat_history":[],"finish_reason":"MAX_TOKENS"}"#,
            "Hi",
            Stop::Limit,
            [None, None],
        ),
        (
            r#"{"generations":[{"finish_reason":"COMPLETE","id":"g","text":"Hi"}],"id":"i","prompt":"p"}"#,
            "Hi",
            Stop::End,
            [None, None],
        ),
        (
            r#"{"completions":[{"data":{"text":"Hi"},"finishReason":{"reason":"endoftext"}}]}"#,
            "Hi",
            Stop::End,
            [None, None],
        ),
        (r#"{"embedding":[0.5,-1],"inputTextTokenCount":3}"#, "[0.5,-1]", Stop::End, [Some(3), None]),
        (
            r#"{"inputTextTokenCount":3,"embeddingsByType":{"binary":[0,1]}}"#,
            r#"{"binary":[0,1]}"#,
            Stop::End,
            [Some(3), None],
        ),
        (r#"{"embeddings":[[0.5]],"id":"i","texts":["a"]}"#, "[[0.5]]", Stop::End, [None, None]),
        (
            r#"{"message":{"role":"assistant","content":[{"type":"text","text":"Hi"}]},"finish_reason":"COMPLETE"}"#,
            "Hi",
            Stop::End,
            [None, None],
        ),
        (r#"{"content":[],"type":"message","stop_reason":"refusal"}"#, "", Stop::Refusal, [None, None]),
    ];

    #[test]
    fn text_of_each_family_is_found() {
        for (json, text, stop, tokens) in OUTPUTS {
            let output = Output::read(json);
            assert_eq!(output.text.as_deref(), Some(text), "{json}");
            assert_eq!(
                (output.stop(), [output.input_tokens, output.output_tokens]),
                (stop, tokens),
                "{json}"
            );
        }
        for other in ["{}", "[]", r#""text""#, r#"{"content":7}"#, r#"{"choices":[]}"#] {
            assert_eq!(Output::read(other).text, None, "{other}");
        }
    }

    #[test]
    fn calls_of_tools_are_found_in_each_format() {
        let anthropic =
            r#"{"type":"message","content":[{"type":"tool_use","id":"t1","name":"f","input":{"a": 1}}]}"#;
        let converse = r#"{"output":{"message":{"content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{"a": 1}}}]}}}"#;
        let chat = r#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}}]}}]}"#;
        let call = ToolCall { id: "t1".into(), name: "f".into(), input: r#"{"a": 1}"#.into() };
        for json in [anthropic, converse, chat] {
            let output = Output::read(json);
            assert_eq!((output.calls, output.text.as_deref()), (vec![call.clone()], Some("")), "{json}");
        }
    }
}
