//! What the error of a record says, so that equal errors can be counted. Pure.

use crate::base::text;

/// The largest number of characters of a message that are kept.
const MAX_MESSAGE_CHARS: usize = 200;

/// The largest number of characters of a message that are read.
const MAX_READ_CHARS: usize = 1_000;

/// A word with a digit in it that has at least this many characters counts as an id, such as a UUID.
const MIN_ID_CHARS: usize = 20;

/// The error of a record, without what differs from record to record. Fit to be shown to a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorText {
    /// The `errorCode`, if there is one.
    pub code: Option<String>,
    /// The `errorMessage`, or the whole error if it is not an object. Each number, and each long word with a digit in
    /// it, is `#`. Empty if there is none.
    pub message: String,
}

impl ErrorText {
    /// Makes the text from what Bedrock wrote, which may be anything.
    pub(super) fn new(code: Option<&str>, message: &str) -> Self {
        Self { code: code.map(|code| text::name(code).to_string()), message: normalized(message) }
    }
}

/// Puts one `#` for each number and id, and one space for each run of white space. Truncates the result.
fn normalized(message: &str) -> String {
    let end = message.char_indices().nth(MAX_READ_CHARS).map_or(message.len(), |(end, _)| end);
    let mut kept = String::new();
    for word in message.get(..end).unwrap_or_default().split_whitespace() {
        if !kept.is_empty() {
            kept.push(' ');
        }
        for run in word.split_inclusive(|c: char| !is_in_id(c)) {
            let id = run.trim_end_matches(|c| !is_in_id(c));
            if id.len() >= MIN_ID_CHARS && id.contains(|c: char| c.is_ascii_digit()) {
                kept.push('#');
                kept.push_str(run.get(id.len()..).unwrap_or_default());
            } else {
                push_without_numbers(run, &mut kept);
            }
        }
    }
    if let Some((end, _)) = kept.char_indices().nth(MAX_MESSAGE_CHARS) {
        kept.truncate(end);
        kept.push('…');
    } else if end < message.len() {
        kept.push('…');
    }
    text::line(kept).to_string()
}

fn is_in_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn push_without_numbers(word: &str, to: &mut String) {
    let mut is_in_number = false;
    for c in word.chars() {
        let is_digit = c.is_ascii_digit();
        match (is_digit, is_in_number) {
            (true, true) => {}
            (true, false) => to.push('#'),
            (false, _) => to.push(c),
        }
        is_in_number = is_digit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_kind_become_equal() {
        let table = [
            ("", ""),
            ("Too many requests", "Too many requests"),
            (
                "messages.3.content.17: 201431 tokens > 200000 maximum",
                "messages.#.content.#: # tokens > # maximum",
            ),
            (" a\n\tb  c ", "a b c"),
            (
                "request 550e8400-e29b-41d4-a716-446655440000, req_011CSHoEeqs5C35K2UUqR7Fy: no",
                "request #, #: no",
            ),
            ("a_long_word_without_any_digit", "a_long_word_without_any_digit"),
            ("us-east-1 \u{1b}[2J Größe", r"us-east-# \u{1b}[#J Größe"),
        ];
        for (message, expected) in table {
            assert_eq!(normalized(message), expected, "{message}");
        }
    }

    #[test]
    fn long_messages_and_codes_are_truncated() {
        let message = "é".repeat(MAX_MESSAGE_CHARS);
        assert_eq!(normalized(&message), message);
        assert_eq!(normalized(&(message.clone() + "é")), message + "…");
        assert_eq!(normalized(&"7".repeat(MAX_READ_CHARS + 1)), "#…");
        let code = ErrorText::new(Some(&"C".repeat(100)), "").code.unwrap();
        assert_eq!(code.chars().count(), text::NAME_CHARS + 1);
    }
}
