"""Runs MiniStack with patches for what the template needs and MiniStack lacks.

- The types AWS::EC2::SecurityGroupIngress and AWS::EC2::SecurityGroupEgress: MiniStack rejects the whole template with
  "Unrecognized resource types". It supports such rules as properties of a security group, so the patch stores them there.
- The type AWS::EC2::FlowLog: MiniStack rejects the whole template, even if its condition is false. Nothing makes one here.
- com.amazonaws.<Region>.bedrock: MiniStack makes endpoints for it, but does not list it as a service.
- Fn::Join in conditions: MiniStack does not join before it compares, so an empty list never equals an empty string.
- VpcConfig of functions: Lambda in MiniStack supports it, but CloudFormation in MiniStack drops it.
- The path of a request: policies ask about it, but MiniStack does not track it. The patch says that every request uses
  TLS, although the loopback does not, and that requests of a function go through an S3 gateway endpoint if the route
  tables of the function's subnets use one.
- Alarms on queries: MiniStack rejects the whole template, so the patch makes them alarms on a metric that has no data.
- OnSuccess destinations: MiniStack keeps them, and sends nothing. The patch sends the documented record of an asynchronous
  invocation to the event bus. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
- aws:PrincipalArn of a session: it is the ARN of the role, where MiniStack has that of the session.
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
"""

import json
import uuid
from contextvars import ContextVar

from ministack.app import main
from ministack.core import iam_evaluator
from ministack.services import ec2, eventbridge, lambda_svc
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks


def rule_handlers(member):
    """Returns the handlers for the rules of one direction, which a security group stores under `member`."""

    def create(_logical_id, properties, _stack_name):
        group = ec2._security_groups.get(properties["GroupId"])
        if group is None:
            raise ValueError(f"The security group '{properties['GroupId']}' does not exist")
        group[member] = group[member] + provisioners._ec2_sg_permissions([properties])
        return f"sgr-{uuid.uuid4().hex[:17]}", {}

    def delete(_physical_id, properties):
        group = ec2._security_groups.get(properties["GroupId"])
        if group is not None:
            gone = provisioners._ec2_sg_permissions([properties])
            group[member] = [rule for rule in group[member] if rule not in gone]

    def update(physical_id, old, new, stack_name):
        delete(physical_id, old)
        return create(physical_id, new, stack_name)

    return {"create": create, "update": update, "delete": delete}


def function_handlers(handlers_of_functions):
    """Returns these handlers, changed so that they keep the VpcConfig of a function."""

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


# Whether an invocation is asynchronous, so that its answer goes to a destination.
IS_ASYNCHRONOUS = ContextVar("is_asynchronous", default=False)


def teach_destinations():
    invoke, execute = lambda_svc.invoke_async_with_retry, lambda_svc._execute_function

    def invoke_with_destination(function, event):
        token = IS_ASYNCHRONOUS.set(True)
        try:
            invoke(function, event)
        finally:
            IS_ASYNCHRONOUS.reset(token)

    def execute_and_send(function, event):
        result = execute(function, event)
        if IS_ASYNCHRONOUS.get() and not result.get("error"):
            send_on_success(function, event, result)
        return result

    lambda_svc.invoke_async_with_retry = invoke_with_destination
    lambda_svc._execute_function = execute_and_send


def send_on_success(function, event, result):
    """Puts the record of an invocation onto the event bus that is the destination of its function, if it has one."""
    settings = function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST") or {}
    destination = (settings.get("DestinationConfig") or {}).get("OnSuccess", {}).get("Destination", "")
    if ":event-bus/" not in destination:
        return
    config = function.get("config") or function
    context = {"functionArn": f"{config['FunctionArn']}:$LATEST", "condition": "Success", "approximateInvokeCount": 1}
    record = {
        "version": "1.0",
        "requestContext": context,
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": result.get("body"),
    }
    entry = {
        "Source": "lambda",
        "DetailType": "Lambda Function Invocation Result - Success",
        "Detail": json.dumps(record),
    }
    eventbridge._put_events({"Entries": [{**entry, "EventBusName": destination}]})


def alarm_on_query(record):
    """Returns this maker of an alarm's record, changed so that it accepts an alarm on the query of its only metric."""

    def changed(name, properties):
        if query := properties.get("Metrics"):
            metric = {"MetricName": query[0]["Id"], "Namespace": "query", "Period": query[0]["Period"]}
            properties = {**properties, **metric, "Metrics": None}
        return record(name, properties)

    return changed


def joined(node, parameters):
    """Returns a part of a condition with each Fn::Join of a list parameter replaced by the joined value."""
    match node:
        case {"Fn::Join": [delimiter, {"Ref": name}]} if name in parameters:
            return delimiter.join(item.strip() for item in parameters[name]["Value"].split(","))
        case dict():
            return {key: joined(value, parameters) for key, value in node.items()}
        case list():
            return [joined(value, parameters) for value in node]
    return node


def unused(*_):
    raise NotImplementedError("the emulator makes no flow logs")


def s3_endpoint_of(principal_arn):
    """Returns the gateway endpoint that a function's requests go through. The session is named after the function."""
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


def role_of(principal_arn):
    """Returns the ARN of the role if the principal is a session of one, which has no path here."""
    head, _, session = principal_arn.partition(":assumed-role/")
    if not session:
        return principal_arn
    return f"{head.replace(':sts:', ':iam:')}:role/{session.split('/')[0]}"


def teach():
    teach_destinations()
    ec2._VPCE_INTERFACE_SERVICES = (*ec2._VPCE_INTERFACE_SERVICES, "bedrock")
    handlers_of = provisioners._RESOURCE_HANDLERS
    handlers_of["AWS::EC2::SecurityGroupIngress"] = rule_handlers("IpPermissions")
    handlers_of["AWS::EC2::SecurityGroupEgress"] = rule_handlers("IpPermissionsEgress")
    handlers_of["AWS::EC2::FlowLog"] = {"create": unused, "update": unused, "delete": unused}
    handlers_of["AWS::Lambda::Function"] = function_handlers(handlers_of["AWS::Lambda::Function"])
    provisioners._cw_metric_alarm_record = alarm_on_query(provisioners._cw_metric_alarm_record)
    evaluate, resolve = engine._evaluate_conditions, iam_evaluator._resolve_condition_key

    def evaluate_conditions(template, parameters):
        conditions = joined(template.get("Conditions") or {}, parameters)
        return evaluate({**template, "Conditions": conditions}, parameters)

    def resolve_condition_key(key, context):
        match key.lower():
            case "aws:securetransport":
                return "true"
            case "aws:principalarn":
                return role_of(context.principal_arn)
            case "aws:sourcevpce":
                return s3_endpoint_of(context.principal_arn)
        return resolve(key, context)

    for module in (engine, changesets, handlers, stacks):
        module._evaluate_conditions = evaluate_conditions
    iam_evaluator._resolve_condition_key = resolve_condition_key


if __name__ == "__main__":
    teach()
    main()
