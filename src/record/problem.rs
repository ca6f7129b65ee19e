//! What can be wrong with a line of a drop, and how to fix it. Pure.

use crate::base::count::Counted;

/// How many levels deep a line may nest. Requests to models have far fewer, and `serde_json` does not read more.
pub const MAX_DEPTH: usize = 128;

/// Why a line is not a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// Where in the line the problem is, in bytes from 0.
    pub offset: usize,
    /// What is wrong there.
    pub what: RecordProblem,
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
    NotUtf8,
    #[error("the line is longer than {}", Counted(*.0 as u64, "byte"))]
    TooLong(usize),
    #[error("the line is not a JSON object but {0}")]
    NotAnObject(&'static str),
    #[error("the line is not valid JSON: {0}")]
    NotJson(String),
    #[error("a \\u escape is half of a surrogate pair")]
    LoneSurrogate,
    #[error("the JSON nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("a record has only recordId and modelInput: unknown member `{0}`")]
    UnknownMember(String),
    #[error("a record has recordId and modelInput once each: duplicate member `{0}`")]
    RepeatedMember(&'static str),
    #[error("modelInput is missing")]
    NoModelInput,
    #[error("modelInput is not an object but {0}")]
    ModelInputNotObject(&'static str),
    #[error("recordId is not a string but {0}")]
    RecordIdNotString(&'static str),
    #[error("recordId is empty")]
    RecordIdEmpty,
    #[error("recordId \"{record_id}\" is already used on line {line}")]
    RecordIdRepeated { record_id: String, line: u64 },
}

impl RecordProblem {
    /// Returns what the user can do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::ByteOrderMark => "save the file as UTF-8 without a byte order mark",
            Self::Blank => "remove the blank line; the file may end with one newline at most",
            Self::NotUtf8 => "save the file as UTF-8",
            Self::TooLong(_) => "shorten the record, or split it into several",
            Self::NotAnObject(_) | Self::NotJson(_) => {
                "write one JSON object per line, such as {\"recordId\": \"1\", \"modelInput\": {…}}"
            }
            Self::LoneSurrogate => "write the character as UTF-8, or both halves of the pair",
            Self::TooDeep => "flatten modelInput",
            Self::UnknownMember(_) => {
                "keep other data out of the file, and join it to the results by recordId"
            }
            Self::RepeatedMember(_) => "write each member once",
            Self::NoModelInput | Self::ModelInputNotObject(_) => {
                "put the request body of the model into modelInput, as a JSON object"
            }
            Self::RecordIdNotString(_) => "put the recordId in quotes, or leave it out",
            Self::RecordIdEmpty => "give the record an id, or leave recordId out",
            Self::RecordIdRepeated { .. } => "give every record a different recordId",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_has_its_fix() {
        let repeated = RecordProblem::RecordIdRepeated { record_id: "1".into(), line: 7 };
        let table = [
            (RecordProblem::NotUtf8, "save the file as UTF-8"),
            (RecordProblem::TooLong(9), "shorten the record, or split it into several"),
            (RecordProblem::TooDeep, "flatten modelInput"),
            (RecordProblem::RepeatedMember("recordId"), "write each member once"),
            (repeated, "give every record a different recordId"),
        ];
        for (problem, fix) in table {
            assert_eq!(problem.fix(), fix);
        }
    }
}
