//! Every record ends in exactly one place, and the sum is checked. Pure.

use serde::{Deserialize, Serialize};

use crate::layout::{self, DropId, DropSource, JobId, ResultKind};
use crate::ledger::{JobEntry, JobState};
use crate::plan::Part;
use crate::record::{Answer, KeySum, OutputReader, RecordKey, RecordMap};
use crate::timestamp::Timestamp;

/// What one line of Bedrock's output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineVerdict {
    /// A record, and what Bedrock said to it.
    Answered(Answer),
    /// A record that the output already has. The first line counts, unless it has an error that may pass.
    Repeated,
    /// No record, such as the cut last line of a stopped job.
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
    unreadable: u64,
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
            Some(record) => self.judge_record(RecordKey::of(&record.record_id), record.answer),
        };
        // A blank line says nothing, so it cannot be an answer that was lost.
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
        self.repeated += 1;
        // An error that may pass was no last word, and is in no result file: what came of the record counts.
        if answer != Answer::Retryable && self.by_record.get(key) == Some(&Answer::Retryable) {
            self.by_record.replace(key, answer);
            return LineVerdict::Answered(answer);
        }
        LineVerdict::Repeated
    }

    /// Takes back that the last line counts as unreadable: it has no `\n`, so its file was cut in the middle of it,
    /// which says nothing against the rest.
    pub fn forgive_cut_line(&mut self, unreadable_before: u64) {
        self.unreadable = self.unreadable.min(unreadable_before);
    }

    /// How many lines were unreadable.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable
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

/// The status, none of Bedrock's, of a job that was never made because a job of another request has its name.
pub const NAME_IN_USE: &str = "NameInUse";

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
        "Completed" | "PartiallyCompleted" | "Expired" | NAME_IN_USE => true,
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

/// `manifest.json.out`, as far as it is used. A job that failed may have none.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "AWS's names")]
pub struct Manifest {
    pub total_record_count: Option<u64>,
    pub processed_record_count: Option<u64>,
    pub success_record_count: Option<u64>,
    pub error_record_count: Option<u64>,
    pub input_token_count: Option<u64>,
    pub output_token_count: Option<u64>,
}

impl Manifest {
    /// Reads a manifest. A member that is not a count is left out; anything but a JSON object has none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let manifest: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
        let count = |name| manifest.get(name).and_then(serde_json::Value::as_u64);
        Self {
            total_record_count: count("totalRecordCount"),
            processed_record_count: count("processedRecordCount"),
            success_record_count: count("successRecordCount"),
            error_record_count: count("errorRecordCount"),
            input_token_count: count("inputTokenCount"),
            output_token_count: count("outputTokenCount"),
        }
    }
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
    /// Records of the job, once counted.
    pub total_record_count: Option<u64>,
    /// Records with an answer or an error, once counted.
    pub processed_record_count: Option<u64>,
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

/// What the figures about a job say against each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Where figures that must agree do not. Empty, or somebody must look.
    pub mismatches: Vec<String>,
    /// Those of them by which more of the records may have been processed than the output shows.
    pub contradictions: Vec<String>,
}

/// Compares what is known about a job that is over: the part as it was planned, the lines of the output, Bedrock's
/// manifest, its counters and its status. Figures that are missing contradict nothing.
#[must_use]
pub fn evidence(
    part: &Part,
    answers: &Answers,
    matched: &Matched,
    end: &JobEnd,
    manifest: Option<&Manifest>,
) -> Evidence {
    let mut evidence = Evidence::default();
    let records = matched.answered() + matched.missing;
    if records != part.records {
        let planned = part.records;
        evidence.mismatches.push(format!("the part has {planned} records, its job's input {records}"));
    }
    if answers.repeated > 0 {
        let repeated = answers.repeated;
        let what = format!("the output has {repeated} lines for records that it already has");
        evidence.mismatches.push(what);
    }
    let foreign = answers.by_record.count().saturating_sub(matched.answered());
    if foreign > 0 {
        evidence.contradict(format!("the output has {foreign} records that the input does not have"));
    }
    if answers.unreadable > 0 {
        evidence.contradict(format!("the output has {} lines that cannot be read", answers.unreadable));
    }
    if end.status == "Completed" && matched.missing > 0 {
        let missing = matched.missing;
        evidence.contradict(format!("the job is Completed, and the output lacks {missing} of its records"));
    }
    let errors = matched.failed + matched.retryable;
    let counted = [records, matched.answered(), matched.succeeded, errors];
    let manifest = manifest.copied().unwrap_or_default();
    let counts = [
        ("total", manifest.total_record_count, end.total_record_count),
        ("processed", manifest.processed_record_count, end.processed_record_count),
        ("success", manifest.success_record_count, end.success_record_count),
        ("error", manifest.error_record_count, end.error_record_count),
    ];
    for ((what, manifest, counter), ours) in counts.into_iter().zip(counted) {
        // Bedrock's counters may lag by a minute, and are 0 before: only more than there is contradicts.
        // <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-monitor.html>
        for (who, theirs, may_lag) in
            [("the manifest", manifest, false), ("GetModelInvocationJob", counter, true)]
        {
            let Some(theirs) = theirs else { continue };
            let text = format!("{who} counts {theirs} {what} records, the output has {ours}");
            if theirs > ours {
                evidence.contradict(text);
            } else if theirs < ours && !may_lag && what != "total" {
                evidence.mismatches.push(text);
            }
        }
    }
    evidence
}

impl Evidence {
    fn contradict(&mut self, what: String) {
        self.mismatches.push(what.clone());
        self.contradictions.push(what);
    }

    /// Whether it cannot be told which of the records were processed: then nothing may be done about the rest. If
    /// all of them have a last word, there is no rest.
    #[must_use]
    pub fn is_doubtful(&self, matched: &Matched) -> bool {
        matched.rest() > 0 && !self.contradictions.is_empty()
    }
}

/// Draws up what became of a job.
#[must_use]
pub fn outcome(
    matched: &Matched,
    next: Option<Part>,
    end: &JobEnd,
    manifest: Option<&Manifest>,
    evidence: Evidence,
) -> Outcome {
    let (retried, unprocessed) = if next.is_some() { (matched.rest(), 0) } else { (0, matched.rest()) };
    Outcome {
        status: end.status.clone(),
        message: end.message.clone(),
        model_id: end.model_id.clone(),
        submit_time: end.submit_time.clone(),
        end_time: end.end_time.clone(),
        records: Counts { succeeded: matched.succeeded, failed: matched.failed, retried, unprocessed },
        next,
        input_tokens: manifest.and_then(|m| m.input_token_count),
        output_tokens: manifest.and_then(|m| m.output_token_count),
        mismatches: evidence.mismatches,
    }
}

/// What becomes of a job that was never made because a job of another request, with this ARN, has its name: all its
/// records go to the next attempt, which has another name, if there is to be one.
#[must_use]
pub fn outcome_of_name_in_use(
    drop_id: &DropId,
    part: &Part,
    attempt: u32,
    model_id: &str,
    foreign_arn: &str,
    now: Timestamp,
    limits: RetryLimits,
) -> Outcome {
    let matched = Matched { missing: part.records, rest: part.ids, ..Matched::default() };
    let next = next_attempt(drop_id, part, attempt, &matched, NAME_IN_USE, limits);
    let end = JobEnd {
        status: NAME_IN_USE.to_owned(),
        message: Some(format!("{foreign_arn} has the name of this job, but was not made by this pipeline")),
        model_id: model_id.to_owned(),
        submit_time: now.to_string(),
        end_time: Some(now.to_string()),
        total_record_count: None,
        processed_record_count: None,
        success_record_count: None,
        error_record_count: None,
    };
    outcome(&matched, next, &end, None, Evidence::default())
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
    /// In parts of which no job could be made, because this version of the file was deleted before.
    pub source_deleted: u64,
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
        source_deleted: 0,
    };
    let (mut input_tokens, mut output_tokens) = (0, 0);
    let mut mismatches = Vec::new();
    let mut files = Vec::new();
    let mut summary_jobs = Vec::new();
    for job in jobs {
        let (job_arn, outcome) = match &job.state {
            JobState::Settled { job_arn, outcome, .. } => (job_arn, outcome),
            JobState::SourceDeleted => {
                records.source_deleted += job.part.records;
                continue;
            }
            JobState::Waiting
            | JobState::Submitting { .. }
            | JobState::Submitted { .. }
            | JobState::Doubtful { .. }
            | JobState::Ended { .. } => return None,
        };
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
    let sum = records.succeeded + records.failed + records.unprocessed + records.source_deleted;
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
            total_record_count: Some(4),
            processed_record_count: None,
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
            ..Manifest::default()
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
            let matched = matched(&answers);
            let evidence = evidence(&part(), &answers, &matched, &end, manifest.as_ref());
            assert_eq!(evidence.mismatches, expected);
            // All records have a last word, so whatever else is wrong, nothing is left to be decided.
            assert!(!evidence.is_doubtful(&matched));
            let outcome = outcome(&matched, None, &end, manifest.as_ref(), evidence);
            assert_eq!(outcome.mismatches, expected);
            assert_eq!(outcome.records, Counts { succeeded: 3, failed: 1, retried: 0, unprocessed: 0 });
        }
        let answers = answers(&all);
        let five = Part { records: 5, ..part() };
        let evidence = evidence(&five, &answers, &matched(&answers), &end(None, None), None);
        assert_eq!(evidence.mismatches, ["the part has 5 records, its job's input 4"]);
    }

    #[test]
    fn only_evidence_that_more_was_processed_makes_a_job_doubtful() {
        let three = [("a", GOOD), ("b", GOOD), ("c", BAD)];
        let counted = |total, processed, success, error| JobEnd {
            total_record_count: total,
            processed_record_count: processed,
            ..end(success, error)
        };
        let agrees = counted(Some(4), Some(3), Some(2), Some(1));
        let partly = |end| JobEnd { status: "PartiallyCompleted".into(), ..end };
        let manifest_of = |text: &str| Some(Manifest::parse(text.as_bytes()));
        type Row<'a> = (Vec<(&'a str, &'a str)>, JobEnd, Option<Manifest>, Option<&'a str>);
        let table: Vec<Row<'_>> = vec![
            (three.to_vec(), partly(agrees.clone()), None, None),
            // Nothing is known, counters lag, or the manifest is none or lacks members.
            (three.to_vec(), partly(counted(None, None, None, None)), None, None),
            (three.to_vec(), partly(counted(Some(0), Some(0), Some(0), Some(0))), None, None),
            (three.to_vec(), partly(agrees.clone()), manifest_of("not JSON"), None),
            (three.to_vec(), partly(agrees.clone()), manifest_of(r#"{"successRecordCount": null}"#), None),
            (
                three.to_vec(),
                partly(agrees.clone()),
                manifest_of(r#"{"processedRecordCount": 3, "successRecordCount": 2, "errorRecordCount": 1}"#),
                None,
            ),
            // Fewer than the output shows is wrong, but says nothing of the rest.
            (three.to_vec(), partly(agrees.clone()), manifest_of(r#"{"successRecordCount": 1}"#), None),
            (
                three.to_vec(),
                partly(counted(Some(4), Some(4), None, None)),
                None,
                Some("GetModelInvocationJob counts 4 processed records, the output has 3"),
            ),
            (
                three.to_vec(),
                partly(counted(Some(4), None, Some(3), None)),
                None,
                Some("GetModelInvocationJob counts 3 success records, the output has 2"),
            ),
            (
                three.to_vec(),
                partly(agrees.clone()),
                manifest_of(r#"{"errorRecordCount": 2}"#),
                Some("the manifest counts 2 error records, the output has 1"),
            ),
            (
                three.to_vec(),
                partly(agrees.clone()),
                manifest_of(r#"{"totalRecordCount": 5}"#),
                Some("the manifest counts 5 total records, the output has 4"),
            ),
            (
                three.to_vec(),
                agrees.clone(),
                None,
                Some("the job is Completed, and the output lacks 1 of its records"),
            ),
            (
                vec![],
                counted(None, None, None, None),
                None,
                Some("the job is Completed, and the output lacks 4 of its records"),
            ),
            (
                [three.as_slice(), &[("x", GOOD)]].concat(),
                partly(agrees.clone()),
                None,
                Some("the output has 1 records that the input does not have"),
            ),
            (
                [three.as_slice(), &[("d", "\"modelOutput\":")]].concat(),
                partly(agrees),
                None,
                Some("the output has 1 lines that cannot be read"),
            ),
        ];
        for (lines, end, manifest, expected) in table {
            let answers = answers(&lines);
            let matched = matched(&answers);
            let evidence = evidence(&part(), &answers, &matched, &end, manifest.as_ref());
            let contradictions: Vec<&str> = evidence.contradictions.iter().map(String::as_str).collect();
            assert_eq!(contradictions, Vec::from_iter(expected), "{lines:?} {end:?} {manifest:?}");
            assert_eq!(evidence.is_doubtful(&matched), expected.is_some());
        }
    }

    #[test]
    fn cut_last_line_and_blank_lines_contradict_nothing() {
        let mut answers = Answers::default();
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
    fn last_word_counts_over_an_error_that_may_pass() {
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
