//! What is known of an account. Gathered by [`gather`](super::gather), judged by the checks.

use serde_json::Value;

use super::known::Known;

/// Everything that the checks look at.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// All subnets of the VPCs that the jobs' subnets are in.
    pub(super) subnets: Known<Vec<Subnet>>,
    pub(super) route_tables: Known<Vec<RouteTable>>,
    /// Of the VPC of the first subnet.
    pub(super) dns: Known<Dns>,
    /// The security groups of the jobs, of the functions and of the endpoints.
    pub(super) groups: Known<Vec<Group>>,
    /// All endpoints of the Region.
    pub(super) endpoints: Known<Vec<Endpoint>>,
    /// The id of the Region's managed prefix list of S3.
    pub(super) s3_prefix_list: Known<Option<String>>,
    pub(super) input: Bucket,
    pub(super) output: Bucket,
    /// The role's trust policy; none if there is no such role.
    pub(super) trust: Known<Option<Value>>,
    /// What IAM's simulation answers.
    pub(super) permissions: Vec<(Question, Known<Decision>)>,
    /// None if the model's id is not that of a profile.
    pub(super) profile: Option<Known<Option<Profile>>>,
    /// The foundation model, or that of the profile.
    pub(super) model: Known<Option<Model>>,
    /// The quotas that speak of batch inference.
    pub(super) quotas: Known<Vec<Quota>>,
    /// The keys that the jobs need.
    pub(super) keys: Vec<Key>,
}

#[derive(Debug, Clone)]
pub(super) struct Subnet {
    pub(super) id: String,
    pub(super) vpc_id: String,
    pub(super) zone: String,
}

#[derive(Debug, Clone)]
pub(super) struct RouteTable {
    pub(super) id: String,
    pub(super) vpc_id: String,
    pub(super) is_main: bool,
    /// The subnets that are associated with it explicitly.
    pub(super) subnet_ids: Vec<String>,
    /// Targets that lead out of the VPC to the internet.
    pub(super) ways_out: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Dns {
    pub(super) has_support: bool,
    pub(super) has_hostnames: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) vpc_id: String,
    /// Who may be reached on TCP 443: CIDR blocks, prefix lists and groups.
    pub(super) https_out: Vec<String>,
    /// Who may come in on TCP 443.
    pub(super) https_in: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) id: String,
    pub(super) vpc_id: String,
    pub(super) service: String,
    pub(super) is_gateway: bool,
    pub(super) is_available: bool,
    pub(super) route_table_ids: Vec<String>,
    pub(super) group_ids: Vec<String>,
    pub(super) has_private_dns: Option<bool>,
    pub(super) policy: Option<Value>,
}

#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// Its Region; none if there is no such bucket.
    pub(super) region: Known<Option<String>>,
    pub(super) is_versioned: Known<bool>,
    pub(super) is_public_access_blocked: Known<bool>,
    /// How objects are encrypted by default.
    pub(super) encryption: Known<Option<Encryption>>,
    pub(super) policy: Known<Option<Value>>,
}

#[derive(Debug, Clone)]
pub(super) struct Encryption {
    pub(super) algorithm: String,
    pub(super) key_id: Option<String>,
}

/// What the simulation is asked: may the role do these with that, in such a request?
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) action: &'static str,
    pub(super) resource: String,
    pub(super) context: Vec<(&'static str, Vec<String>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    Allowed,
    /// No statement of the role allows it.
    NotAllowed,
    /// A statement of the role denies it.
    Denied,
    /// The permissions boundary of the role does not let it.
    Bounded,
    /// A policy of the organization does not let it.
    Forbidden,
}

#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) arn: String,
    pub(super) is_active: bool,
    pub(super) model_arns: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) id: String,
    /// As the quotas name it.
    pub(super) name: String,
    pub(super) lifecycle: String,
    pub(super) end_of_life: Option<String>,
    pub(super) inference_types: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Quota {
    pub(super) name: String,
    pub(super) value: f64,
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    /// As it is named where it is used.
    pub(super) id: String,
    /// None if there is no such key.
    pub(super) metadata: Known<Option<KeyMetadata>>,
    pub(super) policy: Known<Option<Value>>,
}

#[derive(Debug, Clone)]
pub(super) struct KeyMetadata {
    pub(super) arn: String,
    pub(super) state: String,
    pub(super) spec: String,
}
