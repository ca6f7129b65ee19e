//! Tells a person what the report of a drop says.

use super::problems::{describe_problems, records};
use crate::drop::rejection::Rejection;
use crate::job::summary::Summary;

pub(super) fn describe_summary(summary: &Summary) -> String {
    let counts = &summary.records;
    let mut text = format!(
        "{} = {} succeeded + {} failed + {} unprocessed",
        records(counts.total),
        counts.succeeded,
        counts.failed,
        counts.unprocessed
    );
    for mismatch in &summary.mismatches {
        text.push_str("\n  does not add up: ");
        text.push_str(mismatch);
    }
    text
}

pub(super) fn describe_rejection(rejection: &Rejection) -> String {
    let (problems, shown) = (&rejection.problems, 3);
    let mut text = format!("rejected, {}", describe_problems(problems, rejection.stopped_early, shown));
    if problems.len() > shown {
        text.push_str("\n  the others are in rejection.json");
    }
    text
}
