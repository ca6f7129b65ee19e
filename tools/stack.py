"""Translates template.yaml, gives it parameters, and resolves its functions, as CloudFormation would for a stack.

It all happens in this process, without credentials or network. The checks of the template and the simulation of its
policies share the sets of parameters below.
"""

import ipaddress
import itertools
import logging
import os
import re
from pathlib import Path

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# It warns about usage metrics, which we do not collect.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"

ACCOUNT = "123456789012"
STACK = "bedrock-vpc-batch"


def ids(kind, count):
    return [f"{kind}-0{number:016x}" for number in range(1, count + 1)]


PLAIN_MODEL = "amazon.nova-lite-v1:0"
PROFILE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
PROFILE_ARNS = [
    f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{PROFILE}",
    "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
    "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
]
# What routes may name besides: a model, and a profile with its model in each Region.
ROUTE_MODEL = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0"
ROUTE_MODEL_ARNS = [
    ROUTE_MODEL,
    f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.meta.llama3-3-70b-instruct-v1:0",
    "arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-3-70b-instruct-v1:0",
    "arn:aws:bedrock:us-east-2::foundation-model/meta.llama3-3-70b-instruct-v1:0",
]
KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
SUFFIX = "-2"
UPLOADERS = [f"arn:aws:iam::{ACCOUNT}:role/uploads/crm", f"arn:aws:iam::{ACCOUNT}:user/ana"]
# The lead is a reader, an operator, and a route editor.
READERS = [f"arn:aws:iam::{ACCOUNT}:role/analysts", f"arn:aws:iam::{ACCOUNT}:role/lead"]
OPERATORS = [f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("on-call", "lead", "team-lead")]
ROUTE_EDITORS = [f"arn:aws:iam::{ACCOUNT}:role/platform", f"arn:aws:iam::{ACCOUNT}:role/lead"]
# The last one is an operator as well.
ROUTE_READERS = [f"arn:aws:iam::{ACCOUNT}:role/team", f"arn:aws:iam::{ACCOUNT}:role/team-lead"]


def existing(subnets, groups):
    """The parameters that describe an existing network."""
    return {
        "VpcId": "vpc-0aaaaaaaaaaaaaaaa",
        "SubnetIds": ids("subnet", subnets),
        "SecurityGroupIds": ids("sg", groups),
        "S3VpcEndpointId": "vpce-0aaaaaaaaaaaaaaa1",
        "BedrockVpcEndpointId": "vpce-0aaaaaaaaaaaaaaa2",
        "BedrockVpcEndpointSecurityGroupId": "sg-0aaaaaaaaaaaaaaaa",
    }


# The parameters of a created network.
MADE = {"FirstZone": "a", "SecondZone": "b", "ThirdZone": "c"}
# The parameters that every stack gives.
REQUIRED = {"ModelId": PLAIN_MODEL, "S3PrefixListId": "pl-63a5400a"}
# Each of these works with any network.
PLAIN = {}
PEOPLE = {
    "UploaderArns": UPLOADERS,
    "ReaderArns": READERS,
    "OperatorArns": OPERATORS,
    "RouteEditorArns": ROUTE_EDITORS,
    "RouteReaderArns": ROUTE_READERS,
    "RouteModelArns": [ROUTE_MODEL],
    "InputPrefix": "incoming/",
    "NoticeEmail": "drops@example.com",
}
EVERYTHING = {
    **PEOPLE,
    "ModelId": "",
    "InferenceProfileId": PROFILE,
    "ModelArns": PROFILE_ARNS,
    "RouteModelArns": ROUTE_MODEL_ARNS,
    "ModelInvocationType": "Converse",
    "ModelRules": "off",
    "S3LocationArns": ["arn:aws:s3:::media/videos/*", "arn:aws:s3:::more-media/*"],
    "JobNamePrefix": "nightly",
    "InputSuffixes": ".jsonl,.txt",
    "BucketNameSuffix": SUFFIX,
    "JobsOutsideEndpoint": "true",
    "RolePath": "/apps/batch/",
    "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "SubmitReservedConcurrency": "20",
    "DropRetentionInDays": "365",
    "ResultRetentionInDays": "30",
    "PeopleOnlyThroughEndpoints": "true",
    "AdditionalVpcEndpointIds": ids("vpce", 2),
    "JobTags": '{"team":"search"}',
    "Architecture": "x86_64",
    "TimeoutDurationInHours": "168",
    "MemorySize": "1024",
    "XRayTracing": "true",
    "AlarmTopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:alarms",
    "NoticeTopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:notices",
}
NETWORKS = {
    "made, 1 zone": {"FirstZone": "f"},
    "made, 2 zones": {"FirstZone": "d", "SecondZone": "b", "VpcCidr": "172.16.32.0/19"},
    "made, 3 zones": {**MADE, "FlowLogs": "ALL"},
    "existing, 1 subnet": existing(1, 0),
    "existing, 16 subnets, 5 groups": existing(16, 5),
    # A participant in a shared VPC may not change the groups of its owner.
    "existing, shared": {**existing(3, 0), "BedrockVpcEndpointIngress": "false"},
    "existing, own group of the functions": {
        **existing(2, 0),
        "BedrockVpcEndpointSecurityGroupId": "",
        "FunctionSecurityGroupId": "sg-0aaaaaaaaaaaaaaab",
    },
}
KEYS = {"no key": {}, "made key": {"KmsKeyArn": "create"}, "given key": {"KmsKeyArn": KEY_ARN}}
OTHERS = {"plain": PLAIN, "people": PEOPLE, "everything": EVERYTHING}


def cases():
    """Returns name -> (partition, Region, parameters).

    Every network is combined with every key, and the other parameters take turns. One case is in another partition.
    """
    found = {}
    others = list(OTHERS.items())
    for row, (network, network_parameters) in enumerate(NETWORKS.items()):
        for column, (key, key_parameters) in enumerate(KEYS.items()):
            other, other_parameters = others[(row + column) % len(others)]
            found[f"{network}, {key}, {other}"] = (
                "aws",
                "us-east-1",
                {**network_parameters, **key_parameters, **other_parameters},
            )
    found["another partition"] = ("aws-us-gov", "us-gov-west-1", {**MADE, "KmsKeyArn": "create"})
    return {
        name: (partition, region, {**REQUIRED, **parameters}) for name, (partition, region, parameters) in found.items()
    }


NO_VALUE = object()

# What GetAtt Arn and Ref return for each type; {} is the name of the resource.
ARNS = {
    "AWS::Events::Rule": "rule/{}",
    "AWS::IAM::Role": "role/{}",
    "AWS::KMS::Key": "key/" + KEY_ARN.split("/")[1],
    "AWS::Lambda::Function": "function:{}",
    "AWS::Logs::LogGroup": "log-group:{}:*",
    "AWS::SNS::Topic": "{}",
    "AWS::SQS::Queue": "{}",
    "AWS::CloudWatch::Alarm": "alarm:{}",
}
SERVICES = {"AWS::CloudWatch::Alarm": "cloudwatch"}
IDS = {
    "AWS::EC2::VPC": "vpc",
    "AWS::EC2::Subnet": "subnet",
    "AWS::EC2::SecurityGroup": "sg",
    "AWS::EC2::VPCEndpoint": "vpce",
    "AWS::EC2::RouteTable": "rtb",
}


class ManagedPolicies:
    """Replaces a call to IAM, which is not needed: the template does not use AWS managed policies."""

    def load(self):
        return {}


def translate(parameters):
    """Translates the SAM template into a CloudFormation template."""
    template = yaml_parse(TEMPLATE.read_text())
    # `sam deploy` sets this after the upload.
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/code.zip"
    return transform(
        template, {name: ",".join(as_list(value)) for name, value in parameters.items()}, ManagedPolicies()
    )


def as_list(value):
    return value if isinstance(value, list) else [value]


class Stack:
    """A translated template with its parameters. Resolves the template's functions."""

    def __init__(self, template, partition, region, parameters):
        self.template, self.location = template, (partition, region)
        self.conditions = template.get("Conditions", {})
        self.rules = template.get("Rules", {})
        self.outputs = template.get("Outputs", {})
        self.required = {name for name, parameter in template["Parameters"].items() if "Default" not in parameter}
        self.patterns = {
            name: parameter["AllowedPattern"]
            for name, parameter in template["Parameters"].items()
            if "AllowedPattern" in parameter
        }
        self.values = {
            "AWS::Partition": partition,
            "AWS::Region": region,
            "AWS::AccountId": ACCOUNT,
            "AWS::StackName": STACK,
            "AWS::NoValue": NO_VALUE,
            "AWS::URLSuffix": "amazonaws.com",
        }
        for name, parameter in template["Parameters"].items():
            value = parameters.get(name, parameter.get("Default"))
            is_list = parameter["Type"].startswith(("List<", "CommaDelimitedList"))
            if is_list and isinstance(value, str):
                value = value.split(",")
            self.values[name] = value if is_list else str(value)
        # Only the resources whose condition holds for this stack.
        self.resources = {
            name: one
            for name, one in template["Resources"].items()
            if "Condition" not in one or self.resolve(self.conditions[one["Condition"]])
        }

    def reference(self, name):
        if name in self.values:
            return self.values[name]
        resource = self.resources[name]
        if prefix := IDS.get(resource["Type"]):
            number = sum(name.encode())
            return f"{prefix}-0{number:016x}"
        if resource["Type"] == "AWS::SNS::Topic":
            return self.attribute(name, "Arn")
        return self.resolve(resource.get("Properties", {}).get("BucketName", name))

    def attribute(self, name, attribute):
        kind = self.resources[name]["Type"]
        if attribute == "QueueName":
            return name
        assert attribute == "Arn", f"unknown attribute {name}.{attribute}"
        partition, region = self.values["AWS::Partition"], self.values["AWS::Region"]
        if kind == "AWS::S3::Bucket":
            return f"arn:{partition}:s3:::{self.reference(name)}"
        service = kind.split("::")[1].lower()
        region = "" if service == "iam" else region
        path = self.values["RolePath"].removeprefix("/") if service == "iam" else ""
        return f"arn:{partition}:{service}:{region}:{ACCOUNT}:{ARNS[kind].format(path + name)}"

    def resolve(self, node):
        """Returns the node with every function replaced by its value."""
        if isinstance(node, list):
            return [item for item in map(self.resolve, node) if item is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            if name == "Ref":
                return self.reference(argument)
            if name == "Condition" and isinstance(argument, str):
                return self.resolve(self.conditions[argument])
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
            replaced = re.sub(r"\$\{([^}!]+)\}", lambda found: self.substitute(found[1], own), text)
            return replaced.replace("${!", "${")
        if name == "Fn::Join":
            delimiter, items = argument
            # CloudFormation requires a literal delimiter.
            assert isinstance(delimiter, str), f"the delimiter of Fn::Join is not a string: {argument}"
            return delimiter.join(self.resolve(items))
        if name == "Fn::Split":
            return self.resolve(argument[1]).split(argument[0])
        if name == "Fn::Select":
            return self.resolve(argument[1])[int(self.resolve(argument[0]))]
        if name == "Fn::FindInMap":
            table, first, second = self.resolve(argument)
            return self.template["Mappings"][table][first][second]
        if name == "Fn::Cidr":
            block, count, bits = self.resolve(argument)
            blocks = ipaddress.ip_network(block).subnets(new_prefix=32 - bits)
            return [str(one) for one in itertools.islice(blocks, count)]
        if name == "Fn::Equals":
            left, right = self.resolve(argument)
            return str(left) == str(right)
        if name == "Fn::Not":
            return not self.resolve(argument[0])
        if name == "Fn::And":
            return all(self.resolve(argument))
        if name == "Fn::Or":
            return any(self.resolve(argument))
        if name == "Fn::EachMemberIn":
            return set(self.resolve(argument[0])) <= set(argument[1])
        raise AssertionError(f"this check cannot resolve {name}")

    def substitute(self, name, own):
        if name in own:
            return self.resolve(own[name])
        if "." in name:
            return self.attribute(*name.split("."))
        return self.reference(name)

    def properties(self, name):
        return self.resolve(self.resources[name]["Properties"])

    def output(self, name):
        return self.resolve(self.outputs[name]["Value"])

    def of_type(self, kind):
        return [name for name, one in self.resources.items() if one["Type"] == kind]

    def statements(self, role):
        """Yields every statement of a role's inline and managed policies, with actions and resources as lists."""
        managed = map(self.properties, self.managed_policies(role))
        for policy in [*self.properties(role)["Policies"], *managed]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield {**statement, "Action": as_list(statement["Action"]), "Resource": as_list(statement["Resource"])}

    def managed_policies(self, role):
        """Returns the names of a role's managed policies: those that it names, and those that name it."""
        naming = [
            one for one in self.of_type("AWS::IAM::ManagedPolicy") if role in self.properties(one).get("Roles", [])
        ]
        return [*self.properties(role).get("ManagedPolicyArns", []), *naming]

    def statement(self, role, sid):
        found = [one for one in self.statements(role) if one["Sid"] == sid]
        assert len(found) == 1, f"{role} has {len(found)} statements with the Sid {sid}"
        return found[0]

    def with_parameters(self, parameters):
        """Returns this template with only these parameters. The translation stays as it was."""
        return Stack(self.template, *self.location, parameters)

    def broken_rules(self):
        """Yields the descriptions of the assertions that make CloudFormation refuse these parameters."""
        for rule in self.rules.values():
            if self.resolve(rule.get("RuleCondition", True)):
                yield from (one["AssertDescription"] for one in rule["Assertions"] if not self.resolve(one["Assert"]))
