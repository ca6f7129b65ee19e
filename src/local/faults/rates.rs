//! Decides faults by rates and a seed. Each decision depends only on the seed and the number of the call or
//! event, so a run with the same order of calls has the same faults. Pure.

use std::time::Duration;

use super::action::Action;
use super::call::{Call, Service};
use crate::local::rng::seeded;

/// How often calls go wrong. Each rate is from 0 (never) to 1 (always). A call has at most one fault, so if
/// the rates for a call add up to more than 1, the last ones happen less often.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallRates {
    /// S3 refuses with 503 `SlowDown`; the SDK retries it.
    pub s3_503: f64,
    /// S3 refuses a conditional write with 409 `ConditionalRequestConflict`; the SDK does not retry it.
    pub s3_409: f64,
    /// S3 refuses a conditional write with 412 `PreconditionFailed`.
    pub s3_412: f64,
    /// Bedrock refuses with 429 `ThrottlingException`; the SDK retries it.
    pub bedrock_throttle: f64,
    /// Bedrock refuses a new job with 400 `ServiceQuotaExceededException`; the SDK does not retry it.
    pub bedrock_quota: f64,
    /// Bedrock refuses with 500 or 503; the SDK retries both.
    pub bedrock_5xx: f64,
    /// The call takes effect, but its answer is lost; the SDK retries it.
    pub lost_answers: f64,
    /// The longest delay of a call that has no other fault.
    pub slow: Duration,
}

impl CallRates {
    /// Decides what becomes of a call.
    #[must_use]
    pub fn decide(&self, seed: u64, call: &Call) -> Action {
        let mut rng = seeded(seed, call.number);
        let mut roll = rng.f64();
        let refuse = |status, code| Action::Refuse { status, code };
        let faults = match call.service {
            Service::S3 => {
                let conditional = if call.is_conditional_write() { 1.0 } else { 0.0 };
                [
                    (self.s3_503, refuse(503, "SlowDown")),
                    (self.s3_409 * conditional, refuse(409, "ConditionalRequestConflict")),
                    (self.s3_412 * conditional, refuse(412, "PreconditionFailed")),
                    (self.lost_answers, Action::LoseAnswer),
                ]
            }
            Service::Bedrock => {
                let create = if call.operation == "CreateModelInvocationJob" { 1.0 } else { 0.0 };
                let (status, code) = if rng.bool() {
                    (500, "InternalServerException")
                } else {
                    (503, "ServiceUnavailableException")
                };
                [
                    (self.bedrock_throttle, refuse(429, "ThrottlingException")),
                    (self.bedrock_quota * create, refuse(400, "ServiceQuotaExceededException")),
                    (self.bedrock_5xx, refuse(status, code)),
                    (self.lost_answers, Action::LoseAnswer),
                ]
            }
        };
        for (rate, action) in faults {
            if roll < rate {
                return action;
            }
            roll -= rate;
        }
        if self.slow.is_zero() { Action::Pass } else { Action::Delay(self.slow.mul_f64(rng.f64())) }
    }
}

/// How often events go wrong between AWS and a function. Each rate is from 0 (never) to 1 (always).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventFaults {
    /// The event never arrives.
    pub dropped: f64,
    /// The event arrives twice.
    pub duplicated: f64,
    /// The event, or each of the two, is late, so that events overtake each other.
    pub delayed: f64,
    /// The longest delay.
    pub delay: Duration,
}

impl EventFaults {
    /// The delay of each copy of the event with this number. Empty if the event is dropped.
    pub(crate) fn arrivals(&self, seed: u64, number: u64) -> Vec<Duration> {
        let mut rng = seeded(seed, number);
        if rng.f64() < self.dropped {
            return Vec::new();
        }
        let copies = if rng.f64() < self.duplicated { 2 } else { 1 };
        let mut arrival = || {
            let is_late = rng.f64() < self.delayed;
            let share = rng.f64();
            if is_late { self.delay.mul_f64(share) } else { Duration::ZERO }
        };
        (0..copies).map(|_| arrival()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::local::faults::call::Condition;

    const SECOND: Duration = Duration::from_secs(1);

    fn call(number: u64, service: Service, operation: &'static str, condition: Option<Condition>) -> Call {
        Call { number, condition, ..Call::new(service, operation, String::new()) }
    }

    /// How often each action was taken in 10,000 calls, in hundreds.
    fn hundreds(rates: &CallRates, service: Service, operation: &'static str) -> BTreeMap<String, u32> {
        let condition = (operation == "PutObject").then_some(Condition::IfMatch);
        let mut taken: BTreeMap<_, u32> = BTreeMap::new();
        for number in 1..=10_000 {
            let action = match rates.decide(9, &call(number, service, operation, condition)) {
                Action::Refuse { status, code } => format!("{status} {code}"),
                Action::Delay(pause) => {
                    assert!(pause < rates.slow);
                    "Delay".into()
                }
                action => format!("{action:?}"),
            };
            *taken.entry(action).or_default() += 1;
        }
        taken.values_mut().for_each(|count| *count = (*count + 50) / 100);
        taken
    }

    #[test]
    fn calls_go_wrong_at_their_rates_and_only_where_they_can() {
        let rates = CallRates {
            s3_503: 0.1,
            s3_409: 0.2,
            s3_412: 0.05,
            bedrock_throttle: 0.3,
            bedrock_quota: 0.1,
            bedrock_5xx: 0.2,
            lost_answers: 0.1,
            slow: SECOND,
        };
        let expect = |service, operation, expected: &[(&str, u32)]| {
            let taken = hundreds(&rates, service, operation);
            let names: Vec<_> = taken.keys().map(String::as_str).collect();
            assert_eq!(names, expected.iter().map(|(name, _)| *name).collect::<Vec<_>>());
            for ((name, count), (_, expected)) in taken.iter().zip(expected) {
                assert!(count.abs_diff(*expected) <= 2, "{name}: {count} of {expected}");
            }
        };
        expect(
            Service::S3,
            "PutObject",
            &[
                ("409 ConditionalRequestConflict", 20),
                ("412 PreconditionFailed", 5),
                ("503 SlowDown", 10),
                ("Delay", 55),
                ("LoseAnswer", 10),
            ],
        );
        expect(Service::S3, "GetObject", &[("503 SlowDown", 10), ("Delay", 80), ("LoseAnswer", 10)]);
        expect(
            Service::Bedrock,
            "CreateModelInvocationJob",
            &[
                ("400 ServiceQuotaExceededException", 10),
                ("429 ThrottlingException", 30),
                ("500 InternalServerException", 10),
                ("503 ServiceUnavailableException", 10),
                ("Delay", 30),
                ("LoseAnswer", 10),
            ],
        );
        assert_eq!(hundreds(&CallRates::default(), Service::S3, "PutObject"), [("Pass".into(), 100)].into());
        let always = CallRates { lost_answers: 1.0, ..CallRates::default() };
        assert_eq!(hundreds(&always, Service::S3, "PutObject"), [("LoseAnswer".into(), 100)].into());
    }

    #[test]
    fn seed_decides() {
        let rates = CallRates { lost_answers: 0.5, ..CallRates::default() };
        let decided = |seed| -> Vec<_> {
            (1..=64).map(|number| rates.decide(seed, &call(number, Service::S3, "GetObject", None))).collect()
        };
        assert_eq!(decided(1), decided(1));
        assert_ne!(decided(1), decided(2));
    }

    #[test]
    fn events_arrive_at_their_rates() {
        let faults = EventFaults { dropped: 0.1, duplicated: 0.3, delayed: 0.5, delay: SECOND };
        let arrivals: Vec<_> = (0..10_000).map(|number| faults.arrivals(3, number)).collect();
        let share = |count: usize, of: usize| count * 100 / of;
        let with = |copies| arrivals.iter().filter(|arrivals| arrivals.len() == copies).count();
        assert!((8..=12).contains(&share(with(0), 10_000)));
        assert!((28..=32).contains(&share(with(2), 10_000 - with(0))));
        let all: Vec<_> = arrivals.iter().flatten().collect();
        let late = all.iter().filter(|arrival| !arrival.is_zero()).count();
        assert!((48..=52).contains(&share(late, all.len())));
        assert!(all.iter().all(|arrival| **arrival < SECOND));
        assert_eq!(EventFaults::default().arrivals(3, 1), [Duration::ZERO]);
    }
}
