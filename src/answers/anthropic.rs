//! Writes a line as the Message Batches API of Anthropic writes its results. Pure.
//!
//! | the record | `result.type` |
//! |---|---|
//! | has an answer | `succeeded`, with the answer as `message` |
//! | failed | `errored`, with an `error` |
//! | was never processed | `expired` |
//!
//! The answer of Claude is passed on as it is. Of another model, the text, the calls of tools, the reason to stop, and the
//! tokens are carried over.
//! <https://docs.anthropic.com/en/api/retrieving-message-batch-results>,
//! <https://docs.anthropic.com/en/docs/build-with-claude/batch-processing>, <https://docs.anthropic.com/en/api/messages>
//! (all read 2026-11)

use super::line::{ResultLine, Status};
use super::output::{Output, Shape, Stop};
use crate::prepare::json::{Object, list};

/// Writes a line about a record that this model answered.
#[must_use]
pub fn line(result: &ResultLine<'_>, model: &str) -> String {
    let told = match (result.status, result.model_output) {
        (Status::Failed, _) => {
            let failure = result.failure();
            let (kind, message) = failure
                .as_ref()
                .map_or(("invalid_request_error", ""), |failure| (failure.kind(), failure.message.as_ref()));
            let error = Object::new().text("type", kind).text("message", message).end();
            let error = Object::new().text("type", "error").json("error", &error).end();
            Object::new().text("type", "errored").json("error", &error).end()
        }
        (_, None) => Object::new().text("type", "expired").end(),
        (_, Some(json)) => {
            let output = Output::read(json);
            let message = match output.shape {
                Shape::Anthropic => json.to_owned(),
                Shape::ChatCompletion | Shape::Other => message(&output, result, model),
            };
            Object::new().text("type", "succeeded").json("message", &message).end()
        }
    };
    Object::new().text("custom_id", &result.record_id).json("result", &told).end()
}

fn message(output: &Output<'_>, result: &ResultLine<'_>, model: &str) -> String {
    let text = output.text.as_deref().filter(|text| !text.is_empty());
    let text = text.map(|text| Object::new().text("type", "text").text("text", text).end());
    let calls = output.calls.iter().map(|call| {
        let object = Object::new().text("type", "tool_use").text("id", &call.id).text("name", &call.name);
        // A model may write arguments that are not JSON.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&call.input).is_ok();
        if is_json { object.json("input", &call.input) } else { object.text("input", &call.input) }.end()
    });
    let reason = match output.stop() {
        _ if result.status == Status::Refused => "refusal",
        Stop::End => "end_turn",
        Stop::Limit => "max_tokens",
        Stop::Window => "model_context_window_exceeded",
        Stop::Sequence => "stop_sequence",
        Stop::Tool => "tool_use",
        Stop::Refusal => "refusal",
    };
    let usage = Object::new()
        .json("input_tokens", &output.input_tokens.unwrap_or_default().to_string())
        .json("output_tokens", &output.output_tokens.unwrap_or_default().to_string())
        .end();
    Object::new()
        .text("id", &format!("msg_{}", result.record_id))
        .text("type", "message")
        .text("role", "assistant")
        .text("model", model)
        .json("content", &list(text.into_iter().chain(calls)))
        .text("stop_reason", reason)
        .json("stop_sequence", "null")
        .json("usage", &usage)
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
        serde_json::from_str(&line(&result, "m")).unwrap()
    }

    #[test]
    fn answers_are_messages() {
        let claude = json!({"type": "message", "id": "msg_1", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"});
        let json = json!({"recordId": "a", "modelOutput": claude}).to_string();
        let expected = json!({"custom_id": "a", "result": {"type": "succeeded", "message": claude}});
        assert_eq!(written(ResultKind::Succeeded, &json), expected);
        let chat = r#"{"recordId":"a","modelOutput":{"choices":[{"message":{"content":"Hi","tool_calls":[{"id":"t","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"u","function":{"name":"g","arguments":"{oops"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}}"#;
        let expected = json!({
            "id": "msg_a",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [
                {"type": "text", "text": "Hi"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
                {"type": "tool_use", "id": "u", "name": "g", "input": "{oops"},
            ],
            "stop_reason": "tool_use",
            "stop_sequence": null,
            "usage": {"input_tokens": 3, "output_tokens": 4},
        });
        assert_eq!(written(ResultKind::Succeeded, chat)["result"]["message"], expected);
    }

    #[test]
    fn records_without_an_answer_are_errored_or_expired() {
        let failed = r#"{"recordId":"a","error":{"errorCode":400,"errorMessage":"bad"}}"#;
        let error = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "bad"}});
        assert_eq!(written(ResultKind::Errors, failed)["result"], json!({"type": "errored", "error": error}));
        let expired = written(ResultKind::Unprocessed, r#"{"recordId":"a","modelInput":{}}"#);
        assert_eq!(expired, json!({"custom_id": "a", "result": {"type": "expired"}}));
    }
}
