//! The answers are those in the reference of AWS, shortened and with other names.

use serde_json::json;

use super::*;
use crate::doctor::gather::ec2::stand_in::answering;

/// A client that gets this answer, between the elements that every answer has.
async fn client(action: &str, answer: &str) -> Ec2 {
    let answer = format!(
        "<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n    \
         <requestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</requestId>\n{answer}</{action}Response>"
    );
    answering(&[(200, &answer)]).await.0
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(ToOwned::to_owned).collect()
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html> (read 2026-11)
#[tokio::test]
async fn subnets_are_read_and_then_all_of_their_vpcs() {
    let answer = r#"<DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</requestId>
    <subnetSet>
        <item>
            <subnetId>subnet-0a</subnetId>
            <state>available</state>
            <vpcId>vpc-1</vpcId>
            <cidrBlock>10.0.1.0/24</cidrBlock>
            <ipv6CidrBlockAssociationSet/>
            <availabilityZone>us-east-1a</availabilityZone>
            <defaultForAz>false</defaultForAz>
            <tagSet><item><key>Name</key><value>a</value></item></tagSet>
        </item>
        <item><subnetId>subnet-0b</subnetId></item>
    </subnetSet>
</DescribeSubnetsResponse>"#;
    let (ec2, requests) = answering(&[(200, answer)]).await;
    let found = subnets(&ec2, &texts(&["subnet-0a", "subnet-0b"])).await.unwrap();
    let [first, bare] = [("subnet-0a", "vpc-1", "us-east-1a"), ("subnet-0b", "", "")]
        .map(|(id, vpc_id, zone)| Subnet { id: id.into(), vpc_id: vpc_id.into(), zone: zone.into() });
    assert_eq!(found, [first, bare]);
    let bodies: Vec<_> = requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    let form = "Action=DescribeSubnets&Version=2016-11-15&Filter.1.Name=";
    assert_eq!(
        bodies,
        [
            format!("{form}subnet%2Did&Filter.1.Value.1=subnet%2D0a&Filter.1.Value.2=subnet%2D0b"),
            format!("{form}vpc%2Did&Filter.1.Value.1=&Filter.1.Value.2=vpc%2D1"),
        ]
    );
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html> (read 2026-11)
#[tokio::test]
async fn route_tables_are_read() {
    let answer = "
    <routeTableSet>
        <item>
            <routeTableId>rtb-1</routeTableId>
            <vpcId>vpc-1</vpcId>
            <routeSet>
                <item><destinationCidrBlock>10.0.0.0/22</destinationCidrBlock><gatewayId>local</gatewayId></item>
                <item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId></item>
                <item><destinationCidrBlock>10.1.0.0/16</destinationCidrBlock><natGatewayId>nat-1</natGatewayId></item>
                <item>
                    <destinationIpv6CidrBlock>::/0</destinationIpv6CidrBlock>
                    <egressOnlyInternetGatewayId>eigw-1</egressOnlyInternetGatewayId>
                </item>
                <item><destinationPrefixListId>pl-1</destinationPrefixListId><gatewayId>vpce-1</gatewayId></item>
            </routeSet>
            <associationSet>
                <item>
                    <routeTableAssociationId>rtbassoc-1</routeTableAssociationId>
                    <routeTableId>rtb-1</routeTableId>
                    <main>true</main>
                </item>
            </associationSet>
            <propagatingVgwSet/>
            <tagSet/>
        </item>
        <item>
            <routeTableId>rtb-2</routeTableId>
            <vpcId>vpc-1</vpcId>
            <associationSet>
                <item><subnetId>subnet-0a</subnetId><main>false</main></item>
                <item><subnetId>subnet-0b</subnetId></item>
            </associationSet>
        </item>
    </routeTableSet>
";
    let ec2 = client("DescribeRouteTables", answer).await;
    let main = RouteTable {
        id: "rtb-1".to_owned(),
        vpc_id: "vpc-1".to_owned(),
        is_main: true,
        subnet_ids: Vec::new(),
        internet_targets: texts(&["igw-1", "nat-1", "eigw-1"]),
    };
    let other = RouteTable {
        id: "rtb-2".to_owned(),
        vpc_id: "vpc-1".to_owned(),
        is_main: false,
        subnet_ids: texts(&["subnet-0a", "subnet-0b"]),
        internet_targets: Vec::new(),
    };
    assert_eq!(route_tables(&ec2, &BTreeSet::from(["vpc-1".to_owned()])).await, Ok(vec![main, other]));
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcAttribute.html> (read 2026-11)
#[tokio::test]
async fn each_attribute_of_the_vpc_is_read_from_its_own_answer() {
    let answer = |name: &str, value: &str| {
        format!(
            "<DescribeVpcAttributeResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n  \
             <requestId>7a62c49f</requestId>\n  <vpcId>vpc-1</vpcId>\n  <{name}>\n    {value}\n  </{name}>\n\
             </DescribeVpcAttributeResponse>"
        )
    };
    let [on, off] = ["<value>true</value>", "<value>false</value>"];
    for (support, hostnames, expected) in
        [(on, on, (true, true)), (on, off, (true, false)), (off, on, (false, true)), ("", "", (false, false))]
    {
        let [first, second] = [("enableDnsSupport", support), ("enableDnsHostnames", hostnames)]
            .map(|(name, value)| answer(name, value));
        let (ec2, requests) = answering(&[(200, &first), (200, &second)]).await;
        let (has_support, has_hostnames) = expected;
        assert_eq!(dns(&ec2, "vpc-1").await, Ok(Dns { has_support, has_hostnames }));
        let form = "Action=DescribeVpcAttribute&Version=2016-11-15&VpcId=vpc%2D1&Attribute=enableDns";
        let bodies: Vec<_> = requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
        assert_eq!(bodies, [format!("{form}Support"), format!("{form}Hostnames")]);
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html> (read 2026-11)
#[tokio::test]
async fn groups_have_what_their_rules_for_https_name() {
    let answer = "
    <securityGroupInfo>
        <item>
            <ownerId>123456789012</ownerId>
            <groupId>sg-1</groupId>
            <groupName>functions</groupName>
            <vpcId>vpc-1</vpcId>
            <ipPermissions>
                <item>
                    <ipProtocol>tcp</ipProtocol>
                    <fromPort>22</fromPort>
                    <toPort>22</toPort>
                    <groups/>
                    <ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges>
                    <prefixListIds/>
                </item>
                <item>
                    <ipProtocol>tcp</ipProtocol>
                    <fromPort>443</fromPort>
                    <toPort>443</toPort>
                    <groups>
                        <item><userId>123456789012</userId><groupId>sg-2</groupId></item>
                        <item><userId>123456789012</userId><groupId>sg-3</groupId></item>
                    </groups>
                    <ipRanges>
                        <item><cidrIp>203.0.113.0/24</cidrIp><description>B &amp; C</description></item>
                    </ipRanges>
                    <ipv6Ranges><item><cidrIpv6>2001:db8::/32</cidrIpv6></item></ipv6Ranges>
                    <prefixListIds/>
                </item>
                <item>
                    <ipProtocol>icmp</ipProtocol>
                    <fromPort>-1</fromPort>
                    <toPort>-1</toPort>
                    <groups><item><groupId>sg-4</groupId></item></groups>
                </item>
            </ipPermissions>
            <ipPermissionsEgress>
                <item>
                    <ipProtocol>-1</ipProtocol>
                    <groups/>
                    <ipRanges><item><cidrIp>10.0.0.0/16</cidrIp></item></ipRanges>
                    <prefixListIds/>
                </item>
                <item>
                    <ipProtocol>tcp</ipProtocol>
                    <fromPort>0</fromPort>
                    <toPort>65535</toPort>
                    <prefixListIds><item><prefixListId>pl-1</prefixListId></item></prefixListIds>
                </item>
            </ipPermissionsEgress>
        </item>
    </securityGroupInfo>
";
    let ec2 = client("DescribeSecurityGroups", answer).await;
    let group = Group {
        id: "sg-1".to_owned(),
        vpc_id: "vpc-1".to_owned(),
        https_out: texts(&["10.0.0.0/16", "pl-1"]),
        https_in: texts(&["203.0.113.0/24", "2001:db8::/32", "sg-2", "sg-3"]),
    };
    assert_eq!(groups(&ec2, &BTreeSet::from(["sg-1".to_owned()])).await, Ok(vec![group]));
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html> (read 2026-11)
#[tokio::test]
async fn endpoints_are_read_with_their_policies() {
    let answer = "
    <vpcEndpointSet>
        <item>
            <vpcEndpointId>vpce-1</vpcEndpointId>
            <vpcEndpointType>Gateway</vpcEndpointType>
            <vpcId>vpc-1</vpcId>
            <serviceName>com.amazonaws.us-east-1.s3</serviceName>
            <state>available</state>
            <policyDocument>{&quot;Statement&quot;:[{&quot;Action&quot;:&quot;s3:Get*&quot;}]}</policyDocument>
            <routeTableIdSet><item>rtb-1</item><item>rtb-2</item></routeTableIdSet>
            <subnetIdSet/>
            <groupSet/>
            <privateDnsEnabled>false</privateDnsEnabled>
        </item>
        <item>
            <vpcEndpointId>vpce-2</vpcEndpointId>
            <vpcEndpointType>Interface</vpcEndpointType>
            <vpcId>vpc-1</vpcId>
            <serviceName>com.amazonaws.us-east-1.bedrock</serviceName>
            <state>pendingAcceptance</state>
            <subnetIdSet><item>subnet-0a</item></subnetIdSet>
            <groupSet><item><groupId>sg-1</groupId><groupName>default</groupName></item></groupSet>
            <privateDnsEnabled>true</privateDnsEnabled>
        </item>
        <item/>
    </vpcEndpointSet>
";
    let ec2 = client("DescribeVpcEndpoints", answer).await;
    let bare = Endpoint {
        id: String::new(),
        vpc_id: String::new(),
        service: String::new(),
        is_gateway: false,
        is_available: false,
        route_table_ids: Vec::new(),
        subnet_ids: Vec::new(),
        group_ids: Vec::new(),
        has_private_dns: None,
        policy: None,
    };
    let gateway = Endpoint {
        id: "vpce-1".to_owned(),
        vpc_id: "vpc-1".to_owned(),
        service: "com.amazonaws.us-east-1.s3".to_owned(),
        is_gateway: true,
        is_available: true,
        route_table_ids: texts(&["rtb-1", "rtb-2"]),
        has_private_dns: Some(false),
        policy: Some(json!({"Statement": [{"Action": "s3:Get*"}]})),
        ..bare.clone()
    };
    let interface = Endpoint {
        id: "vpce-2".to_owned(),
        vpc_id: "vpc-1".to_owned(),
        service: "com.amazonaws.us-east-1.bedrock".to_owned(),
        subnet_ids: texts(&["subnet-0a"]),
        group_ids: texts(&["sg-1"]),
        has_private_dns: Some(true),
        ..bare.clone()
    };
    assert_eq!(endpoints(&ec2).await, Ok(vec![gateway, interface, bare]));
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpointServices.html> (read 2026-11)
#[tokio::test]
async fn zones_of_bedrock_are_read_from_the_details_of_its_service() {
    let answer = "
    <serviceNameSet><item>com.amazonaws.us-east-1.bedrock</item></serviceNameSet>
    <serviceDetailSet>
        <item>
            <owner>amazon</owner>
            <serviceType><item><serviceType>Interface</serviceType></item></serviceType>
            <baseEndpointDnsNameSet><item>bedrock.us-east-1.vpce.amazonaws.com</item></baseEndpointDnsNameSet>
            <acceptanceRequired>false</acceptanceRequired>
            <availabilityZoneSet><item>us-east-1a</item><item>us-east-1b</item></availabilityZoneSet>
            <serviceName>com.amazonaws.us-east-1.bedrock</serviceName>
        </item>
    </serviceDetailSet>
";
    let ec2 = client("DescribeVpcEndpointServices", answer).await;
    assert_eq!(bedrock_zones(&ec2, "us-east-1").await, Ok(texts(&["us-east-1a", "us-east-1b"])));
    let ec2 = client("DescribeVpcEndpointServices", "<serviceDetailSet/>").await;
    let why = "ec2:DescribeVpcEndpointServices gave no zones";
    assert_eq!(bedrock_zones(&ec2, "us-east-1").await.unwrap_err().why, why);
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribePrefixLists.html> (read 2026-11)
#[tokio::test]
async fn prefix_list_is_found_by_its_name() {
    let answer = "
    <prefixListSet>
        <item>
            <prefixListName>com.amazonaws.us-east-1.s3express</prefixListName>
            <prefixListId>pl-1</prefixListId>
            <cidrSet><item>198.51.100.0/24</item></cidrSet>
        </item>
        <item>
            <prefixListName>com.amazonaws.us-east-1.s3</prefixListName>
            <prefixListId>pl-2</prefixListId>
            <cidrSet><item>203.0.113.0/24</item></cidrSet>
        </item>
    </prefixListSet>
";
    let ec2 = client("DescribePrefixLists", answer).await;
    let id = prefix_list(&ec2, "com.amazonaws.us-east-1.s3").await;
    assert_eq!(id, Ok(Some("pl-2".to_owned())));
    assert_eq!(prefix_list(&ec2, "com.amazonaws.us-east-1.dynamodb").await, Ok(None));
}
