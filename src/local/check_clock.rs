//! Refuses a clock that the servers cannot work with.

use std::io;
use std::time::SystemTime;

use crate::base::timestamp::Timestamp;

/// Refuses a clock before 1970, because the servers' answers are dated and HTTP cannot write such a date.
///
/// # Errors
/// Names the time on the clock.
pub(super) fn check_clock(time: SystemTime) -> io::Result<()> {
    if time >= SystemTime::UNIX_EPOCH {
        return Ok(());
    }
    let time = Timestamp::from(time);
    Err(io::Error::other(format!("the clock of this machine says {time}, which is before 1970; set it")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn clock_before_1970_is_refused_with_its_time() {
        assert_eq!(check_clock(SystemTime::UNIX_EPOCH).map_err(|error| error.to_string()), Ok(()));
        let error = check_clock(SystemTime::UNIX_EPOCH - Duration::from_millis(1)).unwrap_err();
        let message = "the clock of this machine says 1969-12-31T23:59:59Z, which is before 1970; set it";
        assert_eq!(error.to_string(), message);
    }
}
