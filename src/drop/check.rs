//! Judges a drop: reads it chunk by chunk and gives a verdict. Pure, in memory that does not grow with the
//! drop's bytes.

use crate::base::count::Counted;
use crate::base::text;
use crate::drop::diagnosis::FileStart;
use crate::drop::generated_id::GeneratedId;
use crate::drop::identity::DropId;
use crate::drop::kinds;
use crate::drop::line_numbers::LineNumbers;
use crate::drop::model_door::{ModelDoor, Refusable};
use crate::drop::names::{NameRule, NameVerdict};
use crate::drop::plan::{Cutter, Gap, Measured, Part};
use crate::drop::problems::{BadLine, Problems};
use crate::drop::quotas::Quotas;
use crate::drop::rejection::Problem;
use crate::drop::repairs::{RepairedLines, Repairs};
use crate::drop::source::DropSource;
use crate::model::rules::Rules;
use crate::record::input::{InputReader, Proven};
use crate::record::judge_input::place_of_id;
use crate::record::key::{RecordHasher, RecordKey};
use crate::record::lines::{Run, RunSplitter};
use crate::record::parsed::InputRecord;
use crate::record::problem::{RecordError, RecordProblem};
use crate::record::recent_ids::RecentIds;
use crate::record::repairing::{RepairedLine, repair_line};

/// How many records are collected before their ids are looked up; see [`RecentIds::warm_cache`].
const BATCH_RECORDS: usize = 32;

/// Returns what is wrong with a drop whatever its content is. Such a drop need not be read.
#[must_use]
pub fn check_source(source: &DropSource, names: NameRule<'_>, max_drop_bytes: u64) -> Option<Problem> {
    match names.judge(&source.key) {
        NameVerdict::Judged => {}
        NameVerdict::Refused { what, fix } => {
            return Some(Problem::of_file(&kinds::NAME_NOT_JSONL, what, fix));
        }
        NameVerdict::Ignored(why) => {
            let what = format!("a file with this name is ignored: {why}");
            return Some(Problem::of_file(&kinds::NAME_IGNORED, what, kinds::NAME_IGNORED.fix));
        }
    }
    (source.size_bytes > max_drop_bytes).then(|| {
        let (bytes, most) = (Counted(source.size_bytes, "byte"), Counted(max_drop_bytes, "byte"));
        let what = format!("the file has {bytes}; a drop may have at most {most}");
        Problem::of_file(&kinds::FILE_TOO_LARGE, what, kinds::FILE_TOO_LARGE.fix)
    })
}

/// The result of reading a drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every line is a record, perhaps after a repair, and each part is within the quotas.
    Valid(Accepted),
    /// There is at least one problem.
    Invalid {
        /// What is wrong: each kind of problem once, in the order of the file.
        problems: Vec<Problem>,
        /// Whether the reading stopped before the end, so that there may be more problems.
        stopped_early: bool,
    },
}

/// What is known of a valid drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// How it was repaired.
    pub repairs: Repairs,
    /// The records that are certain to fail at the model, if the validator [looks for all](Validator::with_warnings) and
    /// finds some.
    pub refusable: Option<Refusable>,
}

/// Reads one drop. Feed it chunks until the end or until it has seen enough, then ask for the verdict.
#[derive(Debug)]
pub struct Validator {
    splitter: RunSplitter,
    bytes: u64,
    start: FileStart,
    /// What the file is, if it is not JSON Lines.
    diagnosis: Option<Problem>,
    judge: LineJudge,
}

/// The reading stops, because there are enough problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enough;

impl Validator {
    /// Makes a validator for a drop that has not been read yet.
    #[must_use]
    pub fn new(drop_id: DropId, quotas: Quotas, max_record_bytes: usize) -> Self {
        let judge = LineJudge {
            hasher: drop_id.record_hasher(),
            drop_id,
            max_record_bytes,
            reader: InputReader::default(),
            is_repairing: false,
            repairs: Repairs::default(),
            ids: RecentIds::new(quotas.max_records),
            line_numbers: LineNumbers::new(quotas.max_records),
            cutter: Cutter::new(quotas),
            door: ModelDoor::default(),
            lines: 0,
            problems: Problems::default(),
        };
        let splitter = RunSplitter::new(max_record_bytes);
        Self { splitter, bytes: 0, start: FileStart::default(), diagnosis: None, judge }
    }

    /// Returns the same validator, but small parts are filled up with padding records, each of at most `line_bytes`
    /// bytes. `None` means that they are not.
    #[must_use]
    pub fn with_padding(mut self, line_bytes: Option<u64>) -> Self {
        self.judge.cutter = self.judge.cutter.with_padding(line_bytes);
        self
    }

    /// Returns the same validator, but a drop whose records are all certain to fail at the model is refused. `None` means
    /// that nothing is known about the model, or that the rules are off.
    #[must_use]
    pub fn with_rules(mut self, rules: Option<Rules>) -> Self {
        self.judge.door = ModelDoor::new(rules);
        self
    }

    /// Returns the same validator, but it goes on looking for records that are certain to fail at the model when it has
    /// found one that is not, among the first 1,000 and a spread over the rest.
    #[must_use]
    pub fn with_warnings(mut self) -> Self {
        self.judge.door = self.judge.door.thorough();
        self
    }

    /// Returns the same validator, but every record is examined for whether it is certain to fail at the model. That takes
    /// several times as long as everything else.
    #[must_use]
    pub fn with_every_record(mut self) -> Self {
        self.judge.door = self.judge.door.exhaustive();
        self
    }

    /// Returns the same validator, but lines that are almost records are [repaired](crate::record::repairing).
    #[must_use]
    pub fn with_repairs(mut self, is_repairing: bool) -> Self {
        self.judge.is_repairing = is_repairing;
        self.judge.reader = if is_repairing { InputReader::repairing() } else { InputReader::default() };
        self
    }

    /// Reads the next chunk.
    ///
    /// # Errors
    /// [`Enough`] after [`MAX_BAD_LINES`](crate::drop::problems::MAX_BAD_LINES) bad lines, or as many bytes of them as
    /// [`MAX_BAD_BYTES`](crate::drop::problems::MAX_BAD_BYTES), or once it is clear that the file is not JSON Lines. The rest of
    /// the drop need not be read.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Enough> {
        self.bytes += chunk.len() as u64;
        self.start.feed(chunk);
        self.splitter.feed(chunk, |run| self.judge.judge_run(run))?;
        if self.start.is_full() {
            self.diagnosis = self.judge.diagnose(&mut self.start, self.bytes);
        }
        if self.diagnosis.is_some() { Err(Enough) } else { Ok(()) }
    }

    /// Ends the reading before the end of the drop, and gives the verdict if it is certain: the drop is not valid. `None` if no
    /// problem was found so far.
    #[must_use]
    pub fn stop(self) -> Option<Verdict> {
        let Self { bytes, mut start, diagnosis, mut judge, .. } = self;
        if let Some(problem) = diagnosis.or_else(|| judge.diagnose(&mut start, bytes)) {
            return Some(Verdict::Invalid { problems: vec![problem], stopped_early: false });
        }
        if start.has_utf_8() {
            judge.problems.note_utf_8();
        }
        let problems = judge.problems.into_kinds();
        (!problems.is_empty()).then_some(Verdict::Invalid { problems, stopped_early: true })
    }

    /// Ends the reading and gives the verdict.
    #[must_use]
    pub fn finish(self) -> Verdict {
        let Self { splitter, bytes, mut start, diagnosis, mut judge } = self;
        let stopped_early = diagnosis.is_some()
            || judge.problems.are_enough()
            || splitter.finish(|run| judge.judge_run(run)).is_err();
        let of_file = if start.is_blank() && !stopped_early {
            Some(Problem::of_kind(&kinds::EMPTY_FILE))
        } else {
            diagnosis.or_else(|| judge.diagnose(&mut start, bytes))
        };
        if let Some(problem) = of_file {
            // It is about the whole file, so there is nothing more to say.
            return Verdict::Invalid { problems: vec![problem], stopped_early: false };
        }
        if start.has_utf_8() {
            judge.problems.note_utf_8();
        }
        let LineJudge { drop_id, cutter, repairs, problems, door, .. } = judge;
        let bad_lines = problems.bad_lines();
        let mut problems = problems.into_kinds();
        if !stopped_early {
            problems.extend(door.problem());
        }
        if problems.is_empty() {
            return match cutter.parts(&drop_id, bytes) {
                Ok(parts) => Verdict::Valid(Accepted { parts, repairs, refusable: door.refusable() }),
                Err(problem) => Verdict::Invalid { problems: vec![problem.into()], stopped_early },
            };
        }
        if !stopped_early {
            // Bad lines count as records here: a user who fixes them should not be told of a new problem.
            problems.extend(cutter.check_records(bad_lines).map(Problem::from));
        }
        Verdict::Invalid { problems, stopped_early }
    }
}

/// Judges line after line of a drop, and keeps what the verdict depends on.
#[derive(Debug)]
struct LineJudge {
    drop_id: DropId,
    hasher: RecordHasher,
    max_record_bytes: usize,
    reader: InputReader,
    is_repairing: bool,
    repairs: Repairs,
    /// The ids of the last records, which are numbered without the lines that have none.
    ids: RecentIds,
    line_numbers: LineNumbers,
    cutter: Cutter,
    door: ModelDoor,
    /// How many lines have been judged.
    lines: u64,
    problems: Problems,
}

/// A good line, except that its id may have been used before.
struct Candidate<'a> {
    key: RecordKey,
    record_id: &'a str,
    /// Where in the file the line starts.
    byte: u64,
    line: &'a [u8],
}

/// What is unusual about a good line.
#[derive(Default)]
struct Unusual {
    /// How many bytes a generated id adds in the job's input; `None` if the record has an id.
    generated_id_bytes: Option<u64>,
    /// How many bytes the repaired line has; `None` if it stays as it is.
    repaired_bytes: Option<usize>,
    /// Whether what ends the line is left out.
    has_carriage_return: bool,
}

impl LineJudge {
    /// Judges all lines of a run.
    fn judge_run(&mut self, run: Run<'_>) -> Result<(), Enough> {
        let Some(bytes) = run.bytes else { return self.judge_line(run.byte, None, None) };
        // UTF-8 is checked once for all lines. If one of them is bad, each line is judged by itself, which
        // finds it.
        let text = simdutf8::basic::from_utf8(bytes).ok();
        let mut batch = Vec::with_capacity(BATCH_RECORDS);
        let mut start = 0;
        while start < bytes.len() {
            let byte = run.byte + start as u64;
            let proven = text.and_then(|text| self.reader.prove(text, start));
            let end = match proven {
                Some(Proven { record_id: Some(record_id), end, .. })
                    if end - start <= self.max_record_bytes =>
                {
                    let line = bytes.get(start..end).unwrap_or_default();
                    self.door.look(self.lines + batch.len() as u64 + 1, line);
                    batch.push(Candidate { key: self.hasher.key_of(record_id), record_id, byte, line });
                    if batch.len() == BATCH_RECORDS {
                        self.add_batch(&mut batch)?;
                    }
                    end
                }
                proven => {
                    // Problems are reported in the order of the file.
                    self.add_batch(&mut batch)?;
                    let line = first_line(bytes.get(start..).unwrap_or_default());
                    self.judge_line(byte, Some(line), proven)?;
                    start + line.len()
                }
            };
            start = end + 1;
        }
        self.add_batch(&mut batch)
    }

    /// Judges the line that starts at `byte`. `line` is `None` if it is too long to be kept; `proven` is its
    /// record, if that is known.
    fn judge_line(
        &mut self,
        byte: u64,
        line: Option<&[u8]>,
        proven: Option<Proven<'_>>,
    ) -> Result<(), Enough> {
        let Some(line) = line.filter(|line| line.len() <= self.max_record_bytes) else {
            let what = RecordProblem::TooLong(self.max_record_bytes);
            return self.refuse(byte, None, &RecordError::new(0, what));
        };
        if self.is_repairing && proven.is_none() {
            return self.repair_line(byte, line);
        }
        match proven.map_or_else(|| self.reader.read(line), |proven| Ok(proven.into())) {
            Ok(record) => {
                self.door.look(self.lines + 1, line);
                self.add_record(byte, line, &record, Unusual::default())
            }
            Err(error) => self.refuse(byte, Some(line), &error),
        }
    }

    /// Judges a line that may be almost a record, or may consist of several lines.
    fn repair_line(&mut self, byte: u64, line: &[u8]) -> Result<(), Enough> {
        let mut reader = std::mem::take(&mut self.reader);
        let judged = repair_line(&mut reader, line, |found| self.judge_repaired(byte, found));
        self.reader = reader;
        judged
    }

    fn judge_repaired(&mut self, byte: u64, found: RepairedLine<'_>) -> Result<(), Enough> {
        let start = byte + found.bytes_start() as u64;
        let RepairedLine { mark_bytes, bytes, has_carriage_return, found, .. } = found;
        let number = self.lines + 1;
        if mark_bytes > 0 {
            RepairedLines::count(&mut self.repairs.byte_order_marks, number);
            self.cutter.skip(Gap { bytes: mark_bytes as u64, lines: 0 });
        }
        let record = match found {
            Ok(Some(record)) => record,
            Ok(None) => {
                RepairedLines::count(&mut self.repairs.blank_lines, number);
                self.lines += 1;
                self.line_numbers.skip(1);
                self.cutter.skip(Gap { bytes: bytes.len() as u64 + 1, lines: 1 });
                return Ok(());
            }
            Err(error) => return self.refuse(start, Some(bytes), &error),
        };
        self.door.look(number, bytes);
        if let Some(repair) = &record.repair {
            if repair.integer_id {
                RepairedLines::count(&mut self.repairs.integer_ids, number);
            }
            if repair.extra_members {
                RepairedLines::count(&mut self.repairs.extra_members, number);
            }
        }
        if has_carriage_return {
            RepairedLines::count(&mut self.repairs.carriage_returns, number);
        }
        let repaired_bytes = record.repair.as_ref().map(|repair| repair.bytes());
        let repaired_bytes = repaired_bytes.or(has_carriage_return.then_some(bytes.len()));
        let unusual = Unusual { repaired_bytes, has_carriage_return, ..Unusual::default() };
        let added = self.add_record(start, bytes, &record, unusual);
        if has_carriage_return {
            // A part does not end with it.
            self.cutter.skip(Gap { bytes: 1, lines: 0 });
        }
        added
    }

    /// Adds the record of the line that starts at `byte`.
    fn add_record(
        &mut self,
        byte: u64,
        line: &[u8],
        record: &InputRecord<'_>,
        unusual: Unusual,
    ) -> Result<(), Enough> {
        let generated = record.record_id.is_none().then(|| GeneratedId::new(&self.drop_id, self.lines + 1));
        let record_id = record.record_id.as_deref().or(generated.as_ref().map(GeneratedId::as_str));
        let record_id = record_id.unwrap_or_default();
        let unusual =
            Unusual { generated_id_bytes: generated.as_ref().map(GeneratedId::added_bytes), ..unusual };
        self.add(&Candidate { key: self.hasher.key_of(record_id), record_id, byte, line }, &unusual)
    }

    fn add_batch(&mut self, batch: &mut Vec<Candidate<'_>>) -> Result<(), Enough> {
        self.ids.warm_cache(batch.iter().map(|candidate| candidate.key));
        let usual = Unusual::default();
        batch.drain(..).try_for_each(|candidate| self.add(&candidate, &usual))
    }

    /// Adds a record to the drop, unless its id is already used.
    #[inline(always)]
    fn add(&mut self, candidate: &Candidate<'_>, unusual: &Unusual) -> Result<(), Enough> {
        let record = self.line_numbers.record_on(self.lines + 1);
        if let Some(earlier) = self.ids.add(candidate.key, record) {
            let line = self.line_numbers.line_of(earlier);
            let record_id = text::name(candidate.record_id).to_string();
            let what = RecordProblem::RecordIdRepeated { record_id, line };
            // A generated id has no place in the line.
            let offset = place_of_id(candidate.line).map_or(0, |id| id.start);
            return self.refuse(candidate.byte, Some(candidate.line), &RecordError::new(offset, what));
        }
        self.lines += 1;
        self.cutter.push(&Measured {
            key: candidate.key,
            bytes: candidate.line.len() as u64 + u64::from(!unusual.has_carriage_return),
            generated_id_bytes: unusual.generated_id_bytes,
            repaired_bytes: unusual.repaired_bytes.map(|bytes| bytes as u64 + 1),
        });
        Ok(())
    }

    /// Says what the file is, once its first line that is not blank has turned out not to be a record. `bytes` is how much of
    /// the file was read.
    fn diagnose(&self, start: &mut FileStart, bytes: u64) -> Option<Problem> {
        // A file on one line is not read to its end.
        let is_too_long =
            self.lines < start.first_line() && bytes - start.first_byte() > self.max_record_bytes as u64;
        let is_bad = is_too_long || self.problems.name_line(start.first_line());
        if is_bad { start.diagnose() } else { None }
    }

    /// Counts the line that starts at `byte` as bad. `line` is `None` if it is too long.
    #[cold]
    fn refuse(&mut self, byte: u64, line: Option<&[u8]>, error: &RecordError) -> Result<(), Enough> {
        self.lines += 1;
        self.problems.add(BadLine { number: self.lines, byte, bytes: line }, error);
        if self.problems.are_enough() { Err(Enough) } else { Ok(()) }
    }
}

/// Returns the first line of some bytes, without its `\n`.
fn first_line(bytes: &[u8]) -> &[u8] {
    let length = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    bytes.get(..length).unwrap_or_default()
}
