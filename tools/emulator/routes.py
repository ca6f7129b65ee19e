"""A file of routes on a stack: a good one, a broken one, and none, and which model the drops get each time."""

import json
from pathlib import Path

from report import same, wait_for
from servers import ROOT

FILE, IN_FORCE = "config/routes.json", "config/in-force.json"
PREFIX = "team/"
# It is not among the models that the stack lets routes name.
NOT_ALLOWED = "amazon.nova-pro-v1:0"
PUT, DELETED = "s3-request-eventbridge.json", "s3-routes-deleted-eventbridge.json"


def change_routes(stack, editor, example, other_model):
    """Checks that routes take effect as a whole, that a bad file changes nothing and is reported, and that none may be left.

    The editor, who puts the file, is a client with only that right."""
    match_changes(stack)
    good = {"routes": [{"prefix": PREFIX, "model_id": other_model}]}
    etag = put(stack, editor, good)
    shown = wait_until_shown(stack, "a good file", lambda shown: shown["file"] == {"etag": etag})
    same("routes in force", (shown["routes"], shown.get("refused")), (good["routes"], None))
    same("model of a drop of the route", model_of(stack, f"{PREFIX}good.jsonl", example), other_model)
    same("model of another drop", model_of(stack, "no-team.jsonl", example), stack["ModelId"])

    bad_etag = put(stack, editor, {"routes": [{"prefix": PREFIX, "model_id": NOT_ALLOWED}]})
    shown = wait_until_shown(stack, "a bad file", lambda shown: shown.get("refused", {}).get("etag") == bad_etag)
    same("routes after a bad file", (shown["routes"], shown["file"]), (good["routes"], {"etag": etag}))
    problems = [(problem["line"], NOT_ALLOWED in problem["what"]) for problem in shown["refused"]["problems"]]
    same("problems of the bad file", problems, [(5, True)])
    same("model of a drop after a bad file", model_of(stack, f"{PREFIX}bad.jsonl", example), other_model)

    editor.delete_object(Bucket=stack["OutputBucketName"], Key=FILE)
    tell(stack, DELETED)
    shown = wait_until_shown(stack, "no file", lambda shown: shown["file"] is None)
    same("routes without a file", (shown["routes"], shown.get("refused")), ([], None))
    same("model of a drop without routes", model_of(stack, f"{PREFIX}none.jsonl", example), stack["ModelId"])


def match_changes(stack):
    """Checks that the rule matches a put and a deletion of the file in the output bucket, and nothing else."""
    rule = stack.rule("CompleteFunctionRoutesChange")
    for name in (PUT, DELETED):
        event = changed(stack, name)
        same(f"the rule of routes takes {event['detail-type']}", stack.matches(rule, event), True)
        for other in (IN_FORCE, f"{FILE}.old", f"requests/{FILE}", "ledger/routes.json"):
            event["detail"]["object"]["key"] = other
            same(f"the rule of routes takes {other}", stack.matches(rule, event), False)
    event = changed(stack, PUT)
    event["detail"]["bucket"]["name"] = stack["InputBucketName"]
    same("the rule of routes takes another bucket", stack.matches(rule, event), False)


def changed(stack, name):
    """Returns the event of EventBridge about the file in this stack, from a sample."""
    event = json.loads(Path(ROOT, "events", name).read_bytes())
    event["detail"]["bucket"]["name"] = stack["OutputBucketName"]
    event["detail"]["object"]["key"] = FILE
    return event


def put(stack, editor, routes):
    """Puts a file of routes as a route editor, and returns its ETag. Each member has a line."""
    content = json.dumps(routes, indent=1).encode()
    answer = editor.put_object(Bucket=stack["OutputBucketName"], Key=FILE, Body=content)
    tell(stack, PUT)
    return answer["ETag"]


def tell(stack, name):
    """Routes the event as EventBridge would, because S3 in MiniStack sends it none."""
    target = stack.rule("CompleteFunctionRoutesChange")["Targets"][0]["Arn"]
    stack.invoke_later(target, changed(stack, name))


def wait_until_shown(stack, what, is_shown):
    """Waits until people see that the file has been looked at, and returns what is in force, as a reader gets it."""

    def find():
        shown = json.loads(stack.read(IN_FORCE)) if stack.objects(prefix=IN_FORCE) else None
        return shown if shown and is_shown(shown) else None

    return wait_for(f"what is in force after {what}", find)


def model_of(stack, key, content):
    """Drops a file, and returns the model of its job."""
    stack.drop(key, content)
    name, summary = stack.report_of(key)
    same(f"{name}: jobs", len(summary.get("jobs", [])), 1)
    job = stack.cloud.bedrock.get_model_invocation_job(jobIdentifier=summary["jobs"][0]["job_arn"])
    return job["modelId"].rpartition("/")[2]
