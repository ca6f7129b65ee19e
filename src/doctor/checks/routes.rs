//! The route tables: do they lead to S3, and nowhere else?
//!
//! <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html> (read 2026-11)

use std::collections::BTreeSet;

use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, join};
use crate::doctor::subject::Subject;
use crate::doctor::vpc::{job_subnets, s3_gateways, table_of};

pub(crate) fn check_tables(subject: &Subject, facts: &Facts) -> Vec<Finding> {
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
                findings.push(Finding::fail(CHECK, what, "wait until it is available, or create another"));
            }
            None => {
                let what = format!("{} reaches no S3 endpoint: {} has no route to one", subnet.id, table.id);
                let fix = match s3_gateways(endpoints, &subnet.vpc_id).next() {
                    Some(endpoint) => format!("associate {} with {}", endpoint.id, table.id),
                    None => format!(
                        "create a gateway endpoint for com.amazonaws.{}.s3 in {} with {}",
                        subject.region, subnet.vpc_id, table.id
                    ),
                };
                findings.push(Finding::fail(CHECK, what, fix));
            }
        }
    }
    if findings.is_empty() && !reached.is_empty() {
        findings.push(Finding::ok(CHECK, format!("every subnet reaches S3 through {}", join(&reached))));
    }
    findings
}

pub(crate) fn check_internet(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "internet";
    let (subnets, tables) = match (job_subnets(subject, facts), &facts.route_tables) {
        (Ok(subnets), Ok(tables)) => (subnets, tables),
        (Err(unknown), _) | (_, Err(unknown)) => return vec![Finding::unknown(CHECK, unknown)],
    };
    let tables: Vec<_> = subnets.iter().filter_map(|subnet| table_of(subnet, tables)).collect();
    let ways: BTreeSet<_> = tables
        .iter()
        .flat_map(|table| {
            table.internet_targets.iter().map(|target| format!("{} leads to {target}", table.id))
        })
        .collect();
    if !ways.is_empty() {
        let fix = "remove the route, or name other subnets: requests to S3 use the endpoint anyway, \
                   but other traffic can leave the VPC";
        return ways.into_iter().map(|way| Finding::warn(CHECK, way, fix)).collect();
    }
    if tables.is_empty() { Vec::new() } else { vec![Finding::ok(CHECK, "no subnet has a route to it")] }
}
