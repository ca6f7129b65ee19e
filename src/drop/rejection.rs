//! `rejection.json`: why a drop was rejected. Pure.

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::drop::identity::DropId;
use crate::drop::kinds::{self, Code, ProblemKind};
use crate::drop::quotas::QuotaProblem;
use crate::drop::source::DropSource;

/// `rejection.json`: why a drop was rejected. No record of the drop was submitted. The report has less than
/// 128 KiB, whatever is in the drop.
///
/// ```
/// # use bedrock_vpc_batch::drop::rejection::Problem;
/// let problem: Problem = serde_json::from_str(
///     r#"{"code": "record-id-repeated", "lines": 150, "line": 7, "byte": 812,
///         "what": "recordId \"a\" is already used on line 3", "fix": "give every record a different recordId",
///         "places": [{"line": 7, "byte": 812, "detail": "already used on line 3",
///                     "excerpt": "{\"recordId\":\"a\",\"modelInput\":{\"max_tok…", "caret": 12}]}"#,
/// )?;
/// assert_eq!((problem.code.as_str(), problem.lines), ("record-id-repeated", 150));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Schema version, currently 1.
    pub version: u32,
    /// The id of the drop.
    pub drop_id: DropId,
    /// The object that was dropped.
    pub source: DropSource,
    /// What is wrong with it: at least one problem, and each kind of problem once, in the order in which the file has them.
    pub problems: Vec<Problem>,
    /// Whether the reading stopped before the end of the file. Then there may be more problems, and each `lines` is the
    /// least that it can be.
    pub stopped_early: bool,
}

/// A kind of problem that a drop has, with the first places that have it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// What kind of problem it is. Releases before 0.3 did not write `code`, `lines`, and `places`.
    #[serde(default)]
    pub code: Code,
    /// How many lines have the problem; 0 if the problem is one of the whole file.
    #[serde(default)]
    pub lines: u64,
    /// The first line that has it, counted from 1; `null` if the problem is one of the whole file.
    pub line: Option<u64>,
    /// The offset in the file, in bytes from 0; `null` if the problem is one of the whole file.
    pub byte: Option<u64>,
    /// What is wrong there. Text of the file appears in it as [`text::name`](crate::base::text::name) shows it:
    /// truncated and escaped.
    pub what: String,
    /// What to do about it.
    pub fix: String,
    /// The first [`MAX_PLACES`] places; empty if the problem is one of the whole file.
    #[serde(default)]
    pub places: Vec<ProblemPlace>,
}

/// Every problem is written with all members, except that one of an earlier release stays as it was written.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { code, lines, line, byte, what, fix, places } = self;
        let mut members = serializer.serialize_map(None)?;
        if !code.is_missing() {
            members.serialize_entry("code", code)?;
            members.serialize_entry("lines", lines)?;
        }
        members.serialize_entry("line", line)?;
        members.serialize_entry("byte", byte)?;
        members.serialize_entry("what", what)?;
        members.serialize_entry("fix", fix)?;
        if !code.is_missing() {
            members.serialize_entry("places", places)?;
        }
        members.end()
    }
}

/// The largest number of places that are reported of one kind of problem.
pub const MAX_PLACES: usize = 5;

/// A place that has a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemPlace {
    /// The line, counted from 1.
    pub line: u64,
    /// The offset in the file, in bytes from 0.
    pub byte: u64,
    /// What only this place has, such as `already used on line 7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A piece of the line, escaped, with `…` where something was left out; empty if the line is blank, was too long to be
    /// kept, or has only NUL bytes there.
    pub excerpt: String,
    /// Which character of the excerpt is the offending one, counted from 0.
    pub caret: usize,
}

impl Problem {
    /// Makes a problem of the whole file.
    #[must_use]
    pub fn of_file(kind: &'static ProblemKind, what: impl Into<String>, fix: impl Into<String>) -> Self {
        let (code, what, fix) = (kind.into(), what.into(), fix.into());
        Self { code, lines: 0, line: None, byte: None, what, fix, places: Vec::new() }
    }

    /// Makes a problem of the whole file about which no more is known than its kind.
    #[must_use]
    pub fn of_kind(kind: &'static ProblemKind) -> Self {
        Self::of_file(kind, kind.what, kind.fix)
    }
}

impl From<QuotaProblem> for Problem {
    fn from(problem: QuotaProblem) -> Self {
        let kind = match problem {
            QuotaProblem::TooFewRecords { .. } => &kinds::TOO_FEW_RECORDS,
            QuotaProblem::NoCount { .. } => &kinds::RECORDS_NOT_DIVISIBLE,
            QuotaProblem::NoParts { .. } => &kinds::RECORDS_TOO_LARGE,
            QuotaProblem::TooManyParts => &kinds::TOO_MANY_JOBS,
        };
        Self::of_file(kind, problem.to_string(), problem.fix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_of_files_and_of_lines_have_the_same_members() {
        let of_file = Problem::of_kind(&kinds::EMPTY_FILE);
        let json = serde_json::to_string(&of_file).unwrap();
        let start = r#"{"code":"empty-file","lines":0,"line":null,"byte":null,"what":"#;
        assert!(json.starts_with(start) && json.ends_with(r#","places":[]}"#), "{json}");
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), of_file);
        let earlier = r#"{"line":null,"byte":null,"what":"odd","fix":"even it"}"#;
        let read: Problem = serde_json::from_str(earlier).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), earlier);
    }
}
