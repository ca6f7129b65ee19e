"""Measures the peak memory and time of both functions for drops of 1 MB to 4 GB, each function in a new process."""

import os

import data
from measure import MB, OUT, functions, report
from servers import INPUT, OUTPUT, EmbeddedS3, Function, job_ended, notification

SIZES = [int(size) * MB for size in os.environ.get("SIZES", "1 100 1000 4000").split()]
FUNCTIONS = ["submit", "complete"]
ANSWER = b',"modelOutput":{"content":[{"type":"text","text":"Sorry, a new one is on its way."}]}}\n'
REFUSAL = b',"error":{"errorCode":400,"errorMessage":"The prompt was refused."}}\n'


def main(_):
    rows, figures = [], []
    for kind in data.KINDS:
        for size in SIZES:
            with EmbeddedS3() as s3:
                figures.append({"records": kind, **measure(s3, kind, size)})
            one = figures[-1]
            rows.append(
                [
                    kind,
                    f"{size / MB:,.0f} MB",
                    one["jobs"],
                    *(
                        text
                        for name in FUNCTIONS
                        for text in (
                            f"{one[name]['peak_mib']:.1f} MiB",
                            f"{one[name]['wall']:.2f}",
                            f"{size / MB / one[name]['wall']:,.0f}",
                            f"{one[name]['cpu']:.2f}",
                        )
                    ),
                ]
            )
    header = [
        "records",
        "drop",
        "jobs",
        *(f"{name}: {what}" for name in FUNCTIONS for what in ("peak memory", "wall s", "MB/s", "CPU s")),
    ]
    report("memory", header, rows, figures)
    growth = [[kind, *(f"{peak_ratio(figures, kind, name):.2f}" for name in FUNCTIONS)] for kind in data.KINDS]
    between = f"{max(SIZES) / MB:,.0f} MB, times that of {min(SIZES) / MB:,.0f} MB"
    report("memory-growth", [f"peak memory for {between}", *FUNCTIONS], growth, growth)


def peak_ratio(figures, kind, name):
    peaks = {one["bytes"]: one[name]["peak_mib"] for one in figures if one["records"] == kind}
    return peaks[max(SIZES)] / peaks[min(SIZES)]


def measure(s3, kind, size):
    drop = OUT / "drop.jsonl"
    data.write(drop, kind, size)
    s3.client.upload_file(str(drop), INPUT, "drop.jsonl")
    drop.unlink()
    endpoint = {"AWS_ENDPOINT_URL_S3": s3.endpoint}
    with Function([functions()["submit"]], endpoint) as submit:
        submitted = figures_of(submit, [notification("drop.jsonl")])
    jobs = submit.jobs
    if not jobs:
        raise SystemExit(f"submit did not create a job for the drop of {size} bytes; its rejection is in the results")
    written = sum(answer(s3, job) for job in jobs.values())
    with Function([functions()["complete"]], endpoint, jobs=jobs) as complete:
        completed = figures_of(complete, [job_ended(job) for job in jobs.values()])
    pages = s3.client.get_paginator("list_objects_v2").paginate(Bucket=OUTPUT, Prefix="results/")
    results = [one for page in pages for one in page["Contents"] if one["Key"].endswith(".jsonl")]
    if sum(one["Size"] for one in results) != written:
        raise SystemExit("the results and the output differ in size")
    return {"bytes": size, "jobs": len(jobs), "submit": submitted, "complete": completed}


def figures_of(function, events):
    wall = sum(function.invoke(event) for event in events)
    return {"wall": wall, **function.end()}


def answer(s3, job, bytes_apart=0, before=0):
    """Writes the output of a job as Bedrock would, and returns its size. `before` is the size of the other jobs' outputs.
    After each `bytes_apart` bytes of all of them there is an error: none if that is None, and every hundredth record if
    it is 0."""
    key = job["inputDataConfig"]["s3InputDataConfig"]["s3Uri"].removeprefix(f"s3://{OUTPUT}/")
    folder = job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"].removeprefix(f"s3://{OUTPUT}/")
    output = OUT / "output.jsonl"
    number = failed = size = 0
    previous = before
    with output.open("wb") as file:
        rest = b""
        for chunk in s3.client.get_object(Bucket=OUTPUT, Key=key)["Body"].iter_chunks(1 << 20):
            *lines, rest = (rest + chunk).split(b"}\n")
            for line in lines:
                if bytes_apart:
                    is_failed = (before + size) // bytes_apart > previous // bytes_apart
                    previous = before + size
                else:
                    is_failed = bytes_apart == 0 and number % 100 == 0
                failed += is_failed
                number += 1
                size += file.write(line + (REFUSAL if is_failed else ANSWER))
    name = f"{folder.rstrip('/')}/{job['jobArn'].rpartition('/')[2]}/{key.rpartition('/')[2]}.out"
    s3.client.upload_file(str(output), OUTPUT, name)
    job |= {
        "totalRecordCount": number,
        "processedRecordCount": number,
        "successRecordCount": number - failed,
        "errorRecordCount": failed,
    }
    written = output.stat().st_size
    output.unlink()
    return written
