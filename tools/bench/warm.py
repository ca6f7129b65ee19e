"""Measures a warm function from the event to CreateModelInvocationJob, and lists the calls that it makes."""

from collections import Counter
from itertools import islice
from statistics import median, quantiles

import data
from measure import functions, report
from servers import INPUT, EmbeddedS3, Function, notification

EVENTS, RECORDS = 250, 150


def main(_):
    drop = b"".join(islice(data.records("small"), RECORDS))
    milliseconds, calls = {"to job": [], "to answer": []}, []
    with EmbeddedS3() as s3, Function([functions()["submit"]], {"AWS_ENDPOINT_URL_S3": s3.endpoint}) as submit:
        for number in range(EVENTS + 20):
            s3.client.put_object(Bucket=INPUT, Key=f"{number}.jsonl", Body=drop)
            s3.requests()
            answered = submit.invoke(notification(f"{number}.jsonl"))
            if number < 20:
                continue  # until everything is warm
            milliseconds["to job"].append(1000 * (submit.times["created"] - submit.times["invoked"]))
            milliseconds["to answer"].append(1000 * answered)
            calls.append(tuple(call_name(*request) for request in s3.requests()))
        jobs = len(submit.jobs)
    rows = [
        [f"event {what}", f"{median(times):.1f} ms", f"{quantiles(times, n=100)[98]:.1f} ms"]
        for what, times in milliseconds.items()
    ]
    report(
        "warm",
        [f"{EVENTS} events, {RECORDS} records each", "median", "p99"],
        rows,
        {"milliseconds": milliseconds, "calls": calls[0], "bedrock_calls_per_event": jobs / (EVENTS + 20)},
    )
    (sequence, count), *others = Counter(calls).most_common()
    print(
        f"\nCalls of {count} of {EVENTS} events, in order ({len(others)} other sequences): S3 {len(sequence)}, Bedrock 1"
    )
    for call in sequence:
        print(f"- {call}")


def call_name(operation, key):
    """Names a call by its operation and by the folder and the suffix of its key, without the ids."""
    folder, _, rest = (key or "").removeprefix("ledger/").partition("/")
    return f"{operation} {folder + '/….' + rest.rpartition('.')[2] if rest else 'the drop'}"
