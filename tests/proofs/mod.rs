//! The promises: no record is lost, and none is paid for twice, whatever happens.
//!
//! These tests explore, crash, mutate and flood; `make check` leaves most of them out.

mod crash;
mod flow_calls;
mod model;
mod soak;
mod strictness;
