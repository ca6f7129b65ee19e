//! A drop's bytes, chunk by chunk, to a verdict. Pure, in memory that does not grow with the drop's bytes.

use std::borrow::Cow;

use crate::base::text;
use crate::drop::generated_id::{given_member, given_record_id};
use crate::drop::identity::DropId;
use crate::drop::plan::{Cutter, Measured, Part};
use crate::drop::quotas::Quotas;
use crate::drop::rejection::{MAX_PROBLEMS, Problem};
use crate::drop::source::DropSource;
use crate::record::input::{InputReader, InputRecord, parse_input_record};
use crate::record::key::{RecordHasher, RecordKey};
use crate::record::lines::{Run, RunSplitter};
use crate::record::problem::{RecordError, RecordProblem};
use crate::record::recent_ids::RecentIds;

/// How many ids are looked up at once.
const CANDIDATES: usize = 32;

/// What is wrong with a drop that nothing in it can put right. It need not be read then.
#[must_use]
pub fn check_source(source: &DropSource, max_drop_bytes: u64) -> Option<Problem> {
    if !source.key.ends_with(".jsonl") {
        let fix = "name the file ….jsonl and drop it again";
        return Some(Problem::of_file("the key does not end in .jsonl", fix));
    }
    (source.size_bytes > max_drop_bytes).then(|| {
        let bytes = source.size_bytes;
        Problem::of_file(
            format!("the file has {bytes} bytes; at most {max_drop_bytes} are read in one go"),
            "split the file and drop its parts one by one",
        )
    })
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

/// One pass over one drop. Feed it chunks until it says that it has seen enough, then ask for the verdict.
#[derive(Debug)]
pub struct Validator {
    runs: RunSplitter,
    bytes: u64,
    seen: Seen,
}

/// What the lines so far came to.
#[derive(Debug)]
struct Seen {
    drop_id: DropId,
    hasher: RecordHasher,
    max_record_bytes: usize,
    reader: InputReader,
    lines: u64,
    cutter: Cutter,
    ids: RecentIds,
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
        let ids = RecentIds::new(quotas.max_records);
        let (cutter, problems) = (Cutter::new(quotas), Vec::new());
        let seen = Seen {
            hasher: drop_id.record_hasher(),
            drop_id,
            max_record_bytes,
            reader: InputReader::default(),
            lines: 0,
            cutter,
            ids,
            problems,
            bad_lines: 0,
        };
        Self { runs: RunSplitter::new(max_record_bytes), bytes: 0, seen }
    }

    /// Reads the next chunk.
    ///
    /// # Errors
    /// [`Enough`] after [`MAX_PROBLEMS`] problems; the rest of the drop need not be read.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Enough> {
        self.bytes += chunk.len() as u64;
        self.runs.feed(chunk, |run| self.seen.judge_run(run))
    }

    /// Ends the pass.
    #[must_use]
    pub fn finish(self) -> Verdict {
        let Self { runs, bytes, mut seen } = self;
        let stopped_early =
            seen.problems.len() >= MAX_PROBLEMS || runs.finish(|run| seen.judge_run(run)).is_err();
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

/// A record whose id may still have been used before.
struct Candidate<'a> {
    key: RecordKey,
    record_id: &'a str,
    /// The bytes that a missing id adds in the job's input.
    id_bytes: Option<u64>,
    object_start: usize,
    /// Where the line begins in the file.
    byte: u64,
    line_bytes: usize,
}

impl Seen {
    fn judge_run(&mut self, run: Run<'_>) -> Result<(), Enough> {
        let Some(bytes) = run.bytes else { return self.judge_line(run.byte, None, None) };
        // Once for all lines: what breaks it in one of them is found when that line is judged by itself.
        let text = simdutf8::basic::from_utf8(bytes).ok();
        let mut candidates = Vec::with_capacity(CANDIDATES);
        let mut begin = 0;
        while begin < bytes.len() {
            let byte = run.byte + begin as u64;
            let proven = text.and_then(|text| self.reader.prove(text, begin));
            let end = match proven {
                Some((InputRecord { record_id: Some(Cow::Borrowed(record_id)), object_start }, end))
                    if end - begin <= self.max_record_bytes =>
                {
                    let (key, line_bytes) = (self.hasher.key_of(record_id), end - begin);
                    candidates.push(Candidate {
                        key,
                        record_id,
                        id_bytes: None,
                        object_start,
                        byte,
                        line_bytes,
                    });
                    if candidates.len() == CANDIDATES {
                        self.add_all(&mut candidates)?;
                    }
                    end
                }
                proven => {
                    self.add_all(&mut candidates)?;
                    let rest = bytes.get(begin..).unwrap_or_default();
                    let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                    let line = rest.get(..length).unwrap_or_default();
                    self.judge_line(byte, Some(line), proven.map(|(record, _)| record))?;
                    begin + line.len()
                }
            };
            begin = end + 1;
        }
        self.add_all(&mut candidates)
    }

    /// Judges the line that begins at `byte`, which may be proven to be a record.
    fn judge_line(
        &mut self,
        byte: u64,
        line: Option<&[u8]>,
        proven: Option<InputRecord<'_>>,
    ) -> Result<(), Enough> {
        let Some(line) = line.filter(|line| line.len() <= self.max_record_bytes) else {
            let what = RecordProblem::TooLong(self.max_record_bytes);
            return self.refuse(byte, &RecordError { offset: 0, what });
        };
        let InputRecord { record_id, object_start } =
            match proven.map_or_else(|| parse_input_record(line), Ok) {
                Ok(record) => record,
                Err(error) => return self.refuse(byte, &error),
            };
        let is_given = record_id.is_none();
        let record_id = record_id.unwrap_or_else(|| given_record_id(&self.drop_id, self.lines + 1).into());
        self.add(&Candidate {
            key: self.hasher.key_of(&record_id),
            record_id: &record_id,
            id_bytes: is_given.then(|| given_member(&record_id).len() as u64),
            object_start,
            byte,
            line_bytes: line.len(),
        })
    }

    fn add_all(&mut self, candidates: &mut Vec<Candidate<'_>>) -> Result<(), Enough> {
        self.ids.warm_cache(candidates.iter().map(|candidate| candidate.key));
        candidates.drain(..).try_for_each(|candidate| self.add(&candidate))
    }

    #[inline]
    fn add(&mut self, candidate: &Candidate<'_>) -> Result<(), Enough> {
        if let Some(line) = self.ids.add(candidate.key, self.lines + 1) {
            let record_id = text::name(candidate.record_id).to_string();
            let what = RecordProblem::RecordIdRepeated { record_id, line };
            return self.refuse(candidate.byte, &RecordError { offset: candidate.object_start, what });
        }
        self.lines += 1;
        let bytes = candidate.line_bytes as u64 + 1;
        self.cutter.push(&Measured { key: candidate.key, bytes, id_bytes: candidate.id_bytes });
        Ok(())
    }

    #[cold]
    fn refuse(&mut self, byte: u64, error: &RecordError) -> Result<(), Enough> {
        self.lines += 1;
        self.bad_lines += 1;
        self.problems.push(Problem {
            line: Some(self.lines),
            byte: Some(byte + error.offset as u64),
            what: error.what.to_string(),
            fix: error.what.fix().into(),
        });
        if self.problems.len() < MAX_PROBLEMS { Ok(()) } else { Err(Enough) }
    }
}
