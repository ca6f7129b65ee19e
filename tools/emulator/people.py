"""The commands of people, as principals of whom each may do one thing: into docs/recordings/emulator.md."""

import shlex
import subprocess
import time
from pathlib import Path

from questions import WRONG, lines, questions
from report import same, wait_for
from servers import ACCOUNT, COMMAND_LINE

NAME = "bedrock-vpc-batch"
BOUND = 60
SEES_STACKS = "cloudformation:DescribeStacks"


def arn(user):
    return f"arn:aws:iam::{ACCOUNT}:user/{user}"


def people(stack, page, normal):
    """Runs the commands as each of them, and writes down what they are told."""
    for name in ("uploader", "reader"):
        stack.cloud.user(name, SEES_STACKS)
    uploader, reader, operator, both = (
        Principal(stack, name, page, normal) for name in ("uploader", "reader", "operator", "person")
    )
    page.heading("The uploader")
    page.say("May drop files. What became of them, only readers may see; nor may an uploader cancel.")
    uploader.write("tickets.jsonl", questions(120, WRONG))
    drop_id = uploader.submit("tickets.jsonl")
    uploader.run("status", 1)
    uploader.run("watch tickets.jsonl", 1)
    uploader.run("errors tickets.jsonl", 1)
    uploader.run("results tickets.jsonl", 1)
    uploader.run("retry tickets.jsonl --yes", 1)
    uploader.run(f"cancel {drop_id} --yes", 1)

    stack.report_of("tickets.jsonl")
    page.heading("The reader")
    page.say("May see everything about a drop. A reader may not drop a file, so of `retry`, only the file of records.")
    reader.run("watch tickets.jsonl")
    reader.run("status --last 1")
    reader.run("errors tickets.jsonl", 1)
    reader.run("results tickets.jsonl -o answers.csv")
    reader.run("retry tickets.jsonl -o again.jsonl")
    reader.write("corrected.jsonl", questions(120))
    reader.run("retry tickets.jsonl --from corrected.jsonl --yes", 1)
    reader.write("more.jsonl", questions(150))
    reader.run("submit more.jsonl --yes", 1)
    reader.run(f"cancel {drop_id} --yes", 1)

    page.heading("Who is among both")
    both.write("corrected.jsonl", questions(120))
    both.run("retry tickets.jsonl --from corrected.jsonl --yes", learn="tickets.retry-1.jsonl")
    stack.report_of("tickets.retry-1.jsonl")
    both.run("watch tickets.retry-1.jsonl")

    page.heading("The operator")
    page.say("May cancel a drop, by its whole id, and nothing else. The uploader drops another file:")
    with stack.at_a_slow_bedrock():
        uploader.write("more.jsonl", questions(150))
        drop_id = uploader.submit("more.jsonl")
        operator.run(f"cancel {drop_id} --yes")
        stack.route_request(drop_id)
        wait_for("the answer to the request", lambda: not stack.objects(prefix="requests/"))
        reader.run("status more.jsonl")
        operator.run("status", 1)
        operator.run(f"watch {drop_id}", 1)
        operator.run(f"results {drop_id}", 1)
        operator.write("more.jsonl", questions(150))
        operator.run("submit more.jsonl --yes", 1)
        page.say("The reader sees what became of it:")
        stack.report_of("more.jsonl")
        reader.run("watch more.jsonl", 1)


class Principal:
    """A user who has only an access key, in a folder of their own."""

    def __init__(self, stack, name, page, normal):
        self.stack = stack
        self.name = name
        self.page = page
        self.normal = normal
        self.folder = Path(stack.cloud.servers.folder.name, name)
        self.folder.mkdir()

    def write(self, name, records):
        (self.folder / name).write_text(lines(records))

    def submit(self, name):
        """Drops a file, and returns the id of the drop."""
        said = self.run(f"submit {name} --yes", learn=name)
        return next(line for line in said.splitlines() if line.endswith(f" {name}")).split()[0]

    def run(self, line, code=0, learn=None):
        """Runs a command, writes down what it prints, and checks its exit code. Events are delivered while it runs."""
        servers, key = self.stack.cloud.servers, self.stack.cloud.keys[self.name]
        variables = {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "BEDROCK_VPC_BATCH_STACK": self.stack.name,
        }
        process = servers.start(
            [COMMAND_LINE, *shlex.split(line)],
            {**servers.environment, **variables},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        end = time.monotonic() + BOUND
        while process.poll() is None and time.monotonic() < end:
            self.stack.route_events()
            time.sleep(0.05)
        same(f"{self.name}: {line}: ended within {BOUND} s", process.poll() is not None, True)
        said = process.stdout.read().rstrip()
        if learn and process.returncode == 0:
            self.normal.add(self.stack.drop_id(learn))
        ended = [f"[exit code {process.returncode}]"] if process.returncode else []
        shown = "\n".join([f"{self.name}$ {NAME} {line}", *([said] if said else []), *ended])
        self.page.show(self.normal.text(shown))
        same(f"{self.name}: {line}: its exit code, of {said}", process.returncode, code)
        return said
