//! The checks. All are pure: settings and facts in, findings out.
//!
//! Each file is one check, or a few of one kind, and is named after the lines that it adds to the report.

pub(super) mod access;
pub(super) mod buckets;
pub(super) mod dns;
pub(super) mod endpoints;
pub(super) mod keys;
pub(super) mod model;
pub(super) mod models_of_routes;
pub(super) mod open_drops;
pub(super) mod probe;
pub(super) mod quotas;
pub(super) mod role;
pub(super) mod routes;
pub(super) mod security_groups;
pub(super) mod subnets;
