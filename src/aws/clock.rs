//! Reads the clock, which no other file does, and starts invocations.

use std::time::SystemTime;

use crate::ledger::lease::Invocation;

/// Reads the clock.
#[expect(clippy::disallowed_methods, reason = "everything else takes time as an argument from here")]
#[must_use]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Starts an invocation that handles this request, and that ends at `deadline` at the latest. Its writer id is random.
#[must_use]
pub fn invocation(request_id: String, deadline: SystemTime) -> Invocation {
    Invocation::new(request_id, random_id(), now(), deadline)
}

/// Starts an invocation for a new request, whose id is random.
#[must_use]
pub fn invocation_until(deadline: SystemTime) -> Invocation {
    invocation(random_id(), deadline)
}

/// Returns 32 random hex digits.
fn random_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}
