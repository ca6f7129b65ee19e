"""Holds template.yaml against what the code needs and against what the roles may do.

Translates the SAM template in process (no credentials, no network), resolves it for several
combinations of parameters, lints each translated template and asserts the properties below. Prints
every problem found; exits 1 if there was one.
"""

import json
import logging
import os
import re
import sys
import traceback
from fnmatch import fnmatchcase
from pathlib import Path

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from cfnlint.api import lint  # noqa: E402
from cfnlint.config import ManualArgs  # noqa: E402
from cfnlint.context.parameters import ParameterSet  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
CONFIG = ROOT / "src" / "config.rs"

ACCOUNT = "123456789012"
STACK = "bedrock-vpc-batch"
FUNCTIONS = {"SubmitFunction": "submit", "CompleteFunction": "complete"}
FUNCTION_ROLES = ["SubmitRole", "CompleteRole"]
TERMINAL_STATUSES = ["Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"]

REQUIRED_VARIABLES = {
    "INPUT_BUCKET", "OUTPUT_BUCKET", "JOB_NAME_PREFIX", "JOB_ROLE_ARN", "MODEL_ID", "SUBNET_IDS",
    "SECURITY_GROUP_IDS", "MODEL_INVOCATION_TYPE", "TIMEOUT_DURATION_IN_HOURS",
    "MIN_RECORDS_PER_JOB", "MAX_RECORDS_PER_JOB", "MAX_INPUT_FILE_BYTES", "MAX_ATTEMPTS",
    "MAX_RECORD_BYTES", "JOB_TAGS", "CALL_TIMEOUT_SECONDS",
}
OPTIONAL_VARIABLES = {"S3_ENCRYPTION_KEY_ID": "S3EncryptionKeyArn"}
# S3_FORCE_PATH_STYLE is for emulators and has no place in a stack.
UNSET_VARIABLES = {"S3_FORCE_PATH_STYLE"}

# Every statement whose resource is "*", and why no ARN can stand there.
WILDCARDS = {
    ("SubmitRole", "FindJobs"): "ListModelInvocationJobs has no resource type",
    ("CompleteRole", "FindJobs"): "the same",
    ("JobRole", "DescribeNetwork"): "Describe actions of EC2 have no resource type",
    ("JobRole", "UseAndDeleteOwnEni"): "as documented; bound by subnet and by the tag of the job",
}

PLAIN_MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
PROFILE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
PROFILE_ARNS = [
    f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{PROFILE}",
    "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
    "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
]
KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"

# The keys of one drop and one job, one for each name in src/layout.rs.
DROP, JOB = "0" * 32, "1" * 32
RESULTS = f"results/in/a b.jsonl/{DROP}"
KEYS = {
    "drop": f"drops/{DROP}/drop.json",
    "job": f"jobs/{JOB}/job.json",
    "input": f"jobs/{JOB}/input/{JOB}.jsonl",
    "output": f"jobs/{JOB}/output/abc/{JOB}.jsonl.out",
    "marker": f"open/20261123T150500Z-{JOB}.job",
    "rejection": f"{RESULTS}/rejection.json",
    "summary": f"{RESULTS}/summary.json",
    "result": f"{RESULTS}/succeeded/part-00001.jsonl",
}
# What each role may do with them.
PERMITTED = {
    "SubmitRole": {
        "GetObject": {"drop", "job"},
        "PutObject": {"drop", "job", "input", "marker", "rejection"},
        "DeleteObject": {"marker"},
        "AbortMultipartUpload": {"input"},
    },
    "CompleteRole": {
        "GetObject": set(KEYS),
        "PutObject": set(KEYS) - {"output"},
        "DeleteObject": {"marker"},
        "AbortMultipartUpload": {"input", "rejection", "summary", "result"},
    },
    "JobRole": {
        "GetObject": {"input", "output"},
        "PutObject": {"output"},
        "DeleteObject": set(),
        "AbortMultipartUpload": set(),
    },
}

# The longest managed policy that IAM takes, white space not counted.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_MANAGED_POLICY = 6144


def ids(kind, count):
    return [f"{kind}-0{number:016x}" for number in range(1, count + 1)]


# name -> (partition, Region, parameters). One subnet; everything given; another partition.
CASES = {
    "smallest": ("aws", "us-east-1", {
        "SubnetIds": ids("subnet", 1), "SecurityGroupIds": ids("sg", 1),
    }),
    "everything": ("aws", "us-east-1", {
        "ModelId": PROFILE, "ModelArns": PROFILE_ARNS, "ModelInvocationType": "Converse",
        "SubnetIds": ids("subnet", 16), "SecurityGroupIds": ids("sg", 5),
        "JobNamePrefix": "nightly", "JobTags": '{"team":"search"}', "S3EncryptionKeyArn": KEY_ARN,
        "Architecture": "x86_64", "TimeoutDurationInHours": "168", "MemorySize": "1024",
    }),
    "another partition": ("aws-us-gov", "us-gov-west-1", {
        "SubnetIds": ids("subnet", 3), "SecurityGroupIds": ids("sg", 2),
    }),
}

REFUSED = {
    "ModelId": ["", "two words", "model,model"],
    "ModelArns": [PLAIN_MODEL, "arn:aws:s3:::bucket", "arn:aws:bedrock:us-east-1::foundation-model/*"],
    "JobNamePrefix": ["-a", "a_b", "a b", "a" * 31],
    "JobTags": ["", "team=search", "[]"],
    "S3EncryptionKeyArn": ["alias/key", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/key", f"{KEY_ARN}x"],
}

NO_VALUE = object()


class ManagedPolicies:
    """Stands in for a call to IAM: the template names no managed policy of AWS."""

    def load(self):
        return {}


class Stack:
    """A translated template with its parameters, whose functions it resolves."""

    def __init__(self, template, partition, region, parameters):
        self.resources = template["Resources"]
        self.conditions = template.get("Conditions", {})
        self.patterns = {name: parameter["AllowedPattern"]
                         for name, parameter in template["Parameters"].items() if "AllowedPattern" in parameter}
        self.values = {
            "AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": ACCOUNT,
            "AWS::StackName": STACK, "AWS::NoValue": NO_VALUE,
        }
        for name, parameter in template["Parameters"].items():
            value = parameters.get(name, parameter.get("Default"))
            is_list = parameter["Type"].startswith(("List<", "CommaDelimitedList"))
            if is_list and isinstance(value, str):
                value = value.split(",")
            self.values[name] = value if is_list else str(value)

    def reference(self, name):
        if name in self.values:
            return self.values[name]
        resource = self.resources[name]
        return self.resolve(resource.get("Properties", {}).get("BucketName", name))

    def attribute(self, name, attribute):
        resource = self.resources[name]
        partition, region = self.values["AWS::Partition"], self.values["AWS::Region"]
        assert attribute == "Arn", f"unknown attribute {name}.{attribute}"
        if resource["Type"] == "AWS::S3::Bucket":
            return f"arn:{partition}:s3:::{self.reference(name)}"
        service = resource["Type"].split("::")[1].lower()
        region = "" if service == "iam" else region
        return f"arn:{partition}:{service}:{region}:{ACCOUNT}:{name}"

    def resolve(self, node):
        """The node with every function replaced by its value."""
        if isinstance(node, list):
            return [item for item in map(self.resolve, node) if item is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            if name == "Ref":
                return self.reference(argument)
            if name.startswith("Fn::"):
                return self.call(name, argument)
        resolved = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not NO_VALUE}

    def call(self, name, argument):
        if name == "Fn::If":
            condition, yes, no = argument
            return self.resolve(yes if self.resolve(self.conditions[condition]) else no)
        if name == "Fn::GetAtt":
            return self.attribute(*(argument.split(".") if isinstance(argument, str) else argument))
        if name == "Fn::Sub":
            text, own = argument if isinstance(argument, list) else (argument, {})
            return re.sub(r"\$\{([^}!]+)\}", lambda found: self.substitute(found[1], own), text)
        if name == "Fn::Join":
            delimiter, items = argument
            # CloudFormation takes a literal delimiter only.
            assert isinstance(delimiter, str), f"the delimiter of Fn::Join is not a string: {argument}"
            return delimiter.join(self.resolve(items))
        if name == "Fn::Split":
            return self.resolve(argument[1]).split(argument[0])
        if name == "Fn::Equals":
            left, right = self.resolve(argument)
            return left == right
        if name == "Fn::Not":
            return not self.resolve(argument[0])
        raise AssertionError(f"this check does not know {name}")

    def substitute(self, name, own):
        if name in own:
            return self.resolve(own[name])
        if "." in name:
            return self.attribute(*name.split("."))
        return self.reference(name)

    def properties(self, name):
        return self.resolve(self.resources[name]["Properties"])

    def statements(self, role):
        """Every statement of a role's own and managed policies, actions and resources as lists."""
        properties = self.properties(role)
        managed = map(self.properties, properties.get("ManagedPolicyArns", []))
        for policy in [*properties["Policies"], *managed]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield {**statement, "Action": as_list(statement["Action"]),
                       "Resource": as_list(statement["Resource"])}

    def statement(self, role, sid):
        found = [one for one in self.statements(role) if one["Sid"] == sid]
        assert len(found) == 1, f"{role} has {len(found)} statements {sid}"
        return found[0]


def as_list(value):
    return value if isinstance(value, list) else [value]


def of_type(stack, kind):
    return [name for name, one in stack.resources.items() if one["Type"] == kind]


def arn(stack, rest):
    service, resource = rest.split(":", 1)
    return f"arn:{stack.values['AWS::Partition']}:{service}:{stack.values['AWS::Region']}:{resource}"


def check_environment(stack):
    """Both functions get every variable of the configuration, the optional ones when they are given."""
    given = {name for name, parameter in OPTIONAL_VARIABLES.items() if stack.values[parameter]}
    for function, binary in FUNCTIONS.items():
        properties = stack.properties(function)
        variables = properties["Environment"]["Variables"]
        assert set(variables) == REQUIRED_VARIABLES | given, sorted(variables)
        assert all(isinstance(value, (str, int)) and value != "" for value in variables.values())
        assert variables["SUBNET_IDS"].split(",") == stack.values["SubnetIds"]
        assert variables["SECURITY_GROUP_IDS"].split(",") == stack.values["SecurityGroupIds"]
        assert variables["INPUT_BUCKET"] == stack.reference("InputBucket")
        assert variables["OUTPUT_BUCKET"] == stack.reference("OutputBucket")
        assert variables["JOB_ROLE_ARN"] == stack.attribute("JobRole", "Arn")
        assert properties["Architectures"] == [stack.values["Architecture"]]
        assert stack.resources[function]["Metadata"]["BuildProperties"] == {"Binary": binary}


def check_configuration_names(_):
    """The names in this file are the names that the code reads."""
    names = REQUIRED_VARIABLES | set(OPTIONAL_VARIABLES) | UNSET_VARIABLES
    if CONFIG.exists():
        code = CONFIG.read_text().split("#[cfg(test)]")[0]
        read = set(re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"', code))
        assert read == names, f"only in config.rs or only in the template: {sorted(read ^ names)}"


def check_rules(stack):
    """Two rules invoke complete and nothing else, and keep in the queue what they could not deliver."""
    rules = of_type(stack, "AWS::Events::Rule")
    assert sorted(rules) == ["CompleteFunctionJobEnded", "CompleteFunctionSweep"], rules
    for rule in rules:
        (target,) = stack.properties(rule)["Targets"]
        assert target["Arn"] == stack.attribute("CompleteFunction", "Arn")
        assert target["DeadLetterConfig"] == {"Arn": stack.attribute("UndeliveredQueue", "Arn")}
        permission = stack.properties(f"{rule}Permission")
        assert permission["SourceArn"] == stack.attribute(rule, "Arn")
        assert permission["FunctionName"] == "CompleteFunction"
    (policy,) = stack.properties("UndeliveredQueuePolicy")["PolicyDocument"]["Statement"]
    arns = sorted(stack.attribute(rule, "Arn") for rule in rules)
    assert policy["Condition"] == {"ArnEquals": {"aws:SourceArn": arns}}, policy["Condition"]


def check_sweep(stack):
    """The sweep comes every 15 minutes, with an event that says so: nothing stands in its place."""
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


def check_notification(stack):
    """New .jsonl objects of this very bucket, and of no other, invoke submit."""
    bucket = stack.properties("InputBucket")
    assert bucket["NotificationConfiguration"] == {"LambdaConfigurations": [{
        "Event": "s3:ObjectCreated:*",
        "Filter": {"S3Key": {"Rules": [{"Name": "suffix", "Value": ".jsonl"}]}},
        "Function": stack.attribute("SubmitFunction", "Arn"),
    }]}
    permissions = [stack.properties(name) for name in of_type(stack, "AWS::Lambda::Permission")]
    (permission,) = [one for one in permissions if one["Principal"] == "s3.amazonaws.com"]
    assert permission["SourceArn"] == stack.attribute("InputBucket", "Arn")
    assert permission["SourceAccount"] == ACCOUNT
    assert as_list(stack.resources["InputBucket"]["DependsOn"]) == ["InputBucketPermission"]


def check_buckets(stack):
    """Both buckets are private, owned, encrypted, kept, refuse plain HTTP and have a legal name."""
    buckets = of_type(stack, "AWS::S3::Bucket")
    assert sorted(buckets) == ["InputBucket", "OutputBucket"]
    for name in buckets:
        resource, properties = stack.resources[name], stack.properties(name)
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", properties["BucketName"])
        # The longest stack name that the description allows, in the Region with the longest name.
        longest = properties["BucketName"].replace(STACK, "s" * 28)
        longest = longest.replace(stack.values["AWS::Region"], "ap-northeast-1")
        assert len(longest) <= 63, f"{longest} has {len(longest)} characters"
        assert all(properties["PublicAccessBlockConfiguration"].values())
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"
        (statement,) = stack.properties(f"{name}Policy")["PolicyDocument"]["Statement"]
        bucket_arn = stack.attribute(name, "Arn")
        assert statement == {
            "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [bucket_arn, f"{bucket_arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    assert stack.properties("InputBucket")["VersioningConfiguration"] == {"Status": "Enabled"}


def check_wildcards(stack):
    """No statement has a wildcard for an action, nor "*" for a resource without a reason above."""
    found = set()
    for role in of_type(stack, "AWS::IAM::Role"):
        for statement in stack.statements(role):
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in statement["Action"]), statement
            for resource in statement["Resource"]:
                if resource == "*":
                    found.add((role, statement["Sid"]))
                else:
                    assert resource.startswith(f"arn:{stack.values['AWS::Partition']}:"), resource
    assert found == set(WILDCARDS), f"differs from the list: {sorted(found ^ set(WILDCARDS))}"


def check_job_role(stack):
    """Bedrock alone assumes the job role, for jobs of this account and Region, and only on jobs/*."""
    role, jobs = stack.properties("JobRole"), arn(stack, f"bedrock:{ACCOUNT}:model-invocation-job/*")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust == {
        "Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnEquals": {"aws:SourceArn": jobs}},
    }
    output = stack.attribute("OutputBucket", "Arn")
    assert stack.reference("InputBucket") not in json.dumps(list(stack.statements("JobRole")))
    objects = [resource for statement in stack.statements("JobRole")
               for resource in statement["Resource"] if resource.startswith(f"{output}/")]
    assert objects and all(resource.startswith(f"{output}/jobs/*/") for resource in objects), objects
    assert stack.statement("JobRole", "Write")["Resource"] == [f"{output}/jobs/*/output/*"]


def check_models(stack):
    """The job role may invoke, and the functions make jobs of, the configured models and no others."""
    given = [one for one in stack.values["ModelArns"] if one]
    models = given or [arn(stack, f"bedrock::foundation-model/{PLAIN_MODEL}").replace(":::", "::")]
    assert stack.statement("JobRole", "InvokeModel")["Resource"] == models
    for role in FUNCTION_ROLES:
        assert stack.statement(role, "CreateJobsOfTheModel")["Resource"] == models
        passes = stack.statement(role, "PassJobRole")
        assert passes["Resource"] == [stack.attribute("JobRole", "Arn")]
        assert passes["Condition"] == {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}
        tags = any("bedrock:TagResource" in one["Action"] for one in stack.statements(role))
        assert tags == (stack.values["JobTags"] != "{}")
    creators = {role for role in of_type(stack, "AWS::IAM::Role") for one in stack.statements(role)
                if "bedrock:CreateModelInvocationJob" in one["Action"]}
    assert creators == set(FUNCTION_ROLES)


def check_objects(stack):
    """Each role may do with each object of the output bucket what it has to, and nothing else."""
    bucket = stack.attribute("OutputBucket", "Arn")
    for role in of_type(stack, "AWS::IAM::Role"):
        permitted = {action: set() for action in PERMITTED[role]}
        for statement in stack.statements(role):
            patterns = [resource.removeprefix(f"{bucket}/") for resource in statement["Resource"]
                        if resource.startswith(f"{bucket}/")]
            for action in statement["Action"] if patterns else []:
                permitted[action.removeprefix("s3:")] |= {
                    name for name, key in KEYS.items() for pattern in patterns if fnmatchcase(key, pattern)}
        assert permitted == PERMITTED[role], f"{role}: {permitted}"


def check_managed_policies(stack):
    """The policies that the roles share are attached to both, and leave room for more models."""
    policies = of_type(stack, "AWS::IAM::ManagedPolicy")
    for role in FUNCTION_ROLES:
        assert sorted(stack.properties(role)["ManagedPolicyArns"]) == sorted(policies)
    for policy in policies:
        document = json.dumps(stack.properties(policy)["PolicyDocument"], separators=(",", ":"))
        assert len(document) < MAX_MANAGED_POLICY / 2, f"{policy} has {len(document)} characters"


def check_vpc(stack):
    """The network interfaces of a job stay in the subnets and security groups given, all of them."""
    subnets, groups = stack.values["SubnetIds"], stack.values["SecurityGroupIds"]
    jobs = arn(stack, f"bedrock:{ACCOUNT}:model-invocation-job/*")
    tag = "RequestTag/BedrockModelInvocationJobArn"
    placed = stack.statement("JobRole", "EniPlacementInSubnets")
    assert placed["Resource"] == [arn(stack, f"ec2:{ACCOUNT}:subnet/*")]
    assert placed["Condition"] == {"StringEquals": {"ec2:SubnetID": subnets}}
    placed = stack.statement("JobRole", "EniPlacementInSecurityGroups")
    assert placed["Resource"] == [arn(stack, f"ec2:{ACCOUNT}:security-group/*")]
    assert placed["Condition"] == {"StringEquals": {"ec2:SecurityGroupID": groups}}
    created = stack.statement("JobRole", "CreateTaggedEni")
    assert created["Resource"] == [arn(stack, f"ec2:{ACCOUNT}:network-interface/*")]
    assert created["Condition"] == {
        "StringEquals": {"aws:RequestTag/BedrockManaged": "true"}, "ArnEquals": {f"aws:{tag}": jobs},
    }
    used = stack.statement("JobRole", "UseAndDeleteOwnEni")
    assert used["Condition"] == {"ArnEquals": {
        "ec2:Subnet": [f"arn:*:ec2:*:*:subnet/{subnet}" for subnet in subnets],
        "ec2:ResourceTag/BedrockModelInvocationJobArn": jobs,
    }}


def check_input_is_read_only(stack):
    """Both functions may read the input bucket, and no role may change it: no run triggers itself."""
    bucket = stack.attribute("InputBucket", "Arn")
    for role in of_type(stack, "AWS::IAM::Role"):
        allowed = {(action, resource) for statement in stack.statements(role)
                   for action in statement["Action"] for resource in statement["Resource"]
                   if resource.startswith(bucket)}
        assert allowed == ({
            ("s3:GetObject", f"{bucket}/*"), ("s3:GetObjectVersion", f"{bucket}/*"), ("s3:ListBucket", bucket),
        } if role in FUNCTION_ROLES else set()), f"{role}: {allowed}"


def check_cycles(stack):
    """Nothing depends on itself: CloudFormation could not order it."""
    def mentioned(node):
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

    needs = {name: set(mentioned(one)) & set(stack.resources) for name, one in stack.resources.items()}
    while ready := [name for name, needed in needs.items() if not needed]:
        needs = {name: needed - set(ready) for name, needed in needs.items() if name not in ready}
    assert not needs, f"circular dependency among {sorted(needs)}"


def check_failures_are_kept(stack):
    """What a function fails on goes to its own encrypted queue, and it may send there."""
    configs = {one["FunctionName"]: one for one in
               map(stack.properties, of_type(stack, "AWS::Lambda::EventInvokeConfig"))}
    for function in FUNCTIONS:
        kind = function.removesuffix("Function")
        queue = stack.attribute(f"{kind}FailureQueue", "Arn")
        assert configs[function]["DestinationConfig"] == {"OnFailure": {"Destination": queue}}
        assert stack.statement(f"{kind}Role", "ReportFailures")["Resource"] == [queue]
    for queue in of_type(stack, "AWS::SQS::Queue"):
        assert stack.properties(queue)["SqsManagedSseEnabled"] is True


def check_patterns(stack):
    """The parameters accept what they are given here and refuse what Bedrock would refuse."""
    for name, pattern in stack.patterns.items():
        for value in as_list(stack.values[name]):
            assert re.fullmatch(pattern, value), f"{name} refuses {value}"
        for value in REFUSED[name]:
            assert not re.fullmatch(pattern, value), f"{name} accepts {value}"


CHECKS = [check for name, check in list(globals().items()) if name.startswith("check_")]


def main():
    # It warns of usage metrics that nobody collects here.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    source = TEMPLATE.read_text()
    problems = []
    for case, (partition, region, parameters) in CASES.items():
        template = yaml_parse(source)
        # As `sam deploy` leaves it after the upload.
        template["Globals"]["Function"]["CodeUri"] = "s3://bucket/code.zip"
        texts = {name: ",".join(as_list(value)) for name, value in parameters.items()}
        translated = transform(template, texts, ManagedPolicies())
        stack = Stack(translated, partition, region, parameters)
        for check in CHECKS:
            try:
                check(stack)
            except Exception as problem:  # a check that breaks is a problem like any other
                line = traceback.extract_tb(problem.__traceback__)[1].lineno
                problems.append(f"{case}: {check.__doc__} Line {line}: {problem!r}")
        text = json.dumps(translated)
        if "arn:aws" in text:
            problems.append(f"{case}: an ARN names its partition instead of AWS::Partition")
        given = ManualArgs(regions=[region], parameters=[ParameterSet(case, parameters)])
        problems += [f"{case}: cfn-lint {match.rule.id} {match.message} ({'/'.join(map(str, match.path))})"
                     for match in lint(text, config=given)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(f"template.yaml: {len(problems)} problems")
    print(f"template.yaml: {len(CHECKS)} checks and cfn-lint hold for {len(CASES)} sets of parameters")


if __name__ == "__main__":
    main()
