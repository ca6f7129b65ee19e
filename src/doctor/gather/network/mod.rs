//! The network, from EC2.

mod elements;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use self::elements::{
    IpPermission, PrefixList, RouteTableItem, SecurityGroup, ServiceDetail, SubnetItem, VpcAttribute,
    VpcEndpoint,
};
use super::answers::document;
use super::ec2::{Ec2, Items, Parameters};
use crate::doctor::facts::{Dns, Endpoint, Group, RouteTable, Subnet};
use crate::doctor::known::{Known, Unknown};
use crate::doctor::subject::Subject;

pub(super) async fn subnets(ec2: &Ec2, ids: &[String]) -> Known<Vec<Subnet>> {
    let named = subnets_by(ec2, Parameters::filter("subnet-id", ids)).await?;
    let vpc_ids: BTreeSet<_> = named.iter().map(|subnet| &subnet.vpc_id).collect();
    if vpc_ids.is_empty() {
        return Ok(named);
    }
    subnets_by(ec2, Parameters::filter("vpc-id", vpc_ids)).await
}

async fn subnets_by(ec2: &Ec2, filter: Parameters) -> Known<Vec<Subnet>> {
    let subnets: Vec<SubnetItem> = ec2.list("ec2:DescribeSubnets", filter).await?;
    let subnets = subnets.into_iter().map(|subnet| Subnet {
        id: subnet.subnet_id,
        vpc_id: subnet.vpc_id,
        zone: subnet.availability_zone,
    });
    Ok(subnets.collect())
}

pub(super) async fn route_tables(ec2: &Ec2, vpc_ids: &BTreeSet<String>) -> Known<Vec<RouteTable>> {
    let tables = ec2.list("ec2:DescribeRouteTables", Parameters::filter("vpc-id", vpc_ids)).await?;
    Ok(tables.into_iter().map(route_table).collect())
}

pub(super) async fn dns(ec2: &Ec2, vpc_id: &str) -> Known<Dns> {
    let attribute = async |attribute: &str| -> Known<VpcAttribute> {
        let parameters = Parameters::default().with("VpcId", vpc_id).with("Attribute", attribute);
        ec2.call("ec2:DescribeVpcAttribute", parameters).await
    };
    Ok(Dns {
        has_support: attribute("enableDnsSupport").await?.enable_dns_support.value,
        has_hostnames: attribute("enableDnsHostnames").await?.enable_dns_hostnames.value,
    })
}

pub(super) async fn groups(ec2: &Ec2, ids: &BTreeSet<String>) -> Known<Vec<Group>> {
    let named = Parameters::filter("group-id", ids);
    let groups: Vec<SecurityGroup> = ec2.list("ec2:DescribeSecurityGroups", named).await?;
    let groups = groups.into_iter().map(|group| Group {
        id: group.group_id,
        vpc_id: group.vpc_id,
        https_out: https(group.ip_permissions_egress),
        https_in: https(group.ip_permissions),
    });
    Ok(groups.collect())
}

pub(super) async fn endpoints(ec2: &Ec2) -> Known<Vec<Endpoint>> {
    let endpoints: Vec<VpcEndpoint> = ec2.list("ec2:DescribeVpcEndpoints", Parameters::default()).await?;
    let endpoints = endpoints.into_iter().map(|endpoint| Endpoint {
        id: endpoint.vpc_endpoint_id,
        vpc_id: endpoint.vpc_id,
        service: endpoint.service_name,
        is_gateway: endpoint.vpc_endpoint_type == "Gateway",
        is_available: endpoint.state.eq_ignore_ascii_case("available"),
        route_table_ids: endpoint.route_table_id_set.item,
        subnet_ids: endpoint.subnet_id_set.item,
        group_ids: endpoint.group_set.item.into_iter().filter_map(|group| group.group_id).collect(),
        has_private_dns: endpoint.private_dns_enabled,
        policy: endpoint.policy_document.and_then(|policy| document(&policy)),
    });
    Ok(endpoints.collect())
}

pub(super) async fn bedrock_zones(ec2: &Ec2, region: &str) -> Known<Vec<String>> {
    let name = format!("com.amazonaws.{region}.bedrock");
    let named = Parameters::default().with("ServiceName.1", &name);
    let services: Vec<ServiceDetail> = ec2.list("ec2:DescribeVpcEndpointServices", named).await?;
    let zones: Vec<_> = services.into_iter().flat_map(|service| service.availability_zone_set.item).collect();
    if zones.is_empty() {
        let why = "ec2:DescribeVpcEndpointServices gave no zones".to_owned();
        return Err(Unknown { why, fix: "try again".to_owned() });
    }
    Ok(zones)
}

pub(super) async fn prefix_list(ec2: &Ec2, name: &str) -> Known<Option<String>> {
    let named = Parameters::filter("prefix-list-name", [name]);
    let lists: Vec<PrefixList> = ec2.list("ec2:DescribePrefixLists", named).await?;
    let list = lists.into_iter().find(|list| list.prefix_list_name == name);
    Ok(list.and_then(|list| list.prefix_list_id))
}

/// The security groups of the jobs, of the functions, and of the functions' endpoint.
pub(super) fn group_ids(subject: &Subject, endpoints: &Known<Vec<Endpoint>>) -> BTreeSet<String> {
    let mut ids: BTreeSet<String> = subject.config.vpc.security_group_ids().iter().cloned().collect();
    if let Some(functions) = &subject.functions {
        ids.extend(functions.security_group_id.clone());
        let is_theirs = |endpoint: &&Endpoint| functions.bedrock_endpoint_id.as_ref() == Some(&endpoint.id);
        let theirs = endpoints.iter().flatten().find(is_theirs);
        ids.extend(theirs.into_iter().flat_map(|endpoint| endpoint.group_ids.iter().cloned()));
    }
    ids
}

fn route_table(table: RouteTableItem) -> RouteTable {
    let associations = table.association_set.item;
    let internet_targets = table.route_set.item.into_iter().filter_map(|route| {
        let targets = [route.gateway_id, route.nat_gateway_id, route.egress_only_internet_gateway_id];
        targets
            .into_iter()
            .flatten()
            .find(|target| ["igw-", "nat-", "eigw-"].iter().any(|prefix| target.starts_with(prefix)))
    });
    RouteTable {
        id: table.route_table_id,
        vpc_id: table.vpc_id,
        is_main: associations.iter().any(|association| association.main),
        subnet_ids: associations.into_iter().filter_map(|association| association.subnet_id).collect(),
        internet_targets: internet_targets.collect(),
    }
}

/// The CIDR blocks, prefix lists, and groups in the rules for TCP 443.
fn https(permissions: Items<IpPermission>) -> Vec<String> {
    let mut targets = Vec::new();
    for permission in permissions.item {
        let is_all = permission.ip_protocol == "-1";
        let is_https = permission.ip_protocol == "tcp"
            && permission.from_port.is_some_and(|port| port <= 443)
            && permission.to_port.is_some_and(|port| port >= 443);
        if !is_all && !is_https {
            continue;
        }
        let named =
            [permission.ip_ranges, permission.ipv6_ranges, permission.prefix_list_ids, permission.groups];
        targets.extend(named.into_iter().flat_map(|list| list.item).filter_map(|named| {
            named.cidr_ip.or(named.cidr_ipv6).or(named.prefix_list_id).or(named.group_id)
        }));
    }
    targets
}
