//! The account and the Region that everything local belongs to.

/// The account: the one in AWS's own examples.
pub const ACCOUNT_ID: &str = "123456789012";

/// The Region.
pub const REGION: &str = "us-east-1";
