"""Runs MiniStack with patches for the calls of the doctor.

- MiniStack stores the policy, the private DNS setting, and the security groups of an endpoint, but DescribeVpcEndpoints
  omits them.
- It has no endpoint service for Bedrock.
- SimulatePrincipalPolicy ignores ContextEntries, so statements with a condition never apply.
"""

import json
from contextvars import ContextVar
from types import MappingProxyType
from xml.sax.saxutils import escape

from ministack.app import main
from ministack.core import iam_evaluator
from ministack.services import ec2, iam

import ministack_server

# The policy of an endpoint for which none was given.
FULL_ACCESS = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}

CONTEXT = ContextVar("context", default=MappingProxyType({}))


def teach_endpoints():
    plain = ec2._vpce_fields_xml

    def whole(endpoint, tag="item"):
        policy = endpoint.get("PolicyDocument") or FULL_ACCESS
        groups = "".join(f"<item><groupId>{group}</groupId></item>" for group in endpoint.get("SecurityGroupIds", []))
        # CloudFormation passes a boolean or a string, whichever the template has.
        has_private_dns = str(endpoint.get("PrivateDnsEnabled", False)).lower()
        end = f"</{tag}>"
        return (
            plain(endpoint, tag).removesuffix(end)
            + f"<policyDocument>{escape(json.dumps(policy))}</policyDocument>"
            + f"<privateDnsEnabled>{has_private_dns}</privateDnsEnabled><groupSet>{groups}</groupSet>{end}"
        )

    ec2._vpce_fields_xml = whole
    ec2._VPCE_INTERFACE_SERVICES += ("bedrock",)


def entries(parameters):
    """Returns the context keys of a request. A key with several values has a list."""
    found, number = {}, 1
    while key := iam._p(parameters, f"ContextEntries.member.{number}.ContextKeyName"):
        entry = f"ContextEntries.member.{number}."
        values, item = [], 1
        while value := iam._p(parameters, f"{entry}ContextKeyValues.member.{item}"):
            values.append(value)
            item += 1
        is_list = iam._p(parameters, f"{entry}ContextKeyType").endswith("List")
        found[key.lower()] = values if is_list else values[0]
        number += 1
    return found


def teach_simulation():
    simulate, evaluate = iam._simulate_principal_policy, iam_evaluator.evaluate

    def simulate_in_context(parameters):
        token = CONTEXT.set(entries(parameters))
        try:
            return simulate(parameters)
        finally:
            CONTEXT.reset(token)

    def evaluate_in_context(context, *others, **more):
        context.service_context.update(CONTEXT.get())
        return evaluate(context, *others, **more)

    iam_evaluator.evaluate = evaluate_in_context
    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate_in_context


if __name__ == "__main__":
    ministack_server.teach()
    teach_endpoints()
    teach_simulation()
    main()
