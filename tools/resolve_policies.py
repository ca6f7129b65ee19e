"""Writes every policy of the stack, resolved for several sets of parameters, to target/policies.json.

tools/policies/simulate.mjs runs them through an IAM simulator. A statement keeps its Sid. The permissions of a function
become the statements that Lambda turns them into. The policies of policies/ are those of the deployer.
"""

import json
import re
from importlib.resources import files

from stack import (
    ACCOUNT,
    ARNS,
    EVERYTHING,
    KEY_ARN,
    MADE,
    NO_VALUE,
    PEOPLE,
    REQUIRED,
    ROOT,
    Stack,
    as_list,
    existing,
    translate,
)

# name -> (partition, Region, parameters). Every part of every policy is present in at least one set.
SETS = {
    "made network, made key, people": (
        "aws",
        "us-east-1",
        {**MADE, **PEOPLE, "KmsKeyArn": "create", "FlowLogs": "ALL"},
    ),
    "existing network, no key": ("aws", "us-east-1", existing(3, 2)),
    "existing network, own group of the functions": (
        "aws",
        "us-east-1",
        {**existing(1, 1), "BedrockVpcEndpointSecurityGroupId": "", "FunctionSecurityGroupId": "sg-0aaaaaaaaaaaaaaab"},
    ),
    "inference profile, given key, tags": ("aws", "us-east-1", {**MADE, **EVERYTHING, "KmsKeyArn": KEY_ARN}),
    "another partition": ("aws-us-gov", "us-gov-west-1", {"FirstZone": "a", "SecondZone": "b"}),
}


# The longest managed policy, without white space, and the longest name of a stack.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_POLICY_CHARACTERS, MAX_NAME_CHARACTERS = 6144, 28


def deployer(stack):
    """Returns the policies that policies/README.md has for such a stack, by file name, without placeholders."""
    values = {
        "partition": stack.values["AWS::Partition"],
        "region": stack.values["AWS::Region"],
        "account": ACCOUNT,
        "stack": stack.values["AWS::StackName"],
        "path": stack.values["RolePath"],
        "vpc": stack.values["VpcId"],
        "boundary": stack.values["PermissionsBoundaryArn"],
    }
    is_needed = {
        "deployer": True,
        "deployer-artifacts": True,
        "deployer-network": not stack.values["VpcId"],
        "deployer-groups": bool(stack.values["VpcId"]),
        "deployer-notices": bool(stack.values["NoticeEmail"]),
        "deployer-key": stack.values["KmsKeyArn"] == "create",
        "deployer-boundary": bool(stack.values["PermissionsBoundaryArn"]),
    }
    found = {path.stem: path.read_text() for path in sorted((ROOT / "policies").glob("*.json"))}
    assert found.keys() == is_needed.keys(), f"policies/ has {sorted(found)}"
    documents = {}
    for name, text in found.items():
        longest = filled(text, {**values, "stack": "x" * MAX_NAME_CHARACTERS})
        size = len(re.sub(r"\s", "", longest))
        assert size <= MAX_POLICY_CHARACTERS, f"policies/{name}.json has {size} characters"
        if is_needed[name]:
            documents[name] = json.loads(filled(text, values))
    return documents


def filled(text, values):
    """Returns a text with a value for each placeholder, such as <stack>."""
    return re.sub(r"<(\w+)>", lambda found: values[found[1]], text)


def handlers(kinds):
    """Returns the permissions that CloudFormation's own schemas list for these types: to create, read, update, and delete.

    cfn-lint ships the schemas.
    https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers
    """
    found = {}
    for path in (files("cfnlint") / "data" / "schemas" / "resources").iterdir():
        schema = json.loads(path.read_text())
        if (kind := schema.get("typeName")) in kinds:
            one = schema.get("handlers", {})
            listed = [one.get(name, {}).get("permissions", []) for name in ("create", "read", "update", "delete")]
            found.setdefault(kind, set()).update(*listed)
    missing = sorted(kinds - found.keys())
    assert not missing, f"cfn-lint has no schema of {missing}"
    return {kind: sorted(permissions) for kind, permissions in sorted(found.items())}


def permission(stack, name):
    """Returns the statement that Lambda turns a permission into.
    https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html"""
    given = stack.properties(name)
    conditions = {
        "StringEquals": {"AWS:SourceAccount": given.get("SourceAccount")},
        "ArnLike": {"AWS:SourceArn": given.get("SourceArn")},
    }
    return given["FunctionName"], {
        "Sid": name,
        "Effect": "Allow",
        "Principal": {"Service": given["Principal"]},
        "Action": given["Action"],
        "Resource": stack.attribute(given["FunctionName"], "Arn"),
        "Condition": {operator: one for operator, one in conditions.items() if all(one.values())},
    }


def policies(stack):
    """Returns the policies by name, the names of each role's policies, and the name of each resource's policy by ARN."""
    documents, of_roles, of_resources = {}, {}, {}

    def add(name, document, *arns):
        documents[name] = document
        of_resources.update(dict.fromkeys(arns, name))

    for name in stack.of_type("AWS::IAM::ManagedPolicy"):
        add(name, stack.properties(name)["PolicyDocument"])
    for role in stack.of_type("AWS::IAM::Role"):
        properties = stack.properties(role)
        add(f"{role}/Trust", properties["AssumeRolePolicyDocument"], stack.attribute(role, "Arn"))
        for policy in properties["Policies"]:
            add(f"{role}/{policy['PolicyName']}", policy["PolicyDocument"])
        inline = [f"{role}/{policy['PolicyName']}" for policy in properties["Policies"]]
        of_roles[role] = inline + stack.managed_policies(role)
    for kind, of in [
        ("AWS::S3::BucketPolicy", "Bucket"),
        ("AWS::SQS::QueuePolicy", "Queues"),
        ("AWS::SNS::TopicPolicy", "Topics"),
    ]:
        for name in stack.of_type(kind):
            given = stack.properties(name)
            resources = as_list(stack.resources[name]["Properties"][of])
            add(name, given["PolicyDocument"], *(stack.attribute(one["Ref"], "Arn") for one in resources))
    for name in stack.of_type("AWS::KMS::Key"):
        add(name, stack.properties(name)["KeyPolicy"], stack.attribute(name, "Arn"))
    for name in stack.of_type("AWS::EC2::VPCEndpoint"):
        add(name, stack.properties(name)["PolicyDocument"], stack.reference(name))
    for name in stack.of_type("AWS::Lambda::Permission"):
        function, statement = permission(stack, name)
        documents.setdefault(function, {"Version": "2012-10-17", "Statement": []})["Statement"].append(statement)
        of_resources[statement["Resource"]] = function
    of_roles["Deployer"] = list(deployer(stack))
    documents |= deployer(stack)
    return {"policies": documents, "ofRoles": of_roles, "ofResources": of_resources}


def resolved(partition, region, parameters):
    parameters = {**REQUIRED, **parameters}
    stack = Stack(translate(parameters), partition, region, parameters)
    return {
        "partition": partition,
        "region": region,
        "account": ACCOUNT,
        "parameters": {name: value for name, value in stack.values.items() if value is not NO_VALUE},
        "outputs": {
            name: stack.output(name)
            for name, one in stack.outputs.items()
            if "Condition" not in one or stack.resolve(stack.conditions[one["Condition"]])
        },
        "arns": {
            name: stack.attribute(name, "Arn") for kind in ["AWS::S3::Bucket", *ARNS] for name in stack.of_type(kind)
        },
        "resources": {name: one["Type"] for name, one in stack.resources.items()},
        "boundary": stack.values["PermissionsBoundaryArn"],
        **policies(stack),
    }


def main():
    target = ROOT / "target" / "policies.json"
    target.parent.mkdir(exist_ok=True)
    found = {name: resolved(*one) for name, one in SETS.items()}
    target.write_text(json.dumps(found, indent=1))
    kinds = {kind for one in found.values() for kind in one["resources"].values()}
    target.with_name("handlers.json").write_text(json.dumps(handlers(kinds), indent=1))


if __name__ == "__main__":
    main()
