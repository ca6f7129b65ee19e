//! The security groups of the jobs.

use std::collections::BTreeSet;

use crate::doctor::facts::Facts;
use crate::doctor::finding::Finding;
use crate::doctor::subject::Subject;
use crate::doctor::vpc::vpc_id;

pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
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
            let what = format!("{id} is in {}, but the subnets are in {vpc_id}", group.vpc_id);
            findings.push(Finding::fail(CHECK, what, format!("name security groups of {vpc_id}")));
        }
    }
    if findings.is_empty() {
        findings.push(https_to_s3(CHECK, &ids.join(", "), &targets, facts));
    }
    findings
}

/// Whether the targets that TCP 443 is allowed out to are S3.
fn https_to_s3(check: &'static str, who: &str, targets: &BTreeSet<&str>, facts: &Facts) -> Finding {
    let list = match &facts.s3_prefix_list {
        Ok(list) => list.as_deref(),
        Err(unknown) if targets.iter().any(|target| target.starts_with("pl-")) => {
            return Finding::unknown(check, unknown);
        }
        Err(_) => None,
    };
    let name = list.map_or_else(|| "for S3".to_owned(), |list| format!("{list} for S3"));
    let fix = format!("allow TCP 443 out to the prefix list {name} instead");
    let others: Vec<_> = targets.iter().filter(|target| Some(**target) != list).copied().collect();
    let is_exact = others.len() < targets.len();
    if let Some(anywhere) = others.iter().find(|target| is_anywhere(target)) {
        let what = format!("{who} allows 443 out to {anywhere}: this works, but it is wider than necessary");
        Finding::warn(check, what, fix)
    } else if is_exact {
        Finding::ok(check, format!("{who} allows 443 out to S3"))
    } else if others.is_empty() {
        let fix = format!("allow TCP 443 out to the prefix list {name}");
        Finding::fail(check, format!("{who} does not allow 443 out"), fix)
    } else {
        let what = format!("{who} allows 443 out only to {}, which may not include S3", others.join(", "));
        Finding::fail(check, what, fix)
    }
}

fn is_anywhere(target: &str) -> bool {
    ["0.0.0.0/0", "::/0"].contains(&target)
}
