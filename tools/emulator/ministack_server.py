"""Runs MiniStack, having taught it what it does not know of the template.

- The types AWS::EC2::SecurityGroupIngress and AWS::EC2::SecurityGroupEgress, for which it refuses the whole
  template as "Unrecognized resource types". It has the same rules as properties of a security group, so they are
  kept in that form and place.
- Fn::Join in conditions, which it compares unjoined: no list is ever found empty.
- VpcConfig of functions, which its Lambda has and its CloudFormation drops.
- The way that a request took, which it asks policies about without knowing it: over TLS, which the loopback has
  not, and through an S3 gateway endpoint if a function sends it whose subnets have their route tables there.
"""

import uuid

from ministack.app import main
from ministack.core import iam_evaluator
from ministack.services import ec2, lambda_svc
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks


def rule_handlers(place):
    """What CloudFormation does with the rules of one direction; `place` is their name in a security group."""

    def create(_logical_id, properties, _stack_name):
        group = ec2._security_groups.get(properties["GroupId"])
        if group is None:
            raise ValueError(f"The security group '{properties['GroupId']}' does not exist")
        group[place] = group[place] + provisioners._ec2_sg_permissions([properties])
        return f"sgr-{uuid.uuid4().hex[:17]}", {}

    def delete(_physical_id, properties):
        group = ec2._security_groups.get(properties["GroupId"])
        if group is not None:
            gone = provisioners._ec2_sg_permissions([properties])
            group[place] = [rule for rule in group[place] if rule not in gone]

    def update(physical_id, old, new, stack_name):
        delete(physical_id, old)
        return create(physical_id, new, stack_name)

    return {"create": create, "update": update, "delete": delete}


def function_handlers(handlers_of_functions):
    """The same handlers, which keep the functions' VpcConfig."""

    def keep(made, properties):
        name, attributes = made
        config = lambda_svc._vpc_config_with_id(properties.get("VpcConfig"))
        lambda_svc._functions[name]["config"]["VpcConfig"] = config
        return name, attributes

    def create(logical_id, properties, stack_name):
        return keep(handlers_of_functions["create"](logical_id, properties, stack_name), properties)

    def update(physical_id, old, new, stack_name, logical_id):
        return keep(handlers_of_functions["update"](physical_id, old, new, stack_name, logical_id), new)

    return {**handlers_of_functions, "create": create, "update": update}


def joined(node, parameters):
    """A part of a condition, with every list parameter that it joins in the place of its Fn::Join."""
    match node:
        case {"Fn::Join": [delimiter, {"Ref": name}]} if name in parameters:
            return delimiter.join(item.strip() for item in parameters[name]["Value"].split(","))
        case dict():
            return {key: joined(value, parameters) for key, value in node.items()}
        case list():
            return [joined(value, parameters) for value in node]
    return node


def s3_endpoint_of(principal_arn):
    """The gateway endpoint that the requests of a function take: its session has its name."""
    function = lambda_svc._functions.get(principal_arn.rpartition("/")[2])
    if ":assumed-role/" not in principal_arn or function is None:
        return None
    subnets = set(function["config"]["VpcConfig"]["SubnetIds"])
    for endpoint in ec2._vpc_endpoints.values():
        tables = [ec2._route_tables[table] for table in endpoint["RouteTableIds"]]
        routed = {entry.get("SubnetId") for table in tables for entry in table["Associations"]}
        if subnets and subnets <= routed and endpoint["ServiceName"].endswith(".s3"):
            return endpoint["VpcEndpointId"]
    return None


def teach():
    handlers_of = provisioners._RESOURCE_HANDLERS
    handlers_of["AWS::EC2::SecurityGroupIngress"] = rule_handlers("IpPermissions")
    handlers_of["AWS::EC2::SecurityGroupEgress"] = rule_handlers("IpPermissionsEgress")
    handlers_of["AWS::Lambda::Function"] = function_handlers(handlers_of["AWS::Lambda::Function"])
    evaluate, resolve = engine._evaluate_conditions, iam_evaluator._resolve_condition_key

    def evaluate_conditions(template, parameters):
        conditions = joined(template.get("Conditions") or {}, parameters)
        return evaluate({**template, "Conditions": conditions}, parameters)

    def resolve_condition_key(key, context):
        match key.lower():
            case "aws:securetransport":
                return "true"
            case "aws:sourcevpce":
                return s3_endpoint_of(context.principal_arn)
        return resolve(key, context)

    for module in (engine, changesets, handlers, stacks):
        module._evaluate_conditions = evaluate_conditions
    iam_evaluator._resolve_condition_key = resolve_condition_key


if __name__ == "__main__":
    teach()
    main()
