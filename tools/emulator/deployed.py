"""Reads back what was deployed from each service, and checks that it is what the project promises."""

import json

from botocore.exceptions import ClientError

from servers import ACCOUNT, REGION

HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
# The rules that invoke complete.
RULES = ("JobEnded", "OperatorAsks", "RoutesChange", "Sweep")
ALARMS = {
    "SubmitFailureAlarm": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "CompleteFailureAlarm": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "UndeliveredAlarm": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "RefusalAlarm": ("BedrockVpcBatch", "JobsRefused"),
    "JobFailureAlarm": ("BedrockVpcBatch", "JobsEnded"),
    "UnprocessedAlarm": ("BedrockVpcBatch", "UnprocessedPercent"),
    "TruncatedAlarm": ("BedrockVpcBatch", "TruncatedPercent"),
    "AnswerRefusalAlarm": ("BedrockVpcBatch", "RefusedPercent"),
    "AccountingAlarm": ("BedrockVpcBatch", "AccountingMismatches"),
    "DoubtAlarm": ("BedrockVpcBatch", "JobsDoubtful"),
    "LedgerAlarm": ("BedrockVpcBatch", "LedgerEntriesMissing"),
    "SourceAlarm": ("BedrockVpcBatch", "SourcesDeleted"),
    "DifferenceAlarm": ("BedrockVpcBatch", "JobsDiffer"),
    "RoutesAlarm": ("BedrockVpcBatch", "RoutesRefused"),
    "HeldAlarm": ("BedrockVpcBatch", "DropsHeld"),
    # MiniStack has no alarms on queries.
    "RouteRefusalAlarm": ("query", "refused"),
    "RouteUnprocessedAlarm": ("query", "unprocessed"),
    "WaitingAlarm": ("BedrockVpcBatch", "OldestWaitingSeconds"),
    "SubmitErrorAlarm": ("AWS/Lambda", "Errors"),
    "SubmitThrottleAlarm": ("AWS/Lambda", "Throttles"),
    "CompleteErrorAlarm": ("AWS/Lambda", "Errors"),
    "CompleteThrottleAlarm": ("AWS/Lambda", "Throttles"),
}


def read_back(report, cloud, stack, parameters):
    """Reads back all resources of a stack that created its own network and was deployed with these parameters."""
    resources = stack.resources()
    vpc(report, cloud, stack)
    subnets(report, cloud, stack)
    endpoints(report, cloud, stack, resources)
    security_groups(report, cloud, stack, resources, parameters["S3PrefixListId"])
    of_output = ["ReaderArns", "RouteReaderArns", "OperatorArns", "RouteEditorArns"]
    for name, kinds in (("InputBucket", ["UploaderArns"]), ("OutputBucket", of_output)):
        bucket(report, cloud, stack, name, [arn for kind in kinds for arn in parameters[kind].split(",")])
    notification(report, cloud, stack)
    for name in ("Submit", "Complete"):
        function(report, cloud, stack, resources, name, parameters["RouteModelArns"])
        queue(report, cloud, name, stack[f"{name}FailureQueueUrl"])
    queue(report, cloud, "Undelivered", stack["UndeliveredQueueUrl"])
    permissions(report, cloud, stack, resources)
    rules(report, cloud, stack, resources)
    alarms(report, cloud, resources)
    roles(report, cloud, stack, resources)


def vpc(report, cloud, stack):
    ids = {"VpcId": stack["VpcId"]}
    for attribute in ("DnsSupport", "DnsHostnames"):
        found = cloud.ec2.describe_vpc_attribute(**ids, Attribute=f"enable{attribute}")
        report.read_back(f"VPC, {attribute}", found[f"Enable{attribute}"], {"Value": True})
    attached = [{"Name": "attachment.vpc-id", "Values": [stack["VpcId"]]}]
    of_vpc = in_vpc(stack)
    for what, found in {
        "internet gateways": cloud.ec2.describe_internet_gateways(Filters=attached)["InternetGateways"],
        "NAT gateways": cloud.ec2.describe_nat_gateways(Filters=of_vpc)["NatGateways"],
        "egress-only gateways": [
            gateway
            for gateway in cloud.ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
            if any(attachment["VpcId"] == stack["VpcId"] for attachment in gateway["Attachments"])
        ],
    }.items():
        report.read_back(f"VPC, {what}", found, [])


def subnets(report, cloud, stack):
    found = cloud.ec2.describe_subnets(Filters=in_vpc(stack))["Subnets"]
    report.read_back("subnets of the VPC", ids_of(found, "SubnetId"), split(stack["JobSubnetIds"]))
    report.read_back("zones of the subnets", len({subnet["AvailabilityZone"] for subnet in found}), len(found))
    report.read_back("subnets with public addresses", [s for s in found if s["MapPublicIpOnLaunch"]], [])
    tables = route_tables(cloud, stack)
    associated = [entry["SubnetId"] for table in tables for entry in table["Associations"]]
    report.read_back("subnets with the route table", sorted(associated), split(stack["JobSubnetIds"]))
    routes = [route for table in tables for route in table["Routes"]]
    ways_out = [route for route in routes if route.get("GatewayId") not in ("local", stack["S3VpcEndpointId"])]
    report.read_back("routes out of the VPC", ways_out, [])


def endpoints(report, cloud, stack, resources):
    found = cloud.ec2.describe_vpc_endpoints(Filters=in_vpc(stack))["VpcEndpoints"]
    expected = sorted([stack["S3VpcEndpointId"], stack["BedrockVpcEndpointId"]])
    report.read_back("endpoints of the VPC", ids_of(found, "VpcEndpointId"), expected)
    s3, bedrock = (
        next(endpoint for endpoint in found if endpoint["VpcEndpointId"] == stack[output])
        for output in ("S3VpcEndpointId", "BedrockVpcEndpointId")
    )
    report.read_back("S3 endpoint, type", s3["VpcEndpointType"], "Gateway")
    report.read_back("S3 endpoint, service", s3["ServiceName"], f"com.amazonaws.{REGION}.s3")
    tables = ids_of(route_tables(cloud, stack), "RouteTableId")
    report.read_back("S3 endpoint, route tables", sorted(s3["RouteTableIds"]), tables)
    report.read_back(
        "S3 endpoint, policy",
        sids(s3["PolicyDocument"]),
        [
            "FunctionsReadDrops",
            "SweepFindsDrops",
            "CompleteErasesDrops",
            "FunctionsKeepOutput",
            "FunctionsList",
            "JobsReadAndWrite",
            "JobsList",
        ],
    )
    report.read_back("Bedrock endpoint, type", bedrock["VpcEndpointType"], "Interface")
    report.read_back("Bedrock endpoint, service", bedrock["ServiceName"], f"com.amazonaws.{REGION}.bedrock")
    report.read_back("Bedrock endpoint, subnets", sorted(bedrock["SubnetIds"]), split(stack["JobSubnetIds"]))
    report.read_back("Bedrock endpoint, private DNS", bedrock["PrivateDnsEnabled"], True)
    report.read_back(
        "Bedrock endpoint, security groups",
        ids_of(bedrock["Groups"], "GroupId"),
        [resources["BedrockVpcEndpointSecurityGroup"]],
    )
    report.read_back(
        "Bedrock endpoint, policy",
        sids(bedrock["PolicyDocument"]),
        [
            "FunctionsCreateJobsOfTheModel",
            "FunctionsCreateJobsOfRoutes",
            "FunctionsKeepJobs",
            "CompleteStopsJobs",
            "FunctionsFindJobs",
        ],
    )


def security_groups(report, cloud, stack, resources, prefix_list):
    jobs, functions, endpoint = (
        resources[name] for name in ("JobSecurityGroup", "FunctionSecurityGroup", "BedrockVpcEndpointSecurityGroup")
    )
    report.read_back("security groups of the jobs", stack["JobSecurityGroupIds"], jobs)
    to_s3 = {**HTTPS, "PrefixListIds": [prefix_list]}
    for what, group, inwards, outwards in (
        ("jobs", jobs, [], [to_s3]),
        ("functions", functions, [], [to_s3, {**HTTPS, "UserIdGroupPairs": [endpoint]}]),
        (
            "Bedrock endpoint",
            endpoint,
            [{**HTTPS, "UserIdGroupPairs": [functions]}],
            [{**HTTPS, "IpRanges": ["127.0.0.1/32"]}],
        ),
    ):
        found = group_rules(cloud, group)
        report.read_back(f"security group of the {what}, inwards", found["IpPermissions"], inwards)
        report.read_back(f"security group of the {what}, outwards", found["IpPermissionsEgress"], outwards)


def group_rules(cloud, group):
    """Returns the rules of a security group, with each peer as a plain id."""
    found = cloud.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    peers = (
        ("PrefixListIds", "PrefixListId"),
        ("UserIdGroupPairs", "GroupId"),
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
    )

    def plain(rule):
        ports = {name: rule.get(name) for name in HTTPS}
        return ports | {name: [peer[key] for peer in rule[name]] for name, key in peers if rule.get(name)}

    return {way: [plain(rule) for rule in found[way]] for way in ("IpPermissions", "IpPermissionsEgress")}


def bucket(report, cloud, stack, name, people):
    """Reads back a bucket whose data the `people` can reach from outside the endpoint."""
    bucket_name, s3 = stack[f"{name}Name"], cloud.s3
    arguments = {"Bucket": bucket_name}
    policy = json.loads(s3.get_bucket_policy(**arguments)["Policy"])
    statements = {statement["Sid"]: statement for statement in policy["Statement"]}
    expected = {
        "InputBucket": [
            "TlsOnly",
            "OnlyThroughTheEndpoint",
            "OnlyNamedPrincipals",
            "ListOnlyThroughTheEndpoint",
            "UploadersOnlyPut",
            "UploadersOnlyUnderThePrefix",
            "UploadersMayPut",
        ],
        "OutputBucket": [
            "TlsOnly",
            "OnlyThroughTheEndpoint",
            "ListOnlyThroughTheEndpoint",
            "OnlyRolesElsewhere",
            "OnlyReadersAtResults",
            "OnlyReadersAtIndex",
            "OnlyOperatorsAtRequests",
            "OnlyRouteEditorsAtRoutes",
            "OnlyReadersAndRouteEditorsAtRoutesInForce",
            "OnlyGetResults",
            "OnlyPutRequests",
            "OnlyGetPutAndDeleteRoutes",
            "ReadersListOnlyTheirs",
            "RouteEditorsListOnlyRoutes",
            "ReadersMayGet",
            "ReadersMayList",
            "OperatorsMayAsk",
            "RouteEditorsMayChange",
            "RouteEditorsMaySee",
            "RouteEditorsMayList",
            "RouteReadersNeedTheirTag",
            "RouteReadersGetOnlyTheirs",
            "RouteReadersListOnlyTheirs",
            "RouteReadersMayGet",
            "RouteReadersMayList",
        ],
    }[name]
    report.read_back(f"{name}, statements of its policy", list(statements), expected)
    closed = statements["OnlyThroughTheEndpoint"]
    report.read_back(
        f"{name}, policy, whom it refuses",
        (closed["Effect"], closed["Principal"], closed["Action"]),
        ("Deny", "*", "s3:*"),
    )
    report.read_back(
        f"{name}, policy, but for",
        closed["Condition"],
        {
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            "StringNotEquals": {"aws:SourceVpce": stack["S3VpcEndpointId"]},
            "ArnNotEquals": {"aws:PrincipalArn": people},
        },
    )
    roles = [stack[f"{role}Arn"] for role in ("SubmitRole", "CompleteRole", "JobRole")]
    if name == "InputBucket":
        named = statements["OnlyNamedPrincipals"]["Condition"]
        found = named["StringNotEquals"]["aws:PrincipalArn"], named["ArnNotEquals"]["aws:PrincipalArn"]
        report.read_back(f"{name}, policy, whom it names", found, (roles[:2], people))
    else:
        named = statements["OnlyRolesElsewhere"]["Condition"]["StringNotEquals"]["aws:PrincipalArn"]
        report.read_back(f"{name}, policy, whom it names", named, roles)
    blocked = s3.get_public_access_block(**arguments)["PublicAccessBlockConfiguration"]
    report.read_back(f"{name}, public access", (len(blocked), set(blocked.values())), (4, {True}))
    versioning = s3.get_bucket_versioning(**arguments).get("Status")
    report.read_back(f"{name}, versioning", versioning, "Enabled" if name == "InputBucket" else None)
    ownership = s3.get_bucket_ownership_controls(**arguments)["OwnershipControls"]["Rules"]
    enforced = [{"ObjectOwnership": "BucketOwnerEnforced"}]
    report.if_kept(f"{name}, ownership", ownership, enforced, unset=enforced)
    encryption = s3.get_bucket_encryption(**arguments)["ServerSideEncryptionConfiguration"]["Rules"][0]
    by_s3 = {"SSEAlgorithm": "AES256"}
    report.if_kept(f"{name}, encryption", encryption["ApplyServerSideEncryptionByDefault"], by_s3, unset=by_s3)
    report.if_kept(
        f"{name}, lifecycle",
        lifecycle_rules(s3, arguments),
        ["AbortIncompleteMultipartUploads"] + (["ExpireWork"] if name == "OutputBucket" else []),
    )


def lifecycle_rules(s3, arguments):
    """Returns the names of the lifecycle rules, or `None` without a lifecycle configuration."""
    try:
        return [rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(**arguments)["Rules"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
            return None
        raise


def notification(report, cloud, stack, **rules):
    """Checks that S3 notifies only submit, and only about keys with this prefix, or about all.

    About the output bucket it tells EventBridge.
    """
    found = cloud.s3.get_bucket_notification_configuration(Bucket=stack["InputBucketName"])
    found.pop("ResponseMetadata")
    told = [
        (
            entry["LambdaFunctionArn"].rpartition(":")[2],
            entry["Events"],
            {rule["Name"]: rule["Value"] for rule in entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])},
        )
        for entry in found.pop("LambdaFunctionConfigurations", [])
    ]
    report.read_back("InputBucket, notification", told, [(stack["SubmitFunctionName"], ["s3:ObjectCreated:*"], rules)])
    report.read_back("InputBucket, other notifications", found, {})
    found = cloud.s3.get_bucket_notification_configuration(Bucket=stack["OutputBucketName"])
    found.pop("ResponseMetadata")
    report.if_kept("OutputBucket, notifications", found, {"EventBridgeConfiguration": {}}, unset={})


def function(report, cloud, stack, resources, name, route_models):
    function_name = stack[f"{name}FunctionName"]
    found = cloud.functions.get_function_configuration(FunctionName=function_name)
    for what, expected in {
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "MemorySize": 512,
        "Timeout": 900,
        "Role": stack[f"{name}RoleArn"],
    }.items():
        report.read_back(f"{name}Function, {what}", found[what], expected)
    report.read_back(f"{name}Function, log group", found["LoggingConfig"]["LogGroup"], resources[f"{name}LogGroup"])
    expected = {
        "INPUT_BUCKET": stack["InputBucketName"],
        "OUTPUT_BUCKET": stack["OutputBucketName"],
        "JOB_NAME_PREFIX": stack.name,
        "JOB_ROLE_ARN": stack["JobRoleArn"],
        "MODEL_ID": stack["ModelId"],
        "ROUTE_MODEL_ARNS": route_models,
        "SUBNET_IDS": stack["JobSubnetIds"],
        "SECURITY_GROUP_IDS": stack["JobSecurityGroupIds"],
    }
    variables = found["Environment"]["Variables"]
    report.read_back(f"{name}Function, environment", {key: variables.get(key) for key in expected}, expected)
    network = found["VpcConfig"]
    report.read_back(
        f"{name}Function, its own network",
        (network["SubnetIds"], network["SecurityGroupIds"]),
        (stack["JobSubnetIds"].split(","), [stack["FunctionSecurityGroupId"]]),
    )
    # MiniStack finds it only under the qualifier that SAM writes.
    asked = {"FunctionName": function_name, "Qualifier": "$LATEST"}
    retries = cloud.functions.get_function_event_invoke_config(**asked)
    report.read_back(f"{name}Function, retries", retries["MaximumRetryAttempts"], 2)
    report.read_back(
        f"{name}Function, failure queue",
        retries["DestinationConfig"]["OnFailure"]["Destination"],
        queue_arn(cloud, stack[f"{name}FailureQueueUrl"]),
    )
    group = cloud.logs.describe_log_groups(logGroupNamePrefix=resources[f"{name}LogGroup"])["logGroups"][0]
    report.read_back(f"{name}LogGroup, days", group["retentionInDays"], 30)


def queue(report, cloud, name, url):
    found = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    report.read_back(f"{name} queue, seconds", found["MessageRetentionPeriod"], "1209600")
    report.read_back(f"{name} queue, encryption", found["SqsManagedSseEnabled"], "true")


def queue_arn(cloud, url):
    return cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def permissions(report, cloud, stack, resources):
    """Checks who may invoke the functions: the input bucket, and the four rules."""
    for name, service, sources in (
        ("Submit", "s3.amazonaws.com", [f"arn:aws:s3:::{stack['InputBucketName']}"]),
        ("Complete", "events.amazonaws.com", rule_arns(resources)),
    ):
        policy = json.loads(cloud.functions.get_policy(FunctionName=stack[f"{name}FunctionName"])["Policy"])
        found = [
            (statement["Principal"]["Service"], statement["Condition"]["ArnLike"]["AWS:SourceArn"])
            for statement in policy["Statement"]
        ]
        report.read_back(f"{name}Function, who invokes it", sorted(found), [(service, source) for source in sources])


def rules(report, cloud, stack, resources):
    ended, asked, routes, sweep = (stack.rule(f"CompleteFunction{name}") for name in RULES)
    report.read_back(
        "rule, pattern",
        json.loads(ended["EventPattern"]),
        {
            "source": ["aws.bedrock"],
            "detail-type": ["Batch Inference Job State Change"],
            "detail": {
                "status": ["Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"],
                "batchJobName": [{"prefix": f"{stack.name}-"}],
            },
        },
    )
    report.read_back(
        "rule of operators, pattern",
        json.loads(asked["EventPattern"]),
        {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [stack["OutputBucketName"]]}, "object": {"key": [{"prefix": "requests/"}]}},
        },
    )
    report.read_back(
        "rule of routes, pattern",
        json.loads(routes["EventPattern"]),
        {
            "source": ["aws.s3"],
            "detail-type": ["Object Created", "Object Deleted"],
            "detail": {"bucket": {"name": [stack["OutputBucketName"]]}, "object": {"key": ["config/routes.json"]}},
        },
    )
    report.read_back("schedule", sweep["ScheduleExpression"], "rate(15 minutes)")
    undelivered = queue_arn(cloud, stack["UndeliveredQueueUrl"])
    for what, rule in (("rule", ended), ("rule of operators", asked), ("rule of routes", routes), ("schedule", sweep)):
        report.read_back(f"{what}, state", rule["State"], "ENABLED")
        targets = [(target["Arn"].rpartition(":")[2], target["DeadLetterConfig"]["Arn"]) for target in rule["Targets"]]
        report.read_back(f"{what}, targets", targets, [(stack["CompleteFunctionName"], undelivered)])
    policy = sweep["Targets"][0]["RetryPolicy"]
    report.read_back("schedule, retries", policy, {"MaximumEventAgeInSeconds": 900})
    attributes = cloud.sqs.get_queue_attributes(QueueUrl=stack["UndeliveredQueueUrl"], AttributeNames=["Policy"])
    statement = json.loads(attributes["Attributes"]["Policy"])["Statement"][0]
    report.read_back(
        "Undelivered queue, who sends",
        sorted(statement["Condition"]["ArnEquals"]["aws:SourceArn"]),
        rule_arns(resources),
    )


def rule_arns(resources):
    names = (resources[f"CompleteFunction{name}"] for name in RULES)
    return sorted(f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}" for name in names)


def alarms(report, cloud, resources):
    names = [resources[name] for name in ALARMS]
    found = {alarm["AlarmName"]: alarm for alarm in cloud.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]}
    for name, metric in ALARMS.items():
        alarm = found.get(resources[name], {})
        report.read_back(name, (alarm.get("Namespace"), alarm.get("MetricName")), metric)
    body = cloud.cloudwatch.get_dashboard(DashboardName=resources["Dashboard"])["DashboardBody"]
    shown = next(widget for widget in json.loads(body)["widgets"] if widget["type"] == "alarm")["properties"]["alarms"]
    report.read_back("dashboard, alarms", sorted(shown), sorted(alarm["AlarmArn"] for alarm in found.values()))


def roles(report, cloud, stack, resources):
    shared = sorted(resources[name] for name in ("DropsPolicy", "JobsPolicy", "NetworkPolicy", "PlacementPolicy"))
    for name, attached, inline in (
        ("SubmitRole", shared, ["Submit"]),
        ("CompleteRole", shared, ["Complete"]),
        ("JobRole", [resources["JobPlacementPolicy"]], ["Data", "Model", "Vpc"]),
    ):
        role = {"RoleName": resources[name]}
        found = cloud.iam.list_attached_role_policies(**role)["AttachedPolicies"]
        report.read_back(f"{name}, managed policies", ids_of(found, "PolicyArn"), attached)
        report.read_back(f"{name}, own policies", sorted(cloud.iam.list_role_policies(**role)["PolicyNames"]), inline)
    report.read_back(
        "JobRole, subnets and security groups",
        placement(cloud, resources),
        {"subnet": stack["JobSubnetIds"].split(","), "security-group": stack["JobSecurityGroupIds"].split(",")},
    )


def placement(cloud, resources):
    """Returns the subnets and security groups in which the job's role may create network interfaces."""
    policy_arn = resources["JobPlacementPolicy"]
    version = cloud.iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
    policy = cloud.iam.get_policy_version(PolicyArn=policy_arn, VersionId=version)["PolicyVersion"]["Document"]
    arns = [
        arn
        for statement in policy["Statement"]
        if statement["Sid"].startswith("EniPlacement")
        for arn in statement["Resource"]
    ]
    return {
        kind: [arn.rpartition("/")[2] for arn in arns if f":{kind}/" in arn] for kind in ("subnet", "security-group")
    }


def in_vpc(stack):
    return [{"Name": "vpc-id", "Values": [stack["VpcId"]]}]


def route_tables(cloud, stack):
    """Returns the route tables of the subnets. The main table of the VPC has no subnet."""
    found = cloud.ec2.describe_route_tables(Filters=in_vpc(stack))["RouteTables"]
    return [table for table in found if any("SubnetId" in entry for entry in table["Associations"])]


def ids_of(found, key):
    return sorted(item[key] for item in found)


def split(ids):
    return sorted(ids.split(","))


def sids(policy):
    return [statement["Sid"] for statement in json.loads(policy)["Statement"]]
