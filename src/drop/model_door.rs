//! Refuses a drop whose records are all certain to fail at the model. Pure.
//!
//! The first record that the model might accept ends the examination, so a good drop costs one. A drop is refused only if
//! every examined record must fail: the first ones, and a spread over the rest.

use crate::base::count::Counted;
use crate::drop::kinds;
use crate::drop::padding::body_of;
use crate::drop::rejection::Problem;
use crate::model::findings::{Examination, FindingGroup};
use crate::model::rules::{RuleFinding, Rules};

/// The number of records that are examined from the start of a drop.
pub const FIRST_RECORDS: u64 = 1_000;

/// After the first records, one in this many is examined.
pub const SPREAD: u64 = 1_000;

/// At most this many kinds of faults are told.
const MAX_GROUPS: usize = 8;

/// What was found in the records of a valid drop: those that are certain to fail at the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusable {
    /// How many records were examined.
    pub examined: u64,
    /// How many of them must fail.
    pub failing: u64,
    /// Why, in the order of the first records.
    pub groups: Vec<FindingGroup>,
}

impl From<&Examination> for Refusable {
    fn from(examination: &Examination) -> Self {
        let (examined, failing) = (examination.examined(), examination.failing());
        Self { examined, failing, groups: examination.groups().to_vec() }
    }
}

/// Looks at the records of a drop until it finds one that the model might accept.
#[derive(Debug, Default)]
pub(super) struct ModelDoor {
    /// `None` if the drop passes, whatever the other records are.
    examination: Option<Examination>,
    /// Whether it goes on after a record that the model might accept.
    is_thorough: bool,
    /// Whether it examines every record.
    is_exhaustive: bool,
    records: u64,
    /// How many of them are examined in any case.
    sampled: u64,
    /// Whether the model might accept one of those.
    may_accept: bool,
}

impl ModelDoor {
    /// Starts with the first record. Without rules, every drop passes.
    pub(super) fn new(rules: Option<Rules>) -> Self {
        Self { examination: rules.map(Examination::new), ..Self::default() }
    }

    /// Goes on after a record that the model might accept.
    pub(super) fn thorough(self) -> Self {
        Self { is_thorough: true, ..self }
    }

    /// Examines every record. The verdict is that of the sample nevertheless, because that of the function is.
    pub(super) fn exhaustive(self) -> Self {
        Self { is_exhaustive: true, ..self }
    }

    /// Looks at a record, given its line and the line's number, counted from 1.
    #[inline]
    pub(super) fn look(&mut self, number: u64, line: &[u8]) {
        if self.examination.is_some() {
            self.look_closely(number, line);
        }
    }

    #[cold]
    fn look_closely(&mut self, number: u64, line: &[u8]) {
        self.records += 1;
        let is_sampled = self.records <= FIRST_RECORDS || self.records.is_multiple_of(SPREAD);
        if !is_sampled && !self.is_exhaustive {
            return;
        }
        let must_fail = match (&mut self.examination, body_of(line)) {
            (Some(examination), Some(body)) => !examination.examine(number, body),
            (Some(_), None) | (None, _) => false,
        };
        self.sampled += u64::from(is_sampled);
        self.may_accept |= is_sampled && !must_fail;
        if !must_fail && !self.is_thorough {
            self.examination = None;
        }
    }

    /// Returns what was found in the examined records; `None` if it ended at one that the model might accept.
    pub(super) fn refusable(&self) -> Option<Refusable> {
        let examination = self.examination.as_ref().filter(|examination| examination.examined() > 0)?;
        Some(examination.into())
    }

    /// Says why the drop is refused, if it is.
    pub(super) fn problem(&self) -> Option<Problem> {
        let examination = self.examination.as_ref().filter(|_| self.sampled > 0 && !self.may_accept)?;
        let (examined, rules) = (examination.examined(), examination.rules());
        let groups = examination.groups().iter().take(MAX_GROUPS);
        let (what, fix): (Vec<_>, Vec<_>) =
            groups.map(|group| (describe(group, examined), fix_of(&group.first))).unzip();
        let which = if self.records == 1 {
            "the only record is".to_owned()
        } else if examination.failing() == self.records {
            format!("all {} are", Counted(self.records, "record"))
        } else {
            format!("all {} examined of {} are", self.sampled, Counted(self.records, "record"))
        };
        let model = rules.model_id();
        Some(Problem::of_file(
            &kinds::MODEL_REFUSES,
            format!("{which} certain to fail at the model {model}: {}", what.join("; ")),
            format!("{}; or disable these rules with MODEL_RULES=off", fix.join("; ")),
        ))
    }
}

/// Returns what to do about a finding, in words that do not need the finding next to them.
fn fix_of(finding: &RuleFinding) -> String {
    let verbs = [" must not be there", " is not a member"];
    let subject =
        verbs.into_iter().find_map(|verb| finding.what.split_once(verb)).map(|(subject, _)| subject);
    match (finding.fix.strip_prefix("remove it"), subject) {
        (Some(rest), Some(subject)) => format!("remove {subject}{rest}"),
        _ => finding.fix.to_owned(),
    }
}

fn describe(group: &FindingGroup, examined: u64) -> String {
    let count =
        if group.records == examined { String::new() } else { format!("{} of them, ", group.records) };
    format!("{} ({count}{})", group.first.what, group.lines())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAUDE: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    const RIGHT: &str = r#"{"recordId":"r","modelInput":{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}}"#;

    fn door() -> ModelDoor {
        ModelDoor::new(Rules::of(CLAUDE, "InvokeModel"))
    }

    fn wrong() -> String {
        RIGHT.replace("\"anthropic_version\":\"bedrock-2023-05-31\",", "\"model\":\"claude\",")
    }

    #[test]
    fn a_drop_is_refused_only_if_every_examined_record_must_fail() {
        let mut refused = door();
        (1..=120).for_each(|line| refused.look(line, wrong().as_bytes()));
        let problem = refused.problem().unwrap();
        assert_eq!(
            problem.what,
            format!(
                "all 120 records are certain to fail at the model {CLAUDE}: `anthropic_version` is missing (lines 1, 2, 3, 4, \
                 5, …); `model` must not be there (lines 1, 2, 3, 4, 5, …)"
            )
        );
        assert!(problem.fix.contains("bedrock-2023-05-31") && problem.fix.contains("MODEL_RULES=off"));
        assert!(problem.fix.contains("; remove `model`: the setting MODEL_ID decides"), "{}", problem.fix);
        for right in [1, 120, 1_000, 2_000, 50_000] {
            let mut passed = door();
            for line in 1..=50_000 {
                passed.look(line, if line == right { RIGHT.as_bytes() } else { b"{\"modelInput\":{}}" });
            }
            assert_eq!(passed.problem(), None, "{right}");
        }
    }

    #[test]
    fn after_the_first_records_only_a_spread_is_examined() {
        let mut refused = door();
        (1..=50_000).for_each(|line| {
            refused.look(line, if line == 1_001 { RIGHT.as_bytes() } else { b"{\"modelInput\":{}}" })
        });
        let what = refused.problem().unwrap().what;
        assert!(what.starts_with("all 1049 examined of 50000 records are certain to fail"), "{what}");
    }

    #[test]
    fn verdict_is_that_of_the_sample_even_if_every_record_is_examined() {
        let look = |right: &dyn Fn(u64) -> bool| {
            let mut door = door().thorough().exhaustive();
            (1..=3_500).for_each(|line| {
                door.look(line, if right(line) { RIGHT.as_bytes() } else { b"{\"modelInput\":{}}" })
            });
            (door.problem().map(|problem| problem.what), door.refusable().unwrap())
        };
        // Not in the sample.
        let (what, found) = look(&|line| line == 1_001);
        let what = what.unwrap();
        assert!(what.starts_with("all 1002 examined of 3500 records are certain to fail"), "{what}");
        assert_eq!((found.examined, found.failing), (3_500, 3_499));
        let (what, found) = look(&|line| line == 2_000);
        assert_eq!((what, found.examined, found.failing), (None, 3_500, 3_499));
        let (what, _) = look(&|_| false);
        assert!(what.unwrap().starts_with("all 3500 records are certain to fail"));
    }

    #[test]
    fn a_drop_passes_without_rules_without_records_and_with_a_record_that_cannot_be_examined() {
        let mut without_rules = ModelDoor::new(None);
        without_rules.look(1, wrong().as_bytes());
        assert_eq!(without_rules.problem(), None);
        assert_eq!(door().problem(), None);
        let mut unclear = door();
        unclear.look(1, wrong().as_bytes());
        unclear.look(2, br#"{"modelInput":{},"modelInput":{}}"#);
        unclear.look(3, wrong().as_bytes());
        assert_eq!(unclear.problem(), None);
    }
}
