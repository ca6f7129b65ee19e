//! The two flows, with events that repeat, come late, or never come.

mod lost_puts;
mod missing;
mod names_in_use;
mod repeated_events;
mod slow_drops;
mod sweep;
mod waiting;
