//! Reads batch files of Anthropic's API. Pure.
//!
//! The envelope and the body: <https://docs.claude.com/en/api/creating-message-batches>. What Bedrock takes of it:
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html>
//! (read 2026-11).

use std::borrow::Cow;

use super::body::{self, ANTHROPIC_VERSION};
use super::conversation::{Block, Conversation, Image, Tool, ToolChoice, image_format, is_base64};
use super::draft::Draft;
use super::members::{FIX, Rule, Rules, apply, is_one_of, parse, read_envelope};
use super::openai::{FOR_THE_API, JOB_HAS_MODEL, NO_FORMAT};
use super::report::{Losses, Refusal};
use super::target::{BodyForm, Target};
use crate::base::json::{Members, array, string};
use crate::base::text;
use crate::prepare::json::{Object, list};

const ENVELOPE: Rules = &[("custom_id", Rule::Read), ("params", Rule::Read)];

const NO_STREAM: &str = "a batch job does not stream";
/// Records with cache points fail. <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html>
const NO_CACHE: &str = "batch inference has no prompt cache, and refuses records that ask for it";
const NO_THINKING: &str = "each model has its own setting for it";
const ONLY_THERE: &str = "it is a service of the other API";

/// The members that Claude does not get on Bedrock. The others stay as they are.
const FOR_CLAUDE: Rules = &[
    ("model", Rule::Leave(JOB_HAS_MODEL)),
    ("stream", Rule::Leave(NO_STREAM)),
    ("metadata", Rule::Leave(FOR_THE_API)),
    ("service_tier", Rule::Leave(FOR_THE_API)),
    ("inference_geo", Rule::Leave("the inference profile decides where the model runs")),
    ("cache_control", Rule::Leave(NO_CACHE)),
    ("container", Rule::Only(&[], ONLY_THERE)),
    ("mcp_servers", Rule::Only(&["[]"], ONLY_THERE)),
];

/// The members of a request.
const PARAMS: Rules = &[
    ("max_tokens", Rule::Read),
    ("messages", Rule::Read),
    ("system", Rule::Read),
    ("temperature", Rule::Read),
    ("top_p", Rule::Read),
    ("top_k", Rule::Read),
    ("stop_sequences", Rule::Read),
    ("tools", Rule::Read),
    ("tool_choice", Rule::Read),
    ("model", Rule::Leave(JOB_HAS_MODEL)),
    ("stream", Rule::Leave(NO_STREAM)),
    ("metadata", Rule::Leave(FOR_THE_API)),
    ("service_tier", Rule::Leave(FOR_THE_API)),
    ("inference_geo", Rule::Leave("the inference profile decides where the model runs")),
    ("cache_control", Rule::Leave(NO_CACHE)),
    ("thinking", Rule::Only(&[r#"{"type":"disabled"}"#], NO_THINKING)),
    ("output_config", Rule::Only(&["{}"], NO_FORMAT)),
    ("output_format", Rule::Only(&[], NO_FORMAT)),
    ("container", Rule::Only(&[], ONLY_THERE)),
    ("mcp_servers", Rule::Only(&["[]"], ONLY_THERE)),
];

/// Reads a line of a batch file.
pub(super) fn read<'a>(
    json: &'a str,
    target: &Target,
    max_tokens: Option<u32>,
    losses: &mut Losses,
) -> Result<Draft<'a>, Refusal> {
    let (envelope, record_id) = read_envelope(json, ENVELOPE, losses)?;
    let params = parse(envelope.get("params"), "params")?;
    let body = match target.body {
        BodyForm::Claude => for_claude(&params, max_tokens, losses)?,
        _ => convert(&params, target, max_tokens, losses)?,
    };
    Ok(Draft { record_id: Some(record_id), body: Cow::Owned(body) })
}

fn elements<'a>(json: &'a str, name: &str) -> Result<Vec<&'a str>, Refusal> {
    array(json).ok_or_else(|| Refusal::new(format!("{name} is not a list"), FIX))
}

/// Keeps the request as it is, but for what Bedrock takes in another way.
fn for_claude(params: &Members<'_>, max_tokens: Option<u32>, losses: &mut Losses) -> Result<String, Refusal> {
    let mut body = Object::new();
    if !params.has("anthropic_version") {
        body = body.text("anthropic_version", ANTHROPIC_VERSION);
    }
    for (name, value) in params.iter() {
        match FOR_CLAUDE.iter().find(|(known, _)| *known == name).map(|(_, rule)| rule) {
            _ if value == "null" => {}
            Some(Rule::Leave(why)) => losses.note(name, *why),
            Some(Rule::Only(values, why)) if !is_one_of(value, values) => losses.stop(name, *why),
            Some(_) => {}
            None => {
                let value = match name {
                    "messages" => messages_for_claude(value, losses)?.into(),
                    "system" | "tools" => blocks_for_claude(value, losses)?,
                    _ => Cow::Borrowed(value),
                };
                body = body.json(name, &value);
            }
        }
    }
    if !params.has("messages") {
        return Err(Refusal::new("the request has no messages", FIX));
    }
    let most = max_tokens.filter(|_| !params.has("max_tokens")).map(|most| most.to_string());
    if most.is_none() && !params.has("max_tokens") {
        return Err(Refusal::new("the request has no max_tokens, and Claude needs it", "add --max-tokens"));
    }
    Ok(body.maybe("max_tokens", most.as_deref()).end())
}

fn messages_for_claude(json: &str, losses: &mut Losses) -> Result<String, Refusal> {
    let mut messages = Vec::new();
    for message in elements(json, "messages")? {
        let message = parse(Some(message), "messages")?;
        let mut written = Object::new();
        for (name, value) in message.iter() {
            let value =
                if name == "content" { blocks_for_claude(value, losses)? } else { Cow::Borrowed(value) };
            written = written.json(name, &value);
        }
        messages.push(written.end());
    }
    Ok(list(messages))
}

/// Takes `cache_control` out of blocks of content or tools, and finds those that Bedrock refuses.
fn blocks_for_claude<'a>(json: &'a str, losses: &mut Losses) -> Result<Cow<'a, str>, Refusal> {
    let Some(blocks) = array(json) else { return Ok(Cow::Borrowed(json)) };
    let mut written_blocks = Vec::new();
    for block in blocks {
        let block = parse(Some(block), "a block of content")?;
        let kind = block.get("type").and_then(string).unwrap_or_default();
        if ["web_search", "web_fetch", "code_execution", "mcp_"].iter().any(|start| kind.starts_with(start)) {
            losses.stop(format!("a tool or block of the type {}", text::name(&kind)), ONLY_THERE);
            continue;
        }
        let source = block.get("source").and_then(|source| Members::parse(source).ok());
        let source = source.and_then(|source| source.get("type"));
        if let Some(source) = source.filter(|source| ["\"url\"", "\"file\""].contains(source)) {
            let member = format!("a source of the type {}", text::name(source));
            losses.stop(member, "a batch job does not fetch it: put the data into the request, in Base64");
            continue;
        }
        let mut written = Object::new();
        for (name, value) in block.iter() {
            match name {
                "cache_control" => losses.note(name, NO_CACHE),
                "content" => written = written.json(name, &blocks_for_claude(value, losses)?),
                _ => written = written.json(name, value),
            }
        }
        written_blocks.push(written.end());
    }
    Ok(Cow::Owned(list(written_blocks)))
}

/// Converts a request for a model that takes another body.
fn convert(
    params: &Members<'_>,
    target: &Target,
    max_tokens: Option<u32>,
    losses: &mut Losses,
) -> Result<String, Refusal> {
    apply(PARAMS, params, "", losses);
    let number = |name| params.get(name).map(Cow::Borrowed);
    let mut conversation = Conversation {
        max_tokens: number("max_tokens"),
        temperature: number("temperature"),
        top_p: number("top_p"),
        top_k: number("top_k"),
        ..Conversation::default()
    };
    if let Some(stops) = params.get("stop_sequences") {
        let stops: Option<Vec<_>> = elements(stops, "stop_sequences")?.into_iter().map(string).collect();
        conversation.stop =
            stops.ok_or_else(|| Refusal::new("stop_sequences has other values than strings", FIX))?;
    }
    for block in content(params.get("system"), losses)? {
        match block {
            Block::Text(text) => conversation.system.push(text),
            _ => losses.stop("an image in the system prompt", "the model takes text there only"),
        }
    }
    let messages = params.get("messages").ok_or_else(|| Refusal::new("the request has no messages", FIX))?;
    for message in elements(messages, "messages")? {
        let message = parse(Some(message), "messages")?;
        let blocks = content(message.get("content"), losses)?;
        match message.get("role") {
            Some("\"user\"") => conversation.say(true, blocks),
            Some("\"assistant\"") => conversation.say(false, blocks),
            other => {
                let role = text::name(other.unwrap_or("none")).to_string();
                return Err(Refusal::new(format!("messages with the role {role} cannot be converted"), FIX));
            }
        }
    }
    read_tools(params, &mut conversation, losses)?;
    body::write(conversation, target, max_tokens, losses)
}

/// Reads content: a string, or a list of blocks.
fn content<'a>(json: Option<&'a str>, losses: &mut Losses) -> Result<Vec<Block<'a>>, Refusal> {
    let Some(json) = json else { return Ok(Vec::new()) };
    if let Some(text) = string(json) {
        return Ok(vec![Block::Text(text)]);
    }
    let mut blocks = Vec::new();
    for block in elements(json, "content")? {
        let block = parse(Some(block), "content")?;
        if block.has("cache_control") {
            losses.note("cache_control", NO_CACHE);
        }
        if block.get("citations").is_some_and(|citations| !is_one_of(citations, &[r#"{"enabled":false}"#])) {
            losses.stop("citations", NO_FORMAT);
        }
        let read = |name: &str| {
            let what = || Refusal::new(format!("a block of content has no {name}"), FIX);
            block.get(name).and_then(string).ok_or_else(what)
        };
        let kind = read("type")?;
        match kind.as_ref() {
            "text" => blocks.push(Block::Text(read("text")?)),
            "image" => blocks.extend(image(block.get("source"), losses)?),
            "tool_use" => blocks.push(Block::ToolUse {
                id: read("id")?,
                name: read("name")?,
                input: block.get("input").unwrap_or("{}").into(),
            }),
            "tool_result" => blocks.push(Block::ToolResult {
                id: read("tool_use_id")?,
                content: content(block.get("content"), losses)?,
                is_error: block.get("is_error") == Some("true"),
            }),
            other => losses.stop(
                format!("content of the type {}", text::name(other)),
                "only text, images, and calls of tools are converted",
            ),
        }
    }
    Ok(blocks)
}

fn image<'a>(source: Option<&'a str>, losses: &mut Losses) -> Result<Option<Block<'a>>, Refusal> {
    let source = parse(source, "source")?;
    if source.get("type") != Some("\"base64\"") {
        let why = "a batch job does not fetch it: put the image into the request, in Base64";
        losses.stop("an image at a URL", why);
        return Ok(None);
    }
    let format = source.get("media_type").and_then(string).and_then(|media_type| image_format(&media_type));
    let data = source.get("data").and_then(string).filter(|data| is_base64(data));
    match (format, data) {
        (Some(format), Some(data)) => Ok(Some(Block::Image(Image { format, data }))),
        _ => Err(Refusal::new("an image cannot be read", "use PNG, JPEG, GIF, or WebP, in Base64")),
    }
}

fn read_tools<'a>(
    params: &Members<'a>,
    conversation: &mut Conversation<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    for tool in params.get("tools").map(|tools| elements(tools, "tools")).transpose()?.unwrap_or_default() {
        let tool = parse(Some(tool), "tools")?;
        if tool.has("cache_control") {
            losses.note("cache_control", NO_CACHE);
        }
        if tool.get("type").is_some_and(|kind| kind != "\"custom\"") {
            losses.stop("a tool of the other API", "only tools with a schema are converted");
            continue;
        }
        let name = tool.get("name").and_then(string);
        conversation.tools.push(Tool {
            name: name.ok_or_else(|| Refusal::new("a tool has no name", FIX))?,
            description: tool.get("description").and_then(string),
            schema: tool.get("input_schema").unwrap_or(r#"{"type":"object","properties":{}}"#).into(),
        });
    }
    let Some(choice) = params.get("tool_choice") else { return Ok(()) };
    let choice = parse(Some(choice), "tool_choice")?;
    if choice.get("disable_parallel_tool_use") == Some("true") {
        losses.stop("disable_parallel_tool_use", "the model cannot be told to call one tool at a time");
    }
    conversation.tool_choice = match choice.get("type") {
        Some("\"auto\"") => Some(ToolChoice::Auto),
        Some("\"any\"") => Some(ToolChoice::Any),
        Some("\"none\"") if conversation.tools.is_empty() => None,
        Some("\"none\"") => Some(ToolChoice::None),
        Some("\"tool\"") => choice.get("name").and_then(string).map(ToolChoice::Tool),
        _ => {
            losses.stop("tool_choice", "the model does not have this choice");
            None
        }
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CLAUDE: &str = "us.anthropic.claude-sonnet-4-20250514-v1:0";
    const NOVA: &str = "amazon.nova-lite-v1:0";
    const QWEN: &str = "qwen.qwen3-32b-v1:0";

    type Converted = Result<(Value, Vec<(String, bool)>), String>;

    fn convert(params: &Value, model_id: &str, shape: &str) -> Converted {
        let line = json!({"custom_id": "r1", "params": params}).to_string();
        let mut losses = Losses::default();
        let draft =
            read(&line, &Target::new(model_id, shape), None, &mut losses).map_err(|refusal| refusal.what)?;
        assert_eq!(draft.record_id.as_deref(), Some("r1"));
        let losses = losses
            .0
            .into_iter()
            .map(|loss| (loss.member, loss.effect == crate::prepare::report::Effect::Lost))
            .collect();
        Ok((serde_json::from_str(&draft.body).unwrap(), losses))
    }

    fn example() -> Value {
        json!({
            "model": "claude-haiku-4-5", "max_tokens": 64, "temperature": 0.5, "top_k": 40, "stop_sequences": ["END"],
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
            ]}],
        })
    }

    fn names(losses: &[(String, bool)]) -> Vec<(&str, bool)> {
        losses.iter().map(|(member, stops)| (member.as_str(), *stops)).collect()
    }

    #[test]
    fn claude_gets_the_same_request() {
        let (converted, losses) = convert(&example(), CLAUDE, "InvokeModel").unwrap();
        let mut expected = example();
        expected["anthropic_version"] = json!("bedrock-2023-05-31");
        expected.as_object_mut().unwrap().remove("model");
        expected["system"][0].as_object_mut().unwrap().remove("cache_control");
        assert_eq!(converted, expected);
        assert_eq!(names(&losses), [("model", false), ("cache_control", false)]);
    }

    #[test]
    fn arguments_and_schemas_are_not_touched() {
        let schema = json!({"type": "object", "properties": {"cache_control": {"type": "string"}}});
        let params = json!({"max_tokens": 9, "tools": [{"name": "f", "input_schema": schema}], "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {"cache_control": "x"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [
                {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}}]}]},
        ]});
        let (converted, losses) = convert(&params, CLAUDE, "InvokeModel").unwrap();
        assert_eq!(converted["tools"][0]["input_schema"], schema);
        assert_eq!(converted["messages"][1], params["messages"][1]);
        assert_eq!(converted["messages"][2]["content"][0]["content"], json!([{"type": "text", "text": "t"}]));
        assert_eq!(names(&losses), [("cache_control", false)]);
    }

    #[test]
    fn what_bedrock_has_not_stops_a_record() {
        let message =
            |block: Value| json!([{"role": "user", "content": [{"type": "text", "text": "a"}, block]}]);
        for (member, value, expected) in [
            ("container", json!("c"), "container"),
            ("mcp_servers", json!([{}]), "mcp_servers"),
            (
                "tools",
                json!([{"type": "web_search_20250305", "name": "web_search"}]),
                "a tool or block of the type web_search_20250305",
            ),
            (
                "messages",
                message(json!({"type": "image", "source": {"type": "url", "url": "https://x"}})),
                "a source of the type \"url\"",
            ),
            (
                "messages",
                message(json!({"type": "document", "source": {"type": "file", "file_id": "f"}})),
                "a source of the type \"file\"",
            ),
        ] {
            let mut params = json!({"max_tokens": 9, "messages": [{"role": "user", "content": "a"}]});
            params[member] = value;
            let (_, losses) = convert(&params, CLAUDE, "InvokeModel").unwrap();
            assert_eq!(names(&losses), [(expected, true)]);
        }
    }

    #[test]
    fn other_models_get_what_they_take() {
        let (nova, losses) = convert(&example(), NOVA, "InvokeModel").unwrap();
        assert_eq!(
            nova,
            json!({
                "schemaVersion": "messages-v1",
                "system": [{"text": "Be brief."}],
                "messages": [{"role": "user", "content": [
                    {"text": "What is this?"}, {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}}]}],
                "inferenceConfig": {"maxTokens": 64, "temperature": 0.5, "topK": 40, "stopSequences": ["END"]},
            })
        );
        assert_eq!(names(&losses), [("model", false), ("cache_control", false)]);

        let (converse, losses) = convert(&example(), CLAUDE, "Converse").unwrap();
        assert_eq!(converse["additionalModelRequestFields"], json!({"top_k": 40}));
        assert!(losses.iter().all(|(_, stops)| !stops));

        let (qwen, losses) = convert(&example(), QWEN, "InvokeModel").unwrap();
        assert_eq!(
            qwen,
            json!({
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}]}],
                "max_tokens": 64, "temperature": 0.5, "stop": ["END"],
            })
        );
        assert_eq!(names(&losses), [("model", false), ("cache_control", false), ("top_k", true)]);

        let mut thinking = example();
        thinking["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
        let (_, losses) = convert(&thinking, NOVA, "InvokeModel").unwrap();
        assert!(losses.contains(&("thinking".to_owned(), true)));
    }

    #[test]
    fn requests_without_a_limit_are_refused() {
        let params = json!({"messages": [{"role": "user", "content": "a"}]});
        let error = convert(&params, CLAUDE, "InvokeModel").unwrap_err();
        assert_eq!(error, "the request has no max_tokens, and Claude needs it");
    }
}
