//! The fault options of the command line: `--fault NAME=VALUE`.

use std::fmt::Write as _;
use std::time::Duration;

use super::rates::{CallRates, EventFaults};
use crate::local::bedrock::EndingRates;

/// The faults of a local run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultOptions {
    /// Faults of the functions' calls.
    pub calls: CallRates,
    /// Faults of S3 notifications.
    pub notifications: EventFaults,
    /// Faults of Bedrock's state changes.
    pub state_changes: EventFaults,
    /// How jobs end.
    pub endings: EndingRates,
    /// How many jobs may be in flight; `None` for AWS's quota.
    pub jobs_in_flight: Option<usize>,
    /// How long Bedrock refuses the jobs' role.
    pub refuse_role: Duration,
    /// How long Bedrock refuses the jobs' first subnet.
    pub refuse_subnet: Duration,
}

/// Why a fault cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is no `=`.
    #[error("is not NAME=VALUE")]
    NoValue,
    /// The name is not one of [`FAULTS`].
    #[error("unknown fault; --help lists them")]
    UnknownName,
    /// The rate is not a number from 0 to 1.
    #[error("the value is not a number from 0 to 1")]
    BadRate,
    /// The number of jobs is not a whole number of at least 1.
    #[error("the value is not a whole number of at least 1")]
    BadCount,
    /// Rates that exclude each other add up to more than 1.
    #[error("{0} exclude each other, and their rates add up to more than 1")]
    OverOne(&'static str),
    /// The time is not a whole number of milliseconds.
    #[error("the value is not a whole number of milliseconds, such as 500ms")]
    BadTime,
}

/// Sets one fault from its value.
type Set = fn(&mut FaultOptions, &str) -> Result<(), FaultError>;

/// Every fault: its name, the form of its value, what it means, and how it is set.
pub const FAULTS: &[(&str, &str, &str, Set)] = &[
    ("jobs-in-flight", "N", "Bedrock takes at most N jobs at a time", |faults, value| {
        let count = value.parse().ok().filter(|count| *count > 0);
        faults.jobs_in_flight = Some(count.ok_or(FaultError::BadCount)?);
        Ok(())
    }),
    ("refuse-role", "MS", "how long Bedrock refuses the job role", |faults, value| {
        time(value).map(|time| faults.refuse_role = time)
    }),
    ("refuse-subnet", "MS", "how long Bedrock refuses the first subnet", |faults, value| {
        time(value).map(|time| faults.refuse_subnet = time)
    }),
    (
        "bedrock-throttle",
        "RATE",
        "calls that Bedrock refuses with 429 ThrottlingException",
        |faults, value| rate(value).map(|rate| faults.calls.bedrock_throttle = rate),
    ),
    ("bedrock-quota", "RATE", "new jobs refused with ServiceQuotaExceededException", |faults, value| {
        rate(value).map(|rate| faults.calls.bedrock_quota = rate)
    }),
    ("bedrock-5xx", "RATE", "calls that Bedrock refuses with 500 or 503", |faults, value| {
        rate(value).map(|rate| faults.calls.bedrock_5xx = rate)
    }),
    ("s3-503", "RATE", "calls that S3 refuses with 503 SlowDown", |faults, value| {
        rate(value).map(|rate| faults.calls.s3_503 = rate)
    }),
    ("s3-409", "RATE", "conditional writes refused with 409 ConditionalRequestConflict", |faults, value| {
        rate(value).map(|rate| faults.calls.s3_409 = rate)
    }),
    ("s3-412", "RATE", "conditional writes refused with 412 PreconditionFailed", |faults, value| {
        rate(value).map(|rate| faults.calls.s3_412 = rate)
    }),
    ("lost-answers", "RATE", "calls that take effect, but whose answer is lost", |faults, value| {
        rate(value).map(|rate| faults.calls.lost_answers = rate)
    }),
    ("slow", "MS", "the longest delay of each call", |faults, value| {
        time(value).map(|time| faults.calls.slow = time)
    }),
    ("partial", "RATE", "jobs that end PartiallyCompleted", |faults, value| {
        rate(value).map(|rate| faults.endings.partial = rate)
    }),
    ("expire", "RATE", "jobs that end Expired", |faults, value| {
        rate(value).map(|rate| faults.endings.expired = rate)
    }),
    ("fail", "RATE", "jobs that end Failed", |faults, value| {
        rate(value).map(|rate| faults.endings.failed = rate)
    }),
    ("stop", "RATE", "jobs that end Stopped", |faults, value| {
        rate(value).map(|rate| faults.endings.stopped = rate)
    }),
    ("lying-output", "RATE", "jobs whose output contradicts manifest and counters", |faults, value| {
        rate(value).map(|rate| faults.endings.lying = rate)
    }),
    ("retryable-errors", "RATE", "records that end with the error 429 or 503", |faults, value| {
        rate(value).map(|rate| faults.endings.retryable_errors = rate)
    }),
    ("events-dropped", "RATE", "events that never reach a function", |faults, value| {
        rate(value).map(|rate| faults.each_event(|events| events.dropped = rate))
    }),
    ("events-duplicated", "RATE", "events that arrive twice", |faults, value| {
        rate(value).map(|rate| faults.each_event(|events| events.duplicated = rate))
    }),
    (
        "events-delayed",
        "MS",
        "the longest delay of each event; events overtake each other",
        |faults, value| {
            let delay = time(value)?;
            faults.each_event(|events| (events.delayed, events.delay) = (1.0, delay));
            Ok(())
        },
    ),
];

impl FaultOptions {
    /// Sets the fault that `NAME=VALUE` names.
    ///
    /// # Errors
    /// [`FaultError`]; nothing is changed.
    pub fn set(&mut self, fault: &str) -> Result<(), FaultError> {
        let (name, value) = fault.split_once('=').ok_or(FaultError::NoValue)?;
        let known = FAULTS.iter().find(|(known, ..)| *known == name);
        let (.., set) = known.ok_or(FaultError::UnknownName)?;
        set(self, value)
    }

    /// Checks the faults together. At most one of the faults that can happen to the same call or job does
    /// happen, so their rates must not add up to more than 1.
    ///
    /// # Errors
    /// [`FaultError::OverOne`].
    pub fn check(&self) -> Result<(), FaultError> {
        let Self { calls, endings, .. } = self;
        let groups = [
            (
                "s3-503, s3-409, s3-412 and lost-answers",
                calls.s3_503 + calls.s3_409 + calls.s3_412 + calls.lost_answers,
            ),
            (
                "bedrock-throttle, bedrock-quota, bedrock-5xx and lost-answers",
                calls.bedrock_throttle + calls.bedrock_quota + calls.bedrock_5xx + calls.lost_answers,
            ),
            (
                "partial, expire, fail and stop",
                endings.partial + endings.expired + endings.failed + endings.stopped,
            ),
        ];
        // Added in some order, 0.7, 0.2, and 0.1 are slightly more than 1.
        match groups.iter().find(|(_, sum)| *sum > 1.0 + 1e-9) {
            Some((names, _)) => Err(FaultError::OverOne(names)),
            None => Ok(()),
        }
    }

    /// The help text: one fault per line.
    #[must_use]
    pub fn help() -> String {
        FAULTS.iter().fold(String::new(), |mut help, (name, form, meaning, _)| {
            // Writing to a String does not fail.
            let _ = writeln!(help, "  {:24} {meaning}", format!("{name}={form}"));
            help
        })
    }

    fn each_event(&mut self, change: impl Fn(&mut EventFaults)) {
        change(&mut self.notifications);
        change(&mut self.state_changes);
    }
}

fn rate(value: &str) -> Result<f64, FaultError> {
    value.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)).ok_or(FaultError::BadRate)
}

fn time(value: &str) -> Result<Duration, FaultError> {
    let number = value.strip_suffix("ms").unwrap_or(value);
    number.parse().map(Duration::from_millis).map_err(|_| FaultError::BadTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_sets_something_of_its_own() {
        let mut seen = vec![FaultOptions::default()];
        for (name, form, ..) in FAULTS {
            let mut faults = FaultOptions::default();
            let value = if *form == "RATE" { "0.5" } else { "5" };
            assert_eq!(faults.set(&format!("{name}={value}")), Ok(()), "{name}");
            assert!(!seen.contains(&faults), "{name}");
            seen.push(faults);
        }
    }

    #[test]
    fn rates_of_exclusive_faults_add_up_to_at_most_1() {
        let check = |settings: &[&str]| {
            let mut faults = FaultOptions::default();
            settings.iter().for_each(|setting| faults.set(setting).unwrap());
            faults.check()
        };
        assert_eq!(check(&["partial=0.7", "fail=0.2", "stop=0.1", "retryable-errors=1"]), Ok(()));
        assert_eq!(check(&["s3-503=0.6", "bedrock-5xx=0.6", "events-dropped=1"]), Ok(()));
        let over = |names| Err(FaultError::OverOne(names));
        assert_eq!(check(&["partial=0.7", "expire=0.31"]), over("partial, expire, fail and stop"));
        let s3 = "s3-503, s3-409, s3-412 and lost-answers";
        assert_eq!(check(&["s3-412=0.5", "lost-answers=0.6"]), over(s3));
        let bedrock = "bedrock-throttle, bedrock-quota, bedrock-5xx and lost-answers";
        assert_eq!(check(&["bedrock-quota=0.5", "lost-answers=0.6"]), over(bedrock));
    }

    #[test]
    fn bad_value_changes_nothing_and_is_told() {
        for (fault, error) in [
            ("slow", FaultError::NoValue),
            ("slower=5", FaultError::UnknownName),
            ("s3-503=1.1", FaultError::BadRate),
            ("s3-503=-0.1", FaultError::BadRate),
            ("s3-503=NaN", FaultError::BadRate),
            ("s3-503=", FaultError::BadRate),
            ("jobs-in-flight=0", FaultError::BadCount),
            ("slow=1s", FaultError::BadTime),
            ("events-delayed=-1", FaultError::BadTime),
        ] {
            let mut faults = FaultOptions::default();
            assert_eq!((faults.set(fault), faults), (Err(error), FaultOptions::default()), "{fault}");
        }
        let mut faults = FaultOptions::default();
        faults.set("slow=250ms").unwrap();
        assert_eq!(faults.calls, CallRates { slow: Duration::from_millis(250), ..CallRates::default() });
    }
}
