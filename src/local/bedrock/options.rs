//! The settings of a stand-in.

use std::time::Duration;

use super::quotas::Quotas;
use crate::local::account::{ACCOUNT_ID, REGION};

/// How a job name that is in use is refused: AWS does not document the error, and both were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameInUse {
    /// `ConflictException`
    #[default]
    Conflict,
    /// `ValidationException`
    Validation,
}

/// What a stand-in is made with.
#[derive(Clone, Debug)]
pub struct StandInOptions {
    /// The S3 that holds inputs and takes outputs.
    pub s3: aws_sdk_s3::Client,
    /// The account that ARNs name, twelve digits.
    pub account_id: String,
    /// The Region that ARNs name and that signatures must have.
    pub region: String,
    /// The only access key id that is let in; `None`: every one. Signatures are not verified.
    pub access_key_id: Option<String>,
    /// The roles that may be passed; `None`: every well-formed one.
    pub roles: Option<Vec<String>>,
    /// The subnets that exist; `None`: every well-formed one.
    pub subnet_ids: Option<Vec<String>>,
    /// The security groups that exist; `None`: every well-formed one.
    pub security_group_ids: Option<Vec<String>>,
    /// How long a job stays in each state; zero: no longer than the work takes.
    pub pace: Duration,
    /// The quotas in force.
    pub quotas: Quotas,
    /// How a job name that is in use is refused.
    pub name_in_use: NameInUse,
    /// Decides the order of the output lines.
    pub seed: u64,
}

impl StandInOptions {
    /// Makes options for account 123456789012 in us-east-1, with AWS's quotas, no known resources and no pauses.
    pub fn new(s3: aws_sdk_s3::Client) -> Self {
        Self {
            s3,
            account_id: ACCOUNT_ID.to_owned(),
            region: REGION.to_owned(),
            access_key_id: None,
            roles: None,
            subnet_ids: None,
            security_group_ids: None,
            pace: Duration::ZERO,
            quotas: Quotas::default(),
            name_in_use: NameInUse::default(),
            seed: 0,
        }
    }
}
