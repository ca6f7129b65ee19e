//! What a preparation says about its input: what was changed, and what was not written. Pure, in memory of a fixed size.

use crate::base::text;

/// The most kinds that are told apart. A file may make up any number of names of members.
const MAX_KINDS: usize = 100;

/// How many lines are named for each kind.
const MAX_LINES: usize = 5;

/// One kind of finding, and where it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was found, such as a member. Text of the file is truncated and escaped.
    pub what: String,
    /// Why it was changed, or how to fix it.
    pub why: String,
    /// How many records have it.
    pub records: u64,
    /// The first lines that have it, counted from 1.
    pub lines: Vec<u64>,
    last_line: u64,
}

/// Findings, each kind once, in the order in which they were first made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    kinds: Vec<Finding>,
    /// How many more findings there were of kinds that had no room.
    pub others: u64,
}

impl Findings {
    /// Returns the kinds.
    #[must_use]
    pub fn kinds(&self) -> &[Finding] {
        &self.kinds
    }

    pub(super) fn add(&mut self, line: u64, what: &str, why: &str) {
        let is_full = self.kinds.len() == MAX_KINDS;
        let known = self.kinds.iter_mut().find(|kind| kind.what == what && kind.why == why);
        match known {
            // A record counts once.
            Some(kind) if kind.last_line == line => {}
            Some(kind) => {
                kind.records += 1;
                kind.last_line = line;
                if kind.lines.len() < MAX_LINES {
                    kind.lines.push(line);
                }
            }
            None if is_full => self.others += 1,
            None => {
                let (what, why) = (what.to_owned(), why.to_owned());
                self.kinds.push(Finding { what, why, records: 1, lines: vec![line], last_line: line });
            }
        }
    }
}

/// Why a record cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) what: String,
    pub(super) fix: String,
}

impl Refusal {
    pub(super) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }

    pub(super) fn because_of(error: &serde_json::Error, fix: &str) -> Self {
        Self::new(without_place(error), fix)
    }
}

/// Returns what is wrong with JSON, but not where: that differs from line to line, and would make each one a kind.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    text::line(said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what)).to_string()
}

/// A member of a record that is not carried over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    /// The member, as a path.
    pub(super) member: String,
    pub(super) why: String,
    /// Whether the record would mean something else without it.
    pub(super) changes_meaning: bool,
}

/// The losses of one record.
#[derive(Debug, Default)]
pub(super) struct Losses(pub(super) Vec<Loss>);

impl Losses {
    /// Something is left out or changed without which the record asks for the same.
    pub(super) fn note(&mut self, member: impl Into<String>, why: impl Into<String>) {
        self.add(member.into(), why.into(), false);
    }

    /// Something would be left out without which the record asks for something else.
    pub(super) fn stop(&mut self, member: impl Into<String>, why: impl Into<String>) {
        self.add(member.into(), why.into(), true);
    }

    fn add(&mut self, member: String, why: String, changes_meaning: bool) {
        let loss = Loss { member, why, changes_meaning };
        if !self.0.contains(&loss) {
            self.0.push(loss);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once_and_memory_is_bounded() {
        let mut findings = Findings::default();
        for line in 1..=1_000 {
            findings.add(line, "user", "why");
            findings.add(line, "user", "why");
            findings.add(line, &format!("member{line}"), "why");
        }
        assert_eq!(findings.kinds().len(), MAX_KINDS);
        assert_eq!(findings.others, 1_000 - (MAX_KINDS as u64 - 1));
        let first = &findings.kinds()[0];
        assert_eq!((first.records, first.lines.as_slice()), (1_000, [1, 2, 3, 4, 5].as_slice()));
    }
}
