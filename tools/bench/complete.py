"""Compares the CPU time of the function `complete` with that of reading and judging the same output, and with that of
reading, judging, and uploading it. Drops have half of SIZE; ERRORS=none in the environment measures one kind of output.
"""

import os
from statistics import median

import data
from measure import MB, OUT, RUNS, functions, programs, ratio, report, run
from memory import answer
from servers import ENVIRONMENT, INPUT, OUTPUT, EmbeddedS3, Function, job_ended, notification

# After how many bytes of output there is a record with an error; 0 is every hundredth record.
ERRORS = {"none": None, "one per 64 MiB": 64 << 20, "1 %": 0}


def main(size):
    size //= 2
    rows, all_figures = [], []
    errors = [os.environ["ERRORS"]] if "ERRORS" in os.environ else ERRORS
    for kind in data.KINDS:
        for error in errors:
            figures = {}
            for _ in range(RUNS):
                for name, values in measure(kind, size, error).items():
                    for figure, value in values.items():
                        figures.setdefault(name, {}).setdefault(figure, []).append(value)
            all_figures.append({"records": kind, "errors": error, "figures": figures})
            output_bytes = median(figures["complete"]["bytes"])
            rows.append(
                [
                    kind,
                    error,
                    *(f"{median(figures[name]['cpu']) / (output_bytes / 1e9):.2f}" for name in figures),
                    f"{ratio(figures, 'complete', 'judge'):.2f}",
                    f"{ratio(figures, 'complete', 'upload'):.2f}",
                    f"{max(figures['complete']['peak_mib']):.1f} MiB",
                ]
            )
    header = [
        "records",
        "errors",
        "judge: CPU s/GB",
        "upload: CPU s/GB",
        "complete: CPU s/GB",
        "complete, times judge",
        "times upload",
        "peak memory",
    ]
    report("complete", header, rows, all_figures)


def measure(kind, size, error):
    drop = OUT / "drop.jsonl"
    data.write(drop, kind, size)
    with EmbeddedS3() as s3:
        s3.client.upload_file(str(drop), INPUT, "drop.jsonl")
        endpoint = {"AWS_ENDPOINT_URL_S3": s3.endpoint}
        with Function([functions()["submit"]], endpoint) as submit:
            submit.invoke(notification("drop.jsonl"))
        written = 0
        for job in submit.jobs.values():
            written += answer(s3, job, ERRORS[error], written)
        pages = s3.client.get_paginator("list_objects_v2").paginate(Bucket=OUTPUT)
        keys = [one["Key"] for page in pages for one in page.get("Contents", []) if one["Key"].endswith(".jsonl.out")]
        environment = {**os.environ, **ENVIRONMENT, **endpoint}
        figures = {
            how: run([programs()["judge_output"], how, OUTPUT, *keys], environment) for how in ("judge", "upload")
        }
        with Function([functions()["complete"]], endpoint, jobs=submit.jobs) as complete:
            wall = sum(complete.invoke(job_ended(job)) for job in submit.jobs.values())
            figures["complete"] = {"wall": wall, "bytes": written, **complete.end()}
        pages = s3.client.get_paginator("list_objects_v2").paginate(Bucket=OUTPUT, Prefix="results/")
        results = [one for page in pages for one in page["Contents"] if one["Key"].endswith(".jsonl")]
        if sum(one["Size"] for one in results) != written:
            raise SystemExit("the results and the output differ in size")
    drop.unlink()
    print(f"{kind}, {error}: {written / MB:,.0f} MB in {len(keys)} jobs, {len(results)} result files")
    return figures
