//! What someone should know about a job's output besides how many records succeeded: which answers are of no use, and
//! which errors there are. Pure.
//!
//! All of it is bounded, however large the output is: a list has few members, and says how many more there are.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::base::text;
use crate::record::error_text::ErrorText;
use crate::record::parsed::{Answer, OutputRecord};
use crate::record::stop_reason::Usability;

/// How many lines with unusable answers are listed, of each kind.
pub const MAX_LISTED_LINES: usize = 20;

/// How many kinds of errors are listed of a job. A drop of 50 GB may have 27,778 jobs, whose findings are in memory
/// together.
pub const MAX_LISTED_ERRORS: usize = 5;

/// How many kinds of errors are listed of a drop.
pub const MAX_LISTED_DROP_ERRORS: usize = 20;

/// How many record ids are named of each kind of error.
pub const MAX_SAMPLE_IDS: usize = 3;

/// How many kinds of errors are counted at a time. A job rarely has more than a few.
const MAX_COUNTED_ERRORS: usize = 256;

/// What the output of a job has besides usable answers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Findings {
    /// The answers that a limit of tokens cut off.
    pub truncated: Lines,
    /// The answers that are a refusal, or that a filter or guardrail took away.
    pub refused: Lines,
    /// The most frequent errors, most frequent first.
    pub largest_errors: Vec<ErrorGroup>,
    /// How many lines have another error.
    pub other_errors: u64,
}

impl Findings {
    /// Returns whether there is nothing to know.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Some lines of a job's file in `succeeded/`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lines {
    /// How many there are.
    pub count: u64,
    /// The numbers of the first [`MAX_LISTED_LINES`], counted from 1.
    pub first: Vec<u64>,
}

impl Lines {
    fn add(&mut self, number: u64) {
        self.count += 1;
        if self.first.len() < MAX_LISTED_LINES {
            self.first.push(number);
        }
    }
}

/// Equal errors of several records. Numbers and ids in the message do not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorGroup {
    /// The `errorCode`, if there is one.
    pub code: Option<String>,
    /// The `errorMessage`, with `#` for each number and id.
    pub message: String,
    /// How many lines have this error. If a job has more than 256 kinds of errors, there may be more.
    pub count: u64,
    /// Whether these records may succeed in another attempt.
    pub retryable: bool,
    /// The ids of the first [`MAX_SAMPLE_IDS`] records that have this error, fit to be shown to a person. Releases before
    /// 0.3 did not name any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample_ids: Vec<String>,
}

/// Collects findings, line by line.
#[derive(Debug, Default)]
pub(crate) struct FindingsCollector {
    /// How many lines the file in `succeeded/` has.
    succeeded: u64,
    truncated: Lines,
    refused: Lines,
    errors: ErrorCounts,
}

impl FindingsCollector {
    /// Adds a line that counts as what its record says.
    pub(crate) fn add(&mut self, record: OutputRecord<'_>) {
        if record.answer == Answer::Succeeded {
            self.succeeded += 1;
            match record.usability {
                Usability::Usable => {}
                Usability::Truncated => self.truncated.add(self.succeeded),
                Usability::Refused => self.refused.add(self.succeeded),
            }
        }
        if let Some(error) = record.error {
            let id = text::name(&record.record_id);
            self.errors.add(error, record.answer == Answer::Retryable, 1, [id]);
        }
    }

    pub(crate) fn findings(&self) -> Findings {
        let (largest_errors, other_errors) = self.errors.largest(MAX_LISTED_ERRORS);
        Findings {
            truncated: self.truncated.clone(),
            refused: self.refused.clone(),
            largest_errors,
            other_errors,
        }
    }
}

/// Counts errors in bounded memory.
#[derive(Debug, Default)]
pub(crate) struct ErrorCounts {
    /// By text, and whether they are retryable.
    counts: BTreeMap<(ErrorText, bool), ErrorCount>,
    /// The errors that are not in `counts`.
    others: u64,
}

/// How many records have an error, and some of their ids.
#[derive(Debug, Default)]
struct ErrorCount {
    count: u64,
    sample_ids: Vec<String>,
}

impl ErrorCount {
    fn add(&mut self, count: u64, ids: impl IntoIterator<Item = impl Display>) {
        self.count += count;
        let room = MAX_SAMPLE_IDS - self.sample_ids.len();
        self.sample_ids.extend(ids.into_iter().take(room).map(|id| id.to_string()));
    }
}

impl ErrorCounts {
    /// Adds an error that `count` records have. These ids are of some of them.
    pub(crate) fn add(
        &mut self,
        error: ErrorText,
        is_retryable: bool,
        count: u64,
        ids: impl IntoIterator<Item = impl Display>,
    ) {
        let key = (error, is_retryable);
        if let Some(known) = self.counts.get_mut(&key) {
            known.add(count, ids);
            return;
        }
        if self.counts.len() >= MAX_COUNTED_ERRORS {
            self.forget_rare();
        }
        if self.counts.len() >= MAX_COUNTED_ERRORS {
            self.others += count;
        } else {
            self.counts.entry(key).or_default().add(count, ids);
        }
    }

    pub(crate) fn add_others(&mut self, count: u64) {
        self.others += count;
    }

    /// Makes room for errors that may turn out to be more frequent.
    fn forget_rare(&mut self) {
        let others = &mut self.others;
        self.counts.retain(|_, known| {
            let is_rare = known.count == 1;
            *others += u64::from(is_rare);
            !is_rare
        });
    }

    /// Returns the `most` most frequent errors, and how many others there are.
    pub(crate) fn largest(&self, most: usize) -> (Vec<ErrorGroup>, u64) {
        let mut counts: Vec<_> = self.counts.iter().collect();
        // Stable, so that equally frequent errors are in the same order each time.
        counts.sort_by_key(|(_, known)| std::cmp::Reverse(known.count));
        let others = counts.iter().skip(most).map(|(_, known)| known.count).sum::<u64>();
        let largest = counts.into_iter().take(most).map(|((error, retryable), known)| {
            let ErrorText { code, message } = error.clone();
            let ErrorCount { count, sample_ids } = known;
            ErrorGroup { code, message, count: *count, retryable: *retryable, sample_ids: sample_ids.clone() }
        });
        (largest.collect(), self.others + others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_IDS: [&str; 0] = [];

    fn error(message: &str) -> ErrorText {
        ErrorText { code: Some("400".into()), message: message.into() }
    }

    #[test]
    fn lines_are_those_of_the_result_file() {
        let mut collector = FindingsCollector::default();
        let answers = [
            (Answer::Succeeded, Usability::Truncated),
            (Answer::Failed, Usability::Usable),
            (Answer::Succeeded, Usability::Usable),
            (Answer::Retryable, Usability::Usable),
            (Answer::Failed, Usability::Usable),
            (Answer::Succeeded, Usability::Refused),
        ];
        for (number, (answer, usability)) in answers.into_iter().cycle().take(6 * 30).enumerate() {
            let error = (answer != Answer::Succeeded).then(|| error("no"));
            let record_id = format!("{number}\u{1b}").into();
            collector.add(OutputRecord { record_id, answer, usability, error });
        }
        let findings = collector.findings();
        let every_third = |first: u64| (0..20_u64).map(|at| first + 3 * at).collect::<Vec<u64>>();
        assert_eq!(findings.truncated, Lines { count: 30, first: every_third(1) });
        assert_eq!(findings.refused, Lines { count: 30, first: every_third(3) });
        let group = |count, retryable, ids: [u32; 3]| ErrorGroup {
            code: Some("400".into()),
            message: "no".into(),
            count,
            retryable,
            sample_ids: ids.map(|id| format!("{id}\\u{{1b}}")).into(),
        };
        let groups = vec![group(60, false, [1, 4, 7]), group(30, true, [3, 9, 15])];
        assert_eq!((findings.largest_errors, findings.other_errors), (groups, 0));
    }

    #[test]
    fn findings_are_empty_if_there_is_nothing_to_know() {
        assert!(Findings::default().is_empty());
        assert!(!Findings { other_errors: 1, ..Findings::default() }.is_empty());
    }

    #[test]
    fn errors_that_find_no_room_among_frequent_ones_are_counted_as_others() {
        let mut counts = ErrorCounts::default();
        for number in 0..MAX_COUNTED_ERRORS {
            counts.add(error(&number.to_string()), false, 2, NO_IDS);
        }
        counts.add(error("late"), false, 3, NO_IDS);
        counts.add_others(4);
        let (largest, others) = counts.largest(MAX_LISTED_ERRORS);
        assert_eq!(others, 2 * (MAX_COUNTED_ERRORS - largest.len()) as u64 + 3 + 4);
    }

    #[test]
    fn frequent_errors_are_found_among_many_rare_ones() {
        let mut counts = ErrorCounts::default();
        let mut total = 0;
        let mut add = |message: String| {
            total += 1;
            counts.add(error(&message), false, 1, [&message]);
        };
        for number in 0..10_000 {
            add(format!("rare {number}"));
            if number % 10 == 0 {
                add("frequent".into());
            }
            if number > 9_000 {
                add("late".into());
            }
        }
        assert!(counts.counts.len() <= MAX_COUNTED_ERRORS);
        let (largest, others) = counts.largest(MAX_LISTED_ERRORS);
        let messages: Vec<&str> = largest.iter().map(|group| group.message.as_str()).collect();
        assert_eq!((messages.len(), &messages[..2]), (MAX_LISTED_ERRORS, &["frequent", "late"][..]));
        assert_eq!(largest[1].sample_ids, ["late"; MAX_SAMPLE_IDS]);
        assert!(largest[0].count > 990 && largest[1].count == 999, "{largest:?}");
        assert_eq!(largest.iter().map(|group| group.count).sum::<u64>() + others, total);
    }
}
