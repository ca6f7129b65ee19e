"""Runs MiniStack, having taught it the two things in the template that it does not know.

- The types AWS::EC2::SecurityGroupIngress and AWS::EC2::SecurityGroupEgress, for which it refuses the whole
  template as "Unrecognized resource types". It has the same rules as properties of a security group, so they are
  kept in that form and place.
- Fn::Join in conditions, which it compares unjoined: no list is ever found empty.
"""

import uuid

from ministack.app import main
from ministack.services import ec2
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


def teach():
    handlers_of = provisioners._RESOURCE_HANDLERS
    handlers_of["AWS::EC2::SecurityGroupIngress"] = rule_handlers("IpPermissions")
    handlers_of["AWS::EC2::SecurityGroupEgress"] = rule_handlers("IpPermissionsEgress")
    evaluate = engine._evaluate_conditions

    def evaluate_conditions(template, parameters):
        conditions = joined(template.get("Conditions") or {}, parameters)
        return evaluate({**template, "Conditions": conditions}, parameters)

    for module in (engine, changesets, handlers, stacks):
        module._evaluate_conditions = evaluate_conditions


if __name__ == "__main__":
    teach()
    main()
