"""The servers that the functions talk to, on loopback: the Lambda Runtime API, Bedrock, and three kinds of S3."""

import json
import os
import queue
import secrets
import signal
import socket
import socketserver
import ssl
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from botocore.config import Config

from measure import OUT, ROOT, peak_memory, programs

# New for each run, because other users of the machine can reach these servers too.
KEYS = {"AWS_ACCESS_KEY_ID": f"AKIA{secrets.token_hex(8).upper()}", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20)}
JOB_ARN = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/"
INPUT, OUTPUT = "bench-input", "bench-output"

# What template.yaml sets, and what Lambda adds.
ENVIRONMENT = {
    "INPUT_BUCKET": INPUT,
    "OUTPUT_BUCKET": OUTPUT,
    "JOB_NAME_PREFIX": "bench",
    "JOB_ROLE_ARN": "arn:aws:iam::123456789012:role/bench",
    "SUBNET_IDS": "subnet-0a0a0a0a,subnet-0b0b0b0b",
    "SECURITY_GROUP_IDS": "sg-0c0c0c0c",
    "MODEL_ID": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "S3_FORCE_PATH_STYLE": "true",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
    "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
    "PATH": os.environ["PATH"],
    **KEYS,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def answer(self, status, body=None, headers=()):
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler, function):
        super().__init__(("127.0.0.1", 0), handler)
        self.function = function
        self.address = f"127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_):
        # A killed process leaves its connections open.
        pass

    def close(self):
        self.shutdown()
        self.server_close()

    def __exit__(self, *_):
        self.close()


class FunctionHandler(Handler):
    """The Lambda Runtime API and the called part of Bedrock.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """

    def do_GET(self):
        function = self.server.function
        if self.path.endswith("/invocation/next"):
            function.note("ready")
            event = function.events.get()
            function.note("invoked")
            self.answer(
                200,
                event,
                [
                    ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
                    ("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 900_000)),
                    ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:bench"),
                ],
            )
        else:
            self.answer(200, function.jobs[self.path.rpartition("%2F")[2]])

    def do_POST(self):
        function, body = self.server.function, self.body()
        if self.path == "/model-invocation-job":
            function.note("created")
            bedrock_id = f"{len(function.jobs):012}"
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            function.jobs[bedrock_id] = {
                **body,
                "jobArn": JOB_ARN + bedrock_id,
                "status": "Completed",
                "submitTime": now,
                "lastModifiedTime": now,
                "endTime": now,
            }
            self.answer(200, {"jobArn": JOB_ARN + bedrock_id})
        else:
            function.note("answered")
            self.answer(202, {"status": "OK"})
            function.answers.put((self.path, body))


class RelayHandler(socketserver.BaseRequestHandler):
    """Passes bytes between a client and the target server, in both directions."""

    def handle(self):
        with socket.create_connection(self.server.target) as target:
            for one in (self.request, target):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=pass_on, args=(target, self.request), daemon=True)
            back.start()
            pass_on(self.request, target, self.server.count)
            back.join()


def pass_on(source, target, count=lambda _: None):
    buffer = memoryview(bytearray(1 << 18))
    # A killed process resets its connections.
    with suppress(OSError):
        while size := source.recv_into(buffer):
            count(size)
            target.sendall(buffer[:size])
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Relay(Server):
    """Forwards to a server on loopback, and counts the bytes that clients send to it."""

    request_queue_size = 128

    def __init__(self, endpoint):
        super().__init__(RelayHandler, None)
        scheme, slashes, address = endpoint.rpartition("//")
        host, port = address.split(":")
        self.target = host, int(port)
        self.endpoint = f"{scheme}{slashes}{self.address}"
        self.sent, self.lock = 0, threading.Lock()

    def count(self, size):
        with self.lock:
            self.sent += size


class Function:
    """The process of a function. Its environment names the servers; with relays, the bytes that it sends are counted."""

    def __init__(self, command, environment, jobs=None, is_counted=False):
        self.events, self.answers = queue.Queue(), queue.Queue()
        self.jobs = {} if jobs is None else jobs
        self.times = {}
        self.server = Server(FunctionHandler, self)
        self.environment = {
            **ENVIRONMENT,
            "AWS_LAMBDA_RUNTIME_API": self.server.address,
            "AWS_ENDPOINT_URL_BEDROCK": f"http://{self.server.address}",
            **environment,
        }
        names = [name for name in self.environment if name.startswith(("AWS_ENDPOINT_URL", "AWS_LAMBDA_RUNTIME_API"))]
        self.relays = {name: Relay(self.environment[name]) for name in names if is_counted}
        self.environment |= {name: relay.endpoint for name, relay in self.relays.items()}
        self.times["started"] = time.perf_counter()
        self.process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def note(self, what):
        self.times.setdefault(what, time.perf_counter())

    def invoke(self, event):
        """Sends an event, and returns the seconds until the answer. Fails if the answer is an error."""
        for what in ("invoked", "created", "answered"):
            self.times.pop(what, None)
        self.events.put(event)
        path, answer = self.answers.get(timeout=900)
        if not path.endswith("/response"):
            raise SystemExit(f"the function failed: {answer}")
        return self.times["answered"] - self.times["invoked"]

    def end(self):
        """Ends the process, and returns its CPU seconds, its peak memory, and, if counted, the bytes that it sent."""
        if self.process.returncode is None:
            peak_mib = peak_memory(self.process.pid)
            self.process.kill()
            _, self.process.returncode, usage = os.wait4(self.process.pid, 0)
            self.usage = {"cpu": usage.ru_utime + usage.ru_stime, "peak_mib": peak_mib}
            if self.relays:
                self.usage["sent"] = sum(relay.sent for relay in self.relays.values())
            for server in (*self.relays.values(), self.server):
                server.close()
        return self.usage

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def notification(key):
    event = json.loads((ROOT / "events" / "s3-put-unversioned.json").read_text())
    event["Records"][0]["s3"]["bucket"]["name"] = INPUT
    event["Records"][0]["s3"]["object"]["key"] = key
    return event


def job_ended(job):
    event = json.loads((ROOT / "events" / "job-state-completed.json").read_text())
    event["detail"] |= {"batchJobArn": job["jobArn"], "batchJobName": job["jobName"]}
    return event


def client(endpoint, **more):
    config = Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "total_max_attempts": 10})
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        config=config,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        **more,
    )


class EmbeddedS3:
    """The project's own S3, empty, in a separate process."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(dir=OUT)
        self.process = subprocess.Popen(
            [programs()["s3_server"], self.folder.name, INPUT, OUTPUT],
            env={**os.environ, **KEYS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.endpoint = self.process.stdout.readline().strip()
        self.client = client(self.endpoint)
        return self

    def requests(self):
        """Returns the (operation, key) of every request since the last call."""
        self.process.stdin.write("\n")
        return [tuple(request) for request in json.loads(self.process.stdout.readline())]

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


@contextmanager
def seaweedfs():
    """Runs a third-party S3 server. Yields its HTTP endpoint, its TLS endpoint, and the root certificates for it."""
    with tempfile.TemporaryDirectory(dir=OUT) as name:
        folder = Path(name)
        certificate = make_certificate(folder)
        (folder / "data").mkdir()
        keys = {"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}
        identity = {"name": "bench", "credentials": [keys], "actions": ["Admin"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        names = [f"{of}.port{grpc}" for of in ("s3", "master", "volume", "filer") for grpc in ("", ".grpc")]
        ports = dict(zip(["s3.port.https", *names], free_ports(9), strict=True))
        with (OUT / "seaweedfs.log").open("w") as log:
            process = subprocess.Popen(
                [
                    ROOT / ".tools/venv/bin/weed",
                    "server",
                    "-ip=127.0.0.1",
                    "-ip.bind=127.0.0.1",
                    "-filer",
                    "-s3",
                    "-dir=data",
                    "-s3.config=s3.json",
                    "-master.telemetry=false",
                    "-master.volumeSizeLimitMB=1024",
                    "-volume.max=20",
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                    "-filer.localSocket=filer.sock",
                    "-s3.localSocket=s3.sock",
                    "-s3.cert.file=cert.pem",
                    "-s3.key.file=key.pem",
                    *(f"-{name}={port}" for name, port in ports.items()),
                ],
                cwd=folder,
                env={**os.environ, "HOME": str(folder)},
                stdout=log,
                stderr=log,
            )
        try:
            endpoints = f"http://127.0.0.1:{ports['s3.port']}", f"https://127.0.0.1:{ports['s3.port.https']}"
            until_ready(lambda: client(endpoints[0]).create_bucket(Bucket=INPUT))
            yield *endpoints, certificate
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def until_ready(attempt):
    for _ in range(300):
        try:
            return attempt()
        except Exception as error:
            last = error
            time.sleep(0.1)
    raise SystemExit(f"the server did not start: {last}")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def make_certificate(folder):
    """Makes cert.pem and key.pem for 127.0.0.1. Returns a file with that certificate and the machine's roots."""
    (folder / "openssl.cnf").write_text(
        "[req]\ndistinguished_name=name\nx509_extensions=extensions\nprompt=no\n[name]\nCN=bench\n"
        "[extensions]\nsubjectAltName=IP:127.0.0.1\n"
    )
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-config",
            "openssl.cnf",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    # A function loads this many too, and loading them takes time.
    roots = Path(ssl.get_default_verify_paths().openssl_cafile)
    bundle = folder / "roots.pem"
    bundle.write_bytes((folder / "cert.pem").read_bytes() + (roots.read_bytes() if roots.is_file() else b""))
    return bundle


class TlsHandler(Handler):
    """Answers as S3 does when a function asks for a drop that is gone."""

    def setup(self):
        function = self.server.function
        function.note("connected")
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        function.note("TLS")
        super().setup()

    def do_HEAD(self):
        self.server.function.note("asked")
        self.answer(404)


class TlsServer(Server):
    def __init__(self, folder):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.roots = make_certificate(folder)
        self.context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        super().__init__(TlsHandler, None)
