//! What is known about an account: [`gather`](super::gather) collects it, and [`checks`](super::checks)
//! judges it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::known::{Known, Unknown};
use crate::base::timestamp::Timestamp;
use crate::drop::routes::Route;

/// Everything that the checks look at.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// When AWS was asked.
    pub(super) asked: Timestamp,
    /// All subnets of the VPCs that contain the jobs' subnets.
    pub(super) subnets: Known<Vec<Subnet>>,
    pub(super) route_tables: Known<Vec<RouteTable>>,
    /// The DNS attributes of the first subnet's VPC.
    pub(super) dns: Known<Dns>,
    /// The security groups of the jobs, of the functions, and of the endpoints.
    pub(super) groups: Known<Vec<Group>>,
    /// All endpoints in the Region.
    pub(super) endpoints: Known<Vec<Endpoint>>,
    /// The zones in which an interface endpoint for Bedrock can have a network interface.
    pub(super) bedrock_zones: Known<Vec<String>>,
    /// The id of the managed prefix list for S3 in the Region.
    pub(super) s3_prefix_list: Known<Option<String>>,
    pub(super) input: Bucket,
    pub(super) output: Bucket,
    /// The role's trust policy; `None` if the role does not exist.
    pub(super) trust: Known<Option<Value>>,
    /// What IAM's simulation answers.
    pub(super) permissions: Vec<(Question, Known<Decision>)>,
    /// `None` if the model id does not name a profile.
    pub(super) profile: Option<Known<Option<Profile>>>,
    /// The foundation model, or the model of the profile.
    pub(super) model: Known<ModelState>,
    /// Whether the account may use each model that the jobs may invoke, by its id; `None` if this Region does not know
    /// the model.
    pub(super) access: Vec<(String, Known<Option<Access>>)>,
    pub(super) open: OpenModels,
    /// The models of the routes in force.
    pub(super) routes: Known<Vec<ModelOfRoutes>>,
    /// The quotas for batch inference.
    pub(super) quotas: Known<Vec<Quota>>,
    /// The keys that the jobs need.
    pub(super) keys: Vec<Key>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subnet {
    pub(super) id: String,
    pub(super) vpc_id: String,
    pub(super) zone: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RouteTable {
    pub(super) id: String,
    pub(super) vpc_id: String,
    pub(super) is_main: bool,
    /// The subnets that are explicitly associated with it.
    pub(super) subnet_ids: Vec<String>,
    /// Targets that lead out of the VPC to the internet.
    pub(super) internet_targets: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dns {
    pub(super) has_support: bool,
    pub(super) has_hostnames: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) vpc_id: String,
    /// The targets that may be reached on TCP 443: CIDR blocks, prefix lists, and groups.
    pub(super) https_out: Vec<String>,
    /// The sources that may connect on TCP 443.
    pub(super) https_in: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) id: String,
    pub(super) vpc_id: String,
    pub(super) service: String,
    pub(super) is_gateway: bool,
    pub(super) is_available: bool,
    pub(super) route_table_ids: Vec<String>,
    pub(super) subnet_ids: Vec<String>,
    pub(super) group_ids: Vec<String>,
    pub(super) has_private_dns: Option<bool>,
    pub(super) policy: Option<Value>,
}

#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// Its Region; `None` if the bucket does not exist.
    pub(super) region: Known<Option<String>>,
    pub(super) is_versioned: Known<bool>,
    pub(super) is_public_access_blocked: Known<bool>,
    /// The default encryption of objects.
    pub(super) encryption: Known<Option<Encryption>>,
    pub(super) policy: Known<Option<Value>>,
}

#[derive(Debug, Clone)]
pub(super) struct Encryption {
    pub(super) algorithm: String,
    pub(super) key_id: Option<String>,
}

/// A question for the simulation: may the role do this action on this resource, in a request with this
/// context?
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
    /// The role's permissions boundary does not allow it.
    DeniedByBoundary,
    /// A policy of the organization does not allow it.
    DeniedByOrganization,
}

#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) arn: String,
    pub(super) is_active: bool,
    pub(super) model_arns: Vec<String>,
}

/// What Bedrock says about a model.
#[derive(Debug, Clone)]
pub(super) enum ModelState {
    Found(Model),
    /// It has reached the end of its life.
    Ended,
    /// There is no such model in this Region.
    Missing,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) id: String,
    /// The name that the quotas use.
    pub(super) name: String,
    /// The status, such as `ACTIVE`.
    pub(super) lifecycle: String,
    pub(super) legacy_time: Option<Timestamp>,
    pub(super) public_extended_access_time: Option<Timestamp>,
    pub(super) end_of_life_time: Option<Timestamp>,
    pub(super) inference_types: Vec<String>,
}

/// The answer of `GetFoundationModelAvailability`: whether the account may use a model in this Region.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetFoundationModelAvailability.html> (read 2026-11)
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) authorization: String,
    pub(super) entitlement: String,
    pub(super) region: String,
    /// The status of the agreement, and what is wrong with it.
    pub(super) agreement: Option<(String, Option<String>)>,
}

/// The models of the jobs that are not over.
#[derive(Debug, Clone)]
pub(super) struct OpenModels {
    /// How many jobs of this stack Bedrock has, by the ARN of their model.
    pub(super) at_bedrock: Known<BTreeMap<String, usize>>,
    /// The models, other than the one in the settings, that jobs wait for.
    pub(super) waiting: Known<Vec<String>>,
    /// What IAM's simulation answers about the models other than the one in the settings: whether this role may do this.
    pub(super) permissions: Vec<(String, Question, Known<Decision>)>,
}

/// A model of routes, which may be that of the stack.
#[derive(Debug, Clone)]
pub(super) struct ModelOfRoutes {
    /// The routes with this model, at least one.
    pub(super) routes: Vec<Route>,
    pub(super) profile: Option<Known<Option<Profile>>>,
    pub(super) model: Known<ModelState>,
    pub(super) access: Vec<(String, Known<Option<Access>>)>,
    /// What IAM's simulation answers: whether this role may do this.
    pub(super) permissions: Vec<(String, Question, Known<Decision>)>,
}

impl Facts {
    /// The facts that count for drops of routes with this model.
    pub(super) fn with(&self, model: &ModelOfRoutes) -> Self {
        Self {
            profile: model.profile.clone(),
            model: model.model.clone(),
            access: model.access.clone(),
            ..self.clone()
        }
    }
}

/// What became of the probe.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    pub(super) job_name: String,
    pub(super) answer: ProbeAnswer,
    /// The jobs with that name, of which there should be none, and whether each was stopped.
    pub(super) jobs: Known<Vec<(String, Known<()>)>>,
}

#[derive(Debug, Clone)]
pub(super) enum ProbeAnswer {
    /// Bedrock created a job with this ARN.
    Created(String),
    Refused {
        code: String,
        message: String,
    },
    NoAnswer(Unknown),
}

#[derive(Debug, Clone)]
pub(super) struct Quota {
    pub(super) name: String,
    pub(super) value: f64,
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    /// The id or ARN that names it where it is used.
    pub(super) id: String,
    /// `None` if the key does not exist.
    pub(super) metadata: Known<Option<KeyMetadata>>,
    pub(super) policy: Known<Option<Value>>,
}

#[derive(Debug, Clone)]
pub(super) struct KeyMetadata {
    pub(super) arn: String,
    pub(super) state: String,
    pub(super) spec: String,
}
