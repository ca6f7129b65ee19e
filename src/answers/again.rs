//! Makes a record of a line of the results, so that it can be dropped once more. Pure.
//!
//! Bedrock repeats `modelInput` in each line that it writes, and lines of `unprocessed/` are records already.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html> (read 2026-11)
//!
//! The limit of output tokens is where each family has it:
//!
//! | format | member |
//! |---|---|
//! | Anthropic, Mistral, `DeepSeek`, Cohere, `OpenAI`-shaped | `max_tokens` |
//! | OpenAI | `max_completion_tokens` |
//! | Anthropic, text completions | `max_tokens_to_sample` |
//! | Llama | `max_gen_len` |
//! | Nova, Converse | `inferenceConfig.maxTokens` |
//! | Titan Text | `textGenerationConfig.maxTokenCount` |
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html> (read 2026-11)

use super::line::ResultLine;
use super::strings;
use crate::base::json::{Members, array};
use crate::model::family::Family;
use crate::prepare::json::Object;

/// Why no record can be made of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgainError {
    /// The line does not repeat what was asked.
    #[error("the line has no modelInput: give the file that was dropped with --from")]
    NoInput,
    /// It is not known where the format has its limit.
    #[error("it is not known where this format has its limit of output tokens")]
    NoLimit,
}

/// A record, and whether it is just what was dropped before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// The line, without its `\n`.
    pub json: String,
    /// Whether its limit of output tokens was raised.
    pub is_raised: bool,
}

/// The members with a limit of output tokens at the top of a body.
const LIMITS: [&str; 4] = ["max_tokens", "max_completion_tokens", "max_tokens_to_sample", "max_gen_len"];

/// The members that have an object with a limit, and the names of the limit there.
const NESTED_LIMITS: [(&str, &[&str]); 2] =
    [("inferenceConfig", &["maxTokens", "max_new_tokens"]), ("textGenerationConfig", &["maxTokenCount"])];

/// Makes a record of a line. With `max_tokens`, its limit of output tokens is at least that.
///
/// # Errors
/// [`AgainError`] if the line does not have what it takes.
pub fn record(line: &ResultLine<'_>, model_id: &str, max_tokens: Option<u32>) -> Result<Again, AgainError> {
    record_of(&line.record_id, line.model_input.ok_or(AgainError::NoInput)?, model_id, max_tokens)
}

/// Makes a record with this id and body, as [`record`] does.
///
/// # Errors
/// [`AgainError::NoLimit`] if a limit is to be raised, and it is not known where.
pub fn record_of(
    record_id: &str,
    model_input: &str,
    model_id: &str,
    max_tokens: Option<u32>,
) -> Result<Again, AgainError> {
    let raised = match max_tokens {
        None => None,
        Some(limit) => Some(raised(model_input, limit, model_id)?),
    };
    let is_raised = raised.as_ref().is_some_and(|body| body != model_input);
    let body = raised.as_deref().unwrap_or(model_input);
    Ok(Again { json: Object::new().text("recordId", record_id).json("modelInput", body).end(), is_raised })
}

/// Returns the body with a limit that is at least this.
fn raised(body: &str, limit: u32, model_id: &str) -> Result<String, AgainError> {
    let members = Members::parse(body).map_err(|_| AgainError::NoLimit)?;
    let at_least = |json: &str| match json.parse::<f64>() {
        Ok(known) if known >= f64::from(limit) => json.to_owned(),
        _ => limit.to_string(),
    };
    if let Some(name) = LIMITS.iter().find(|name| members.has(name)) {
        return Ok(replaced(&members, name, at_least));
    }
    for (object, names) in NESTED_LIMITS {
        let inside = members.get(object).and_then(|json| Members::parse(json).ok());
        let Some(inside) = inside else { continue };
        let name = names.iter().find(|name| inside.has(name)).or(names.first()).ok_or(AgainError::NoLimit)?;
        let inside = replaced(&inside, name, at_least);
        return Ok(replaced(&members, object, |_| inside.clone()));
    }
    let with = |name: &str, json: &str| replaced(&members, name, |_| json.to_owned());
    let config = format!("{{\"maxTokens\":{limit}}}");
    if is_converse(&members) {
        return Ok(with("inferenceConfig", &config));
    }
    let limit = limit.to_string();
    Ok(match Family::of(model_id) {
        Some(Family::Nova) => with("inferenceConfig", &config),
        Some(Family::TitanText) => with("textGenerationConfig", &format!("{{\"maxTokenCount\":{limit}}}")),
        Some(Family::Llama) => with("max_gen_len", &limit),
        Some(Family::OpenAi) => with("max_completion_tokens", &limit),
        Some(
            Family::FirstClaude
            | Family::Claude
            | Family::MistralText
            | Family::MistralChat
            | Family::CohereCommand
            | Family::DeepSeekR1
            | Family::OpenAiShaped,
        ) => with("max_tokens", &limit),
        Some(Family::TitanEmbedText | Family::TitanEmbedImage | Family::CohereEmbed) | None => {
            return Err(AgainError::NoLimit);
        }
    })
}

/// Returns the object with another value of a member, or with one more member.
fn replaced(members: &Members<'_>, name: &str, value: impl Fn(&str) -> String) -> String {
    let mut object = Object::new();
    let mut is_there = false;
    for (known, json) in members.iter() {
        let is_it = known == name;
        is_there |= is_it;
        object = if is_it { object.json(known, &value(json)) } else { object.json(known, json) };
    }
    if is_there { object } else { object.json(name, &value("null")) }.end()
}

/// Returns whether the messages are those of Converse or Nova: their blocks have no `type`.
fn is_converse(members: &Members<'_>) -> bool {
    let message = members.get("messages").and_then(array).unwrap_or_default().into_iter().next();
    let content = message.and_then(|message| Members::parse(message).ok()?.get("content"));
    let block = content.and_then(array).and_then(|blocks| blocks.into_iter().next());
    let block = block.and_then(|block| Members::parse(block).ok());
    block.is_some_and(|block| block.get("type").and_then(strings::text).is_none())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::answers::line::LineReader;
    use crate::drop::keys::ResultKind;
    use crate::record::input::parse_input_record;

    const CLAUDE: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    const NOVA: &str = "amazon.nova-lite-v1:0";

    #[test]
    fn record_is_what_was_dropped() {
        let line = r#"{"modelInput":{"b": 1e400,"a":"\u00e9"},"recordId":"x\"y","error":{"errorCode":400}}"#;
        let line = LineReader::new(ResultKind::Errors).read(line).unwrap();
        let again = record(&line, NOVA, None).unwrap();
        let expected = r#"{"recordId":"x\"y","modelInput":{"b": 1e400,"a":"\u00e9"}}"#;
        assert_eq!((again.json.as_str(), again.is_raised), (expected, false));
        assert_eq!(parse_input_record(again.json.as_bytes()).unwrap().record_id.as_deref(), Some("x\"y"));
        let bare = LineReader::new(ResultKind::Errors).read(r#"{"recordId":"a","error":{}}"#).unwrap();
        assert_eq!(record(&bare, NOVA, None), Err(AgainError::NoInput));
    }

    #[test]
    fn limit_is_raised_where_the_format_has_it() {
        let text = json!([{"role": "user", "content": "Hi"}]);
        let blocks = json!([{"role": "user", "content": [{"text": "Hi"}]}]);
        let typed = json!([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]);
        let table: [(&str, Value, Value); 12] = [
            (
                CLAUDE,
                json!({"max_tokens": 9, "messages": typed}),
                json!({"max_tokens": 500, "messages": typed}),
            ),
            (
                CLAUDE,
                json!({"messages": blocks}),
                json!({"messages": blocks, "inferenceConfig": {"maxTokens": 500}}),
            ),
            (
                NOVA,
                json!({"messages": blocks}),
                json!({"messages": blocks, "inferenceConfig": {"maxTokens": 500}}),
            ),
            (
                NOVA,
                json!({"inferenceConfig": {"maxTokens": 9, "topP": 1}, "messages": blocks}),
                json!({"inferenceConfig": {"maxTokens": 500, "topP": 1}, "messages": blocks}),
            ),
            (
                NOVA,
                json!({"inferenceConfig": {"temperature": 1}, "messages": blocks}),
                json!({"inferenceConfig": {"temperature": 1, "maxTokens": 500}, "messages": blocks}),
            ),
            (
                "amazon.titan-text-express-v1",
                json!({"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 9}}),
                json!({"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 500}}),
            ),
            (
                "meta.llama3-8b-instruct-v1:0",
                json!({"prompt": "Hi"}),
                json!({"prompt": "Hi", "max_gen_len": 500}),
            ),
            (
                "openai.gpt-oss-20b-1:0",
                json!({"messages": text}),
                json!({"messages": text, "max_completion_tokens": 500}),
            ),
            (
                "openai.gpt-oss-20b-1:0",
                json!({"max_completion_tokens": 9, "messages": text}),
                json!({"max_completion_tokens": 500, "messages": text}),
            ),
            ("qwen.qwen3-32b-v1:0", json!({"messages": text}), json!({"messages": text, "max_tokens": 500})),
            (
                "anthropic.claude-v2",
                json!({"prompt": "Hi", "max_tokens_to_sample": 9}),
                json!({"prompt": "Hi", "max_tokens_to_sample": 500}),
            ),
            // It is never lowered.
            (
                CLAUDE,
                json!({"max_tokens": 900, "messages": typed}),
                json!({"max_tokens": 900, "messages": typed}),
            ),
        ];
        for (model_id, body, expected) in table {
            let again = record_of("a", &body.to_string(), model_id, Some(500)).unwrap();
            let value: Value = serde_json::from_str(&again.json).unwrap();
            assert_eq!(value, json!({"recordId": "a", "modelInput": expected}));
            assert_eq!(again.is_raised, body != expected);
        }
        for (model_id, body) in
            [("abcdefghijkl", "{}"), ("cohere.embed-v4:0", r#"{"texts":["a"]}"#), (NOVA, "[]")]
        {
            assert_eq!(record_of("a", body, model_id, Some(500)), Err(AgainError::NoLimit), "{model_id}");
        }
    }
}
