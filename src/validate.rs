//! A drop's bytes, chunk by chunk, to a verdict. Pure, in memory that does not grow with the drop's bytes.

use serde::{Deserialize, Serialize};

use crate::jsonl::{Line, LineSplitter};
use crate::layout::{DropId, DropSource};
use crate::plan::{QuotaProblem, Quotas, Tally};
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
    /// Every line is a record and the whole is within the quotas.
    Valid(Tally),
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

/// One pass over one drop. Feed it chunks until it says that it has seen enough, then ask for the verdict.
#[derive(Debug)]
pub struct Validator {
    drop_id: DropId,
    quotas: Quotas,
    max_record_bytes: usize,
    lines: LineSplitter,
    seen: Seen,
}

/// What the lines so far came to.
#[derive(Debug, Default)]
struct Seen {
    tally: Tally,
    first_line_of: RecordMap<u64>,
    problems: Vec<Problem>,
    bad_lines: u64,
}

/// The reading stops: there are enough problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enough;

impl Validator {
    /// A pass that has read nothing.
    #[must_use]
    pub fn new(drop_id: DropId, quotas: Quotas, max_record_bytes: usize) -> Self {
        let lines = LineSplitter::new(max_record_bytes);
        Self { drop_id, quotas, max_record_bytes, lines, seen: Seen::default() }
    }

    /// Reads the next chunk.
    ///
    /// # Errors
    /// [`Enough`] after [`MAX_PROBLEMS`] problems; the rest of the drop need not be read.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Enough> {
        self.seen.tally.bytes += chunk.len() as u64;
        let (seen, drop_id, max) = (&mut self.seen, &self.drop_id, self.max_record_bytes);
        self.lines.feed(chunk, |line| seen.judge(drop_id, max, &line))
    }

    /// Ends the pass.
    #[must_use]
    pub fn finish(self) -> Verdict {
        let Self { drop_id, quotas, max_record_bytes, lines, mut seen } = self;
        let stopped_early = seen.problems.len() >= MAX_PROBLEMS
            || lines.finish(|line| seen.judge(&drop_id, max_record_bytes, &line)).is_err();
        if !stopped_early {
            // Bad lines count as records here: mending them must not bring up a new complaint.
            let records = seen.tally.records + seen.bad_lines;
            seen.problems.extend(quotas.check_records(records).map(Problem::from));
            seen.problems.extend(quotas.check_size(seen.tally.bytes).map(Problem::from));
        }
        if seen.problems.is_empty() {
            Verdict::Valid(seen.tally)
        } else {
            Verdict::Invalid { problems: seen.problems, stopped_early }
        }
    }
}

impl Seen {
    fn judge(&mut self, drop_id: &DropId, max_record_bytes: usize, line: &Line<'_>) -> Result<(), Enough> {
        if let Err(error) = self.record(drop_id, max_record_bytes, line) {
            self.bad_lines += 1;
            self.problems.push(Problem::at(line, &error));
            if self.problems.len() >= MAX_PROBLEMS {
                return Err(Enough);
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        drop_id: &DropId,
        max_record_bytes: usize,
        line: &Line<'_>,
    ) -> Result<(), RecordError> {
        let Some(bytes) = line.bytes else {
            return Err(RecordError { offset: 0, what: RecordProblem::TooLong(max_record_bytes) });
        };
        let record = parse_input_record(bytes)?;
        let given = record.record_id.is_none();
        let record_id = record.record_id.unwrap_or_else(|| given_record_id(drop_id, line.number).into());
        let key = RecordKey::of(&record_id);
        let first_line = *self.first_line_of.entry(key).or_insert(line.number);
        if first_line != line.number {
            let record_id = shorten(&record_id);
            let what = RecordProblem::RecordIdRepeated { record_id, line: first_line };
            return Err(RecordError { offset: record.object_begin, what });
        }
        self.tally.records += 1;
        self.tally.without_id += u64::from(given);
        self.tally.ids.add(key);
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
