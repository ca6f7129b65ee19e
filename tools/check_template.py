"""Checks that template.yaml configures what the code needs and permits no more than each role needs.

Translates the SAM template in this process (no credentials, no network), resolves it for several combinations of
parameters, lints each translated template, and asserts the properties below. Prints every problem; exits with 1 if there
is one.
"""

import ipaddress
import itertools
import json
import re
import sys
import traceback
from fnmatch import fnmatchcase

from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.context.parameters import ParameterSet

from stack import (
    ACCOUNT,
    KEY_ARN,
    MADE,
    PLAIN_MODEL,
    PROFILE,
    PROFILE_ARNS,
    REQUIRED,
    ROOT,
    STACK,
    Stack,
    as_list,
    cases,
    existing,
    translate,
)

CONFIG = ROOT / "src" / "aws" / "config.rs"
NOTICE = ROOT / "src" / "report" / "notice.rs"
TRANSLATED = ROOT / "target" / "template.json"
OPERATIONS = ROOT / "docs" / "operations.md"
TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"

FUNCTIONS = {"SubmitFunction": "submit", "CompleteFunction": "complete"}
ZONES = ["FirstZone", "SecondZone", "ThirdZone"]
FUNCTION_ROLES = ["SubmitRole", "CompleteRole"]
TERMINAL_STATUSES = ["Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"]

REQUIRED_VARIABLES = {
    "INPUT_BUCKET",
    "INPUT_SUFFIXES",
    "OUTPUT_BUCKET",
    "JOB_NAME_PREFIX",
    "JOB_ROLE_ARN",
    "MODEL_ID",
    "SUBNET_IDS",
    "SECURITY_GROUP_IDS",
    "MODEL_INVOCATION_TYPE",
    "TIMEOUT_DURATION_IN_HOURS",
    "MIN_RECORDS_PER_JOB",
    "MAX_RECORDS_PER_JOB",
    "MAX_INPUT_FILE_BYTES",
    "SMALL_DROPS",
    "DUPLICATE_DROPS",
    "REPAIR",
    "MAX_ATTEMPTS",
    "MAX_RECORD_BYTES",
    "MAX_DROP_BYTES",
    "MODEL_RULES",
    "JOB_TAGS",
    "CALL_TIMEOUT_SECONDS",
}
OPTIONAL_VARIABLES = {
    "S3_ENCRYPTION_KEY_ID": "KmsKeyArn",
    "INPUT_PREFIX": "InputPrefix",
    "ROUTE_MODEL_ARNS": "RouteModelArns",
    "MAX_DROP_USD": "MaxDropUsd",
    "MAX_USD_PER_DAY": "MaxUsdPerDay",
    "S3_LOCATION_PREFIXES": "S3LocationArns",
}
# S3_FORCE_PATH_STYLE is only for emulators. The default of EVENT_GRACE_SECONDS suits the events of S3.
UNSET_VARIABLES = {"S3_FORCE_PATH_STYLE", "EVENT_GRACE_SECONDS"}

# Every statement of a role whose resource is "*", and why it cannot name an ARN.
WILDCARDS = {
    "FindJobs": "ListModelInvocationJobs has no resource type",
    "DescribeNetwork": "Describe actions of EC2 have no resource type",
    "KeepEnis": "Lambda tries out the role before there is an interface, and its guide asks for all ids",
    "NotTheFunctionItself": "it denies",
    "FindLogGroup": "DescribeLogGroups has no resource type",
    "Trace": "the actions of X-Ray have no resource type",
    "DeleteOwnEniPermission": "the request names a permission; the tag of the job limits it",
}

# The statements of a bucket policy that are there only if people are named.
PEOPLE_STATEMENTS = {
    "UploaderArns": ["UploadersOnlyPut", "UploadersOnlyUnderThePrefix", "UploadersMayPut"],
    "ReaderArns": ["ReadersMayGet", "ReadersMayList"],
    "RouteReaderArns": [
        "RouteReadersNeedTheirTag",
        "RouteReadersGetOnlyTheirs",
        "RouteReadersListOnlyTheirs",
        "RouteReadersMayGet",
        "RouteReadersMayList",
    ],
    "OperatorArns": ["OperatorsMayAsk"],
    "RouteEditorArns": [
        "RouteEditorsListOnlyRoutes",
        "RouteEditorsMayChange",
        "RouteEditorsMaySee",
        "RouteEditorsMayList",
    ],
}
# The people of each bucket, and those of them who may list it.
PEOPLE_OF = {
    "InputBucket": ["UploaderArns"],
    "OutputBucket": ["ReaderArns", "RouteReaderArns", "OperatorArns", "RouteEditorArns"],
}
LISTING_PEOPLE = ["ReaderArns", "RouteReaderArns", "RouteEditorArns"]
# The statements about the parts of the output bucket: the part, and the people who come there. The first is about the rest.
PARTS = {
    "OnlyRolesElsewhere": (["results/*", "index/*", "requests/*", "config/routes.json", "config/in-force.json"], []),
    "OnlyReadersAtResults": (["results/*"], ["ReaderArns", "RouteReaderArns"]),
    "OnlyReadersAtIndex": (["index/*"], ["ReaderArns"]),
    "OnlyOperatorsAtRequests": (["requests/*"], ["OperatorArns"]),
    "OnlyRouteEditorsAtRoutes": (["config/routes.json"], ["RouteEditorArns"]),
    "OnlyReadersAndRouteEditorsAtRoutesInForce": (["config/in-force.json"], ["ReaderArns", "RouteEditorArns"]),
}
# The statements about what people do there.
DEEDS = {
    "OnlyGetResults": (["results/*", "index/*", "config/in-force.json"], ["s3:GetObject"]),
    "OnlyPutRequests": (["requests/*"], ["s3:PutObject"]),
    "OnlyGetPutAndDeleteRoutes": (["config/routes.json"], ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]),
}

# The keys of one drop and one job, one for each name in src/drop/keys.rs.
DROP, JOB = "0" * 32, "1" * 32
RESULTS = f"results/in/a b.jsonl/{DROP}"
KEYS = {
    "drop": f"ledger/drops/{DROP}/drop.json",
    "plan": f"ledger/drops/{DROP}/plan-{JOB}/00001.json",
    "tally": f"ledger/drops/{DROP}/tallies/00001.json",
    "job": f"ledger/jobs/{JOB}.json",
    "marker": f"ledger/open/20261123T150500Z-{JOB}.job",
    "hint": f"ledger/waiting/amazon.nova-lite-v1_0/20261123T150500Z-{JOB}.json",
    "sweep": "ledger/sweep.json",
    "routes": "ledger/routes.json",
    "shard": "ledger/budgets/2026-11-23/stack/00.json",
    "contents": f"ledger/contents/{JOB}.json",
    "input": f"work/{JOB}/input/{JOB}.jsonl",
    "output": f"work/{JOB}/output/abc/{JOB}.jsonl.out",
    "rejection": f"{RESULTS}/rejection.json",
    "report": f"{RESULTS}/report.html",
    "status": f"{RESULTS}/status.json",
    "index": f"index/2026-11-23/20261123T150500Z-{DROP}/in/a b.jsonl",
    "summary": f"{RESULTS}/summary.json",
    "result": f"{RESULTS}/succeeded/part-00001.jsonl",
    "routes file": "config/routes.json",
    "in force": "config/in-force.json",
    "request": f"requests/cancel/{DROP}",
}
# These expire after JobRetentionInDays, these after ResultRetentionInDays, if it is set, and these after 30 days. The rest of
# the ledger never does, because a missing entry is an error.
EXPIRING_WORK = {"input", "output"}
EXPIRING_RESULTS = {"rejection", "report", "status", "summary", "result", "index"}
EXPIRING_SOON = {"request", "shard", "contents"}
ROUTES = {"routes", "routes file", "in force"}
# What each role may do with these objects.
PERMITTED = {
    "SubmitRole": {
        "GetObject": {"drop", "plan", "tally", "job", "marker", "routes", "shard", "contents", "status", "summary"},
        "PutObject": set(KEYS) - {"sweep", "output", "summary", "result", "request"} - ROUTES,
        "DeleteObject": {"marker", "hint"},
        "AbortMultipartUpload": {"input"},
    },
    "CompleteRole": {
        "GetObject": set(KEYS) - {"hint", "rejection", "report", "index", "result", "request"},
        "PutObject": set(KEYS) - {"output", "request", "routes file"},
        # All but the markers and the hints only if there are operators.
        "DeleteObject": set(KEYS) - {"drop", "job", "sweep", "shard", "contents"} - ROUTES,
        "AbortMultipartUpload": {"input", "rejection", "report", "status", "summary", "result"},
    },
    "JobRole": {
        "GetObject": {"input", "output"},
        "PutObject": {"output"},
        "DeleteObject": set(),
        "AbortMultipartUpload": set(),
    },
    "FlowLogRole": {},
}

# What people may do with these objects.
PERMITTED_TO_PEOPLE = {
    "ReaderArns": {"GetObject": EXPIRING_RESULTS | {"in force"}},
    # Of the results, those below the prefix of the route; the simulation of the policies has others as well.
    "RouteReaderArns": {"GetObject": EXPIRING_RESULTS - {"index"}},
    "OperatorArns": {"PutObject": {"request"}},
    "RouteEditorArns": {
        "GetObject": {"routes file", "in force"},
        "PutObject": {"routes file"},
        "DeleteObject": {"routes file"},
    },
}
# The prefix of the route of one of its readers, as the policies say it.
ROUTE_TAG = "${aws:PrincipalTag/BedrockVpcBatchRoute}"

# Ids of foundation models with batch inference, one of each form.
# https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-supported.html
FOUNDATION_MODELS = [
    "amazon.titan-embed-image-v1",
    "anthropic.claude-haiku-4-5-20251001-v1:0",
    "deepseek.v3.2",
    "meta.llama3-3-70b-instruct-v1:0",
    "openai.gpt-oss-120b-1:0",
    "zai.glm-4.7",
]
# The first parts of the ids of inference profiles. "mx" is not one, but the next one may have two letters as well.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
GEOGRAPHIES = ["us", "us-gov", "eu", "apac", "jp", "au", "ca", "in", "global", "mx"]

# The metrics that are kept by route.
METRICS_BY_ROUTE = set(re.findall(r"^\| `(\w+)` \|.*; also by `Route` \|$", OPERATIONS.read_text(), re.MULTILINE))

# The metrics of AWS/Bedrock/Batch on the dashboard.
# https://aws.amazon.com/blogs/machine-learning/monitor-amazon-bedrock-batch-inference-using-amazon-cloudwatch-metrics/
BEDROCK_METRICS = {
    "NumberOfRecordsPendingProcessing",
    "NumberOfInputTokensProcessedPerMinute",
    "NumberOfOutputTokensProcessedPerMinute",
}

# The longest managed policy that IAM accepts, not counting white space.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_MANAGED_POLICY = 6144
# The longest policy of a bucket that S3 accepts, in bytes, and how many people have room in one besides those of these checks.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html
MAX_BUCKET_POLICY = 20 * 1024
MORE_PEOPLE = 10


REFUSED = {
    "ModelId": [
        "two words",
        "model",
        "amazon.nova-lite-v1:0,amazon.nova-pro-v1:0",
        f"arn:aws:bedrock:us-east-1::foundation-model/{PLAIN_MODEL}",
        *(f"{geography}.amazon.nova-lite-v1:0" for geography in GEOGRAPHIES),
    ],
    "InferenceProfileId": ["two words", "profile,profile"],
    "ModelArns": [PLAIN_MODEL, "arn:aws:s3:::bucket", "arn:aws:bedrock:us-east-1::foundation-model/*"],
    "RouteModelArns": [PLAIN_MODEL, "*", "arn:aws:s3:::bucket", "arn:aws:bedrock:us-east-1::foundation-model/*"],
    "MaxDropUsd": ["$5", "-1", "1e3", "1.0000001", "1,50"],
    "MaxUsdPerDay": ["$5", "-1", ".5", "5."],
    "DuplicateDrops": ["reject"],
    "S3LocationArns": [
        "s3://media/",
        "arn:aws:s3:::media",
        "arn:aws:s3:::*",
        "arn:aws:s3:::media/a*b*",
        "arn:aws:s3:::media/a",
    ],
    "JobNamePrefix": ["-a", "a_b", "a b", "a" * 31],
    "JobTags": ["", "team=search", "[]"],
    "S3PrefixListId": ["", "pl-", "com.amazonaws.us-east-1.s3"],
    "RolePath": ["", "apps/", "/apps", "/a b/"],
    "PermissionsBoundaryArn": [f"arn:aws:iam::{ACCOUNT}:role/a", "boundary"],
    "SubmitReservedConcurrency": ["0", "-1", "many"],
    "VpcCidr": ["10.0.0.0/20", "10.0.0.0/8", "10.0.0.0", "fd00::/16"],
    "VpcId": ["vpc", "subnet-0123456789abcdef0"],
    "SubnetIds": ["vpc-0123456789abcdef0", "subnet"],
    "SecurityGroupIds": ["default"],
    "S3VpcEndpointId": ["com.amazonaws.us-east-1.s3"],
    "BedrockVpcEndpointId": ["com.amazonaws.us-east-1.bedrock"],
    "BedrockVpcEndpointSecurityGroupId": ["default"],
    "FunctionSecurityGroupId": ["default", "sg-0123456789abcdef0,sg-0123456789abcdef1"],
    "UploaderArns": ["*", f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:role/*", "arn:aws:iam::1:role/a"],
    "ReaderArns": ["*", f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b"],
    "OperatorArns": ["*", f"arn:aws:iam::{ACCOUNT}:group/a"],
    "RouteEditorArns": ["*", f"arn:aws:iam::{ACCOUNT}:role/*", f"arn:aws:iam::{ACCOUNT}:root"],
    "RouteReaderArns": ["*", f"arn:aws:iam::{ACCOUNT}:role/*", "team/"],
    "AdditionalVpcEndpointIds": ["vpc-0123456789abcdef0", "*"],
    "BucketNameSuffix": ["2", "-", "-A", "-123456789", "-a.b"],
    "DropRetentionInDays": ["0", "29", "-1", "10000", "030"],
    "ResultRetentionInDays": ["0", "29", "never"],
    "InputPrefix": ["in coming/", "in*"],
    "InputSuffixes": ["", "jsonl", ".", ".jsonl,", ".json,jsonl", ".jsonl .json", "*"],
    "NoticeEmail": ["drops", "a b@example.com", "@example.com", "drops@example"],
    "NoticeTopicArn": ["notices", f"arn:aws:sqs:us-east-1:{ACCOUNT}:notices"],
    "AlarmTopicArn": ["alarms", f"arn:aws:sqs:us-east-1:{ACCOUNT}:alarms"],
    "KmsKeyArn": ["alias/key", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/key", f"{KEY_ARN}x"],
}


def subnets(stack):
    """Returns the ids of the subnets of the jobs and the functions."""
    made = [stack.reference(name) for name in stack.of_type("AWS::EC2::Subnet")]
    return made or stack.values["SubnetIds"]


def groups(stack):
    """Returns the ids of the jobs' security groups."""
    given = [one for one in stack.values["SecurityGroupIds"] if one]
    return given or [stack.reference("JobSecurityGroup")]


def function_group(stack):
    """Returns the id of the functions' security group."""
    return stack.values["FunctionSecurityGroupId"] or stack.reference("FunctionSecurityGroup")


def key(stack):
    """Returns the ARN of the KMS key, or an empty string."""
    given = stack.values["KmsKeyArn"]
    return stack.attribute("KmsKey", "Arn") if given == "create" else given


def arn(stack, rest):
    service, resource = rest.split(":", 1)
    return f"arn:{stack.values['AWS::Partition']}:{service}:{stack.values['AWS::Region']}:{resource}"


def check_environment(stack):
    """Both functions get every required variable, and each optional one whose parameter is set."""
    given = {name for name, parameter in OPTIONAL_VARIABLES.items() if "".join(stack.values[parameter])}
    for function, binary in FUNCTIONS.items():
        properties = stack.properties(function)
        variables = properties["Environment"]["Variables"]
        assert set(variables) == REQUIRED_VARIABLES | given, sorted(variables)
        assert all(isinstance(value, (str, int)) and value != "" for value in variables.values())
        assert variables["SUBNET_IDS"].split(",") == subnets(stack)
        assert variables["SECURITY_GROUP_IDS"].split(",") == groups(stack)
        assert variables["INPUT_BUCKET"] == stack.reference("InputBucket")
        assert variables["OUTPUT_BUCKET"] == stack.reference("OutputBucket")
        # The sweep looks for drops under the prefix for which S3 notifies submit.
        assert variables.get("INPUT_PREFIX", "") == stack.values["InputPrefix"]
        assert variables.get("ROUTE_MODEL_ARNS", "").split(",") == stack.values["RouteModelArns"]
        assert variables["JOB_ROLE_ARN"] == stack.attribute("JobRole", "Arn")
        assert properties["Architectures"] == [stack.values["Architecture"]]
        assert properties["VpcConfig"] == {"SubnetIds": subnets(stack), "SecurityGroupIds": [function_group(stack)]}
        assert properties["TracingConfig"] == {
            "Mode": "Active" if stack.values["XRayTracing"] == "true" else "PassThrough"
        }
        assert stack.resources[function]["Metadata"]["BuildProperties"] == {"Binary": binary}


def check_configuration_names(_):
    """The variables listed in this file are the variables that the code reads."""
    names = REQUIRED_VARIABLES | set(OPTIONAL_VARIABLES) | UNSET_VARIABLES
    code = CONFIG.read_text().split("#[cfg(test)]")[0]
    read = set(re.findall(r'"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)*)"', code))
    assert read == names, f"only in config.rs or only in the template: {sorted(read ^ names)}"


def check_rules(stack):
    """Four rules invoke complete, one sends notices if they are on, and all queue the events that they cannot deliver."""
    rules = stack.of_type("AWS::Events::Rule")
    invoking = [f"CompleteFunction{name}" for name in ("JobEnded", "OperatorAsks", "RoutesChange", "Sweep")]
    assert sorted(rules) == [*invoking, *(["NoticeRule"] if notices(stack) else [])], rules
    for rule in rules:
        (target,) = stack.properties(rule)["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": stack.attribute("UndeliveredQueue", "Arn")}
        assert "RoleArn" not in target, "the policies of the targets let EventBridge in"
    for rule in invoking:
        (target,) = stack.properties(rule)["Targets"]
        assert target["Arn"] == stack.attribute("CompleteFunction", "Arn")
        permission = stack.properties(f"{rule}Permission")
        assert permission["SourceArn"] == stack.attribute(rule, "Arn")
        assert permission["FunctionName"] == "CompleteFunction"
    (policy,) = stack.properties("UndeliveredQueuePolicy")["PolicyDocument"]["Statement"]
    arns = sorted(stack.attribute(rule, "Arn") for rule in rules)
    assert policy["Condition"] == {"ArnEquals": {"aws:SourceArn": arns}}, policy["Condition"]


def notices(stack):
    """Returns the ARN of the topic that gets notices, or None if there are none."""
    given, email = stack.values["NoticeTopicArn"], stack.values["NoticeEmail"]
    return given or (stack.reference("NoticeTopic") if email else None)


def check_notices(stack):
    """What both functions return reaches a topic, if there is one; otherwise nothing of this exists."""
    topic = notices(stack)
    email = stack.values["NoticeEmail"]
    made = topic and not stack.values["NoticeTopicArn"]
    for kind, exists in [("AWS::SNS::Topic", made), ("AWS::SNS::TopicPolicy", made), ("AWS::SNS::Subscription", email)]:
        assert len(stack.of_type(kind)) == bool(exists), kind
    bus = arn(stack, f"events:{ACCOUNT}:event-bus/default")
    for role in FUNCTION_ROLES:
        sids = [statement.get("Sid") for statement in stack.statements(role)]
        assert ("ReturnEndedDrops" in sids) == bool(topic), role
        if topic:
            statement = stack.statement(role, "ReturnEndedDrops")
            assert (statement["Action"], statement["Resource"]) == (["events:PutEvents"], [bus])
    if not topic:
        return
    if email:
        subscription = stack.properties("NoticeSubscription")
        assert subscription == {"TopicArn": topic, "Protocol": "email", "Endpoint": email}
    if made:
        (statement,) = stack.properties("NoticeTopicPolicy")["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Resource"] == topic and "Condition" not in statement, statement
    rule = stack.properties("NoticeRule")
    (target,) = rule["Targets"]
    assert target["Arn"] == topic
    # The lines of the message are those that the functions return.
    transformer = target["InputTransformer"]
    lines = {name: f"$.detail.responsePayload.lines.{name}" for name in struct_members(NOTICE, "Lines")}
    assert transformer["InputPathsMap"] == lines, transformer
    assert transformer["InputTemplate"].splitlines() == [f'"<{name}>"' for name in lines], transformer
    pattern = rule["EventPattern"]
    assert pattern["detail"]["responsePayload"] == {"lines": {next(iter(lines)): [{"exists": True}]}}
    functions = [{"prefix": stack.attribute(function, "Arn")} for function in FUNCTIONS]
    assert pattern["detail"]["requestContext"]["functionArn"] == functions, pattern


def struct_members(source, name):
    """Returns the names of the public members of a Rust struct, in their order."""
    body = source.read_text().split(f"pub struct {name} {{", 1)[1].split("\n}", 1)[0]
    return re.findall(r"^    pub (\w+):", body, re.MULTILINE)


def check_sweep(stack):
    """The sweep runs every 15 minutes, and receives the original event of the schedule, without another input."""
    properties = stack.properties("CompleteFunctionSweep")
    assert properties["ScheduleExpression"] == "rate(15 minutes)"
    assert "EventPattern" not in properties and properties.get("State", "ENABLED") == "ENABLED"
    (target,) = properties["Targets"]
    assert not {"Input", "InputPath", "InputTransformer"} & set(target), target
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 900}


def check_job_state_changes(stack):
    """All five terminal statuses of our own jobs invoke complete."""
    properties = stack.properties("CompleteFunctionJobEnded")
    prefix = stack.properties("SubmitFunction")["Environment"]["Variables"]["JOB_NAME_PREFIX"]
    assert properties["EventPattern"] == {
        "source": ["aws.bedrock"],
        "detail-type": ["Batch Inference Job State Change"],
        "detail": {"status": TERMINAL_STATUSES, "batchJobName": [{"prefix": f"{prefix}-"}]},
    }, properties["EventPattern"]
    assert "ScheduleExpression" not in properties


def check_requests(stack):
    """Objects below requests/ in the output bucket invoke complete if there are operators, and no other objects do."""
    are_operators = any(stack.values["OperatorArns"])
    properties = stack.properties("CompleteFunctionOperatorAsks")
    bucket = stack.reference("OutputBucket")
    assert properties["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": "requests/"}]}},
    }, properties["EventPattern"]
    assert properties["State"] == ("ENABLED" if are_operators else "DISABLED")
    stoppers = {
        role: one["Resource"]
        for role in stack.of_type("AWS::IAM::Role")
        for one in stack.statements(role)
        if "bedrock:StopModelInvocationJob" in one["Action"]
    }
    assert list(stoppers) == (["CompleteRole"] if are_operators else []), stoppers


def check_routes(stack):
    """A put or a deletion of the file of routes, and of nothing else, always invokes complete: the bucket sends its events."""
    properties = stack.properties("CompleteFunctionRoutesChange")
    assert properties["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted"],
        "detail": {"bucket": {"name": [stack.reference("OutputBucket")]}, "object": {"key": [KEYS["routes file"]]}},
    }, properties["EventPattern"]
    assert properties.get("State", "ENABLED") == "ENABLED" and "ScheduleExpression" not in properties
    (target,) = properties["Targets"]
    assert not {"Input", "InputPath", "InputTransformer"} & set(target), target
    sends = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert stack.properties("OutputBucket").get("NotificationConfiguration") == sends


def check_notification(stack):
    """New objects under the prefix in the input bucket, whatever they are called, and in no other bucket, invoke submit."""
    prefix = stack.values["InputPrefix"]
    bucket = stack.properties("InputBucket")
    assert bucket["NotificationConfiguration"] == {
        "LambdaConfigurations": [
            {
                "Event": "s3:ObjectCreated:*",
                **({"Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": prefix}]}}} if prefix else {}),
                "Function": stack.attribute("SubmitFunction", "Arn"),
            }
        ]
    }
    permissions = [stack.properties(name) for name in stack.of_type("AWS::Lambda::Permission")]
    (permission,) = [one for one in permissions if one["Principal"] == "s3.amazonaws.com"]
    assert permission["SourceArn"] == stack.attribute("InputBucket", "Arn")
    assert permission["SourceAccount"] == ACCOUNT
    assert as_list(stack.resources["InputBucket"]["DependsOn"]) == ["InputBucketPermission"]


def check_buckets(stack):
    """Both buckets are private, owned by the account, encrypted, and retained, and have legal names."""
    buckets = stack.of_type("AWS::S3::Bucket")
    assert sorted(buckets) == ["InputBucket", "OutputBucket"]
    for name in buckets:
        resource, properties = stack.resources[name], stack.properties(name)
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", properties["BucketName"])
        # The longest stack name that the description allows, in the Region with the longest name.
        suffix = stack.values["BucketNameSuffix"]
        assert properties["BucketName"].endswith(f"-{stack.values['AWS::Region']}{suffix}")
        longest = properties["BucketName"].replace(STACK, "s" * (28 - len(suffix)))
        longest = longest.replace(stack.values["AWS::Region"], "ap-northeast-1")
        assert len(longest) <= 63, f"{longest} has {len(longest)} characters"
        assert all(properties["PublicAccessBlockConfiguration"].values())
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"
        assert stack.resources[f"{name}Policy"]["DeletionPolicy"] == "RetainExceptOnCreate"
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule == (
            {
                "BucketKeyEnabled": True,
                "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key(stack)},
            }
            if key(stack)
            else {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        ), rule
        assert properties["LifecycleConfiguration"]["Rules"][0] == {
            "Id": "AbortIncompleteMultipartUploads",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
    assert stack.properties("InputBucket")["VersioningConfiguration"] == {"Status": "Enabled"}


def check_roles(stack):
    """Every role and policy has the path, and every role has the boundary."""
    boundary = stack.values["PermissionsBoundaryArn"]
    for role in stack.of_type("AWS::IAM::Role"):
        properties = stack.properties(role)
        assert properties["Path"] == stack.values["RolePath"], role
        assert properties.get("PermissionsBoundary", "") == boundary, role
    for policy in stack.of_type("AWS::IAM::ManagedPolicy"):
        assert stack.properties(policy)["Path"] == stack.values["RolePath"], policy


def check_concurrency(stack):
    """Only submit can have a limit of concurrent runs: the sweep, in complete, must always run."""
    limit = stack.values["SubmitReservedConcurrency"]
    for function in FUNCTIONS:
        found = stack.properties(function).get("ReservedConcurrentExecutions", "")
        assert found == (limit if function == "SubmitFunction" else ""), function


def check_flow_logs(stack):
    """If they are on, the flow logs of a created VPC go to a log group that expires, with a role that can only write there."""
    is_on = not stack.values["VpcId"] and stack.values["FlowLogs"] != "NONE"
    assert ("FlowLog" in stack.resources) == ("FlowLogRole" in stack.resources) == is_on
    if is_on:
        log = stack.properties("FlowLog")
        assert (log["ResourceType"], log["ResourceId"]) == ("VPC", stack.reference("Vpc"))
        assert (log["TrafficType"], log["LogGroupName"]) == (stack.values["FlowLogs"], stack.reference("FlowLogGroup"))
        assert log["DeliverLogsPermissionArn"] == stack.attribute("FlowLogRole", "Arn")
        assert stack.properties("FlowLogGroup")["RetentionInDays"] == stack.values["LogRetentionInDays"]
        assert stack.statement("FlowLogRole", "Log")["Resource"] == [stack.attribute("FlowLogGroup", "Arn")]
    whole = {**REQUIRED, **existing(1, 0), "FlowLogs": "ALL"}
    told = ["FlowLogs is for a VPC that the stack makes. Yours has its own."]
    assert list(stack.with_parameters(whole).broken_rules()) == told


def check_retention(stack):
    """Each object expires after the days that the parameters say, with all its versions, and the ledger never does."""
    of_jobs, of_drops, of_results = (stack.values[f"{kind}RetentionInDays"] for kind in ("Job", "Drop", "Result"))
    for bucket, keys in (("OutputBucket", KEYS), ("InputBucket", {"drop": f"{stack.values['InputPrefix']}a.jsonl"})):
        rules = stack.properties(bucket)["LifecycleConfiguration"]["Rules"]
        assert all(rule["Status"] == "Enabled" for rule in rules)
        days = {}
        for rule in rules:
            matching = {name for name, one in keys.items() if one.startswith(rule.get("Prefix", ""))}
            if "ExpirationInDays" in rule:
                assert not matching & set(days), f"two rules expire {sorted(matching & set(days))}"
                days |= dict.fromkeys(matching, rule["ExpirationInDays"])
        expected = {"drop": of_drops} if of_drops else {}
        if bucket == "OutputBucket":
            expected = dict.fromkeys(EXPIRING_WORK, of_jobs)
            expected |= dict.fromkeys(EXPIRING_RESULTS, of_results) if of_results else {}
            expected |= dict.fromkeys(EXPIRING_SOON, 30)
        assert days == expected, f"{bucket}: {days}"
    (versions, markers) = [
        [rule for rule in rules if name in rule]
        for name in ("NoncurrentVersionExpiration", "ExpiredObjectDeleteMarker")
    ]
    assert len(versions) == len(markers) == bool(of_drops)
    for rule in versions:
        # As long as a drop that waits may need its version.
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
        assert rule["Prefix"] == markers[0]["Prefix"] == stack.values["InputPrefix"]


def check_wildcards(stack):
    """No action has a wildcard, and no resource is "*" without a reason above."""
    found = set()
    for role in stack.of_type("AWS::IAM::Role"):
        for statement in stack.statements(role):
            assert statement["Effect"] == "Allow" or statement["Sid"] == "NotTheFunctionItself"
            assert not any("*" in action for action in statement["Action"]), statement
            for resource in statement["Resource"]:
                if resource == "*":
                    found.add(statement["Sid"])
                else:
                    # An ARN that is made from an item of a list cannot name the partition.
                    starts = (
                        f"arn:{stack.values['AWS::Partition']}:",
                        "arn:*:ec2:*:*:subnet/",
                        "arn:*:ec2:*:*:security-group/",
                    )
                    assert resource.startswith(starts) and not resource.endswith(("subnet/*", "security-group/*")), (
                        resource
                    )
    expected = set(WILDCARDS) - ({"Trace"} if stack.values["XRayTracing"] == "false" else set())
    expected -= {"FindLogGroup"} if "FlowLog" not in stack.resources else set()
    assert found == expected, f"differs from WILDCARDS: {sorted(found ^ expected)}"


def arns_of(stack, *parameters):
    """Returns the people in these parameters."""
    return [one for parameter in parameters for one in stack.values[parameter] if one]


def but_for(people):
    """Returns the condition that exempts people, if there are any."""
    return {"ArnNotEquals": {"aws:PrincipalArn": people}} if people else {}


def check_bucket_policies(stack):
    """Only the stack's roles and the named people reach an object, and the roles only through the endpoint."""
    endpoint = stack.output("S3VpcEndpointId")
    assert endpoint == (stack.values["S3VpcEndpointId"] or stack.reference("S3VpcEndpoint"))
    but_services = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    for name, parameters in PEOPLE_OF.items():
        bucket = stack.attribute(name, "Arn")
        people = arns_of(stack, *parameters)
        statements = {one["Sid"]: one for one in stack.properties(f"{name}Policy")["PolicyDocument"]["Statement"]}
        assert statements.pop("TlsOnly") == {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket, f"{bucket}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        outside = {"StringNotEquals": {"aws:SourceVpce": endpoint}}
        may_jobs_be_outside = stack.values["JobsOutsideEndpoint"] == "true" and name == "OutputBucket"
        if may_jobs_be_outside:
            outside["StringNotEquals"]["aws:PrincipalArn"] = stack.attribute("JobRole", "Arn")
        closing = {"OnlyThroughTheEndpoint": {**but_services, **outside, **but_for(people)}}
        if name == "InputBucket":
            roles = [stack.attribute(role, "Arn") for role in FUNCTION_ROLES]
            not_roles = {**but_services, "StringNotEquals": {"aws:PrincipalArn": roles}}
            closing["OnlyNamedPrincipals"] = {**not_roles, **but_for(people)}
        for sid, condition in closing.items():
            assert statements.pop(sid) == {
                "Sid": sid,
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": f"{bucket}/*",
                "Condition": condition,
            }, sid
        listing = statements.pop("ListOnlyThroughTheEndpoint")
        assert (listing["Effect"], listing["Principal"], listing["Resource"]) == ("Deny", "*", bucket)
        lists = arns_of(stack, *LISTING_PEOPLE) if name == "OutputBucket" else []
        assert listing["Condition"] == {**outside, **but_for(lists)}
        if people and stack.values["PeopleOnlyThroughEndpoints"] == "true":
            additional = [one for one in stack.values["AdditionalVpcEndpointIds"] if one]
            assert statements.pop("PeopleOnlyThroughEndpoints")["Condition"] == {
                "ArnEquals": {"aws:PrincipalArn": people},
                "StringNotEquals": {"aws:SourceVpce": [endpoint, *additional]},
            }
        if may_jobs_be_outside:
            only = statements.pop("JobsOutsideOnlyTheirPrefixes")
            assert only["NotResource"] == [bucket, f"{bucket}/work/*/input/*", f"{bucket}/work/*/output/*"], only
            assert only["Condition"]["ArnEquals"] == {"aws:PrincipalArn": stack.attribute("JobRole", "Arn")}
        if name == "OutputBucket":
            match_parts(stack, bucket, statements)
        of_people = {
            sid: arns_of(stack, parameter)
            for parameter in parameters
            if arns_of(stack, parameter)
            for sid in PEOPLE_STATEMENTS[parameter]
        }
        assert set(statements) == set(of_people), sorted(statements)
        for sid, statement in statements.items():
            who = statement["Principal"] if statement["Effect"] == "Allow" else statement["Condition"]["ArnEquals"]
            assert list(who.values()) == [of_people[sid]], statement
        policy = json.dumps(stack.properties(f"{name}Policy")["PolicyDocument"], separators=(",", ":"))
        # Who is in several parameters is in more statements.
        alone = [f'"{one}"' for one in people if people.count(one) == 1]
        each = max((policy.count(one) * (len(one) + 1) for one in alone), default=0)
        assert len(policy) + MORE_PEOPLE * each < MAX_BUCKET_POLICY, f"{name} has {len(policy)} bytes, {each} for each"


def match_parts(stack, bucket, statements):
    """Removes the statements about parts of the output bucket; each denies everyone except the roles and its own people."""
    roles = [stack.attribute(role, "Arn") for role in (*FUNCTION_ROLES, "JobRole")]
    not_roles = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}, "StringNotEquals": {"aws:PrincipalArn": roles}}
    for sid, (part, parameters) in PARTS.items():
        found = statements.pop(sid)
        assert (found["Effect"], found["Principal"], found["Action"]) == ("Deny", "*", "s3:*"), found
        objects = [f"{bucket}/{one}" for one in part]
        if parameters:
            assert as_list(found["Resource"]) == objects, found
        else:
            assert found["NotResource"] == [bucket, *objects], found
        assert found["Condition"] == {**not_roles, **but_for(arns_of(stack, *parameters))}, found
    for sid, (part, actions) in DEEDS.items():
        found = statements.pop(sid)
        assert (found["Effect"], found["Principal"], found["Condition"]) == ("Deny", "*", not_roles), found
        assert as_list(found["NotAction"]) == actions, found
        assert as_list(found["Resource"]) == [f"{bucket}/{one}" for one in part], found
    if people := arns_of(stack, "ReaderArns", "RouteEditorArns"):
        found = statements.pop("ReadersListOnlyTheirs")
        assert (found["Effect"], found["Resource"]) == ("Deny", bucket), found
        assert found["Condition"] == {
            "ArnEquals": {"aws:PrincipalArn": people},
            "StringNotLike": {"s3:prefix": ["results/*", "index/*", "config/*"]},
        }, found
    if arns_of(stack, "RouteEditorArns"):
        # Who is a reader as well may also list what readers may.
        listing = statements["RouteEditorsListOnlyRoutes"]["Condition"]
        assert listing.get("ArnNotEquals") == but_for(arns_of(stack, "ReaderArns")).get("ArnNotEquals"), listing
    if arns_of(stack, "RouteReaderArns"):
        theirs = f"results/{ROUTE_TAG}*"
        for sid, part in (("RouteReadersGetOnlyTheirs", "NotResource"), ("RouteReadersMayGet", "Resource")):
            assert statements[sid][part] == f"{bucket}/{theirs}", statements[sid]
        for sid, operator in (("RouteReadersListOnlyTheirs", "StringNotLike"), ("RouteReadersMayList", "StringLike")):
            assert statements[sid]["Condition"][operator] == {"s3:prefix": theirs}, statements[sid]
        # The variable of a missing tag matches nothing, and a statement that has it denies nothing.
        tagged = statements["RouteReadersNeedTheirTag"]["Condition"]["StringNotLike"]
        assert tagged == {ROUTE_TAG[2:-1]: "?*/"}, tagged


def check_network(stack):
    """The only ways out of a created network are its two endpoints, and each group allows only port 443, to its own destination."""
    types = {one["Type"] for one in stack.resources.values()}
    assert not types & {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route", "AWS::EC2::EIP"}
    made = not stack.values["VpcId"]
    assert bool({"AWS::EC2::VPC", "AWS::EC2::VPCEndpoint", "AWS::EC2::Subnet"} & types) == made
    assert list(stack.broken_rules()) == []
    prefix_list = stack.values["S3PrefixListId"]
    for name in stack.of_type("AWS::EC2::SecurityGroup"):
        group = stack.properties(name)
        assert "SecurityGroupIngress" not in group
        (rule,) = group["SecurityGroupEgress"]
        assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)
        leads_to = (
            {"CidrIp": "127.0.0.1/32"} if name.startswith("Bedrock") else {"DestinationPrefixListId": prefix_list}
        )
        assert leads_to.items() <= rule.items(), rule
    # The endpoint's group is there if the stack makes the network, or if it is given.
    endpoint_group = stack.values["BedrockVpcEndpointSecurityGroupId"] or (
        stack.reference("BedrockVpcEndpointSecurityGroup") if made else ""
    )
    functions = function_group(stack)
    is_group_made = not stack.values["FunctionSecurityGroupId"]
    may_add = made or (endpoint_group != "" and stack.values["BedrockVpcEndpointIngress"] == "true")
    assert ("FunctionSecurityGroup" in stack.resources) == is_group_made
    for name, is_made, ends in (
        (
            "FunctionToBedrockEgress",
            is_group_made,
            {"GroupId": functions, "DestinationSecurityGroupId": endpoint_group},
        ),
        ("BedrockFromFunctionIngress", may_add, {"GroupId": endpoint_group, "SourceSecurityGroupId": functions}),
    ):
        assert (name in stack.resources) == is_made, name
        if is_made:
            rule = stack.properties(name)
            assert {**ends, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}.items() <= rule.items(), rule
    if made:
        vpc = stack.properties("Vpc")
        assert vpc["EnableDnsSupport"] is True and vpc["EnableDnsHostnames"] is True
        zones = [stack.properties(name)["AvailabilityZone"] for name in stack.of_type("AWS::EC2::Subnet")]
        chosen = [stack.values[name] for name in ZONES if stack.values[name]]
        assert zones == [f"{stack.values['AWS::Region']}{letter}" for letter in chosen], zones
        assert vpc["CidrBlock"] == stack.values["VpcCidr"]
        associated = [stack.properties(name) for name in stack.of_type("AWS::EC2::SubnetRouteTableAssociation")]
        table = stack.reference("RouteTable")
        assert [(one["SubnetId"], one["RouteTableId"]) for one in associated] == [
            (subnet, table) for subnet in subnets(stack)
        ]
        assert stack.properties("S3VpcEndpoint")["RouteTableIds"] == [table]
        interface = stack.properties("BedrockVpcEndpoint")
        assert interface["PrivateDnsEnabled"] is True and interface["SubnetIds"] == subnets(stack)


def check_rules_of_parameters(stack):
    """CloudFormation refuses an incomplete existing network, and existing parts in a created network."""
    whole = existing(2, 1)
    for name, told in (
        ("SubnetIds", "SubnetIds."),
        ("S3VpcEndpointId", "S3VpcEndpointId."),
        ("BedrockVpcEndpointId", "BedrockVpcEndpointId."),
        ("BedrockVpcEndpointSecurityGroupId", "BedrockVpcEndpointSecurityGroupId or FunctionSecurityGroupId."),
    ):
        half = {one: value for one, value in whole.items() if one != name}
        assert list(stack.with_parameters({**REQUIRED, **half}).broken_rules()) == [f"VpcId needs {told}"]
    whole["FunctionSecurityGroupId"] = "sg-0aaaaaaaaaaaaaaab"
    for name in ("SubnetIds", "SecurityGroupIds", "S3VpcEndpointId", "BedrockVpcEndpointId", "FunctionSecurityGroupId"):
        alone = stack.with_parameters({**REQUIRED, **MADE, name: whole[name]})
        assert list(alone.broken_rules()) == [f"{name} needs VpcId."]


def check_zones(stack):
    """A subnet that moves to another zone gets addresses that no subnet has had, because its new one is created first."""
    blocks = {}
    for first, second, third in itertools.permutations("abcdef", 3):
        zones = dict(zip(ZONES, (first, second, third), strict=True))
        made = stack.with_parameters({**REQUIRED, **zones, "VpcCidr": "10.8.32.0/19"})
        for name, letter in zip(made.of_type("AWS::EC2::Subnet"), (first, second, third), strict=True):
            blocks[name, letter] = ipaddress.ip_network(made.properties(name)["CidrBlock"])
    assert len(set(blocks.values())) == len(blocks) == 18
    assert all(one.prefixlen == 24 and one.subnet_of(ipaddress.ip_network("10.8.32.0/19")) for one in blocks.values())
    for zones, told in (
        ("", "Give FirstZone"),
        ("aa", "FirstZone and SecondZone"),
        ("aba", "FirstZone and ThirdZone"),
        ("abb", "SecondZone and ThirdZone"),
        ("a", None),
        ("ab", None),
    ):
        given = dict(zip(ZONES, zones, strict=False))
        found = list(stack.with_parameters({**REQUIRED, **given}).broken_rules())
        assert [one.startswith(told or "") for one in found] == [True] * (told is not None), f"{zones}: {found}"
    assert "Fn::GetAZs" not in json.dumps(stack.template)


def check_rule_of_endpoints(stack):
    """CloudFormation refuses endpoints for people who may come from anywhere."""
    given = {**REQUIRED, **MADE, "AdditionalVpcEndpointIds": ["vpce-0aaaaaaaaaaaaaaa3"]}
    told = ["AdditionalVpcEndpointIds needs PeopleOnlyThroughEndpoints=true."]
    assert list(stack.with_parameters(given).broken_rules()) == told
    assert list(stack.with_parameters({**given, "PeopleOnlyThroughEndpoints": "true"}).broken_rules()) == []


def check_rules_of_models(stack):
    """CloudFormation refuses an inference profile without its ARNs, and says how to list them."""
    profile = {**MADE, "S3PrefixListId": "pl-63a5400a", "InferenceProfileId": PROFILE, "ModelArns": PROFILE_ARNS}
    assert list(stack.with_parameters(profile).broken_rules()) == []
    (told,) = stack.with_parameters({**profile, "ModelArns": ""}).broken_rules()
    assert "ModelArns" in told and "aws bedrock get-inference-profile --inference-profile-identifier" in told
    for parameters, named in (
        ({"InferenceProfileId": "", "ModelId": PLAIN_MODEL}, "ModelArns needs"),
        ({"InferenceProfileId": "", "ModelArns": ""}, "Give ModelId"),
        ({"ModelId": PLAIN_MODEL}, "Give either"),
    ):
        (told,) = stack.with_parameters({**profile, **parameters}).broken_rules()
        assert told.startswith(named), told
    for model in FOUNDATION_MODELS:
        assert re.fullmatch(stack.patterns["ModelId"], model), model


def expressions(dashboard):
    """Yields the expressions of a dashboard."""
    for one in dashboard["widgets"]:
        for row in one["properties"].get("metrics", []):
            yield from (item["expression"] for item in row if isinstance(item, dict) and "expression" in item)


def match_alarms_of_routes(stack, alarms, prefix):
    """If routes are expected, two alarms watch metrics that are kept by route, each route by itself."""
    queries = {
        name: alarm["Metrics"][0]["Expression"] for name, alarm in alarms.items() if len(alarm.get("Metrics", [])) == 1
    }
    expected = any(stack.values["RouteModelArns"]) or any(stack.values["RouteEditorArns"])
    assert sorted(queries) == (["RouteRefusalAlarm", "RouteUnprocessedAlarm"] if expected else []), sorted(queries)
    for name, query in queries.items():
        function, metric, _ = re.split(r"[()]", query.removeprefix("SELECT "), maxsplit=2)
        assert metric in METRICS_BY_ROUTE, query
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
        assert query == (
            f"SELECT {function}({metric}) FROM SCHEMA(BedrockVpcBatch, JobNamePrefix, Route) "
            f"WHERE JobNamePrefix = '{prefix}' GROUP BY Route ORDER BY {function}() DESC"
        ), query
        of_stack = alarms[name.removeprefix("Route")]
        assert (metric, alarms[name]["Threshold"]) == (of_stack["MetricName"], of_stack["Threshold"]), name
        assert function == {"Sum": "SUM", "Maximum": "MAX"}[of_stack["Statistic"]], name
        assert alarms[name]["Metrics"][0]["Period"] == of_stack["Period"], name


def check_alarms(stack):
    """Each kind of failure has an alarm that notifies the topic, and the dashboard shows only documented metrics."""
    topic = stack.values["AlarmTopicArn"]
    told = {"AlarmActions": [topic]} if topic else {}
    alarms = {name: stack.properties(name) for name in stack.of_type("AWS::CloudWatch::Alarm")}
    for name, alarm in alarms.items():
        assert {key: alarm[key] for key in alarm if key == "AlarmActions"} == told, name
        assert alarm["AlarmDescription"] and alarm["TreatMissingData"] == "notBreaching"
        assert stack.attribute(name, "Arn") in stack.properties("Dashboard")["DashboardBody"], name
    prefix = stack.properties("SubmitFunction")["Environment"]["Variables"]["JOB_NAME_PREFIX"]
    match_alarms_of_routes(stack, alarms, prefix)
    of_stack = [alarm for alarm in alarms.values() if "MetricName" in alarm]
    watched = {(alarm["MetricName"], alarm["Dimensions"][0]["Value"]) for alarm in of_stack}
    assert watched == {
        *(("ApproximateNumberOfMessagesVisible", queue) for queue in stack.of_type("AWS::SQS::Queue")),
        *(
            (metric, prefix)
            for metric in (
                "JobsRefused",
                "JobsEnded",
                "UnprocessedPercent",
                "TruncatedPercent",
                "RefusedPercent",
                "AccountingMismatches",
                "JobsDoubtful",
                "LedgerEntriesMissing",
                "SourcesDeleted",
                "JobsDiffer",
                "RoutesRefused",
                "DropsHeld",
                "OldestWaitingSeconds",
            )
        ),
        *((metric, function) for metric in ("Errors", "Throttles") for function in FUNCTIONS),
    }, sorted(watched)
    # JobsEnded counts every ending, so this alarm asks for one.
    of_failure = {one["Name"]: one["Value"] for one in alarms["JobFailureAlarm"]["Dimensions"]}
    assert of_failure == {"JobNamePrefix": prefix, "Status": "Failed"}
    for name, parameter in (
        ("UnprocessedAlarm", "MaxUnprocessedPercent"),
        ("TruncatedAlarm", "MaxUnusablePercent"),
        ("AnswerRefusalAlarm", "MaxUnusablePercent"),
    ):
        # Of several drops or jobs in a period, the worst counts.
        assert (alarms[name]["Statistic"], alarms[name]["Threshold"]) == ("Maximum", stack.values[parameter]), name
    pages = {
        f"{page.relative_to(ROOT)}#{section.lower().replace(' ', '-')}"
        for page in (OPERATIONS, TROUBLESHOOTING)
        for section in re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    }
    for name, alarm in alarms.items():
        (page,) = re.findall(r" See (\S+)\.$", alarm["AlarmDescription"])
        assert page in pages, f"{name} names {page}, which does not exist"
        assert f"`{name}`" in OPERATIONS.read_text(), f"{name} is not in docs/operations.md"
    dashboard = json.loads(stack.properties("Dashboard")["DashboardBody"])
    shown = {
        metric
        for one in dashboard["widgets"]
        for row in one["properties"].get("metrics", [])
        for metric in row
        if re.fullmatch(r"[A-Z][a-z]+[A-Z]?[A-Za-z]+", str(metric))
    } - {"JobNamePrefix", "BedrockVpcBatch"}
    searched = set(
        re.findall(r"AWS/Bedrock/Batch,ModelId} MetricName=\"(\w+)", " ".join(map(str, expressions(dashboard))))
    )
    assert searched == BEDROCK_METRICS, sorted(searched)
    of_routes = rf"""SEARCH\('{{BedrockVpcBatch,JobNamePrefix,Route}} JobNamePrefix="{prefix}" MetricName="(\w+)"'"""
    by_route = {metric for one in expressions(dashboard) for metric in re.findall(of_routes, one)}
    assert by_route and by_route <= METRICS_BY_ROUTE, sorted(by_route - METRICS_BY_ROUTE)
    counted = set(re.findall(r"^\| `([A-Z]\w+)` \|", OPERATIONS.read_text(), re.MULTILINE))
    assert shown - {"Duration", "FunctionName", *FUNCTIONS} <= counted, sorted(shown - counted)


def check_job_role(stack):
    """Only Bedrock may assume the job role, for jobs of this account and Region, and the role is limited to work/*."""
    role, jobs = stack.properties("JobRole"), arn(stack, f"bedrock:{ACCOUNT}:model-invocation-job/*")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust == {
        "Effect": "Allow",
        "Principal": {"Service": "bedrock.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnEquals": {"aws:SourceArn": jobs}},
    }
    output = stack.attribute("OutputBucket", "Arn")
    assert stack.reference("InputBucket") not in json.dumps(list(stack.statements("JobRole")))
    objects = [
        resource
        for statement in stack.statements("JobRole")
        for resource in statement["Resource"]
        if resource.startswith(f"{output}/")
    ]
    assert objects and all(resource.startswith(f"{output}/work/*/") for resource in objects), objects
    assert stack.statement("JobRole", "Write")["Resource"] == [f"{output}/work/*/output/*"]


def check_models(stack):
    """The job role may invoke only the configured models, and the functions may create jobs only for them.

    Those are the model of the stack, and those that routes may name. The endpoint has the same list.
    """
    create, invoke = "bedrock:CreateModelInvocationJob", "bedrock:InvokeModel"
    given, of_routes = ([one for one in stack.values[name] if one] for name in ("ModelArns", "RouteModelArns"))
    models = given or [arn(stack, f"bedrock::foundation-model/{PLAIN_MODEL}").replace(":::", "::")]
    models += of_routes
    a_job = arn(stack, f"bedrock:{ACCOUNT}:model-invocation-job/*")
    assert resources_of(stack.statements("JobRole"), invoke) == models
    if "BedrockVpcEndpoint" in stack.resources:
        passing = endpoint_statements(stack, "BedrockVpcEndpoint")
        assert resources_of(passing, create) == [*models, a_job]
        assert resources_of(passing, invoke) == []
        roles = [stack.attribute(role, "Arn") for role in FUNCTION_ROLES]
        for one in passing:
            assert create not in one["Action"] or one["Condition"] == {"ArnEquals": {"aws:PrincipalArn": roles}}, one
    for role in FUNCTION_ROLES:
        assert resources_of(stack.statements(role), create) == [*models, a_job], role
        assert resources_of(stack.statements(role), invoke) == [], role
        passes = stack.statement(role, "PassJobRole")
        assert passes["Resource"] == [stack.attribute("JobRole", "Arn")]
        assert passes["Condition"] == {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}
        # A route has tags of its own.
        assert resources_of(stack.statements(role), "bedrock:TagResource") == [a_job]
    creators = {
        role
        for role in stack.of_type("AWS::IAM::Role")
        for one in stack.statements(role)
        if "bedrock:CreateModelInvocationJob" in one["Action"]
    }
    assert creators == set(FUNCTION_ROLES)


def resources_of(statements, action):
    """Returns the resources of the statements that have this action."""
    return [resource for one in statements if action in one["Action"] for resource in one["Resource"]]


def endpoint_statements(stack, endpoint):
    """Returns the statements of an endpoint's policy, with actions and resources as lists."""
    found = stack.properties(endpoint)["PolicyDocument"]["Statement"]
    return [{**one, "Action": as_list(one["Action"]), "Resource": as_list(one["Resource"])} for one in found]


def objects_among(bucket, resources):
    """Returns which objects in the output bucket these resources cover."""
    patterns = [one.removeprefix(f"{bucket}/") for one in as_list(resources) if one.startswith(f"{bucket}/")]
    return {name for name, key in KEYS.items() for pattern in patterns if fnmatchcase(key, pattern)}


def check_objects(stack):
    """Each role has exactly the permissions that it needs on each object in the output bucket."""
    bucket = stack.attribute("OutputBucket", "Arn")
    for role in stack.of_type("AWS::IAM::Role"):
        permitted = {action: set() for action in PERMITTED[role]}
        for statement in stack.statements(role):
            objects = objects_among(bucket, statement["Resource"])
            for action in statement["Action"] if objects else []:
                permitted[action.removeprefix("s3:")] |= objects
        expected = dict(PERMITTED[role])
        if role == "CompleteRole" and not any(stack.values["OperatorArns"]):
            expected["DeleteObject"] = PERMITTED["SubmitRole"]["DeleteObject"]
        assert permitted == expected, f"{role}: {permitted}"


def check_people_and_objects(stack):
    """Readers may get results and the routes in force, operators may put requests, and route editors may change the routes."""
    bucket = stack.attribute("OutputBucket", "Arn")
    statements = stack.properties("OutputBucketPolicy")["PolicyDocument"]["Statement"]
    for people, permitted in PERMITTED_TO_PEOPLE.items():
        named = arns_of(stack, people)
        found = {}
        for one in statements:
            if one["Effect"] == "Allow" and one["Principal"] == {"AWS": named}:
                resources = [resource.replace(ROUTE_TAG, "in/") for resource in as_list(one["Resource"])]
                for action in as_list(one["Action"]):
                    # A list of keys is not an object.
                    found.setdefault(action.removeprefix("s3:"), set()).update(objects_among(bucket, resources))
        found.pop("ListBucket", None)
        assert found == (permitted if named else {}), f"{people}: {found}"
    # Through the endpoint of the stack, Bedrock reaches work/ only, and people reach nothing.
    if "S3VpcEndpoint" in stack.resources:
        functions = [stack.attribute(role, "Arn") for role in FUNCTION_ROLES]
        job = stack.attribute("JobRole", "Arn")
        for one in endpoint_statements(stack, "S3VpcEndpoint"):
            who = as_list(one["Condition"]["ArnEquals"]["aws:PrincipalArn"])
            assert set(who) <= set(functions) or who == [job], one
            assert who != [job] or objects_among(bucket, one["Resource"]) <= {"input", "output"}, one


def check_missing_objects(stack):
    """S3 answers 404 instead of 403 when a function asks for an object that is not there: it may list both buckets.

    A request for an object has no prefix, so there must not be a condition.
    """
    buckets = [stack.attribute(name, "Arn") for name in ("InputBucket", "OutputBucket")]
    for role in FUNCTION_ROLES:
        listing = stack.statement(role, "ListBuckets")
        assert (listing["Action"], listing["Resource"]) == (["s3:ListBucket"], buckets), role
        assert "Condition" not in listing, role
    if "S3VpcEndpoint" in stack.resources:
        (listing,) = [one for one in endpoint_statements(stack, "S3VpcEndpoint") if one["Sid"] == "FunctionsList"]
        assert (listing["Action"], listing["Resource"]) == (["s3:ListBucket"], buckets), listing
        assert list(listing["Condition"]) == ["ArnEquals"], listing


def check_managed_policies(stack):
    """The shared policies are attached to both roles, and leave room for more models."""
    policies = stack.of_type("AWS::IAM::ManagedPolicy")
    for role in FUNCTION_ROLES:
        assert sorted(stack.managed_policies(role)) == sorted(set(policies) - {"JobPlacementPolicy"})
    assert stack.managed_policies("JobRole") == ["JobPlacementPolicy"]
    for policy in policies:
        document = json.dumps(stack.properties(policy)["PolicyDocument"], separators=(",", ":"))
        assert len(document) < MAX_MANAGED_POLICY / 2, f"{policy} has {len(document)} characters"


def check_vpc(stack):
    """The network interfaces of jobs and functions can only be in the configured subnets and security groups."""
    jobs = arn(stack, f"bedrock:{ACCOUNT}:model-invocation-job/*")
    tag = "RequestTag/BedrockModelInvocationJobArn"
    # Conditions on these made Lambda's own test of the role fail, so they are resources.
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    in_subnets = [f"arn:*:ec2:*:*:subnet/{subnet}" for subnet in subnets(stack)]
    for role, sid, places in (
        ("JobRole", "EniPlacementInSubnets", in_subnets),
        ("JobRole", "EniPlacementInSecurityGroups", [f"arn:*:ec2:*:*:security-group/{one}" for one in groups(stack)]),
        *((role, "EniPlacementInSubnets", in_subnets) for role in FUNCTION_ROLES),
        *(
            (role, "EniPlacementInSecurityGroup", [f"arn:*:ec2:*:*:security-group/{function_group(stack)}"])
            for role in FUNCTION_ROLES
        ),
        *((role, "CreateEni", [arn(stack, f"ec2:{ACCOUNT}:network-interface/*")]) for role in FUNCTION_ROLES),
    ):
        placed = stack.statement(role, sid)
        assert placed["Resource"] == places, f"{role}: {sid}: {placed}"
        assert "Condition" not in placed, f"{role}: {sid}: {placed}"
    created = stack.statement("JobRole", "CreateTaggedEni")
    assert created["Resource"] == [arn(stack, f"ec2:{ACCOUNT}:network-interface/*")]
    assert created["Condition"] == {
        "StringEquals": {"aws:RequestTag/BedrockManaged": "true"},
        "ArnEquals": {f"aws:{tag}": jobs},
    }
    of_job = {"ec2:ResourceTag/BedrockModelInvocationJobArn": jobs}
    for sid, places in (
        ("UseOwnEni", {"ec2:Subnet": in_subnets}),
        ("DeleteOwnEni", {}),
        ("DeleteOwnEniPermission", {}),
    ):
        assert stack.statement("JobRole", sid)["Condition"] == {"ArnEquals": {**places, **of_job}}, sid


def check_input_is_read_only(stack):
    """Both functions may read the input bucket, and complete may list its versions, and erase some if there are operators.

    No role may write to it, so no run can trigger itself.
    """
    bucket = stack.attribute("InputBucket", "Arn")
    drops = f"{bucket}/{stack.values['InputPrefix']}*"
    erases = [("s3:DeleteObjectVersion", drops)] if any(stack.values["OperatorArns"]) else []
    for role in stack.of_type("AWS::IAM::Role"):
        allowed = {
            (action, resource)
            for statement in stack.statements(role)
            for action in statement["Action"]
            for resource in statement["Resource"]
            if resource.startswith(bucket)
        }
        assert allowed == (
            {
                ("s3:GetObject", f"{bucket}/*"),
                ("s3:GetObjectVersion", f"{bucket}/*"),
                ("s3:ListBucket", bucket),
                *([("s3:ListBucketVersions", bucket), *erases] if role == "CompleteRole" else []),
            }
            if role in FUNCTION_ROLES
            else set()
        ), f"{role}: {allowed}"


def mentioned(node):
    """Yields the names that a part of a template mentions."""
    if isinstance(node, list):
        for item in node:
            yield from mentioned(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value
            elif key == "Fn::GetAtt":
                yield value.split(".")[0] if isinstance(value, str) else value[0]
            elif key == "Fn::Sub":
                text = value[0] if isinstance(value, list) else value
                yield from (name.split(".")[0] for name in re.findall(r"\$\{([^}!]+)\}", text))
                yield from mentioned(value)
            elif key == "DependsOn":
                yield from as_list(value)
            else:
                yield from mentioned(value)


def needs(stack):
    """Returns the resources that each resource needs directly: CloudFormation creates them before it."""
    return {name: set(mentioned(one)) & set(stack.resources) for name, one in stack.resources.items()}


def check_cycles(stack):
    """No resource depends on itself, because CloudFormation could not create it."""
    left = needs(stack)
    while ready := [name for name, needed in left.items() if not needed]:
        left = {name: needed - set(ready) for name, needed in left.items() if name not in ready}
    assert not left, f"circular dependency among {sorted(left)}"


def check_roles_outlive_interfaces(stack):
    """CloudFormation deletes subnets and groups before the roles that delete the network interfaces in them.

    It deletes what needs another resource before that resource.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-dependson.html
    """
    direct = needs(stack)

    def all_needs(name):
        found, new = set(), {name}
        while new:
            found |= new
            new = set().union(*(direct[one] for one in new)) - found
        return found - {name}

    kept = {"JobSecurityGroup": {"JobRole"}, "FunctionSecurityGroup": set(FUNCTION_ROLES)}
    kept |= {subnet: {"JobRole", *FUNCTION_ROLES} for subnet in stack.of_type("AWS::EC2::Subnet")}
    for name, roles in kept.items():
        if name in stack.resources:
            assert roles <= all_needs(name), f"{name} can outlive {sorted(roles - all_needs(name))}"
            # What the role may do there must not go with the place.
            for role in roles:
                for policy in [role, *stack.properties(role).get("ManagedPolicyArns", [])]:
                    assert name not in all_needs(policy), f"{policy} needs {name}"
    deletion = {"JobRole": "DeleteOwnEni", **dict.fromkeys(FUNCTION_ROLES, "KeepEnis")}
    for role, sid in deletion.items():
        assert "ec2:DeleteNetworkInterface" in stack.statement(role, sid)["Action"]
        policies = [
            stack.properties(role)["Policies"],
            [stack.properties(one) for one in stack.properties(role).get("ManagedPolicyArns", [])],
        ]
        assert sid in json.dumps(policies), f"{role}: {sid} is in a policy that is deleted first"
    for function in FUNCTIONS:
        assert {"PlacementPolicy", *FUNCTION_ROLES} <= all_needs(function), function


def check_failures_are_kept(stack):
    """An event that makes a function fail goes to the encrypted queue of that function, whose role may send there."""
    configs = {
        one["FunctionName"]: one for one in map(stack.properties, stack.of_type("AWS::Lambda::EventInvokeConfig"))
    }
    for function in FUNCTIONS:
        kind = function.removesuffix("Function")
        queue = stack.attribute(f"{kind}FailureQueue", "Arn")
        bus = arn(stack, f"events:{ACCOUNT}:event-bus/default")
        success = {"OnSuccess": {"Destination": bus}} if notices(stack) else {}
        assert configs[function]["DestinationConfig"] == {"OnFailure": {"Destination": queue}, **success}
        assert configs[function]["Qualifier"] == "$LATEST" and configs[function]["MaximumRetryAttempts"] == 2
        assert stack.statement(f"{kind}Role", "ReportFailures")["Resource"] == [queue]
    for queue in stack.of_type("AWS::SQS::Queue"):
        assert stack.properties(queue)["SqsManagedSseEnabled"] is True


def check_required_parameters(stack):
    """Parameters that differ between accounts have no default. A rule asks for a model, which may reach its end of life."""
    assert stack.required == {"S3PrefixListId"}, sorted(stack.required)


def check_patterns(stack):
    """The parameters accept the values used here, and refuse those that AWS would refuse."""
    for name, pattern in stack.patterns.items():
        for value in as_list(stack.values[name]):
            assert re.fullmatch(pattern, value), f"{name} refuses {value}"
        for value in REFUSED[name]:
            assert not re.fullmatch(pattern, value), f"{name} accepts {value}"


CHECKS = [check for name, check in list(globals().items()) if name.startswith("check_")]


def main():
    problems, found = [], cases()
    for case, (partition, region, parameters) in found.items():
        translated = translate(parameters)
        stack = Stack(translated, partition, region, parameters)
        for check in CHECKS:
            try:
                check(stack)
            except Exception as problem:  # a check that crashes is reported like any other problem
                line = traceback.extract_tb(problem.__traceback__)[1].lineno
                problems.append(f"{case}: {check.__doc__} Line {line}: {problem!r}")
        text = json.dumps(translated, indent=1)
        if "arn:aws" in text:
            problems.append(f"{case}: an ARN names its partition instead of AWS::Partition")
        given = ManualArgs(regions=[region], parameters=[ParameterSet(case, parameters)])
        problems += [
            f"{case}: cfn-lint {match.rule.id} {match.message} ({'/'.join(map(str, match.path))})"
            for match in lint(text, config=given)
        ]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(f"template.yaml: problems: {len(problems)}")
    # For the security scanner, which cannot read SAM templates.
    TRANSLATED.parent.mkdir(exist_ok=True)
    TRANSLATED.write_text(text)
    print(f"template.yaml: {len(CHECKS)} checks and cfn-lint hold for {len(found)} sets of parameters")


if __name__ == "__main__":
    main()
