//! Asks every service, in the order in which one answer leads to the next question.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_config::SdkConfig;

use super::answers::known;
use super::ec2::Ec2;
use super::{bucket, keys, model, models_of_routes, network, open_models, quotas, role};
use crate::aws::clock::now;
use crate::aws::stack::values;
use crate::doctor::facts::Facts;
use crate::doctor::known::Known;
use crate::doctor::model_id::{ModelId, parse};
use crate::doctor::subject::Subject;

/// The timeout of one attempt of a call.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// The clients of all services that are asked.
#[derive(Debug, Clone)]
pub(crate) struct Gatherer {
    pub(crate) bedrock: aws_sdk_bedrock::Client,
    cloudformation: aws_sdk_cloudformation::Client,
    ec2: Ec2,
    iam: aws_sdk_iam::Client,
    kms: aws_sdk_kms::Client,
    quotas: aws_sdk_servicequotas::Client,
    s3: aws_sdk_s3::Client,
}

impl Gatherer {
    pub(crate) fn new(sdk: &SdkConfig, s3_force_path_style: bool) -> Self {
        let clients = crate::aws::clients::Clients::new(sdk, s3_force_path_style);
        Self {
            bedrock: clients.bedrock,
            cloudformation: aws_sdk_cloudformation::Client::new(sdk),
            ec2: Ec2::new(sdk),
            iam: aws_sdk_iam::Client::new(sdk),
            kms: aws_sdk_kms::Client::new(sdk),
            quotas: aws_sdk_servicequotas::Client::new(sdk),
            s3: clients.s3,
        }
    }

    /// The outputs of a stack, and the parameters that are not also outputs.
    pub(crate) async fn stack(&self, name: &str) -> Known<BTreeMap<String, String>> {
        let answer = self.cloudformation.describe_stacks().stack_name(name).send().await;
        let stacks = known("cloudformation:DescribeStacks", answer)?.stacks.unwrap_or_default();
        Ok(values(stacks))
    }

    /// Collects all facts.
    pub(crate) async fn facts(&self, subject: &Subject) -> Facts {
        let subnets = network::subnets(&self.ec2, subject.config.vpc.subnet_ids()).await;
        let vpc_ids: BTreeSet<String> =
            subnets.iter().flatten().map(|subnet| subnet.vpc_id.clone()).collect();
        let mut named = subject.config.vpc.subnet_ids().iter();
        let first = named.find_map(|id| subnets.iter().flatten().find(|subnet| subnet.id == *id));
        let vpc_id = first.map(|subnet| subnet.vpc_id.clone()).unwrap_or_default();
        let input = bucket::bucket(&self.s3, &subject.config.input_bucket).await;
        let output = bucket::bucket(&self.s3, &subject.config.output_bucket).await;
        let profile = match parse(&subject.config.model_id) {
            ModelId::Profile(id) => Some(model::profile(&self.bedrock, id).await),
            ModelId::Foundation(_) | ModelId::Custom(_) => None,
        };
        let keys = keys::keys(&self.kms, subject, &output).await;
        let endpoints = network::endpoints(&self.ec2).await;
        let ids = model::ids(subject, profile.as_ref());
        let model = model::model(&self.bedrock, ids.first().copied()).await;
        let access = model::access(&self.bedrock, ids).await;
        let mut facts = Facts {
            asked: now().into(),
            bedrock_zones: network::bedrock_zones(&self.ec2, &subject.region).await,
            open: open_models::open_models(&self.bedrock, &self.s3, &self.iam, subject).await,
            route_tables: network::route_tables(&self.ec2, &vpc_ids).await,
            dns: network::dns(&self.ec2, &vpc_id).await,
            groups: network::groups(&self.ec2, &network::group_ids(subject, &endpoints)).await,
            endpoints,
            s3_prefix_list: network::prefix_list(&self.ec2, &format!("com.amazonaws.{}.s3", subject.region))
                .await,
            trust: role::trust(&self.iam, subject.role_name()).await,
            permissions: Vec::new(),
            routes: Ok(Vec::new()),
            model,
            access,
            quotas: quotas::quotas(&self.quotas).await,
            subnets,
            input,
            output,
            profile,
            keys,
        };
        facts.permissions = role::permissions(&self.iam, subject, &facts).await;
        facts.routes =
            models_of_routes::models_of_routes(&self.bedrock, &self.s3, &self.iam, subject, &facts).await;
        facts
    }
}
