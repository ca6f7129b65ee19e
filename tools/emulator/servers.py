"""Runs MiniStack as AWS, and this project's stand-in as Bedrock."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

from report import Mismatch, wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND_LINE = ROOT / "target" / "debug" / "bedrock-vpc-batch"
ACCOUNT = "123456789012"
REGION = "us-east-1"
LOG_LINES = 40


class Servers:
    """Runs both on free ports of 127.0.0.1 while the `with` block lasts, and leaves nothing behind."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="emulator-")
        self.processes = []
        self.log_path = Path(self.folder.name, "ministack.log")
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        self.environment = environment(self.folder.name, self.endpoint)
        try:
            self.stand_in = StandIn(self.start_stand_in())
            self.start_ministack()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind, *_):
        for process in reversed(self.processes):
            end(process)
        if kind is not None and self.log_path.is_file():
            lines = self.log_path.read_text(errors="replace").splitlines()
            print(f"The end of the emulator's log:\n{chr(10).join(lines[-LOG_LINES:])}", file=sys.stderr)
        self.folder.cleanup()

    def start(self, command, environment, **output):
        """Starts a process in a new process group, to which its own child processes belong too."""
        process = subprocess.Popen(command, env=environment, text=True, start_new_session=True, **output)
        self.processes.append(process)
        return process

    def start_stand_in(self, pace_ms=50):
        command = [COMMAND_LINE, "stand-in", "--s3-endpoint", self.endpoint, "--pace-ms", str(pace_ms)]
        command += ["--account-id", ACCOUNT, "--region", REGION]
        return self.start(command, self.environment, stdout=subprocess.PIPE)

    def start_ministack(self):
        """Starts MiniStack last, because it passes the endpoints in its own environment on to the functions."""
        server = Path(__file__).parent / "account_server.py"
        variables = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": self.endpoint.rpartition(":")[2],
            "IOT_MTLS_PORT": "0",
            "AUTH": "true",
            "AWS_ENDPOINT_URL_BEDROCK": self.stand_in.endpoint,
        }
        with self.log_path.open("w") as log:
            process = self.start(
                [sys.executable, "-B", server], {**self.environment, **variables}, stdout=log, stderr=subprocess.STDOUT
            )
        wait_for("MiniStack's first answer", lambda: self.answers(process))

    def answers(self, process):
        if process.poll() is not None:
            raise Mismatch(f"MiniStack: expected to run, ended with code {process.returncode}")
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=1):
                return True
        except OSError:
            return False


class StandIn:
    """The Bedrock stand-in: its address, and the events that it has sent so far."""

    def __init__(self, process):
        self.endpoint = process.stdout.readline().strip()
        if not self.endpoint.startswith("http://127.0.0.1:"):
            raise Mismatch(f"the stand-in: expected its address, found {self.endpoint!r}")
        self.events = []
        threading.Thread(target=self.read, args=[process.stdout], daemon=True).start()

    def read(self, lines):
        for line in lines:
            self.events.append(json.loads(line))


def end(process):
    """Lets a process end its child processes, and then kills what is left of its group."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment(folder, endpoint):
    """Returns the environment of every process, without the user's own configuration and without a proxy."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": folder,
        "TMPDIR": folder,
        "LC_ALL": "C.UTF-8",
        # MiniStack takes the access key id for the account id.
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # The host is an IP address, so all SDKs, including those of the functions, put the bucket into the path.
        "AWS_ENDPOINT_URL": endpoint,
        "SAM_CLI_TELEMETRY": "0",
    }


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
