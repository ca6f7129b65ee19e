//! What the report of a drop says, for a person.

use super::problems::tell_problems;
use crate::drop::rejection::Rejection;
use crate::job::summary::Summary;

pub(super) fn tell_summary(summary: &Summary) -> String {
    let counts = &summary.records;
    let mut text = format!(
        "{} records = {} succeeded + {} failed + {} unprocessed",
        counts.total, counts.succeeded, counts.failed, counts.unprocessed
    );
    for mismatch in &summary.mismatches {
        text.push_str("\n  does not add up: ");
        text.push_str(mismatch);
    }
    text
}

pub(super) fn tell_rejection(rejection: &Rejection) -> String {
    let (problems, shown) = (&rejection.problems, 3);
    let mut text = format!("rejected, {}", tell_problems(problems, rejection.stopped_early, shown));
    if problems.len() > shown {
        text.push_str("\n  the others are in rejection.json");
    }
    text
}
