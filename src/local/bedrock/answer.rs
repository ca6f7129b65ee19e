//! What the stand-in answers instead of a model: an answer in the format of the model's family, with a text
//! that says that no model was called.
//!
//! Pure and deterministic. Formats: the pages named in [`super::body`].

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::body::Body;
use super::model::{Family, Model};
use super::patterns;
use super::record::{Outcome, Record};
use super::request::InvocationType;

/// The status that Bedrock gives a record whose body is wrong.
const BAD_REQUEST: i64 = 400;

/// Answers one record, or refuses its body. The role of its job may read media whose S3 URIs start with one of `readable`.
pub(super) fn answer(
    record: &Record<'_>,
    position: usize,
    model: &Model,
    invocation_type: InvocationType,
    readable: &[String],
) -> Outcome {
    let refuse = |message| Outcome::Error { code: BAD_REQUEST, message };
    let parsed: Value = match serde_json::from_str(record.model_input) {
        Ok(parsed) => parsed,
        Err(error) => return refuse(format!("Malformed input request: {error}")),
    };
    let Value::Object(members) = &parsed else {
        return refuse("Malformed input request: expected an object".to_owned());
    };
    let body = Body::new(model.family, members, readable);
    if let Err(message) = body.check(model, invocation_type) {
        return refuse(message);
    }
    let id: String = serde_json::from_str(&record.id(position)).unwrap_or_default();
    let text = format!("[local stand-in] no model was called; record {id}");
    let input_tokens = tokens(record.model_input);
    let is_embedding = matches!(body.family, Family::TitanEmbedText | Family::TitanEmbedImage);
    let output_tokens = if is_embedding { 0 } else { tokens(&text) };
    let model_output = match invocation_type {
        InvocationType::Converse => converse(&text, input_tokens, output_tokens),
        InvocationType::InvokeModel => native(&body, model, record, &text, input_tokens, output_tokens),
    };
    Outcome::Answer { model_output, input_tokens, output_tokens }
}

/// Estimates the number of tokens in a text: its bytes divided by four, rounded up, but never 0.
fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4).max(1) as u64
}

fn native(
    body: &Body<'_>,
    model: &Model,
    record: &Record<'_>,
    text: &str,
    input_tokens: u64,
    output_tokens: u64,
) -> Value {
    match body.family {
        Family::Anthropic => json!({
            "id": format!("msg_bdrk_{}", digest(record.model_input)),
            "type": "message",
            "role": "assistant",
            "model": model.base_id,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": null,
            "usage": {"input_tokens": input_tokens, "output_tokens": output_tokens},
        }),
        Family::Nova => json!({
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn",
            "usage": {
                "inputTokens": input_tokens,
                "outputTokens": output_tokens,
                "totalTokens": input_tokens + output_tokens,
            },
        }),
        Family::TitanEmbedText => titan_embed_text(body, record, input_tokens),
        Family::TitanEmbedImage => {
            json!({"embedding": embedding(record.model_input), "inputTextTokenCount": input_tokens})
        }
        Family::Llama => json!({
            "generation": text,
            "prompt_token_count": input_tokens,
            "generation_token_count": output_tokens,
            "stop_reason": "stop",
        }),
        Family::MistralText | Family::DeepSeekR1 => {
            json!({"outputs": [{"text": text, "stop_reason": "stop"}]})
        }
        Family::MistralChat => json!({
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "stop_reason": "stop",
            }],
        }),
        Family::Chat | Family::Unknown => json!({
            "id": format!("chatcmpl-{}", digest(record.model_input)),
            "object": "chat.completion",
            "model": model.base_id,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }],
            "usage": {
                "prompt_tokens": input_tokens,
                "completion_tokens": output_tokens,
                "total_tokens": input_tokens + output_tokens,
            },
        }),
    }
}

/// Leaves `embedding` out if only the binary form was requested.
fn titan_embed_text(body: &Body<'_>, record: &Record<'_>, input_tokens: u64) -> Value {
    let asked = body.members.get("embeddingTypes").and_then(Value::as_array);
    let asks = |kind: &str| asked.map_or(kind == "float", |kinds| kinds.iter().any(|asked| asked == kind));
    let vector = embedding(record.model_input);
    let bits: Vec<u8> = vector.iter().map(|number| u8::from(*number > 0.0)).collect();
    let by_type = match (asks("float"), asks("binary")) {
        (true, true) => json!({"float": vector, "binary": bits}),
        (true, false) => json!({"float": vector}),
        (false, _) => {
            return json!({"inputTextTokenCount": input_tokens, "embeddingsByType": {"binary": bits}});
        }
    };
    json!({"embedding": vector, "inputTextTokenCount": input_tokens, "embeddingsByType": by_type})
}

/// Writes the absent alternatives of a content block as nulls, as real Converse batch output has them.
fn converse(text: &str, input_tokens: u64, output_tokens: u64) -> Value {
    let mut block: serde_json::Map<_, _> =
        patterns::CONTENT_BLOCK.names.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    block.insert("text".to_owned(), json!(text));
    json!({
        "output": {"message": {"role": "assistant", "content": [block]}},
        "stopReason": "end_turn",
        "usage": {
            "inputTokens": input_tokens,
            "outputTokens": output_tokens,
            "totalTokens": input_tokens + output_tokens,
            "cacheReadInputTokens": 0,
            "cacheWriteInputTokens": 0,
        },
        "metrics": {"latencyMs": 1},
    })
}

/// A short vector, whatever dimension was requested, so that the results of a demonstration stay readable.
fn embedding(text: &str) -> Vec<f64> {
    Sha256::digest(text).iter().take(8).map(|byte| (f64::from(*byte) - 127.5) / 127.5).collect()
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::model::resolve;
    use super::*;

    fn answered(model_id: &str, invocation_type: InvocationType, model_input: &Value) -> Outcome {
        let model = resolve(model_id, "us-east-1", "123456789012").unwrap();
        let line = json!({"recordId": "A1", "modelInput": model_input}).to_string();
        answer(&Record::parse(line.as_bytes()).unwrap(), 0, &model, invocation_type, &[])
    }

    #[test]
    fn answers_in_the_format_of_the_family() {
        let text = "[local stand-in] no model was called; record A1";
        let messages = json!([{"role": "user", "content": [{"text": "Hi"}]}]);
        let nova =
            answered("amazon.nova-lite-v1:0", InvocationType::InvokeModel, &json!({"messages": messages}));
        let expected = json!({
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 14, "outputTokens": 12, "totalTokens": 26},
        });
        assert_eq!(nova, Outcome::Answer { model_output: expected, input_tokens: 14, output_tokens: 12 });

        let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9,
                          "messages": [{"role": "user", "content": "Hi"}]});
        let claude = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
        let Outcome::Answer { model_output, .. } = answered(claude, InvocationType::InvokeModel, &body)
        else {
            panic!("a good record was refused")
        };
        assert_eq!(model_output["content"], json!([{"type": "text", "text": text}]));
        assert_eq!(model_output["usage"], json!({"input_tokens": 26, "output_tokens": 12}));
        assert_eq!(model_output["model"], claude.trim_start_matches("us."));

        let chat = json!({"messages": [{"role": "user", "content": "Hi"}]});
        for (model_id, invocation_type, body, place) in [
            (
                "meta.llama3-3-70b-instruct-v1:0",
                InvocationType::InvokeModel,
                json!({"prompt": "Hi"}),
                "/generation",
            ),
            (
                "mistral.mixtral-8x7b-instruct-v0:1",
                InvocationType::InvokeModel,
                json!({"prompt": "Hi"}),
                "/outputs/0/text",
            ),
            (
                "mistral.mistral-large-2407-v1:0",
                InvocationType::InvokeModel,
                chat.clone(),
                "/choices/0/message/content",
            ),
            ("deepseek.v3.2", InvocationType::InvokeModel, chat, "/choices/0/message/content"),
            (
                claude,
                InvocationType::Converse,
                json!({"messages": messages}),
                "/output/message/content/0/text",
            ),
        ] {
            let Outcome::Answer { model_output, .. } = answered(model_id, invocation_type, &body) else {
                panic!("a good record of {model_id} was refused")
            };
            assert_eq!(model_output.pointer(place), Some(&json!(text)), "{model_id}");
        }
    }

    #[test]
    fn embeds_without_output_tokens_and_the_same_each_time() {
        let embed = |body| answered("amazon.titan-embed-text-v2:0", InvocationType::InvokeModel, &body);
        let first = embed(json!({"inputText": "Hi"}));
        assert_eq!(first, embed(json!({"inputText": "Hi"})));
        let Outcome::Answer { model_output, output_tokens, .. } = first else { panic!("refused") };
        assert_eq!(output_tokens, 0);
        assert_eq!(model_output["embedding"].as_array().map(Vec::len), Some(8));
        let Outcome::Answer { model_output, .. } =
            embed(json!({"inputText": "Hi", "embeddingTypes": ["binary"]}))
        else {
            panic!("refused")
        };
        assert_eq!(model_output.get("embedding"), None);
        assert!(model_output["embeddingsByType"]["binary"].is_array());
    }

    #[test]
    fn refuses_a_body_that_cannot_be_parsed() {
        let model = resolve("deepseek.v3.2", "us-east-1", "123456789012").unwrap();
        let deep = format!(r#"{{"modelInput":{{"a":{}{}}}}}"#, "[".repeat(200), "]".repeat(200));
        for line in [deep.as_str(), r#"{"modelInput":{"a":"\ud800"}}"#] {
            let record = Record::parse(line.as_bytes()).unwrap();
            let Outcome::Error { code, message } =
                answer(&record, 0, &model, InvocationType::InvokeModel, &[])
            else {
                panic!("a bad body was answered")
            };
            assert_eq!(code, 400);
            assert!(message.starts_with("Malformed input request: "), "{message}");
        }
    }
}
