//! The endpoints of S3 and Bedrock, and their policies.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-vpc.html> (read 2026-11)

use crate::base::arn::id_of;
use crate::doctor::facts::{Endpoint, Facts, Group};
use crate::doctor::finding::Finding;
use crate::doctor::policy::{Context, Principal, Request, Verdict, judge};
use crate::doctor::requests::{bedrock_requests, context};
use crate::doctor::subject::{Functions, Subject};
use crate::doctor::vpc::{job_subnets, reached_s3_endpoint};

pub(crate) fn check_s3(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "S3 endpoint";
    if let (Err(unknown), ..) | (_, Err(unknown), _) | (.., Err(unknown)) =
        (job_subnets(subject, facts), &facts.route_tables, &facts.endpoints)
    {
        return vec![Finding::unknown(CHECK, unknown)];
    }
    // Without one, the route tables have been found wanting.
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
        let fix = format!("deploy the stack anew with an interface endpoint of {service}");
        return vec![Finding::fail(CHECK, format!("{id} does not exist in {}", subject.region), fix)];
    };
    let mut findings = Vec::new();
    if endpoint.is_gateway || endpoint.service != service {
        let what = format!("{id} is an endpoint of {}", endpoint.service);
        findings.push(Finding::fail(CHECK, what, format!("name an interface endpoint of {service}")));
    }
    if !endpoint.is_available {
        findings.push(Finding::fail(CHECK, format!("{id} is not available"), "wait until it is"));
    }
    match endpoint.has_private_dns {
        Some(true) => {}
        Some(false) => findings.push(Finding::fail(
            CHECK,
            format!("{id} has no private DNS: the functions call the usual name and do not reach it"),
            format!("aws ec2 modify-vpc-endpoint --vpc-endpoint-id {id} --private-dns-enabled"),
        )),
        None => {
            let why = format!("whether {id} has private DNS was not shown");
            findings.push(Finding::not_checked(CHECK, why, "look at it in the console"));
        }
    }
    for role_arn in &functions.roles {
        let requests = bedrock_requests(subject, facts);
        findings.extend(admits(CHECK, subject, endpoint, role_arn, &requests));
    }
    findings.extend(function_groups(CHECK, functions, endpoint, facts));
    if findings.is_empty() {
        let what = format!("{id} has private DNS, admits the functions' calls, and lets them in on 443");
        return vec![Finding::ok(CHECK, what)];
    }
    findings
}

/// Asks an endpoint's policy about requests of one role; every request must be allowed.
fn admits(
    check: &'static str,
    subject: &Subject,
    endpoint: &Endpoint,
    role_arn: &str,
    requests: &[(&str, String)],
) -> Vec<Finding> {
    let Some(policy) = &endpoint.policy else {
        let why = format!("no policy of {} was shown", endpoint.id);
        return vec![Finding::not_checked(check, why, "look at it in the console")];
    };
    let context = Context::new(context(subject, role_arn, Some(endpoint)));
    let mut findings = Vec::new();
    for (action, resource) in requests {
        let request = Request { principal: Principal::Role(role_arn), action, resource, context: &context };
        let who = id_of(role_arn);
        let what = |how: &str| format!("the policy of {} {how} {who} {action} on {resource}", endpoint.id);
        let fix = format!("allow it to {role_arn} there");
        findings.extend(match judge(policy, &request) {
            Verdict::Allowed => None,
            Verdict::NotAllowed => Some(Finding::fail(check, what("does not allow"), fix)),
            Verdict::Denied(sid) => Some(Finding::fail(check, what(&format!("denies, in {sid},")), fix)),
            Verdict::Unsure(sid) => {
                let what = what(&format!("lets what is not known here decide, in {sid}, on"));
                Some(Finding::not_checked(check, what, "read it yourself"))
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
            "deploy the stack anew",
        )];
    };
    let of_endpoint: Vec<&Group> =
        groups.iter().filter(|group| endpoint.group_ids.contains(&group.id)).collect();
    let ids = endpoint.group_ids.join(", ");
    let mut findings = Vec::new();
    // Blocks of addresses may well be the functions' subnets.
    let lets_in = |target: &String| target == id || target.contains('/');
    if !of_endpoint.iter().any(|group| group.https_in.iter().any(lets_in)) {
        let what = format!("{ids} of {} does not let {id} of the functions in on 443", endpoint.id);
        findings.push(Finding::fail(check, what, format!("let TCP 443 in from {id}")));
    }
    let lets_out = |target: &String| endpoint.group_ids.contains(target) || target.contains('/');
    if !group.https_out.iter().any(lets_out) {
        let what = format!("{id} of the functions does not let 443 out to {ids} of {}", endpoint.id);
        findings.push(Finding::fail(check, what, format!("let TCP 443 out to {ids}")));
    }
    findings
}
