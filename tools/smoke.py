"""Drops a small file into a deployed stack, follows it up to its results, and says in five lines how far it came.

It uses only what a user of the stack may use: the outputs of the stack, a put into the input bucket, and reads below
results/ in the output bucket. So your role or user must be in UploaderArns and in ReaderArns, and may call
cloudformation:DescribeStacks. The drop stays, with its results, as every other drop does. It costs what Bedrock takes for
a hundred short requests.

Usage: smoke.py STACK [--file FILE] [--minutes MINUTES]

Exit code: 0 if every record has a result, 1 if a stage did not come, 2 if nothing could be dropped.
"""

import argparse
import contextlib
import json
import os
import random
import re
import secrets
import sys
import time
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from make_examples import LETTERS, letter, message

STAGES = ["dropped", "accepted", "submitted", "finished", "path"]
RECORDS = 100
ANSWER_TOKENS = 64
# A status is there within seconds. Only a function that has been idle for weeks takes longer, while it wakes up.
FIRST_STATUS_SECONDS = 300
# The longest time between two looks at the status.
PAUSE_SECONDS = 5
# What is shown of one text.
MAX_CHARS = 1000
FIRST_RUN, TROUBLESHOOTING = "docs/first-run.md", "docs/troubleshooting.md"


class Impossible(Exception):
    """Nothing could be dropped. The message says why."""


class Missing(Exception):
    """A stage did not come. The message says what was seen instead, and where to look."""


def shown(text):
    """Returns a text that others wrote, on one line, with escapes for what could clear a terminal or hide text."""
    text = str(text)
    kept = "".join(one if one.isprintable() else f"\\u{{{ord(one):x}}}" for one in text[:MAX_CHARS])
    return kept + ("…" if len(text) > MAX_CHARS else "")


def body_for(model_id, invocation_type):
    """Returns the function that makes a request of a text, or None if the requests of the model are not known here.

    https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html
    https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
    """
    config = {"inferenceConfig": {"maxTokens": ANSWER_TOKENS}}
    if invocation_type == "Converse":
        return lambda text: {"messages": [message("user", text)], **config}
    if re.search(r"\bamazon\.nova-(\d-)?(micro|lite|pro|premier)\b", model_id):
        return lambda text: {"schemaVersion": "messages-v1", "messages": [message("user", text)], **config}
    if re.search(r"\banthropic\.claude-", model_id):
        return lambda text: {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": ANSWER_TOKENS,
            "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}],
        }
    return None


def small_file(body):
    """Returns the lines of a file of short messages to classify."""
    chance = random.Random("smoke")
    lines = []
    for number in range(1, RECORDS + 1):
        text = letter(chance, chance.choice(LETTERS))
        question = f"Is this message about delivery, damage, payment, or something else? One word.\n\n{text}"
        lines.append(json.dumps({"recordId": f"SMOKE{number:03}", "modelInput": body(question)}, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines).encode()


class Smoke:
    """One drop, and how far it has come."""

    def __init__(self, session, stack_name, seconds):
        self.session, self.stack_name = session, stack_name
        self.s3 = session.client("s3")
        self.started, self.seconds = time.monotonic(), seconds
        # Stage -> what the verdict says about it.
        self.reached = {}
        self.describe()

    def describe(self):
        try:
            found = self.session.client("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"][0]
        except ClientError as error:
            raise Impossible(f"the stack cannot be read: {shown(error)}") from error
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
        self.parameters = {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}
        needed = {"InputBucketName", "OutputBucketName", "ModelId", "JobRoleArn", "S3VpcEndpointId"}
        if missing := sorted(needed - set(self.outputs)):
            state = shown(found["StackStatus"])
            raise Impossible(f"the stack ({state}) has no output {', '.join(missing)}: is it one of this template?")

    def content(self, path):
        """Returns what to drop: the file, or a hundred requests for the model of the stack."""
        if path:
            try:
                return path.read_bytes()
            except OSError as error:
                raise Impossible(f"{path}: {error.strerror}") from error
        model = self.outputs["ModelId"]
        body = body_for(model, self.parameters.get("ModelInvocationType", "InvokeModel"))
        if body is None:
            raise Impossible(f"this script knows the requests of Nova and Claude, not of {shown(model)}: give FILE=")
        return small_file(body)

    def run(self, content):
        self.drop(content)
        self.follow()
        self.finish()

    def drop(self, content):
        self.records = sum(1 for line in content.splitlines() if line.strip())
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        # A name of its own, so that its results are the only ones below its key.
        self.key = f"{self.parameters.get('InputPrefix', '')}smoke-{moment}-{secrets.token_hex(2)}.jsonl"
        bucket = self.outputs["InputBucketName"]
        try:
            self.s3.put_object(Bucket=bucket, Key=self.key, Body=content)
        except ClientError as error:
            raise Missing(self.refused(error, "UploaderArns", "put drops")) from error
        self.reached["dropped"] = f"{counted(self.records, 'record')} as s3://{shown(bucket)}/{shown(self.key)}"
        self.tell(f"dropped {self.key}")

    def refused(self, error, parameter, what):
        """Returns what an error of S3 says. A bucket refuses everyone whom the stack does not name."""
        if error.response["Error"]["Code"] != "AccessDenied":
            return f"S3: {shown(error)} → {TROUBLESHOOTING}"
        said = shown(error.response["Error"].get("Message", ""))
        return (
            f"access denied ({said}): only those whom {parameter} of the stack names can {what}, and you are {self.caller()} "
            f"→ add your role or user, or run this as one that is named; {TROUBLESHOOTING}"
        )

    def caller(self):
        with contextlib.suppress(ClientError, BotoCoreError):
            return shown(self.session.client("sts").get_caller_identity()["Arn"])
        return "unknown to STS"

    def follow(self):
        """Waits until the drop is finished or rejected, and prints each change of its status."""
        last, status_key = None, None
        while True:
            status_key = status_key or self.find_status()
            status = self.read(status_key) if status_key else None
            now = status and (status["state"], status["message"])
            if status and now != last:
                self.tell(f"{status['state']}: {status['message']} {status['next']}")
                self.note(status, status_key)
                last = now
            if status and status["state"] in ("Finished", "Rejected"):
                return
            self.wait_on(status)
            time.sleep(min(PAUSE_SECONDS, max(0.5, (time.monotonic() - self.started) / 10)))

    def find_status(self):
        """Returns the key of the drop's status, once it is there."""
        prefix = f"results/{self.key}/"
        try:
            found = self.s3.list_objects_v2(Bucket=self.outputs["OutputBucketName"], Prefix=prefix)
        except ClientError as error:
            raise Missing(self.refused(error, "ReaderArns", "list and read results")) from error
        return next((one["Key"] for one in found.get("Contents", []) if one["Key"].endswith("/status.json")), None)

    def read(self, key):
        try:
            return json.load(self.s3.get_object(Bucket=self.outputs["OutputBucketName"], Key=key)["Body"])
        except ClientError as error:
            raise Missing(self.refused(error, "ReaderArns", "list and read results")) from error

    def note(self, status, status_key):
        """Takes the stages that a status shows to be over."""
        state = status["state"]
        self.folder = status_key.removesuffix("status.json")
        if state == "Rejected":
            where = f"s3://{self.outputs['OutputBucketName']}/{self.folder}rejection.json"
            raise Missing(f"rejected: {shown(status['message'])} → read {shown(where)}")
        if state != "Reading":
            self.reached["accepted"] = f"drop id {shown(status['drop_id'])}"
        if state in ("Running", "Checking", "Finished"):
            jobs = status.get("jobs") or {}
            at_bedrock = jobs.get("running", 0) + jobs.get("ending", 0)
            self.reached["submitted"] = f"{counted(at_bedrock, 'job')} at Bedrock" if at_bedrock else "at Bedrock"

    def wait_on(self, status):
        """Fails if the time is over, and says where to look, which depends on how far the drop has come."""
        doctor = f"make doctor STACK={shown(self.stack_name)}"
        since = time.monotonic() - self.started
        if status is None and since >= min(FIRST_STATUS_SECONDS, self.seconds):
            log = shown(self.outputs.get("SubmitFunctionName", "SubmitFunction"))
            raise Missing(f"no status.json after {since:.0f} s → read the log of {log}; {doctor}; {FIRST_RUN}")
        if self.left() > 0:
            return
        where = f"{doctor}; {TROUBLESHOOTING}"
        bound = f"within {self.seconds / 60:g} min"
        if "accepted" not in self.reached:
            raise Missing(f"still read {bound}: {shown(status['message'])} → {where}")
        if "submitted" not in self.reached:
            why = (status.get("refusal") or {}).get("message") or status["message"]
            raise Missing(f"no job {bound}: {shown(why)} → {shown(status['next'])} {where}")
        raise Missing(
            f"not {bound}: {shown(status['state'])}: {shown(status['message'])} → a job may take up to "
            f"{shown(self.parameters.get('TimeoutDurationInHours', '24'))} hours; give more MINUTES=, or look at "
            f"s3://{shown(self.outputs['OutputBucketName'])}/{shown(self.folder)} later; {where}"
        )

    def left(self):
        return self.started + self.seconds - time.monotonic()

    def finish(self):
        """Judges the summary."""
        summary = self.read(f"{self.folder}summary.json")
        jobs = summary["jobs"]
        arns = ", ".join(shown(one["job_arn"]) for one in jobs[:3]) + (", …" if len(jobs) > 3 else "")
        self.reached["submitted"] = f"{counted(len(jobs), 'job')}: {arns}"
        records = summary["records"]
        parts = ["succeeded", "failed", "unprocessed", *(["source_deleted"] if records["source_deleted"] else [])]
        said = f"{counted(records['total'], 'record')} = " + " + ".join(f"{records[name]} {name}" for name in parts)
        where = f"s3://{shown(self.outputs['OutputBucketName'])}/{shown(self.folder)}"
        reasons = [shown(one["message"]) for one in [*summary.get("messages", []), *summary.get("largest_errors", [])]]
        reason = f": {reasons[0]}" if reasons else ""
        if not summary["balanced"] or records["total"] != self.records:
            figures = shown("; ".join(summary["mismatches"])) or f"{self.records} records were dropped"
            raise Missing(f"{said}, but figures disagree: {figures} → keep {where}, and open an issue")
        if records["unprocessed"] or records["source_deleted"] or not records["succeeded"]:
            raise Missing(f"{said}{reason} → read {where}summary.json; {TROUBLESHOOTING}")
        self.reached["finished"] = said + (f"{reason} → {where}errors/" if records["failed"] else f", in {where}")

    def path(self):
        """Returns what proves that the job's data went through the endpoint. Nothing here can read data events."""
        role = self.outputs["JobRoleArn"].rpartition("/")[2]
        exempt = (
            ", or none, because JobsOutsideEndpoint is true"
            if self.parameters.get("JobsOutsideEndpoint") == "true"
            else ""
        )
        return (
            f"look it up: in CloudTrail's data events of S3, vpcEndpointId must be "
            f"{shown(self.outputs['S3VpcEndpointId'])}{exempt} for what {shown(role)} did below work/ → {FIRST_RUN}"
        )

    def tell(self, text):
        print(f"{time.monotonic() - self.started:6.0f} s  {shown(text)}", flush=True)


def counted(number, what):
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def verdict(smoke, failure):
    """Prints a line for each stage."""
    failed = next((stage for stage in STAGES[:-1] if stage not in smoke.reached), None) if failure else None
    for stage in STAGES[:-1]:
        if stage == failed:
            print(f"FAIL  {stage:<10} {failure}")
        elif stage in smoke.reached:
            print(f"ok    {stage:<10} {smoke.reached[stage]}")
        else:
            print(f"-     {stage:<10}")
    print(f"?     {'path':<10} {smoke.path()}" if "submitted" in smoke.reached else f"-     {'path':<10}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stack", help="the name of the stack")
    parser.add_argument("--file", type=Path, help="drop this file instead of a hundred requests for the stack's model")
    parser.add_argument("--minutes", type=float, default=60, help="how long to wait for the results (60)")
    given = parser.parse_args()
    try:
        if not given.stack:
            raise Impossible("give STACK=, the name of the stack")
        # boto3 itself does not read AWS_REGION, which Lambda, the SDKs, and the AWS CLI do.
        session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
        smoke = Smoke(session, given.stack, given.minutes * 60)
        content = smoke.content(given.file)
    except (Impossible, BotoCoreError) as problem:
        print(f"smoke: {shown(problem)}", file=sys.stderr)
        return 2
    failure = None
    try:
        smoke.run(content)
    except Missing as problem:
        failure = str(problem)
    except BotoCoreError as problem:
        failure = f"no answer: {shown(problem)} → try again"
    verdict(smoke, failure)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
