//! Checks the `modelInput` of a record against the format of its model's family.
//!
//! Pure. It checks required members, the ranges that AWS documents, and typical mistakes. It is not a
//! complete schema: AWS may refuse a body that passes here, but should refuse every body that fails here.
//! Pages: `model-parameters-*` in <https://docs.aws.amazon.com/bedrock/latest/userguide/>,
//! <https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html> and
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html> (read 2026-11).

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::model::{Family, Model};
use super::patterns;
use super::request::InvocationType;

/// The only version.
const ANTHROPIC_VERSION: &str = "bedrock-2023-05-31";

type Verdict = Result<(), String>;

/// A parsed body, and the family whose rules apply to it.
pub(super) struct Body<'a> {
    pub(super) family: Family,
    pub(super) members: &'a Map<String, Value>,
    /// The starts of S3 URIs that the job's role may read.
    readable: &'a [String],
}

impl<'a> Body<'a> {
    /// Finds the family for a body. If the model's family is unknown, the body's members decide.
    pub(super) fn new(family: Family, members: &'a Map<String, Value>, readable: &'a [String]) -> Self {
        let has = |name| members.contains_key(name);
        let family = match family {
            Family::Unknown if has("anthropic_version") => Family::Anthropic,
            Family::Unknown if has("inferenceConfig") || has("schemaVersion") => Family::Nova,
            Family::Unknown if has("inputText") => Family::TitanEmbedText,
            Family::Unknown if has("prompt") => Family::Llama,
            Family::Unknown => Family::Chat,
            known => known,
        };
        Self { family, members, readable }
    }

    /// Checks the body. The error is the `errorMessage` of the record.
    pub(super) fn check(&self, model: &Model, invocation_type: InvocationType) -> Verdict {
        let verdict = match (invocation_type, self.family) {
            (InvocationType::Converse, _) => self.converse(&model.base_id),
            (InvocationType::InvokeModel, Family::Anthropic) => self.anthropic(&model.base_id),
            (InvocationType::InvokeModel, Family::Nova) => self.nova(&model.base_id),
            (InvocationType::InvokeModel, Family::TitanEmbedText) => self.titan_embed_text(&model.base_id),
            (InvocationType::InvokeModel, Family::TitanEmbedImage) => self.titan_embed_image(),
            (InvocationType::InvokeModel, Family::Llama) => self.llama(&model.base_id),
            (InvocationType::InvokeModel, Family::MistralText) => self.mistral_text(&model.base_id),
            (InvocationType::InvokeModel, Family::MistralChat) => self.mistral_chat(&model.base_id),
            (InvocationType::InvokeModel, Family::DeepSeekR1) => self.deepseek_r1(),
            (InvocationType::InvokeModel, Family::Chat | Family::Unknown) => self.chat(&model.base_id),
        };
        verdict.map_err(|problem| {
            format!("Malformed input request: {problem}, please reformat your input and try again.")
        })
    }

    fn anthropic(&self, base_id: &str) -> Verdict {
        let version = self.required("anthropic_version")?;
        if version != ANTHROPIC_VERSION {
            return Err(format!("#/anthropic_version: {version} is not \"{ANTHROPIC_VERSION}\""));
        }
        self.known_to_anthropic()?;
        self.required("max_tokens")?;
        self.integer("max_tokens", 1..=i64::MAX)?;
        for (position, message) in self.messages(&["user", "assistant", "system"])?.iter().enumerate() {
            if message.get("role").is_some_and(|role| role == "system") {
                // Only models since Opus 4.8 take it, and only after the first message.
                // <https://docs.anthropic.com/en/docs/build-with-claude/mid-conversation-system-messages>
                let takes_system =
                    ["opus-4-8", "opus-5", "sonnet-5"].iter().any(|name| base_id.contains(name));
                if position == 0 || !takes_system {
                    return Err("messages: Unexpected role \"system\"".to_owned());
                }
            }
            match message.get("content") {
                Some(Value::String(_)) => {}
                Some(Value::Array(blocks)) if !blocks.is_empty() => {
                    let kind = |block: &Value| block.get("type").and_then(Value::as_str).map(str::to_owned);
                    for block in blocks {
                        match kind(block).as_deref() {
                            None => return Err("#/messages: a content block has no type".to_owned()),
                            Some("image_url" | "input_text" | "input_image" | "input_audio" | "file") => {
                                return Err("#/messages: a content block has an unknown type".to_owned());
                            }
                            Some(_) => {}
                        }
                    }
                }
                Some(_) | None => return Err("#/messages: content is neither a string nor a list".to_owned()),
            }
        }
        match self.present("system") {
            None | Some(Value::String(_)) => {}
            Some(Value::Array(blocks)) if blocks.iter().all(|block| block.get("type").is_some()) => {}
            Some(_) => return Err("#/system: expected a string or a list of blocks with a type".to_owned()),
        }
        self.number("temperature", 0.0..=1.0)?;
        self.number("top_p", 0.0..=1.0)?;
        self.integer("top_k", 0..=500)?;
        self.anthropic_sampling(base_id)?;
        self.anthropic_thinking(base_id)?;
        self.anthropic_tools()?;
        if self.present("stop_sequences").is_some_and(|stops| !stops.is_array()) {
            return Err("#/stop_sequences: expected a list".to_owned());
        }
        let limit = anthropic_ceiling(base_id).filter(|_| !self.has("anthropic_beta"));
        self.below_limit(self.members.get("max_tokens"), limit)
    }

    /// Refuses members that belong to other formats, as Claude refuses every member that it does not know.
    fn known_to_anthropic(&self) -> Verdict {
        self.refused(&[
            "model",
            "modelId",
            "stream",
            "maxTokens",
            "max_tokens_to_sample",
            "max_completion_tokens",
        ])?;
        self.refused(&["inferenceConfig", "toolConfig", "additionalModelRequestFields", "response_format"])?;
        self.refused(&[
            "frequency_penalty",
            "presence_penalty",
            "logprobs",
            "n",
            "seed",
            "stop",
            "max_gen_len",
        ])?;
        self.refused(&["prompt", "inputText", "recordId", "modelInput", "custom_id"])
    }

    fn anthropic_sampling(&self, base_id: &str) -> Verdict {
        let is_one_of = |names: &[&str]| names.iter().any(|name| base_id.contains(name));
        if is_one_of(&["opus-4-1", "-4-5-", "sonnet-4-6"]) && self.has("temperature") && self.has("top_p") {
            return Err("temperature and top_p cannot both be specified for this model".to_owned());
        }
        if !is_adaptive(base_id) {
            return Ok(());
        }
        let differs = |name: &str, own: f64| {
            self.present(name).and_then(Value::as_f64).is_some_and(|number| (number - own).abs() > 0.01)
        };
        if differs("temperature", 1.0) || differs("top_p", 1.0) || differs("top_k", 0.0) {
            return Err("temperature, top_p and top_k are deprecated for this model".to_owned());
        }
        Ok(())
    }

    fn anthropic_thinking(&self, base_id: &str) -> Verdict {
        let Some(thinking) = self.present("thinking").filter(|thinking| thinking["type"] == "enabled") else {
            return Ok(());
        };
        if is_adaptive(base_id) {
            return Err("thinking.type: \"enabled\" is not supported by this model".to_owned());
        }
        let budget = thinking["budget_tokens"].as_i64().unwrap_or_default();
        let max_tokens = self.members.get("max_tokens").and_then(Value::as_i64).unwrap_or_default();
        if budget < 1024 {
            return Err("thinking.budget_tokens: expected at least 1024".to_owned());
        }
        if budget >= max_tokens && !self.has("tools") {
            return Err("max_tokens must be greater than thinking.budget_tokens".to_owned());
        }
        match self.present("temperature").and_then(Value::as_f64) {
            Some(temperature) if (temperature - 1.0).abs() > f64::EPSILON => {
                Err("temperature may only be set to 1 when thinking is enabled".to_owned())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn anthropic_tools(&self) -> Verdict {
        match self.present("tools") {
            None => {}
            Some(Value::Array(tools)) if tools.iter().all(|tool| tool.get("name").is_some()) => {}
            Some(_) => return Err("#/tools: expected a list of tools with a name".to_owned()),
        }
        match self.present("tool_choice") {
            None | Some(Value::Object(_)) => Ok(()),
            Some(_) => Err("#/tool_choice: expected an object".to_owned()),
        }
    }

    fn nova(&self, base_id: &str) -> Verdict {
        self.refused(&[
            "max_tokens",
            "anthropic_version",
            "model",
            "modelId",
            "stream",
            "prompt",
            "inputText",
        ])?;
        self.refused(&[
            "max_completion_tokens",
            "max_gen_len",
            "maxTokens",
            "textGenerationConfig",
            "modelInput",
        ])?;
        for message in self.messages(&["user", "assistant"])? {
            content_blocks(message)?;
            let reads = |name| base_id.contains("nova-micro") && has_block(message, name);
            if reads("image") || reads("video") {
                return Err("this model does not support images and videos".to_owned());
            }
            self.s3_locations(message)?;
        }
        if self.members.get("system").is_some_and(|system| !system.is_array()) {
            return Err("#/system: expected a list".to_owned());
        }
        let Some(config) = self.config()? else { return Ok(()) };
        config.integer("maxTokens", 1..=i64::MAX)?;
        config.number("temperature", 0.00001..=1.0)?;
        config.number("topP", 0.0..=1.0)?;
        config.integer("topK", 0..=128)?;
        self.below_limit(config.members.get("maxTokens"), nova_ceiling(base_id))
    }

    fn titan_embed_text(&self, base_id: &str) -> Verdict {
        self.required_string("inputText")?;
        if !base_id.contains("-v2") {
            return self.only(&["inputText"]);
        }
        self.only(&["inputText", "dimensions", "normalize", "embeddingTypes"])?;
        let dimensions = self.members.get("dimensions").map(Value::as_i64);
        if dimensions.is_some_and(|number| ![Some(256), Some(512), Some(1024)].contains(&number)) {
            return Err("#/dimensions: expected 256, 512 or 1024".to_owned());
        }
        if self.members.get("normalize").is_some_and(|normalize| !normalize.is_boolean()) {
            return Err("#/normalize: expected a boolean".to_owned());
        }
        let kind = |kind: &Value| kind == "float" || kind == "binary";
        match self.members.get("embeddingTypes") {
            None => Ok(()),
            Some(Value::Array(kinds)) if !kinds.is_empty() && kinds.iter().all(kind) => Ok(()),
            Some(_) => Err("#/embeddingTypes: expected a list of float and binary".to_owned()),
        }
    }

    fn titan_embed_image(&self) -> Verdict {
        if !self.has("inputText") && !self.has("inputImage") {
            return Err("#: required key [inputText] or [inputImage] not found".to_owned());
        }
        self.strings(&["inputText", "inputImage"])?;
        let length =
            self.members.get("embeddingConfig").and_then(|config| config.get("outputEmbeddingLength"));
        match length.map(Value::as_i64) {
            None | Some(Some(256 | 384 | 1024)) => Ok(()),
            Some(_) => Err("#/embeddingConfig/outputEmbeddingLength: expected 256, 384 or 1024".to_owned()),
        }
    }

    fn llama(&self, base_id: &str) -> Verdict {
        self.required_string("prompt")?;
        self.refused(&["messages", "max_tokens", "system", "model", "stream", "inferenceConfig"])?;
        self.number("temperature", 0.0..=1.0)?;
        self.number("top_p", 0.0..=1.0)?;
        // The page gives 2048 for all models. Llama 4 is said to write more.
        self.integer("max_gen_len", 1..=if base_id.starts_with("meta.llama4") { 8192 } else { 2048 })
    }

    fn deepseek_r1(&self) -> Verdict {
        if self.has("messages") {
            self.messages(&["system", "user", "assistant"])?;
        } else {
            self.required_string("prompt")?;
        }
        let stops = self.members.get("stop").and_then(Value::as_array).map_or(0, Vec::len);
        if stops > 10 {
            return Err("#/stop: expected at most 10 items".to_owned());
        }
        self.integer("max_tokens", 1..=32768)
    }

    fn mistral_text(&self, base_id: &str) -> Verdict {
        self.required_string("prompt")?;
        self.refused(&["messages"])?;
        let stops = self.members.get("stop").and_then(Value::as_array).map_or(0, Vec::len);
        if stops > 10 {
            return Err("#/stop: expected at most 10 items".to_owned());
        }
        self.number("temperature", 0.0..=1.0)?;
        self.integer("top_k", 1..=200)?;
        self.integer("max_tokens", 1..=if base_id.contains("mixtral") { 4096 } else { 8192 })
    }

    fn mistral_chat(&self, base_id: &str) -> Verdict {
        // Mistral Large also completes a text.
        if base_id.starts_with("mistral.mistral-large-24") && self.has("prompt") && !self.has("messages") {
            return self.mistral_text(base_id);
        }
        self.refused(&["model", "stream"])?;
        for message in self.messages(&["system", "user", "assistant", "tool"])? {
            let content = message.get("content");
            if !content.is_some_and(Value::is_string) && message.get("tool_calls").is_none() {
                return Err("#/messages: content is not a string".to_owned());
            }
        }
        self.integer("max_tokens", 1..=8192)
    }

    fn chat(&self, base_id: &str) -> Verdict {
        self.refused(&["anthropic_version"])?;
        // "The value in the `model` field must match the value in the header. The value in the `stream` field must match
        // the API operation." <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html>
        if self
            .present("model")
            .is_some_and(|model| model.as_str().is_none_or(|model| !model.ends_with(base_id)))
        {
            return Err("#/model: does not match the model of the request".to_owned());
        }
        if self.present("stream").is_some_and(|stream| stream != false) {
            return Err("#/stream: must be false".to_owned());
        }
        for message in self.messages(&["system", "developer", "user", "assistant", "tool"])? {
            let content = message.get("content");
            let mut parts = content.and_then(Value::as_array).into_iter().flatten();
            if parts.any(|part| part.get("type").is_none()) {
                return Err("#/messages: a content part has no type".to_owned());
            }
            let is_content = content.is_some_and(|content| content.is_string() || content.is_array());
            if !is_content && message.get("tool_calls").is_none() {
                return Err("#/messages: content is neither a string nor a list".to_owned());
            }
        }
        self.integer("max_tokens", 1..=i64::MAX)
    }

    fn converse(&self, base_id: &str) -> Verdict {
        self.only(patterns::CONVERSE.names)?;
        // "Records that include toolConfig fail with a 400 error."
        // <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html>
        self.refused(&["toolConfig"])?;
        for message in self.messages(&["user", "assistant", "system"])? {
            content_blocks(message)?;
            self.s3_locations(message)?;
        }
        match self.members.get("system") {
            None => {}
            Some(Value::Array(blocks)) if blocks.iter().all(Value::is_object) => {}
            Some(_) => return Err("#/system: expected a list of content blocks".to_owned()),
        }
        let Some(config) = self.config()? else { return Ok(()) };
        config.only(&["maxTokens", "temperature", "topP", "stopSequences"])?;
        config.integer("maxTokens", 1..=i64::MAX)?;
        config.number("temperature", 0.0..=1.0)?;
        config.number("topP", 0.0..=1.0)?;
        let is_stop = |stop: &Value| stop.as_str().is_some_and(|stop| !stop.is_empty());
        match config.members.get("stopSequences") {
            None => {}
            Some(Value::Array(stops)) if stops.len() <= 2500 && stops.iter().all(is_stop) => {}
            Some(_) => {
                return Err("#/stopSequences: expected at most 2500 strings that are not empty".to_owned());
            }
        }
        if base_id.contains("claude") {
            // The model gets them under its own names.
            let rename =
                |from: &str, to: &str| config.members.get(from).map(|value| (to.to_owned(), value.clone()));
            let own = [rename("temperature", "temperature"), rename("topP", "top_p")];
            let own: Map<String, Value> = own.into_iter().flatten().collect();
            Body { family: self.family, members: &own, readable: &[] }.anthropic_sampling(base_id)?;
        }
        let is_beta =
            self.members.get("additionalModelRequestFields").and_then(|more| more.get("anthropic_beta"));
        let limit = anthropic_ceiling(base_id).filter(|_| is_beta.is_none()).or(nova_ceiling(base_id));
        self.below_limit(config.members.get("maxTokens"), limit)
    }

    /// Checks the S3 objects that a message points to.
    fn s3_locations(&self, message: &Value) -> Verdict {
        let blocks = message.get("content").and_then(Value::as_array).into_iter().flatten();
        let mut uris = blocks
            .flat_map(|block| block.as_object().into_iter().flat_map(Map::values))
            .filter_map(|media| media.get("source")?.get("s3Location")?.get("uri")?.as_str());
        let refused = uris.find(|uri| !self.readable.iter().any(|prefix| uri.starts_with(prefix.as_str())));
        refused.map_or(Ok(()), |_| Err("the role has no permission for the s3Location".to_owned()))
    }

    /// Checks a limit of output tokens.
    #[expect(clippy::unused_self, reason = "reads like the other checks")]
    fn below_limit(&self, asked: Option<&Value>, limit: Option<i64>) -> Verdict {
        match (asked.and_then(Value::as_i64), limit) {
            (Some(asked), Some(limit)) if asked > limit => {
                Err(format!("the maximum tokens you requested exceeds the model limit of {limit}"))
            }
            (Some(_) | None, _) => Ok(()),
        }
    }

    /// Returns a member that is not `null`.
    fn present(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn has(&self, name: &str) -> bool {
        self.present(name).is_some()
    }

    fn required(&self, name: &str) -> Result<&'a Value, String> {
        self.present(name).ok_or_else(|| format!("#: required key [{name}] not found"))
    }

    fn required_string(&self, name: &str) -> Verdict {
        self.required(name)?;
        self.strings(&[name])
    }

    fn strings(&self, names: &[&str]) -> Verdict {
        let is_other = |name: &&str| self.members.get(*name).is_some_and(|value| !value.is_string());
        names
            .iter()
            .copied()
            .find(is_other)
            .map_or(Ok(()), |name| Err(format!("#/{name}: expected a string")))
    }

    fn refused(&self, names: &[&str]) -> Verdict {
        let extraneous = names.iter().find(|name| self.has(name));
        extraneous.map_or(Ok(()), |name| Err(format!("#: extraneous key [{name}] is not permitted")))
    }

    fn only(&self, names: &[&str]) -> Verdict {
        let extraneous = self.members.keys().find(|name| !names.contains(&name.as_str()));
        extraneous.map_or(Ok(()), |name| Err(format!("#: extraneous key [{name}] is not permitted")))
    }

    fn number(&self, name: &str, range: RangeInclusive<f64>) -> Verdict {
        match self.present(name) {
            None => Ok(()),
            Some(value) if value.as_f64().is_some_and(|number| range.contains(&number)) => Ok(()),
            Some(value) => Err(format!("#/{name}: {value} is not in {} to {}", range.start(), range.end())),
        }
    }

    fn integer(&self, name: &str, range: RangeInclusive<i64>) -> Verdict {
        match self.present(name) {
            None => Ok(()),
            Some(value) if value.as_i64().is_some_and(|number| range.contains(&number)) => Ok(()),
            Some(value) => {
                Err(format!("#/{name}: {value} is not an integer in {} to {}", range.start(), range.end()))
            }
        }
    }

    fn config(&self) -> Result<Option<Body<'a>>, String> {
        match self.present("inferenceConfig") {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Body { members, ..*self })),
            Some(_) => Err("#/inferenceConfig: expected an object".to_owned()),
        }
    }

    fn messages(&self, roles: &[&str]) -> Result<&'a [Value], String> {
        let messages = self.required("messages")?.as_array().filter(|messages| !messages.is_empty());
        let messages = messages.ok_or("#/messages: expected a list that is not empty")?;
        for message in messages {
            let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
            if !roles.contains(&role) {
                return Err(format!("#/messages: role \"{role}\" is not one of {}", roles.join(", ")));
            }
        }
        Ok(messages)
    }
}

/// Whether a Claude model has neither sampling parameters nor a budget for thinking.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-card-anthropic-claude-opus-4-7.html>
fn is_adaptive(base_id: &str) -> bool {
    ["opus-4-7", "opus-4-8", "opus-5", "sonnet-5"].iter().any(|name| base_id.contains(name))
}

/// The most output tokens of a Claude model. <https://docs.anthropic.com/en/docs/about-claude/models/overview>
fn anthropic_ceiling(base_id: &str) -> Option<i64> {
    let model = base_id.strip_prefix("anthropic.claude-")?;
    let is_one_of = |names: &[&str]| names.iter().any(|name| model.starts_with(name));
    if is_one_of(&["3-haiku", "3-sonnet", "3-opus"]) {
        Some(4_096)
    } else if is_one_of(&["3-5-"]) {
        Some(8_192)
    } else if is_one_of(&["opus-4-1", "opus-4-2"]) {
        Some(32_768)
    } else if is_one_of(&["sonnet-4-2"]) {
        Some(65_536)
    } else if is_one_of(&["opus-4-5", "sonnet-4-5", "haiku-4-5"]) {
        Some(64_000)
    } else if is_one_of(&["opus-4-", "opus-5", "sonnet-4-6", "sonnet-5"]) {
        Some(128_000)
    } else {
        None
    }
}

/// The most output tokens of a Nova model. <https://docs.aws.amazon.com/nova/latest/userguide/what-is-nova.html>
fn nova_ceiling(base_id: &str) -> Option<i64> {
    let is_one_of = |names: &[&str]| names.iter().any(|name| base_id.starts_with(name));
    if is_one_of(&["amazon.nova-micro", "amazon.nova-lite", "amazon.nova-pro"]) {
        Some(10_000)
    } else if is_one_of(&["amazon.nova-2-lite"]) {
        Some(65_536)
    } else {
        None
    }
}

/// Whether a message has a block of this kind.
fn has_block(message: &Value, name: &str) -> bool {
    let mut blocks = message.get("content").and_then(Value::as_array).into_iter().flatten();
    blocks.any(|block| block.get(name).is_some())
}

/// Checks content as Nova and Converse take it: a list of unions without a `type`.
fn content_blocks(message: &Value) -> Verdict {
    let blocks = message.get("content").and_then(Value::as_array).filter(|blocks| !blocks.is_empty());
    let blocks = blocks.ok_or("#/messages: content is not a list of content blocks")?;
    for block in blocks {
        let mut names = block.as_object().into_iter().flat_map(Map::keys);
        let is_union =
            names.next().is_some_and(|name| patterns::CONTENT_BLOCK.names.contains(&name.as_str()));
        if !is_union || names.next().is_some() {
            return Err("#/messages: a content block must have exactly one known member".to_owned());
        }
        if block.get("text").is_some_and(|text| !text.is_string()) {
            return Err("#/messages: the text of a content block is not a string".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::model::resolve;
    use super::*;

    fn verdict(model_id: &str, invocation_type: InvocationType, body: &Value) -> Verdict {
        let model = resolve(model_id, "us-east-1", "123456789012").unwrap();
        Body::new(model.family, body.as_object().unwrap(), &[]).check(&model, invocation_type)
    }

    const CLAUDE: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    const NOVA: &str = "amazon.nova-lite-v1:0";
    const TITAN: &str = "amazon.titan-embed-text-v2:0";
    const LLAMA: &str = "meta.llama3-3-70b-instruct-v1:0";
    const MISTRAL: &str = "mistral.mistral-small-2402-v1:0";
    const MISTRAL_LARGE: &str = "mistral.mistral-large-2407-v1:0";
    const DEEPSEEK: &str = "deepseek.v3.2";

    #[test]
    fn accepts_the_documented_format_of_each_family() {
        let typed = json!([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]);
        let untyped = json!([{"role": "user", "content": [{"text": "Hi"}]}]);
        let plain = json!([{"role": "user", "content": "Hi"}]);
        for (model_id, body) in [
            (CLAUDE, json!({"anthropic_version": ANTHROPIC_VERSION, "max_tokens": 9, "messages": typed})),
            (
                CLAUDE,
                json!({"anthropic_version": ANTHROPIC_VERSION, "max_tokens": 9, "messages": plain,
                            "system": "s", "temperature": 0, "top_k": 500}),
            ),
            (
                CLAUDE,
                json!({"anthropic_version": ANTHROPIC_VERSION, "max_tokens": 9, "messages": plain, "top_p": 1}),
            ),
            (
                NOVA,
                json!({"messages": untyped, "system": [{"text": "s"}], "schemaVersion": "messages-v1",
                          "inferenceConfig": {"maxTokens": 9, "temperature": 0.7, "topP": 0.9, "topK": 128}}),
            ),
            (
                TITAN,
                json!({"inputText": "Hi", "dimensions": 256, "normalize": true, "embeddingTypes": ["float"]}),
            ),
            ("amazon.titan-embed-text-v1", json!({"inputText": "Hi"})),
            ("amazon.titan-embed-image-v1", json!({"inputImage": "aGk="})),
            (LLAMA, json!({"prompt": "Hi", "max_gen_len": 2048, "temperature": 0.5})),
            (MISTRAL, json!({"prompt": "Hi", "max_tokens": 9})),
            (MISTRAL_LARGE, json!({"messages": plain, "max_tokens": 8192})),
            (DEEPSEEK, json!({"messages": plain, "max_tokens": 9})),
        ] {
            assert_eq!(verdict(model_id, InvocationType::InvokeModel, &body), Ok(()), "{model_id} {body}");
        }
        let body = json!({"messages": untyped, "inferenceConfig": {"maxTokens": 9, "stopSequences": ["x"]}});
        assert_eq!(verdict(CLAUDE, InvocationType::Converse, &body), Ok(()));
    }

    #[test]
    fn refuses_the_typical_mistakes_of_each_family() {
        let typed = json!([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]);
        let untyped = json!([{"role": "user", "content": [{"text": "Hi"}]}]);
        let plain = json!([{"role": "user", "content": "Hi"}]);
        let system = json!([{"role": "system", "content": "Hi"}]);
        let claude = |member: &str, value: Value| {
            let mut body =
                json!({"anthropic_version": ANTHROPIC_VERSION, "max_tokens": 9, "messages": typed});
            body[member] = value;
            body
        };
        for (model_id, body, problem) in [
            (
                CLAUDE,
                json!({"max_tokens": 9, "messages": typed}),
                "#: required key [anthropic_version] not found",
            ),
            (
                CLAUDE,
                claude("anthropic_version", json!("2023-06-01")),
                "#/anthropic_version: \"2023-06-01\" is not \"bedrock-2023-05-31\"",
            ),
            (
                CLAUDE,
                json!({"anthropic_version": ANTHROPIC_VERSION, "messages": typed}),
                "#: required key [max_tokens] not found",
            ),
            (CLAUDE, claude("model", json!("m")), "#: extraneous key [model] is not permitted"),
            (CLAUDE, claude("stream", json!(true)), "#: extraneous key [stream] is not permitted"),
            (CLAUDE, claude("maxTokens", json!(1)), "#: extraneous key [maxTokens] is not permitted"),
            (CLAUDE, claude("messages", untyped.clone()), "#/messages: a content block has no type"),
            (CLAUDE, claude("messages", system.clone()), "messages: Unexpected role \"system\""),
            (CLAUDE, claude("messages", json!([])), "#/messages: expected a list that is not empty"),
            (CLAUDE, claude("temperature", json!(1.5)), "#/temperature: 1.5 is not in 0 to 1"),
            (CLAUDE, claude("top_k", json!(501)), "#/top_k: 501 is not an integer in 0 to 500"),
            (
                CLAUDE,
                json!({"anthropic_version": ANTHROPIC_VERSION, "max_tokens": 9, "messages": typed,
                               "temperature": 1, "top_p": 1}),
                "temperature and top_p cannot both be specified for this model",
            ),
            (
                NOVA,
                json!({"messages": untyped, "max_tokens": 9}),
                "#: extraneous key [max_tokens] is not permitted",
            ),
            (NOVA, json!({"messages": untyped, "system": "s"}), "#/system: expected a list"),
            (NOVA, json!({"messages": plain}), "#/messages: content is not a list of content blocks"),
            (
                NOVA,
                json!({"messages": typed}),
                "#/messages: a content block must have exactly one known member",
            ),
            (
                NOVA,
                json!({"messages": untyped, "inferenceConfig": {"temperature": 0}}),
                "#/temperature: 0 is not in 0.00001 to 1",
            ),
            (TITAN, json!({"inputText": ["Hi"]}), "#/inputText: expected a string"),
            (TITAN, json!({"inputText": "Hi", "dimensions": 300}), "#/dimensions: expected 256, 512 or 1024"),
            (
                "amazon.titan-embed-text-v1",
                json!({"inputText": "Hi", "dimensions": 256}),
                "#: extraneous key [dimensions] is not permitted",
            ),
            (
                "amazon.titan-embed-image-v1",
                json!({}),
                "#: required key [inputText] or [inputImage] not found",
            ),
            (LLAMA, json!({"messages": plain}), "#: required key [prompt] not found"),
            (
                LLAMA,
                json!({"prompt": "Hi", "max_gen_len": 4096}),
                "#/max_gen_len: 4096 is not an integer in 1 to 2048",
            ),
            (MISTRAL, json!({"messages": plain}), "#: required key [prompt] not found"),
            (MISTRAL_LARGE, json!({"messages": typed}), "#/messages: content is not a string"),
            (
                DEEPSEEK,
                json!({"messages": plain, "model": "m"}),
                "#/model: does not match the model of the request",
            ),
        ] {
            let message =
                format!("Malformed input request: {problem}, please reformat your input and try again.");
            assert_eq!(
                verdict(model_id, InvocationType::InvokeModel, &body),
                Err(message),
                "{model_id} {body}"
            );
        }
        for (body, problem) in [
            (claude("messages", untyped.clone()), "#: extraneous key [anthropic_version] is not permitted"),
            (json!({"messages": plain}), "#/messages: content is not a list of content blocks"),
            (json!({"messages": typed}), "#/messages: a content block must have exactly one known member"),
            (
                json!({"messages": untyped, "inferenceConfig": {"max_tokens": 1}}),
                "#: extraneous key [max_tokens] is not permitted",
            ),
            (
                json!({"messages": untyped, "inferenceConfig": {"stopSequences": [""]}}),
                "#/stopSequences: expected at most 2500 strings that are not empty",
            ),
        ] {
            let message =
                format!("Malformed input request: {problem}, please reformat your input and try again.");
            assert_eq!(verdict(CLAUDE, InvocationType::Converse, &body), Err(message), "{body}");
        }
    }

    /// Compares the stand-in with the model rules, which share no code: both must refuse the wrong bodies, and neither
    /// the right ones.
    #[test]
    fn agrees_with_the_model_rules_about_the_corpus() {
        use crate::model::rules::Rules;

        let corpus = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/model/bodies.jsonl"));
        let (mut compared, mut without_batch, mut problems) = (0, 0, Vec::new());
        for line in corpus.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let (model_id, kind) = (row["model"].as_str().unwrap(), row["type"].as_str().unwrap());
            let readable: Vec<String> = row["readable"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|prefix| prefix.as_str().unwrap().to_owned())
                .collect();
            let Ok(model) = resolve(model_id, "us-east-1", "123456789012") else {
                without_batch += 1;
                continue;
            };
            let invocation_type =
                if kind == "Converse" { InvocationType::Converse } else { InvocationType::InvokeModel };
            let members = row["body"].as_object().unwrap();
            let verdict = Body::new(model.family, members, &readable).check(&model, invocation_type);
            let rules = Rules::of(model_id, kind).map(|rules| rules.with_readable(readable.clone()));
            let findings = rules.map(|rules| rules.judge(&row["body"].to_string())).unwrap_or_default();
            if verdict.is_err() != row["code"].is_string() && model.family != Family::Unknown {
                problems.push(format!("{} {model_id}: {verdict:?}", row["name"]));
            }
            assert_eq!(findings.is_empty(), row["code"].is_null(), "{}", row["name"]);
            compared += 1;
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        println!(
            "stand-in: {compared} bodies as the rules judge them, {without_batch} of models without batch inference"
        );
        assert!(compared > 150, "{compared}");
    }
}
