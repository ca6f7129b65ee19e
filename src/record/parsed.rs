//! What a valid line says. Pure.

use std::borrow::Cow;

use crate::record::error_text::ErrorText;
use crate::record::repair::Repair;
use crate::record::stop_reason::Usability;

/// A valid line of a drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputRecord<'a> {
    /// The user's id of the record; `None` if it does not have one.
    pub record_id: Option<Cow<'a, str>>,
    /// Where in the line the object starts: a generated id is written right after its `{`.
    pub object_start: usize,
    /// How the line must be changed; `None` if it is a record as it is.
    pub repair: Option<Box<Repair>>,
}

/// A valid line of an `….jsonl.out` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRecord<'a> {
    /// The id that the record has in the input.
    pub record_id: Cow<'a, str>,
    /// What Bedrock answered.
    pub answer: Answer,
    /// Whether the model's output can be used. `Usable` if there is an error.
    pub usability: Usability,
    /// What the first error says, if there is one.
    pub error: Option<ErrorText>,
}

/// What Bedrock answered to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The model's output.
    Succeeded,
    /// A final error: the same record would be refused again, or it also has an output.
    Failed,
    /// An error that has nothing to do with the record: it may succeed when it is submitted again.
    Retryable,
}
