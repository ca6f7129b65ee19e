//! A drop's bytes, chunk by chunk, to a verdict. Pure, in memory that does not grow with the drop's bytes.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::jsonl::{Line, LineSplitter};
use crate::layout::{DropId, DropSource};
use crate::plan::{Cutter, Measured, Part, QuotaProblem, Quotas};
use crate::record::{RecordError, RecordKey, RecordMap, RecordProblem, parse_input_record};

/// After this many problems the reading stops: more would not help anybody to find the cause.
pub const MAX_PROBLEMS: usize = 100;

/// `rejection.json`: why a drop was refused. Nothing of it was submitted.
///
/// ```
/// # use bedrock_vpc_batch::validate::Problem;
/// let problem: Problem = serde_json::from_str(
///     r#"{"line": 3, "byte": 812, "what": "modelInput is missing",
///         "cure": "put the request body of the model into modelInput, as a JSON object"}"#,
/// )?;
/// assert_eq!(problem.line, Some(3));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// Of this shape: 1.
    pub version: u32,
    /// The drop.
    pub drop_id: DropId,
    /// Where it is.
    pub source: DropSource,
    /// What is wrong with it: at least one, at most [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// Whether the reading stopped at the last problem, so that there may be more.
    pub stopped_early: bool,
}

/// One thing that is wrong with a drop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The line, counted from 1; none if the whole file is meant.
    pub line: Option<u64>,
    /// The place in the file in bytes, counted from 0.
    pub byte: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub cure: String,
}

impl Problem {
    /// A problem of the whole file.
    #[must_use]
    pub fn of_file(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { line: None, byte: None, what: what.into(), cure: cure.into() }
    }

    fn at(line: &Line<'_>, error: &RecordError) -> Self {
        Self {
            line: Some(line.number),
            byte: Some(line.byte + error.offset as u64),
            what: error.what.to_string(),
            cure: error.what.cure().into(),
        }
    }
}

impl From<QuotaProblem> for Problem {
    fn from(problem: QuotaProblem) -> Self {
        Self::of_file(problem.to_string(), problem.cure())
    }
}

/// What one pass over a drop came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every line is a record, and each of these parts is within the quotas.
    Valid(Vec<Part>),
    /// At least one problem, and whether the reading stopped before the end.
    Invalid {
        /// What is wrong, in the order of the file.
        problems: Vec<Problem>,
        /// Whether there may be more.
        stopped_early: bool,
    },
}

/// The id of a record that came without one: it says where the record is, and holds in every attempt.
#[must_use]
pub fn given_record_id(drop_id: &DropId, line: u64) -> String {
    let drop: String = drop_id.as_str().chars().take(12).collect();
    format!("{drop}-line-{line}")
}

/// What is written after the `{` of a record that came without an id. It has `modelInput` at least, so a
/// comma follows.
#[must_use]
pub fn given_member(record_id: &str) -> String {
    format!("\"recordId\":\"{record_id}\",")
}

/// One pass over one drop. Feed it chunks until it says that it has seen enough, then ask for the verdict.
#[derive(Debug)]
pub struct Validator {
    lines: LineSplitter,
    bytes: u64,
    seen: Seen,
}

/// What the lines so far came to.
#[derive(Debug)]
struct Seen {
    drop_id: DropId,
    max_record_bytes: usize,
    cutter: Cutter,
    ids: RecentIds,
    problems: Vec<Problem>,
    bad_lines: u64,
}

/// The ids of the last records, as many as a job can have: within that distance no id comes twice, so none
/// does within a part, wherever the drop is cut.
#[derive(Debug)]
struct RecentIds {
    most: u64,
    in_order: VecDeque<RecordKey>,
    line_of: RecordMap<u64>,
}

impl RecentIds {
    /// Adds an id, or says on which line it already is.
    fn add(&mut self, key: RecordKey, line: u64) -> Result<(), u64> {
        if self.in_order.len() as u64 >= self.most
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.line_of.remove(&oldest);
        }
        let first_line = *self.line_of.entry(key).or_insert(line);
        if first_line != line {
            return Err(first_line);
        }
        self.in_order.push_back(key);
        Ok(())
    }
}

/// The reading stops: there are enough problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enough;

impl Validator {
    /// A pass that has read nothing.
    #[must_use]
    pub fn new(drop_id: DropId, quotas: Quotas, max_record_bytes: usize) -> Self {
        let ids =
            RecentIds { most: quotas.max_records, in_order: VecDeque::new(), line_of: RecordMap::default() };
        let (cutter, problems) = (Cutter::new(quotas), Vec::new());
        let seen = Seen { drop_id, max_record_bytes, cutter, ids, problems, bad_lines: 0 };
        Self { lines: LineSplitter::new(max_record_bytes), bytes: 0, seen }
    }

    /// Reads the next chunk.
    ///
    /// # Errors
    /// [`Enough`] after [`MAX_PROBLEMS`] problems; the rest of the drop need not be read.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Enough> {
        self.bytes += chunk.len() as u64;
        self.lines.feed(chunk, |line| self.seen.judge(&line))
    }

    /// Ends the pass.
    #[must_use]
    pub fn finish(self) -> Verdict {
        let Self { lines, bytes, mut seen } = self;
        let stopped_early =
            seen.problems.len() >= MAX_PROBLEMS || lines.finish(|line| seen.judge(&line)).is_err();
        let Seen { drop_id, cutter, mut problems, bad_lines, .. } = seen;
        if problems.is_empty() {
            return match cutter.parts(&drop_id, bytes) {
                Ok(parts) => Verdict::Valid(parts),
                Err(problem) => Verdict::Invalid { problems: vec![problem.into()], stopped_early },
            };
        }
        if !stopped_early {
            // Bad lines count as records here: mending them must not bring up a new complaint.
            problems.extend(cutter.check_records(bad_lines).map(Problem::from));
        }
        Verdict::Invalid { problems, stopped_early }
    }
}

impl Seen {
    fn judge(&mut self, line: &Line<'_>) -> Result<(), Enough> {
        if let Err(error) = self.record(line) {
            self.bad_lines += 1;
            self.problems.push(Problem::at(line, &error));
            if self.problems.len() >= MAX_PROBLEMS {
                return Err(Enough);
            }
        }
        Ok(())
    }

    fn record(&mut self, line: &Line<'_>) -> Result<(), RecordError> {
        let Some(bytes) = line.bytes else {
            return Err(RecordError { offset: 0, what: RecordProblem::TooLong(self.max_record_bytes) });
        };
        let record = parse_input_record(bytes)?;
        let is_given = record.record_id.is_none();
        let record_id =
            record.record_id.unwrap_or_else(|| given_record_id(&self.drop_id, line.number).into());
        let key = RecordKey::of(&record_id);
        if let Err(first_line) = self.ids.add(key, line.number) {
            let what = RecordProblem::RecordIdRepeated { record_id: shorten(&record_id), line: first_line };
            return Err(RecordError { offset: record.object_begin, what });
        }
        let id_bytes = is_given.then(|| given_member(&record_id).len() as u64);
        self.cutter.push(&Measured { key, bytes: bytes.len() as u64 + 1, id_bytes });
        Ok(())
    }
}

/// At most 64 characters of an id, so that a report stays readable.
fn shorten(record_id: &str) -> String {
    match record_id.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", record_id.split_at(end).0),
        None => record_id.to_owned(),
    }
}
