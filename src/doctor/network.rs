//! Subnets, routes, DNS, security groups and endpoints. Pure.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-vpc.html>,
//! <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html> (read 2026-11)

use std::collections::BTreeSet;

use super::facts::{Endpoint, Facts, Group, RouteTable, Subnet};
use super::finding::{Finding, Unknown};
use super::model;
use super::policy::{Context, Principal, Request, Verdict, judge};
use super::subject::{Functions, Subject};

/// All checks of the network.
pub(super) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    let mut findings = subnets(subject, facts);
    findings.extend(route_tables(subject, facts));
    findings.extend(ways_out(subject, facts));
    findings.extend(dns(subject, facts));
    findings.extend(job_groups(subject, facts));
    findings.extend(s3_endpoint(subject, facts));
    findings.extend(bedrock_endpoint(subject, facts));
    findings
}

/// The jobs' subnets that exist, in the order of the settings.
fn job_subnets<'a>(subject: &Subject, facts: &'a Facts) -> Result<Vec<&'a Subnet>, &'a Unknown> {
    let subnets = facts.subnets.as_ref()?;
    let ids = subject.config.vpc.subnet_ids().iter();
    Ok(ids.filter_map(|id| subnets.iter().find(|subnet| subnet.id == *id)).collect())
}

/// The VPC of the jobs, as their first subnet has it.
fn vpc_id<'a>(subject: &Subject, facts: &'a Facts) -> Option<&'a str> {
    Some(job_subnets(subject, facts).ok()?.first()?.vpc_id.as_str())
}

fn subnets(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "subnets";
    let (all, found) = match (&facts.subnets, job_subnets(subject, facts)) {
        (Ok(all), Ok(found)) => (all, found),
        (Err(unknown), _) | (_, Err(unknown)) => return vec![Finding::unknown(CHECK, unknown)],
    };
    let mut findings = Vec::new();
    for id in subject.config.vpc.subnet_ids() {
        if !found.iter().any(|subnet| subnet.id == *id) {
            let what = format!("{id} does not exist in {}", subject.region);
            findings.push(Finding::fail(CHECK, what, "name subnets of this account and Region"));
        }
    }
    let Some(first) = found.first() else { return findings };
    for subnet in &found {
        if subnet.vpc_id != first.vpc_id {
            let what = format!("{} is in {}, {} in {}", subnet.id, subnet.vpc_id, first.id, first.vpc_id);
            findings.push(Finding::fail(CHECK, what, "name subnets of one VPC"));
        }
    }
    let zones: BTreeSet<&str> = found.iter().map(|subnet| subnet.zone.as_str()).collect();
    let of_vpc = all.iter().filter(|subnet| subnet.vpc_id == first.vpc_id);
    let others: BTreeSet<&str> =
        of_vpc.map(|subnet| subnet.zone.as_str()).filter(|zone| !zones.contains(zone)).collect();
    if !others.is_empty() {
        let what = format!("only in {}, while the VPC has subnets in {} too", join(&zones), join(&others));
        findings.push(Finding::warn(CHECK, what, "name one in each zone, for the day one is down"));
    } else if zones.len() == 1 {
        let what = format!("only in {}", join(&zones));
        findings.push(Finding::warn(
            CHECK,
            what,
            "make and name one in another zone, for the day this is down",
        ));
    }
    if findings.is_empty() {
        let ids: Vec<_> = found.iter().map(|subnet| subnet.id.as_str()).collect();
        findings
            .push(Finding::ok(CHECK, format!("{} in {}: {}", ids.join(", "), first.vpc_id, join(&zones))));
    }
    findings
}

/// A subnet without an association of its own has its VPC's main route table.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html>
fn table_of<'a>(subnet: &Subnet, tables: &'a [RouteTable]) -> Option<&'a RouteTable> {
    let own = tables.iter().find(|table| table.subnet_ids.contains(&subnet.id));
    own.or_else(|| tables.iter().find(|table| table.is_main && table.vpc_id == subnet.vpc_id))
}

fn s3_gateways<'a>(endpoints: &'a [Endpoint], vpc_id: &str) -> impl Iterator<Item = &'a Endpoint> {
    endpoints.iter().filter(move |endpoint| {
        endpoint.is_gateway && endpoint.vpc_id == vpc_id && endpoint.service.ends_with(".s3")
    })
}

/// The S3 endpoint that a job's subnets lead to.
pub(super) fn reached_s3_endpoint<'a>(subject: &Subject, facts: &'a Facts) -> Option<&'a Endpoint> {
    let (tables, endpoints) = (facts.route_tables.as_ref().ok()?, facts.endpoints.as_ref().ok()?);
    job_subnets(subject, facts).ok()?.into_iter().find_map(|subnet| {
        let table = table_of(subnet, tables)?;
        s3_gateways(endpoints, &subnet.vpc_id).find(|endpoint| endpoint.route_table_ids.contains(&table.id))
    })
}

fn route_tables(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "route tables";
    let (subnets, tables, endpoints) =
        match (job_subnets(subject, facts), &facts.route_tables, &facts.endpoints) {
            (Ok(subnets), Ok(tables), Ok(endpoints)) => (subnets, tables, endpoints),
            (Err(unknown), ..) | (_, Err(unknown), _) | (.., Err(unknown)) => {
                return vec![Finding::unknown(CHECK, unknown)];
            }
        };
    let mut findings = Vec::new();
    let mut reached = BTreeSet::new();
    for subnet in subnets {
        let Some(table) = table_of(subnet, tables) else {
            let what = format!("{} has no route table", subnet.id);
            findings.push(Finding::fail(CHECK, what, "associate one that leads to an S3 gateway endpoint"));
            continue;
        };
        let mut gateways = s3_gateways(endpoints, &subnet.vpc_id);
        match gateways.find(|endpoint| endpoint.route_table_ids.contains(&table.id)) {
            Some(endpoint) if endpoint.is_available => {
                reached.insert(endpoint.id.as_str());
            }
            Some(endpoint) => {
                let what = format!("{} leads to {}, which is not available", subnet.id, endpoint.id);
                findings.push(Finding::fail(CHECK, what, "wait until it is, or make another"));
            }
            None => {
                let what = format!("{} reaches no S3 endpoint: {} has no route to one", subnet.id, table.id);
                let cure = match s3_gateways(endpoints, &subnet.vpc_id).next() {
                    Some(endpoint) => format!("associate {} with {}", endpoint.id, table.id),
                    None => format!(
                        "make a gateway endpoint of com.amazonaws.{}.s3 in {} with {}",
                        subject.region, subnet.vpc_id, table.id
                    ),
                };
                findings.push(Finding::fail(CHECK, what, cure));
            }
        }
    }
    if findings.is_empty() && !reached.is_empty() {
        findings.push(Finding::ok(CHECK, format!("every subnet reaches S3 through {}", join(&reached))));
    }
    findings
}

fn ways_out(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "internet";
    let (subnets, tables) = match (job_subnets(subject, facts), &facts.route_tables) {
        (Ok(subnets), Ok(tables)) => (subnets, tables),
        (Err(unknown), _) | (_, Err(unknown)) => return vec![Finding::unknown(CHECK, unknown)],
    };
    let tables: Vec<_> = subnets.iter().filter_map(|subnet| table_of(subnet, tables)).collect();
    let ways: BTreeSet<_> = tables
        .iter()
        .flat_map(|table| table.ways_out.iter().map(|target| format!("{} leads to {target}", table.id)))
        .collect();
    if !ways.is_empty() {
        let cure = "remove the route or name other subnets: what goes to S3 takes the endpoint all the same, \
                    but nothing else is kept inside";
        return ways.into_iter().map(|way| Finding::warn(CHECK, way, cure)).collect();
    }
    if tables.is_empty() { Vec::new() } else { vec![Finding::ok(CHECK, "no subnet has a route to it")] }
}

fn dns(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "DNS";
    let dns = match (&facts.dns, &facts.subnets) {
        (Ok(dns), Ok(_)) => dns,
        (_, Err(unknown)) | (Err(unknown), _) => return vec![Finding::unknown(CHECK, unknown)],
    };
    let Some(vpc_id) = vpc_id(subject, facts) else { return Vec::new() };
    let off = [(dns.has_support, "support"), (dns.has_hostnames, "hostnames")];
    let findings: Vec<_> = off
        .into_iter()
        .filter(|(is_on, _)| !is_on)
        .map(|(_, what)| {
            let cure = format!("aws ec2 modify-vpc-attribute --vpc-id {vpc_id} --enable-dns-{what}");
            Finding::fail(CHECK, format!("DNS {what} of {vpc_id} is off: the endpoints need it"), cure)
        })
        .collect();
    if findings.is_empty() {
        return vec![Finding::ok(CHECK, format!("support and hostnames of {vpc_id} are on"))];
    }
    findings
}

fn is_anywhere(target: &str) -> bool {
    ["0.0.0.0/0", "::/0"].contains(&target)
}

fn job_groups(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "security groups";
    let groups = match &facts.groups {
        Ok(groups) => groups,
        Err(unknown) => return vec![Finding::unknown(CHECK, unknown)],
    };
    let ids = subject.config.vpc.security_group_ids();
    let mut findings = Vec::new();
    let mut targets = BTreeSet::new();
    for id in ids {
        let Some(group) = groups.iter().find(|group| group.id == *id) else {
            let what = format!("{id} does not exist in {}", subject.region);
            findings.push(Finding::fail(CHECK, what, "name security groups of this account and Region"));
            continue;
        };
        targets.extend(group.https_out.iter().map(String::as_str));
        if let Some(vpc_id) = vpc_id(subject, facts).filter(|vpc_id| *vpc_id != group.vpc_id) {
            let what = format!("{id} is in {}, the subnets in {vpc_id}", group.vpc_id);
            findings.push(Finding::fail(CHECK, what, format!("name security groups of {vpc_id}")));
        }
    }
    if findings.is_empty() {
        findings.push(https_to_s3(CHECK, &ids.join(", "), &targets, facts));
    }
    findings
}

/// Whether these targets, which TCP 443 is let out to, are S3.
fn https_to_s3(check: &'static str, who: &str, targets: &BTreeSet<&str>, facts: &Facts) -> Finding {
    let list = match &facts.s3_prefix_list {
        Ok(list) => list.as_deref(),
        Err(unknown) if targets.iter().any(|target| target.starts_with("pl-")) => {
            return Finding::unknown(check, unknown);
        }
        Err(_) => None,
    };
    let name = list.map_or_else(|| "of S3".to_owned(), |list| format!("{list} of S3"));
    let cure = format!("let TCP 443 out to the prefix list {name} instead");
    let others: Vec<_> = targets.iter().filter(|target| Some(**target) != list).copied().collect();
    let is_exact = others.len() < targets.len();
    if let Some(anywhere) = others.iter().find(|target| is_anywhere(target)) {
        let what = format!("{who} lets 443 out to {anywhere}: works, but is wider than needed");
        Finding::warn(check, what, cure)
    } else if is_exact {
        Finding::ok(check, format!("{who} lets 443 out to S3"))
    } else if others.is_empty() {
        let cure = format!("let TCP 443 out to the prefix list {name}");
        Finding::fail(check, format!("{who} does not let 443 out"), cure)
    } else {
        let what = format!("{who} lets 443 out only to {}: nothing says that S3 is there", others.join(", "));
        Finding::fail(check, what, cure)
    }
}

/// The condition keys of a request through an endpoint.
pub(super) fn context(
    subject: &Subject,
    role_arn: &str,
    endpoint: Option<&Endpoint>,
) -> Vec<(&'static str, Vec<String>)> {
    let account = subject.account().to_owned();
    let mut context = vec![
        ("aws:PrincipalAccount", vec![account.clone()]),
        ("aws:PrincipalArn", vec![role_arn.to_owned()]),
        ("aws:PrincipalIsAWSService", vec!["false".to_owned()]),
        ("aws:RequestedRegion", vec![subject.region.clone()]),
        ("aws:ResourceAccount", vec![account.clone()]),
        ("aws:SecureTransport", vec!["true".to_owned()]),
        ("aws:ViaAWSService", vec!["false".to_owned()]),
        ("s3:ResourceAccount", vec![account]),
    ];
    if let Some(endpoint) = endpoint {
        context.push(("aws:SourceVpc", vec![endpoint.vpc_id.clone()]));
        context.push(("aws:SourceVpce", vec![endpoint.id.clone()]));
        // What comes through an endpoint has none.
        context.push(("aws:SourceIp", Vec::new()));
    }
    context
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
        let who = role_arn.rsplit('/').next().unwrap_or_default();
        let what = |how: &str| format!("the policy of {} {how} {who} {action} on {resource}", endpoint.id);
        let cure = format!("allow it to {role_arn} there");
        findings.extend(match judge(policy, &request) {
            Verdict::Allowed => None,
            Verdict::NotAllowed => Some(Finding::fail(check, what("does not allow"), cure)),
            Verdict::Denied(sid) => Some(Finding::fail(check, what(&format!("denies, in {sid},")), cure)),
            Verdict::Unsure(sid) => {
                let what = what(&format!("lets what is not known here decide, in {sid}, on"));
                Some(Finding::not_checked(check, what, "read it yourself"))
            }
        });
    }
    findings
}

fn s3_endpoint(subject: &Subject, facts: &Facts) -> Vec<Finding> {
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

fn bedrock_endpoint(subject: &Subject, facts: &Facts) -> Vec<Finding> {
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
        let cure = format!("deploy the stack anew with an interface endpoint of {service}");
        return vec![Finding::fail(CHECK, format!("{id} does not exist in {}", subject.region), cure)];
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

/// What both functions ask of Bedrock; the sweep makes jobs too.
fn bedrock_requests(subject: &Subject, facts: &Facts) -> Vec<(&'static str, String)> {
    let job = subject.arn("bedrock", "model-invocation-job/*");
    let create = "bedrock:CreateModelInvocationJob";
    let models = model::arns(subject, facts).into_iter().map(|arn| (create, arn));
    let mut requests = vec![(create, job.clone())];
    requests.extend(models);
    if !subject.config.job_tags.is_empty() {
        requests.push(("bedrock:TagResource", job.clone()));
    }
    requests.push(("bedrock:GetModelInvocationJob", job));
    requests.push(("bedrock:ListModelInvocationJobs", "*".to_owned()));
    requests
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

fn join(texts: &BTreeSet<&str>) -> String {
    texts.iter().copied().collect::<Vec<_>>().join(", ")
}
