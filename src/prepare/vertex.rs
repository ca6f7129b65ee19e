//! Reads batch files of Vertex AI, and of the Gemini API, which have a `key` in addition. Pure.
//!
//! The envelope: <https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/batch-prediction-gemini> and
//! <https://ai.google.dev/gemini-api/docs/batch-api>. The request:
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference> (read 2026-11). As in all JSON of
//! Google's APIs, names may be in snake case.

use std::borrow::Cow;

use serde_json::Value;

use super::body;
use super::conversation::{Block, Conversation, Image, Tool, ToolChoice, image_format, is_base64};
use super::draft::{Draft, row_id};
use super::members::{self, FIX, Rule, Rules, apply};
use super::openai::{FOR_THE_API, JOB_HAS_MODEL, NO_FORMAT};
use super::records::read_id;
use super::report::{Losses, Refusal};
use super::target::Target;
use crate::base::json::{Members, array, string};
use crate::base::text;

const NO_PENALTY: &str = "the model does not take it";
const ONE_ANSWER: &str = "a record has one answer: write as many records as you want answers";

const REQUEST: Rules = &[
    ("contents", Rule::Read),
    ("systemInstruction", Rule::Read),
    ("system_instruction", Rule::Read),
    ("generationConfig", Rule::Read),
    ("generation_config", Rule::Read),
    ("tools", Rule::Read),
    ("toolConfig", Rule::Read),
    ("tool_config", Rule::Read),
    ("model", Rule::Leave(JOB_HAS_MODEL)),
    ("labels", Rule::Leave(FOR_THE_API)),
    ("safetySettings", Rule::Leave("models on Bedrock have filters of their own")),
    ("safety_settings", Rule::Leave("models on Bedrock have filters of their own")),
    ("cachedContent", Rule::Only(&[], "the content is kept by the other API")),
    ("cached_content", Rule::Only(&[], "the content is kept by the other API")),
];

/// The members of `generationConfig`, in camel case.
const CONFIG: Rules = &[
    ("temperature", Rule::Read),
    ("topP", Rule::Read),
    ("topK", Rule::Read),
    ("maxOutputTokens", Rule::Read),
    ("stopSequences", Rule::Read),
    ("seed", Rule::Leave("models on Bedrock take no seed; answers may differ between runs")),
    ("mediaResolution", Rule::Leave("models on Bedrock choose the resolution of an image themselves")),
    ("candidateCount", Rule::Only(&["1"], ONE_ANSWER)),
    ("presencePenalty", Rule::Only(&["0", "0.0"], NO_PENALTY)),
    ("frequencyPenalty", Rule::Only(&["0", "0.0"], NO_PENALTY)),
    ("responseLogprobs", Rule::Only(&["false"], "the model does not return it")),
    ("logprobs", Rule::Only(&["0"], "the model does not return it")),
    ("responseMimeType", Rule::Only(&["\"text/plain\""], NO_FORMAT)),
    ("responseSchema", Rule::Only(&[], NO_FORMAT)),
    ("responseJsonSchema", Rule::Only(&[], NO_FORMAT)),
    ("responseModalities", Rule::Only(&[r#"["TEXT"]"#], NO_FORMAT)),
    (
        "thinkingConfig",
        Rule::Only(&[r#"{"thinkingBudget":0}"#, "{}"], "each model has its own setting for it"),
    ),
];

/// Reads the n-th line of a batch file.
pub(super) fn read<'a>(
    json: &'a str,
    row: u64,
    target: &Target,
    max_tokens: Option<u32>,
    losses: &mut Losses,
) -> Result<Draft<'a>, Refusal> {
    let envelope = Members::parse(json).map_err(|error| Refusal::because_of(&error, FIX))?;
    for (name, _) in envelope.iter().filter(|(name, _)| !["key", "request"].contains(name)) {
        losses.note(text::name(name).to_string(), "a record has only recordId and modelInput");
    }
    let record_id = match envelope.get("key") {
        Some(key) => read_id(key, "key", losses)?,
        None => Cow::Owned(row_id(row)),
    };
    let request = parse(envelope.get("request"), "request")?;
    apply(REQUEST, &request, "", losses);
    let mut conversation = Conversation::default();
    if let Some(config) = either(&request, "generationConfig", "generation_config") {
        read_config(config, &mut conversation, losses)?;
    }
    if let Some(system) = either(&request, "systemInstruction", "system_instruction") {
        let mut calls = Calls::default();
        for block in parts(&parse(Some(system), "systemInstruction")?, &mut calls, losses)? {
            match block {
                Block::Text(text) => conversation.system.push(text),
                _ => losses.stop("systemInstruction", "only text is converted"),
            }
        }
    }
    let contents = request.get("contents").ok_or_else(|| Refusal::new("the request has no contents", FIX))?;
    // One message may stand without a list.
    let contents = array(contents).unwrap_or_else(|| vec![contents]);
    let mut calls = Calls::default();
    for content in contents {
        let content = parse(Some(content), "contents")?;
        let blocks = parts(&content, &mut calls, losses)?;
        match content.get("role") {
            None | Some("\"user\"" | "\"function\"" | "\"tool\"") => conversation.say(true, blocks),
            Some("\"model\"") => conversation.say(false, blocks),
            Some(other) => {
                let what = format!("contents with the role {} cannot be converted", text::name(other));
                return Err(Refusal::new(what, FIX));
            }
        }
    }
    read_tools(&request, &mut conversation, losses)?;
    let body = body::write(conversation, target, max_tokens, losses)?;
    Ok(Draft { record_id: Some(record_id), body: Cow::Owned(body) })
}

fn parse<'a>(json: Option<&'a str>, name: &str) -> Result<Members<'a>, Refusal> {
    let json = json.ok_or_else(|| Refusal::new(format!("there is no {name}"), FIX))?;
    members::parse(Some(json), name)
}

fn either<'a>(members: &Members<'a>, camel: &str, snake: &str) -> Option<&'a str> {
    members.get(camel).or_else(|| members.get(snake))
}

/// Turns `max_output_tokens` into `maxOutputTokens`.
fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut is_next_large = false;
    for c in name.chars() {
        match c {
            '_' => is_next_large = true,
            c if std::mem::take(&mut is_next_large) => camel.push(c.to_ascii_uppercase()),
            c => camel.push(c),
        }
    }
    camel
}

fn read_config<'a>(
    config: &'a str,
    conversation: &mut Conversation<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    let config = parse(Some(config), "generationConfig")?.renamed(camel_case);
    apply(CONFIG, &config, "generationConfig", losses);
    let number = |name| config.get(name).map(Cow::Borrowed);
    conversation.temperature = number("temperature");
    conversation.top_p = number("topP");
    // Some clients write 40.0.
    conversation.top_k = config.get("topK").map(|top_k| top_k.strip_suffix(".0").unwrap_or(top_k).into());
    conversation.max_tokens = number("maxOutputTokens");
    if let Some(stops) = config.get("stopSequences") {
        let stops: Option<Vec<_>> = array(stops).and_then(|stops| stops.into_iter().map(string).collect());
        conversation.stop =
            stops.ok_or_else(|| Refusal::new("stopSequences is not a list of strings", FIX))?;
    }
    Ok(())
}

/// The calls of functions so far: they have no ids, so they get their numbers.
#[derive(Debug, Default)]
struct Calls {
    count: usize,
    /// Calls without an answer.
    open: Vec<(String, String)>,
}

impl Calls {
    fn call(&mut self, name: &str) -> String {
        self.count += 1;
        let id = format!("call_{}", self.count);
        self.open.push((name.to_owned(), id.clone()));
        id
    }

    fn answer(&mut self, name: &str) -> Option<String> {
        let at = self.open.iter().position(|(open, _)| open == name)?;
        Some(self.open.remove(at).1)
    }
}

fn parts<'a>(
    content: &Members<'a>,
    calls: &mut Calls,
    losses: &mut Losses,
) -> Result<Vec<Block<'a>>, Refusal> {
    let parts = content.get("parts").ok_or_else(|| Refusal::new("contents has no parts", FIX))?;
    let mut blocks = Vec::new();
    for part in array(parts).unwrap_or_else(|| vec![parts]) {
        let part = parse(Some(part), "parts")?.renamed(camel_case);
        if part.get("thought") == Some("true") {
            losses.stop("a thought of the model", "only text, images, and calls of functions are converted");
            continue;
        }
        if let Some(text) = part.get("text") {
            let text = string(text).ok_or_else(|| Refusal::new("the text of a part is not a string", FIX))?;
            blocks.push(Block::Text(text));
        } else if let Some(data) = part.get("inlineData") {
            blocks.extend(image(&parse(Some(data), "inlineData")?.renamed(camel_case), losses)?);
        } else if let Some(call) = part.get("functionCall") {
            let call = parse(Some(call), "functionCall")?;
            let name = call.get("name").and_then(string);
            let name = name.ok_or_else(|| Refusal::new("a functionCall has no name", FIX))?;
            let id = calls.call(&name).into();
            blocks.push(Block::ToolUse { id, name, input: call.get("args").unwrap_or("{}").into() });
        } else if let Some(answer) = part.get("functionResponse") {
            let answer = parse(Some(answer), "functionResponse")?;
            let id = answer.get("name").and_then(string).and_then(|name| calls.answer(&name));
            let id = id.ok_or_else(|| Refusal::new("a functionResponse answers no functionCall", FIX))?;
            let content = answer.get("response").unwrap_or("{}");
            let content = vec![Block::Text(content.into())];
            blocks.push(Block::ToolResult { id: id.into(), content, is_error: false });
        } else if let Some((name, _)) = part.iter().next() {
            losses.stop(
                format!("parts.{}", text::name(name)),
                "only text, images in the request, and calls of functions are converted",
            );
        }
    }
    Ok(blocks)
}

fn image<'a>(data: &Members<'a>, losses: &mut Losses) -> Result<Option<Block<'a>>, Refusal> {
    let media_type = data.get("mimeType").and_then(string).unwrap_or_default();
    if !media_type.starts_with("image/") {
        losses.stop(format!("data of the type {}", text::name(&media_type)), "only images are converted");
        return Ok(None);
    }
    match (image_format(&media_type), data.get("data").and_then(string).filter(|data| is_base64(data))) {
        (Some(format), Some(data)) => Ok(Some(Block::Image(Image { format, data }))),
        _ => Err(Refusal::new("an image cannot be read", "use PNG, JPEG, GIF, or WebP, in Base64")),
    }
}

fn read_tools<'a>(
    request: &Members<'a>,
    conversation: &mut Conversation<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    for tool in request.get("tools").and_then(array).unwrap_or_default() {
        let tool = parse(Some(tool), "tools")?.renamed(camel_case);
        for (name, value) in tool.iter() {
            if name != "functionDeclarations" {
                losses.stop(format!("tools.{}", text::name(name)), "it is a service of the other API");
                continue;
            }
            for function in array(value).unwrap_or_default() {
                conversation.tools.push(function_declaration(function)?);
            }
        }
    }
    let Some(config) = either(request, "toolConfig", "tool_config") else { return Ok(()) };
    let config = parse(Some(config), "toolConfig")?.renamed(camel_case);
    let Some(config) = config.get("functionCallingConfig") else { return Ok(()) };
    let config = parse(Some(config), "functionCallingConfig")?.renamed(camel_case);
    let names = config.get("allowedFunctionNames").and_then(array).unwrap_or_default();
    conversation.tool_choice = match (config.get("mode"), names.as_slice()) {
        (None | Some("\"AUTO\""), []) => Some(ToolChoice::Auto),
        (Some("\"ANY\""), []) => Some(ToolChoice::Any),
        (Some("\"ANY\""), [name]) => string(name).map(ToolChoice::Tool),
        (Some("\"NONE\""), _) if conversation.tools.is_empty() => None,
        (Some("\"NONE\""), _) => Some(ToolChoice::None),
        _ => {
            losses.stop("toolConfig", "the model does not have this choice");
            None
        }
    };
    Ok(())
}

/// Reads a function. Its schema has the types of OpenAPI in capitals, where JSON schemas have small letters.
fn function_declaration(json: &str) -> Result<Tool<'_>, Refusal> {
    let function = parse(Some(json), "functionDeclarations")?.renamed(camel_case);
    let name = function.get("name").and_then(string);
    let schema = match (function.get("parametersJsonSchema"), function.get("parameters")) {
        (Some(schema), _) => Cow::Borrowed(schema),
        (None, Some(schema)) => {
            let mut schema: Value = serde_json::from_str(schema)
                .map_err(|_| Refusal::new("the parameters of a function cannot be read", FIX))?;
            lower_types(&mut schema);
            Cow::Owned(schema.to_string())
        }
        (None, None) => r#"{"type":"object","properties":{}}"#.into(),
    };
    Ok(Tool {
        name: name.ok_or_else(|| Refusal::new("a function has no name", FIX))?,
        description: function.get("description").and_then(string),
        schema,
    })
}

/// The depth is limited by the parser.
fn lower_types(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(kind) if name == "type" => *kind = kind.to_ascii_lowercase(),
                    other => lower_types(other),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(lower_types),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOVA: &str = "amazon.nova-lite-v1:0";

    type Converted = (String, Value, Vec<(String, bool)>);

    fn convert(line: &Value) -> Result<Converted, String> {
        let line = line.to_string();
        let mut losses = Losses::default();
        let target = Target::new(NOVA, "InvokeModel");
        let draft = read(&line, 12, &target, None, &mut losses).map_err(|refusal| refusal.what)?;
        let losses = losses
            .0
            .into_iter()
            .map(|loss| (loss.member, loss.effect == crate::prepare::report::Effect::Lost))
            .collect();
        let id = draft.record_id.as_deref().unwrap_or_default().to_owned();
        Ok((id, serde_json::from_str(&draft.body).unwrap(), losses))
    }

    #[test]
    fn requests_in_either_spelling_are_converted() {
        // https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/batch-prediction-gemini
        let camel = json!({"request": {
            "contents": [
                {"role": "user", "parts": [{"text": "What is this?"}, {"inlineData": {"mimeType": "image/jpeg", "data": "iVBORw=="}}]},
                {"role": "model", "parts": [{"text": "A dot."}]},
                {"role": "user", "parts": [{"text": "Sure?"}]},
            ],
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {"temperature": 0.4, "topP": 1.0, "topK": 32.0, "maxOutputTokens": 2048, "stopSequences": ["END"]},
        }});
        let snake = json!({"key": "k-1", "request": {
            "contents": [
                {"role": "user", "parts": [{"text": "What is this?"}, {"inline_data": {"mime_type": "image/jpeg", "data": "iVBORw=="}}]},
                {"role": "model", "parts": [{"text": "A dot."}]},
                {"role": "user", "parts": [{"text": "Sure?"}]},
            ],
            "system_instruction": {"parts": {"text": "Be brief."}},
            "generation_config": {"temperature": 0.4, "top_p": 1.0, "top_k": 32, "max_output_tokens": 2048, "stop_sequences": ["END"]},
        }});
        let expected = json!({
            "schemaVersion": "messages-v1",
            "system": [{"text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [{"text": "What is this?"}, {"image": {"format": "jpeg", "source": {"bytes": "iVBORw=="}}}]},
                {"role": "assistant", "content": [{"text": "A dot."}]},
                {"role": "user", "content": [{"text": "Sure?"}]},
            ],
            "inferenceConfig": {"maxTokens": 2048, "temperature": 0.4, "topP": 1.0, "topK": 32, "stopSequences": ["END"]},
        });
        assert_eq!(convert(&camel), Ok(("row-000012".to_owned(), expected.clone(), vec![])));
        assert_eq!(convert(&snake), Ok(("k-1".to_owned(), expected, vec![])));
    }

    #[test]
    fn functions_are_converted_and_their_calls_get_ids() {
        let line = json!({"request": {
            "contents": [
                {"parts": [{"text": "Weather?"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "w", "args": {"city": "Bonn"}}}, {"functionCall": {"name": "w"}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "w", "response": {"sky": "rain"}}},
                    {"functionResponse": {"name": "w", "response": {}}}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "w", "parameters": {"type": "OBJECT", "properties": {"type": {"type": "STRING"}}}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["w"]}},
        }});
        let (_, body, losses) = convert(&line).unwrap();
        assert_eq!(losses, []);
        assert_eq!(body["toolConfig"]["toolChoice"], json!({"tool": {"name": "w"}}));
        assert_eq!(
            body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"],
            json!({"type": "object", "properties": {"type": {"type": "string"}}})
        );
        let ids: Vec<_> = (0..2)
            .map(|at| {
                let [call, answer] = [1, 2].map(|message| &body["messages"][message]["content"][at]);
                (call["toolUse"]["toolUseId"].clone(), answer["toolResult"]["toolUseId"].clone())
            })
            .collect();
        assert_eq!(ids, [(json!("call_1"), json!("call_1")), (json!("call_2"), json!("call_2"))]);
    }

    #[test]
    fn what_cannot_be_carried_over_is_named() {
        let request = |more: Value| {
            let mut request = json!({"contents": [{"role": "user", "parts": [{"text": "a"}]}]});
            for (name, value) in more.as_object().unwrap() {
                request[name] = value.clone();
            }
            json!({"request": request})
        };
        for (more, expected, stops) in [
            (json!({"safetySettings": []}), "safetySettings", false),
            (json!({"labels": {}}), "labels", false),
            (json!({"generationConfig": {"seed": 1}}), "generationConfig.seed", false),
            (json!({"generationConfig": {"candidateCount": 2}}), "generationConfig.candidateCount", true),
            (
                json!({"generationConfig": {"responseMimeType": "application/json"}}),
                "generationConfig.responseMimeType",
                true,
            ),
            (
                json!({"generation_config": {"thinking_config": {"thinking_budget": 9}}}),
                "generationConfig.thinkingConfig",
                true,
            ),
            (json!({"cachedContent": "c"}), "cachedContent", true),
            (json!({"tools": [{"googleSearch": {}}]}), "tools.googleSearch", true),
            (
                json!({"contents": [{"parts": [{"text": "a"}, {"fileData": {"fileUri": "gs://b/k"}}]}]}),
                "parts.fileData",
                true,
            ),
            (
                json!({"contents": [{"parts": [{"text": "a"}, {"inlineData": {"mimeType": "audio/wav", "data": "iVBO"}}]}]}),
                "data of the type audio/wav",
                true,
            ),
        ] {
            assert_eq!(convert(&request(more)).unwrap().2, [(expected.to_owned(), stops)]);
        }
        let mut extra = request(json!({}));
        extra["category"] = json!("x");
        assert_eq!(convert(&extra).unwrap().2, [("category".to_owned(), false)]);
        assert_eq!(convert(&json!({"request": {}})).unwrap_err(), "the request has no contents");
    }
}
