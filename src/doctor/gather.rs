//! Asks AWS for the facts. Every call reads; what one cannot learn, the others still do.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as StdError;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{Filter, IpPermission, VpcAttributeName};
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::BucketLocationConstraint;
use aws_smithy_types::date_time::Format;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::facts::{
    Bucket, Decision, Dns, Encryption, Endpoint, Facts, Group, Key, KeyMetadata, Model, Profile, Question,
    Quota, RouteTable, Subnet,
};
use super::finding::{Known, Unknown};
use super::model::{self, ModelId};
use super::subject::Subject;
use super::{network, role};
use crate::aws::error::Chain;

/// How long one attempt of one call may take.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// The clients of all services that know something.
#[derive(Debug, Clone)]
pub(super) struct Gatherer {
    bedrock: aws_sdk_bedrock::Client,
    cloudformation: aws_sdk_cloudformation::Client,
    ec2: aws_sdk_ec2::Client,
    iam: aws_sdk_iam::Client,
    kms: aws_sdk_kms::Client,
    quotas: aws_sdk_servicequotas::Client,
    s3: aws_sdk_s3::Client,
}

impl Gatherer {
    pub(super) fn new(sdk: &SdkConfig, s3_force_path_style: bool) -> Self {
        let clients = crate::aws::clients::Clients::new(sdk, s3_force_path_style);
        Self {
            bedrock: clients.bedrock,
            cloudformation: aws_sdk_cloudformation::Client::new(sdk),
            ec2: aws_sdk_ec2::Client::new(sdk),
            iam: aws_sdk_iam::Client::new(sdk),
            kms: aws_sdk_kms::Client::new(sdk),
            quotas: aws_sdk_servicequotas::Client::new(sdk),
            s3: clients.s3,
        }
    }

    /// The outputs of a stack, and those parameters that are no outputs.
    pub(super) async fn stack(&self, name: &str) -> Known<BTreeMap<String, String>> {
        let answer = self.cloudformation.describe_stacks().stack_name(name).send().await;
        let stacks = known("cloudformation:DescribeStacks", answer)?.stacks.unwrap_or_default();
        let mut values = BTreeMap::new();
        for stack in stacks {
            for parameter in stack.parameters.unwrap_or_default() {
                let value = parameter.resolved_value.or(parameter.parameter_value);
                values.extend(parameter.parameter_key.zip(value));
            }
            for output in stack.outputs.unwrap_or_default() {
                values.extend(output.output_key.zip(output.output_value));
            }
        }
        Ok(values)
    }

    /// Everything that is known.
    pub(super) async fn facts(&self, subject: &Subject) -> Facts {
        let subnets = self.subnets(subject.config.vpc.subnet_ids()).await;
        let vpc_ids: BTreeSet<String> =
            subnets.iter().flatten().map(|subnet| subnet.vpc_id.clone()).collect();
        let mut named = subject.config.vpc.subnet_ids().iter();
        let first = named.find_map(|id| subnets.iter().flatten().find(|subnet| subnet.id == *id));
        let vpc_id = first.map(|subnet| subnet.vpc_id.clone()).unwrap_or_default();
        let input = self.bucket(&subject.config.input_bucket).await;
        let output = self.bucket(&subject.config.output_bucket).await;
        let profile = match model::parse(&subject.config.model_id) {
            ModelId::Profile(id) => Some(self.profile(id).await),
            ModelId::Foundation(_) | ModelId::Custom(_) => None,
        };
        let keys = self.keys(subject, &output).await;
        let endpoints = self.endpoints().await;
        let mut facts = Facts {
            route_tables: self.route_tables(&vpc_ids).await,
            dns: self.dns(&vpc_id).await,
            groups: self.groups(&group_ids(subject, &endpoints)).await,
            endpoints,
            s3_prefix_list: self.prefix_list(&format!("com.amazonaws.{}.s3", subject.region)).await,
            trust: self.trust(subject.role_name()).await,
            permissions: Vec::new(),
            model: self.model(subject, profile.as_ref()).await,
            quotas: self.quotas().await,
            subnets,
            input,
            output,
            profile,
            keys,
        };
        facts.permissions = self.permissions(subject, &facts).await;
        facts
    }

    async fn subnets(&self, ids: &[String]) -> Known<Vec<Subnet>> {
        let named = self.subnets_by("subnet-id", ids.to_vec()).await?;
        let vpc_ids: BTreeSet<_> = named.iter().map(|subnet| subnet.vpc_id.clone()).collect();
        if vpc_ids.is_empty() {
            return Ok(named);
        }
        self.subnets_by("vpc-id", vpc_ids.into_iter().collect()).await
    }

    async fn subnets_by(&self, filter: &str, values: Vec<String>) -> Known<Vec<Subnet>> {
        let request = self.ec2.describe_subnets().filters(filter_by(filter, values));
        let subnets = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let subnets = known("ec2:DescribeSubnets", subnets)?.into_iter();
        Ok(subnets
            .map(|subnet| Subnet {
                id: subnet.subnet_id.unwrap_or_default(),
                vpc_id: subnet.vpc_id.unwrap_or_default(),
                zone: subnet.availability_zone.unwrap_or_default(),
            })
            .collect())
    }

    async fn route_tables(&self, vpc_ids: &BTreeSet<String>) -> Known<Vec<RouteTable>> {
        let of_vpcs = filter_by("vpc-id", vpc_ids.iter().cloned().collect());
        let request = self.ec2.describe_route_tables().filters(of_vpcs);
        let tables = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        Ok(known("ec2:DescribeRouteTables", tables)?.into_iter().map(route_table).collect())
    }

    async fn dns(&self, vpc_id: &str) -> Known<Dns> {
        let attribute = async |attribute: VpcAttributeName| {
            let request = self.ec2.describe_vpc_attribute().vpc_id(vpc_id).attribute(attribute);
            known("ec2:DescribeVpcAttribute", request.send().await)
        };
        let support = attribute(VpcAttributeName::EnableDnsSupport).await?.enable_dns_support;
        let hostnames = attribute(VpcAttributeName::EnableDnsHostnames).await?.enable_dns_hostnames;
        Ok(Dns {
            has_support: support.and_then(|support| support.value).unwrap_or(false),
            has_hostnames: hostnames.and_then(|hostnames| hostnames.value).unwrap_or(false),
        })
    }

    async fn groups(&self, ids: &BTreeSet<String>) -> Known<Vec<Group>> {
        let named = filter_by("group-id", ids.iter().cloned().collect());
        let request = self.ec2.describe_security_groups().filters(named);
        let groups = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let groups = known("ec2:DescribeSecurityGroups", groups)?.into_iter();
        Ok(groups
            .map(|group| Group {
                id: group.group_id.unwrap_or_default(),
                vpc_id: group.vpc_id.unwrap_or_default(),
                https_out: https(&group.ip_permissions_egress.unwrap_or_default()),
                https_in: https(&group.ip_permissions.unwrap_or_default()),
            })
            .collect())
    }

    async fn endpoints(&self) -> Known<Vec<Endpoint>> {
        let request = self.ec2.describe_vpc_endpoints();
        let endpoints = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let endpoints = known("ec2:DescribeVpcEndpoints", endpoints)?.into_iter();
        Ok(endpoints
            .map(|endpoint| Endpoint {
                id: endpoint.vpc_endpoint_id.unwrap_or_default(),
                vpc_id: endpoint.vpc_id.unwrap_or_default(),
                service: endpoint.service_name.unwrap_or_default(),
                is_gateway: endpoint.vpc_endpoint_type.is_some_and(|kind| kind.as_str() == "Gateway"),
                is_available: endpoint
                    .state
                    .is_some_and(|state| state.as_str().eq_ignore_ascii_case("available")),
                route_table_ids: endpoint.route_table_ids.unwrap_or_default(),
                group_ids: endpoint.groups.into_iter().flatten().filter_map(|group| group.group_id).collect(),
                has_private_dns: endpoint.private_dns_enabled,
                policy: endpoint.policy_document.and_then(|policy| document(&policy)),
            })
            .collect())
    }

    async fn prefix_list(&self, name: &str) -> Known<Option<String>> {
        let named = filter_by("prefix-list-name", vec![name.to_owned()]);
        let answer = self.ec2.describe_prefix_lists().filters(named).send().await;
        let lists = known("ec2:DescribePrefixLists", answer)?.prefix_lists.unwrap_or_default();
        let list = lists.into_iter().find(|list| list.prefix_list_name.as_deref() == Some(name));
        Ok(list.and_then(|list| list.prefix_list_id))
    }

    async fn bucket(&self, name: &str) -> Bucket {
        // Not HeadBucket: the bucket's policy lets no one list it from outside the VPC endpoint.
        let location = self.s3.get_bucket_location().bucket(name).send().await;
        let region = found("s3:GetBucketLocation", location, &["NoSuchBucket"])
            .map(|location| location.map(|location| region(location.location_constraint.as_ref())));
        let versioning = self.s3.get_bucket_versioning().bucket(name).send().await;
        let block = self.s3.get_public_access_block().bucket(name).send().await;
        let encryption = self.s3.get_bucket_encryption().bucket(name).send().await;
        let policy = self.s3.get_bucket_policy().bucket(name).send().await;
        Bucket {
            region,
            is_versioned: known("s3:GetBucketVersioning", versioning)
                .map(|versioning| versioning.status.is_some_and(|status| status.as_str() == "Enabled")),
            is_public_access_blocked: found(
                "s3:GetBucketPublicAccessBlock",
                block,
                &["NoSuchPublicAccessBlockConfiguration"],
            )
            .map(|block| {
                let block = block.and_then(|block| block.public_access_block_configuration);
                block.is_some_and(|block| {
                    let all = [
                        block.block_public_acls,
                        block.block_public_policy,
                        block.ignore_public_acls,
                        block.restrict_public_buckets,
                    ];
                    all.iter().all(|is_set| *is_set == Some(true))
                })
            }),
            encryption: found(
                "s3:GetEncryptionConfiguration",
                encryption,
                &["ServerSideEncryptionConfigurationNotFoundError"],
            )
            .map(|answer| {
                let rules = answer?.server_side_encryption_configuration?.rules;
                let default =
                    rules.into_iter().find_map(|rule| rule.apply_server_side_encryption_by_default)?;
                Some(Encryption {
                    algorithm: default.sse_algorithm.as_str().to_owned(),
                    key_id: default.kms_master_key_id,
                })
            }),
            policy: found("s3:GetBucketPolicy", policy, &["NoSuchBucketPolicy"])
                .map(|answer| document(&answer?.policy?)),
        }
    }

    async fn trust(&self, role_name: &str) -> Known<Option<Value>> {
        let answer = self.iam.get_role().role_name(role_name).send().await;
        let role = found("iam:GetRole", answer, &["NoSuchEntity", "NoSuchEntityException"])?;
        Ok(role.and_then(|answer| document(&answer.role?.assume_role_policy_document?)))
    }

    async fn permissions(&self, subject: &Subject, facts: &Facts) -> Vec<(Question, Known<Decision>)> {
        let ids = subject.config.vpc.subnet_ids();
        let subnets = facts.subnets.iter().flatten().filter(|subnet| ids.contains(&subnet.id));
        let subnets: Vec<Subnet> = subnets.cloned().collect();
        let profile = facts.profile.as_ref().and_then(|profile| profile.as_ref().ok()?.as_ref());
        let keys: Vec<&KeyMetadata> =
            facts.keys.iter().filter_map(|key| key.metadata.as_ref().ok()?.as_ref()).collect();
        let questions = role::questions(
            subject,
            &subnets,
            network::reached_s3_endpoint(subject, facts),
            &model::arns(subject, facts),
            profile.map(|profile| profile.arn.as_str()),
            &keys,
        );
        let mut answers = Vec::new();
        for question in questions {
            let decision = self.simulate(&subject.config.job_role_arn, &question).await;
            answers.push((question, decision));
        }
        answers
    }

    async fn simulate(&self, role_arn: &str, question: &Question) -> Known<Decision> {
        const ACTION: &str = "iam:SimulatePrincipalPolicy";
        let request = self.iam.simulate_principal_policy().policy_source_arn(role_arn);
        let request = request.action_names(question.action).resource_arns(&question.resource);
        let answer = request.set_context_entries(Some(entries(question))).send().await;
        let results = known(ACTION, answer)?.evaluation_results.unwrap_or_default();
        match results.first() {
            Some(result) => Ok(decision(result)),
            None => Err(Unknown { why: format!("{ACTION} gave no answer"), cure: "try again".to_owned() }),
        }
    }

    async fn profile(&self, id: &str) -> Known<Option<Profile>> {
        let answer = self.bedrock.get_inference_profile().inference_profile_identifier(id).send().await;
        let profile = found("bedrock:GetInferenceProfile", answer, &NO_MODEL)?;
        Ok(profile.map(|profile| Profile {
            arn: profile.inference_profile_arn,
            is_active: profile.status.as_str() == "ACTIVE",
            model_arns: profile.models.into_iter().filter_map(|model| model.model_arn).collect(),
        }))
    }

    async fn model(
        &self,
        subject: &Subject,
        profile: Option<&Known<Option<Profile>>>,
    ) -> Known<Option<Model>> {
        let of_profile = profile.and_then(|profile| profile.as_ref().ok()?.as_ref()?.model_arns.first());
        let id = match (model::parse(&subject.config.model_id), of_profile) {
            (ModelId::Foundation(id), _) => id,
            (ModelId::Profile(_), Some(arn)) => arn.rsplit('/').next().unwrap_or(arn),
            (ModelId::Profile(_) | ModelId::Custom(_), _) => return Ok(None),
        };
        let answer = self.bedrock.get_foundation_model().model_identifier(id).send().await;
        let model = found("bedrock:GetFoundationModel", answer, &NO_MODEL)?;
        Ok(model.and_then(|answer| answer.model_details).map(|model| {
            let lifecycle = model.model_lifecycle;
            let end = lifecycle.as_ref().and_then(|lifecycle| lifecycle.end_of_life_time);
            Model {
                id: model.model_id,
                name: model.model_name.unwrap_or_default(),
                lifecycle: lifecycle
                    .map_or_else(String::new, |lifecycle| lifecycle.status.as_str().to_owned()),
                end_of_life: end.and_then(|end| end.fmt(Format::DateTime).ok()),
                inference_types: model
                    .inference_types_supported
                    .into_iter()
                    .flatten()
                    .map(|kind| kind.as_str().to_owned())
                    .collect(),
            }
        }))
    }

    async fn quotas(&self) -> Known<Vec<Quota>> {
        let request = self.quotas.list_service_quotas().service_code("bedrock");
        let quotas = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let quotas = known("servicequotas:ListServiceQuotas", quotas)?.into_iter();
        let quotas = quotas.filter_map(|quota| Some(Quota { name: quota.quota_name?, value: quota.value? }));
        Ok(quotas.filter(|quota| quota.name.to_lowercase().contains("batch inference")).collect())
    }

    /// The key of the jobs' output, and that of the bucket that they read.
    async fn keys(&self, subject: &Subject, output: &Bucket) -> Vec<Key> {
        let of_bucket = output.encryption.iter().flatten().filter_map(|encryption| encryption.key_id.clone());
        let mut ids: Vec<String> = subject.config.s3_encryption_key_id.iter().cloned().collect();
        ids.extend(of_bucket);
        ids.dedup();
        let mut keys = Vec::new();
        for id in ids {
            let answer = self.kms.describe_key().key_id(&id).send().await;
            let metadata = found("kms:DescribeKey", answer, &["NotFoundException"]);
            let answer = self.kms.get_key_policy().key_id(&id).send().await;
            let policy = found("kms:GetKeyPolicy", answer, &["NotFoundException"]);
            keys.push(Key {
                metadata: metadata.map(|answer| {
                    let key = answer?.key_metadata?;
                    Some(KeyMetadata {
                        arn: key.arn.unwrap_or_default(),
                        state: key.key_state.map_or_else(String::new, |state| state.as_str().to_owned()),
                        spec: key.key_spec.map_or_else(String::new, |spec| spec.as_str().to_owned()),
                    })
                }),
                policy: policy.map(|answer| document(&answer?.policy?)),
                id,
            });
        }
        keys
    }
}

/// Bedrock calls an id that it does not know invalid.
const NO_MODEL: [&str; 2] = ["ResourceNotFoundException", "ValidationException"];

/// Security groups of the jobs, of the functions, and of the functions' endpoint.
fn group_ids(subject: &Subject, endpoints: &Known<Vec<Endpoint>>) -> BTreeSet<String> {
    let mut ids: BTreeSet<String> = subject.config.vpc.security_group_ids().iter().cloned().collect();
    if let Some(functions) = &subject.functions {
        ids.extend(functions.security_group_id.clone());
        let is_theirs = |endpoint: &&Endpoint| functions.bedrock_endpoint_id.as_ref() == Some(&endpoint.id);
        let theirs = endpoints.iter().flatten().find(is_theirs);
        ids.extend(theirs.into_iter().flat_map(|endpoint| endpoint.group_ids.iter().cloned()));
    }
    ids
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html>
fn region(location: Option<&BucketLocationConstraint>) -> String {
    match location.map_or("", BucketLocationConstraint::as_str) {
        "" => "us-east-1",
        "EU" => "eu-west-1",
        region => region,
    }
    .to_owned()
}

fn filter_by(name: &str, values: Vec<String>) -> Filter {
    Filter::builder().name(name).set_values(Some(values)).build()
}

fn route_table(table: aws_sdk_ec2::types::RouteTable) -> RouteTable {
    let associations = table.associations.unwrap_or_default();
    let ways_out = table.routes.into_iter().flatten().filter_map(|route| {
        let targets = [route.gateway_id, route.nat_gateway_id, route.egress_only_internet_gateway_id];
        targets
            .into_iter()
            .flatten()
            .find(|target| ["igw-", "nat-", "eigw-"].iter().any(|prefix| target.starts_with(prefix)))
    });
    RouteTable {
        id: table.route_table_id.unwrap_or_default(),
        vpc_id: table.vpc_id.unwrap_or_default(),
        is_main: associations.iter().any(|association| association.main == Some(true)),
        subnet_ids: associations.into_iter().filter_map(|association| association.subnet_id).collect(),
        ways_out: ways_out.collect(),
    }
}

/// What rules say of TCP 443: CIDR blocks, prefix lists and groups.
fn https(permissions: &[IpPermission]) -> Vec<String> {
    let mut targets = Vec::new();
    for permission in permissions {
        let is_all = permission.ip_protocol.as_deref() == Some("-1");
        let is_https = permission.ip_protocol.as_deref() == Some("tcp")
            && permission.from_port.is_some_and(|port| port <= 443)
            && permission.to_port.is_some_and(|port| port >= 443);
        if !is_all && !is_https {
            continue;
        }
        targets.extend(permission.ip_ranges().iter().filter_map(|range| range.cidr_ip.clone()));
        targets.extend(permission.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6.clone()));
        targets.extend(permission.prefix_list_ids().iter().filter_map(|list| list.prefix_list_id.clone()));
        targets.extend(permission.user_id_group_pairs().iter().filter_map(|pair| pair.group_id.clone()));
    }
    targets
}

fn entries(question: &Question) -> Vec<ContextEntry> {
    let known = question.context.iter().filter(|(_, values)| !values.is_empty());
    known
        .map(|(key, values)| {
            let kind = if *key == "aws:TagKeys" {
                ContextKeyTypeEnum::StringList
            } else {
                ContextKeyTypeEnum::String
            };
            ContextEntry::builder()
                .context_key_name(*key)
                .context_key_type(kind)
                .set_context_key_values(Some(values.clone()))
                .build()
        })
        .collect()
}

fn decision(result: &EvaluationResult) -> Decision {
    let is_bounded = result
        .permissions_boundary_decision_detail
        .as_ref()
        .is_some_and(|detail| !detail.allowed_by_permissions_boundary);
    let is_forbidden =
        result.organizations_decision_detail.as_ref().is_some_and(|detail| !detail.allowed_by_organizations);
    match &result.eval_decision {
        PolicyEvaluationDecisionType::Allowed => Decision::Allowed,
        _ if is_forbidden => Decision::Forbidden,
        _ if is_bounded => Decision::Bounded,
        PolicyEvaluationDecisionType::ExplicitDeny => Decision::Denied,
        _ => Decision::NotAllowed,
    }
}

/// A policy document, which IAM gives percent-encoded.
fn document(text: &str) -> Option<Value> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&decoded)).ok()
}

/// The answer, or why there is none.
fn known<T, E>(action: &str, answer: Result<T, SdkError<E, HttpResponse>>) -> Known<T>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    answer.map_err(|error| match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some(code) if is_refusal(code) => {
            Unknown { why: format!("{code} on {action}"), cure: format!("allow {action} to yourself") }
        }
        Some(code) => {
            let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
            let message = message.map(|message| format!(": {message}")).unwrap_or_default();
            Unknown { why: format!("{code} on {action}{message}"), cure: "try again".to_owned() }
        }
        None => Unknown {
            why: format!("{action} failed: {}", Chain(&error)),
            cure: "see that AWS can be reached, and try again".to_owned(),
        },
    })
}

/// The same, where these codes say that there is no such thing.
fn found<T, E>(action: &str, answer: Result<T, SdkError<E, HttpResponse>>, codes: &[&str]) -> Known<Option<T>>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match &answer {
        Err(error)
            if error
                .as_service_error()
                .and_then(|error| error.code())
                .is_some_and(|code| codes.contains(&code)) =>
        {
            Ok(None)
        }
        _ => known(action, answer).map(Some),
    }
}

/// The services spell it differently.
fn is_refusal(code: &str) -> bool {
    ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden"].contains(&code)
}
