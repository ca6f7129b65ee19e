"""Splits large drops into jobs: how many bytes submit sends, how many jobs it creates, and whether the inputs together
equal the drop.

Then compares the CPU time of letting S3 copy the parts with that of uploading them. SPLIT_SIZE=100 in the environment
makes the first drops 100 MB instead of 4,000. The drops for the CPU time have half of SIZE.
"""

import hashlib
import json
import math
import os
from itertools import islice
from statistics import median

import data
from measure import MB, OUT, compare, functions, programs, ratio, report, run
from servers import ENVIRONMENT, INPUT, OUTPUT, EmbeddedS3, Function, Relay, client, notification, seaweedfs

SPLIT_SIZE = int(os.environ.get("SPLIT_SIZE", "4000")) * MB
# The quotas of one job: https://docs.aws.amazon.com/general/latest/gr/bedrock.html (read 2026-11).
MIN_RECORDS, MAX_RECORDS, MAX_BYTES = 100, 100_000, 1_000_000_000
# The most bytes that the function may send, as a share of the drop.
MOST_SENT = 0.01


def main(size):
    sent, jobs, figures = [], [], []
    for kind in data.KINDS:
        with EmbeddedS3() as s3:
            figures.append({"records": kind, **split(s3, kind)})
        one = figures[-1]
        for name in ("submit", "upload"):
            by = one[name]
            sent.append(
                [
                    kind,
                    f"{one['bytes'] / MB:,.0f} MB",
                    name,
                    f"{by['sent']:,}",
                    f"{by['sent'] / one['bytes']:.3%}",
                    f"{by['wall']:.1f}",
                    f"{by['cpu']:.2f}",
                    f"{by['cpu'] / one['upload']['cpu']:.2f}",
                    f"{by['peak_mib']:.1f} MiB" if "peak_mib" in by else "",
                ]
            )
        jobs.append(
            [
                f"{one['count']:,} {kind}",
                len(one["jobs"]),
                one["fewest_jobs"],
                extent(job["records"] for job in one["jobs"]),
                extent(job["bytes"] / MB for job in one["jobs"]),
                one["sha256"][:16],
            ]
        )
    header = [
        "records",
        "drop",
        "by",
        "bytes sent",
        "of the drop",
        "wall s",
        "CPU s",
        "CPU, times upload",
        "peak memory",
    ]
    report("split", header, sent, figures)
    header = ["records", "jobs", "fewest possible", "records each", "MB each", "sha256 of the drop and of all inputs"]
    report("split-jobs", header, jobs, jobs)
    compare_with_upload(size // 2)


def extent(values):
    values = list(values)
    return f"{min(values):,.0f} to {max(values):,.0f}"


def split(s3, kind):
    """Makes a drop, and passes it to the function and then to the program that uploads the parts."""
    drop = Drop(kind)
    s3.client.upload_fileobj(drop, INPUT, "drop.jsonl")
    with Function([functions()["submit"]], {"AWS_ENDPOINT_URL_S3": s3.endpoint}, is_counted=True) as submit:
        wall = submit.invoke(notification("drop.jsonl"))
        submitted = {"wall": wall, **submit.end()}
    jobs, sha256 = read_inputs(s3, submit.jobs.values())
    demand(sha256 == drop.sha256.hexdigest(), "the inputs of the jobs, joined in order, differ from the drop")
    demand(len(jobs) == drop.fewest_jobs, f"there are {len(jobs)} jobs, but {drop.fewest_jobs} would be enough")
    for job in jobs:
        is_within = MIN_RECORDS <= job["records"] <= MAX_RECORDS and job["bytes"] <= MAX_BYTES
        demand(
            is_within and job["ends_with_line"],
            f"a job is outside the quotas, or its input does not end with a line break: {job}",
        )
    demand(
        submitted["sent"] < MOST_SENT * drop.bytes, f"the function sent {submitted['sent']} bytes, which is too many"
    )
    with Relay(s3.endpoint) as relay:
        upload = [programs()["split_s3"], "upload", INPUT, "drop.jsonl", OUTPUT]
        uploaded = run(upload, {**os.environ, **ENVIRONMENT, "AWS_ENDPOINT_URL_S3": relay.endpoint})
        uploaded["sent"] = relay.sent
    # A relay that misses bytes would miss them here too.
    share = uploaded["sent"] / drop.bytes
    demand(1 <= share < 1 + MOST_SENT, f"the relay counted {share:.3%} of the drop when it was uploaded")
    return {
        "count": drop.records,
        "bytes": drop.bytes,
        "sha256": sha256,
        "fewest_jobs": drop.fewest_jobs,
        "jobs": jobs,
        "submit": submitted,
        "upload": uploaded,
    }


def demand(holds, otherwise):
    if not holds:
        raise SystemExit(f"split: {otherwise}")


class Drop:
    """A drop as a file that can be read once. Counts what is read, and the fewest jobs that could hold it."""

    def __init__(self, kind):
        if kind == "small":
            number = SPLIT_SIZE // data.KINDS[kind] // data.BLOCK_RECORDS
            self.blocks = islice(data.blocks(kind, math.inf), number)
        else:
            self.blocks = data.blocks(kind, SPLIT_SIZE)
        self.unread, self.sha256 = bytearray(), hashlib.sha256()
        self.bytes = self.records = self.fewest_jobs = 0
        # The room left in the last job, if each job is filled before the next.
        self.room_for_records = self.room_for_bytes = 0

    def read(self, size):
        while len(self.unread) < size and (block := next(self.blocks, None)):
            self.unread += block
            self.measure(block)
        read = bytes(self.unread[:size])
        del self.unread[:size]
        return read

    def measure(self, block):
        lines = block.splitlines(keepends=True)
        self.sha256.update(block)
        self.bytes += len(block)
        self.records += len(lines)
        for line in lines:
            if self.room_for_records == 0 or self.room_for_bytes < len(line):
                self.fewest_jobs += 1
                self.room_for_records, self.room_for_bytes = MAX_RECORDS, MAX_BYTES
            self.room_for_records -= 1
            self.room_for_bytes -= len(line)


def read_inputs(s3, requests):
    """Returns the size of each job's input, in the order of the drop, and the SHA-256 of all inputs joined."""
    (entry,) = s3.client.list_objects_v2(Bucket=OUTPUT, Prefix="ledger/drops/")["Contents"]
    state = json.load(s3.client.get_object(Bucket=OUTPUT, Key=entry["Key"])["Body"])["state"]
    demand("parts" in state, f"the function did not accept the drop: {state}")
    keys = [f"work/{part['job_id']}/input/{part['job_id']}.jsonl" for part in state["parts"]]
    asked = [request["inputDataConfig"]["s3InputDataConfig"]["s3Uri"] for request in requests]
    demand(
        sorted(asked) == sorted(f"s3://{OUTPUT}/{key}" for key in keys),
        "the parts and the jobs do not correspond one to one",
    )
    jobs, sha256 = [], hashlib.sha256()
    for key in keys:
        job = {"records": 0, "bytes": 0}
        for chunk in s3.client.get_object(Bucket=OUTPUT, Key=key)["Body"].iter_chunks(MB):
            sha256.update(chunk)
            job["records"] += chunk.count(b"\n")
            job["bytes"] += len(chunk)
        jobs.append({**job, "ends_with_line": chunk.endswith(b"\n")})
    return jobs, sha256.hexdigest()


def compare_with_upload(size):
    rows, all_figures = [], {}
    with seaweedfs() as (http, https, roots):
        client(http).create_bucket(Bucket=OUTPUT)
        plain = {**os.environ, **ENVIRONMENT, "AWS_ENDPOINT_URL_S3": http}
        tls = {**plain, "AWS_ENDPOINT_URL_S3": https, "SSL_CERT_FILE": str(roots)}
        for kind in data.KINDS:
            drop = OUT / f"{kind}.jsonl"
            data.write(drop, kind, size)
            client(http).upload_file(str(drop), INPUT, drop.name)
            drop.unlink()
            commands = {
                "judge": [programs()["read_s3"], "validate", INPUT, drop.name],
                "judge, copy": [programs()["split_s3"], "copy", INPUT, drop.name, OUTPUT],
                "judge, upload": [programs()["split_s3"], "upload", INPUT, drop.name, OUTPUT],
            }
            for over, environment in {"HTTP": plain, "TLS": tls}.items():
                figures = compare({how: [command, environment] for how, command in commands.items()})
                all_figures[f"{kind}, {over}"] = {"bytes": size, **figures}
                for how in figures:
                    cpu, wall = (median(figures[how][figure]) for figure in ("cpu", "wall"))
                    rows.append(
                        [
                            kind,
                            over,
                            how,
                            f"{cpu:.2f}",
                            f"{cpu - median(figures['judge']['cpu']):.2f}",
                            f"{wall:.2f}",
                            f"{ratio(figures, how, 'judge, upload'):.2f}",
                        ]
                    )
    header = ["records", "over", f"{size / MB:,.0f} MB", "CPU s", "of it for parts", "wall s", "CPU, times upload"]
    report("split-cpu", header, rows, all_figures)
