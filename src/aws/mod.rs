//! Adapters.

pub mod bedrock;
pub mod clients;
pub mod clock;
pub mod config;
pub mod error;
pub mod events;
pub mod object_lines;
pub mod store;
pub mod telemetry;
