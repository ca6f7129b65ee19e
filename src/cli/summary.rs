//! Tells a person what the report of a drop says.

use std::path::Path;

use super::fixes::Wording;
use super::problems::{describe_problems, records};
use crate::drop::rejection::{Problem, Rejection};
use crate::estimate::range::Grouped;
use crate::job::summary::{Place, Summary};

pub(super) fn describe_summary(summary: &Summary) -> String {
    let counts = &summary.records;
    let mut text = format!(
        "{} = {} succeeded + {} failed + {} unprocessed",
        records(counts.total),
        Grouped(counts.succeeded),
        Grouped(counts.failed),
        Grouped(counts.unprocessed)
    );
    let unusable = &summary.unusable;
    for (count, what, places) in [
        (counts.truncated, "cut off at a limit of tokens", &unusable.truncated),
        (counts.refused, "refused or filtered", &unusable.refused),
    ] {
        if let Some(Place { file, line }) = places.first.first() {
            let of_these = if count == 1 {
                "1 of the answers is"
            } else {
                &format!("{} of the answers are", Grouped(count))
            };
            text.push_str(&format!("\n  {of_these} {what}: the first is line {line} of {file}"));
        }
    }
    for mismatch in &summary.mismatches {
        text.push_str("\n  does not add up: ");
        text.push_str(mismatch);
    }
    text
}

/// Says why a drop was rejected, with fixes for the file that was dropped.
pub(super) fn describe_rejection(rejection: &Rejection, file: &Path) -> String {
    let wording = Wording::new(Some(file), true);
    let worded = |problem: &Problem| Problem { fix: wording.fix(&problem.fix), ..problem.clone() };
    let problems: Vec<Problem> = rejection.problems.iter().map(worded).collect();
    format!("rejected, {}", describe_problems(&problems, rejection.stopped_early, wording.file()))
}
