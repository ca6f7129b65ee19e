//! What can become of a call.

use std::time::Duration;

/// What becomes of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// It goes on to the server.
    #[default]
    Pass,
    /// It goes on to the server after this pause.
    Delay(Duration),
    /// It does not reach the server, and the caller gets this error as the service would send it.
    Refuse {
        /// The HTTP status, such as 503.
        status: u16,
        /// The error code, such as `SlowDown` or `ThrottlingException`.
        code: &'static str,
    },
    /// It has its effect, but the connection breaks before the answer arrives.
    LoseAnswer,
    /// It has its effect, and its answer arrives at this many bytes per second.
    Throttle(u64),
    /// The caller is killed just before the call: no effect, no answer, and no further call gets through.
    StopBefore,
    /// The caller is killed just after the call: it has its effect, no answer, and no further call gets
    /// through.
    StopAfter,
}

impl Action {
    /// The name under which it is counted; `None` for a call that passes.
    pub(super) fn name(&self) -> Option<&'static str> {
        match self {
            Self::Pass => None,
            Self::Delay(_) => Some("delay"),
            Self::Refuse { code, .. } => Some(code),
            Self::LoseAnswer => Some("lost answer"),
            Self::Throttle(_) => Some("throttle"),
            Self::StopBefore | Self::StopAfter => Some("stop"),
        }
    }
}
