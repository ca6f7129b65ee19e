//! `summary.json`: what became of a drop, summed up from all its jobs. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::count::Counted;
use crate::base::text::sentence;
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys::{self, ResultKind};
use crate::drop::repairs::Repairs;
use crate::drop::source::DropSource;
use crate::job::ending::EndStatus;
use crate::job::findings::{
    ErrorCounts, ErrorGroup, Findings, Lines, MAX_LISTED_DROP_ERRORS, MAX_LISTED_LINES,
};
use crate::job::outcome::Outcome;
use crate::job::padding::{Padding, PaddingSum, PaddingSummary};
use crate::record::error_text::ErrorText;

/// How many drops that tried its records again are listed.
const MAX_RETRIES: usize = 100;

/// How many of Bedrock's messages are listed.
const MAX_MESSAGES: usize = 5;

/// `summary.json`: what became of a drop. It is written last: when it is there, all results are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The schema version, currently 1.
    pub version: u32,
    /// What Bedrock said about its jobs, most frequent first; not about those that went well.
    #[serde(default)]
    pub messages: Vec<JobMessage>,
    /// The most frequent errors of records that did not succeed, most frequent first.
    #[serde(default)]
    pub largest_errors: Vec<ErrorGroup>,
    /// How many other errors there are.
    #[serde(default)]
    pub other_errors: u64,
    /// The drop.
    pub drop_id: DropId,
    /// The object version that the drop is.
    pub source: DropSource,
    /// How many records the drop has, and where they ended up.
    pub records: SummaryRecords,
    /// How the drop was repaired before its records were submitted.
    #[serde(default, skip_serializing_if = "Repairs::is_empty")]
    pub repairs: Repairs,
    /// Where the first of the answers are that cannot be used.
    #[serde(default)]
    pub unusable: Unusable,
    /// Whether all figures agree: the records' sum, the outputs, the manifests, and Bedrock's counts.
    pub balanced: bool,
    /// Which figures disagree.
    pub mismatches: Vec<String>,
    /// The input tokens of all jobs that have a manifest. They include those of padding.
    pub input_tokens: u64,
    /// The output tokens of all jobs that have a manifest. They include those of padding.
    pub output_tokens: u64,
    /// The padding of all jobs, and what it costs; `None` if there was none.
    #[serde(default)]
    pub padding: Option<PaddingSummary>,
    /// The result files, relative to this one.
    pub files: Vec<String>,
    /// The jobs, by part and attempt.
    pub jobs: Vec<SummaryJob>,
    /// The finished drops that tried some of its records again, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retries: Vec<DropId>,
}

/// A drop's records, by where they ended up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryRecords {
    /// All records of the drop, counted when it was read.
    pub total: u64,
    /// In `succeeded/`.
    pub succeeded: u64,
    /// The succeeded ones whose answers a limit of tokens cut off.
    #[serde(default)]
    pub truncated: u64,
    /// The succeeded ones whose answers are a refusal, or were taken away by a filter or guardrail.
    #[serde(default)]
    pub refused: u64,
    /// In `errors/`.
    pub failed: u64,
    /// In `unprocessed/`.
    pub unprocessed: u64,
    /// In parts without a job, because this version of the file was deleted too early.
    pub source_deleted: u64,
}

/// A message of Bedrock about some jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMessage {
    /// The message, fit to be shown to a person.
    pub message: String,
    /// How many jobs have it.
    pub jobs: u64,
}

impl JobMessage {
    /// Says it in a sentence, and that Bedrock says so, unless it is our own message.
    #[must_use]
    pub fn told(&self) -> String {
        let is_ours = Some(self.message.as_str()) == EndStatus::Cancelled.reason();
        let speaker = if is_ours { "" } else { "Bedrock says: " };
        format!("{speaker}{}", sentence(&self.message))
    }
}

/// Where the answers are that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Unusable {
    /// Those that a limit of tokens cut off.
    pub truncated: Places,
    /// Those that are a refusal, or that a filter or guardrail took away.
    pub refused: Places,
}

/// Some lines of the result files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Places {
    /// The first [`MAX_LISTED_LINES`] of them.
    pub first: Vec<Place>,
    /// How many more there are.
    pub more: u64,
}

/// A line of a result file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, relative to the summary.
    pub file: String,
    /// The number of the line, counted from 1.
    pub line: u64,
}

impl Places {
    fn add(&mut self, lines: &Lines, job: &SummaryJob) {
        let file = keys::result_name(ResultKind::Succeeded, job.part, job.attempt);
        let room = MAX_LISTED_LINES - self.first.len();
        let first = lines.first.iter().take(room);
        self.first.extend(first.map(|line| Place { file: file.clone(), line: *line }));
    }
}

/// One job in a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryJob {
    /// The part of the drop, counted from 1.
    pub part: u32,
    /// The attempt at it, counted from 1.
    pub attempt: u32,
    /// Our id for the job.
    pub job_id: JobId,
    /// Bedrock's ARN for the job.
    pub job_arn: String,
    /// The padding of the job; `None` if it had none.
    #[serde(default)]
    pub padding: Option<Padding>,
    /// What became of the job.
    pub outcome: Outcome,
}

/// What became of the parts on a page of a drop's plan, or of several pages:
/// `ledger/drops/<drop-id>/tallies/<page>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How many records these parts have.
    pub records: u64,
    /// All attempts at them, by part and attempt.
    pub attempts: Vec<Finished>,
}

/// An attempt at a part of a drop that needs nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finished {
    /// Its job is over, and everything that followed from it is done.
    Settled(Box<SummaryJob>),
    /// No job was made, because the drop's version had been deleted.
    SourceDeleted {
        /// The records of the part.
        records: u64,
    },
}

impl Summary {
    /// Sums up a drop, given the tally of all its parts.
    #[must_use]
    pub fn new(drop_id: &DropId, source: &DropSource, repairs: Repairs, tally: Tally) -> Self {
        let mut summary = Self {
            version: 1,
            messages: Vec::new(),
            largest_errors: Vec::new(),
            other_errors: 0,
            drop_id: drop_id.clone(),
            source: source.clone(),
            records: SummaryRecords {
                total: tally.records,
                succeeded: 0,
                truncated: 0,
                refused: 0,
                failed: 0,
                unprocessed: 0,
                source_deleted: 0,
            },
            repairs,
            unusable: Unusable::default(),
            balanced: true,
            mismatches: Vec::new(),
            input_tokens: 0,
            output_tokens: 0,
            padding: None,
            files: Vec::new(),
            jobs: Vec::new(),
            retries: Vec::new(),
        };
        let mut problems = Problems::default();
        let mut padding = PaddingSum::default();
        for attempt in tally.attempts {
            match attempt {
                Finished::Settled(job) => {
                    problems.add(&job.outcome);
                    // A job that was never created costs nothing.
                    if let Some(of_job) = &job.padding
                        && job.outcome.status.was_created()
                    {
                        padding.add(of_job, &job.outcome.model_id);
                    }
                    summary.add(*job);
                }
                Finished::SourceDeleted { records } => summary.records.source_deleted += records,
            }
        }
        summary.tell(&problems);
        summary.padding = padding.summary();
        let SummaryRecords { total, succeeded, failed, unprocessed, source_deleted, .. } = summary.records;
        let sum = succeeded + failed + unprocessed + source_deleted;
        if sum != total {
            summary
                .mismatches
                .push(format!("the drop has {}, its results have {sum}", Counted(total, "record")));
        }
        summary.balanced = summary.mismatches.is_empty();
        summary
    }

    /// Whether a person stopped some of it.
    #[must_use]
    pub fn was_stopped(&self) -> bool {
        let mut ends = self.jobs.iter().map(|job| job.outcome.status);
        ends.any(|status| matches!(status, EndStatus::Stopped | EndStatus::Cancelled))
    }

    /// Adds a drop that tried some of the records again. Returns `false` if nothing changes: it is there, or there are
    /// too many.
    #[must_use]
    pub fn add_retry(&mut self, retry: &DropId) -> bool {
        let is_new = self.retries.len() < MAX_RETRIES && !self.retries.contains(retry);
        if is_new {
            self.retries.push(retry.clone());
        }
        is_new
    }

    fn tell(&mut self, problems: &Problems) {
        let mut messages: Vec<_> = problems.messages.iter().collect();
        messages.sort_by_key(|(_, jobs)| std::cmp::Reverse(**jobs));
        let most = messages.into_iter().take(MAX_MESSAGES);
        self.messages =
            most.map(|(message, jobs)| JobMessage { message: message.clone(), jobs: *jobs }).collect();
        (self.largest_errors, self.other_errors) = problems.errors.largest(MAX_LISTED_DROP_ERRORS);
        let (records, unusable) = (self.records, &mut self.unusable);
        for (places, count) in
            [(&mut unusable.truncated, records.truncated), (&mut unusable.refused, records.refused)]
        {
            places.more = count.saturating_sub(places.first.len() as u64);
        }
    }

    fn add(&mut self, job: SummaryJob) {
        let outcome = &job.outcome;
        let counts = outcome.records;
        self.records.succeeded += counts.succeeded;
        self.records.truncated += outcome.findings.truncated.count;
        self.records.refused += outcome.findings.refused.count;
        self.unusable.truncated.add(&outcome.findings.truncated, &job);
        self.unusable.refused.add(&outcome.findings.refused, &job);
        self.records.failed += counts.failed;
        self.records.unprocessed += counts.unprocessed;
        self.input_tokens += outcome.input_tokens.unwrap_or_default();
        self.output_tokens += outcome.output_tokens.unwrap_or_default();
        let mismatches = outcome.mismatches.iter().map(|mismatch| format!("job {}: {mismatch}", job.job_id));
        self.mismatches.extend(mismatches);
        for (kind, count) in [
            (ResultKind::Succeeded, counts.succeeded),
            (ResultKind::Errors, counts.failed),
            (ResultKind::Unprocessed, counts.unprocessed),
        ] {
            if count > 0 {
                self.files.push(keys::result_name(kind, job.part, job.attempt));
            }
        }
        self.jobs.push(job);
    }
}

/// What went wrong in a drop's jobs.
#[derive(Debug, Default)]
struct Problems {
    /// How many jobs have which message of Bedrock.
    messages: BTreeMap<String, u64>,
    /// The errors of records that did not succeed.
    errors: ErrorCounts,
}

impl Problems {
    fn add(&mut self, outcome: &Outcome) {
        let said = outcome.message.as_deref().filter(|message| !message.is_empty());
        if let Some(message) = said.or_else(|| outcome.status.reason()) {
            *self.messages.entry(message.to_owned()).or_default() += 1;
        }
        let Findings { largest_errors, other_errors, .. } = &outcome.findings;
        // Records with a retryable error may have succeeded in the next attempt.
        let counts = |group: &&ErrorGroup| !group.retryable || outcome.next.is_none();
        for ErrorGroup { code, message, count, retryable, sample_ids } in largest_errors.iter().filter(counts)
        {
            let error = ErrorText { code: code.clone(), message: message.clone() };
            self.errors.add(error, *retryable, *count, sample_ids);
        }
        self.errors.add_others(*other_errors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::plan::Part;
    use crate::job::evidence::Evidence;
    use crate::job::example::{GOOD, answers, drop_id, end, manifest, matched, part};
    use crate::job::outcome::Counts;

    fn lines(numbers: std::ops::RangeInclusive<u64>) -> Lines {
        Lines { count: 2 * numbers.clone().count() as u64, first: numbers.collect() }
    }

    fn group(message: &str, count: u64, retryable: bool) -> ErrorGroup {
        let sample_ids = vec![format!("{message}-id")];
        ErrorGroup { code: None, message: message.into(), count, retryable, sample_ids }
    }

    /// A job of this part with 4 records, of which each is counted differently.
    fn job(part_number: u32, message: &str, change: impl Fn(&mut Outcome)) -> Finished {
        let matched = matched(&answers(&[("a", GOOD)]));
        let mut outcome =
            Outcome::new(&end(None, None), Some(&manifest(1, 0)), &matched, None, Evidence::default());
        outcome.message = Some(message.to_owned());
        outcome.records = Counts { succeeded: 1, failed: 1, retried: 0, unprocessed: 2 };
        change(&mut outcome);
        let padding =
            Padding { records: 96, body: "test".into(), max_input_tokens: 960, max_output_tokens: Some(96) };
        Finished::Settled(Box::new(SummaryJob {
            part: part_number,
            attempt: 1,
            job_id: JobId::derive(&drop_id(), part_number, 1),
            job_arn: "arn".into(),
            padding: Some(padding),
            outcome,
        }))
    }

    fn summary(records: u64, attempts: Vec<Finished>) -> Summary {
        Summary::new(&drop_id(), &DropSource::example(), Repairs::default(), Tally { records, attempts })
    }

    #[test]
    fn figures_of_all_jobs_are_summed_up() {
        let found = |outcome: &mut Outcome| {
            outcome.findings.truncated = lines(1..=15);
            outcome.findings.refused = lines(20..=22);
            outcome.findings.largest_errors = vec![group("bad", 3, false), group("busy", 5, true)];
            outcome.findings.other_errors = 7;
        };
        let deleted = Finished::SourceDeleted { records: 9 };
        let all = summary(17, vec![job(1, "m", found), job(2, "m", found), deleted]);
        let expected = SummaryRecords {
            total: 17,
            succeeded: 2,
            truncated: 60,
            refused: 12,
            failed: 2,
            unprocessed: 4,
            source_deleted: 9,
        };
        assert_eq!((all.records, all.balanced, all.mismatches), (expected, true, vec![]));
        assert_eq!((all.input_tokens, all.output_tokens, all.jobs.len()), (2, 4, 2));
        assert_eq!(
            all.padding.map(|padding| (padding.records, padding.max_input_tokens)),
            Some((192, 1_920))
        );
        assert_eq!(all.messages, [JobMessage { message: "m".into(), jobs: 2 }]);
        let twice =
            |group: ErrorGroup| ErrorGroup { sample_ids: [&group.sample_ids[..]; 2].concat(), ..group };
        assert_eq!(all.largest_errors, [group("busy", 10, true), group("bad", 6, false)].map(twice));
        assert_eq!(all.other_errors, 14);
        let names = ["succeeded", "errors", "unprocessed"];
        let files: Vec<String> =
            (1..=2).flat_map(|part| names.map(|name| format!("{name}/part-0000{part}.jsonl"))).collect();
        assert_eq!(all.files, files);
        // The first twenty places are named: 15 of the first job, and 5 of the second.
        let Places { first, more } = all.unusable.truncated;
        assert_eq!((first.len(), more, first[14].line, first[15].line), (MAX_LISTED_LINES, 40, 15, 1));
        assert_eq!((first[14].file.as_str(), first[15].file.as_str()), (&*files[0], &*files[3]));
        assert_eq!((all.unusable.refused.first.len(), all.unusable.refused.more), (6, 6));
    }

    #[test]
    fn sum_that_is_wrong_and_mismatches_of_a_job_make_the_summary_unbalanced() {
        let wrong = summary(5, vec![job(1, "", |_| {})]);
        assert_eq!(
            (wrong.balanced, wrong.mismatches),
            (false, vec!["the drop has 5 records, its results have 4".into()])
        );
        let odd = summary(4, vec![job(1, "", |outcome| outcome.mismatches = vec!["odd".into()])]);
        let job_id = JobId::derive(&drop_id(), 1, 1);
        assert_eq!((odd.balanced, odd.mismatches), (false, vec![format!("job {job_id}: odd")]));
        // A file without lines is not there.
        let good = |outcome: &mut Outcome| outcome.records = Counts { succeeded: 4, ..Counts::default() };
        assert_eq!(summary(4, vec![job(1, "", good)]).files, ["succeeded/part-00001.jsonl"]);
        // An empty message says nothing.
        assert_eq!(odd.messages, []);
    }

    #[test]
    fn errors_that_the_next_attempt_may_have_resolved_are_left_out() {
        let retried = |outcome: &mut Outcome| {
            outcome.next = Some(Part { records: 2, ..part() });
            outcome.findings.largest_errors = vec![group("bad", 1, false), group("busy", 2, true)];
        };
        assert_eq!(summary(4, vec![job(1, "m", retried)]).largest_errors, [group("bad", 1, false)]);
    }

    #[test]
    fn padding_of_a_job_that_was_never_created_costs_nothing() {
        let never = |outcome: &mut Outcome| outcome.status = EndStatus::NameInUse;
        assert_eq!(summary(4, vec![job(1, "m", never)]).padding, None);
        let message = |number: u32| job(number, &number.to_string(), |_| {});
        let messages = summary(28, (1..=7).map(message).collect()).messages;
        assert_eq!(messages.len(), MAX_MESSAGES);
    }
}
