//! Groups what was found in many records by its code. Pure, in memory that does not grow with the records.

use crate::model::rules::{RuleFinding, Rules};

/// How many lines of a group are kept.
pub const FIRST_LINES: usize = 5;

/// The findings of one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingGroup {
    /// The first of them.
    pub first: RuleFinding,
    /// How many records have it.
    pub records: u64,
    /// The lines of the first records that have it, counted from 1, each once; at most [`FIRST_LINES`].
    pub first_lines: Vec<u64>,
    /// The line of the last of them. Several records may be on one line of a file that is not JSON Lines.
    last_line: u64,
    has_more_lines: bool,
}

impl FindingGroup {
    /// Names the lines, such as `lines 1, 2, 3, 4, 5, …`.
    #[must_use]
    pub fn lines(&self) -> String {
        let noun = if self.first_lines.len() == 1 { "line" } else { "lines" };
        let first: Vec<String> = self.first_lines.iter().map(u64::to_string).collect();
        let more = if self.has_more_lines { ", …" } else { "" };
        format!("{noun} {}{more}", first.join(", "))
    }
}

/// Examines records, and groups what it finds.
///
/// ```
/// # use bedrock_vpc_batch::model::{findings::Examination, rules::Rules};
/// let mut examination = Examination::new(Rules::of("amazon.titan-embed-text-v2:0", "InvokeModel").unwrap());
/// examination.examine(1, r#"{"inputText":"Hi"}"#);
/// examination.examine(2, r#"{"text":"Hi"}"#);
/// let [group] = examination.groups() else { panic!() };
/// assert_eq!((group.first.code, group.records, &group.first_lines[..]), ("body-input-text", 1, &[2][..]));
/// assert_eq!((examination.examined(), examination.failing()), (2, 1));
/// ```
#[derive(Debug, Clone)]
pub struct Examination {
    rules: Rules,
    examined: u64,
    failing: u64,
    groups: Vec<FindingGroup>,
}

impl Examination {
    /// Starts an examination that has seen no record.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, examined: 0, failing: 0, groups: Vec::new() }
    }

    /// Examines a record: the line that it is in, counted from 1, and the JSON text of its `modelInput`. Returns whether the
    /// model might accept it.
    pub fn examine(&mut self, line: u64, model_input: &str) -> bool {
        let findings = self.rules.judge(model_input);
        self.examined += 1;
        if findings.is_empty() {
            return true;
        }
        self.failing += 1;
        for finding in findings {
            // There are a few dozen codes, so the list stays short.
            match self.groups.iter_mut().find(|group| group.first.code == finding.code) {
                Some(group) => {
                    group.records += 1;
                    match group.first_lines.len() {
                        _ if group.last_line == line => {}
                        0..FIRST_LINES => group.first_lines.push(line),
                        _ => group.has_more_lines = true,
                    }
                    group.last_line = line;
                }
                None => self.groups.push(FindingGroup {
                    first: finding,
                    records: 1,
                    first_lines: vec![line],
                    last_line: line,
                    has_more_lines: false,
                }),
            }
        }
        false
    }

    /// Returns the rules that are applied.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Returns how many records have been examined.
    #[must_use]
    pub fn examined(&self) -> u64 {
        self.examined
    }

    /// Returns how many records the model must refuse.
    #[must_use]
    pub fn failing(&self) -> u64 {
        self.failing
    }

    /// Returns what was found, in the order of the first records.
    #[must_use]
    pub fn groups(&self) -> &[FindingGroup] {
        &self.groups
    }
}
