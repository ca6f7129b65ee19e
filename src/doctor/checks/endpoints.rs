//! The endpoints for S3 and Bedrock, and their policies.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-vpc.html> (read 2026-11)

use std::collections::BTreeSet;

use crate::base::arn::id_of;
use crate::doctor::facts::{Endpoint, Facts, Group};
use crate::doctor::finding::{Finding, join};
use crate::doctor::policy::{Context, Principal, Request, Verdict, evaluate};
use crate::doctor::requests::{bedrock_requests, context};
use crate::doctor::subject::{Functions, Subject};
use crate::doctor::vpc::{job_subnets, reached_s3_endpoint, vpc_id};

pub(crate) fn check_s3(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "S3 endpoint";
    if let (Err(unknown), ..) | (_, Err(unknown), _) | (.., Err(unknown)) =
        (job_subnets(subject, facts), &facts.route_tables, &facts.endpoints)
    {
        return vec![Finding::unknown(CHECK, unknown)];
    }
    // Without one, the check of the route tables already failed.
    let Some(endpoint) = reached_s3_endpoint(subject, facts) else { return Vec::new() };
    let role_arn = &subject.config.job_role_arn;
    let mut findings = admits(CHECK, subject, endpoint, role_arn, &subject.s3_requests());
    let sweep = subject.sweep_request().filter(|_| endpoint.policy.is_some());
    let also = if sweep.is_some() { ", and the sweep list versions of drops" } else { "" };
    if let Some((role_arn, action, resource)) = sweep {
        findings.extend(admits(CHECK, subject, endpoint, &role_arn, &[(action, resource)]));
    }
    if findings.is_empty() {
        let what = format!("the policy of {} lets the role get, put and list under work/{also}", endpoint.id);
        return vec![Finding::ok(CHECK, what)];
    }
    findings
}

pub(crate) fn check_bedrock(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "Bedrock endpoint";
    let named = subject.functions.as_ref().and_then(|functions| {
        let id = functions.bedrock_endpoint_id.as_ref()?;
        Some((functions, id))
    });
    let Some((functions, id)) = named else {
        let why = "only a stack with the output BedrockVpcEndpointId says how its functions reach Bedrock";
        return vec![Finding::not_checked(CHECK, why, "give --stack, or deploy the functions in the VPC")];
    };
    let endpoints = match &facts.endpoints {
        Ok(endpoints) => endpoints,
        Err(unknown) => return vec![Finding::unknown(CHECK, unknown)],
    };
    let service = format!("com.amazonaws.{}.bedrock", subject.region);
    let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.id == *id) else {
        let fix = format!("deploy the stack again with an interface endpoint for {service}");
        return vec![Finding::fail(CHECK, format!("{id} does not exist in {}", subject.region), fix)];
    };
    let mut findings = Vec::new();
    if endpoint.is_gateway || endpoint.service != service {
        let what = format!("{id} is an endpoint for {}", endpoint.service);
        findings.push(Finding::fail(CHECK, what, format!("name an interface endpoint for {service}")));
    }
    if let Some(vpc_id) = vpc_id(subject, facts).filter(|vpc_id| *vpc_id != endpoint.vpc_id) {
        let what = format!("{id} is in {}, but the functions are in {vpc_id}", endpoint.vpc_id);
        let fix = format!("name, or create, an interface endpoint for {service} in {vpc_id}");
        return vec![Finding::fail(CHECK, what, fix)];
    }
    if !endpoint.is_available {
        findings.push(Finding::fail(CHECK, format!("{id} is not available"), "wait until it is available"));
    }
    match endpoint.has_private_dns {
        Some(true) => {}
        Some(false) => findings.push(Finding::fail(
            CHECK,
            format!(
                "{id} has no private DNS, so the functions, which use the usual host name, do not reach it"
            ),
            format!("aws ec2 modify-vpc-endpoint --vpc-endpoint-id {id} --private-dns-enabled"),
        )),
        None => {
            let why = format!("AWS did not show whether {id} has private DNS");
            findings.push(Finding::not_checked(CHECK, why, "look at it in the console"));
        }
    }
    for role_arn in &functions.roles {
        let requests = bedrock_requests(subject, facts);
        findings.extend(admits(CHECK, subject, endpoint, role_arn, &requests));
    }
    findings.extend(function_groups(CHECK, functions, endpoint, facts));
    findings.extend(zones(CHECK, subject, endpoint, facts));
    if findings.is_empty() {
        let what = format!("{id} has private DNS, admits the functions' calls, and lets them in on 443");
        return vec![Finding::ok(CHECK, what)];
    }
    findings
}

/// Functions in a zone without an interface of the endpoint still reach it, by its name, through another zone.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html> (read 2026-11)
fn zones(check: &'static str, subject: &Subject, endpoint: &Endpoint, facts: &Facts) -> Vec<Finding> {
    let (Ok(all), Ok(subnets)) = (&facts.subnets, job_subnets(subject, facts)) else { return Vec::new() };
    let own = all.iter().filter(|subnet| endpoint.subnet_ids.contains(&subnet.id));
    let own: BTreeSet<&str> = own.map(|subnet| subnet.zone.as_str()).collect();
    let zones: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
    let missing = zones.difference(&own);
    missing
        .map(|zone| {
            let what = format!(
                "{} has no network interface in {zone}, so functions there need {} to reach Bedrock",
                endpoint.id,
                join(&own)
            );
            let fix = match &facts.bedrock_zones {
                Ok(offered) if offered.iter().any(|offered| offered == zone) => {
                    format!("add a subnet in {zone} to {}", endpoint.id)
                }
                Ok(offered) => {
                    let offered = offered.iter().map(String::as_str).collect();
                    let offered = join(&offered);
                    format!("AWS does not offer it in {zone}: use subnets in {offered} only, in case another zone fails")
                }
                Err(unknown) => format!("add a subnet in {zone}, if AWS offers it there ({})", unknown.why),
            };
            Finding::warn(check, what, fix)
        })
        .collect()
}

/// Checks that an endpoint's policy allows every one of these requests of a role.
fn admits(
    check: &'static str,
    subject: &Subject,
    endpoint: &Endpoint,
    role_arn: &str,
    requests: &[(&str, String)],
) -> Vec<Finding> {
    let Some(policy) = &endpoint.policy else {
        let why = format!("AWS did not show the policy of {}", endpoint.id);
        return vec![Finding::not_checked(check, why, "look at it in the console")];
    };
    let context = Context::new(context(subject, role_arn, Some(endpoint)));
    let mut findings = Vec::new();
    for (action, resource) in requests {
        let request = Request { principal: Principal::Role(role_arn), action, resource, context: &context };
        let who = id_of(role_arn);
        let what = |how: &str| format!("the policy of {} {how} {who} {action} on {resource}", endpoint.id);
        let fix = format!("allow it for {role_arn} there");
        findings.extend(match evaluate(policy, &request) {
            Verdict::Allowed => None,
            Verdict::NotAllowed => Some(Finding::fail(check, what("does not allow"), fix)),
            Verdict::Denied(sid) => Some(Finding::fail(check, what(&format!("denies, in {sid},")), fix)),
            Verdict::Unsure(sid) => {
                let what = what(&format!("depends on something that is not known here, in {sid}, for"));
                Some(Finding::not_checked(check, what, "check it yourself"))
            }
        });
    }
    findings
}

fn function_groups(
    check: &'static str,
    functions: &Functions,
    endpoint: &Endpoint,
    facts: &Facts,
) -> Vec<Finding> {
    let Some(id) = &functions.security_group_id else { return Vec::new() };
    let groups = match &facts.groups {
        Ok(groups) => groups,
        Err(unknown) => return vec![Finding::unknown(check, unknown)],
    };
    let Some(group) = groups.iter().find(|group| group.id == *id) else {
        return vec![Finding::fail(
            check,
            format!("{id} of the functions does not exist"),
            "deploy the stack again",
        )];
    };
    let of_endpoint: Vec<&Group> =
        groups.iter().filter(|group| endpoint.group_ids.contains(&group.id)).collect();
    let ids = endpoint.group_ids.join(", ");
    let mut findings = Vec::new();
    // A block of addresses may be that of the functions' subnets.
    let lets_in = |target: &String| target == id || target.contains('/');
    if !of_endpoint.iter().any(|group| group.https_in.iter().any(lets_in)) {
        let what = format!("{ids} of {} does not allow {id} of the functions in on 443", endpoint.id);
        findings.push(Finding::fail(check, what, format!("allow TCP 443 in from {id}")));
    }
    let lets_out = |target: &String| endpoint.group_ids.contains(target) || target.contains('/');
    if !group.https_out.iter().any(lets_out) {
        let what = format!("{id} of the functions does not allow 443 out to {ids} of {}", endpoint.id);
        findings.push(Finding::fail(check, what, format!("allow TCP 443 out to {ids}")));
    }
    findings
}
