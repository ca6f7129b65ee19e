//! How often a drop was repaired, for the person who dropped it. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::count::Counted;

/// The repairs of a drop, by the kinds of [`repairing`](crate::record::repairing).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Repairs {
    /// Blank lines, which were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blank_lines: Option<RepairedLines>,
    /// Lines that started with byte order marks, which were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte_order_marks: Option<RepairedLines>,
    /// Lines that ended with a carriage return only, in place of which they got a newline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carriage_returns: Option<RepairedLines>,
    /// Records whose id is an integer, which was put in quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integer_ids: Option<RepairedLines>,
    /// Records with members other than `recordId` and `modelInput`, which were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_members: Option<RepairedLines>,
}

/// Lines with the same kind of repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairedLines {
    /// How many there are.
    pub lines: u64,
    /// The first of them, counted from 1.
    pub first_line: u64,
}

impl RepairedLines {
    /// Counts one more line.
    pub(super) fn count(counted: &mut Option<Self>, line: u64) {
        counted.get_or_insert(Self { lines: 0, first_line: line }).lines += 1;
    }
}

impl Repairs {
    /// Returns whether nothing was repaired.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what was done, and to which lines, for each kind of repair that was needed.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, RepairedLines)> {
        [
            ("left out blank lines", self.blank_lines),
            ("left out byte order marks", self.byte_order_marks),
            ("wrote newlines in place of carriage returns", self.carriage_returns),
            ("put integer recordIds in quotes", self.integer_ids),
            ("left out members other than recordId and modelInput", self.extra_members),
        ]
        .into_iter()
        .filter_map(|(what, lines)| Some((what, lines?)))
    }
}

/// Says what was repaired, in a sentence; nothing if nothing was.
impl fmt::Display for Repairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (what, RepairedLines { lines, first_line })) in self.kinds().enumerate() {
            let start = if at == 0 { "Repaired: " } else { "; " };
            let where_ = if lines == 1 { "line" } else { "first on line" };
            write!(f, "{start}{what} ({}, {where_} {first_line})", Counted(lines, "line"))?;
        }
        if self.is_empty() { Ok(()) } else { f.write_str(".") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_are_told_in_a_sentence() {
        let mut repairs = Repairs::default();
        assert_eq!((repairs.is_empty(), repairs.to_string()), (true, String::new()));
        RepairedLines::count(&mut repairs.blank_lines, 7);
        RepairedLines::count(&mut repairs.integer_ids, 2);
        RepairedLines::count(&mut repairs.integer_ids, 9);
        assert!(!repairs.is_empty());
        assert_eq!(
            repairs.to_string(),
            "Repaired: left out blank lines (1 line, line 7); put integer recordIds in quotes (2 lines, first on line 2)."
        );
    }

    #[test]
    fn only_kinds_that_were_needed_are_written() {
        let json = r#"{"extra_members":{"lines":3,"first_line":1}}"#;
        let repairs: Repairs = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&repairs).unwrap(), json);
        assert_eq!(serde_json::to_string(&Repairs::default()).unwrap(), "{}");
    }
}
