//! The two flows, with events that repeat, come late, or never come.

mod budgets;
mod cancel;
mod deployments;
mod erase;
mod held;
mod lost_puts;
mod many_parts;
mod missing;
mod model_rules;
mod names;
mod names_in_use;
mod notices;
mod padding;
mod repeated_events;
mod routes;
mod slow_drops;
mod status;
mod sweep;
mod turns;
mod waiting;
