//! Whatever happens, no record is lost, and no record is paid for twice.
//!
//! These tests explore, crash, mutate, and flood. `make check` leaves most of them out.

mod calls_per_drop;
#[path = "../fuzz/checks/mod.rs"]
mod checks;
mod crash;
mod flow_calls;
mod fuzz_replay;
mod many_jobs;
mod model;
mod one_budget;
mod repairs;
mod soak;
mod strictness;
