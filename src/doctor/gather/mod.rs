//! Asks AWS for the facts. Every call here only reads. If one fails, its fact is unknown, and the others still
//! count.

mod answers;
mod bucket;
mod ec2;
mod gatherer;
mod keys;
mod model;
mod models_of_routes;
mod network;
mod open_models;
mod quotas;
mod role;

pub(super) use self::answers::{found, known};
pub(super) use self::gatherer::{CALL_TIMEOUT, Gatherer};
