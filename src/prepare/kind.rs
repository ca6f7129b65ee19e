//! What the start of a file or of a record tells, in the terms of this room. Pure.
//!
//! [`diagnosis`] recognizes the kinds of files, for the validator, too. Here is what each one means for a preparation.

use crate::drop::diagnosis;

/// A kind of file that is not JSON Lines as they are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gzip,
    Zstandard,
    Utf16,
    Utf32,
    /// A JSON array.
    Array,
    /// Objects that take several lines each.
    Indented,
    Table,
    OpenAi,
    Anthropic,
    Vertex,
    SnakeCase,
    /// A kind that cannot be prepared, and what it is.
    Other(&'static str),
}

impl Kind {
    /// Recognizes the start of a file, or a record. `None` if it may be JSON Lines as they are dropped.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        let mut lines = start.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let line = lines.find(|line| !line.is_empty()).unwrap_or_default();
        let line = line.get(..diagnosis::MAX_BYTES).unwrap_or(line);
        Some(match diagnosis::recognize(line)? {
            "the file is compressed with gzip" => Self::Gzip,
            "the file is compressed with Zstandard" => Self::Zstandard,
            "the file is UTF-16, not UTF-8" => Self::Utf16,
            "the file is UTF-32, not UTF-8" => Self::Utf32,
            "the file is a JSON array, not JSON Lines" => Self::Array,
            "each JSON object takes several lines" => Self::Indented,
            "the file is a table, not JSON Lines" => Self::Table,
            "the file is a batch file for OpenAI's API, not for Bedrock" => Self::OpenAi,
            "the file is a batch file for Anthropic's API, not for Bedrock" => Self::Anthropic,
            "the file is a batch file for Vertex AI, not for Bedrock" => Self::Vertex,
            "the members of the records are in snake case" => Self::SnakeCase,
            other => Self::Other(other),
        })
    }
}
