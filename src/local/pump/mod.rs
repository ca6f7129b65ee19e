//! Delivers S3 notifications, job state changes, and the schedule to the handlers as AWS does: each is an
//! asynchronous invocation of its own, tried three times. It can also lose, repeat, or delay events, if asked
//! to.
//!
//! | file | job |
//! |---|---|
//! | `events.rs` | the events, as AWS writes them |
//! | `wiring.rs` | which event goes to which handler |
//! | `stream.rs` | the faults of events, and their counts |
//! | `schedule.rs` | wakes the sweep |
//! | `function.rs` | one invocation: timeout and retries |
//! | `ending.rs` | how a drop ended, and who is told |

mod ending;
mod events;
mod function;
mod schedule;
mod stream;
mod wiring;

pub use self::ending::DropEnding;
pub use self::events::{notification, object_created_event, schedule_event};
pub use self::function::MAX_FUNCTION_TIMEOUT;
pub use self::stream::EventCounts;
pub use self::wiring::{Pump, PumpOptions};
