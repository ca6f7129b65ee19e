//! All integration tests in one binary: the AWS SDKs are linked once.

#![cfg(test)]

mod awkward_keys;
mod endings;
mod events;
mod malformed;
mod model;
mod processes;
mod readme;
mod repeated_events;
mod retries;
mod s3_checks;
mod service_model;
mod stand_in;
mod store;
mod support;
mod sweep;
mod timeouts;
mod wire;
