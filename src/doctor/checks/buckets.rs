//! The two buckets and their policies.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::arn::id_of;
use crate::doctor::facts::{Bucket, Facts};
use crate::doctor::finding::Finding;
use crate::doctor::policy::{Context, Principal, Request, Verdict, evaluate, values_of};
use crate::doctor::requests::context;
use crate::doctor::subject::Subject;
use crate::doctor::vpc::{reached_s3_endpoint, vpc_id};

/// Checks both buckets and their policies.
pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    let (input, output) = (&subject.config.input_bucket, &subject.config.output_bucket);
    let function_roles = subject.functions.iter().flat_map(|functions| &functions.roles);
    let gets = |role: &String| (role.clone(), "s3:GetObject", subject.s3_arn(&format!("{input}/drop.jsonl")));
    let puts = |role: &String| {
        (role.clone(), "s3:PutObject", subject.s3_arn(&format!("{output}/ledger/drops/drop.json")))
    };
    let of_input: Vec<_> = function_roles.clone().map(gets).chain(subject.sweep_request()).collect();
    let of_job =
        subject.s3_requests().map(|(action, arn)| (subject.config.job_role_arn.clone(), action, arn));
    let of_output: Vec<_> = of_job.into_iter().chain(function_roles.map(puts)).collect();

    let mut findings = bucket("input bucket", subject, input, &facts.input, true);
    findings.extend(bucket("output bucket", subject, output, &facts.output, false));
    for (check, name, bucket, requests) in [
        ("input bucket policy", input, &facts.input, of_input),
        ("output bucket policy", output, &facts.output, of_output),
    ] {
        findings.extend(policy(check, subject, facts, (name, bucket), &requests));
    }
    findings
}

fn bucket(
    check: &'static str,
    subject: &Subject,
    name: &str,
    bucket: &Bucket,
    is_input: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &bucket.region {
        Ok(None) => {
            let fix = "deploy the stack again, or name a bucket that exists";
            return vec![Finding::fail(check, format!("{name} does not exist"), fix)];
        }
        Ok(Some(region)) if *region != subject.region => {
            let what = format!("{name} is in {region}, but an S3 endpoint only leads to its own Region");
            findings.push(Finding::fail(check, what, format!("use a bucket in {}", subject.region)));
        }
        Ok(Some(_)) => {}
        Err(unknown) => findings.push(Finding::unknown(check, unknown)),
    }
    match &bucket.is_public_access_blocked {
        Ok(true) => {}
        Ok(false) => findings.push(Finding::fail(
            check,
            format!("public access to {name} is not blocked"),
            format!("aws s3api put-public-access-block --bucket {name} with all four set"),
        )),
        Err(unknown) => findings.push(Finding::unknown(check, unknown)),
    }
    if is_input {
        match &bucket.is_versioned {
            Ok(true) => {}
            Ok(false) => findings.push(Finding::warn(
                check,
                format!("{name} is not versioned: a file that is put twice within moments becomes one drop"),
                "turn on versioning",
            )),
            Err(unknown) => findings.push(Finding::unknown(check, unknown)),
        }
    }
    let encryption = match &bucket.encryption {
        Ok(Some(encryption)) => Some(encryption.algorithm.as_str()),
        Ok(None) => {
            let what = format!("{name} has no default encryption");
            findings.push(Finding::warn(check, what, "set a default encryption"));
            None
        }
        Err(unknown) => {
            findings.push(Finding::unknown(check, unknown));
            None
        }
    };
    if let (true, Some(encryption)) = (findings.is_empty(), encryption) {
        let versioned = if is_input { "versioned, " } else { "" };
        let what = format!("{name} is private, {versioned}encrypted with {encryption}");
        return vec![Finding::ok(check, what)];
    }
    findings
}

/// Checks that a bucket's policy does not deny what jobs and functions need. Within an account, it only
/// matters what the policy denies: the role's policies allow the rest.
fn policy(
    check: &'static str,
    subject: &Subject,
    facts: &Facts,
    (name, bucket): (&str, &Bucket),
    requests: &[(String, &'static str, String)],
) -> Vec<Finding> {
    if bucket.region == Ok(None) {
        return Vec::new();
    }
    let without = || {
        let what = format!("nothing keeps requests to {name} on the S3 endpoint");
        Finding::warn(check, what, "deny requests that do not come through it (aws:SourceVpce)")
    };
    let policy = match &bucket.policy {
        Ok(Some(policy)) => policy,
        Ok(None) => return vec![without()],
        Err(unknown) => return vec![Finding::unknown(check, unknown)],
    };
    let named = values_of(policy, "aws:SourceVpce");
    let mut findings = Vec::new();
    if named.is_empty() && values_of(policy, "aws:SourceVpc").is_empty() {
        findings.push(without());
    }
    let endpoint = reached_s3_endpoint(subject, facts);
    let mut denials: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut doubts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (role_arn, action, resource) in requests {
        let context = Context::new(context(subject, role_arn, endpoint));
        let request = Request { principal: Principal::Role(role_arn), action, resource, context: &context };
        let who = id_of(role_arn);
        match evaluate(policy, &request) {
            Verdict::Allowed | Verdict::NotAllowed => {}
            Verdict::Denied(sid) => denials.entry(sid).or_default().push(format!("{who} {action}")),
            Verdict::Unsure(sid) => doubts.entry(sid).or_default().push(format!("{who} {action}")),
        }
    }
    let through = endpoint.map_or("any endpoint", |endpoint| &endpoint.id);
    for (sid, whom) in denials {
        let foreign = named.get(&sid).map(|named| foreign(subject, facts, named)).unwrap_or_default();
        let what = format!("{sid} denies requests through {through}: {}{foreign}", whom.join(", "));
        findings.push(Finding::fail(check, what, format!("exempt requests through {through} from {sid}")));
    }
    // Without an endpoint, verdicts are unsure, and the check of the route tables already failed.
    for (sid, whom) in doubts.into_iter().filter(|_| endpoint.is_some()) {
        let what = format!("{sid} depends on something that is not known here: {}", whom.join(", "));
        findings.push(Finding::not_checked(check, what, "check it yourself"));
    }
    let Some(endpoint) = endpoint else { return findings };
    if findings.is_empty() {
        let what = format!("the policy of {name} admits requests through {}", endpoint.id);
        findings.push(Finding::ok(check, what));
    }
    findings
}

/// Says which endpoints the subnets cannot have. A statement that only keeps people out may name such endpoints.
fn foreign(subject: &Subject, facts: &Facts, named: &BTreeSet<String>) -> String {
    let (Ok(endpoints), Some(vpc_id)) = (&facts.endpoints, vpc_id(subject, facts)) else {
        return String::new();
    };
    let foreign = named.iter().filter_map(|id| match endpoints.iter().find(|endpoint| endpoint.id == *id) {
        None => Some(format!("; it names {id}, which does not exist in {}", subject.region)),
        Some(endpoint) if endpoint.vpc_id != vpc_id => {
            Some(format!("; it names {id}, which is in {}, but the subnets are in {vpc_id}", endpoint.vpc_id))
        }
        Some(_) => None,
    });
    foreign.collect()
}
