//! One invocation of a handler: who writes to the ledger, and when its leases end. Pure.

use std::time::{Duration, SystemTime};

use crate::base::timestamp::Timestamp;

/// How much the clocks of two Lambda hosts may differ. A larger difference could end a lease while its holder still
/// runs.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

/// One call of a handler.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Lambda's id for the request. As far as is known, Lambda delivers the event of a failed invocation again under
    /// the same id. AWS does not document this. Only the time until a retry, and the notice of a drop whose function died
    /// as it ended, depend on it.
    pub request_id: String,
    /// A random id, which is in every ledger entry that this invocation writes.
    pub writer: String,
    /// When the invocation started. What it finds out is as of this time, or later.
    pub started: Timestamp,
    /// When the invocation's leases end. By then, Lambda has ended the invocation, on any host's clock.
    pub lease_until: Timestamp,
    /// When Lambda ends the invocation.
    pub deadline: SystemTime,
}

impl Invocation {
    /// An invocation that has been handling this request since `started`, and that Lambda ends at `deadline`.
    #[must_use]
    pub fn new(request_id: String, writer: String, started: SystemTime, deadline: SystemTime) -> Self {
        let lease_until = (deadline + CLOCK_SKEW).into();
        Self { request_id, writer, started: started.into(), lease_until, deadline }
    }

    /// Returns whether there is time for one more piece of work, now that it is `time`. A function with a short time
    /// limit reserves at most a quarter of it, or it would never start.
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
    fn short_invocation_reserves_only_part_of_its_time() {
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
