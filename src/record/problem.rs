//! What can be wrong with a line of a drop. Pure.
//!
//! `kinds.rs` of the drop says how to fix it.

use crate::base::count::Counted;
use crate::record::json_fault::JsonFault;

/// How many levels deep a line may nest. Requests to models have far fewer, and `serde_json` does not read more.
pub const MAX_DEPTH: usize = 128;

/// Why a line is not a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// Where in the line the problem is, in bytes from 0.
    pub offset: usize,
    /// What is wrong there.
    pub what: RecordProblem,
    /// What else is wrong with the line: each kind of problem once.
    pub others: Vec<RecordError>,
}

impl RecordError {
    /// Makes the error of a line that has one problem.
    #[must_use]
    pub fn new(offset: usize, what: RecordProblem) -> Self {
        Self { offset, what, others: Vec::new() }
    }

    /// Returns all problems of the line, each with its place.
    pub fn all(&self) -> impl Iterator<Item = (usize, &RecordProblem)> {
        let others = self.others.iter().map(|other| (other.offset, &other.what));
        std::iter::once((self.offset, &self.what)).chain(others)
    }
}

/// What can be wrong with a line. Text of the line appears in it as [`text::name`](crate::base::text::name)
/// shows it: truncated and escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum RecordProblem {
    #[error("the line begins with a byte order mark")]
    ByteOrderMark,
    #[error("the line is blank")]
    Blank,
    #[error("the bytes are not UTF-8")]
    NotUtf8(Encoding),
    #[error("the line is longer than {}", Counted(*.0 as u64, "byte"))]
    TooLong(usize),
    #[error("the line is not a JSON object but {0}")]
    NotAnObject(&'static str),
    #[error("the line is not valid JSON: {0}")]
    NotJson(JsonFault),
    #[error("a \\u escape is half of a surrogate pair")]
    LoneSurrogate,
    #[error("the JSON nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("a record has only recordId and modelInput: unknown member `{0}`")]
    UnknownMember(String),
    #[error("a record has recordId and modelInput once each: duplicate member `{0}`")]
    RepeatedMember(&'static str),
    #[error("the member `{name}` should be called {right}")]
    MisspelledMember { name: String, right: &'static str },
    #[error("modelInput is missing")]
    NoModelInput(Instead),
    #[error("modelInput is not an object but {0}")]
    ModelInputNotObject(&'static str),
    #[error("recordId is not a string but {0}")]
    RecordIdNotString(&'static str),
    #[error("recordId is empty")]
    RecordIdEmpty,
    #[error("recordId \"{record_id}\" is already used on line {line}")]
    RecordIdRepeated { record_id: String, line: u64 },
}

/// What the encoding of a line may be that is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Windows-1252, of which Latin-1 is a part; and what the first byte that is not UTF-8 means in it.
    Windows1252(char),
    /// Other characters of the line are UTF-8.
    Mixed,
    /// Any other.
    Unknown,
}

impl Encoding {
    /// Guesses the encoding of a line that is not UTF-8.
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        let mut first = None;
        let mut is_unlikely = false;
        for chunk in line.utf8_chunks() {
            if !chunk.valid().is_ascii() {
                return Self::Mixed;
            }
            for byte in chunk.invalid() {
                match windows_1252(*byte) {
                    Some(c) => _ = first.get_or_insert(c),
                    None => is_unlikely = true,
                }
            }
        }
        // In Western languages, letters with accents are rare: three in a row are another script.
        let is_other_script = line
            .chunk_by(|one, other| one.is_ascii() == other.is_ascii())
            .any(|bytes| bytes.len() > 2 && !bytes.is_ascii());
        first.filter(|_| !is_unlikely && !is_other_script).map_or(Self::Unknown, Self::Windows1252)
    }
}

/// What a byte that is not ASCII means in Windows-1252.
/// <https://encoding.spec.whatwg.org/index-windows-1252.txt>
fn windows_1252(byte: u8) -> Option<char> {
    /// 0x80 to 0x9f. A space stands for what is not assigned.
    const FIRST: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";
    let c = match byte {
        0x80..=0x9f => FIRST.chars().nth(usize::from(byte - 0x80))?,
        _ => char::from(byte),
    };
    (c != ' ').then_some(c)
}

/// What a record has that does not have `modelInput`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// Nothing else but perhaps an id.
    Nothing,
    /// The members of a request to a model.
    Request,
    /// The members of a request to a model, and an id.
    RequestWithId,
    /// Members of which nothing is known, as a row of a table has them.
    Others,
}

impl RecordProblem {
    /// Returns what tells this problem from others of its kind, such as `already used on line 7`.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::NotUtf8(Encoding::Windows1252(c)) => Some(format!("{c} in Windows-1252")),
            Self::NotJson(fault) => Some(fault.to_string()),
            Self::NotAnObject(kind) | Self::ModelInputNotObject(kind) | Self::RecordIdNotString(kind) => {
                Some((*kind).to_owned())
            }
            Self::UnknownMember(name) => Some(format!("unknown member `{name}`")),
            Self::MisspelledMember { name, right } => Some(format!("`{name}` should be called {right}")),
            Self::RepeatedMember(name) => Some(format!("duplicate member `{name}`")),
            Self::RecordIdRepeated { line, .. } => Some(format!("already used on line {line}")),
            Self::ByteOrderMark
            | Self::Blank
            | Self::NotUtf8(Encoding::Mixed | Encoding::Unknown)
            | Self::TooLong(_)
            | Self::LoneSurrogate
            | Self::TooDeep
            | Self::NoModelInput(_)
            | Self::RecordIdEmpty => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_guessed_from_the_bytes() {
        let table: [(&[u8], Encoding); 8] = [
            (b"caf\xe9", Encoding::Windows1252('é')),
            (b"don\x92t \xe9", Encoding::Windows1252('’')),
            (b"5 \x80", Encoding::Windows1252('€')),
            (b"Gr\xf6\xdfe", Encoding::Windows1252('ö')),
            // The first one is UTF-8.
            (b"caf\xc3\xa9, caf\xe9", Encoding::Mixed),
            // A character that was cut in half, in Russian; and text in Windows-1251, Shift JIS, and with a stray byte.
            (b"\xd0\xb4\xd0\xb0\xd1", Encoding::Mixed),
            (b"\xef\xf0\xe8\xe2\xe5\xf2", Encoding::Unknown),
            (b"a\x81\x41", Encoding::Unknown),
        ];
        for (line, encoding) in table {
            assert_eq!(Encoding::of(line), encoding, "{}", line.escape_ascii());
        }
        let assigned = (0x80..=0xff).filter(|byte| windows_1252(*byte).is_some()).count();
        assert_eq!((assigned, windows_1252(0x9f)), (128 - 5, Some('Ÿ')));
    }
}
