//! Collects the problems of a drop: each kind once, with the number of its lines and its first places. Pure, in memory
//! that does not depend on the drop.

use crate::base::excerpt::Excerpt;
use crate::drop::kinds::{self, ProblemKind};
use crate::drop::rejection::{MAX_PLACES, Problem, ProblemPlace};
use crate::record::problem::{RecordError, RecordProblem};

/// After this many bad lines the reading stops: a file of bad lines is not read to its end only to count them. Kinds of
/// problems that show only after 10,000 bad lines of other kinds are rare.
pub const MAX_BAD_LINES: u64 = 10_000;

/// After this many bytes of bad lines the reading stops, too. Only the slowest of the readers can judge a bad line, so the
/// time it takes is bounded by bytes.
pub const MAX_BAD_BYTES: u64 = 256 << 20;

/// If a kind of problem has several causes, the fixes of the first ones are told, with this between them.
const FIX_SEPARATOR: &str = "; or ";
const MAX_FIXES: usize = 3;

/// A line with a problem.
#[derive(Debug, Clone, Copy)]
pub(super) struct BadLine<'a> {
    /// Its number, counted from 1.
    pub number: u64,
    /// Where in the file it starts.
    pub byte: u64,
    /// Its bytes; `None` if there are too many to be kept.
    pub bytes: Option<&'a [u8]>,
}

/// The problems of a drop so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    /// One for each kind, in the order in which they were found.
    kinds: Vec<Problem>,
    bad_lines: u64,
    bad_bytes: u64,
}

impl Problems {
    /// Adds a bad line, with everything that is wrong with it.
    pub(super) fn add(&mut self, line: BadLine<'_>, error: &RecordError) {
        self.bad_lines += 1;
        self.bad_bytes += line.bytes.map_or(0, |bytes| bytes.len() as u64);
        for (offset, what) in error.all() {
            self.add_problem(line, offset, what);
        }
    }

    fn add_problem(&mut self, line: BadLine<'_>, offset: usize, what: &RecordProblem) {
        let kind = kind_of(line, offset, what);
        let fix = if kind == kinds::of_line(what) { kinds::fix_of_line(what) } else { kind.fix };
        if let Some(problem) = self.kinds.iter_mut().find(|problem| problem.code.as_str() == kind.code) {
            problem.lines += 1;
            if problem.places.len() < MAX_PLACES {
                problem.places.push(place(line, kind, offset, what));
            }
            add_fix(&mut problem.fix, fix);
            return;
        }
        let place = place(line, kind, offset, what);
        self.kinds.push(Problem {
            code: kind.into(),
            lines: 1,
            line: Some(place.line),
            byte: Some(place.byte),
            what: if kind == kinds::of_line(what) { what.to_string() } else { kind.what.to_owned() },
            fix: fix.to_owned(),
            places: vec![place],
        });
    }

    /// Asks whether other lines of the drop are UTF-8 and not only ASCII, if some are not UTF-8: then the drop as a whole is in
    /// no other encoding.
    pub(super) fn note_utf_8(&mut self, has_utf_8: impl FnOnce() -> bool) {
        let is_it = |problem: &&mut Problem| problem.code.as_str() == kinds::NOT_UTF_8.code;
        if let Some(problem) = self.kinds.iter_mut().find(is_it).filter(|_| has_utf_8()) {
            kinds::MIXED_ENCODINGS.clone_into(&mut problem.fix);
        }
    }

    /// Whether enough bad lines were found to stop reading.
    pub(super) fn are_enough(&self) -> bool {
        self.bad_lines >= MAX_BAD_LINES || self.bad_bytes >= MAX_BAD_BYTES
    }

    /// Returns the number of bad lines.
    pub(super) fn bad_lines(&self) -> u64 {
        self.bad_lines
    }

    /// Whether this line has a problem and is one of the places that are kept.
    pub(super) fn name_line(&self, number: u64) -> bool {
        self.kinds.iter().flat_map(|problem| &problem.places).any(|place| place.line == number)
    }

    /// Returns the problems, in the order in which they were found.
    pub(super) fn into_kinds(self) -> Vec<Problem> {
        self.kinds
    }
}

/// Adds a fix to those of other causes of the same kind, if there are few.
fn add_fix(fixes: &mut String, fix: &str) {
    if !fixes.contains(fix) && fixes.split(FIX_SEPARATOR).count() < MAX_FIXES {
        fixes.push_str(FIX_SEPARATOR);
        fixes.push_str(fix);
    }
}

/// Says which kind of problem a line has. Some are told apart only here, because the verdict is the same.
fn kind_of(line: BadLine<'_>, offset: usize, what: &RecordProblem) -> &'static ProblemKind {
    let rest = line.bytes.and_then(|bytes| bytes.get(offset..)).unwrap_or_default();
    let is_padding = !rest.is_empty() && rest.iter().all(|byte| *byte == 0);
    match what {
        RecordProblem::NotJson(_) if is_padding => &kinds::NUL_PADDED,
        RecordProblem::ModelInputNotObject(_) if is_object_in_string(rest) => &kinds::MODEL_INPUT_STRING,
        what => kinds::of_line(what),
    }
}

/// Whether a string starts that has an object of JSON in it.
fn is_object_in_string(json: &[u8]) -> bool {
    json.strip_prefix(b"\"").is_some_and(|text| text.trim_ascii_start().starts_with(b"{"))
}

fn place(line: BadLine<'_>, kind: &ProblemKind, offset: usize, what: &RecordProblem) -> ProblemPlace {
    let bytes = line.bytes.map(|bytes| bytes.strip_suffix(b"\r").unwrap_or(bytes)).unwrap_or_default();
    // NUL bytes show nothing that a person could look at.
    let is_padding = kind == &kinds::NUL_PADDED;
    let excerpt = if is_padding { Excerpt::new(b"", 0) } else { Excerpt::new(bytes, offset) };
    ProblemPlace {
        line: line.number,
        byte: line.byte + offset as u64,
        detail: if is_padding { None } else { what.detail() },
        excerpt: excerpt.text,
        caret: excerpt.caret,
    }
}
