//! Reads batch files of OpenAI's API: chat completions, responses, and embeddings. Pure.
//!
//! The envelope: <https://platform.openai.com/docs/guides/batch>. The bodies:
//! <https://platform.openai.com/docs/api-reference/chat/create>,
//! <https://platform.openai.com/docs/api-reference/responses/create>, and
//! <https://platform.openai.com/docs/api-reference/embeddings/create> (read 2026-11).

use std::borrow::Cow;

use super::body;
use super::conversation::{Block, Conversation, Image, Tool, ToolChoice, image_format, is_base64};
use super::draft::Draft;
use super::members::{FIX, Rule, Rules, apply, parse, read_envelope};
use super::report::{Losses, Refusal};
use super::target::{BodyForm, Target};
use crate::base::json::{Members, array, string};
use crate::base::text;
use crate::prepare::json::{Object, compact};

const NOT_IN_BATCH: &str = "a batch job does not stream";
pub(super) const JOB_HAS_MODEL: &str = "the job names the model, see --model-id";
pub(super) const FOR_THE_API: &str = "it is for the other API's own records, and no model sees it";
const NO_SEED: &str = "models on Bedrock take no seed; answers may differ between runs";
pub(super) const NO_FORMAT: &str =
    "it asks for a format of the answer, which this conversion cannot ask of the model";
const NO_PENALTY: &str = "the model does not take it";
const NO_LOGPROBS: &str = "the model does not return it";
const ONE_ANSWER: &str = "a record has one answer: write as many records as you want answers";
const NO_PARALLEL: &str = "the model cannot be told to call one tool at a time";
const NO_REASONING: &str = "each model has its own setting for it";

const ENVELOPE: Rules = &[
    ("custom_id", Rule::Read),
    ("body", Rule::Read),
    ("url", Rule::Read),
    ("method", Rule::Only(&["\"POST\"", "\"post\""], "a request is a POST")),
];

/// The members of a chat completion.
const CHAT: Rules = &[
    ("messages", Rule::Read),
    ("max_tokens", Rule::Read),
    ("max_completion_tokens", Rule::Read),
    ("temperature", Rule::Read),
    ("top_p", Rule::Read),
    ("stop", Rule::Read),
    ("tools", Rule::Read),
    ("tool_choice", Rule::Read),
    ("model", Rule::Leave(JOB_HAS_MODEL)),
    ("stream", Rule::Leave(NOT_IN_BATCH)),
    ("stream_options", Rule::Leave(NOT_IN_BATCH)),
    ("user", Rule::Leave(FOR_THE_API)),
    ("safety_identifier", Rule::Leave(FOR_THE_API)),
    ("metadata", Rule::Leave(FOR_THE_API)),
    ("store", Rule::Leave(FOR_THE_API)),
    ("service_tier", Rule::Leave(FOR_THE_API)),
    ("prompt_cache_key", Rule::Leave(FOR_THE_API)),
    ("prompt_cache_retention", Rule::Leave(FOR_THE_API)),
    ("prediction", Rule::Leave("it only makes answers faster")),
    ("seed", Rule::Leave(NO_SEED)),
    ("n", Rule::Only(&["1"], ONE_ANSWER)),
    ("frequency_penalty", Rule::Only(&["0", "0.0"], NO_PENALTY)),
    ("presence_penalty", Rule::Only(&["0", "0.0"], NO_PENALTY)),
    ("logit_bias", Rule::Only(&["{}"], NO_PENALTY)),
    ("logprobs", Rule::Only(&["false"], NO_LOGPROBS)),
    ("top_logprobs", Rule::Only(&["0"], NO_LOGPROBS)),
    ("response_format", Rule::Only(&[r#"{"type":"text"}"#], NO_FORMAT)),
    ("modalities", Rule::Only(&[r#"["text"]"#], NO_FORMAT)),
    ("audio", Rule::Only(&[], NO_FORMAT)),
    ("verbosity", Rule::Only(&["\"medium\""], NO_FORMAT)),
    ("reasoning_effort", Rule::Only(&["\"none\""], NO_REASONING)),
    ("parallel_tool_calls", Rule::Only(&["true"], NO_PARALLEL)),
    ("web_search_options", Rule::Only(&[], "models on Bedrock cannot search the web in batch inference")),
    ("functions", Rule::Only(&["[]"], "it is the old form: write it as tools")),
    ("function_call", Rule::Only(&["\"none\""], "it is the old form: write it as tool_choice")),
];

/// The members that are left out even where the body stays as it is.
const LEFT_OUT_OF_CHAT: Rules = &[
    ("model", Rule::Leave(JOB_HAS_MODEL)),
    ("stream", Rule::Leave(NOT_IN_BATCH)),
    ("stream_options", Rule::Leave(NOT_IN_BATCH)),
];

/// The members of a response.
const RESPONSE: Rules = &[
    ("input", Rule::Read),
    ("instructions", Rule::Read),
    ("max_output_tokens", Rule::Read),
    ("temperature", Rule::Read),
    ("top_p", Rule::Read),
    ("tools", Rule::Read),
    ("tool_choice", Rule::Read),
    ("model", Rule::Leave(JOB_HAS_MODEL)),
    ("stream", Rule::Leave(NOT_IN_BATCH)),
    ("stream_options", Rule::Leave(NOT_IN_BATCH)),
    ("background", Rule::Leave(NOT_IN_BATCH)),
    ("user", Rule::Leave(FOR_THE_API)),
    ("safety_identifier", Rule::Leave(FOR_THE_API)),
    ("metadata", Rule::Leave(FOR_THE_API)),
    ("store", Rule::Leave(FOR_THE_API)),
    ("service_tier", Rule::Leave(FOR_THE_API)),
    ("prompt_cache_key", Rule::Leave(FOR_THE_API)),
    ("prompt_cache_retention", Rule::Leave(FOR_THE_API)),
    ("truncation", Rule::Only(&["\"disabled\""], "Bedrock does not shorten a conversation that is too long")),
    ("text", Rule::Only(&[r#"{"format":{"type":"text"}}"#, "{}"], NO_FORMAT)),
    ("include", Rule::Only(&["[]"], NO_LOGPROBS)),
    ("top_logprobs", Rule::Only(&["0"], NO_LOGPROBS)),
    ("reasoning", Rule::Only(&["{}"], NO_REASONING)),
    ("parallel_tool_calls", Rule::Only(&["true"], NO_PARALLEL)),
    ("previous_response_id", Rule::Only(&[], "the earlier conversation is kept by the other API")),
    ("conversation", Rule::Only(&[], "the earlier conversation is kept by the other API")),
    ("prompt", Rule::Only(&[], "the prompt is kept by the other API")),
];

const EMBEDDING: Rules = &[
    ("input", Rule::Read),
    ("dimensions", Rule::Read),
    ("model", Rule::Leave(JOB_HAS_MODEL)),
    ("user", Rule::Leave(FOR_THE_API)),
    ("encoding_format", Rule::Only(&["\"float\""], "the model returns numbers")),
];

/// Reads a line of a batch file.
pub(super) fn read<'a>(
    json: &'a str,
    target: &Target,
    max_tokens: Option<u32>,
    losses: &mut Losses,
) -> Result<Draft<'a>, Refusal> {
    let (envelope, record_id) = read_envelope(json, ENVELOPE, losses)?;
    let request = parse(envelope.get("body"), "body")?;
    let url = envelope.get("url").and_then(string).unwrap_or_default();
    let endpoint = url.rsplit("/v1").next().unwrap_or_default().trim_matches('/');
    let body = match endpoint {
        "chat/completions" => chat(&request, target, max_tokens, losses)?,
        "responses" => responses(&request, target, max_tokens, losses)?,
        "embeddings" => embedding(&request, target, losses)?,
        "" if request.has("messages") => chat(&request, target, max_tokens, losses)?,
        "" if target.body == BodyForm::TitanText => embedding(&request, target, losses)?,
        "" if request.has("input") => responses(&request, target, max_tokens, losses)?,
        other => {
            let what = format!("requests to `{}` cannot be converted", text::name(other));
            return Err(Refusal::new(
                what,
                "this command converts chat completions, responses, and embeddings",
            ));
        }
    };
    Ok(Draft { record_id: Some(record_id), body: Cow::Owned(body) })
}

/// Converts a chat completion. A model that takes the same body gets it as it is.
fn chat(
    request: &Members<'_>,
    target: &Target,
    max_tokens: Option<u32>,
    losses: &mut Losses,
) -> Result<String, Refusal> {
    if let BodyForm::Chat { max_tokens: name } = target.body {
        let mut body = Object::new();
        for (member, value) in request.iter() {
            match LEFT_OUT_OF_CHAT.iter().find(|(known, _)| *known == member) {
                Some((name, Rule::Leave(why))) => losses.note(*name, *why),
                _ => body = body.json(member, value),
            }
        }
        let has_limit = request.has("max_tokens") || request.has("max_completion_tokens");
        let most = max_tokens.filter(|_| !has_limit).map(|most| most.to_string());
        if !request.has("messages") {
            return Err(Refusal::new("the request has no messages", FIX));
        }
        return Ok(body.maybe(name, most.as_deref()).end());
    }
    apply(CHAT, request, "", losses);
    let mut conversation = Conversation {
        max_tokens: request
            .get("max_completion_tokens")
            .or_else(|| request.get("max_tokens"))
            .map(Cow::Borrowed),
        temperature: request.get("temperature").map(Cow::Borrowed),
        top_p: request.get("top_p").map(Cow::Borrowed),
        stop: request.get("stop").map(stops).transpose()?.unwrap_or_default(),
        ..Conversation::default()
    };
    let messages = request.get("messages").ok_or_else(|| Refusal::new("the request has no messages", FIX))?;
    for message in list_of("messages")(messages)? {
        let message = Members::parse(message).map_err(|error| Refusal::because_of(&error, FIX))?;
        chat_message(&message, &mut conversation, losses)?;
    }
    read_tools(request, &mut conversation, losses)?;
    body::write(conversation, target, max_tokens, losses)
}

fn stops(json: &str) -> Result<Vec<Cow<'_, str>>, Refusal> {
    let texts = array(json).unwrap_or_else(|| vec![json]);
    let texts: Option<Vec<_>> = texts.into_iter().map(string).collect();
    texts.ok_or_else(|| Refusal::new("stop is not a string or a list of strings", FIX))
}

const MESSAGE: Rules = &[
    ("role", Rule::Read),
    ("content", Rule::Read),
    ("tool_calls", Rule::Read),
    ("tool_call_id", Rule::Read),
    ("name", Rule::Only(&[], "messages on Bedrock do not name who speaks")),
    ("refusal", Rule::Only(&[], "a refusal cannot be carried over")),
    ("audio", Rule::Only(&[], "audio cannot be carried over")),
    ("function_call", Rule::Only(&[], "it is the old form: write it as tool_calls")),
    ("annotations", Rule::Leave("it does not reach a model")),
];

fn chat_message<'a>(
    message: &Members<'a>,
    conversation: &mut Conversation<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    apply(MESSAGE, message, "messages", losses);
    let mut blocks = content(message.get("content"), losses)?;
    match message.get("role") {
        Some("\"system\"" | "\"developer\"") => system(blocks, conversation, losses),
        Some("\"user\"") => conversation.say(true, blocks),
        Some("\"assistant\"") => {
            for call in message.get("tool_calls").map(list_of("tool_calls")).transpose()?.unwrap_or_default()
            {
                let call = parse(Some(call), "tool_calls")?;
                let function = parse(call.get("function"), "tool_calls.function")?;
                blocks.push(tool_use(call.get("id"), function.get("name"), function.get("arguments"))?);
            }
            conversation.say(false, blocks);
        }
        Some("\"tool\"") => {
            let id = message.get("tool_call_id").and_then(string);
            let id = id.ok_or_else(|| Refusal::new("a message of a tool has no tool_call_id", FIX))?;
            conversation.say(true, vec![Block::ToolResult { id, content: blocks, is_error: false }]);
        }
        other => {
            let role = text::name(other.unwrap_or("none")).to_string();
            return Err(Refusal::new(format!("messages with the role {role} cannot be converted"), FIX));
        }
    }
    Ok(())
}

fn list_of(name: &str) -> impl Fn(&str) -> Result<Vec<&str>, Refusal> {
    move |json| array(json).ok_or_else(|| Refusal::new(format!("{name} is not a list"), FIX))
}

/// Adds to the system prompt, which the other models have at the start only.
pub(super) fn system<'a>(blocks: Vec<Block<'a>>, conversation: &mut Conversation<'a>, losses: &mut Losses) {
    if !conversation.turns.is_empty() {
        let why = "the model takes it at the start only, and it would lose its place in the conversation";
        losses.stop("a system message between other messages", why);
    }
    for block in blocks {
        match block {
            Block::Text(text) => conversation.system.push(text),
            _ => losses.stop("an image in a system message", "the model takes text there only"),
        }
    }
}

fn tool_use<'a>(
    id: Option<&'a str>,
    name: Option<&'a str>,
    arguments: Option<&'a str>,
) -> Result<Block<'a>, Refusal> {
    let read = |json: Option<&'a str>, name: &str| {
        json.and_then(string).ok_or_else(|| Refusal::new(format!("a tool call has no {name}"), FIX))
    };
    let arguments = read(arguments, "arguments")?;
    let arguments = if arguments.trim().is_empty() { Cow::Borrowed("{}") } else { arguments };
    if Members::parse(&arguments).is_err() {
        return Err(Refusal::new("the arguments of a tool call are not a JSON object", FIX));
    }
    Ok(Block::ToolUse { id: read(id, "id")?, name: read(name, "name")?, input: compact(&arguments).into() })
}

/// Reads content: a string, or a list of parts.
fn content<'a>(json: Option<&'a str>, losses: &mut Losses) -> Result<Vec<Block<'a>>, Refusal> {
    let Some(json) = json else { return Ok(Vec::new()) };
    if let Some(text) = string(json) {
        return Ok(vec![Block::Text(text)]);
    }
    let mut blocks = Vec::new();
    for part in list_of("content")(json)? {
        let part = parse(Some(part), "content")?;
        let kind = part.get("type").and_then(string).unwrap_or_default();
        match kind.as_ref() {
            "text" | "input_text" | "output_text" => {
                let text = part.get("text").and_then(string);
                blocks.push(Block::Text(text.ok_or_else(|| Refusal::new("a part has no text", FIX))?));
            }
            "image_url" => {
                let image = parse(part.get("image_url"), "image_url")?;
                check_detail(&image, losses);
                blocks.extend(image_of_url(image.get("url"), losses)?);
            }
            "input_image" => {
                check_detail(&part, losses);
                blocks.extend(image_of_url(part.get("image_url"), losses)?);
            }
            other => losses.stop(
                format!("content of the type {}", text::name(other)),
                "only text and images are converted",
            ),
        }
    }
    Ok(blocks)
}

fn check_detail(image: &Members<'_>, losses: &mut Losses) {
    if image.get("detail").is_some_and(|detail| detail != "\"auto\"") {
        losses.note("detail", "models on Bedrock choose the resolution of an image themselves");
    }
}

/// Reads an image that is part of its URL.
fn image_of_url<'a>(url: Option<&'a str>, losses: &mut Losses) -> Result<Option<Block<'a>>, Refusal> {
    let Some(url) = url.and_then(string) else {
        losses.stop("an image without a URL", "files at the other API cannot be read");
        return Ok(None);
    };
    let Some(rest) = url.strip_prefix("data:") else {
        let why = "a batch job does not fetch it: put the image into the request, as a data: URL";
        losses.stop("an image at a URL", why);
        return Ok(None);
    };
    let found = rest.split_once(',').and_then(|(head, data)| {
        let (media_type, encoding) = head.rsplit_once(';')?;
        let media_type = media_type.split(';').next()?;
        (encoding == "base64").then_some(())?;
        Some((image_format(media_type)?, data)).filter(|(_, data)| is_base64(data))
    });
    let Some((format, data)) = found else {
        let fix = "use PNG, JPEG, GIF, or WebP, in Base64";
        return Err(Refusal::new("an image cannot be read from its data: URL", fix));
    };
    Ok(Some(Block::Image(Image { format, data: data.to_owned().into() })))
}

/// Reads the tools, as chat completions and as responses have them.
fn read_tools<'a>(
    request: &Members<'a>,
    conversation: &mut Conversation<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    for tool in request.get("tools").map(list_of("tools")).transpose()?.unwrap_or_default() {
        let tool = parse(Some(tool), "tools")?;
        if tool.get("type") != Some("\"function\"") {
            losses.stop("a tool of the other API", "only functions are converted");
            continue;
        }
        let function = match tool.get("function") {
            Some(function) => parse(Some(function), "tools.function")?,
            None => tool,
        };
        if function.get("strict") == Some("true") {
            losses.stop(
                "tools.strict",
                "the model may call a function with other arguments than its schema says",
            );
        }
        let name = function.get("name").and_then(string);
        conversation.tools.push(Tool {
            name: name.ok_or_else(|| Refusal::new("a tool has no name", FIX))?,
            description: function.get("description").and_then(string),
            schema: function.get("parameters").unwrap_or(r#"{"type":"object","properties":{}}"#).into(),
        });
    }
    let Some(choice) = request.get("tool_choice") else { return Ok(()) };
    let name = || {
        let choice = Members::parse(choice).ok()?;
        let function = choice.get("function").and_then(|function| Members::parse(function).ok());
        let is_function = choice.get("type") == Some("\"function\"");
        function.unwrap_or(choice).get("name").filter(|_| is_function).and_then(string)
    };
    conversation.tool_choice = match choice {
        "\"auto\"" => Some(ToolChoice::Auto),
        "\"required\"" => Some(ToolChoice::Any),
        // Without tools, it says nothing.
        "\"none\"" if conversation.tools.is_empty() => None,
        "\"none\"" => Some(ToolChoice::None),
        _ => {
            let name = name();
            if name.is_none() {
                losses.stop("tool_choice", "the model does not have this choice");
            }
            name.map(ToolChoice::Tool)
        }
    };
    Ok(())
}

/// Converts a request to the Responses API.
fn responses(
    request: &Members<'_>,
    target: &Target,
    max_tokens: Option<u32>,
    losses: &mut Losses,
) -> Result<String, Refusal> {
    apply(RESPONSE, request, "", losses);
    let mut conversation = Conversation {
        max_tokens: request.get("max_output_tokens").map(Cow::Borrowed),
        temperature: request.get("temperature").map(Cow::Borrowed),
        top_p: request.get("top_p").map(Cow::Borrowed),
        ..Conversation::default()
    };
    conversation.system.extend(request.get("instructions").and_then(string));
    let input = request.get("input").ok_or_else(|| Refusal::new("the request has no input", FIX))?;
    if let Some(text) = string(input) {
        conversation.say(true, vec![Block::Text(text)]);
    } else {
        for item in list_of("input")(input)? {
            response_item(&parse(Some(item), "input")?, &mut conversation, losses)?;
        }
    }
    read_tools(request, &mut conversation, losses)?;
    body::write(conversation, target, max_tokens, losses)
}

fn response_item<'a>(
    item: &Members<'a>,
    conversation: &mut Conversation<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    match (item.get("type"), item.get("role")) {
        (None | Some("\"message\""), Some(role)) => {
            let blocks = content(item.get("content"), losses)?;
            match role {
                "\"system\"" | "\"developer\"" => system(blocks, conversation, losses),
                "\"user\"" => conversation.say(true, blocks),
                "\"assistant\"" => conversation.say(false, blocks),
                other => {
                    let what = format!("messages with the role {} cannot be converted", text::name(other));
                    return Err(Refusal::new(what, FIX));
                }
            }
        }
        (Some("\"function_call\""), _) => {
            let call = tool_use(item.get("call_id"), item.get("name"), item.get("arguments"))?;
            conversation.say(false, vec![call]);
        }
        (Some("\"function_call_output\""), _) => {
            let id = item.get("call_id").and_then(string);
            let id = id.ok_or_else(|| Refusal::new("the output of a function has no call_id", FIX))?;
            let content = content(item.get("output"), losses)?;
            conversation.say(true, vec![Block::ToolResult { id, content, is_error: false }]);
        }
        (other, _) => losses.stop(
            format!("input of the type {}", text::name(other.unwrap_or("none"))),
            "only messages and calls of functions are converted",
        ),
    }
    Ok(())
}

/// Converts a request for an embedding.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>
fn embedding(request: &Members<'_>, target: &Target, losses: &mut Losses) -> Result<String, Refusal> {
    if target.body != BodyForm::TitanText {
        let fix = "choose amazon.titan-embed-text-v2:0 with --model-id";
        return Err(Refusal::new("the request is for an embedding, and the model does not make them", fix));
    }
    apply(EMBEDDING, request, "", losses);
    let input = request.get("input").ok_or_else(|| Refusal::new("the request has no input", FIX))?;
    let input = match array(input).as_deref() {
        Some([one]) => one,
        Some(_) => {
            return Err(Refusal::new("the request has several inputs", "write one request for each text"));
        }
        None => input,
    };
    if string(input).is_none() {
        return Err(Refusal::new("the input is not a text", "write tokens as the text that they stand for"));
    }
    let is_v2 = target.model_id.contains("titan-embed-text-v2");
    let dimensions = request.get("dimensions").filter(|dimensions| {
        let is_taken = is_v2 && ["256", "512", "1024"].contains(dimensions);
        if !is_taken {
            losses.stop(
                "dimensions",
                "the model has other sizes: Titan Text Embeddings V2 has 256, 512, and 1024",
            );
        }
        is_taken
    });
    Ok(Object::new().json("inputText", input).maybe("dimensions", dimensions).end())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CLAUDE: &str = "us.anthropic.claude-sonnet-4-20250514-v1:0";
    const NOVA: &str = "amazon.nova-lite-v1:0";
    const GPT_OSS: &str = "openai.gpt-oss-120b-1:0";
    const MISTRAL: &str = "mistral.mistral-large-2407-v1:0";
    const TITAN: &str = "amazon.titan-embed-text-v2:0";

    type Converted = Result<(Value, Vec<(String, bool)>), String>;

    fn convert(url: &str, body: &Value, model_id: &str, shape: &str) -> Converted {
        let line = json!({"custom_id": "r1", "method": "POST", "url": url, "body": body}).to_string();
        let mut losses = Losses::default();
        let target = Target::new(model_id, shape);
        let draft = read(&line, &target, None, &mut losses).map_err(|refusal| refusal.what)?;
        assert_eq!(draft.record_id.as_deref(), Some("r1"));
        let losses = losses
            .0
            .into_iter()
            .map(|loss| (loss.member, loss.effect == crate::prepare::report::Effect::Lost))
            .collect();
        Ok((serde_json::from_str(&draft.body).unwrap(), losses))
    }

    fn chat(body: &Value, model_id: &str, shape: &str) -> Converted {
        convert("/v1/chat/completions", body, model_id, shape)
    }

    /// The example of the guide, with every member that has a counterpart.
    fn example() -> Value {
        json!({
            "model": "gpt-4o-mini",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
                ]},
                {"role": "assistant", "content": "A dot."},
                {"role": "user", "content": "Sure?"},
            ],
            "max_tokens": 64, "temperature": 0.5, "top_p": 0.9, "stop": "END",
        })
    }

    #[test]
    fn chat_becomes_claude_messages() {
        // https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
        let expected = json!({
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 64,
            "system": "Be brief.",
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
                ]},
                {"role": "assistant", "content": [{"type": "text", "text": "A dot."}]},
                {"role": "user", "content": [{"type": "text", "text": "Sure?"}]},
            ],
            "temperature": 0.5, "top_p": 0.9, "stop_sequences": ["END"],
        });
        let losses = vec![("model".to_owned(), false)];
        assert_eq!(chat(&example(), CLAUDE, "InvokeModel"), Ok((expected, losses)));
    }

    #[test]
    fn chat_becomes_a_body_for_nova_and_converse() {
        // https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html and
        // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
        let converse = json!({
            "system": [{"text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [
                    {"text": "What is this?"}, {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}},
                ]},
                {"role": "assistant", "content": [{"text": "A dot."}]},
                {"role": "user", "content": [{"text": "Sure?"}]},
            ],
            "inferenceConfig": {"maxTokens": 64, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        });
        let mut nova = converse.clone();
        nova["schemaVersion"] = json!("messages-v1");
        assert_eq!(chat(&example(), NOVA, "InvokeModel").unwrap().0, nova);
        assert_eq!(chat(&example(), CLAUDE, "Converse").unwrap().0, converse);
    }

    #[test]
    fn chat_stays_as_it_is_for_models_that_take_it() {
        let mut body = example();
        body["n"] = json!(2);
        body["response_format"] = json!({"type": "json_object"});
        body["stream"] = json!(true);
        let (converted, losses) = chat(&body, GPT_OSS, "InvokeModel").unwrap();
        for left_out in ["model", "stream"] {
            body.as_object_mut().unwrap().remove(left_out);
        }
        assert_eq!(converted, body);
        assert_eq!(losses, [("model".to_owned(), false), ("stream".to_owned(), false)]);
    }

    #[test]
    fn tools_are_converted_where_the_shapes_correspond() {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let body = json!({
            "messages": [
                {"role": "user", "content": "Weather in Bonn?"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{\"city\": \"Bonn\"}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
            ],
            "tools": [{"type": "function", "function": {"name": "w", "description": "Weather", "parameters": schema}}],
            "tool_choice": "required", "max_completion_tokens": 9,
        });
        let (claude, losses) = chat(&body, CLAUDE, "InvokeModel").unwrap();
        assert_eq!(losses, []);
        assert_eq!(claude["tools"], json!([{"name": "w", "description": "Weather", "input_schema": schema}]));
        assert_eq!(claude["tool_choice"], json!({"type": "any"}));
        assert_eq!(
            claude["messages"][1]["content"],
            json!([{"type": "tool_use", "id": "c1", "name": "w", "input": {"city": "Bonn"}}])
        );
        assert_eq!(
            claude["messages"][2],
            json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1",
                "content": [{"type": "text", "text": "Rain"}]}]})
        );

        let (nova, _) = chat(&body, NOVA, "InvokeModel").unwrap();
        assert_eq!(
            nova["toolConfig"],
            json!({"tools": [{"toolSpec": {"name": "w", "description": "Weather", "inputSchema": {"json": schema}}}],
                "toolChoice": {"any": {}}})
        );
        assert_eq!(
            nova["messages"][1]["content"][0]["toolUse"],
            json!({"toolUseId": "c1", "name": "w", "input": {"city": "Bonn"}})
        );
        assert_eq!(
            nova["messages"][2]["content"][0]["toolResult"],
            json!({"toolUseId": "c1", "content": [{"text": "Rain"}]})
        );

        let (mistral, losses) = chat(&body, MISTRAL, "InvokeModel").unwrap();
        assert_eq!(losses, []);
        assert_eq!(mistral["messages"][2], json!({"role": "tool", "tool_call_id": "c1", "content": "Rain"}));
        assert_eq!((&mistral["tool_choice"], &mistral["max_tokens"]), (&json!("any"), &json!(9)));

        let error = chat(&body, CLAUDE, "Converse").unwrap_err();
        assert!(error.starts_with("the conversation has calls of tools"), "{error}");
    }

    #[test]
    fn what_would_change_the_meaning_stops_a_record_and_the_rest_is_named() {
        let table = [
            ("n", json!(2), true),
            ("logprobs", json!(true), true),
            ("top_logprobs", json!(5), true),
            ("response_format", json!({"type": "json_schema", "json_schema": {}}), true),
            ("frequency_penalty", json!(0.5), true),
            ("logit_bias", json!({"50256": -100}), true),
            ("reasoning_effort", json!("high"), true),
            ("parallel_tool_calls", json!(false), true),
            ("functions", json!([{"name": "f"}]), true),
            ("made_up\u{1b}", json!(1), true),
            ("temperature", json!(1.5), true),
            ("tools", json!([{"type": "function", "function": {"name": "f"}}]), true),
            ("seed", json!(7), false),
            ("user", json!("u"), false),
            ("metadata", json!({"a": "b"}), false),
            ("store", json!(true), false),
            ("stream", json!(false), false),
        ];
        for (member, value, changes_meaning) in table {
            let mut body = json!({"messages": [{"role": "user", "content": "x"}], "max_tokens": 9});
            body[member] = value;
            let (_, losses) = chat(&body, NOVA, "Converse").unwrap();
            let member = text::name(member).to_string();
            assert_eq!(losses, [(member, changes_meaning)]);
        }
        for (member, value) in [
            ("n", json!(1)),
            ("logprobs", json!(false)),
            ("response_format", json!({"type": "text"})),
            ("presence_penalty", json!(0)),
            ("tools", json!([])),
            ("tool_choice", json!("none")),
            ("seed", Value::Null),
            ("made_up", Value::Null),
        ] {
            let mut body = json!({"messages": [{"role": "user", "content": "x"}], "max_tokens": 9});
            body[member] = value;
            assert_eq!(chat(&body, NOVA, "Converse").unwrap().1, [], "{member}");
        }
    }

    #[test]
    fn content_that_cannot_be_carried_over_stops_a_record() {
        for (content, expected) in [
            (
                json!([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]),
                "an image at a URL",
            ),
            (
                json!([{"type": "text", "text": "a"}, {"type": "input_audio", "input_audio": {}}]),
                "content of the type input_audio",
            ),
        ] {
            let body = json!({"messages": [{"role": "user", "content": content}], "max_tokens": 9});
            assert_eq!(chat(&body, CLAUDE, "InvokeModel").unwrap().1, [(expected.to_owned(), true)]);
        }
        let late = json!({"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}], "max_tokens": 9});
        let expected = "a system message between other messages".to_owned();
        assert_eq!(chat(&late, CLAUDE, "InvokeModel").unwrap().1, [(expected, true)]);
    }

    #[test]
    fn requests_that_no_model_takes_are_refused() {
        let user = json!([{"role": "user", "content": "a"}]);
        for (body, expected) in [
            (json!({"messages": user}), "the request has no limit of output tokens, and Claude needs one"),
            (json!({"max_tokens": 9}), "the request has no messages"),
            (json!({"messages": [], "max_tokens": 9}), "the request has no message of a user"),
            (
                json!({"messages": [{"role": "user", "content": " "}], "max_tokens": 9}),
                "a message has no text",
            ),
            (
                json!({"messages": [{"role": "assistant", "content": "a"}], "max_tokens": 9}),
                "the first message is not of the user",
            ),
            (
                json!({"messages": [{"role": "narrator", "content": "a"}]}),
                "messages with the role \"narrator\" cannot be converted",
            ),
            (
                json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/tiff;base64,iVBORw=="}}]}]}),
                "an image cannot be read from its data: URL",
            ),
            (json!({"messages": user, "max_tokens": 9, "temperature": "hot"}), "temperature is not a number"),
        ] {
            assert_eq!(chat(&body, CLAUDE, "InvokeModel"), Err(expected.to_owned()));
        }
        let error = convert("/v1/completions", &json!({"prompt": "a"}), NOVA, "InvokeModel").unwrap_err();
        assert_eq!(error, "requests to `completions` cannot be converted");
    }

    #[test]
    fn sampling_fits_the_model() {
        let body = |temperature: f64, top_p: f64| json!({"messages": [{"role": "user", "content": "a"}], "max_tokens": 9, "temperature": temperature, "top_p": top_p});
        let (nova, losses) = chat(&body(0.0, 1.0), NOVA, "InvokeModel").unwrap();
        assert_eq!(nova["inferenceConfig"]["temperature"], json!(0.00001));
        assert_eq!(losses, [("temperature".to_owned(), false)]);

        let haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
        for (temperature, top_p, kept, lost, changes_meaning) in [
            (0.2, 1.0, "temperature", "top_p", false),
            (1.0, 0.5, "top_p", "temperature", false),
            (0.2, 0.5, "temperature", "top_p", true),
        ] {
            for shape in ["InvokeModel", "Converse"] {
                let (converted, losses) = chat(&body(temperature, top_p), haiku, shape).unwrap();
                assert_eq!(losses, [(lost.to_owned(), changes_meaning)]);
                if shape == "InvokeModel" {
                    assert!(converted.get(kept).is_some() && converted.get(lost).is_none(), "{converted}");
                }
            }
        }
    }

    #[test]
    fn responses_are_converted() {
        // https://platform.openai.com/docs/api-reference/responses/create
        let body = json!({
            "model": "gpt-4.1", "instructions": "Be brief.", "max_output_tokens": 20,
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "a"},
                    {"type": "input_image", "image_url": "data:image/webp;base64,iVBO", "detail": "low"}]},
                {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "42"},
            ],
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        });
        let (converted, losses) = convert("/v1/responses", &body, NOVA, "InvokeModel").unwrap();
        assert_eq!(losses, [("model".to_owned(), false), ("detail".to_owned(), false)]);
        assert_eq!(
            converted["messages"],
            json!([
                {"role": "user", "content": [{"text": "a"}, {"image": {"format": "webp", "source": {"bytes": "iVBO"}}}]},
                {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "f", "input": {}}}]},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "42"}]}}]},
            ])
        );
        let body = json!({"model": "gpt-4.1", "input": "Hi", "previous_response_id": "r"});
        let (converted, losses) = convert("/v1/responses", &body, GPT_OSS, "InvokeModel").unwrap();
        assert_eq!(converted, json!({"messages": [{"role": "user", "content": "Hi"}]}));
        assert_eq!(losses, [("model".to_owned(), false), ("previous_response_id".to_owned(), true)]);
    }

    #[test]
    fn embeddings_are_converted_for_titan() {
        let embed = |body: &Value, model_id| convert("/v1/embeddings", body, model_id, "InvokeModel");
        let body = json!({"model": "text-embedding-3-small", "input": "a", "dimensions": 512, "encoding_format": "float"});
        assert_eq!(embed(&body, TITAN).unwrap().0, json!({"inputText": "a", "dimensions": 512}));
        let body = json!({"input": ["a"], "dimensions": 1536});
        let losses = vec![("dimensions".to_owned(), true)];
        assert_eq!(embed(&body, TITAN), Ok((json!({"inputText": "a"}), losses)));
        let body = json!({"input": ["a", "b"]});
        assert_eq!(embed(&body, TITAN), Err("the request has several inputs".to_owned()));
        assert!(embed(&body, NOVA).unwrap_err().contains("the model does not make them"));
        assert_eq!(embed(&json!({"input": [1, 2]}), TITAN), Err("the request has several inputs".to_owned()));
    }
}
