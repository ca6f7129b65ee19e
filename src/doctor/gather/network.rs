//! The network, from EC2.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, IpPermission, VpcAttributeName};

use super::answers::{document, known};
use crate::doctor::facts::{Dns, Endpoint, Group, RouteTable, Subnet};
use crate::doctor::known::{Known, Unknown};
use crate::doctor::subject::Subject;

pub(super) async fn subnets(ec2: &Client, ids: &[String]) -> Known<Vec<Subnet>> {
    let named = subnets_by(ec2, "subnet-id", ids.to_vec()).await?;
    let vpc_ids: BTreeSet<_> = named.iter().map(|subnet| subnet.vpc_id.clone()).collect();
    if vpc_ids.is_empty() {
        return Ok(named);
    }
    subnets_by(ec2, "vpc-id", vpc_ids.into_iter().collect()).await
}

async fn subnets_by(ec2: &Client, filter: &str, values: Vec<String>) -> Known<Vec<Subnet>> {
    let request = ec2.describe_subnets().filters(filter_by(filter, values));
    let subnets = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let subnets = known("ec2:DescribeSubnets", subnets)?.into_iter();
    Ok(subnets
        .map(|subnet| Subnet {
            id: subnet.subnet_id.unwrap_or_default(),
            vpc_id: subnet.vpc_id.unwrap_or_default(),
            zone: subnet.availability_zone.unwrap_or_default(),
        })
        .collect())
}

pub(super) async fn route_tables(ec2: &Client, vpc_ids: &BTreeSet<String>) -> Known<Vec<RouteTable>> {
    let of_vpcs = filter_by("vpc-id", vpc_ids.iter().cloned().collect());
    let request = ec2.describe_route_tables().filters(of_vpcs);
    let tables = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    Ok(known("ec2:DescribeRouteTables", tables)?.into_iter().map(route_table).collect())
}

pub(super) async fn dns(ec2: &Client, vpc_id: &str) -> Known<Dns> {
    let attribute = async |attribute: VpcAttributeName| {
        let request = ec2.describe_vpc_attribute().vpc_id(vpc_id).attribute(attribute);
        known("ec2:DescribeVpcAttribute", request.send().await)
    };
    let support = attribute(VpcAttributeName::EnableDnsSupport).await?.enable_dns_support;
    let hostnames = attribute(VpcAttributeName::EnableDnsHostnames).await?.enable_dns_hostnames;
    Ok(Dns {
        has_support: support.and_then(|support| support.value).unwrap_or(false),
        has_hostnames: hostnames.and_then(|hostnames| hostnames.value).unwrap_or(false),
    })
}

pub(super) async fn groups(ec2: &Client, ids: &BTreeSet<String>) -> Known<Vec<Group>> {
    let named = filter_by("group-id", ids.iter().cloned().collect());
    let request = ec2.describe_security_groups().filters(named);
    let groups = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let groups = known("ec2:DescribeSecurityGroups", groups)?.into_iter();
    Ok(groups
        .map(|group| Group {
            id: group.group_id.unwrap_or_default(),
            vpc_id: group.vpc_id.unwrap_or_default(),
            https_out: https(&group.ip_permissions_egress.unwrap_or_default()),
            https_in: https(&group.ip_permissions.unwrap_or_default()),
        })
        .collect())
}

pub(super) async fn endpoints(ec2: &Client) -> Known<Vec<Endpoint>> {
    let request = ec2.describe_vpc_endpoints();
    let endpoints = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let endpoints = known("ec2:DescribeVpcEndpoints", endpoints)?.into_iter();
    Ok(endpoints
        .map(|endpoint| Endpoint {
            id: endpoint.vpc_endpoint_id.unwrap_or_default(),
            vpc_id: endpoint.vpc_id.unwrap_or_default(),
            service: endpoint.service_name.unwrap_or_default(),
            is_gateway: endpoint.vpc_endpoint_type.is_some_and(|kind| kind.as_str() == "Gateway"),
            is_available: endpoint
                .state
                .is_some_and(|state| state.as_str().eq_ignore_ascii_case("available")),
            route_table_ids: endpoint.route_table_ids.unwrap_or_default(),
            subnet_ids: endpoint.subnet_ids.unwrap_or_default(),
            group_ids: endpoint.groups.into_iter().flatten().filter_map(|group| group.group_id).collect(),
            has_private_dns: endpoint.private_dns_enabled,
            policy: endpoint.policy_document.and_then(|policy| document(&policy)),
        })
        .collect())
}

pub(super) async fn bedrock_zones(ec2: &Client, region: &str) -> Known<Vec<String>> {
    let name = format!("com.amazonaws.{region}.bedrock");
    let answer = ec2.describe_vpc_endpoint_services().service_names(name).send().await;
    let services = known("ec2:DescribeVpcEndpointServices", answer)?.service_details.unwrap_or_default();
    let zones: Vec<_> =
        services.into_iter().filter_map(|service| service.availability_zones).flatten().collect();
    if zones.is_empty() {
        let why = "ec2:DescribeVpcEndpointServices gave no zones".to_owned();
        return Err(Unknown { why, fix: "try again".to_owned() });
    }
    Ok(zones)
}

pub(super) async fn prefix_list(ec2: &Client, name: &str) -> Known<Option<String>> {
    let named = filter_by("prefix-list-name", vec![name.to_owned()]);
    let answer = ec2.describe_prefix_lists().filters(named).send().await;
    let lists = known("ec2:DescribePrefixLists", answer)?.prefix_lists.unwrap_or_default();
    let list = lists.into_iter().find(|list| list.prefix_list_name.as_deref() == Some(name));
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

fn filter_by(name: &str, values: Vec<String>) -> Filter {
    Filter::builder().name(name).set_values(Some(values)).build()
}

fn route_table(table: aws_sdk_ec2::types::RouteTable) -> RouteTable {
    let associations = table.associations.unwrap_or_default();
    let internet_targets = table.routes.into_iter().flatten().filter_map(|route| {
        let targets = [route.gateway_id, route.nat_gateway_id, route.egress_only_internet_gateway_id];
        targets
            .into_iter()
            .flatten()
            .find(|target| ["igw-", "nat-", "eigw-"].iter().any(|prefix| target.starts_with(prefix)))
    });
    RouteTable {
        id: table.route_table_id.unwrap_or_default(),
        vpc_id: table.vpc_id.unwrap_or_default(),
        is_main: associations.iter().any(|association| association.main == Some(true)),
        subnet_ids: associations.into_iter().filter_map(|association| association.subnet_id).collect(),
        internet_targets: internet_targets.collect(),
    }
}

/// The CIDR blocks, prefix lists, and groups in the rules for TCP 443.
fn https(permissions: &[IpPermission]) -> Vec<String> {
    let mut targets = Vec::new();
    for permission in permissions {
        let is_all = permission.ip_protocol.as_deref() == Some("-1");
        let is_https = permission.ip_protocol.as_deref() == Some("tcp")
            && permission.from_port.is_some_and(|port| port <= 443)
            && permission.to_port.is_some_and(|port| port >= 443);
        if !is_all && !is_https {
            continue;
        }
        targets.extend(permission.ip_ranges().iter().filter_map(|range| range.cidr_ip.clone()));
        targets.extend(permission.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6.clone()));
        targets.extend(permission.prefix_list_ids().iter().filter_map(|list| list.prefix_list_id.clone()));
        targets.extend(permission.user_id_group_pairs().iter().filter_map(|pair| pair.group_id.clone()));
    }
    targets
}
