//! JSON that is written piece by piece, so that what is not converted keeps its exact text. Pure.

/// Returns what kind of value a text is, for a message.
pub(crate) fn kind(json: &str) -> &'static str {
    match json.bytes().next() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Writes a string with its quotes and escapes.
pub(crate) fn quoted(text: &str) -> String {
    // This does not fail: a string has no keys, and no numbers.
    serde_json::to_string(text).unwrap_or_default()
}

/// Removes the white space between tokens, so that the text fits on one line. It must be JSON.
pub(crate) fn compact(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    let (mut is_inside, mut is_escaped) = (false, false);
    for c in json.chars() {
        if is_inside || !c.is_ascii_whitespace() {
            compact.push(c);
        }
        let is_quote = c == '"' && !is_escaped;
        is_escaped = is_inside && c == '\\' && !is_escaped;
        is_inside ^= is_quote;
    }
    compact
}

/// Writes an object member by member.
#[derive(Debug)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a member whose value is JSON.
    pub(crate) fn json(mut self, name: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    /// Adds a member whose value is JSON, if there is one.
    pub(crate) fn maybe(self, name: &str, json: Option<&str>) -> Self {
        match json {
            Some(json) => self.json(name, json),
            None => self,
        }
    }

    /// Adds a member that is a string.
    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.json(name, &quoted(text))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Writes an array of elements that are JSON.
pub(crate) fn list(elements: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", elements.into_iter().collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    proptest! {
        #[test]
        fn compact_json_means_the_same(text in "\\PC{0,20}[\\\\\"\n\t ]{0,9}\\PC{0,5}", number in any::<i64>()) {
            let value = serde_json::json!({&text: [text, number, {"a": {}}], "b": ""});
            let compacted = compact(&serde_json::to_string_pretty(&value).unwrap());
            prop_assert_eq!(serde_json::from_str::<Value>(&compacted).unwrap(), value.clone());
            prop_assert_eq!(compacted, value.to_string());
        }
    }
}
