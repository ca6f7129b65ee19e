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
}

impl<'a> Body<'a> {
    /// Finds the family for a body. If the model's family is unknown, the body's members decide.
    pub(super) fn new(family: Family, members: &'a Map<String, Value>) -> Self {
        let has = |name| members.contains_key(name);
        let family = match family {
            Family::Unknown if has("anthropic_version") => Family::Anthropic,
            Family::Unknown if has("inferenceConfig") || has("schemaVersion") => Family::Nova,
            Family::Unknown if has("inputText") => Family::TitanEmbedText,
            Family::Unknown if has("prompt") => Family::Llama,
            Family::Unknown => Family::Chat,
            known => known,
        };
        Self { family, members }
    }

    /// Checks the body. The error is the `errorMessage` of the record.
    pub(super) fn check(&self, model: &Model, invocation_type: InvocationType) -> Verdict {
        let verdict = match (invocation_type, self.family) {
            (InvocationType::Converse, _) => self.converse(),
            (InvocationType::InvokeModel, Family::Anthropic) => self.anthropic(&model.base_id),
            (InvocationType::InvokeModel, Family::Nova) => self.nova(),
            (InvocationType::InvokeModel, Family::TitanEmbedText) => self.titan_embed_text(&model.base_id),
            (InvocationType::InvokeModel, Family::TitanEmbedImage) => self.titan_embed_image(),
            (InvocationType::InvokeModel, Family::Llama) => self.llama(),
            (InvocationType::InvokeModel, Family::MistralText) => self.mistral_text(),
            (InvocationType::InvokeModel, Family::MistralChat) => self.mistral_chat(),
            (InvocationType::InvokeModel, Family::Chat | Family::Unknown) => self.chat(),
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
        self.refused(&["model", "stream", "maxTokens", "inferenceConfig"])?;
        self.required("max_tokens")?;
        self.integer("max_tokens", 1..=i64::MAX)?;
        for message in self.messages(&["user", "assistant"])? {
            match message.get("content") {
                Some(Value::String(_)) => {}
                Some(Value::Array(blocks)) if !blocks.is_empty() => {
                    if blocks.iter().any(|block| !block.get("type").is_some_and(Value::is_string)) {
                        return Err("#/messages: a content block has no type".to_owned());
                    }
                }
                Some(_) | None => return Err("#/messages: content is neither a string nor a list".to_owned()),
            }
        }
        if self.members.get("system").is_some_and(|system| !system.is_string() && !system.is_array()) {
            return Err("#/system: expected a string or a list".to_owned());
        }
        if base_id.contains("-4-5") && self.has("temperature") && self.has("top_p") {
            return Err("temperature and top_p cannot both be specified for this model".to_owned());
        }
        self.number("temperature", 0.0..=1.0)?;
        self.number("top_p", 0.0..=1.0)?;
        self.integer("top_k", 0..=500)
    }

    fn nova(&self) -> Verdict {
        self.refused(&["max_tokens", "anthropic_version", "model", "stream"])?;
        for message in self.messages(&["user", "assistant"])? {
            content_blocks(message)?;
        }
        if self.members.get("system").is_some_and(|system| !system.is_array()) {
            return Err("#/system: expected a list".to_owned());
        }
        let Some(config) = self.config()? else { return Ok(()) };
        config.integer("maxTokens", 1..=i64::MAX)?;
        config.number("temperature", 0.00001..=1.0)?;
        config.number("topP", 0.0..=1.0)?;
        config.integer("topK", 0..=128)
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
        self.strings(&["inputText", "inputImage"])
    }

    fn llama(&self) -> Verdict {
        self.required_string("prompt")?;
        self.refused(&["messages", "max_tokens"])?;
        self.number("temperature", 0.0..=1.0)?;
        self.number("top_p", 0.0..=1.0)?;
        self.integer("max_gen_len", 1..=2048)
    }

    fn mistral_text(&self) -> Verdict {
        self.required_string("prompt")?;
        self.refused(&["messages"])?;
        let stops = self.members.get("stop").and_then(Value::as_array).map_or(0, Vec::len);
        if stops > 10 {
            return Err("#/stop: expected at most 10 items".to_owned());
        }
        self.number("temperature", 0.0..=1.0)?;
        self.integer("top_k", 1..=200)
    }

    fn mistral_chat(&self) -> Verdict {
        self.refused(&["model", "stream"])?;
        for message in self.messages(&["system", "user", "assistant", "tool"])? {
            let content = message.get("content");
            if !content.is_some_and(Value::is_string) && message.get("tool_calls").is_none() {
                return Err("#/messages: content is not a string".to_owned());
            }
        }
        self.integer("max_tokens", 1..=8192)
    }

    fn chat(&self) -> Verdict {
        self.refused(&["model", "stream", "anthropic_version"])?;
        for message in self.messages(&["system", "developer", "user", "assistant", "tool"])? {
            let content = message.get("content");
            let is_content = content.is_some_and(|content| content.is_string() || content.is_array());
            if !is_content && message.get("tool_calls").is_none() {
                return Err("#/messages: content is neither a string nor a list".to_owned());
            }
        }
        self.integer("max_tokens", 1..=i64::MAX)
    }

    fn converse(&self) -> Verdict {
        self.only(patterns::CONVERSE.names)?;
        for message in self.messages(&["user", "assistant", "system"])? {
            content_blocks(message)?;
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
            None => Ok(()),
            Some(Value::Array(stops)) if stops.len() <= 2500 && stops.iter().all(is_stop) => Ok(()),
            Some(_) => Err("#/stopSequences: expected at most 2500 strings that are not empty".to_owned()),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    fn required(&self, name: &str) -> Result<&'a Value, String> {
        self.members.get(name).ok_or_else(|| format!("#: required key [{name}] not found"))
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
        match self.members.get(name) {
            None => Ok(()),
            Some(value) if value.as_f64().is_some_and(|number| range.contains(&number)) => Ok(()),
            Some(value) => Err(format!("#/{name}: {value} is not in {} to {}", range.start(), range.end())),
        }
    }

    fn integer(&self, name: &str, range: RangeInclusive<i64>) -> Verdict {
        match self.members.get(name) {
            None => Ok(()),
            Some(value) if value.as_i64().is_some_and(|number| range.contains(&number)) => Ok(()),
            Some(value) => {
                Err(format!("#/{name}: {value} is not an integer in {} to {}", range.start(), range.end()))
            }
        }
    }

    fn config(&self) -> Result<Option<Body<'a>>, String> {
        match self.members.get("inferenceConfig") {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Body { family: self.family, members })),
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
        Body::new(model.family, body.as_object().unwrap()).check(&model, invocation_type)
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
            (
                CLAUDE,
                claude("messages", system.clone()),
                "#/messages: role \"system\" is not one of user, assistant",
            ),
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
                "#: extraneous key [model] is not permitted",
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
}
