//! The adapters for S3, Bedrock, events, and telemetry, tested on the wire.

mod events;
mod ledger_contract;
mod store;
mod telemetry;
mod timeouts;
mod wire;
mod wrong_answers;
