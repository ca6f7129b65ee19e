//! What the start of a file or of a record tells, in the terms of this room. Pure.
//!
//! [`diagnosis`] recognizes the kinds of files, for the validator, too. Here is what each one means for a preparation.

use crate::drop::diagnosis;
use crate::drop::kinds::ProblemKind;

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
    /// Records whose members are spelled in another way.
    OtherSpelling,
    /// A kind that cannot be prepared, and what it is.
    Other(&'static ProblemKind),
}

impl Kind {
    /// Recognizes the start of a file, or a record. `None` if it may be JSON Lines as they are dropped.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        let start = start.trim_ascii_start();
        let kind = diagnosis::recognize(start.get(..diagnosis::MAX_BYTES).unwrap_or(start))?;
        // By their codes, which are stable.
        Some(match kind.code {
            "gzip" => Self::Gzip,
            "zstd" => Self::Zstandard,
            "utf-16" => Self::Utf16,
            "utf-32" => Self::Utf32,
            "json-array" => Self::Array,
            "indented-json" => Self::Indented,
            "table" => Self::Table,
            "openai-chat" | "openai-embeddings" | "openai-responses" | "openai-batch" => Self::OpenAi,
            "anthropic-batch" => Self::Anthropic,
            "vertex-batch" => Self::Vertex,
            "snake-case" | "member-spelling" => Self::OtherSpelling,
            _ => Self::Other(kind),
        })
    }
}
