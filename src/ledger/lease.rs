//! One invocation of a handler: who writes to the ledger, and until when its leases hold. Pure.

use std::time::{Duration, SystemTime};

use crate::base::timestamp::Timestamp;

/// How much the clocks of two Lambda hosts may differ before a lease could be taken from a living holder.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

/// One call of a handler: who writes, since when, and until when it may go on.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Lambda's id of the request. The event of a failed invocation comes again under the same id, as far as is
    /// known; AWS's guide does not say so, and nothing that matters for a promise depends on it.
    pub request_id: String,
    /// A random id that is in every ledger entry this invocation writes.
    pub writer: String,
    /// When it started; the time of everything that it records.
    pub started: Timestamp,
    /// When a lease taken by it ends: Lambda has ended the invocation by then, on any clock.
    pub lease_until: Timestamp,
    /// When Lambda ends it.
    pub deadline: SystemTime,
}

impl Invocation {
    /// The invocation that has handled this request since `started` and is ended at `deadline`.
    #[must_use]
    pub fn new(request_id: String, writer: String, started: SystemTime, deadline: SystemTime) -> Self {
        let lease_until = (deadline + CLOCK_SKEW).into();
        Self { request_id, writer, started: started.into(), lease_until, deadline }
    }

    /// Whether, at `time`, there is time to begin one more piece of work. A function with little time keeps back at
    /// most a quarter of it, or it would never begin.
    #[must_use]
    pub fn has_time_at(&self, time: SystemTime, work: Duration) -> bool {
        let all = self.deadline.duration_since(self.started.into()).unwrap_or_default();
        time + work.min(all / 4) < self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(started: SystemTime, deadline: SystemTime) -> Invocation {
        Invocation::new("request".into(), "writer".into(), started, deadline)
    }

    #[test]
    fn little_time_is_not_all_kept_back() {
        let started = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let invocation = |seconds| invocation(started, started + Duration::from_secs(seconds));
        let ten_seconds = Duration::from_secs(10);
        let at = |seconds| started + Duration::from_secs(seconds);
        assert!(invocation(900).has_time_at(at(889), ten_seconds));
        assert!(!invocation(900).has_time_at(at(890), ten_seconds));
        assert!(invocation(8).has_time_at(at(5), ten_seconds));
        assert!(!invocation(8).has_time_at(at(6), ten_seconds));
    }

    #[test]
    fn lease_outlives_the_deadline() {
        let deadline = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        assert_eq!(invocation(deadline, deadline).lease_until, Timestamp::from_secs(1_030));
    }
}
