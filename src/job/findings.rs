//! What someone should know about a job's output besides how many records succeeded: which answers are of no use, and
//! which errors there are. Pure.
//!
//! All of it is bounded, however large the output is: a list has few members, and says how many more there are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::record::error_text::ErrorText;
use crate::record::parsed::{Answer, OutputRecord};
use crate::record::stop_reason::Usability;

/// How many lines with unusable answers are listed, of each kind.
pub const MAX_LISTED_LINES: usize = 20;

/// How many kinds of errors are listed.
pub const MAX_LISTED_ERRORS: usize = 5;

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
            self.errors.add(error, record.answer == Answer::Retryable, 1);
        }
    }

    pub(crate) fn findings(&self) -> Findings {
        let (largest_errors, other_errors) = self.errors.largest();
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
    counts: BTreeMap<(ErrorText, bool), u64>,
    /// The errors that are not in `counts`.
    others: u64,
}

impl ErrorCounts {
    pub(crate) fn add(&mut self, error: ErrorText, is_retryable: bool, count: u64) {
        let key = (error, is_retryable);
        if let Some(known) = self.counts.get_mut(&key) {
            *known += count;
            return;
        }
        if self.counts.len() >= MAX_COUNTED_ERRORS {
            self.forget_rare();
        }
        if self.counts.len() >= MAX_COUNTED_ERRORS {
            self.others += count;
        } else {
            self.counts.insert(key, count);
        }
    }

    pub(crate) fn add_others(&mut self, count: u64) {
        self.others += count;
    }

    /// Makes room for errors that may turn out to be more frequent.
    fn forget_rare(&mut self) {
        let others = &mut self.others;
        self.counts.retain(|_, count| {
            let is_rare = *count == 1;
            *others += u64::from(is_rare);
            !is_rare
        });
    }

    /// Returns the most frequent errors, and how many others there are.
    pub(crate) fn largest(&self) -> (Vec<ErrorGroup>, u64) {
        let mut counts: Vec<_> = self.counts.iter().collect();
        // Stable, so that equally frequent errors are in the same order each time.
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let others = counts.iter().skip(MAX_LISTED_ERRORS).map(|(_, count)| **count).sum::<u64>();
        let largest = counts.into_iter().take(MAX_LISTED_ERRORS).map(|((error, retryable), count)| {
            let ErrorText { code, message } = error.clone();
            ErrorGroup { code, message, count: *count, retryable: *retryable }
        });
        (largest.collect(), self.others + others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for (answer, usability) in answers.into_iter().cycle().take(6 * 30) {
            let error = (answer != Answer::Succeeded).then(|| error("no"));
            collector.add(OutputRecord { record_id: "a".into(), answer, usability, error });
        }
        let findings = collector.findings();
        let every_third = |first: u64| (0..20_u64).map(|at| first + 3 * at).collect::<Vec<u64>>();
        assert_eq!(findings.truncated, Lines { count: 30, first: every_third(1) });
        assert_eq!(findings.refused, Lines { count: 30, first: every_third(3) });
        let group = |count, retryable| ErrorGroup {
            code: Some("400".into()),
            message: "no".into(),
            count,
            retryable,
        };
        let groups = vec![group(60, false), group(30, true)];
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
            counts.add(error(&number.to_string()), false, 2);
        }
        counts.add(error("late"), false, 3);
        counts.add_others(4);
        let (largest, others) = counts.largest();
        assert_eq!(others, 2 * (MAX_COUNTED_ERRORS - largest.len()) as u64 + 3 + 4);
    }

    #[test]
    fn frequent_errors_are_found_among_many_rare_ones() {
        let mut counts = ErrorCounts::default();
        let mut total = 0;
        let mut add = |message: String| {
            total += 1;
            counts.add(error(&message), false, 1);
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
        let (largest, others) = counts.largest();
        let messages: Vec<&str> = largest.iter().map(|group| group.message.as_str()).collect();
        assert_eq!((messages.len(), &messages[..2]), (MAX_LISTED_ERRORS, &["frequent", "late"][..]));
        assert!(largest[0].count > 990 && largest[1].count == 999, "{largest:?}");
        assert_eq!(largest.iter().map(|group| group.count).sum::<u64>() + others, total);
    }
}
