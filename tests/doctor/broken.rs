//! The ways to break a stack, and what the doctor must say about each.

use bedrock_vpc_batch::base::timestamp::Timestamp;
use bedrock_vpc_batch::drop::hints;
use bedrock_vpc_batch::drop::identity::JobId;
use bedrock_vpc_batch::drop::keys;

use super::account::{Account, ENDED, NO_ACCESS, Stack};

/// A way to break a stack.
pub(super) struct Broken {
    pub(super) name: &'static str,
    pub(super) parameters: &'static [(&'static str, &'static str)],
    /// Edits of the template.
    pub(super) edits: &'static [(&'static str, &'static str)],
    /// What happens to the stack after it is deployed.
    pub(super) accident: Accident,
    /// The state and the check at the start of the line that names the fault, and then what else that line
    /// has. `{X}` stands for output X.
    pub(super) state: &'static str,
    pub(super) check: &'static str,
    pub(super) found: &'static str,
    pub(super) fix: &'static str,
    /// Other checks that the stack does not pass.
    pub(super) also: &'static [&'static str],
}

pub(super) enum Accident {
    None,
    SubnetDeleted,
    OutputBucketDeleted,
    KeyDisabled,
    JobWaitsForOtherModel,
    /// These routes are in force.
    Routes(&'static str),
}

const SOUND: Broken = Broken {
    name: "",
    parameters: &[],
    edits: &[],
    accident: Accident::None,
    state: "FAIL",
    check: "",
    found: "",
    fix: "",
    also: &[],
};

const NEEDS_PROFILE: &str = "anthropic.claude-haiku-4-5-20251001-v1:0";

const LEGACY: &str = "anthropic.claude-3-sonnet-20240229-v1:0";

const LEGACY_ARN: &str =
    "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-sonnet-20240229-v1:0";

const ENDED_ARN: &str = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-premier-v1:0";

const PROFILE: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

const THROUGH_THE_ENDPOINT: &str =
    "aws:SourceVpce: !If [MakeNetwork, !Ref S3VpcEndpoint, !Ref S3VpcEndpointId]";
const KEY_ELSEWHERE: &str = "arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef";

/// Every broken stack, each with its fault and the fix for it.
pub(super) const BROKEN: &[Broken] = &[
    Broken {
        name: "no-subnet",
        accident: Accident::SubnetDeleted,
        check: "subnets",
        found: "{JobSubnetIds} does not exist in us-east-1",
        fix: "name subnets of this account and Region",
        ..SOUND
    },
    Broken {
        name: "other-vpc",
        edits: &[(
            "  SubnetC:\n    Type: AWS::EC2::Subnet\n    Condition: MakeSubnetC\n    DependsOn: [SubmitRole, CompleteRole, \
             JobRole]\n    Properties:\n      VpcId: !Ref Vpc\n",
            "  OtherVpc:\n    Type: AWS::EC2::VPC\n    Properties: { CidrBlock: 10.0.0.0/16 }\n\n  SubnetC:\n    \
             Type: AWS::EC2::Subnet\n    Condition: MakeSubnetC\n    Properties:\n      VpcId: !Ref OtherVpc\n",
        )],
        check: "subnets",
        found: " is in vpc-",
        fix: "name subnets of one VPC",
        also: &["route tables"],
        ..SOUND
    },
    Broken {
        name: "one-zone",
        parameters: &[("SecondZone", ""), ("ThirdZone", "")],
        state: "warn",
        check: "subnets",
        found: "only in us-east-1a",
        fix: "create and name one in another zone",
        ..SOUND
    },
    Broken {
        name: "no-s3-endpoint",
        edits: &[("RouteTableIds: [!Ref RouteTable]", "RouteTableIds: []")],
        check: "route tables",
        found: "reaches no S3 endpoint: rtb-",
        fix: "associate {S3VpcEndpointId} with rtb-",
        ..SOUND
    },
    Broken {
        name: "main-table",
        edits: &[("{ SubnetId: !Ref SubnetC, RouteTableId", "{ SubnetId: !Ref SubnetA, RouteTableId")],
        check: "route tables",
        found: "reaches no S3 endpoint: rtb-",
        fix: "associate {S3VpcEndpointId} with rtb-",
        ..SOUND
    },
    Broken {
        name: "way-out",
        edits: &[(
            "  RouteTableAssociationA:\n",
            "  WayOut:\n    Type: AWS::EC2::Route\n    Properties:\n      RouteTableId: !Ref RouteTable\n      \
             DestinationCidrBlock: 0.0.0.0/0\n      NatGatewayId: nat-0123456789abcdef0\n\n  RouteTableAssociationA:\n",
        )],
        state: "warn",
        check: "internet",
        found: "leads to nat-0123456789abcdef0",
        fix: "remove the route",
        ..SOUND
    },
    Broken {
        name: "no-hostnames",
        edits: &[("EnableDnsHostnames: true", "EnableDnsHostnames: false")],
        check: "DNS",
        found: "DNS hostnames of {VpcId} is off",
        fix: "aws ec2 modify-vpc-attribute --vpc-id {VpcId} --enable-dns-hostnames",
        ..SOUND
    },
    Broken {
        name: "no-https",
        edits: &[(
            "FromPort: 443\n          ToPort: 443\n          DestinationPrefixListId: !Ref S3PrefixListId\n          Description: S3\n\n  FunctionSecurityGroup:",
            "FromPort: 80\n          ToPort: 80\n          DestinationPrefixListId: !Ref S3PrefixListId\n          Description: S3\n\n  FunctionSecurityGroup:",
        )],
        check: "security groups",
        found: "{JobSecurityGroupIds} does not allow 443 out",
        fix: "allow TCP 443 out to the prefix list pl-",
        ..SOUND
    },
    Broken {
        name: "wide-https",
        edits: &[(
            "DestinationPrefixListId: !Ref S3PrefixListId\n          Description: S3\n\n  FunctionSecurityGroup:",
            "CidrIp: 0.0.0.0/0\n          Description: S3\n\n  FunctionSecurityGroup:",
        )],
        state: "warn",
        check: "security groups",
        found: "{JobSecurityGroupIds} allows 443 out to 0.0.0.0/0",
        fix: "allow TCP 443 out to the prefix list pl-",
        ..SOUND
    },
    Broken {
        name: "endpoint-no-put",
        edits: &[(
            "Action: [s3:GetObject, s3:PutObject]\n            Resource: !Sub \"${OutputBucket.Arn}/work/*\"",
            "Action: [s3:GetObject]\n            Resource: !Sub \"${OutputBucket.Arn}/work/*\"",
        )],
        check: "S3 endpoint",
        found: "s3:PutObject on arn:aws:s3:::{OutputBucketName}/work/",
        fix: "allow it for {JobRoleArn} there",
        ..SOUND
    },
    Broken {
        name: "endpoint-no-versions",
        edits: &[(
            "          - Sid: SweepFindsDrops\n            Effect: Allow\n",
            "          - Sid: SweepFindsDrops\n            Effect: Deny\n",
        )],
        check: "S3 endpoint",
        found: "s3:ListBucketVersions on arn:aws:s3:::{InputBucketName}",
        fix: "allow it for {CompleteRoleArn} there",
        ..SOUND
    },
    Broken {
        name: "no-private-dns",
        edits: &[("PrivateDnsEnabled: true", "PrivateDnsEnabled: false")],
        check: "Bedrock endpoint",
        found: "{BedrockVpcEndpointId} has no private DNS",
        fix: "aws ec2 modify-vpc-endpoint --vpc-endpoint-id {BedrockVpcEndpointId} --private-dns-enabled",
        ..SOUND
    },
    Broken {
        name: "endpoint-no-create",
        edits: &[(
            "[bedrock:CreateModelInvocationJob, bedrock:GetModelInvocationJob, bedrock:TagResource]",
            "[bedrock:GetModelInvocationJob]",
        )],
        check: "Bedrock endpoint",
        found: "the policy of {BedrockVpcEndpointId} does not allow endpoint-no-create-SubmitRole-",
        fix: "allow it for {SubmitRoleArn} there",
        ..SOUND
    },
    Broken {
        name: "functions-kept-out",
        edits: &[(
            "SourceSecurityGroupId: !If [MakeFunctionSecurityGroup, !Ref FunctionSecurityGroup, !Ref FunctionSecurityGroupId]",
            "SourceSecurityGroupId: !Ref JobSecurityGroup",
        )],
        check: "Bedrock endpoint",
        found: "does not allow {FunctionSecurityGroupId} of the functions in on 443",
        fix: "allow TCP 443 in from {FunctionSecurityGroupId}",
        ..SOUND
    },
    Broken {
        name: "other-endpoint",
        edits: &[(THROUGH_THE_ENDPOINT, "aws:SourceVpce: vpce-0123456789abcdef0")],
        check: "output bucket policy",
        found: "it names vpce-0123456789abcdef0, which does not exist",
        fix: "exempt requests through {S3VpcEndpointId} from OnlyThroughTheEndpoint",
        also: &["input bucket policy"],
        ..SOUND
    },
    Broken {
        name: "foreign-s3-endpoint",
        edits: &[
            (THROUGH_THE_ENDPOINT, "aws:SourceVpce: !Ref OtherEndpoint"),
            (
                "  RouteTableAssociationA:\n",
                "  OtherVpc:\n    Type: AWS::EC2::VPC\n    Properties: { CidrBlock: 10.0.0.0/16 }\n\n  OtherEndpoint:\n    \
                 Type: AWS::EC2::VPCEndpoint\n    Properties:\n      VpcEndpointType: Gateway\n      ServiceName: !Sub \
                 \"com.amazonaws.${AWS::Region}.s3\"\n      VpcId: !Ref OtherVpc\n\n  RouteTableAssociationA:\n",
            ),
        ],
        check: "output bucket policy",
        found: ", but the subnets are in {VpcId}",
        fix: "exempt requests through {S3VpcEndpointId} from OnlyThroughTheEndpoint",
        also: &["input bucket policy"],
        ..SOUND
    },
    Broken {
        name: "foreign-bedrock-endpoint",
        edits: &[(
            "  BedrockVpcEndpoint:\n    Type: AWS::EC2::VPCEndpoint\n    Condition: MakeNetwork\n    Properties:\n      \
             VpcEndpointType: Interface\n      ServiceName: !Sub \"com.amazonaws.${AWS::Region}.bedrock\"\n      VpcId: \
             !Ref Vpc\n",
            "  OtherVpc:\n    Type: AWS::EC2::VPC\n    Properties: { CidrBlock: 10.0.0.0/16 }\n\n  BedrockVpcEndpoint:\n    \
             Type: AWS::EC2::VPCEndpoint\n    Condition: MakeNetwork\n    Properties:\n      VpcEndpointType: \
             Interface\n      ServiceName: !Sub \"com.amazonaws.${AWS::Region}.bedrock\"\n      VpcId: !Ref OtherVpc\n",
        )],
        check: "Bedrock endpoint",
        found: ", but the functions are in {VpcId}",
        fix: "name, or create, an interface endpoint for com.amazonaws.us-east-1.bedrock in {VpcId}",
        ..SOUND
    },
    Broken {
        name: "zone-without-endpoint",
        edits: &[(
            "        - !If [MakeSubnetC, !Ref SubnetC, !Ref AWS::NoValue]\n      SecurityGroupIds: \
             [!Ref BedrockVpcEndpointSecurityGroup]",
            "      SecurityGroupIds: [!Ref BedrockVpcEndpointSecurityGroup]",
        )],
        state: "warn",
        check: "Bedrock endpoint",
        found: "has no network interface in us-east-1c, so functions there need us-east-1a, us-east-1b",
        fix: "add a subnet in us-east-1c to {BedrockVpcEndpointId}",
        ..SOUND
    },
    Broken {
        name: "job-kept-out",
        edits: &[(THROUGH_THE_ENDPOINT, "aws:SourceVpce: !Ref BedrockVpcEndpoint")],
        also: &["input bucket policy"],
        check: "output bucket policy",
        found: "OnlyThroughTheEndpoint denies requests through {S3VpcEndpointId}: job-kept-out-JobRole-",
        fix: "exempt requests through {S3VpcEndpointId} from OnlyThroughTheEndpoint",
        ..SOUND
    },
    Broken {
        name: "no-bucket",
        accident: Accident::OutputBucketDeleted,
        check: "output bucket",
        found: "{OutputBucketName} does not exist",
        fix: "deploy the stack again",
        ..SOUND
    },
    Broken {
        name: "public",
        edits: &[("BlockPublicAcls: true", "BlockPublicAcls: false")],
        check: "input bucket",
        found: "public access to {InputBucketName} is not blocked",
        fix: "aws s3api put-public-access-block --bucket {InputBucketName}",
        also: &["output bucket"],
        ..SOUND
    },
    Broken {
        name: "not-versioned",
        edits: &[(
            "VersioningConfiguration: { Status: Enabled }",
            "VersioningConfiguration: { Status: Suspended }",
        )],
        state: "warn",
        check: "input bucket",
        found: "{InputBucketName} is not versioned",
        fix: "turn on versioning",
        ..SOUND
    },
    Broken {
        name: "other-service",
        edits: &[("Service: bedrock.amazonaws.com", "Service: sagemaker.amazonaws.com")],
        check: "role trust",
        found: "Bedrock may not assume it",
        fix: "let bedrock.amazonaws.com assume it for aws:SourceAccount 123456789012",
        ..SOUND
    },
    Broken {
        name: "other-account",
        edits: &[("aws:SourceAccount: !Ref AWS::AccountId", "aws:SourceAccount: \"210987654321\"")],
        check: "role trust",
        found: "Bedrock may not assume it",
        fix: "let bedrock.amazonaws.com assume it for aws:SourceAccount 123456789012",
        ..SOUND
    },
    Broken {
        name: "any-account",
        edits: &[(
            "              StringEquals: { aws:SourceAccount: !Ref AWS::AccountId }\n              ArnEquals:\n                aws:SourceArn: !Sub \"arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:model-invocation-job/*\"",
            "              ArnLike: { aws:SourceArn: \"arn:aws:bedrock:*\" }",
        )],
        state: "warn",
        check: "role trust",
        found: "for jobs of any account",
        fix: "let bedrock.amazonaws.com assume it for aws:SourceAccount 123456789012",
        ..SOUND
    },
    Broken {
        name: "one-subnet-less",
        // The arguments of the join of the subnets in which an interface may be created.
        edits: &[(
            "                    - \",arn:*:ec2:*:*:subnet/\"\n                    - !If [MakeNetwork, [!Ref SubnetA, !If [MakeSubnetB, !Ref SubnetB, !Ref AWS::NoValue], !If [MakeSubnetC, !Ref SubnetC, !Ref AWS::NoValue]], !Ref SubnetIds]\n",
            "                    - \",arn:*:ec2:*:*:subnet/\"\n                    - [!Ref SubnetA, !Ref SubnetB]\n",
        )],
        check: "role permissions",
        found: "ec2:CreateNetworkInterface on arn:aws:ec2:us-east-1:123456789012:subnet/",
        fix: "allow ec2:CreateNetworkInterface on arn:aws:ec2:us-east-1:123456789012:subnet/",
        ..SOUND
    },
    Broken {
        name: "no-invoke",
        edits: &[("Action: bedrock:InvokeModel\n", "Action: bedrock:InvokeAgent\n")],
        check: "role permissions",
        found: "bedrock:InvokeModel on arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        fix: "allow bedrock:InvokeModel on",
        ..SOUND
    },
    Broken {
        name: "profile-in-part",
        parameters: &[
            ("InferenceProfileId", PROFILE),
            (
                "ModelArns",
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0,arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
            ),
        ],
        check: "role permissions",
        found: "bedrock:InvokeModel on arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5",
        fix: "allow bedrock:InvokeModel on arn:aws:bedrock:us-west-2",
        also: &["Bedrock endpoint"],
        ..SOUND
    },
    Broken {
        name: "no-model-arns",
        parameters: &[("InferenceProfileId", PROFILE)],
        check: "role permissions",
        found: "bedrock:InvokeModel on arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5",
        fix: "deploy with ModelArns=arn:aws:bedrock:us-east-1:123456789012:inference-profile/\
              us.anthropic.claude-haiku-4-5-20251001-v1:0,arn:aws:bedrock:us-east-1::foundation-model/\
              anthropic.claude-haiku-4-5-20251001-v1:0,arn:aws:bedrock:us-west-2::foundation-model/\
              anthropic.claude-haiku-4-5-20251001-v1:0",
        also: &["Bedrock endpoint"],
        ..SOUND
    },
    Broken {
        name: "needs-profile",
        parameters: &[("ModelId", NEEDS_PROFILE)],
        check: "model",
        found: "anthropic.claude-haiku-4-5-20251001-v1:0 is only available through an inference profile",
        fix: "set InferenceProfileId to us.anthropic.claude-haiku-4-5-20251001-v1:0",
        ..SOUND
    },
    Broken {
        name: "no-model",
        parameters: &[("ModelId", "anthropic.claude-9-haiku-20990101-v1:0")],
        check: "model",
        found: "the model anthropic.claude-9-haiku-20990101-v1:0 does not exist in us-east-1",
        fix: "use one of https://docs.aws.amazon.com/",
        also: &["quotas"],
        ..SOUND
    },
    Broken {
        name: "no-profile",
        parameters: &[
            ("InferenceProfileId", "eu.anthropic.claude-haiku-4-5-20251001-v1:0"),
            (
                "ModelArns",
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0",
            ),
        ],
        check: "model",
        found: "the inference profile eu.anthropic.claude-haiku-4-5-20251001-v1:0 does not exist in us-east-1",
        fix: "aws bedrock list-inference-profiles",
        also: &["quotas"],
        ..SOUND
    },
    Broken {
        name: "legacy",
        parameters: &[("ModelId", LEGACY)],
        state: "warn",
        check: "model",
        found: "anthropic.claude-3-sonnet-20240229-v1:0 is LEGACY (legacyTime 2025-01-21T00:00:00Z, endOfLifeTime \
                2099-01-31T00:00:00Z): a new customer cannot use it",
        fix: "move to a newer model",
        ..SOUND
    },
    Broken {
        name: "ended",
        parameters: &[("ModelId", "anthropic.claude-v2:1")],
        check: "model",
        found: "anthropic.claude-v2:1 has reached the end of its life in us-east-1, on 2025-07-21T00:00:00Z",
        fix: "use another model",
        ..SOUND
    },
    Broken {
        name: "removed",
        parameters: &[("ModelId", ENDED)],
        check: "model",
        found: "amazon.nova-premier-v1:0 has reached the end of its life in us-east-1",
        fix: "use another model",
        also: &["quotas"],
        ..SOUND
    },
    Broken {
        name: "no-access",
        parameters: &[("ModelId", NO_ACCESS)],
        check: "model access",
        found: "no access to anthropic.claude-sonnet-4-6: agreementAvailability is NOT_AVAILABLE",
        fix: "submit the use case form once (PutUseCaseForModelAccess), in the model catalog of the console of Bedrock; then \
              have an administrator with aws-marketplace:Subscribe and ViewSubscriptions invoke the model once",
        ..SOUND
    },
    Broken {
        name: "open-drop",
        check: "open drops",
        found: "1 job that Bedrock has uses arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-sonnet-20240229-v1:0, \
                which is not allowed anymore: open-drop-JobRole-",
        fix: "allow it until these drops are done",
        ..SOUND
    },
    Broken {
        name: "waiting-drop",
        accident: Accident::JobWaitsForOtherModel,
        check: "open drops",
        found: "jobs of an open drop wait for arn:aws:bedrock:us-east-1::foundation-model/\
                anthropic.claude-3-sonnet-20240229-v1:0, which is not allowed anymore: waiting-drop-JobRole-",
        fix: "ModelArns that also has arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-sonnet-20240229-v1:0",
        ..SOUND
    },
    Broken {
        name: "low-quota",
        parameters: &[("MaxRecordsPerJob", "200000")],
        check: "quotas",
        found: "MAX_RECORDS_PER_JOB is 200000, but the quota \"Records per batch inference job for Nova Lite\" is 100000",
        fix: "set it to that, or request a higher quota",
        ..SOUND
    },
    Broken {
        name: "route-ended",
        parameters: &[("RouteModelArns", ENDED_ARN)],
        accident: Accident::Routes(
            r#"{"prefix": "a/", "model_id": "amazon.nova-premier-v1:0"}, {"prefix": "b/", "model_id": "amazon.nova-premier-v1:0"}"#,
        ),
        check: "routes",
        found: r#"routes "a/", "b/": amazon.nova-premier-v1:0 has reached the end of its life in us-east-1"#,
        fix: "use another model of ",
        ..SOUND
    },
    Broken {
        name: "route-refused",
        accident: Accident::Routes(r#"{"prefix": "a/", "model_id": "amazon.nova-premier-v1:0"}"#),
        check: "routes",
        found: "route \"a/\": it does not fit the stack any more, so its new drops wait: ",
        fix: "put a corrected config/routes.json, or change the parameter of the stack",
        ..SOUND
    },
    Broken {
        name: "route-denied",
        parameters: &[("RouteModelArns", LEGACY_ARN)],
        edits: &[(
            "- Sid: InvokeModelsOfRoutes\n                  Effect: Allow",
            "- Sid: InvokeModelsOfRoutes\n                  Effect: Deny",
        )],
        accident: Accident::Routes(
            r#"{"prefix": "a/", "model_id": "anthropic.claude-3-sonnet-20240229-v1:0"}"#,
        ),
        check: "routes",
        found: "may not bedrock:InvokeModel on arn:aws:bedrock:us-east-1::foundation-model/\
                anthropic.claude-3-sonnet-20240229-v1:0",
        fix: "deploy with RouteModelArns that also has arn:",
        ..SOUND
    },
    Broken {
        name: "route-not-tagged",
        edits: &[(
            "[bedrock:CreateModelInvocationJob, bedrock:GetModelInvocationJob, bedrock:TagResource]",
            "[bedrock:CreateModelInvocationJob, bedrock:GetModelInvocationJob]",
        )],
        accident: Accident::Routes(r#"{"prefix": "a/"}, {"prefix": "b/", "job_tags": {"team": "b"}}"#),
        check: "routes",
        found: "route \"b/\": the policy of {BedrockVpcEndpointId} does not allow route-not-tagged-SubmitRole-",
        fix: "allow it for {SubmitRoleArn} there",
        ..SOUND
    },
    Broken {
        name: "route-quota",
        accident: Accident::Routes(r#"{"prefix": "a/", "max_records_per_job": 200000}"#),
        check: "routes",
        found: "route \"a/\": MAX_RECORDS_PER_JOB is 200000, but the quota",
        fix: "set it to that, or request a higher quota",
        ..SOUND
    },
    Broken {
        name: "key-disabled",
        parameters: &[("KmsKeyArn", "create")],
        accident: Accident::KeyDisabled,
        check: "KMS key",
        found: "{KmsKeyArn} is Disabled",
        fix: "aws kms enable-key --key-id {KmsKeyArn}",
        ..SOUND
    },
    Broken {
        name: "key-elsewhere",
        parameters: &[("KmsKeyArn", KEY_ELSEWHERE)],
        check: "KMS key",
        found: "is in eu-west-1, but S3 only takes keys in the bucket's Region",
        fix: "use a key in us-east-1",
        ..SOUND
    },
];

impl Accident {
    pub(super) async fn happen(&self, account: &Account, stack: &Stack) {
        match self {
            Self::None => {}
            Self::SubnetDeleted => {
                let subnet = stack.outputs["JobSubnetIds"].split(',').next().unwrap();
                account.ec2("DeleteSubnet", &format!("SubnetId={subnet}")).await.unwrap();
            }
            Self::OutputBucketDeleted => {
                let s3 = aws_sdk_s3::Client::new(&account.sdk);
                s3.delete_bucket().bucket(&stack.outputs["OutputBucketName"]).send().await.unwrap();
            }
            Self::JobWaitsForOtherModel => {
                let job_id = JobId::parse(&"0a".repeat(16)).unwrap();
                let time = Timestamp::from_secs(1_795_737_600);
                let body = format!(r#"{{"job_id":"{job_id}","model_id":"{LEGACY}"}}"#);
                let s3 = aws_sdk_s3::Client::new(&account.sdk);
                let put = s3.put_object().bucket(&stack.outputs["OutputBucketName"]);
                let put =
                    put.key(hints::key(LEGACY, None, time, &job_id, false)).body(body.into_bytes().into());
                put.send().await.unwrap();
            }
            Self::Routes(routes) => {
                let in_force = format!(
                    r#"{{"routes": [{routes}], "file": {{"etag": "\"a\""}}, "since": "2026-11-27T00:00:00Z"}}"#
                );
                let s3 = aws_sdk_s3::Client::new(&account.sdk);
                let put =
                    s3.put_object().bucket(&stack.outputs["OutputBucketName"]).key(keys::ROUTES_IN_FORCE);
                put.body(in_force.into_bytes().into()).send().await.unwrap();
            }
            Self::KeyDisabled => {
                let kms = aws_sdk_kms::Client::new(&account.sdk);
                kms.disable_key().key_id(&stack.outputs["KmsKeyArn"]).send().await.unwrap();
            }
        }
    }
}
