//! What of a record reaches the model: its texts without the JSON around them, its media, and its limit of output. Pure.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::script::Counts;

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Request {
    /// The characters of all texts.
    pub counts: Counts,
    /// How many messages there are, with the system prompt.
    pub messages: u64,
    /// How many images there are.
    pub images: u64,
    /// How many other media there are, whose tokens nobody knows from the file: documents, video, audio, and whatever is in
    /// S3.
    pub other_media: u64,
    /// The most output tokens that the record allows, if it says.
    pub max_tokens: Option<u64>,
}

/// Reads a line of a drop. `None` if it is not a record; what is wrong with it is for the validator to say.
#[must_use]
pub fn read_record(line: &[u8]) -> Option<Request> {
    let mut request = Request::default();
    let mut json = serde_json::Deserializer::from_slice(line);
    Record(&mut request).deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some(request)
}

/// Where a value is, and so what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The body itself.
    Body,
    /// An object with parameters, such as `inferenceConfig`.
    Parameters,
    /// What is said to the model.
    Text,
    /// The list of messages.
    Messages,
    /// JSON that the model reads as JSON, such as the schema of a tool.
    Json,
    /// An image.
    Image,
    /// A document, a video, or audio.
    Other,
    /// The most output tokens.
    Limit,
    /// It does not reach the model.
    Skipped,
}

/// The members that set the most output tokens, in the bodies of all families.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html> (read 2026-11)
const LIMITS: [&str; 6] = [
    "max_tokens",
    "max_completion_tokens",
    "max_gen_len",
    "max_tokens_to_sample",
    "maxTokens",
    "maxTokenCount",
];

/// Members whose strings are for the service, and not for the model.
const NOT_TEXT: [&str; 33] = [
    "anthropic_beta",
    "anthropic_version",
    "bucketOwner",
    "cachePoint",
    "cache_control",
    "detail",
    "embeddingTypes",
    "embedding_types",
    "format",
    "guardrailConfig",
    "id",
    "input_type",
    "mediaType",
    "media_type",
    "metadata",
    "model",
    "modelId",
    "performanceConfig",
    "reasoning_effort",
    "requestMetadata",
    "role",
    "schemaVersion",
    "serviceTier",
    "service_tier",
    "signature",
    "stop",
    "stopSequences",
    "stop_sequences",
    "taskType",
    "toolUseId",
    "tool_call_id",
    "tool_use_id",
    "type",
];

/// Base64 that is this long is taken for data; a text of this length has a space.
const DATA_CHARS: usize = 100;

/// Where the value of a member is.
fn place_of(key: &str, at: Place) -> Place {
    if at == Place::Json {
        return Place::Json;
    }
    let is_top = matches!(at, Place::Body | Place::Parameters);
    match key {
        _ if is_top && LIMITS.contains(&key) => Place::Limit,
        "inferenceConfig" | "textGenerationConfig" if at == Place::Body => Place::Parameters,
        _ if at == Place::Parameters || NOT_TEXT.contains(&key) => Place::Skipped,
        "messages" if at == Place::Body => Place::Messages,
        "tools" | "toolConfig" | "response_format" | "outputConfig" | "output_config" | "input"
        | "arguments" => Place::Json,
        "image" | "images" | "image_url" | "inputImage" | "image_base64" => Place::Image,
        // The source of an image in a message for Claude.
        "data" | "bytes" if at == Place::Text => Place::Image,
        "document" | "video" | "audio" | "input_audio" | "file" | "s3Location" => Place::Other,
        _ if at == Place::Body => Place::Text,
        _ => at,
    }
}

/// The members of a line.
struct Record<'r>(&'r mut Request);

impl<'de> DeserializeSeed<'de> for Record<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Record<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_input = false;
        while let Some(Key(key)) = map.next_key()? {
            if key == "modelInput" {
                has_input = true;
                map.next_value_seed(Value { request: self.0, at: Place::Body })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if has_input { Ok(()) } else { Err(A::Error::missing_field("modelInput")) }
    }
}

/// The name of a member, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// A value at a place.
struct Value<'r> {
    request: &'r mut Request,
    at: Place,
}

impl Value<'_> {
    fn add_media(&mut self) {
        match self.at {
            Place::Other => self.request.other_media += 1,
            _ => self.request.images += 1,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.at == Place::Skipped {
            return IgnoredAny::deserialize(deserializer).map(|_| ());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        match self.at {
            Place::Image | Place::Other if is_data(text) || text.starts_with("s3://") => self.add_media(),
            // In the place of media: a plain text, such as that of a document.
            Place::Text | Place::Messages | Place::Json | Place::Image | Place::Other => {
                self.request.counts.add(text);
            }
            Place::Body | Place::Parameters | Place::Limit | Place::Skipped => {}
        }
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        match self.at {
            Place::Limit => self.request.max_tokens = self.request.max_tokens.max(Some(number)),
            Place::Json => self.request.counts.digits += 1,
            _ => {}
        }
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.request.counts.words += u64::from(self.at == Place::Json);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { request, at } = self;
        while items.next_element_seed(Value { request, at: in_list(at) })?.is_some() {
            request.messages += u64::from(at == Place::Messages);
            request.counts.punctuation += u64::from(at == Place::Json);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { request, at } = self;
        while let Some(Key(key)) = members.next_key()? {
            if at == Place::Json {
                // The quotes, the colon, and the comma or brace after the value: most tokenizers make two tokens of them.
                request.counts.add(&key);
                request.counts.punctuation += 3;
            }
            request.messages += u64::from(at == Place::Body && key == "system");
            members.next_value_seed(Value { request, at: place_of(&key, at) })?;
        }
        Ok(())
    }
}

/// Where the items of a list are.
fn in_list(at: Place) -> Place {
    if at == Place::Messages { Place::Text } else { at }
}

/// Whether a string is the base64 of a file, or a `data:` URL with it, rather than a text.
fn is_data(text: &str) -> bool {
    text.starts_with("data:")
        || (text.len() >= DATA_CHARS
            && text
                .bytes()
                .take(DATA_CHARS)
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> Counts {
        let mut counts = Counts::default();
        counts.add(text);
        counts
    }

    fn read(body: &str) -> Request {
        read_record(format!(r#"{{"recordId":"not counted","modelInput":{body}}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn only_what_the_model_reads_counts() {
        let text = counts("Say hi");
        for body in [
            r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"Say hi"}]}"#,
            r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"stop_sequences":["x"],
                "messages":[{"role":"user","content":[{"type":"text","text":"S\u0061y hi"}]}]}"#,
            r#"{"schemaVersion":"messages-v1","messages":[{"role":"user","content":[{"text":"Say hi"}]}],
                "inferenceConfig":{"maxTokens":9,"stopSequences":["a b c"]}}"#,
            r#"{"messages":[{"role":"user","content":"Say hi"}],"max_completion_tokens":9,"model":"x"}"#,
        ] {
            let expected = Request { counts: text, messages: 1, max_tokens: Some(9), ..Request::default() };
            assert_eq!(read(body), expected, "{body}");
        }
        for body in [
            r#"{"prompt":"Say hi","max_gen_len":9,"temperature":0.5}"#,
            r#"{"inputText":"Say hi","textGenerationConfig":{"maxTokenCount":9}}"#,
        ] {
            let expected = Request { counts: text, max_tokens: Some(9), ..Request::default() };
            assert_eq!(read(body), expected, "{body}");
        }
        let embedding = read(r#"{"inputText":"Say hi","dimensions":256,"embeddingTypes":["float"]}"#);
        assert_eq!(embedding, Request { counts: text, ..Request::default() });
        let system = read(r#"{"system":[{"text":"Say hi"}],"messages":[]}"#);
        assert_eq!(system, Request { counts: text, messages: 1, ..Request::default() });
    }

    #[test]
    fn media_are_counted_and_not_read() {
        let data = "iVBORw0KGgo".repeat(20);
        let claude = format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}]}}]}}"#
        );
        let converse = format!(
            r#"{{"messages":[{{"content":[{{"image":{{"format":"png","source":{{"bytes":"{data}"}}}}}},
                {{"document":{{"format":"pdf","source":{{"bytes":"{data}"}}}}}},
                {{"video":{{"source":{{"s3Location":{{"uri":"s3://bucket/key","bucketOwner":"111122223333"}}}}}}}}]}}]}}"#
        );
        let openai = format!(
            r#"{{"messages":[{{"content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]}}]}}"#
        );
        let table = [(&claude, 1, 0), (&converse, 1, 2), (&openai, 1, 0)];
        for (body, images, other_media) in table {
            let expected = Request { messages: 1, images, other_media, ..Request::default() };
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[test]
    fn text_without_spaces_is_text() {
        let sequence = "ACGT".repeat(5_000);
        for body in [
            format!(r#"{{"messages":[{{"role":"user","content":"{sequence}"}}]}}"#),
            format!(
                r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"{sequence}"}}]}}]}}"#
            ),
            format!(r#"{{"messages":[{{"content":[{{"text":"{sequence}"}}]}}]}}"#),
        ] {
            assert_eq!(read(&body), Request { counts: counts(&sequence), messages: 1, ..Request::default() });
        }
        let prompt = Request { counts: counts(&sequence), ..Request::default() };
        assert_eq!(read(&format!(r#"{{"inputText":"{sequence}"}}"#)), prompt);
    }

    #[test]
    fn schema_of_a_tool_is_text() {
        let tools = r#"{"tools":[{"name":"get_weather","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}],"messages":[]}"#;
        let request = read(tools);
        assert!(request.counts.words >= 10, "{request:?}");
        assert_eq!(request.messages, 0);
    }

    #[test]
    fn line_that_is_not_a_record_is_left_out() {
        for line in ["", "[]", "{}", r#"{"modelInput":{}"#, r#"{"modelInput":{}} {}"#, "\u{0}"] {
            assert_eq!(read_record(line.as_bytes()), None, "{line}");
        }
        let deep = format!(r#"{{"modelInput":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        assert_eq!(read_record(deep.as_bytes()), None, "it does not overflow the stack");
    }
}
