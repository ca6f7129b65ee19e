//! What a check found, and how it is printed.

use std::collections::BTreeSet;
use std::fmt;

use super::known::Unknown;
use crate::base::text;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Everything is as it should be.
    Ok,
    /// Jobs work, but something is not as it should be.
    Warn,
    /// Jobs will fail.
    Fail,
    /// It could not be found out.
    NotChecked,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
            Self::NotChecked => "not checked",
        })
    }
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The result of the check.
    pub state: State,
    /// What was checked.
    pub check: &'static str,
    /// What was found.
    pub found: String,
    /// What to do about it; `None` if nothing needs to be done.
    pub fix: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { state: State::Ok, check, found: found.into(), fix: None }
    }

    pub(super) fn warn(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Warn, check, found: found.into(), fix: Some(fix.into()) }
    }

    pub(super) fn fail(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Fail, check, found: found.into(), fix: Some(fix.into()) }
    }

    pub(super) fn not_checked(check: &'static str, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::NotChecked, check, found: why.into(), fix: Some(fix.into()) }
    }

    pub(super) fn unknown(check: &'static str, unknown: &Unknown) -> Self {
        Self::not_checked(check, unknown.why.clone(), unknown.fix.clone())
    }
}

/// Prints one line. Names and messages from AWS may be in it, so [`text::line`] escapes what was found, and
/// the fix.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<11}  {:<20}  {}", self.state, self.check, text::line(&self.found))?;
        match &self.fix {
            Some(fix) => write!(f, " → {}", text::line(fix)),
            None => Ok(()),
        }
    }
}

/// All lines of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report(pub Vec<Finding>);

impl Report {
    /// Whether no finding makes jobs fail.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.count(State::Fail) == 0
    }

    fn count(&self, state: State) -> usize {
        self.0.iter().filter(|finding| finding.state == state).count()
    }
}

/// Prints one line per finding, and a last line that counts them.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.0 {
            writeln!(f, "{finding}")?;
        }
        let [ok, warn, fail, not_checked] =
            [State::Ok, State::Warn, State::Fail, State::NotChecked].map(|state| self.count(state));
        write!(f, "sum: {ok} ok, {warn} warn, {fail} FAIL, {not_checked} not checked")
    }
}

pub(super) fn join(texts: &BTreeSet<&str>) -> String {
    texts.iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_has_a_line_per_finding_and_their_counts() {
        let unknown =
            Unknown { why: "AccessDenied on ec2:DescribeRouteTables".into(), fix: "allow it".into() };
        let report = Report(vec![
            Finding::ok("subnets", "subnet-0a"),
            Finding::warn("internet", "a way out", "close it"),
            Finding::unknown("route tables", &unknown),
        ]);
        assert_eq!(
            report.to_string(),
            "ok           subnets               subnet-0a\n\
             warn         internet              a way out → close it\n\
             not checked  route tables          AccessDenied on ec2:DescribeRouteTables → allow it\n\
             sum: 1 ok, 1 warn, 0 FAIL, 1 not checked"
        );
        assert!(report.is_sound());
        let hostile = Finding::warn("tags", "\u{1b}[2J\n".to_owned() + &"x".repeat(1 << 20), "\u{202e}y");
        let shown = hostile.to_string();
        assert!(shown.starts_with(r"warn         tags                  \u{1b}[2J\nxxx"), "{shown}");
        assert!(shown.ends_with(r"x… → \u{202e}y") && shown.len() < 2 * text::LINE_CHARS, "{}", shown.len());
        assert!(!Report(vec![Finding::fail("subnets", "none", "make one")]).is_sound());
    }
}
