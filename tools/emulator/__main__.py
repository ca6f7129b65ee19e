"""Deploys the output of `sam build` to an AWS emulator, and uses the stack as the README tells a user to.

The template and both executables are the real ones, unchanged, and `sam deploy` and `sam delete` do the work. A second
stack is deployed from the files of `make package`, without a Rust toolchain in PATH. The emulator is MiniStack, with
this project's stand-in as Bedrock. This needs no containers, no network, and no account. For each call to S3, the
emulator evaluates the policies of the functions' roles and of the buckets. It does not evaluate the policies of the
endpoints and of the key, or the security groups, or the job's role, because the stand-in plays the job. Properties that
the emulator accepts but does not keep are listed, and count as unchecked.

What the commands of people print, and the messages that they get, are compared with docs/recordings/emulator.md, or
written there.

Usage: python tools/emulator [--write]
"""

import argparse
import copy
import json
import platform
import signal
import sys
import time
from pathlib import Path

import jmespath
from botocore.exceptions import ClientError

from cloud import Cloud, Stack, objects
from deployed import group_rules, notification, placement, read_back
from report import Mismatch, Report, same, wait_for
from servers import REGION, ROOT, Servers

sys.path.insert(0, str(ROOT / "tools" / "recordings"))
sys.path.insert(0, str(ROOT / "tools"))
from normal import Normal
from notices import notices
from page import Page
from people import SEES_STACKS, arn, people
from routes import change_routes
from smoke import body_for, small_file

EXAMPLE = ROOT / "examples" / "support-tickets.jsonl"
EVENTS = ROOT / "events"
# Where `make emulator` writes what `make package` writes into dist/.
PACKAGE = ROOT / "target" / "dist"
ARCHITECTURE = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine().lower()]
# What the README tells a user to do up to the first result. This program does the same.
STEPS = [
    "sam build",
    "aws ec2 describe-managed-prefix-lists",
    "aws ec2 describe-vpc-endpoint-services",
    "sam deploy",
    "aws s3 cp",
    "aws s3 ls",
]
# The person is an uploader and a reader.
UPLOADERS = [arn("person"), arn("uploader")]
READERS = [arn("person"), arn("reader")]
OPERATOR, EDITOR, TEAM = arn("operator"), arn("editor"), arn("team")
ADDRESS = "person@example.com"
OTHER_MODEL = "amazon.nova-micro-v1:0"
ENDINGS = ["Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"]
NO_ENDINGS = ["Submitted", "Validating", "Scheduled", "InProgress", "Stopping"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--write", action="store_true", help="write docs/recordings/emulator.md instead of comparing it"
    )
    is_written = parser.parse_args().write
    steps = commands_of_readme()
    page, normal = Page("emulator.md", "On a stack, as three principals", "make emulator WRITE=1"), Normal()
    report = Report()
    with Servers() as servers:
        cloud = Cloud(servers)
        parameters = {
            "Architecture": ARCHITECTURE,
            "S3PrefixListId": prefix_list(cloud, steps[1]),
            **zones(cloud, steps[2]),
            "ModelId": override(steps[3], "ModelId"),
            "RouteModelArns": f"arn:aws:bedrock:{REGION}::foundation-model/{OTHER_MODEL}",
            "UploaderArns": ",".join(UPLOADERS),
            "ReaderArns": ",".join(READERS),
            "OperatorArns": OPERATOR,
            "RouteEditorArns": EDITOR,
            "RouteReaderArns": TEAM,
        }
        stack = Stack(cloud, "bvb-emulator", cloud.user("person", SEES_STACKS))
        refuse_profile(stack, parameters)
        started = time.monotonic()
        deployed = stack.deploy(**parameters)
        first_result = drop_example(stack, "support-tickets.jsonl")
        from_nothing = time.monotonic() - started

        read_back(report, cloud, stack, parameters)
        match_endings(stack)
        operator, editor = (cloud.user(name, SEES_STACKS) for name in ("operator", "editor"))
        change_routes(stack, editor, EXAMPLE.read_bytes(), OTHER_MODEL)
        refused = refuse_other_calls(stack, operator, editor)
        drop_few(stack, "few.jsonl")
        refuse_bad_drop(stack)
        smoke(stack)
        repeat_notification(stack)
        sweep_up_lost_event(stack)
        find_lost_put(stack)
        cancel_drop(stack, operator)
        page.say(
            "`make emulator` runs these commands again, with the credentials of users that the policies of the stack tell apart,"
            " and fails if anything differs. Only the ids, the ages, and the times of drops are replaced by others. Bedrock is the"
            " stand-in."
        )
        people(stack, page, normal)
        from_package = use_network_of(stack, report, parameters)
        updated = update(stack, report)
        nothing_failed(stack)
        deleted = delete(stack)
        again = deploy_again(stack, parameters, page, normal)
    if is_written:
        page.write()
    elif difference := page.difference():
        raise Mismatch(f"people see something else; if that is right, `make emulator WRITE=1` writes it\n{difference}")
    print(f"not kept by the emulator: {'; '.join(report.not_kept)}")
    print(
        f"emulator: deployed in {deployed:.0f} s, first result {first_result:.1f} s after the drop "
        f"({len(steps)} commands, {from_nothing:.0f} s besides the build), updated in {updated:.0f} s, "
        f"deleted in {deleted:.0f} s, deployed again in {again:.0f} s; "
        f"second stack deployed without Rust in {from_package:.0f} s; "
        f"{report.properties} properties read back, {len(report.not_kept)} not kept; "
        f"{refused} calls from outside refused"
    )


def commands_of_readme():
    """Returns the commands in the README's section on deployment, up to the first result."""
    section = (ROOT / "README.md").read_text().partition("\n## Deploy\n")[2].partition("\n## ")[0]
    commands = [line.removeprefix("$ ") for line in section.splitlines() if line.startswith("$ ")]
    verbs = [next((step for step in STEPS if command.startswith(step)), command) for command in commands]
    same("the commands of README, Deploy", verbs, STEPS)
    return commands


def prefix_list(cloud, command):
    """Returns the prefix list that the README's query finds."""
    found = jmespath.search(command.split("'")[1], cloud.ec2.describe_managed_prefix_lists())
    if len(found) != 1:
        raise Mismatch(f"README's query of the prefix list: expected one id, found {found}")
    return found[0]


def zones(cloud, command):
    """Returns the parameters for the zones that the README's query finds."""
    service = command.split("--service-names ")[1].split()[0]
    answer = cloud.ec2.describe_vpc_endpoint_services(ServiceNames=[service])
    found = sorted(jmespath.search(command.split("'")[1], answer))
    if len(found) != 3:
        raise Mismatch(f"README's query of the zones: expected the emulator's three, found {found}")
    names = ("FirstZone", "SecondZone", "ThirdZone")
    return {name: zone.removeprefix(REGION) for name, zone in zip(names, found, strict=True)}


def override(command, name):
    """Returns the value that the README's `sam deploy` passes for a parameter."""
    found = [word.removeprefix(f"{name}=") for word in command.split() if word.startswith(f"{name}=")]
    if len(found) != 1:
        raise Mismatch(f"README's sam deploy: expected {name} once, found {found}")
    return found[0]


def refuse_profile(stack, parameters):
    """Checks that an inference profile without its ARNs is refused before anything is made, and how to list them is said."""
    rest = {name: value for name, value in parameters.items() if name != "ModelId"}
    for given, told in (
        ({"ModelId": f"us.{OTHER_MODEL}"}, "belongs in InferenceProfileId"),
        ({"InferenceProfileId": f"us.{OTHER_MODEL}"}, "aws bedrock get-inference-profile"),
    ):
        said = " ".join(stack.refused(**rest, **given).split())
        same(f"what sam deploy says about {given}: {said[-600:]}", told in said, True)
    same("buckets before the first deployment", [name for name in bucket_names(stack) if stack.name in name], [])


def bucket_names(stack):
    return [bucket["Name"] for bucket in stack.cloud.s3.list_buckets()["Buckets"]]


def deploy_again(stack, parameters, page, normal):
    """Deploys the deleted stack again, next to its old buckets and with notices, and returns how many seconds that took."""
    old = {stack["InputBucketName"], stack["OutputBucketName"]}
    again = Stack(stack.cloud, stack.name, stack.person)
    seconds = again.deploy(**parameters, BucketNameSuffix="-2", NoticeEmail=ADDRESS)
    same(
        "names of the new buckets", {again["InputBucketName"], again["OutputBucketName"]}, {f"{name}-2" for name in old}
    )
    drop_example(again, "again.jsonl")
    notices(again, page, normal)
    nothing_failed(again)
    delete(again)
    same(
        "old and new buckets that are kept",
        sorted(name for name in bucket_names(stack) if stack.name in name),
        sorted({*old, *(f"{name}-2" for name in old)}),
    )
    return seconds


def drop_example(stack, key):
    """Drops the example, checks its results and its job, and returns the seconds from the drop to the results."""
    started = time.monotonic()
    stack.drop(key, EXAMPLE.read_bytes())
    name, summary = stack.report_of(key)
    seconds = time.monotonic() - started
    check_results(stack, name, summary)
    check_job(stack, summary)
    return seconds


def drop_few(stack, key):
    """Drops three records, and checks that padding made up a job and is in no result."""
    few = b"".join(EXAMPLE.read_bytes().splitlines(keepends=True)[:3])
    stack.drop(key, few)
    name, summary = stack.report_of(key)
    check_results(stack, name, summary, few)
    same(f"{name}: padding", summary["padding"]["records"], 97)
    check_job(stack, summary)


def check_results(stack, name, summary, dropped=None):
    lines = (dropped or EXAMPLE.read_bytes()).splitlines()
    records = [json.loads(line)["recordId"] for line in lines]
    same(f"{name}: its name", name.endswith("/summary.json"), True)
    same(f"{name}: balanced", (summary["balanced"], summary["mismatches"]), (True, []))
    same(
        f"{name}: records",
        summary["records"],
        {
            "total": len(records),
            "succeeded": len(records),
            "truncated": 0,
            "refused": 0,
            "failed": 0,
            "unprocessed": 0,
            "source_deleted": 0,
        },
    )
    folder = name.removesuffix("summary.json")
    succeeded = f"{folder}succeeded/part-00001.jsonl"
    files = [f"{folder}report.html", f"{folder}status.json", succeeded, name]
    same(f"{name}: files", stack.results(summary["source"]["key"]), files)
    lines = stack.read(succeeded).splitlines()
    same(f"{name}: ids of the results", sorted(json.loads(line)["recordId"] for line in lines), sorted(records))


def check_job(stack, summary):
    """Checks the job as Bedrock describes it."""
    same("jobs of the drop", len(summary["jobs"]), 1)
    arn = summary["jobs"][0]["job_arn"]
    job = stack.cloud.bedrock.get_model_invocation_job(jobIdentifier=arn)
    same(f"{arn}: status", job["status"], "Completed")
    same(
        f"{arn}: vpcConfig",
        job.get("vpcConfig"),
        {"subnetIds": stack["JobSubnetIds"].split(","), "securityGroupIds": stack["JobSecurityGroupIds"].split(",")},
    )
    same(f"{arn}: model", job["modelId"].rpartition("/")[2], stack["ModelId"])
    same(f"{arn}: role", job["roleArn"], stack["JobRoleArn"])
    same(f"{arn}: prefix of its name", job["jobName"].startswith(f"{stack['JobNamePrefix']}-"), True)
    key = job["outputDataConfig"]["s3OutputDataConfig"].get("s3EncryptionKeyId")
    same(f"{arn}: key", key, stack.outputs.get("KmsKeyArn"))


def match_endings(stack):
    """Checks that the rule matches the five terminal statuses of the stack's own jobs, and nothing else."""
    rule = stack.rule("CompleteFunctionJobEnded")
    event = stack.cloud.stand_in.events[0]

    def changed(place, value):
        other = copy.deepcopy(event)
        (other["detail"] if place in event["detail"] else other)[place] = value
        return other

    for status in ENDINGS + NO_ENDINGS:
        same(f"the rule takes {status}", stack.matches(rule, changed("status", status)), status in ENDINGS)
    for place, value in (
        ("batchJobName", "bvb-emulators-1"),
        ("source", "aws.other"),
        ("detail-type", "Other State Change"),
    ):
        ended = changed(place, value)
        ended["detail"]["status"] = "Completed"
        same(f"the rule takes {place} {value}", stack.matches(rule, ended), False)


def refuse_other_calls(stack, operator, editor):
    """Checks that the person can only put drops, read results, and see the routes, the operator only put requests, and the
    editor only change the routes.

    From outside the endpoint nobody can do more, whatever IAM allows. Returns the number of refused calls.
    """
    clients = {
        "person": stack.person,
        "operator": operator,
        "editor": editor,
        "admin": stack.cloud.user("admin", "s3:*"),
    }
    drops, output = {"Bucket": stack["InputBucketName"]}, {"Bucket": stack["OutputBucketName"]}
    dropped = {**drops, "Key": "support-tickets.jsonl"}
    result = {**output, "Key": stack.results(dropped["Key"])[0]}
    job = {**output, "Key": next(iter(stack.objects(prefix="work/")))}
    request = {**output, "Key": "requests/other"}
    routes, in_force = ({**output, "Key": f"config/{name}.json"} for name in ("routes", "in-force"))
    # The name of a client's call, its arguments, and who may do it.
    calls = (
        ("put_object", {**dropped, "Key": "other.png"}, ["person"]),
        ("get_object", dropped, []),
        ("delete_object", dropped, []),
        ("list_objects_v2", drops, []),
        ("get_object", result, ["person"]),
        ("put_object", result, []),
        ("delete_object", result, []),
        ("get_object", job, []),
        ("list_objects_v2", {**output, "Prefix": "results/"}, ["person"]),
        ("list_objects_v2", {**output, "Prefix": "config/"}, ["person", "editor"]),
        ("list_objects_v2", output, []),
        ("put_object", request, ["operator"]),
        ("get_object", request, []),
        ("delete_object", request, []),
        ("put_object", {**output, "Key": "ledger/sweep.json"}, []),
        ("put_object", routes, ["editor"]),
        ("get_object", routes, ["editor"]),
        ("delete_object", routes, ["editor"]),
        ("get_object", in_force, ["person", "editor"]),
        ("put_object", in_force, []),
    )
    refused = 0
    for call, arguments, allowed in calls:
        what = f"{call} {' '.join(arguments.values())}"
        for who, client in clients.items():
            expected = "allowed" if who in allowed else "AccessDenied"
            same(f"{who}: {what}", outcome(getattr(client, call), **arguments), expected)
            refused += who not in allowed
    stack.cloud.s3.delete_object(**request)
    return refused


def outcome(call, **arguments):
    try:
        call(**arguments)
        return "allowed"
    except ClientError as error:
        return error.response["Error"]["Code"]


def refuse_bad_drop(stack):
    """Checks that a bad file and one with the name of another kind get a rejection with reasons, and that others are ignored."""
    jobs, drops = len(stack.cloud.jobs()), len(stack.objects(prefix="ledger/drops/"))
    stack.drop("_SUCCESS", b"")
    stack.drop("photo.PNG", EXAMPLE.read_bytes())
    stack.drop("notes.TXT", EXAMPLE.read_bytes())
    stack.drop("bad.json", b'{"modelInput": 1}\n')
    for key, what in (("notes.TXT", "the name ends in .txt"), ("bad.json", "modelInput is not an object")):
        name, rejection = stack.report_of(key)
        same(f"{name}: its name", name.endswith("/rejection.json"), True)
        same(f"{name}: its problems", [what in problem["what"] for problem in rejection["problems"]], [True])
    same("jobs after bad drops", len(stack.cloud.jobs()), jobs)
    same("drops after two bad ones and two that are ignored", len(stack.objects(prefix="ledger/drops/")), drops + 2)


def smoke(stack):
    """Checks the verdict of `make smoke`: on a good drop, and on one that is refused, rejected, late, or impossible."""
    cloud = stack.cloud
    code, marks, said = stack.smoke("person")
    same(f"smoke: its verdict {said}", (code, marks), (0, ["ok", "ok", "ok", "ok", "?"]))
    told = "100 records = 100 succeeded + 0 failed + 0 unprocessed"
    same(f"smoke: {told}, of {said}", [told in said, stack["S3VpcEndpointId"] in said.splitlines()[-1]], [True, True])

    rest = ["-", "-", "-", "-"]
    cloud.user("stranger", "cloudformation:DescribeStacks", "s3:*")
    code, marks, said = stack.smoke("stranger")
    same(f"smoke of a stranger: its verdict {said}", (code, marks), (1, ["FAIL", *rest]))
    same(f"smoke of a stranger: whom to name, of {said}", "UploaderArns" in said, True)

    bad = Path(cloud.servers.folder.name, "bad\x1b[2J.jsonl")
    bad.write_text('{"modelInput": 1}\n')
    code, marks, said = stack.smoke("person", "--file", bad)
    same(f"smoke of a bad file: its verdict {said}", (code, marks), (1, ["ok", "FAIL", *rest[1:]]))
    same(f"smoke of a bad file: where the reasons are, of {said}", "/rejection.json" in said, True)

    # The stand-in has finished the job, but its event has not arrived yet.
    code, marks, said = stack.smoke("person", "--minutes", "0.1", are_events_routed=False)
    same(f"smoke of a late job: its verdict {said}", (code, marks), (1, ["ok", "ok", "ok", "FAIL", "?"]))
    same(f"smoke of a late job: what to do, of {said}", "MINUTES=" in said, True)
    key = next(word for word in said.split() if word.startswith("smoke-"))
    check_results(stack, *stack.report_of(key), small_file(body_for(stack["ModelId"], "InvokeModel")))

    for arguments, told in (
        (["--file", bad.parent / "none.jsonl"], "No such file"),
        (["--file", bad.parent / "none\x1b[2J.jsonl"], "none\\u{1b}[2J.jsonl"),
    ):
        code, _, said = stack.smoke("person", *arguments)
        same(f"smoke of {arguments}: {said}", (code, told in said, "\x1b" in said), (2, True, False))
    code, _, said = Stack(cloud, "bvb-none", stack.person).smoke("person")
    same(f"smoke without a stack: {said}", (code, "bvb-none" in said), (2, True))


def repeat_notification(stack):
    """Checks that a repeated notification changes nothing: S3 may send one twice."""
    jobs, before = len(stack.cloud.jobs()), stack.objects()
    key = "support-tickets.jsonl"
    dropped = stack.cloud.s3.head_object(Bucket=stack["InputBucketName"], Key=key)
    event = json.loads((EVENTS / "s3-put.json").read_bytes())
    s3 = event["Records"][0]["s3"]
    s3["bucket"] |= {"name": stack["InputBucketName"], "arn": f"arn:aws:s3:::{stack['InputBucketName']}"}
    s3["object"] |= {
        "key": key,
        "size": dropped["ContentLength"],
        "eTag": dropped["ETag"].strip('"'),
        "versionId": dropped["VersionId"],
    }
    stack.invoke(stack["SubmitFunctionName"], event)
    same("jobs after a repeated notification", len(stack.cloud.jobs()), jobs)
    same("objects after a repeated notification", stack.objects(), before)


def sweep_up_lost_event(stack):
    """Checks that the sweep finishes a job whose event was lost: the events of Bedrock are best effort."""
    key, stand_in = "swept.jsonl", stack.cloud.stand_in
    seen = len(stand_in.events)
    stack.drop(key, EXAMPLE.read_bytes())
    wait_for(
        f"the end of the job of {key}",
        lambda: any(event["detail"]["status"] in ENDINGS for event in stand_in.events[seen:]),
    )
    stack.lose_events()
    written = [name.rpartition("/")[2] for name in stack.results(key)]
    same(f"results of {key} without an event", written, ["status.json"])
    stack.sweep()
    check_results(stack, *stack.report_of(key))
    wait_for("an empty work list", lambda: not stack.objects(prefix="ledger/open/"))


def cancel_drop(stack, operator):
    """Checks that an operator cancels a drop: its job at Bedrock is stopped, and every record is accounted for."""
    key, stand_in = "cancelled.jsonl", stack.cloud.stand_in
    rule = stack.rule("CompleteFunctionOperatorAsks")
    event = json.loads((EVENTS / "s3-request-eventbridge.json").read_bytes())
    event["detail"]["bucket"]["name"] = stack["OutputBucketName"]
    same("the rule takes a request", stack.matches(rule, event), True)
    for other in ("results/a", "ledger/requests/a"):
        event["detail"]["object"]["key"] = other
        same(f"the rule takes {other}", stack.matches(rule, event), False)
    jobs, seen = len(stack.cloud.jobs()), len(stand_in.events)
    stack.drop(key, EXAMPLE.read_bytes())
    wait_for(f"the job of {key}", lambda: len(stack.cloud.jobs()) > jobs)
    drop_id = stack.drop_id(key)
    operator.put_object(Bucket=stack["OutputBucketName"], Key=f"requests/cancel/{drop_id}")
    stack.route_request(drop_id)
    wait_for("the answer to the request", lambda: not stack.objects(prefix="requests/"))
    wait_for(
        f"the end of the job of {key}",
        lambda: any(event["detail"]["status"] in ENDINGS for event in stand_in.events[seen:]),
    )
    name, summary = stack.report_of(key)
    records = summary["records"]
    same(f"{name}: balanced", (summary["balanced"], summary["mismatches"]), (True, []))
    same(f"{name}: sum", records["succeeded"] + records["failed"] + records["unprocessed"], records["total"])


def find_lost_put(stack):
    """Checks that the sweep finds a put whose notification was lost, by listing the versions in the bucket."""
    key, functions, bucket = "lost put.jsonl", stack.cloud.functions, stack["InputBucketName"]
    sweep = stack.rule("CompleteFunctionSweep")["Targets"][0]["Arn"]
    environment = functions.get_function_configuration(FunctionName=sweep)["Environment"]["Variables"]
    at_once = {"Variables": {**environment, "EVENT_GRACE_SECONDS": "0"}}
    functions.update_function_configuration(FunctionName=sweep, Environment=at_once)
    notifications = stack.cloud.s3.get_bucket_notification_configuration(Bucket=bucket)
    notifications.pop("ResponseMetadata")
    stack.cloud.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    jobs = len(stack.cloud.jobs())
    stack.drop(key, EXAMPLE.read_bytes())
    stack.cloud.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notifications)
    same(f"jobs before the sweep has found {key}", len(stack.cloud.jobs()), jobs)

    def is_found():
        stack.invoke(sweep, json.loads((EVENTS / "schedule.json").read_bytes()))
        return len(stack.cloud.jobs()) > jobs

    wait_for(f"a job of {key}", is_found)
    check_results(stack, *stack.report_of(key))
    same("jobs of the lost put", len(stack.cloud.jobs()), jobs + 1)
    functions.update_function_configuration(FunctionName=sweep, Environment={"Variables": environment})


def use_network_of(stack, report, parameters):
    """Deploys a second stack into the network of the first, with its own key, prefix, and name, from built files.

    Returns how many seconds the deployment took.
    """
    cloud, shared = stack.cloud, stack.resources()["BedrockVpcEndpointSecurityGroup"]
    before = group_rules(cloud, shared)
    guest = Stack(cloud, "bvb-guest", stack.person, template=PACKAGE / "template.yaml")
    seconds = guest.deploy(
        **{name: value for name, value in parameters.items() if not name.endswith("Zone")},
        VpcId=stack["VpcId"],
        SubnetIds=stack["JobSubnetIds"],
        S3VpcEndpointId=stack["S3VpcEndpointId"],
        BedrockVpcEndpointId=stack["BedrockVpcEndpointId"],
        BedrockVpcEndpointSecurityGroupId=shared,
        KmsKeyArn="create",
        InputPrefix="incoming/",
        JobNamePrefix="nightly",
    )
    resources = guest.resources()
    same("a VPC of the second stack", resources.get("Vpc"), None)
    same("subnets of the second stack", guest["JobSubnetIds"], stack["JobSubnetIds"])
    report.read_back(
        "second stack, rules of the shared endpoint",
        [rule["UserIdGroupPairs"] for rule in group_rules(cloud, shared)["IpPermissions"]],
        [[stack["FunctionSecurityGroupId"]], [guest["FunctionSecurityGroupId"]]],
    )
    notification(report, cloud, guest, prefix="incoming/")
    key = {"KeyId": guest["KmsKeyArn"]}
    report.read_back("second stack, key rotation", cloud.kms.get_key_rotation_status(**key)["KeyRotationEnabled"], True)
    outside = {"Bucket": guest["InputBucketName"], "Key": "elsewhere/a.jsonl", "Body": EXAMPLE.read_bytes()}
    same("the person's drop outside the prefix", outcome(guest.person.put_object, **outside), "AccessDenied")
    cloud.s3.put_object(**outside)
    drop_example(guest, "incoming/a.jsonl")
    same("drops of the second stack", len(guest.objects(prefix="ledger/drops/")), 1)
    nothing_failed(guest)
    delete(guest)
    same("rules of the endpoint without the second stack", group_rules(cloud, shared), before)
    same("key after the second stack", cloud.kms.describe_key(**key)["KeyMetadata"]["KeyState"], "Enabled")
    return seconds


def update(stack, report):
    """Updates the model, the memory, and the zones: the next job uses them, and all objects are still there."""
    before = stack.objects("InputBucketName"), stack.objects()
    subnets = stack["JobSubnetIds"].split(",")
    seconds = stack.deploy(ModelId=OTHER_MODEL, MemorySize=1024, ThirdZone='""')
    same("objects after an update", (stack.objects("InputBucketName"), stack.objects()), before)
    same("model after an update", stack["ModelId"], OTHER_MODEL)
    same("subnets after an update", stack["JobSubnetIds"].split(","), subnets[:2])
    for name in ("Submit", "Complete"):
        found = stack.cloud.functions.get_function_configuration(FunctionName=stack[f"{name}FunctionName"])
        report.read_back(f"{name}Function, memory after an update", found["MemorySize"], 1024)
    report.read_back(
        "JobRole, subnets after an update", placement(stack.cloud, stack.resources())["subnet"], subnets[:2]
    )
    drop_example(stack, "updated.jsonl")
    return seconds


def nothing_failed(stack):
    for output in ("SubmitFailureQueueUrl", "CompleteFailureQueueUrl", "UndeliveredQueueUrl"):
        found = stack.cloud.sqs.get_queue_attributes(QueueUrl=stack[output], AttributeNames=["All"])["Attributes"]
        waiting = {name: number for name, number in found.items() if name.startswith("ApproximateNumber")}
        same(f"{output}: messages", set(waiting.values()), {"0"})


def delete(stack):
    """Deletes the stack, and checks that only the buckets are left, with the same objects."""
    cloud, resources = stack.cloud, stack.resources()
    buckets = [stack["InputBucketName"], stack["OutputBucketName"]]
    before = [(objects(cloud.s3, name), cloud.s3.get_bucket_policy(Bucket=name)["Policy"]) for name in buckets]
    seconds = stack.delete()
    try:
        found = cloud.cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        found = error.response["Error"]["Code"]
    same(f"{stack.name} after its deletion", found, "ValidationError")
    there = {bucket["Name"] for bucket in cloud.s3.list_buckets()["Buckets"]}
    same(f"buckets of {stack.name} that are kept", [name for name in buckets if name in there], buckets)
    after = [(objects(cloud.s3, name), cloud.s3.get_bucket_policy(Bucket=name)["Policy"]) for name in buckets]
    same(f"buckets of {stack.name} after its deletion", after, before)
    same(f"what is left of {stack.name}", left_over(cloud, stack.name, resources), [])
    return seconds


def left_over(cloud, stack_name, resources):
    """Returns what is left of a stack in the account, other than its buckets and its key."""
    names = [
        *(function["FunctionName"] for function in cloud.functions.list_functions()["Functions"]),
        *(role["RoleName"] for role in cloud.iam.list_roles()["Roles"]),
        *(policy["PolicyName"] for policy in cloud.iam.list_policies(Scope="Local")["Policies"]),
        *(url.rpartition("/")[2] for url in cloud.sqs.list_queues().get("QueueUrls", [])),
        *(topic["TopicArn"].rpartition(":")[2] for topic in cloud.sns.list_topics()["Topics"]),
        *(rule["Name"] for rule in cloud.events.list_rules()["Rules"]),
        *(alarm["AlarmName"] for alarm in cloud.cloudwatch.describe_alarms()["MetricAlarms"]),
        *(entry["DashboardName"] for entry in cloud.cloudwatch.list_dashboards()["DashboardEntries"]),
        *(group["GroupName"] for group in cloud.ec2.describe_security_groups()["SecurityGroups"]),
        *(group["logGroupName"].split("/")[3] for group in cloud.logs.describe_log_groups()["logGroups"]),
    ]
    network = [vpc["VpcId"] for vpc in cloud.ec2.describe_vpcs()["Vpcs"]]
    network += [subnet["SubnetId"] for subnet in cloud.ec2.describe_subnets()["Subnets"]]
    network += [endpoint["VpcEndpointId"] for endpoint in cloud.ec2.describe_vpc_endpoints()["VpcEndpoints"]]
    network += [table["RouteTableId"] for table in cloud.ec2.describe_route_tables()["RouteTables"]]
    mine = [name for name in names if name.startswith(stack_name)]
    return mine + [item for item in network if item in resources.values()]


if __name__ == "__main__":
    # A signal that ends this program also ends the processes that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("emulator: terminated"))
    try:
        main()
    except (Mismatch, ClientError) as error:
        sys.exit(f"emulator: {error}")
