//! What the facts say about the jobs' subnets: their VPC, their route tables, and where these lead. Pure.

use super::facts::{Endpoint, Facts, RouteTable, Subnet};
use super::known::Unknown;
use super::subject::Subject;

/// The jobs' subnets that exist, in the order of the settings.
pub(crate) fn job_subnets<'a>(subject: &Subject, facts: &'a Facts) -> Result<Vec<&'a Subnet>, &'a Unknown> {
    let subnets = facts.subnets.as_ref()?;
    let ids = subject.config.vpc.subnet_ids().iter();
    Ok(ids.filter_map(|id| subnets.iter().find(|subnet| subnet.id == *id)).collect())
}

/// The VPC of the jobs: that of their first subnet.
pub(crate) fn vpc_id<'a>(subject: &Subject, facts: &'a Facts) -> Option<&'a str> {
    Some(job_subnets(subject, facts).ok()?.first()?.vpc_id.as_str())
}

/// The route table of a subnet. A subnet that is not associated with one uses the main route table of its
/// VPC.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html>
pub(crate) fn table_of<'a>(subnet: &Subnet, tables: &'a [RouteTable]) -> Option<&'a RouteTable> {
    let own = tables.iter().find(|table| table.subnet_ids.contains(&subnet.id));
    own.or_else(|| tables.iter().find(|table| table.is_main && table.vpc_id == subnet.vpc_id))
}

pub(crate) fn s3_gateways<'a>(endpoints: &'a [Endpoint], vpc_id: &str) -> impl Iterator<Item = &'a Endpoint> {
    endpoints.iter().filter(move |endpoint| {
        endpoint.is_gateway && endpoint.vpc_id == vpc_id && endpoint.service.ends_with(".s3")
    })
}

/// The S3 endpoint that the jobs' subnets lead to.
pub(crate) fn reached_s3_endpoint<'a>(subject: &Subject, facts: &'a Facts) -> Option<&'a Endpoint> {
    let (tables, endpoints) = (facts.route_tables.as_ref().ok()?, facts.endpoints.as_ref().ok()?);
    job_subnets(subject, facts).ok()?.into_iter().find_map(|subnet| {
        let table = table_of(subnet, tables)?;
        s3_gateways(endpoints, &subnet.vpc_id).find(|endpoint| endpoint.route_table_ids.contains(&table.id))
    })
}
