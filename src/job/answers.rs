//! What the lines of a job's output say about its records. Pure.

use crate::drop::identity::JobId;
use crate::drop::padding::padding_number;
use crate::drop::plan::Part;
use crate::job::findings::{Findings, FindingsCollector};
use crate::record::key::{KeySum, RecordHasher, RecordKey, RecordMap};
use crate::record::output::OutputReader;
use crate::record::parsed::{Answer, OutputRecord};

/// What one line of Bedrock's output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineVerdict {
    /// The line is for a record, and says this about it.
    Answered(Answer),
    /// The line is for a record that already has a line. The first line counts. But if it has an error that may pass,
    /// the first line that does not counts instead, and is `Answered`, too.
    Repeated,
    /// The line is the first one for a record of the job's padding. It goes into no result file.
    Padding,
    /// The line is not a record. The last line of a stopped job may be cut off, for example.
    Unreadable,
}

/// What all of a job's output says.
#[derive(Debug)]
pub struct Answers {
    hasher: RecordHasher,
    reader: OutputReader,
    /// The verdicts on all lines, in the order in which they were judged.
    verdicts: Vec<LineVerdict>,
    by_record: RecordMap<Answer>,
    ids: KeySum,
    repeated: u64,
    unreadable: u64,
    findings: FindingsCollector,
    /// `None` if the job has no padding.
    padding: Option<Padding>,
}

/// What the output says about the padding of a job.
#[derive(Debug)]
struct Padding {
    job_id: JobId,
    /// For each record, whether the output has a line for it.
    seen: Vec<bool>,
    counts: PaddingCounts,
}

impl Padding {
    /// Counts a line if it is for a padding record; `None` if it is for another record.
    fn judge(&mut self, record_id: &str, answer: Answer) -> Option<LineVerdict> {
        let index = padding_number(&self.job_id, record_id)? - 1;
        let seen = self.seen.get_mut(usize::try_from(index).ok()?)?;
        if std::mem::replace(seen, true) {
            return Some(LineVerdict::Repeated);
        }
        match answer {
            Answer::Succeeded => self.counts.succeeded += 1,
            Answer::Failed | Answer::Retryable => self.counts.failed += 1,
        }
        Some(LineVerdict::Padding)
    }
}

/// How many padding records a job has, and what the output says about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaddingCounts {
    /// In the job's input.
    pub records: u64,
    /// With an answer.
    pub succeeded: u64,
    /// With an error.
    pub failed: u64,
}

impl PaddingCounts {
    /// Returns how many padding records have a line in the output.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// Returns how many padding records do not have a line in the output.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.records.saturating_sub(self.answered())
    }
}

impl Answers {
    /// Makes an empty set of answers with room for `records` records of the drop that the hasher belongs to.
    #[must_use]
    pub fn with_capacity(hasher: RecordHasher, records: u64) -> Self {
        let records = usize::try_from(records).unwrap_or_default();
        Self {
            hasher,
            reader: OutputReader::default(),
            verdicts: Vec::with_capacity(records),
            by_record: RecordMap::with_capacity(records),
            ids: KeySum::default(),
            repeated: 0,
            unreadable: 0,
            findings: FindingsCollector::default(),
            padding: None,
        }
    }

    /// Returns the same for a job whose input also has this many padding records.
    #[must_use]
    pub fn with_padding(mut self, job_id: &JobId, records: u64) -> Self {
        let lines = usize::try_from(records).unwrap_or_default();
        self.verdicts.reserve(lines);
        let counts = PaddingCounts { records, ..PaddingCounts::default() };
        let seen = vec![false; lines];
        let padding = (records > 0).then(|| Padding { job_id: job_id.clone(), seen, counts });
        Self { padding, ..self }
    }

    /// Judges the next line, which is given without its `\n`.
    pub fn judge(&mut self, line: &[u8]) -> LineVerdict {
        let verdict = match self.reader.read(line) {
            None => LineVerdict::Unreadable,
            Some(record) => {
                let OutputRecord { record_id, answer, .. } = &record;
                match self.padding.as_mut().and_then(|padding| padding.judge(record_id, *answer)) {
                    Some(LineVerdict::Repeated) => self.repeat(),
                    Some(verdict) => verdict,
                    None => {
                        let verdict = self.judge_record(self.hasher.key_of(record_id), *answer);
                        if verdict == LineVerdict::Answered(*answer) {
                            self.findings.add(record);
                        }
                        verdict
                    }
                }
            }
        };
        // A blank line cannot be a lost answer.
        if verdict == LineVerdict::Unreadable && !line.trim_ascii().is_empty() {
            self.unreadable += 1;
        }
        self.verdicts.push(verdict);
        verdict
    }

    fn judge_record(&mut self, key: RecordKey, answer: Answer) -> LineVerdict {
        if self.by_record.add(key, answer) {
            self.ids.add(key);
            return LineVerdict::Answered(answer);
        }
        let repeated = self.repeat();
        // An error that may pass is not final, and goes into neither result file. A final answer takes its place.
        if answer != Answer::Retryable && self.by_record.get(key) == Some(&Answer::Retryable) {
            self.by_record.replace(key, answer);
            return LineVerdict::Answered(answer);
        }
        repeated
    }

    fn repeat(&mut self) -> LineVerdict {
        self.repeated += 1;
        LineVerdict::Repeated
    }

    /// Stops counting the last line of a file as unreadable, given how many lines were unreadable before it. The line
    /// has no `\n`, so the file was cut off in the middle of it. That does not make the rest of the output doubtful.
    pub fn forgive_cut_line(&mut self, unreadable_before: u64) {
        self.unreadable = self.unreadable.min(unreadable_before);
    }

    /// Returns how many records the output has, without padding.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.by_record.count()
    }

    /// Returns how many lines are for records that the output already has.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Returns how many lines were unreadable.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Returns which answers are of no use, and which errors there are.
    #[must_use]
    pub fn findings(&self) -> Findings {
        self.findings.findings()
    }

    /// Returns how many padding records the job has, and what the output says about them.
    #[must_use]
    pub fn padding(&self) -> PaddingCounts {
        self.padding.as_ref().map(|padding| padding.counts).unwrap_or_default()
    }

    /// Returns whether a record of the job's input is padding.
    #[must_use]
    pub fn is_padding(&self, record_id: &str) -> bool {
        let is_of = |padding: &Padding| padding_number(&padding.job_id, record_id).is_some();
        self.padding.as_ref().is_some_and(is_of)
    }

    /// Returns the verdicts on all lines, in the order in which they were judged.
    #[must_use]
    pub fn verdicts(&self) -> &[LineVerdict] {
        &self.verdicts
    }

    /// Returns whether every line of the output is a success. Then the result file is a copy of the output.
    #[must_use]
    pub fn is_all_success(&self) -> bool {
        self.verdicts.iter().all(|verdict| *verdict == LineVerdict::Answered(Answer::Succeeded))
    }

    /// Returns whether the output has no records but padding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_record.count() == 0
    }

    /// Returns whether a record remains to be processed: it has no answer, or an error that may pass.
    #[must_use]
    pub fn leaves(&self, record_id: &str) -> bool {
        match self.by_record.get(self.hasher.key_of(record_id)) {
            Some(Answer::Succeeded | Answer::Failed) => false,
            Some(Answer::Retryable) | None => true,
        }
    }

    /// Counts the part's records by what the output says about them, without reading the input again. Returns `None` if
    /// the output does not have exactly these records.
    #[must_use]
    pub fn match_whole(&self, part: &Part) -> Option<Matched> {
        if self.ids != part.id_sum || self.by_record.count() != part.records {
            return None;
        }
        let mut matched = Matched::default();
        for (key, answer) in self.by_record.iter() {
            matched.count(key, Some(*answer));
        }
        Some(matched)
    }

    /// Counts one record of the input by what the output says about it.
    pub fn match_record(&self, record_id: &str, matched: &mut Matched) {
        let key = self.hasher.key_of(record_id);
        matched.count(key, self.by_record.get(key).copied());
    }
}

/// What the output says about the records of a job's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matched {
    /// The records with an answer.
    pub succeeded: u64,
    /// The records that Bedrock refused for good.
    pub failed: u64,
    /// The records with an error that may pass.
    pub retryable: u64,
    /// The records without a line.
    pub missing: u64,
    /// The ids of the records that remain to be processed: `retryable` and `missing`.
    pub remaining_ids: KeySum,
}

impl Matched {
    /// Counts all records of a part as missing: its job has no output.
    #[must_use]
    pub fn unanswered(part: &Part) -> Self {
        Self { missing: part.records, remaining_ids: part.id_sum, ..Self::default() }
    }

    /// Returns how many records remain to be processed.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.retryable + self.missing
    }

    /// Returns how many records have a line in the output.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.succeeded + self.failed + self.retryable
    }

    /// Returns how many records the input has.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.answered() + self.missing
    }

    fn count(&mut self, key: RecordKey, answer: Option<Answer>) {
        match answer {
            Some(Answer::Succeeded) => self.succeeded += 1,
            Some(Answer::Failed) => self.failed += 1,
            Some(Answer::Retryable) => self.retryable += 1,
            None => self.missing += 1,
        }
        if matches!(answer, Some(Answer::Retryable) | None) {
            self.remaining_ids.add(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::padding::padding_id;
    use crate::job::example::*;
    use crate::job::findings::Lines;

    #[test]
    fn whole_output_gives_the_same_counts_without_the_input() {
        let whole = answers(&[("b", GOOD), ("a", BAD), ("d", BUSY), ("c", GOOD)]);
        assert_eq!(whole.match_whole(&part()), Some(matched(&whole)));
        let counts = Matched { succeeded: 2, failed: 1, retryable: 1, ..Matched::default() };
        assert_eq!(Matched { remaining_ids: KeySum::default(), ..matched(&whole) }, counts);
        for other in [
            answers(&[("b", GOOD), ("a", GOOD), ("c", GOOD)]),
            answers(&[("b", GOOD), ("a", GOOD), ("c", GOOD), ("x", GOOD)]),
            answers(&[("a", GOOD), ("b", GOOD), ("c", GOOD), ("d", GOOD), ("x", GOOD)]),
        ] {
            assert_eq!(other.match_whole(&part()), None);
        }
    }

    #[test]
    fn cut_last_line_and_blank_lines_contradict_nothing() {
        let mut answers = answers(&[]);
        answers.judge(br#"{"recordId":"a","modelOutput":{}}"#);
        answers.judge(b" \r");
        answers.judge(b"");
        let before = answers.unreadable();
        answers.judge(br#"{"recordId":"b","modelOut"#);
        assert_eq!((before, answers.unreadable()), (0, 1));
        answers.forgive_cut_line(before);
        assert_eq!(answers.unreadable(), 0);
    }

    #[test]
    fn final_answer_replaces_an_error_that_may_pass() {
        let twice = answers(&[("a", BUSY), ("a", GOOD), ("a", BAD), ("b", BUSY), ("b", BUSY), ("c", GOOD)]);
        let (answered, repeated) = (LineVerdict::Answered, LineVerdict::Repeated);
        assert_eq!(
            twice.verdicts(),
            [
                answered(Answer::Retryable),
                answered(Answer::Succeeded),
                repeated,
                answered(Answer::Retryable),
                repeated,
                answered(Answer::Succeeded),
            ]
        );
        assert!(!twice.leaves("a") && twice.leaves("b"));
    }

    #[test]
    fn first_line_of_a_record_counts() {
        let mut answers = answers(&[]);
        for line in [
            r#"{"recordId":"a","modelOutput":{}}"#,
            r#"{"recordId":"a","error":{"errorCode":400}}"#,
            r#"{"recordId":"b","#,
        ] {
            answers.judge(line.as_bytes());
        }
        let verdicts =
            [LineVerdict::Answered(Answer::Succeeded), LineVerdict::Repeated, LineVerdict::Unreadable];
        assert_eq!(answers.verdicts(), verdicts);
        assert!(!answers.leaves("a") && answers.leaves("b") && !answers.is_all_success());
    }

    #[test]
    fn output_of_nothing_but_successes_is_all_success() {
        assert!(answers(&[("a", GOOD), ("b", GOOD)]).is_all_success());
        assert!(!answers(&[("a", GOOD), ("b", BAD)]).is_all_success());
    }

    #[test]
    fn answers_that_count_are_looked_into_and_repeated_ones_are_not() {
        let cut_off = r#""modelOutput":{"stop_reason":"max_tokens"}"#;
        let lines = [("a", cut_off), ("d", cut_off), ("b", GOOD), ("b", cut_off), ("c", BAD), ("c", BAD)];
        let findings = answers(&lines).findings();
        assert_eq!(findings.truncated, Lines { count: 2, first: vec![1, 2] });
        assert_eq!(findings.largest_errors.iter().map(|group| group.count).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn all_records_of_a_part_without_output_are_missing() {
        let (part, unanswered) = (part(), Matched::unanswered(&part()));
        assert_eq!((unanswered.missing, unanswered.answered()), (part.records, 0));
        assert_eq!((unanswered.remaining(), unanswered.remaining_ids), (part.records, part.id_sum));
    }

    #[test]
    fn padding_is_counted_apart_and_only_by_its_own_ids() {
        let job_id = part().job_id;
        let id = |number: u64| padding_id(&job_id, number);
        let mut answers = answers(&[]).with_padding(&job_id, 3);
        let mut judge =
            |id: &str, rest: &str| answers.judge(format!(r#"{{"recordId":"{id}",{rest}}}"#).as_bytes());
        assert_eq!(judge("a", GOOD), LineVerdict::Answered(Answer::Succeeded));
        for (number, rest) in [(1, GOOD), (2, BUSY)] {
            assert_eq!(judge(&id(number), rest), LineVerdict::Padding);
        }
        // A final answer for padding changes nothing: nobody waits for it.
        assert_eq!(judge(&id(2), GOOD), LineVerdict::Repeated);
        assert_eq!(judge(&id(1), GOOD), LineVerdict::Repeated);
        // The job has no such padding, so these are foreign records.
        let another = JobId::derive(&drop_id(), 1, 2);
        for foreign in [id(4), id(0), padding_id(&another, 1)] {
            assert_eq!(judge(&foreign, GOOD), LineVerdict::Answered(Answer::Succeeded), "{foreign}");
        }
        assert_eq!(answers.padding(), PaddingCounts { records: 3, succeeded: 1, failed: 1 });
        assert_eq!((answers.padding().answered(), answers.padding().missing()), (2, 1));
        assert_eq!((answers.records(), answers.repeated()), (4, 2));
        assert!(answers.is_padding(&id(3)) && !answers.is_padding("a") && !answers.is_all_success());
    }

    #[test]
    fn output_of_padding_alone_has_no_records() {
        let job_id = part().job_id;
        let only = [(padding_id(&job_id, 1), GOOD)];
        let mut padded = answers(&[]).with_padding(&job_id, 1);
        only.iter().for_each(|(id, rest)| {
            padded.judge(format!(r#"{{"recordId":"{id}",{rest}}}"#).as_bytes());
        });
        assert!(padded.is_empty() && !padded.is_all_success());
        // Without padding, an id that looks like padding is an id like any other.
        let mut other = Answers::with_capacity(drop_id().record_hasher(), 1);
        other.judge(format!(r#"{{"recordId":"{}",{GOOD}}}"#, padding_id(&job_id, 1)).as_bytes());
        assert!(!other.is_empty() && !other.is_padding(&padding_id(&job_id, 1)));
        assert!(!answers(&[]).with_padding(&job_id, 0).is_padding(&padding_id(&job_id, 1)));
    }
}
