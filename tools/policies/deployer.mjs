// What the deployer of the stack may do: the requests of `sam deploy` and `sam delete`, and those of CloudFormation for each
// type of resource in the stack. CloudFormation makes them with the permissions of the caller. Its own schemas list, for
// each type, what it may need; whatever of that is missing below must be named as not needed.

// What a type's schema lists for properties that the template does not have.
const NOT_NEEDED = {
  "AWS::EC2::FlowLog": [
    // Tags of Auto Scaling groups, destinations other than a log group, and roles of the service.
    "autoscaling:DescribeTags", "ec2:DescribeTags", "iam:CreateServiceLinkedRole", "s3:GetBucketPolicy", "s3:PutBucketPolicy",
  ],
  // IPv6.
  "AWS::EC2::Subnet": ["ec2:AssociateSubnetCidrBlock", "ec2:DescribeNetworkAcls", "ec2:DisassociateSubnetCidrBlock"],
  // For groups of EC2-Classic.
  "AWS::EC2::SecurityGroup": ["ec2:DescribeInstances"],
  // Encryption controls, tenancy, and attributes that only Fn::GetAtt needs.
  "AWS::EC2::VPC": [
    "ec2:CreateVpcEncryptionControl", "ec2:DescribeNetworkAcls", "ec2:DescribeVpcEncryptionControls", "ec2:ModifyVpcTenancy",
  ],
  // Endpoints of service networks, and of services in other Regions.
  "AWS::EC2::VPCEndpoint": [
    "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation", "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation",
    "vpce:AllowMultiRegion",
  ],
  // No target has a role.
  "AWS::Events::Rule": ["iam:PassRole"],
  // Delivery logs have no role, and messages no data protection.
  "AWS::SNS::Subscription": ["iam:GetRole", "iam:PassRole"],
  "AWS::SNS::Topic": ["iam:GetRole", "iam:PassRole", "sns:PutDataProtectionPolicy"],
  // Only roles have the policies.
  "AWS::IAM::ManagedPolicy": [
    "iam:AttachGroupPolicy", "iam:AttachUserPolicy", "iam:DetachGroupPolicy", "iam:DetachUserPolicy",
  ],
  // File systems, code signing, layers, keys, runtimes, recursion, scaling, and versions.
  "AWS::Lambda::Function": [
    "elasticfilesystem:DescribeMountTargets", "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt",
    "kms:GenerateDataKey", "lambda:AssociateRuntimeAlias", "lambda:DeleteFunctionCodeSigningConfig",
    "lambda:GetCodeSigningConfig", "lambda:GetLayerVersion", "lambda:PassCapacityProvider", "lambda:PublishVersion",
    "lambda:PutFunctionCodeSigningConfig", "lambda:PutFunctionRecursionConfig", "lambda:PutFunctionScalingConfig",
    "lambda:PutRuntimeManagementConfig", "s3:GetObjectVersion", "s3files:ListMountTargets",
  ],
  // Data protection, keys, indexes, resource policies, and deletion protection.
  "AWS::Logs::LogGroup": [
    "firehose:TagDeliveryStream", "logs:AssociateKmsKey", "logs:CreateLogDelivery", "logs:DeleteDataProtectionPolicy",
    "logs:DeleteIndexPolicy", "logs:DeleteResourcePolicy", "logs:DescribeIndexPolicies", "logs:DescribeResourcePolicies",
    "logs:DisassociateKmsKey", "logs:GetDataProtectionPolicy", "logs:PutBearerTokenAuthentication",
    "logs:PutDataProtectionPolicy", "logs:PutIndexPolicy", "logs:PutLogGroupDeletionProtection", "logs:PutResourcePolicy",
    "s3:REST.PUT.OBJECT",
  ],
  // Everything that a bucket can have and these do not.
  "AWS::S3::Bucket": [
    "iam:PassRole", "s3:CreateBucketMetadataTableConfiguration", "s3:DeleteBucketAnalyticsConfiguration", "s3:DeleteBucketCors",
    "s3:DeleteBucketEncryption", "s3:DeleteBucketLifecycle", "s3:DeleteBucketMetadataTableConfiguration",
    "s3:DeleteBucketMetricsConfiguration", "s3:DeleteBucketReplication", "s3:DeleteBucketWebsite", "s3:DeleteObject",
    "s3:GetAccelerateConfiguration", "s3:GetAnalyticsConfiguration", "s3:GetBucketAbac", "s3:GetBucketAcl", "s3:GetBucketCORS",
    "s3:GetBucketLogging", "s3:GetBucketMetadataTableConfiguration", "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketWebsite", "s3:GetIntelligentTieringConfiguration", "s3:GetInventoryConfiguration",
    "s3:GetMetricsConfiguration", "s3:GetReplicationConfiguration", "s3:ListTagsForResource", "s3:PutAccelerateConfiguration",
    "s3:PutAnalyticsConfiguration", "s3:PutBucketAbac", "s3:PutBucketAcl", "s3:PutBucketCORS", "s3:PutBucketLogging",
    "s3:PutBucketObjectLockConfiguration", "s3:PutBucketReplication", "s3:PutBucketWebsite",
    "s3:PutIntelligentTieringConfiguration", "s3:PutInventoryConfiguration", "s3:PutMetricsConfiguration", "s3:PutObjectAcl",
    "s3:PutObjectLockConfiguration", "s3:PutReplicationConfiguration", "s3:TagResource", "s3:UntagResource",
    "s3:UpdateBucketMetadataAnnotationTableConfiguration", "s3:UpdateBucketMetadataInventoryTableConfiguration",
    "s3:UpdateBucketMetadataJournalTableConfiguration", "s3tables:CreateNamespace",
    "s3tables:CreateTable", "s3tables:CreateTableBucket", "s3tables:GetTable", "s3tables:GetTableMetadataLocation",
    "s3tables:PutTableBucketPolicy", "s3tables:PutTableEncryption", "s3tables:PutTablePolicy",
    "s3tables:UpdateTableMetadataLocation",
  ],
};

// The authorization reference does not list transforms as resources, so the simulator rejects them.
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-permissions-cloudformation.html
export const NOT_SIMULATED = ["Deployer deployer/Transform cloudformation:CreateChangeSet"];

const all = (service, ...names) => names.map((name) => `${service}:${name}`);

/** Returns the requests by type: each has actions, a resource, and a context. */
function rows(s) {
  const { stack, path, account, boundary } = s;
  // The physical name that CloudFormation gives a resource.
  const named = (name) => `${stack}-${name}-1ABC2DEF3GHI`;
  const ec2 = (kind, id) => s.arn("ec2", `${kind}/${id}`);
  const [vpc, subnet] = [s.vpc, ec2("subnet", "subnet-0abc0abc0abc0abc0")];
  const [table, group] = [ec2("route-table", "rtb-0abc0abc0abc0abc0"), ec2("security-group", "sg-0abc0abc0abc0abc0")];
  const endpoint = ec2("vpc-endpoint", "vpce-0abc0abc0abc0abc0");
  const flowLog = ec2("vpc-flow-log", "fl-0abc0abc0abc0abc0");
  const key = s.arn("kms", "key/11111111-2222-3333-4444-555555555555");
  const alias = s.arn("kms", `alias/${stack}`);
  const role = (name) => s.arn("iam", `role${path}${named(name)}`, `:${account}`);
  const policy = (name) => s.arn("iam", `policy${path}${named(name)}`, `:${account}`);
  const bounded = boundary ? { "iam:PermissionsBoundary": boundary } : {};
  const inVpc = { "ec2:Vpc": vpc };
  const passed = (service) => ({ "iam:PassedToService": `${service}.amazonaws.com` });
  const artifact = s.arn("s3", "aws-sam-cli-managed-default-samclisourcebucket-abc/bedrock-vpc-batch/0", ":");
  const rule = s.arn("events", `rule/${named("CompleteFunctionSweep")}`);
  const functions = s.arn("lambda", `function:${named("SubmitFunction")}`);
  const queue = s.arn("sqs", named("SubmitFailureQueue"));
  const topic = s.arn("sns", named("NoticeTopic"));
  const log = s.arn("logs", `log-group:${named("SubmitLogGroup")}`);
  const alarm = s.arn("cloudwatch", `alarm:${named("WaitingAlarm")}`);
  // How CloudFormation names a dashboard is not documented, so the policy admits both ways.
  const dashboards = [named("Dashboard"), "Dashboard-1ABC2DEF3GHI"]
    .map((one) => s.arn("cloudwatch", `dashboard/${one}`, `:${account}`));
  const buckets = [s.arns.InputBucket, s.arns.OutputBucket];
  const ruleChanges = (way) => (
    all("ec2", `AuthorizeSecurityGroup${way}`, `RevokeSecurityGroup${way}`, `UpdateSecurityGroupRuleDescriptions${way}`)
  );
  return {
    "AWS::CloudWatch::Alarm": [
      [all("cloudwatch", "DeleteAlarms", "DescribeAlarms", "ListTagsForResource", "PutMetricAlarm", "TagResource",
        "UntagResource"), alarm],
    ],
    "AWS::CloudWatch::Dashboard": dashboards.map((one) => (
      [all("cloudwatch", "DeleteDashboards", "GetDashboard", "ListTagsForResource", "PutDashboard", "TagResource",
        "UntagResource"), one]
    )),
    "AWS::EC2::FlowLog": [
      [["ec2:CreateFlowLogs"], vpc], [all("ec2", "CreateFlowLogs", "DeleteFlowLogs", "CreateTags", "DeleteTags"), flowLog],
      [["ec2:DescribeFlowLogs"], "*"], [["iam:PassRole"], role("FlowLogRole"), passed("vpc-flow-logs")],
      [all("logs", "CreateLogDelivery", "DeleteLogDelivery"), "*"],
    ],
    "AWS::EC2::RouteTable": [
      [["ec2:CreateRouteTable"], vpc], [all("ec2", "CreateRouteTable", "DeleteRouteTable", "CreateTags", "DeleteTags"), table],
      [["ec2:DescribeRouteTables"], "*"],
    ],
    "AWS::EC2::SecurityGroup": [
      [["ec2:CreateSecurityGroup"], vpc], [all("ec2", "CreateSecurityGroup", "CreateTags", "DeleteTags"), group],
      [["ec2:DeleteSecurityGroup", ...ruleChanges("Ingress"), ...ruleChanges("Egress")], group, inVpc],
      [["ec2:DescribeSecurityGroups"], "*"],
    ],
    "AWS::EC2::SecurityGroupEgress": [[ruleChanges("Egress"), group, inVpc], [["ec2:DescribeSecurityGroupRules"], "*"]],
    "AWS::EC2::SecurityGroupIngress": [
      [ruleChanges("Ingress"), group, inVpc], [all("ec2", "DescribeSecurityGroupRules", "DescribeSecurityGroups"), "*"],
    ],
    "AWS::EC2::Subnet": [
      [["ec2:CreateSubnet"], vpc],
      [all("ec2", "CreateSubnet", "DeleteSubnet", "ModifySubnetAttribute", "CreateTags", "DeleteTags"), subnet],
      [["ec2:DescribeSubnets"], "*"],
    ],
    "AWS::EC2::SubnetRouteTableAssociation": [
      [all("ec2", "AssociateRouteTable", "DisassociateRouteTable", "ReplaceRouteTableAssociation"), table],
      [all("ec2", "AssociateRouteTable", "DisassociateRouteTable", "ReplaceRouteTableAssociation"), subnet],
      [all("ec2", "DescribeRouteTables", "DescribeSubnets"), "*"],
    ],
    "AWS::EC2::VPC": [
      [all("ec2", "CreateVpc", "DeleteVpc", "DescribeVpcAttribute", "ModifyVpcAttribute", "CreateTags", "DeleteTags"), vpc],
      [all("ec2", "DescribeSecurityGroups", "DescribeVpcs"), "*"],
    ],
    "AWS::EC2::VPCEndpoint": [
      ...["s3", "bedrock"].map((service) => [
        all("ec2", "CreateVpcEndpoint", "DeleteVpcEndpoints"), endpoint,
        { "ec2:VpceServiceName": `com.amazonaws.${s.region}.${service}` },
      ]),
      // EC2 does not tell policies the service when an endpoint is changed.
      [all("ec2", "CreateTags", "DeleteTags", "ModifyVpcEndpoint"), endpoint], [["ec2:CreateVpcEndpoint"], vpc],
      ...[table, subnet, group].map((one) => [all("ec2", "CreateVpcEndpoint", "ModifyVpcEndpoint"), one]),
      [all("ec2", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcEndpoints", "DescribeVpcs"), "*"],
    ],
    "AWS::Events::Rule": [
      [all("events", "DeleteRule", "DescribeRule", "ListTagsForResource", "ListTargetsByRule", "PutRule", "PutTargets",
        "RemoveTargets", "TagResource", "UntagResource"), rule],
    ],
    "AWS::IAM::ManagedPolicy": [
      [all("iam", "CreatePolicy", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "GetPolicy", "GetPolicyVersion",
        "ListEntitiesForPolicy", "ListPolicyVersions"), policy("PlacementPolicy")],
      [all("iam", "AttachRolePolicy", "DetachRolePolicy"), role("JobRole"),
        { ...bounded, "iam:PolicyARN": policy("JobPlacementPolicy") }],
    ],
    "AWS::IAM::Role": [
      [all("iam", "CreateRole", "PutRolePolicy"), role("JobRole"), bounded],
      [all("iam", "DeleteRole", "DeleteRolePolicy", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies",
        "TagRole", "UntagRole", "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription"), role("SubmitRole")],
      [all("iam", "AttachRolePolicy", "DetachRolePolicy"), role("SubmitRole"),
        { ...bounded, "iam:PolicyARN": policy("DropsPolicy") }],
      [["iam:PutRolePermissionsBoundary"], role("JobRole"), bounded],
      ...(boundary ? [] : [[["iam:DeleteRolePermissionsBoundary"], role("JobRole")]]),
    ],
    "AWS::KMS::Alias": [
      [all("kms", "CreateAlias", "DeleteAlias", "UpdateAlias"), alias], [["kms:ListAliases"], "*"], [["kms:CreateAlias"], key],
      [all("kms", "DeleteAlias", "UpdateAlias"), key, { "kms:ResourceAliases": [`alias/${stack}`] }],
    ],
    "AWS::KMS::Key": [
      [["kms:CreateKey"], "*"],
      [all("kms", "DescribeKey", "EnableKeyRotation", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags",
        "TagResource"), key],
      [all("kms", "DisableKey", "DisableKeyRotation", "EnableKey", "PutKeyPolicy", "ScheduleKeyDeletion", "UntagResource",
        "UpdateKeyDescription"), key, { "kms:ResourceAliases": [`alias/${stack}`] }],
    ],
    "AWS::Lambda::EventInvokeConfig": [
      [all("lambda", "DeleteFunctionEventInvokeConfig", "GetFunctionEventInvokeConfig", "PutFunctionEventInvokeConfig",
        "UpdateFunctionEventInvokeConfig"), functions],
    ],
    "AWS::Lambda::Function": [
      [all("lambda", "CreateFunction", "DeleteFunction", "DeleteFunctionConcurrency", "GetFunction", "GetFunctionCodeSigningConfig",
        "GetFunctionRecursionConfig", "GetFunctionScalingConfig", "GetRuntimeManagementConfig", "PutFunctionConcurrency",
        "TagResource", "UntagResource", "UpdateFunctionCode", "UpdateFunctionConfiguration"), functions],
      ...["SubmitRole", "CompleteRole"].map((name) => [["iam:PassRole"], role(name), passed("lambda")]),
      [["s3:GetObject"], artifact],
      [all("ec2", "DescribeNetworkInterfaces", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"), "*"],
    ],
    "AWS::Lambda::Permission": [
      ...["s3", "events"].map((service) => (
        [["lambda:AddPermission"], functions, { "lambda:Principal": `${service}.amazonaws.com` }]
      )),
      [all("lambda", "GetPolicy", "RemovePermission"), functions],
    ],
    "AWS::Logs::LogGroup": [
      [all("logs", "CreateLogGroup", "DeleteLogGroup", "DeleteRetentionPolicy", "ListTagsForResource", "PutRetentionPolicy",
        "TagResource", "UntagResource"), log],
      [["logs:DescribeLogGroups"], "*"],
    ],
    "AWS::S3::Bucket": buckets.map((bucket) => [
      all("s3", "CreateBucket", "DeleteBucket", "GetBucketNotification", "GetBucketOwnershipControls", "GetBucketPublicAccessBlock",
        "GetBucketTagging", "GetBucketVersioning", "GetEncryptionConfiguration", "GetLifecycleConfiguration",
        "PutBucketNotification", "PutBucketOwnershipControls", "PutBucketPublicAccessBlock", "PutBucketTagging",
        "PutBucketVersioning", "PutEncryptionConfiguration", "PutLifecycleConfiguration"), bucket,
    ]),
    "AWS::S3::BucketPolicy": buckets.map((bucket) => (
      [all("s3", "DeleteBucketPolicy", "GetBucketPolicy", "PutBucketPolicy"), bucket]
    )),
    "AWS::SNS::Subscription": [
      [all("sns", "GetSubscriptionAttributes", "SetSubscriptionAttributes", "Subscribe", "Unsubscribe"), topic],
    ],
    "AWS::SNS::Topic": [
      [all("sns", "CreateTopic", "DeleteTopic", "GetDataProtectionPolicy", "GetTopicAttributes", "ListSubscriptionsByTopic",
        "ListTagsForResource", "SetTopicAttributes", "Subscribe", "TagResource", "Unsubscribe", "UntagResource"), topic],
    ],
    "AWS::SNS::TopicPolicy": [[["sns:SetTopicAttributes"], topic]],
    "AWS::SQS::Queue": [
      [all("sqs", "CreateQueue", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl", "ListQueueTags", "SetQueueAttributes",
        "TagQueue", "UntagQueue"), queue],
    ],
    "AWS::SQS::QueuePolicy": [[["sqs:SetQueueAttributes"], queue]],
  };
}

/** Returns what is wrong with the rows of a type, compared with what CloudFormation's schema lists. */
export function* untold(s, kinds, handlers) {
  const known = rows(s);
  // CloudFormation asks for a bucket with HeadBucket. Its policy denies that outside of the endpoint, as the table says.
  const elsewhere = { "AWS::S3::Bucket": ["s3:ListBucket"], "AWS::IAM::Role": ["iam:DeleteRolePermissionsBoundary"] };
  for (const kind of kinds) {
    if (!known[kind]) {
      yield `${kind} has no rows in deployer.mjs`;
      continue;
    }
    const told = new Set([...known[kind].flatMap(([actions]) => actions), ...(elsewhere[kind] ?? [])]);
    const not = NOT_NEEDED[kind] ?? [];
    for (const action of handlers[kind]) {
      if (!told.has(action) && !not.includes(action)) yield `${kind} may need ${action}: add it to deployer.mjs`;
    }
    for (const action of not) {
      if (!handlers[kind].includes(action)) yield `${kind}: the schema does not list ${action}`;
      if (told.has(action)) yield `${kind}: ${action} is needed after all`;
    }
  }
}

/** Adds the requests of the deployer to the table. */
export function deployerRequests(s, kinds, may, mayNot) {
  const { deployer, stack, path, account, boundary } = s;
  const known = rows(s);
  for (const kind of kinds) {
    for (const [actions, resource, context] of known[kind] ?? []) may(deployer, actions, resource, context);
  }
  const role = (name) => s.arn("iam", `role${path}${name}`, `:${account}`);
  const bounded = boundary ? { "iam:PermissionsBoundary": boundary } : {};

  // The SAM CLI.
  const stacks = [stack, "aws-sam-cli-managed-default"].map((name) => s.arn("cloudformation", `stack/${name}/11111111-2222`));
  const sam = s.arn("s3", "aws-sam-cli-managed-default-samclisourcebucket-abc", ":");
  may(deployer, all("cloudformation", "CreateChangeSet", "DescribeChangeSet", "DescribeStacks", "ExecuteChangeSet"), stacks);
  may(deployer, all("cloudformation", "DeleteStack", "DescribeStackEvents", "GetTemplate", "ListChangeSets"), stacks[0]);
  may(deployer, "cloudformation:GetTemplateSummary", stacks[0]);
  may(deployer, all("s3", "CreateBucket", "GetBucketPolicy", "ListBucket", "PutBucketPolicy", "PutBucketPublicAccessBlock",
    "PutBucketTagging", "PutBucketVersioning", "PutEncryptionConfiguration"), sam);
  may(deployer, all("s3", "GetObject", "PutObject"), `${sam}/bedrock-vpc-batch/0`);
  const [other] = [s.arn("cloudformation", "stack/another/11111111-2222")];
  mayNot(deployer, all("cloudformation", "CreateChangeSet", "DeleteStack", "ExecuteChangeSet"), other, {},
    "deployer/Stacks Resource");
  mayNot(deployer, "cloudformation:DeleteStack", stacks[1], {}, "deployer-artifacts/ArtifactStack Action");

  // Buckets, but no data: not even a listing, because the policies of the buckets do not name the deployer.
  for (const name of ["Input", "Output"]) {
    mayNot(deployer, "s3:ListBucket", s.arns[`${name}Bucket`], s.outside, `${name}BucketPolicy/ListOnlyThroughTheEndpoint`);
  }
  // A new bucket has no policy yet.
  may(deployer, "s3:ListBucket", `${s.arns.InputBucket}-new`);
  const foreign = s.arn("s3", "somebodys-bucket", ":");
  mayNot(deployer, all("s3", "DeleteBucket", "PutBucketPolicy", "PutLifecycleConfiguration"), foreign, {},
    "deployer/Buckets Resource");
  mayNot(deployer, "s3:GetObject", `${foreign}/a.jsonl`, {}, "deployer-artifacts/Artifacts Resource");
  mayNot(deployer, "s3:GetObject", s.drop, s.outside, "deployer-artifacts/Artifacts Resource",
    "InputBucketPolicy/OnlyThroughTheEndpoint", "InputBucketPolicy/OnlyNamedPrincipals");
  mayNot(deployer, "s3:DeleteBucket", sam, {}, "deployer-artifacts/ArtifactBucket Action");

  // Roles under the path and with the name of the stack, and only policies of the stack.
  const [own, strange] = [role(`${stack}-JobRole-1ABC2DEF3GHI`), role("Administrator")];
  const [roles, attach, pass] = ["deployer/Roles", "deployer/AttachOwnPolicies", "deployer/PassRoles"];
  const administrator = `arn:${s.partition}:iam::aws:policy/AdministratorAccess`;
  const placement = s.arn("iam", `policy${path}${stack}-PlacementPolicy-1ABC2DEF3GHI`, `:${account}`);
  mayNot(deployer, all("iam", "CreateRole", "PutRolePolicy"), strange, bounded, `${roles} Resource`);
  mayNot(deployer, all("iam", "DeleteRole", "UpdateAssumeRolePolicy"), strange, {}, `${roles} Resource`);
  mayNot(deployer, "iam:AttachRolePolicy", own, { ...bounded, "iam:PolicyARN": administrator }, `${attach} iam:PolicyARN`);
  mayNot(deployer, "iam:AttachRolePolicy", strange, { ...bounded, "iam:PolicyARN": placement }, `${attach} Resource`);
  mayNot(deployer, "iam:CreatePolicyVersion", s.arn("iam", "policy/Another", `:${account}`), {},
    "deployer/Policies Resource");
  mayNot(deployer, "iam:CreateUser", s.arn("iam", "user/new", `:${account}`), {}, "deployer/Find Action");
  mayNot(deployer, "iam:CreateAccessKey", s.arn("iam", "user/ana", `:${account}`), {}, "deployer/Find Action");
  const toLambda = { "iam:PassedToService": "lambda.amazonaws.com" };
  mayNot(deployer, "iam:PassRole", [own, strange], toLambda, `${pass} Resource`);
  mayNot(deployer, "iam:PassRole", role(`${stack}-SubmitRole-1ABC2DEF3GHI`), { "iam:PassedToService": "ec2.amazonaws.com" },
    `${pass} iam:PassedToService`);
  mayNot(deployer, "sts:AssumeRole", own, {}, `${roles} Action`);
  if (boundary) {
    for (const action of all("iam", "CreateRole", "PutRolePolicy", "PutRolePermissionsBoundary")) {
      for (const context of [{}, { "iam:PermissionsBoundary": administrator }]) {
        mayNot(deployer, action, own, context, "deployer-boundary/OnlyWithBoundary");
      }
    }
    mayNot(deployer, "iam:DeleteRolePermissionsBoundary", own, {}, "deployer-boundary/BoundaryStays");
  }

  // Functions, rules, queues, logs, alarms: those with the name of the stack, to manage them and not to use them.
  const function_ = (name) => s.arn("lambda", `function:${name}`);
  const ownFunction = function_(`${stack}-SubmitFunction-1ABC2DEF3GHI`);
  mayNot(deployer, all("lambda", "CreateFunction", "DeleteFunction", "UpdateFunctionCode"), function_("another"), {},
    "deployer/Functions Resource");
  mayNot(deployer, "lambda:InvokeFunction", ownFunction, {}, "deployer/Functions Action");
  for (const principal of ["*", "999999999999", "apigateway.amazonaws.com"]) {
    mayNot(deployer, "lambda:AddPermission", ownFunction, { "lambda:Principal": principal },
      "deployer/LetServicesInvoke lambda:Principal");
  }
  mayNot(deployer, all("events", "PutRule", "PutTargets", "DeleteRule"), s.arn("events", "rule/another"), {},
    "deployer/Rules Resource");
  const queue = (name) => s.arn("sqs", name);
  mayNot(deployer, all("sqs", "DeleteQueue", "SetQueueAttributes"), queue("another"), {}, "deployer/Queues Resource");
  mayNot(deployer, all("sqs", "ReceiveMessage", "PurgeQueue"), queue(`${stack}-SubmitFailureQueue-1ABC2DEF3GHI`), {},
    "deployer/Queues Action");
  if (kinds.includes("AWS::SNS::Topic")) {
    mayNot(deployer, all("sns", "DeleteTopic", "SetTopicAttributes"), s.arn("sns", "another"), {}, "deployer-notices/Topics Resource");
    mayNot(deployer, "sns:Publish", s.arn("sns", `${stack}-NoticeTopic-1ABC2DEF3GHI`), {}, "deployer-notices/Topics Action");
  }
  const log = (name) => s.arn("logs", `log-group:${name}`);
  mayNot(deployer, all("logs", "DeleteLogGroup", "PutRetentionPolicy"), log("another"), {}, "deployer/LogGroups Resource");
  mayNot(deployer, "logs:FilterLogEvents", log(`${stack}-SubmitLogGroup-1ABC2DEF3GHI`), {}, "deployer/LogGroups Action");
  mayNot(deployer, all("cloudwatch", "DeleteAlarms", "PutMetricAlarm"), s.arn("cloudwatch", "alarm:another"), {},
    "deployer/Alarms Resource");
  mayNot(deployer, "cloudwatch:DeleteDashboards", s.arn("cloudwatch", "dashboard/another", `:${account}`), {},
    "deployer/Dashboards Resource");
  mayNot(deployer, "bedrock:CreateModelInvocationJob", s.aJob, {}, "deployer/Find Action");

  // The network: nothing that leads out of it, and in an existing network only groups of its VPC.
  const ec2 = (kind, id) => s.arn("ec2", `${kind}/${id}-0abc0abc0abc0abc0`);
  const group = ec2("security-group", "sg");
  const foreignVpc = { "ec2:Vpc": s.arn("ec2", "vpc/vpc-0fffffffffffffff0") };
  if (s.isNetworkMade) {
    const network = "deployer-network/Network";
    mayNot(deployer, "ec2:CreateRoute", ec2("route-table", "rtb"), {}, `${network} Action`);
    mayNot(deployer, "ec2:CreateNatGateway", ec2("subnet", "subnet"), {}, `${network} Action`);
    mayNot(deployer, "ec2:CreateInternetGateway", ec2("internet-gateway", "igw"), {}, `${network} Action`, `${network} Resource`);
    mayNot(deployer, "ec2:CreateVpcEndpoint", ec2("vpc-endpoint", "vpce"),
      { "ec2:VpceServiceName": `com.amazonaws.${s.region}.execute-api` },
      "deployer-network/Endpoints ec2:VpceServiceName");
    mayNot(deployer, "ec2:DeleteVpc", s.arn("ec2", "vpc/vpc-0abc0abc0abc0abc0", `eu-north-1:${account}`), {}, `${network} Resource`);
    mayNot(deployer, "ec2:CreateTags", ec2("instance", "i"), {}, "deployer-network/Tags Resource");
    mayNot(deployer, "iam:PassRole", role("Administrator"), { "iam:PassedToService": "vpc-flow-logs.amazonaws.com" },
      "deployer-network/PassFlowLogRole Resource");
  } else {
    mayNot(deployer, all("ec2", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "DeleteSecurityGroup"),
      group, foreignVpc,
      "deployer-groups/Groups ec2:Vpc");
    mayNot(deployer, "ec2:CreateSecurityGroup", foreignVpc["ec2:Vpc"], {}, "deployer-groups/CreateGroups Resource");
    mayNot(deployer, "ec2:DeleteSubnet", ec2("subnet", "subnet"), { "ec2:Vpc": s.vpc },
      "deployer-groups/Groups Action", "deployer-groups/Groups Resource");
  }

  // The key of the stack, once it has its alias.
  if (kinds.includes("AWS::KMS::Key")) {
    const key = s.arn("kms", "key/99999999-2222-3333-4444-555555555555");
    for (const context of [{}, { "kms:ResourceAliases": ["alias/another"] }]) {
      mayNot(deployer, all("kms", "ScheduleKeyDeletion", "PutKeyPolicy", "DisableKey"), key, context,
        "deployer-key/KeyWithAlias kms:ResourceAliases");
    }
    mayNot(deployer, all("kms", "Decrypt", "GenerateDataKey"), key, {}, "deployer-key/NewKey Action");
    mayNot(deployer, "kms:UpdateAlias", s.arn("kms", "alias/another"), {}, "deployer-key/Alias Resource");
  }
}
