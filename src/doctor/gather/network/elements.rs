//! What EC2 answers, as far as it is read. Every element may be missing.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Types.html> (read 2026-11)

use serde::Deserialize;

use crate::doctor::gather::ec2::Items;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SubnetItem {
    pub(super) subnet_id: String,
    pub(super) vpc_id: String,
    pub(super) availability_zone: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RouteTableItem {
    pub(super) route_table_id: String,
    pub(super) vpc_id: String,
    pub(super) association_set: Items<Association>,
    pub(super) route_set: Items<Route>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Association {
    pub(super) main: bool,
    pub(super) subnet_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Route {
    pub(super) gateway_id: Option<String>,
    pub(super) nat_gateway_id: Option<String>,
    pub(super) egress_only_internet_gateway_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct VpcAttribute {
    pub(super) enable_dns_support: Flag,
    pub(super) enable_dns_hostnames: Flag,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Flag {
    pub(super) value: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SecurityGroup {
    pub(super) group_id: String,
    pub(super) vpc_id: String,
    pub(super) ip_permissions: Items<IpPermission>,
    pub(super) ip_permissions_egress: Items<IpPermission>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct IpPermission {
    pub(super) ip_protocol: String,
    pub(super) from_port: Option<i32>,
    pub(super) to_port: Option<i32>,
    pub(super) ip_ranges: Items<Named>,
    pub(super) ipv6_ranges: Items<Named>,
    pub(super) prefix_list_ids: Items<Named>,
    pub(super) groups: Items<Named>,
}

/// What a rule or an endpoint names: it has one of these.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Named {
    pub(super) cidr_ip: Option<String>,
    pub(super) cidr_ipv6: Option<String>,
    pub(super) prefix_list_id: Option<String>,
    pub(super) group_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct VpcEndpoint {
    pub(super) vpc_endpoint_id: String,
    pub(super) vpc_id: String,
    pub(super) service_name: String,
    pub(super) vpc_endpoint_type: String,
    pub(super) state: String,
    pub(super) route_table_id_set: Items<String>,
    pub(super) subnet_id_set: Items<String>,
    pub(super) group_set: Items<Named>,
    pub(super) private_dns_enabled: Option<bool>,
    pub(super) policy_document: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ServiceDetail {
    pub(super) availability_zone_set: Items<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PrefixList {
    pub(super) prefix_list_id: Option<String>,
    pub(super) prefix_list_name: String,
}
