//! What the records of a file are. Pure.

use serde::de::IgnoredAny;

use super::kind::Kind;
use super::table;
use crate::drop::kinds::{self, ProblemKind};

/// What the records of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `recordId` and `modelInput`, perhaps in another spelling.
    Records,
    /// Requests to OpenAI's API.
    OpenAi,
    /// Requests to Anthropic's API.
    Anthropic,
    /// Requests to Vertex AI or the Gemini API.
    Vertex,
    /// A table with a header.
    Table,
    /// JSON objects whose members are what a prompt is made of.
    Rows,
}

impl Format {
    /// All formats, with the names that they have on the command line.
    pub const ALL: [(&'static str, Self); 6] = [
        ("records", Self::Records),
        ("openai", Self::OpenAi),
        ("anthropic", Self::Anthropic),
        ("vertex", Self::Vertex),
        ("csv", Self::Table),
        ("json", Self::Rows),
    ];

    /// Returns how the format is called in a sentence.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::OpenAi => "a batch file for OpenAI's API",
            Self::Anthropic => "a batch file for Anthropic's API",
            Self::Vertex => "a batch file for Vertex AI",
            Self::Table => "a table",
            Self::Rows => "rows as JSON objects",
        }
    }

    /// Recognizes the records of a JSON file from the first one.
    pub(super) fn of(record: &[u8]) -> Self {
        match Kind::of(record) {
            Some(Kind::OpenAi) => Self::OpenAi,
            Some(Kind::Anthropic) => Self::Anthropic,
            Some(Kind::Vertex) => Self::Vertex,
            _ => Self::Records,
        }
    }
}

/// How the records of a JSON file are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One per line.
    Lines,
    /// In arrays, or one after the other.
    Values,
    /// In the array that starts at this byte of the text. An object is around it.
    Wrapped(usize),
}

/// What the start of a text tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    Json(Layout),
    Table,
    /// A kind of file that cannot be prepared, such as a web page.
    Other(&'static ProblemKind),
}

impl Start {
    /// Recognizes the start of a text that has no layers.
    pub(super) fn of(start: &[u8]) -> Self {
        match Kind::of(start) {
            Some(Kind::Array | Kind::Indented) => Self::Json(Layout::Values),
            Some(Kind::Table) => Self::Table,
            None if is_table(start) => Self::Table,
            Some(Kind::Gzip) => Self::Other(&kinds::GZIP),
            Some(Kind::Zstandard) => Self::Other(&kinds::ZSTD),
            Some(Kind::Utf16 | Kind::Utf32) => Self::Other(&kinds::NOT_TEXT),
            Some(Kind::OpenAi | Kind::Anthropic | Kind::Vertex | Kind::OtherSpelling) | None => {
                Self::Json(Layout::Lines)
            }
            Some(Kind::Other(kind)) => Self::Other(kind),
        }
    }
}

/// Returns where the list of requests starts in a body of Anthropic's API, such as
/// `{"requests": [{"custom_id": …}]}`. `None` if it is something else.
/// <https://docs.claude.com/en/api/creating-message-batches>
pub(super) fn requests_of_anthropic(start: &[u8]) -> Option<usize> {
    let mut rest = start.trim_ascii_start();
    rest = rest.strip_prefix("\u{feff}".as_bytes()).unwrap_or(rest);
    for part in ["{", "\"requests\"", ":"] {
        rest = rest.trim_ascii_start().strip_prefix(part.as_bytes())?;
    }
    let list = rest.trim_ascii_start();
    let first = list.strip_prefix(b"[")?;
    (Format::of(first) == Format::Anthropic).then_some(start.len() - list.len())
}

/// Whether this looks like the header of a table that is not among the kinds that are told apart for drops: with bars, not in
/// UTF-8, or with a line for Excel.
fn is_table(start: &[u8]) -> bool {
    let (_, start) = table::skip_blank_lines(start);
    let line = start.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
    let is_text = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80 || b"\"_".contains(&byte);
    line.first().is_some_and(|first| is_text(*first))
        && line.iter().any(|byte| table::DELIMITERS.contains(byte))
        && !line.iter().any(|byte| b"{}".contains(byte))
        && serde_json::from_slice::<IgnoredAny>(line).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognized_from_the_first_record() {
        for (record, expected) in [
            (r#"{"recordId":"1","modelInput":{}}"#, Format::Records),
            (r#"{"record_id":"1","model_input":{}}"#, Format::Records),
            (r#"{"recordId":1,"modelInput":"{}"}"#, Format::Records),
            (r#"{"RecordID":1,"Model-Input":"{}"}"#, Format::Records),
            (r#"{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{}}"#, Format::OpenAi),
            (r#"{"custom_id":"1","params":{}}"#, Format::Anthropic),
            (r#"{"request":{"contents":[]}}"#, Format::Vertex),
            (r#"{"key":"1","request":{"contents":[]}}"#, Format::Vertex),
        ] {
            assert_eq!(Format::of(record.as_bytes()), expected, "{record}");
        }
    }

    #[test]
    fn layout_is_recognized_from_the_first_line_with_something_on_it() {
        for (start, expected) in [
            ("\n{\"recordId\":\"1\",\"modelInput\":{}}\n", Start::Json(Layout::Lines)),
            ("{\"custom_id\":\"1\",\"params\":{}}", Start::Json(Layout::Lines)),
            ("[{}]", Start::Json(Layout::Values)),
            ("\n[\n", Start::Json(Layout::Values)),
            ("{\n  \"recordId\": 1", Start::Json(Layout::Values)),
            ("id,prompt\n1,a\n", Start::Table),
            ("id|prompt\n1|a\n", Start::Table),
            ("\n\u{feff}id|prompt\r1|a\r", Start::Table),
            ("sep=|\nid|prompt\n", Start::Table),
            ("\"a|b\"", Start::Json(Layout::Lines)),
        ] {
            assert_eq!(Start::of(start.as_bytes()), expected, "{start:?}");
        }
        assert_eq!(Start::of(b"Gr\xf6\xdfe;Text\n"), Start::Table, "Latin-1");
        for (start, expected) in [("PK\x03\x04", "ZIP"), ("<html>", "web page"), ("{'a': 1}", "Python")] {
            let Start::Other(what) = Start::of(start.as_bytes()) else { panic!("{start}") };
            assert!(what.what.contains(expected), "{}", what.what);
        }
    }
}
