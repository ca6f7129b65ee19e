//! Decodes strings of JSON. Pure.

use std::borrow::Cow;

use crate::base::json;

/// Returns the text of a string of JSON; `None` if it is not one. Half of a surrogate pair, which is not a character,
/// becomes U+FFFD: an answer that has one was paid for.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    json::string(json).or_else(|| {
        let inside = json.strip_prefix('"')?.strip_suffix('"')?;
        Some(Cow::Owned(lossy(inside)))
    })
}

/// Decodes the inside of a string that has half of a surrogate pair.
fn lossy(inside: &str) -> String {
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((before, escape)) = rest.split_once('\\') {
        text.push_str(before);
        let pair = escape.starts_with('u').then(|| escape.get(..11)).flatten();
        let length = if pair.is_some_and(|pair| decoded(pair).is_some()) {
            11
        } else if escape.starts_with('u') {
            5
        } else {
            1
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        match decoded(escape) {
            Some(character) => text.push_str(&character),
            None => text.push(char::REPLACEMENT_CHARACTER),
        }
        rest = after;
    }
    text + rest
}

/// Decodes what follows a backslash, as a string of its own.
fn decoded(escape: &str) -> Option<String> {
    serde_json::from_str(&format!("\"\\{escape}\"")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_has_a_text() {
        let table = [
            (r#""plain""#, Some("plain")),
            (r#""a\n\"\u00e9\"""#, Some("a\n\"é\"")),
            (r#""\ud83d\ude00""#, Some("😀")),
            (r#""a\ud83d b\n\ud83d\ude00\ude00""#, Some("a\u{fffd} b\n😀\u{fffd}")),
            (r#""cut \ud83d""#, Some("cut \u{fffd}")),
            ("1", None),
            ("{}", None),
            ("", None),
        ];
        for (json, expected) in table {
            assert_eq!(text(json).as_deref(), expected, "{json}");
        }
    }
}
