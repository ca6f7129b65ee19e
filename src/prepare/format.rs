//! What the records of a file are. Pure.

use super::kind::Kind;

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
}

impl Format {
    /// All formats, with the names that they have on the command line.
    pub const ALL: [(&'static str, Self); 5] = [
        ("records", Self::Records),
        ("openai", Self::OpenAi),
        ("anthropic", Self::Anthropic),
        ("vertex", Self::Vertex),
        ("csv", Self::Table),
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
}

/// What the start of a text tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    Json(Layout),
    Table,
    /// A kind of file that cannot be prepared, such as a web page.
    Other(&'static str),
}

impl Start {
    /// Recognizes the start of a text that has no layers.
    pub(super) fn of(start: &[u8]) -> Self {
        match Kind::of(start) {
            Some(Kind::Array | Kind::Indented) => Self::Json(Layout::Values),
            Some(Kind::Table) => Self::Table,
            Some(Kind::Gzip) => Self::Other("the file is compressed with gzip"),
            Some(Kind::Zstandard) => Self::Other("the file is compressed with Zstandard"),
            Some(Kind::Utf16 | Kind::Utf32) => Self::Other("the file is not text"),
            Some(Kind::OpenAi | Kind::Anthropic | Kind::Vertex | Kind::OtherSpelling) | None => {
                Self::Json(Layout::Lines)
            }
            Some(Kind::Other(what)) => Self::Other(what),
        }
    }
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
        ] {
            assert_eq!(Start::of(start.as_bytes()), expected, "{start:?}");
        }
        for (start, expected) in [("PK\x03\x04", "ZIP"), ("<html>", "web page"), ("{'a': 1}", "Python")] {
            let Start::Other(what) = Start::of(start.as_bytes()) else { panic!("{start}") };
            assert!(what.contains(expected), "{what}");
        }
    }
}
