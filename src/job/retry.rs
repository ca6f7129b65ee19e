//! Whether the records that a job leaves over go to a next attempt. Pure.
//!
//! | the job ended | its remaining records |
//! |---|---|
//! | `Completed`, `PartiallyCompleted`, `Expired` | go to a next attempt |
//! | `Failed` after Bedrock had processed some records | go to a next attempt |
//! | `Failed` before that | do not: the job would fail again |
//! | `Stopped`, `Cancelled` | do not: a person stopped it |
//! | `NameInUse` | go to a next attempt, which has another name |
//!
//! After [`RetryLimits::max_attempts`], or if fewer than [`RetryLimits::min_records`] remain, they are reported as
//! unprocessed.
//! Which errors of a single record are worth another attempt is decided in `record::retryable`.

use crate::drop::identity::{DropId, JobId};
use crate::drop::plan::Part;
use crate::job::answers::Matched;
use crate::job::ending::EndStatus;

/// The limits for next attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryLimits {
    /// How often Bedrock is given a record, at most.
    pub max_attempts: u32,
    /// How many records a next attempt needs, at least. If small jobs are filled up with padding, one is enough.
    pub min_records: u64,
}

/// One attempt at one part of a drop.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The drop.
    pub drop_id: &'a DropId,
    /// The part.
    pub part: &'a Part,
    /// The number of the attempt, counted from 1.
    pub number: u32,
}

impl Attempt<'_> {
    /// Returns the next attempt at the records that this one leaves over, if there is to be one.
    #[must_use]
    pub fn next(self, status: EndStatus, matched: &Matched, limits: RetryLimits) -> Option<Part> {
        let may_succeed = match status {
            EndStatus::Completed
            | EndStatus::PartiallyCompleted
            | EndStatus::Expired
            | EndStatus::NameInUse => true,
            EndStatus::Failed => matched.answered() > 0,
            EndStatus::Stopped | EndStatus::Cancelled => false,
        };
        let records = matched.remaining();
        if !may_succeed || self.number >= limits.max_attempts || records < limits.min_records.max(1) {
            return None;
        }
        let job_id = JobId::derive(self.drop_id, self.part.number, self.number + 1);
        Some(Part {
            job_id,
            records,
            without_id: 0,
            repaired: 0,
            id_sum: matched.remaining_ids,
            ..self.part.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::example::{BAD, BUSY, GOOD, answers, drop_id, matched, part};

    #[test]
    fn next_attempt_takes_what_may_succeed() {
        use EndStatus::{Cancelled, Completed, Expired, Failed, NameInUse, PartiallyCompleted, Stopped};
        let remaining = matched(&answers(&[("a", GOOD), ("b", BUSY)]));
        let none_answered = matched(&answers(&[]));
        let limits = |max_attempts, min_records| RetryLimits { max_attempts, min_records };
        let next = |number, matched: &Matched, status, limits| {
            let attempt = Attempt { drop_id: &drop_id(), part: &part(), number };
            attempt.next(status, matched, limits).map(|part| part.records)
        };
        for status in [Completed, PartiallyCompleted, Expired, Failed, NameInUse] {
            assert_eq!(next(1, &remaining, status, limits(2, 3)), Some(3), "{status:?}");
        }
        for status in [Stopped, Cancelled] {
            assert_eq!(next(1, &remaining, status, limits(2, 3)), None, "{status:?}");
        }
        assert_eq!(next(2, &remaining, Expired, limits(2, 3)), None);
        assert_eq!(next(1, &remaining, Expired, limits(2, 4)), None);
        assert_eq!(next(1, &none_answered, Expired, limits(2, 3)), Some(4));
        assert_eq!(next(1, &none_answered, Failed, limits(2, 3)), None);
        let all = matched(&answers(&[("a", GOOD), ("b", GOOD), ("c", GOOD), ("d", BAD)]));
        assert_eq!(next(1, &all, Completed, limits(2, 0)), None);
    }

    #[test]
    fn next_attempt_is_a_job_of_its_own_with_the_ids_that_remain() {
        let remaining = matched(&answers(&[("a", GOOD), ("b", BUSY)]));
        let part = Part { without_id: 2, ..part() };
        let attempt = Attempt { drop_id: &drop_id(), part: &part, number: 2 };
        let next =
            attempt.next(EndStatus::Expired, &remaining, RetryLimits { max_attempts: 3, min_records: 1 });
        let expected = Part {
            job_id: JobId::derive(&drop_id(), 1, 3),
            records: 3,
            // All ids have been written into the input of the first attempt.
            without_id: 0,
            id_sum: remaining.remaining_ids,
            ..part.clone()
        };
        assert_eq!(next, Some(expected));
        assert_ne!(remaining.remaining_ids, part.id_sum);
    }
}
