//! Writes a line as the batch API of OpenAI writes its output. Pure.
//!
//! | the record | the line |
//! |---|---|
//! | has an answer | `response` with `status_code` 200 and the answer as `body`: a chat completion, or a list of embeddings |
//! | failed | `response` with the code of the error, and `body.error`; `error` is null, as it is there |
//! | was never processed | `response` is null, and `error` has the code `batch_expired` |
//!
//! The answer of a model that writes chat completions is passed on as it is. Of another one, the text, the calls of tools,
//! the reason to stop, and the tokens are carried over.
//! <https://platform.openai.com/docs/api-reference/batch/request-output>,
//! <https://platform.openai.com/docs/guides/batch>, <https://github.com/openai/openai-openapi/issues/302> for the place of
//! errors, <https://platform.openai.com/docs/api-reference/chat/object>,
//! <https://platform.openai.com/docs/api-reference/embeddings/create> (all read 2026-11)

use super::line::{ResultLine, Status};
use super::output::{Output, Shape, Stop};
use crate::base::json::{Members, array};
use crate::prepare::json::{Object, list, quoted};

/// What all lines of a drop share.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The model that answered.
    pub model: &'a str,
    /// When, in seconds since 1970.
    pub created: u64,
}

/// Writes a line.
#[must_use]
pub fn line(result: &ResultLine<'_>, context: Context<'_>) -> String {
    let id = format!("batch_req_{}", result.record_id);
    let object = Object::new().text("id", &id).text("custom_id", &result.record_id);
    if let Some(failure) = result.failure().filter(|_| result.status == Status::Failed) {
        let code = failure.code.as_deref().map_or_else(|| "null".to_owned(), quoted);
        let error = Object::new()
            .text("message", &failure.message)
            .text("type", failure.kind())
            .json("param", "null")
            .json("code", &code)
            .end();
        let body = Object::new().json("error", &error).end();
        let status = failure.http_status().unwrap_or(400);
        return object.json("response", &response(status, &id, &body)).json("error", "null").end();
    }
    let Some(json) = result.model_output else {
        let error = Object::new()
            .text("code", "batch_expired")
            .text("message", "This request was not processed before its batch ended.")
            .end();
        return object.json("response", "null").json("error", &error).end();
    };
    let output = Output::read(json);
    let body = match (output.shape, output.embedding) {
        (Shape::ChatCompletion, _) => json.to_owned(),
        (_, Some(vectors)) => embeddings(vectors, &output, context),
        _ => completion(&output, result, context),
    };
    object.json("response", &response(200, &id, &body)).json("error", "null").end()
}

fn response(status: u16, id: &str, body: &str) -> String {
    Object::new().json("status_code", &status.to_string()).text("request_id", id).json("body", body).end()
}

fn completion(output: &Output<'_>, result: &ResultLine<'_>, context: Context<'_>) -> String {
    let text = output.text.as_deref().unwrap_or_default();
    let is_refusal = result.status == Status::Refused;
    let content = if text.is_empty() && !output.calls.is_empty() { "null".to_owned() } else { quoted(text) };
    let calls = output.calls.iter().map(|call| {
        let function = Object::new().text("name", &call.name).text("arguments", &call.input).end();
        Object::new().text("id", &call.id).text("type", "function").json("function", &function).end()
    });
    let calls = (!output.calls.is_empty()).then(|| list(calls));
    let message = Object::new()
        .text("role", "assistant")
        .json("content", &content)
        .json("refusal", "null")
        .maybe("tool_calls", calls.as_deref())
        .end();
    let reason = match output.stop() {
        _ if is_refusal => "content_filter",
        Stop::End | Stop::Sequence => "stop",
        Stop::Limit | Stop::Window => "length",
        Stop::Tool => "tool_calls",
        Stop::Refusal => "content_filter",
    };
    let choice = Object::new()
        .json("index", "0")
        .json("message", &message)
        .json("logprobs", "null")
        .text("finish_reason", reason)
        .end();
    Object::new()
        .text("id", &format!("chatcmpl-{}", result.record_id))
        .text("object", "chat.completion")
        .json("created", &context.created.to_string())
        .text("model", context.model)
        .json("choices", &list([choice]))
        .maybe("usage", usage(output, true).as_deref())
        .end()
}

/// Writes the tokens, if the output says how many there are.
fn usage(output: &Output<'_>, has_completion: bool) -> Option<String> {
    let input = output.input_tokens?;
    let written = output.output_tokens.unwrap_or_default();
    let completion = has_completion.then(|| written.to_string());
    Some(
        Object::new()
            .json("prompt_tokens", &input.to_string())
            .maybe("completion_tokens", completion.as_deref())
            .json("total_tokens", &(input + written).to_string())
            .end(),
    )
}

/// Writes a list of embeddings, from a vector, a list of vectors, or such lists by their type.
fn embeddings(vectors: &str, output: &Output<'_>, context: Context<'_>) -> String {
    let by_type = Members::parse(vectors).ok();
    let floats =
        by_type.as_ref().and_then(|by_type| by_type.get("float").or_else(|| Some(by_type.iter().next()?.1)));
    let vectors = floats.unwrap_or(vectors);
    let all = match array(vectors) {
        Some(elements) if elements.first().is_some_and(|first| first.starts_with(['[', '{'])) => elements,
        _ => vec![vectors],
    };
    let data = all.iter().enumerate().map(|(index, vector)| {
        let inside = Members::parse(vector).ok().and_then(|object| object.get("embedding"));
        Object::new()
            .text("object", "embedding")
            .json("index", &index.to_string())
            .json("embedding", inside.unwrap_or(vector))
            .end()
    });
    Object::new()
        .text("object", "list")
        .json("data", &list(data))
        .text("model", context.model)
        .maybe("usage", usage(output, false).as_deref())
        .end()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::answers::line::LineReader;
    use crate::drop::keys::ResultKind;

    fn written(kind: ResultKind, json: &str) -> Value {
        let result = LineReader::new(kind).read(json).unwrap();
        serde_json::from_str(&line(&result, Context { model: "m", created: 7 })).unwrap()
    }

    #[test]
    fn answer_is_a_chat_completion() {
        let nova = r#"{"recordId":"a","modelOutput":{"output":{"message":{"content":[{"text":"Hi"}]}},"stopReason":"max_tokens","usage":{"inputTokens":3,"outputTokens":4}}}"#;
        let expected = json!({
            "id": "batch_req_a",
            "custom_id": "a",
            "response": {
                "status_code": 200,
                "request_id": "batch_req_a",
                "body": {
                    "id": "chatcmpl-a",
                    "object": "chat.completion",
                    "created": 7,
                    "model": "m",
                    "choices": [{
                        "index": 0,
                        "message": {"role": "assistant", "content": "Hi", "refusal": null},
                        "logprobs": null,
                        "finish_reason": "length",
                    }],
                    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
                },
            },
            "error": null,
        });
        assert_eq!(written(ResultKind::Succeeded, nova), expected);
        let own = json!({"object": "chat.completion", "choices": [{"message": {"content": "Hi"}}], "x": 1.5});
        let chat = json!({"recordId": "a", "modelOutput": own}).to_string();
        assert_eq!(written(ResultKind::Succeeded, &chat)["response"]["body"], own);
        let call = r#"{"recordId":"a","modelOutput":{"type":"message","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use"}}"#;
        let choice = &written(ResultKind::Succeeded, call)["response"]["body"]["choices"][0];
        assert_eq!(
            (&choice["message"]["content"], &choice["finish_reason"]),
            (&Value::Null, &json!("tool_calls"))
        );
        let function = json!({"name": "f", "arguments": "{\"a\":1}"});
        assert_eq!(
            choice["message"]["tool_calls"],
            json!([{"id": "t", "type": "function", "function": function}])
        );
    }

    #[test]
    fn embeddings_are_a_list() {
        for (output, vectors) in [
            (json!({"embedding": [0.5], "inputTextTokenCount": 3}), json!([[0.5]])),
            (json!({"embeddings": [[0.5], [1]]}), json!([[0.5], [1]])),
            (json!({"embeddings": {"float": [[0.5]], "int8": [[1]]}}), json!([[0.5]])),
            (json!({"embeddings": [{"embeddingType": "TEXT", "embedding": [0.5]}]}), json!([[0.5]])),
            (json!({"embeddingsByType": {"binary": [1, 0]}}), json!([[1, 0]])),
        ] {
            let json = json!({"recordId": "a", "modelOutput": output}).to_string();
            let body = &written(ResultKind::Succeeded, &json)["response"]["body"];
            let found: Vec<Value> =
                body["data"].as_array().unwrap().iter().map(|one| one["embedding"].clone()).collect();
            assert_eq!((json!(found), &body["object"]), (vectors, &json!("list")), "{json}");
        }
    }

    #[test]
    fn records_without_an_answer_have_the_errors_of_the_api() {
        let failed = r#"{"recordId":"a","modelInput":{},"error":{"errorCode":429,"errorMessage":"slow"}}"#;
        let line = written(ResultKind::Errors, failed);
        let error = json!({"message": "slow", "type": "rate_limit_error", "param": null, "code": "429"});
        assert_eq!(
            (&line["response"]["status_code"], &line["response"]["body"]["error"]),
            (&json!(429), &error)
        );
        assert_eq!(line["error"], Value::Null);
        let line = written(ResultKind::Unprocessed, r#"{"recordId":"a","modelInput":{}}"#);
        assert_eq!((&line["response"], &line["error"]["code"]), (&Value::Null, &json!("batch_expired")));
    }
}
