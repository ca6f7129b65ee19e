//! All integration tests in one binary: the AWS SDKs are linked once.

#![cfg(test)]

mod awkward_keys;
mod contradictions;
mod crash;
#[cfg(feature = "doctor")]
mod doctor;
mod endings;
mod events;
mod faults;
mod flow_calls;
mod hostile;
mod leases;
mod ledger_contract;
mod local_run;
mod lost_puts;
mod malformed;
mod missing;
mod model;
mod names_in_use;
mod output_lines;
mod processes;
mod readme;
mod repeated_events;
mod retries;
mod s3_checks;
mod sections;
mod service_model;
mod slow_drops;
mod soak;
mod splitting;
mod stand_in;
mod store;
mod strictness;
mod support;
mod sweep;
mod telemetry;
mod timeouts;
mod wire;
mod wrong_answers;
