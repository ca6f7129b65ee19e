//! Which records a next attempt takes, and after which endings there is one. Pure.

use crate::drop::identity::{DropId, JobId};
use crate::drop::plan::Part;
use crate::job::answers::Matched;

/// When the rest of a job's records goes to a next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryLimits {
    /// How often a record is given to Bedrock.
    pub max_attempts: u32,
    /// How many records a job needs.
    pub min_records: u64,
}

/// The status, none of Bedrock's, of a job that was never made because a job of another request has its name.
pub const NAME_IN_USE: &str = "NameInUse";

/// The next attempt at the records that a job has left, if there is to be one. Not after a user has stopped
/// the job, not after one that failed before it had processed anything (it would fail again), and not for
/// too few records for a job.
#[must_use]
pub fn next_attempt(
    drop_id: &DropId,
    part: &Part,
    attempt: u32,
    matched: &Matched,
    status: &str,
    limits: RetryLimits,
) -> Option<Part> {
    let may_succeed = match status {
        "Completed" | "PartiallyCompleted" | "Expired" | NAME_IN_USE => true,
        "Failed" => matched.answered() > 0,
        _ => false,
    };
    let records = matched.rest();
    if !may_succeed || attempt >= limits.max_attempts || records < limits.min_records.max(1) {
        return None;
    }
    let job_id = JobId::derive(drop_id, part.number, attempt + 1);
    Some(Part { job_id, records, without_id: 0, id_sum: matched.rest_ids, ..part.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::example::*;

    #[test]
    fn next_attempt_takes_what_may_succeed() {
        let rest = matched(&answers(&[("a", GOOD), ("b", BUSY)]));
        let none_answered = matched(&answers(&[]));
        let limits = |max_attempts, min_records| RetryLimits { max_attempts, min_records };
        let next = |attempt, matched: &Matched, status, limits| {
            next_attempt(&drop_id(), &part(), attempt, matched, status, limits).map(|part| part.records)
        };
        for status in ["Completed", "PartiallyCompleted", "Expired", "Failed"] {
            assert_eq!(next(1, &rest, status, limits(2, 3)), Some(3), "{status}");
        }
        assert_eq!(next(1, &rest, "Stopped", limits(2, 3)), None);
        assert_eq!(next(2, &rest, "Expired", limits(2, 3)), None);
        assert_eq!(next(1, &rest, "Expired", limits(2, 4)), None);
        assert_eq!(next(1, &none_answered, "Expired", limits(2, 3)), Some(4));
        assert_eq!(next(1, &none_answered, "Failed", limits(2, 3)), None);
        let all = matched(&answers(&[("a", GOOD), ("b", GOOD), ("c", GOOD), ("d", BAD)]));
        assert_eq!(next(1, &all, "Completed", limits(2, 0)), None);
    }
}
