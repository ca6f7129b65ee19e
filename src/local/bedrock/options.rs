//! The settings of a stand-in.

use std::time::Duration;

use super::quotas::Quotas;
use crate::local::account::{ACCOUNT_ID, REGION};

/// The error for a job name that is in use. AWS does not document it, and both were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameInUse {
    /// `ConflictException`
    #[default]
    Conflict,
    /// `ValidationException`
    Validation,
}

/// The settings of a stand-in.
#[derive(Clone, Debug)]
pub struct StandInOptions {
    /// The S3 that holds the inputs and gets the outputs.
    pub s3: aws_sdk_s3::Client,
    /// The account in ARNs: twelve digits.
    pub account_id: String,
    /// The Region in ARNs, which signatures must be for.
    pub region: String,
    /// The only access key id that is accepted; `None` for all. Signatures are not verified.
    pub access_key_id: Option<String>,
    /// The roles that may be passed. If `None`, any well-formed ARN is accepted.
    pub roles: Option<Vec<String>>,
    /// The subnets that exist. If `None`, any well-formed id is accepted.
    pub subnet_ids: Option<Vec<String>>,
    /// The security groups that exist. If `None`, any well-formed id is accepted.
    pub security_group_ids: Option<Vec<String>>,
    /// The starts of S3 URIs that a job's role may read besides its input, for media that records point to.
    pub s3_location_prefixes: Vec<String>,
    /// How long a job stays in each state; zero for no longer than the work takes.
    pub pace: Duration,
    /// The quotas in force.
    pub quotas: Quotas,
    /// The error for a job name that is in use.
    pub name_in_use: NameInUse,
    /// Seeds the order of the output lines.
    pub seed: u64,
}

impl StandInOptions {
    /// Makes options for account 123456789012 in us-east-1, with AWS's quotas, without pauses, and accepting
    /// every well-formed resource.
    pub fn new(s3: aws_sdk_s3::Client) -> Self {
        Self {
            s3,
            account_id: ACCOUNT_ID.to_owned(),
            region: REGION.to_owned(),
            access_key_id: None,
            roles: None,
            subnet_ids: None,
            security_group_ids: None,
            s3_location_prefixes: Vec::new(),
            pace: Duration::ZERO,
            quotas: Quotas::default(),
            name_in_use: NameInUse::default(),
            seed: 0,
        }
    }
}
