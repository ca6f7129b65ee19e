//! Writes a conversation as the request body of a model. Pure.
//!
//! | form | system | content | limits | tools |
//! |---|---|---|---|---|
//! | Claude | `system`, a string | blocks with a `type` | `max_tokens` (required), `temperature`, `top_p`, `top_k`, `stop_sequences` | `tools`, `tool_choice` |
//! | Nova | `system`, a list | blocks without one | `inferenceConfig` | `toolConfig` |
//! | Converse | `system`, a list | blocks without one | `inferenceConfig` | none: such records fail in batch inference |
//! | chat completion | a message | a string or parts | `max_tokens`, `temperature`, `top_p`, `stop` | `tools`, `tool_choice` |
//! | Mistral chat | a message | a string | the same | the same |
//!
//! The pages are linked at [`BodyForm`].

use std::borrow::Cow;

use super::conversation::{Block, Conversation, Tool, ToolChoice, Turn};
use super::report::{Losses, Refusal};
use super::target::{BodyForm, Target};
use crate::prepare::json::{Object, list, quoted};

/// The only version.
pub(super) const ANTHROPIC_VERSION: &str = "bedrock-2023-05-31";

const OTHER_MODEL: &str = "leave it out, or choose another model with --model-id";

/// Writes a body. `max_tokens` is the limit of output tokens for a conversation that has none.
pub(super) fn write(
    mut conversation: Conversation<'_>,
    target: &Target,
    max_tokens: Option<u32>,
    losses: &mut Losses,
) -> Result<String, Refusal> {
    if let (None, Some(most)) = (&conversation.max_tokens, max_tokens) {
        conversation.max_tokens = Some(most.to_string().into());
    }
    check_turns(&mut conversation, target, losses)?;
    check_sampling(&mut conversation, target, losses)?;
    match target.body {
        BodyForm::Claude => claude(&conversation),
        BodyForm::Nova => Ok(nova(&conversation, target, losses, true)),
        BodyForm::Converse => Ok(nova(&conversation, target, losses, false)),
        BodyForm::Chat { max_tokens } => Ok(chat(&conversation, max_tokens, losses, false)),
        BodyForm::MistralChat => Ok(chat(&conversation, "max_tokens", losses, true)),
        BodyForm::TitanText => {
            Err(Refusal::new("the model makes embeddings, and the request is for a chat", OTHER_MODEL))
        }
        BodyForm::Unknown => {
            Err(Refusal::new("the model's request body is not known", "use --model-invocation-type Converse"))
        }
    }
}

/// Checks what every model asks of messages.
fn check_turns(
    conversation: &mut Conversation<'_>,
    target: &Target,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    if target.body == BodyForm::Converse {
        let is_call = |block: &Block<'_>| matches!(block, Block::ToolUse { .. } | Block::ToolResult { .. });
        if conversation.turns.iter().flat_map(|turn| &turn.blocks).any(is_call) {
            return Err(Refusal::new(
                "the conversation has calls of tools, and a Converse job refuses tools in batch inference",
                "use --model-invocation-type InvokeModel",
            ));
        }
        if !conversation.tools.is_empty() {
            losses.stop(
                "tools",
                "a Converse job refuses tools in batch inference: use --model-invocation-type InvokeModel",
            );
            conversation.tools.clear();
        }
    }
    if conversation.tools.is_empty() {
        // Alone, it is refused.
        conversation.tool_choice = None;
    }
    conversation.system.retain(|text| !text.trim().is_empty());
    for turn in &mut conversation.turns {
        turn.blocks.retain(|block| !matches!(block, Block::Text(text) if text.trim().is_empty()));
    }
    if conversation.turns.iter().any(|turn| turn.blocks.is_empty()) {
        return Err(Refusal::new(
            "a message has no text",
            "give each message text that is not only white space",
        ));
    }
    match conversation.turns.first() {
        None => Err(Refusal::new("the request has no message of a user", "add one")),
        Some(Turn { is_user: false, .. }) => {
            Err(Refusal::new("the first message is not of the user", "start with a message of the user"))
        }
        Some(_) => Ok(()),
    }
}

/// Checks the numbers against the ranges of the model.
fn check_sampling(
    conversation: &mut Conversation<'_>,
    target: &Target,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    let is_chat = matches!(target.body, BodyForm::Chat { .. });
    for (name, value) in [("temperature", &mut conversation.temperature), ("top_p", &mut conversation.top_p)]
    {
        let Some(json) = value else { continue };
        let number = json.parse::<f64>();
        let number = number.map_err(|_| Refusal::new(format!("{name} is not a number"), "correct it"))?;
        if number > 1.0 && !is_chat {
            losses.bend(name, "the model takes at most 1", "1");
            *value = Some(Cow::Borrowed("1"));
        } else if name == "temperature" && number == 0.0 && target.body == BodyForm::Nova {
            losses.change(name, "Nova does not take 0; 0.00001 is the least that it takes");
            *value = Some(Cow::Borrowed("0.00001"));
        }
    }
    if let (Some(temperature), Some(top_p)) = (&conversation.temperature, &conversation.top_p)
        && target.takes_one_of_temperature_and_top_p()
    {
        let is_default = |json: &str| json.parse() == Ok(1.0);
        if is_default(top_p) {
            losses.note("top_p", "the model takes it or temperature, and 1 is its default");
            conversation.top_p = None;
        } else if is_default(temperature) {
            losses.note("temperature", "the model takes it or top_p, and 1 is its default");
            conversation.temperature = None;
        } else {
            losses.stop("top_p", "the model takes it or temperature, not both");
            conversation.top_p = None;
        }
    }
    if matches!(target.body, BodyForm::Chat { .. } | BodyForm::MistralChat) && conversation.top_k.is_some() {
        losses.stop("top_k", "the model does not take it");
        conversation.top_k = None;
    }
    if target.body == BodyForm::Claude && conversation.stop.iter().any(|stop| stop.trim().is_empty()) {
        losses.stop("stop", "Claude refuses a stop sequence of white space only");
        conversation.stop.retain(|stop| !stop.trim().is_empty());
    }
    Ok(())
}

fn strings(texts: &[Cow<'_, str>]) -> Option<String> {
    (!texts.is_empty()).then(|| list(texts.iter().map(|text| quoted(text))))
}

fn claude(conversation: &Conversation<'_>) -> Result<String, Refusal> {
    let Some(max_tokens) = &conversation.max_tokens else {
        return Err(Refusal::new(
            "the request has no limit of output tokens, and Claude needs one",
            "add --max-tokens",
        ));
    };
    let message = |turn: &Turn<'_>| {
        let content = list(turn.blocks.iter().map(claude_block));
        Object::new().text("role", role(turn)).json("content", &content).end()
    };
    let system = (!conversation.system.is_empty()).then(|| quoted(&conversation.system.join("\n\n")));
    let tool = |tool: &Tool<'_>| {
        let object = Object::new().text("name", &tool.name);
        let description = tool.description.as_deref().map(quoted);
        object.maybe("description", description.as_deref()).json("input_schema", &tool.schema).end()
    };
    let tools = (!conversation.tools.is_empty()).then(|| list(conversation.tools.iter().map(tool)));
    let choice = conversation.tool_choice.as_ref().map(|choice| match choice {
        ToolChoice::Auto => r#"{"type":"auto"}"#.to_owned(),
        ToolChoice::Any => r#"{"type":"any"}"#.to_owned(),
        ToolChoice::None => r#"{"type":"none"}"#.to_owned(),
        ToolChoice::Tool(name) => Object::new().text("type", "tool").text("name", name).end(),
    });
    Ok(Object::new()
        .text("anthropic_version", ANTHROPIC_VERSION)
        .json("max_tokens", max_tokens)
        .maybe("system", system.as_deref())
        .json("messages", &list(conversation.turns.iter().map(message)))
        .maybe("temperature", conversation.temperature.as_deref())
        .maybe("top_p", conversation.top_p.as_deref())
        .maybe("top_k", conversation.top_k.as_deref())
        .maybe("stop_sequences", strings(&conversation.stop).as_deref())
        .maybe("tools", tools.as_deref())
        .maybe("tool_choice", choice.as_deref())
        .end())
}

fn role(turn: &Turn<'_>) -> &'static str {
    if turn.is_user { "user" } else { "assistant" }
}

fn claude_block(block: &Block<'_>) -> String {
    match block {
        Block::Text(text) => Object::new().text("type", "text").text("text", text).end(),
        Block::Image(image) => {
            let source = Object::new()
                .text("type", "base64")
                .text("media_type", &format!("image/{}", image.format))
                .text("data", &image.data)
                .end();
            Object::new().text("type", "image").json("source", &source).end()
        }
        Block::ToolUse { id, name, input } => Object::new()
            .text("type", "tool_use")
            .text("id", id)
            .text("name", name)
            .json("input", input)
            .end(),
        Block::ToolResult { id, content, is_error } => Object::new()
            .text("type", "tool_result")
            .text("tool_use_id", id)
            .json("content", &list(content.iter().map(claude_block)))
            .maybe("is_error", is_error.then_some("true"))
            .end(),
    }
}

/// Nova's body, and that of Converse, which Nova's follows.
fn nova(conversation: &Conversation<'_>, target: &Target, losses: &mut Losses, is_nova: bool) -> String {
    let message = |turn: &Turn<'_>| {
        let content = list(turn.blocks.iter().map(nova_block));
        Object::new().text("role", role(turn)).json("content", &content).end()
    };
    let mut system = conversation.system.iter().map(|text| Object::new().text("text", text).end()).peekable();
    let system = system.peek().is_some().then(|| list(system));
    let config = Object::new()
        .maybe("maxTokens", conversation.max_tokens.as_deref())
        .maybe("temperature", conversation.temperature.as_deref())
        .maybe("topP", conversation.top_p.as_deref())
        .maybe("topK", conversation.top_k.as_deref().filter(|_| is_nova))
        .maybe("stopSequences", strings(&conversation.stop).as_deref());
    let config = (!config.is_empty()).then(|| config.end());
    // https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html: what Converse does not know is
    // passed on to the model.
    let more = conversation.top_k.as_deref().filter(|_| !is_nova).and_then(|top_k| {
        if target.model_id.contains("anthropic.") {
            return Some(Object::new().json("top_k", top_k).end());
        }
        losses.stop("top_k", "Converse does not have it");
        None
    });
    let tools = (!conversation.tools.is_empty()).then(|| {
        let tool = |tool: &Tool<'_>| {
            let spec = Object::new().text("name", &tool.name);
            let spec = spec.maybe("description", tool.description.as_deref().map(quoted).as_deref());
            let spec = spec.json("inputSchema", &Object::new().json("json", &tool.schema).end());
            Object::new().json("toolSpec", &spec.end()).end()
        };
        let choice = conversation.tool_choice.as_ref().and_then(|choice| match choice {
            ToolChoice::Auto => Some(r#"{"auto":{}}"#.to_owned()),
            ToolChoice::Any => Some(r#"{"any":{}}"#.to_owned()),
            ToolChoice::Tool(name) => {
                Some(Object::new().json("tool", &Object::new().text("name", name).end()).end())
            }
            ToolChoice::None => {
                losses.stop("tool_choice", "Nova cannot be told to use none of its tools");
                None
            }
        });
        let tools = list(conversation.tools.iter().map(tool));
        Object::new().json("tools", &tools).maybe("toolChoice", choice.as_deref()).end()
    });
    Object::new()
        .maybe("schemaVersion", is_nova.then_some(r#""messages-v1""#))
        .maybe("system", system.as_deref())
        .json("messages", &list(conversation.turns.iter().map(message)))
        .maybe("inferenceConfig", config.as_deref())
        .maybe("toolConfig", tools.as_deref())
        .maybe("additionalModelRequestFields", more.as_deref())
        .end()
}

fn nova_block(block: &Block<'_>) -> String {
    match block {
        Block::Text(text) => Object::new().text("text", text).end(),
        Block::Image(image) => {
            let source = Object::new().text("bytes", &image.data).end();
            let image = Object::new().text("format", image.format).json("source", &source).end();
            Object::new().json("image", &image).end()
        }
        Block::ToolUse { id, name, input } => {
            let call = Object::new().text("toolUseId", id).text("name", name).json("input", input).end();
            Object::new().json("toolUse", &call).end()
        }
        Block::ToolResult { id, content, is_error } => {
            let result = Object::new()
                .text("toolUseId", id)
                .json("content", &list(content.iter().map(nova_block)))
                .maybe("status", is_error.then_some(r#""error""#))
                .end();
            Object::new().json("toolResult", &result).end()
        }
    }
}

/// The body of a chat completion. Mistral's has content that is a string.
fn chat(conversation: &Conversation<'_>, max_tokens: &str, losses: &mut Losses, is_mistral: bool) -> String {
    let mut messages = Vec::new();
    if !conversation.system.is_empty() {
        let system = Object::new().text("role", "system").text("content", &conversation.system.join("\n\n"));
        messages.push(system.end());
    }
    for turn in &conversation.turns {
        chat_messages(turn, is_mistral, losses, &mut messages);
    }
    let tools = (!conversation.tools.is_empty()).then(|| {
        list(conversation.tools.iter().map(|tool| {
            let function = Object::new().text("name", &tool.name);
            let function = function.maybe("description", tool.description.as_deref().map(quoted).as_deref());
            let function = function.json("parameters", &tool.schema).end();
            Object::new().text("type", "function").json("function", &function).end()
        }))
    });
    let choice = conversation.tool_choice.as_ref().and_then(|choice| match choice {
        ToolChoice::Auto => Some(quoted("auto")),
        ToolChoice::None => Some(quoted("none")),
        ToolChoice::Any if is_mistral => Some(quoted("any")),
        ToolChoice::Any => Some(quoted("required")),
        ToolChoice::Tool(_) if is_mistral => {
            losses.stop("tool_choice", "the model cannot be told to use a certain tool");
            None
        }
        ToolChoice::Tool(name) => {
            let function = Object::new().text("name", name).end();
            Some(Object::new().text("type", "function").json("function", &function).end())
        }
    });
    let body = Object::new()
        .json("messages", &list(messages))
        .maybe(max_tokens, conversation.max_tokens.as_deref())
        .maybe("temperature", conversation.temperature.as_deref())
        .maybe("top_p", conversation.top_p.as_deref());
    let body = if is_mistral {
        if !conversation.stop.is_empty() {
            losses.stop("stop", "the chat models of Mistral do not take stop sequences");
        }
        body
    } else {
        body.maybe("stop", strings(&conversation.stop).as_deref())
    };
    body.maybe("tools", tools.as_deref()).maybe("tool_choice", choice.as_deref()).end()
}

/// Writes a turn as messages: the results of tools are messages of their own.
fn chat_messages(turn: &Turn<'_>, is_mistral: bool, losses: &mut Losses, messages: &mut Vec<String>) {
    let (mut parts, mut calls) = (Vec::new(), Vec::new());
    for block in &turn.blocks {
        match block {
            Block::Text(_) | Block::Image(_) => parts.push(block),
            Block::ToolUse { id, name, input } => {
                let function = Object::new().text("name", name).text("arguments", input).end();
                let call = Object::new().text("id", id).text("type", "function").json("function", &function);
                calls.push(call.end());
            }
            Block::ToolResult { id, content, is_error } => {
                if *is_error {
                    losses.note("is_error", "a message of a tool does not say whether it is an error");
                }
                let content = chat_content(content.iter().collect(), is_mistral, losses);
                let message = Object::new().text("role", "tool").text("tool_call_id", id);
                messages.push(message.json("content", &content).end());
            }
        }
    }
    if parts.is_empty() && calls.is_empty() {
        return;
    }
    let message = Object::new().text("role", role(turn));
    let message = match parts.is_empty() {
        true => message.json("content", if is_mistral { "\"\"" } else { "null" }),
        false => message.json("content", &chat_content(parts, is_mistral, losses)),
    };
    let calls = (!calls.is_empty()).then(|| list(calls));
    messages.push(message.maybe("tool_calls", calls.as_deref()).end());
}

fn chat_content(parts: Vec<&Block<'_>>, is_mistral: bool, losses: &mut Losses) -> String {
    if let [Block::Text(text)] = parts.as_slice() {
        return quoted(text);
    }
    if is_mistral {
        let mut texts = Vec::new();
        for part in &parts {
            match part {
                Block::Text(text) => texts.push(text.as_ref()),
                _ => losses.stop("images", "the chat models of Mistral take text only"),
            }
        }
        return quoted(&texts.join("\n\n"));
    }
    list(parts.into_iter().filter_map(|part| match part {
        Block::Text(text) => Some(Object::new().text("type", "text").text("text", text).end()),
        Block::Image(image) => {
            let url = format!("data:image/{};base64,{}", image.format, image.data);
            let image = Object::new().text("url", &url).end();
            Some(Object::new().text("type", "image_url").json("image_url", &image).end())
        }
        // Tools answer with texts and images.
        Block::ToolUse { .. } | Block::ToolResult { .. } => None,
    }))
}
