"""Deploys, uses, updates, and deletes a stack, with the commands and calls of a user."""

import contextlib
import json
import shutil
import subprocess
import sys
import time

import boto3

from report import Mismatch, same, wait_for
from servers import ACCOUNT, REGION, ROOT, StandIn

SAM = ROOT / ".tools" / "sam" / "bin" / "sam"
# What a deployment of built files needs: the SAM CLI, and no compiler.
PATH_WITHOUT_RUST = f"{SAM.parent}:/usr/bin:/bin"

# What a drop ends with. Its status is there from the start.
REPORTS = ("/summary.json", "/rejection.json")


class Cloud:
    """Clients for the services of the account."""

    def __init__(self, servers):
        self.servers = servers
        self.stand_in = servers.stand_in
        # The account itself: no policy applies to it here.
        session = boto3.Session(ACCOUNT, "none", region_name=REGION)

        def client(service):
            return session.client(service, endpoint_url=servers.endpoint)

        self.bedrock = session.client("bedrock", endpoint_url=servers.stand_in.endpoint)
        self.cloudformation = client("cloudformation")
        self.cloudwatch = client("cloudwatch")
        self.ec2 = client("ec2")
        self.events = client("events")
        self.functions = client("lambda")
        self.iam = client("iam")
        self.kms = client("kms")
        self.logs = client("logs")
        self.s3 = client("s3")
        self.sns = client("sns")
        self.sqs = client("sqs")
        # The access keys of the users, by name.
        self.keys = {}

    def user(self, name, *actions):
        """Creates a user whom IAM allows these actions on every resource, and returns an S3 client for that user."""
        self.iam.create_user(UserName=name)
        if actions:
            statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            self.iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document)
        self.keys[name] = self.iam.create_access_key(UserName=name)["AccessKey"]
        return self.s3_of(name)

    def s3_of(self, user):
        """Returns an S3 client for a user."""
        key = self.keys[user]
        session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
        return session.client("s3", endpoint_url=self.servers.endpoint)

    def jobs(self):
        """Returns every job so far, oldest first."""
        pages = self.bedrock.get_paginator("list_model_invocation_jobs").paginate(sortOrder="Ascending")
        return pages.build_full_result()["invocationJobSummaries"]


class Stack:
    """One deployment of the template, and the S3 client of the person who uses it.

    `template` is one that `make package` wrote. By default, the output of `sam build` is deployed.
    """

    def __init__(self, cloud, name, person, template=None):
        self.cloud = cloud
        self.name = name
        self.person = person
        self.template = template
        self.outputs = {}
        self.routed = len(cloud.stand_in.events)

    def deploy(self, **parameters):
        """Creates or updates the stack, and returns how many seconds that took."""
        template = ["--template-file", self.template] if self.template else []
        started = time.monotonic()
        self.sam("deploy", *template, *overrides(parameters))
        seconds = time.monotonic() - started
        stack = self.cloud.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        return seconds

    def delete(self):
        """Deletes the stack, and returns how many seconds that took."""
        started = time.monotonic()
        self.sam("delete", "--no-prompts", "--region", REGION)
        return time.monotonic() - started

    def refused(self, **parameters):
        """Tries to create the stack, and returns what `sam deploy` says when it fails."""
        failed, said = self.run("deploy", *overrides(parameters))
        same(f"sam deploy {self.name} with {parameters}: failed", failed, True)
        return said

    def sam(self, command, *arguments):
        failed, said = self.run(command, *arguments)
        if failed:
            last = "\n".join(said.splitlines()[-20:])
            raise Mismatch(f"sam {command} {self.name}: expected to succeed, found:\n{last}")

    def run(self, command, *arguments):
        """Runs the SAM CLI, and returns whether it failed, and what it said."""
        line = [SAM, command, "--stack-name", self.name, *arguments]
        environment, folder = self.cloud.servers.environment, ROOT
        if self.template:
            rust = shutil.which("cargo", path=PATH_WITHOUT_RUST)
            same("cargo in the PATH of a deployment of built files", rust, None)
            # Outside of the repository, so that it uses only the built files.
            environment, folder = {**environment, "PATH": PATH_WITHOUT_RUST}, environment["HOME"]
        done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        return done.returncode != 0, done.stdout + done.stderr

    def __getitem__(self, output):
        return self.outputs[output]

    def resources(self):
        """Returns the physical id of each resource by its logical id."""
        pages = self.cloud.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        found = pages.build_full_result()["StackResourceSummaries"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}

    def rule(self, logical_id):
        """Returns a deployed rule with its targets."""
        name = self.resources()[logical_id]
        rule = self.cloud.events.describe_rule(Name=name)
        return {**rule, "Targets": self.cloud.events.list_targets_by_rule(Rule=name)["Targets"]}

    def drop(self, key, content):
        """Puts a file into the input bucket, as the person."""
        self.person.put_object(Bucket=self["InputBucketName"], Key=key, Body=content)

    def results(self, key):
        """Lists the results of a drop, as the person."""
        return list(objects(self.person, self["OutputBucketName"], f"results/{key}/"))

    def read(self, name):
        """Reads a result, as the person."""
        return self.person.get_object(Bucket=self["OutputBucketName"], Key=name)["Body"].read()

    def smoke(self, user, *arguments, are_events_routed=True):
        """Runs what `make smoke` runs, as a user. Returns the exit code, the marks of its verdict, and all that it said."""
        key = self.cloud.keys[user]
        secrets = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        line = [sys.executable, "-B", ROOT / "tools" / "smoke.py", self.name, *arguments]
        process = self.cloud.servers.start(
            line, {**self.cloud.servers.environment, **secrets}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        while process.poll() is None:
            if are_events_routed:
                self.route_events()
            time.sleep(0.1)
        said = process.stdout.read()
        marks = [line.split()[0] for line in said.splitlines()[-5:]] if process.returncode != 2 else []
        return process.returncode, marks, said

    def objects(self, output="OutputBucketName", prefix=""):
        """Returns the hash of every object in a bucket by its key."""
        return objects(self.cloud.s3, self[output], prefix)

    def route_events(self):
        """Routes the events of Bedrock as EventBridge would, because MiniStack cannot receive them.

        Matches each event against the deployed rule, and invokes the rule's target with those that match.
        """
        events = self.cloud.stand_in.events[self.routed :]
        self.routed += len(events)
        rule = self.rule("CompleteFunctionJobEnded") if events else None
        for event in events:
            if self.matches(rule, event):
                self.invoke_later(rule["Targets"][0]["Arn"], event)

    def lose_events(self):
        self.routed = len(self.cloud.stand_in.events)

    def matches(self, rule, event):
        pattern = rule["EventPattern"]
        return self.cloud.events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]

    def route_request(self, drop_id):
        """Routes the event of an operator's request as EventBridge would, because S3 in MiniStack sends it none."""
        event = json.loads((ROOT / "events" / "s3-request-eventbridge.json").read_bytes())
        event["detail"]["bucket"]["name"] = self["OutputBucketName"]
        event["detail"]["object"]["key"] = f"requests/cancel/{drop_id}"
        self.invoke_later(self.rule("CompleteFunctionOperatorAsks")["Targets"][0]["Arn"], event)

    def sweep(self):
        """Lets the schedule invoke its function."""
        schedule = json.loads((ROOT / "events" / "schedule.json").read_bytes())
        self.invoke_later(self.rule("CompleteFunctionSweep")["Targets"][0]["Arn"], schedule)

    def drop_id(self, key):
        """Returns the id of the drop with this key, once its function has seen it."""
        name = wait_for(f"the folder of {key}", lambda: self.results(key))[0]
        return name.removeprefix(f"results/{key}/").partition("/")[0]

    @contextlib.contextmanager
    def at_a_slow_bedrock(self):
        """Lets the functions use a Bedrock whose jobs have processed nothing for many seconds, so that they can be stopped."""
        cloud, usual, routed = self.cloud, self.cloud.stand_in, self.routed
        cloud.stand_in, self.routed = StandIn(cloud.servers.start_stand_in(pace_ms=5000)), 0
        before = {}
        for output in ("SubmitFunctionName", "CompleteFunctionName"):
            name = {"FunctionName": self[output]}
            before[output] = cloud.functions.get_function_configuration(**name)["Environment"]["Variables"]
            other = {**before[output], "AWS_ENDPOINT_URL_BEDROCK": cloud.stand_in.endpoint}
            cloud.functions.update_function_configuration(**name, Environment={"Variables": other})
        yield
        for output, variables in before.items():
            name = {"FunctionName": self[output]}
            cloud.functions.update_function_configuration(**name, Environment={"Variables": variables})
        cloud.stand_in, self.routed = usual, routed

    def invoke_later(self, function, event):
        """Invokes a function asynchronously, as a rule or a bucket does."""
        self.cloud.functions.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event))

    def invoke(self, function, event):
        """Invokes a function and waits for its answer."""
        answer = self.cloud.functions.invoke(FunctionName=function, Payload=json.dumps(event))
        same(f"{function}: its error", answer.get("FunctionError"), None)

    def report_of(self, key):
        """Delivers events until a drop has its summary or its rejection, and returns the name and the content of that."""

        def find():
            self.route_events()
            return next((name for name in self.results(key) if name.endswith(REPORTS)), None)

        name = wait_for(f"results of {key}", find)
        return name, json.loads(self.read(name))


def overrides(parameters):
    """Returns the arguments of `sam deploy` that give it these parameters."""
    given = [f"{name}={value}" for name, value in parameters.items()]
    return ["--no-confirm-changeset", "--parameter-overrides", *given]


def objects(s3, bucket, prefix=""):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {entry["Key"]: entry["ETag"] for page in pages for entry in page.get("Contents", [])}
