//! Groups the errors of a drop by what they say. Pure, in memory that does not grow with the drop.

use std::collections::BTreeMap;

use super::advice::advice;
use crate::base::text;
use crate::record::error_text::ErrorText;

/// How many kinds of errors are counted. Errors of others are counted together.
const MAX_KINDS: usize = 10_000;

/// How many ids are kept of each kind.
const MAX_SAMPLES: usize = 5;

/// Errors that say the same, except for numbers and ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The code, if there is one.
    pub code: Option<String>,
    /// The message, with `#` for each number and id.
    pub message: String,
    /// How many records have it.
    pub count: u64,
    /// The ids of the first of them, fit to be shown to a person.
    pub samples: Vec<String>,
    /// How to fix it.
    pub fix: &'static str,
}

/// Collects errors, record by record.
#[derive(Debug, Default)]
pub struct Groups {
    kinds: BTreeMap<ErrorText, (u64, Vec<String>)>,
    others: u64,
}

impl Groups {
    /// Adds the error of a record.
    pub fn add(&mut self, record_id: &str, error: ErrorText) {
        if self.kinds.len() >= MAX_KINDS && !self.kinds.contains_key(&error) {
            self.others += 1;
            return;
        }
        let (count, samples) = self.kinds.entry(error).or_default();
        *count += 1;
        if samples.len() < MAX_SAMPLES {
            samples.push(text::name(record_id).to_string());
        }
    }

    /// Returns the groups, the largest first, and how many other errors there are.
    #[must_use]
    pub fn finish(self) -> (Vec<Group>, u64) {
        let mut groups: Vec<Group> = self
            .kinds
            .into_iter()
            .map(|(ErrorText { code, message }, (count, samples))| {
                let fix = advice(code.as_deref(), &message);
                Group { code, message, count, samples, fix }
            })
            .collect();
        // Stable, so that groups of the same size are in the same order each time.
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        (groups, self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str) -> ErrorText {
        ErrorText { code: Some("400".into()), message: message.into() }
    }

    #[test]
    fn equal_errors_are_a_group_with_the_first_ids() {
        let mut groups = Groups::default();
        for number in 0..9 {
            groups.add(&format!("a{number}"), error("prompt is too long: # tokens"));
        }
        groups.add("b\u{1b}", error("other"));
        let (groups, others) = groups.finish();
        assert_eq!((groups.len(), others, groups[0].count), (2, 0, 9));
        assert_eq!(groups[0].samples, ["a0", "a1", "a2", "a3", "a4"]);
        assert!(groups[0].fix.starts_with("make the prompt shorter"));
        assert_eq!(groups[1].samples, ["b\\u{1b}"]);
    }

    #[test]
    fn kinds_without_end_are_counted_together() {
        let mut groups = Groups::default();
        for number in 0..MAX_KINDS + 7 {
            groups.add("a", error(&number.to_string()));
        }
        groups.add("a", error("0"));
        let (groups, others) = groups.finish();
        assert_eq!((groups.len(), groups[0].count, others), (MAX_KINDS, 2, 7));
    }
}
