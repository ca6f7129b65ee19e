"""Writes every policy of the stack, resolved for several sets of parameters, to target/policies.json.

tools/policies/simulate.mjs runs them through an IAM simulator. A statement keeps its Sid. The permissions of a function
become the statements that Lambda turns them into.
"""

import json

from stack import ACCOUNT, ARNS, EVERYTHING, KEY_ARN, MADE, NO_VALUE, PEOPLE, REQUIRED, ROOT, Stack, existing, translate

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
    for kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"):
        for name in stack.of_type(kind):
            given = stack.properties(name)
            raw = stack.resources[name]["Properties"]
            of = [raw["Bucket"]] if "Bucket" in raw else raw["Queues"]
            add(name, given["PolicyDocument"], *(stack.attribute(one["Ref"], "Arn") for one in of))
    for name in stack.of_type("AWS::KMS::Key"):
        add(name, stack.properties(name)["KeyPolicy"], stack.attribute(name, "Arn"))
    for name in stack.of_type("AWS::EC2::VPCEndpoint"):
        add(name, stack.properties(name)["PolicyDocument"], stack.reference(name))
    for name in stack.of_type("AWS::Lambda::Permission"):
        function, statement = permission(stack, name)
        documents.setdefault(function, {"Version": "2012-10-17", "Statement": []})["Statement"].append(statement)
        of_resources[statement["Resource"]] = function
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
        **policies(stack),
    }


def main():
    target = ROOT / "target" / "policies.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({name: resolved(*one) for name, one in SETS.items()}, indent=1))


if __name__ == "__main__":
    main()
