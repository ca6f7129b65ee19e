//! The subnets: do they exist, in one VPC, and in each zone?

use std::collections::BTreeSet;

use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, join};
use crate::doctor::subject::Subject;
use crate::doctor::vpc::job_subnets;

pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
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
            let what =
                format!("{} is in {}, but {} is in {}", subnet.id, subnet.vpc_id, first.id, first.vpc_id);
            findings.push(Finding::fail(CHECK, what, "name subnets of one VPC"));
        }
    }
    let zones: BTreeSet<&str> = found.iter().map(|subnet| subnet.zone.as_str()).collect();
    let of_vpc = all.iter().filter(|subnet| subnet.vpc_id == first.vpc_id);
    let others: BTreeSet<&str> =
        of_vpc.map(|subnet| subnet.zone.as_str()).filter(|zone| !zones.contains(zone)).collect();
    if !others.is_empty() {
        let what = format!("only in {}, but the VPC also has subnets in {}", join(&zones), join(&others));
        findings.push(Finding::warn(CHECK, what, "name one in each zone, in case a zone fails"));
    } else if zones.len() == 1 {
        let what = format!("only in {}", join(&zones));
        findings.push(Finding::warn(
            CHECK,
            what,
            "create and name one in another zone, in case this one fails",
        ));
    }
    if findings.is_empty() {
        let ids: Vec<_> = found.iter().map(|subnet| subnet.id.as_str()).collect();
        findings
            .push(Finding::ok(CHECK, format!("{} in {}: {}", ids.join(", "), first.vpc_id, join(&zones))));
    }
    findings
}
