//! `rejection.json`: why a drop was rejected. Pure.

use serde::{Deserialize, Serialize};

use crate::drop::identity::DropId;
use crate::drop::quotas::QuotaProblem;
use crate::drop::source::DropSource;

/// After this many problems the reading stops: more of them would not help to find the cause.
pub const MAX_PROBLEMS: usize = 100;

/// `rejection.json`: why a drop was rejected. No record of the drop was submitted. The report has less than
/// 128 KiB, whatever is in the drop.
///
/// ```
/// # use bedrock_vpc_batch::drop::rejection::Problem;
/// let problem: Problem = serde_json::from_str(
///     r#"{"line": 3, "byte": 812, "what": "modelInput is missing",
///         "fix": "put the request body of the model into modelInput, as a JSON object"}"#,
/// )?;
/// assert_eq!(problem.line, Some(3));
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
    /// What is wrong with it: 1 to [`MAX_PROBLEMS`] problems.
    pub problems: Vec<Problem>,
    /// Whether the reading stopped at the last of these problems, so that there may be more.
    pub stopped_early: bool,
}

/// One thing that is wrong with a drop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The line, counted from 1; `null` if the problem is one of the whole file.
    pub line: Option<u64>,
    /// The offset in the file, in bytes from 0; `null` if the problem is one of the whole file.
    pub byte: Option<u64>,
    /// What is wrong. Text of the file appears in it as [`text::name`](crate::base::text::name) shows it:
    /// truncated and escaped.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl Problem {
    /// Makes a problem of the whole file.
    #[must_use]
    pub fn of_file(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { line: None, byte: None, what: what.into(), fix: fix.into() }
    }
}

impl From<QuotaProblem> for Problem {
    fn from(problem: QuotaProblem) -> Self {
        Self::of_file(problem.to_string(), problem.fix())
    }
}
