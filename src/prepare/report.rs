//! What a preparation says about its input: what was changed, and what was not written. Pure, in memory of a fixed size.

use std::borrow::Cow;

use crate::base::text;
use crate::drop::kinds;

/// The most kinds that are told apart. A file may make up any number of names of members.
const MAX_KINDS: usize = 100;

/// How many lines are named for each kind.
const MAX_LINES: usize = 5;

/// What happened to what a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It was changed, and means the same.
    Changed,
    /// It was left out, and the record asks for the same without it.
    LeftOut,
    /// It was left out or changed, and the record asks for something else now.
    Lost,
    /// The record was not written.
    NotWritten,
}

impl Effect {
    /// Returns how the effect is called at the start of a line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::LeftOut => "left out",
            Self::Lost => "lost",
            Self::NotWritten => "not written",
        }
    }
}

/// One kind of finding, and where it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What happened to it.
    pub effect: Effect,
    /// What was found, such as a member. Text of the file is truncated and escaped.
    pub what: String,
    /// Why it was changed, or how to fix it.
    pub why: String,
    /// How many records have it.
    pub records: u64,
    /// The first lines that have it, counted from 1, each once.
    pub lines: Vec<u64>,
    /// Whether there are more of them.
    pub has_more_lines: bool,
    last: Place,
}

/// Where a record is. Several may be on one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The line where it starts, counted from 1.
    pub(super) line: u64,
    /// Which record of the file it is, counted from 1.
    pub(super) record: u64,
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

    /// Adds a record that cannot be written.
    pub(super) fn refuse(&mut self, at: Place, refusal: &Refusal) {
        let Refusal { what, fix, is_example } = refusal;
        let any_fix =
            |kind: &&Finding| *is_example && kind.effect == Effect::NotWritten && kind.what == *what;
        let known = self.kinds.iter().find(any_fix).map(|kind| kind.why.clone());
        self.add(at, Effect::NotWritten, what, known.as_deref().unwrap_or(fix));
    }

    pub(super) fn add(&mut self, at: Place, effect: Effect, what: &str, why: &str) {
        let is_full = self.kinds.len() == MAX_KINDS;
        let is_same = |kind: &&mut Finding| kind.effect == effect && kind.what == what && kind.why == why;
        let known = self.kinds.iter_mut().find(is_same);
        match known {
            // A record counts once.
            Some(kind) if kind.last == at => {}
            Some(kind) => {
                kind.records += 1;
                if kind.last.line != at.line {
                    if kind.lines.len() < MAX_LINES {
                        kind.lines.push(at.line);
                    } else {
                        kind.has_more_lines = true;
                    }
                }
                kind.last = at;
            }
            None if is_full => self.others += 1,
            None => {
                let (what, why) = (what.to_owned(), why.to_owned());
                let lines = vec![at.line];
                self.kinds.push(Finding {
                    effect,
                    what,
                    why,
                    records: 1,
                    lines,
                    has_more_lines: false,
                    last: at,
                });
            }
        }
    }
}

/// Why a record cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) what: String,
    pub(super) fix: String,
    /// Whether the fix has something of this record only, so that that of the first one stands for all.
    is_example: bool,
}

impl Refusal {
    pub(super) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into(), is_example: false }
    }

    /// Makes a refusal whose fix has something of this record. If several records have the same fault, the fix of the first
    /// one is told.
    pub(super) fn example(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { is_example: true, ..Self::new(what, fix) }
    }

    pub(super) fn because_of(error: &serde_json::Error, fix: &str) -> Self {
        let what = without_place(error);
        let fix = if what.starts_with("duplicate member") { kinds::MEMBER_REPEATED.fix } else { fix };
        Self::new(what, fix)
    }
}

/// Returns what is wrong with JSON, but not where: that differs from line to line, and would make each one a kind.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    text::line(said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what)).to_string()
}

/// Something of a record that is not carried over as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    /// The member, as a path.
    pub(super) member: String,
    pub(super) why: String,
    /// What happens to it if the record is written.
    pub(super) effect: Effect,
    /// What takes its place.
    becomes: Option<&'static str>,
}

impl Loss {
    /// Returns why it was lost, now that the record is written.
    pub(super) fn why_written(&self) -> Cow<'_, str> {
        match self.becomes {
            Some(value) => Cow::Owned(format!("{}, so it became {value}", self.why)),
            None => Cow::Borrowed(&self.why),
        }
    }
}

/// The losses of one record.
#[derive(Debug, Default)]
pub(super) struct Losses(pub(super) Vec<Loss>);

impl Losses {
    /// Something is left out without which the record asks for the same.
    pub(super) fn note(&mut self, member: impl Into<String>, why: impl Into<String>) {
        self.add(member.into(), why.into(), Effect::LeftOut, None);
    }

    /// Something is written in another way, and means the same.
    pub(super) fn change(&mut self, member: impl Into<String>, why: impl Into<String>) {
        self.add(member.into(), why.into(), Effect::Changed, None);
    }

    /// Something would be left out without which the record asks for something else.
    pub(super) fn stop(&mut self, member: impl Into<String>, why: impl Into<String>) {
        self.add(member.into(), why.into(), Effect::Lost, None);
    }

    /// Something would become another value, with which the record asks for something else.
    pub(super) fn bend(&mut self, member: &str, why: &str, becomes: &'static str) {
        self.add(member.to_owned(), why.to_owned(), Effect::Lost, Some(becomes));
    }

    /// Returns the losses with which the record asks for something else.
    pub(super) fn serious(&self) -> impl Iterator<Item = &Loss> {
        self.0.iter().filter(|loss| loss.effect == Effect::Lost)
    }

    fn add(&mut self, member: String, why: String, effect: Effect, becomes: Option<&'static str>) {
        let loss = Loss { member, why, effect, becomes };
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
            let at = Place { line, record: line };
            findings.add(at, Effect::LeftOut, "user", "why");
            findings.add(at, Effect::LeftOut, "user", "why");
            findings.add(at, Effect::LeftOut, &format!("member{line}"), "why");
        }
        assert_eq!(findings.kinds().len(), MAX_KINDS);
        assert_eq!(findings.others, 1_000 - (MAX_KINDS as u64 - 1));
        let first = &findings.kinds()[0];
        assert_eq!((first.records, first.lines.as_slice()), (1_000, [1, 2, 3, 4, 5].as_slice()));
    }

    #[test]
    fn what_only_one_record_has_does_not_make_a_kind() {
        let mut findings = Findings::default();
        for line in 1..=3 {
            let at = Place { line, record: line };
            findings.refuse(at, &Refusal::example("the id is already used", format!("it is that of {line}")));
            findings.refuse(at, &Refusal::new("odd", format!("even it {}", line % 2)));
        }
        let told: Vec<_> = findings.kinds().iter().map(|kind| (kind.why.as_str(), kind.records)).collect();
        assert_eq!(told, [("it is that of 1", 3), ("even it 1", 2), ("even it 0", 1)]);
    }
}
