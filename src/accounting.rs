//! Every record ends in exactly one place, and the sum is checked. Pure.

use serde::{Deserialize, Serialize};

use crate::layout::{self, DropId, DropSource, JobId, ResultKind};
use crate::ledger::{JobEntry, JobState};
use crate::plan::Part;
use crate::record::{Answer, KeySum, OutputReader, RecordKey, RecordMap};

/// What one line of Bedrock's output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineVerdict {
    /// A record, and what Bedrock said to it.
    Answered(Answer),
    /// A record that the output already has; the first line counts.
    Repeated,
    /// No record, such as the cut last line of a stopped job. Its record, if any, was not processed.
    Unreadable,
}

/// What all of a job's output says.
#[derive(Debug, Default)]
pub struct Answers {
    reader: OutputReader,
    /// Of each line, in the order in which they were judged.
    verdicts: Vec<LineVerdict>,
    by_record: RecordMap<Answer>,
    ids: KeySum,
    repeated: u64,
}

impl Answers {
    /// No answers yet, and room for those to so many records.
    #[must_use]
    pub fn with_capacity(records: u64) -> Self {
        let records = usize::try_from(records).unwrap_or_default();
        let (verdicts, by_record) = (Vec::with_capacity(records), RecordMap::with_capacity(records));
        Self { verdicts, by_record, ..Self::default() }
    }

    /// Takes in one line, given without its `\n`.
    pub fn judge(&mut self, line: &[u8]) -> LineVerdict {
        let verdict = match self.reader.read(line) {
            None => LineVerdict::Unreadable,
            Some(record) => {
                let key = RecordKey::of(&record.record_id);
                if self.by_record.add(key, record.answer) {
                    self.ids.add(key);
                    LineVerdict::Answered(record.answer)
                } else {
                    self.repeated += 1;
                    LineVerdict::Repeated
                }
            }
        };
        self.verdicts.push(verdict);
        verdict
    }

    /// The verdicts on all lines, in the order in which they were judged.
    #[must_use]
    pub fn verdicts(&self) -> &[LineVerdict] {
        &self.verdicts
    }

    /// Whether the output has anything but successes. If not, the results are a copy of it.
    #[must_use]
    pub fn is_all_success(&self) -> bool {
        self.verdicts.iter().all(|verdict| *verdict == LineVerdict::Answered(Answer::Succeeded))
    }

    /// Whether the output has no record at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_record.count() == 0
    }

    /// Whether a record is still to be processed: it has no answer, or an error that may pass.
    #[must_use]
    pub fn leaves(&self, record_id: &str) -> bool {
        match self.by_record.get(RecordKey::of(record_id)) {
            Some(Answer::Succeeded | Answer::Failed) => false,
            Some(Answer::Retryable) | None => true,
        }
    }

    /// What the output says of the part's records, if it has exactly those: then the input need not be
    /// read again.
    #[must_use]
    pub fn match_whole(&self, part: &Part) -> Option<Matched> {
        if self.ids != part.ids || self.by_record.count() != part.records {
            return None;
        }
        let mut matched = Matched::default();
        for (key, answer) in self.by_record.iter() {
            matched.count(key, Some(*answer));
        }
        Some(matched)
    }

    /// Counts one record of the input by what the output says of it.
    pub fn match_record(&self, record_id: &str, matched: &mut Matched) {
        let key = RecordKey::of(record_id);
        matched.count(key, self.by_record.get(key).copied());
    }
}

/// What the output says of the records of a job's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matched {
    succeeded: u64,
    failed: u64,
    /// Those with an error that may pass.
    retryable: u64,
    /// Those without a line.
    missing: u64,
    /// The ids of the last two.
    rest: KeySum,
}

impl Matched {
    fn count(&mut self, key: RecordKey, answer: Option<Answer>) {
        match answer {
            Some(Answer::Succeeded) => self.succeeded += 1,
            Some(Answer::Failed) => self.failed += 1,
            Some(Answer::Retryable) => self.retryable += 1,
            None => self.missing += 1,
        }
        if matches!(answer, Some(Answer::Retryable) | None) {
            self.rest.add(key);
        }
    }

    fn rest(&self) -> u64 {
        self.retryable + self.missing
    }

    fn answered(&self) -> u64 {
        self.succeeded + self.failed + self.retryable
    }
}

/// When the rest of a job's records goes to a next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryLimits {
    /// How often a record is given to Bedrock.
    pub max_attempts: u32,
    /// How many records a job needs.
    pub min_records: u64,
}

/// The next attempt at the records that a job has left, if there is to be one. Not after a user has stopped
/// the job, not after one that failed before it had processed anything (it would fail again), and not for
/// too few records for a job.
#[must_use]
pub fn next_attempt(
    drop_id: &DropId,
    part: &Part,
    attempt: u32,
    matched: &Matched,
    status: &str,
    limits: RetryLimits,
) -> Option<Part> {
    let may_succeed = match status {
        "Completed" | "PartiallyCompleted" | "Expired" => true,
        "Failed" => matched.answered() > 0,
        _ => false,
    };
    let records = matched.rest();
    if !may_succeed || attempt >= limits.max_attempts || records < limits.min_records.max(1) {
        return None;
    }
    let job_id = JobId::derive(drop_id, part.number, attempt + 1);
    Some(Part { job_id, records, without_id: 0, ids: matched.rest, ..part.clone() })
}

/// Where the records of a job's input ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// In `succeeded/`.
    pub succeeded: u64,
    /// In `errors/`.
    pub failed: u64,
    /// In the next attempt.
    pub retried: u64,
    /// In `unprocessed/`.
    pub unprocessed: u64,
}

impl Counts {
    fn sum(self) -> u64 {
        self.succeeded + self.failed + self.retried + self.unprocessed
    }
}

/// `manifest.json.out`, as far as it is used. A job that failed may have none.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "AWS's names")]
pub struct Manifest {
    pub success_record_count: Option<u64>,
    pub error_record_count: Option<u64>,
    pub input_token_count: Option<u64>,
    pub output_token_count: Option<u64>,
}

/// What `GetModelInvocationJob` says of a job that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// The terminal status, as the API spells it.
    pub status: String,
    /// Bedrock's message, if it failed.
    pub message: Option<String>,
    /// The model that ran, as a full ARN.
    pub model_id: String,
    /// When it was submitted, in ISO 8601.
    pub submit_time: String,
    /// When it ended. For an expired job AWS gives a time that has nothing to do with its end.
    pub end_time: Option<String>,
    /// Records with an answer, once counted.
    pub success_record_count: Option<u64>,
    /// Records with an error, once counted.
    pub error_record_count: Option<u64>,
}

/// What became of a job's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The terminal status, as the API spells it.
    pub status: String,
    /// Bedrock's message, if it failed.
    pub message: Option<String>,
    /// The model that ran, as a full ARN.
    pub model_id: String,
    /// When it was submitted.
    pub submit_time: String,
    /// When it ended, as Bedrock says.
    pub end_time: Option<String>,
    /// Where the records ended.
    pub records: Counts,
    /// The attempt that the rest goes to, if there is one.
    pub next: Option<Part>,
    /// Tokens read, if Bedrock wrote a manifest.
    pub input_tokens: Option<u64>,
    /// Tokens written, if Bedrock wrote a manifest.
    pub output_tokens: Option<u64>,
    /// Where the figures do not agree. Empty, or somebody must look.
    pub mismatches: Vec<String>,
}

/// Draws up what became of a job, holding four figures against each other: the part as it was planned, the
/// lines of the output, Bedrock's manifest and Bedrock's own counts.
#[must_use]
pub fn outcome(
    part: &Part,
    answers: &Answers,
    matched: &Matched,
    next: Option<Part>,
    end: &JobEnd,
    manifest: Option<&Manifest>,
) -> Outcome {
    let (retried, unprocessed) = if next.is_some() { (matched.rest(), 0) } else { (0, matched.rest()) };
    let records = Counts { succeeded: matched.succeeded, failed: matched.failed, retried, unprocessed };
    let mut mismatches = Vec::new();
    if records.sum() != part.records {
        mismatches.push(format!("the part has {} records, its job's input {}", part.records, records.sum()));
    }
    let foreign = answers.by_record.count().saturating_sub(matched.answered());
    if foreign > 0 {
        mismatches.push(format!("the output has {foreign} records that the input does not have"));
    }
    if answers.repeated > 0 {
        mismatches.push(format!("the output has {} lines for records that it already has", answers.repeated));
    }
    let mut compare = |who: &str, what: &str, theirs: Option<u64>, ours: u64| {
        if let Some(theirs) = theirs {
            mismatches.push(format!("{who} counts {theirs} {what} records, the output has {ours}"));
        }
    };
    let errors = matched.failed + matched.retryable;
    let counted = [("success", matched.succeeded), ("error", errors)];
    let manifest_counts =
        manifest.map(|m| [m.success_record_count, m.error_record_count]).unwrap_or_default();
    // Bedrock's counters may lag by a minute, so only more than the output has is more than it should be.
    // <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-monitor.html>
    let job_counts = [end.success_record_count, end.error_record_count];
    for (((what, ours), manifest), job) in counted.into_iter().zip(manifest_counts).zip(job_counts) {
        compare("the manifest", what, manifest.filter(|theirs| *theirs != ours), ours);
        compare("GetModelInvocationJob", what, job.filter(|theirs| *theirs > ours), ours);
    }
    Outcome {
        status: end.status.clone(),
        message: end.message.clone(),
        model_id: end.model_id.clone(),
        submit_time: end.submit_time.clone(),
        end_time: end.end_time.clone(),
        records,
        next,
        input_tokens: manifest.and_then(|m| m.input_token_count),
        output_tokens: manifest.and_then(|m| m.output_token_count),
        mismatches,
    }
}

/// `summary.json`: what became of a drop. Written last; when it is there, all results are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Of this shape: 1.
    pub version: u32,
    /// The drop.
    pub drop_id: DropId,
    /// Where it is.
    pub source: DropSource,
    /// How many records it has, and where they ended.
    pub records: SummaryRecords,
    /// Whether all figures agree: the records' sum, the outputs, the manifests and Bedrock's counts.
    pub balanced: bool,
    /// Where they do not.
    pub mismatches: Vec<String>,
    /// Tokens read in all jobs that wrote a manifest.
    pub input_tokens: u64,
    /// Tokens written in all jobs that wrote a manifest.
    pub output_tokens: u64,
    /// The result files, relative to this one.
    pub files: Vec<String>,
    /// The jobs, by part and attempt.
    pub jobs: Vec<SummaryJob>,
}

/// A drop's records by where they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummaryRecords {
    /// What the drop has, counted when it was read.
    pub total: u64,
    /// In `succeeded/`.
    pub succeeded: u64,
    /// In `errors/`.
    pub failed: u64,
    /// In `unprocessed/`.
    pub unprocessed: u64,
}

/// One job in a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummaryJob {
    /// The part of the drop, counted from 1.
    pub part: u32,
    /// The attempt at it, counted from 1.
    pub attempt: u32,
    /// Our name for it.
    pub job_id: JobId,
    /// Bedrock's name for it.
    pub job_arn: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// Sums up a drop from all attempts at all its parts; `None` if one is not settled.
#[must_use]
pub fn summarize(
    drop_id: &DropId,
    source: &DropSource,
    parts: &[Part],
    jobs: &[JobEntry],
) -> Option<Summary> {
    let mut records = SummaryRecords {
        total: parts.iter().map(|part| part.records).sum(),
        succeeded: 0,
        failed: 0,
        unprocessed: 0,
    };
    let (mut input_tokens, mut output_tokens) = (0, 0);
    let mut mismatches = Vec::new();
    let mut files = Vec::new();
    let mut summary_jobs = Vec::new();
    for job in jobs {
        let JobState::Settled { job_arn, outcome, .. } = &job.state else { return None };
        let counts = outcome.records;
        records.succeeded += counts.succeeded;
        records.failed += counts.failed;
        records.unprocessed += counts.unprocessed;
        input_tokens += outcome.input_tokens.unwrap_or_default();
        output_tokens += outcome.output_tokens.unwrap_or_default();
        mismatches.extend(outcome.mismatches.iter().map(|what| format!("job {}: {what}", job.job_id)));
        let by_kind = [
            (ResultKind::Succeeded, counts.succeeded),
            (ResultKind::Errors, counts.failed),
            (ResultKind::Unprocessed, counts.unprocessed),
        ];
        for (kind, count) in by_kind {
            if count > 0 {
                files.push(layout::result_name(kind, job.part.number, job.attempt));
            }
        }
        summary_jobs.push(SummaryJob {
            part: job.part.number,
            attempt: job.attempt,
            job_id: job.job_id.clone(),
            job_arn: job_arn.clone(),
            outcome: outcome.clone(),
        });
    }
    let sum = records.succeeded + records.failed + records.unprocessed;
    if sum != records.total {
        mismatches.push(format!("the drop has {} records, its results {sum}", records.total));
    }
    Some(Summary {
        version: 1,
        drop_id: drop_id.clone(),
        source: source.clone(),
        records,
        balanced: mismatches.is_empty(),
        mismatches,
        input_tokens,
        output_tokens,
        files,
        jobs: summary_jobs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 4] = ["a", "b", "c", "d"];

    fn drop_id() -> DropId {
        DropId::derive(&DropSource::example())
    }

    /// A part with the records a, b, c and d.
    fn part() -> Part {
        let mut ids = KeySum::default();
        IDS.iter().for_each(|id| ids.add(RecordKey::of(id)));
        Part {
            number: 1,
            job_id: JobId::derive(&drop_id(), 1, 1),
            bytes: 0..1,
            first_line: 1,
            records: 4,
            without_id: 0,
            ids,
        }
    }

    fn answers(lines: &[(&str, &str)]) -> Answers {
        let mut answers = Answers::default();
        for (id, rest) in lines {
            answers.judge(format!(r#"{{"recordId":"{id}",{rest}}}"#).as_bytes());
        }
        answers
    }

    const GOOD: &str = r#""modelOutput":{}"#;
    const BAD: &str = r#""error":{"errorCode":400}"#;
    const BUSY: &str = r#""error":{"errorCode":503}"#;

    fn matched(answers: &Answers) -> Matched {
        let mut matched = Matched::default();
        IDS.iter().for_each(|id| answers.match_record(id, &mut matched));
        matched
    }

    fn end(success: Option<u64>, error: Option<u64>) -> JobEnd {
        JobEnd {
            status: "Completed".into(),
            message: None,
            model_id: "m".into(),
            submit_time: "t".into(),
            end_time: None,
            success_record_count: success,
            error_record_count: error,
        }
    }

    fn manifest(success: u64, error: u64) -> Manifest {
        Manifest {
            success_record_count: Some(success),
            error_record_count: Some(error),
            input_token_count: Some(1),
            output_token_count: Some(2),
        }
    }

    #[test]
    fn whole_output_is_matched_without_the_input_and_to_the_same_counts() {
        let whole = answers(&[("b", GOOD), ("a", BAD), ("d", BUSY), ("c", GOOD)]);
        assert_eq!(whole.match_whole(&part()), Some(matched(&whole)));
        let counts = Matched { succeeded: 2, failed: 1, retryable: 1, ..Matched::default() };
        assert_eq!(Matched { rest: KeySum::default(), ..matched(&whole) }, counts);
        for other in [
            answers(&[("b", GOOD), ("a", GOOD), ("c", GOOD)]),
            answers(&[("b", GOOD), ("a", GOOD), ("c", GOOD), ("x", GOOD)]),
            answers(&[("a", GOOD), ("b", GOOD), ("c", GOOD), ("d", GOOD), ("x", GOOD)]),
        ] {
            assert_eq!(other.match_whole(&part()), None);
        }
    }

    #[test]
    fn every_figure_that_disagrees_is_named() {
        let all = [("a", GOOD), ("b", GOOD), ("c", GOOD), ("d", BAD)];
        let all_and = |more| [all.as_slice(), &[more]].concat();
        type Row<'a> = (Vec<(&'a str, &'a str)>, JobEnd, Option<Manifest>, Vec<&'a str>);
        let table: Vec<Row<'_>> = vec![
            (all.to_vec(), end(Some(3), Some(1)), Some(manifest(3, 1)), vec![]),
            (all.to_vec(), end(None, None), None, vec![]),
            // Bedrock's counters may lag.
            (all.to_vec(), end(Some(2), Some(0)), Some(manifest(3, 1)), vec![]),
            (
                all.to_vec(),
                end(Some(4), Some(1)),
                None,
                vec!["GetModelInvocationJob counts 4 success records, the output has 3"],
            ),
            (
                all.to_vec(),
                end(Some(3), Some(1)),
                Some(manifest(2, 2)),
                vec![
                    "the manifest counts 2 success records, the output has 3",
                    "the manifest counts 2 error records, the output has 1",
                ],
            ),
            (
                all_and(("x", GOOD)),
                end(None, None),
                None,
                vec!["the output has 1 records that the input does not have"],
            ),
            (
                all_and(("a", BAD)),
                end(None, None),
                None,
                vec!["the output has 1 lines for records that it already has"],
            ),
        ];
        for (lines, end, manifest, expected) in table {
            let answers = answers(&lines);
            let outcome = outcome(&part(), &answers, &matched(&answers), None, &end, manifest.as_ref());
            assert_eq!(outcome.mismatches, expected);
            assert_eq!(outcome.records, Counts { succeeded: 3, failed: 1, retried: 0, unprocessed: 0 });
        }
        let answers = answers(&all);
        let five = Part { records: 5, ..part() };
        let outcome = outcome(&five, &answers, &matched(&answers), None, &end(None, None), None);
        assert_eq!(outcome.mismatches, ["the part has 5 records, its job's input 4"]);
    }

    #[test]
    fn first_line_of_a_record_counts() {
        let mut answers = Answers::default();
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
    fn next_attempt_takes_what_may_succeed() {
        let rest = matched(&answers(&[("a", GOOD), ("b", BUSY)]));
        let none_answered = matched(&Answers::default());
        let limits = |max_attempts, min_records| RetryLimits { max_attempts, min_records };
        let next = |attempt, matched: &Matched, status, limits| {
            next_attempt(&drop_id(), &part(), attempt, matched, status, limits).map(|part| part.records)
        };
        for status in ["Completed", "PartiallyCompleted", "Expired", "Failed"] {
            assert_eq!(next(1, &rest, status, limits(2, 3)), Some(3), "{status}");
        }
        assert_eq!(next(1, &rest, "Stopped", limits(2, 3)), None);
        assert_eq!(next(2, &rest, "Expired", limits(2, 3)), None);
        assert_eq!(next(1, &rest, "Expired", limits(2, 4)), None);
        assert_eq!(next(1, &none_answered, "Expired", limits(2, 3)), Some(4));
        assert_eq!(next(1, &none_answered, "Failed", limits(2, 3)), None);
        let all = matched(&answers(&[("a", GOOD), ("b", GOOD), ("c", GOOD), ("d", BAD)]));
        assert_eq!(next(1, &all, "Completed", limits(2, 0)), None);
    }
}
