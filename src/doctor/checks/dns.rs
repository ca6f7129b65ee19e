//! The DNS attributes of the VPC.

use crate::doctor::facts::Facts;
use crate::doctor::finding::Finding;
use crate::doctor::subject::Subject;
use crate::doctor::vpc::vpc_id;

pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
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
            let fix = format!("aws ec2 modify-vpc-attribute --vpc-id {vpc_id} --enable-dns-{what}");
            Finding::fail(CHECK, format!("DNS {what} of {vpc_id} is off, but the endpoints need it"), fix)
        })
        .collect();
    if findings.is_empty() {
        return vec![Finding::ok(CHECK, format!("support and hostnames of {vpc_id} are on"))];
    }
    findings
}
