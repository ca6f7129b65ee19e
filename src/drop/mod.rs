//! A drop.

pub mod check;
pub mod generated_id;
pub mod identity;
pub mod keys;
pub mod plan;
pub mod quotas;
pub mod rejection;
pub mod source;
