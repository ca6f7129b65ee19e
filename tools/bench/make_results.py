"""Makes a drop of any size and its results, as the pipeline writes them: `make_results.py RECORDS FOLDER [BYTES]`.

FOLDER gets `in.jsonl` and the folder `results`. Every part is shuffled, every 100th record has an error, and every 1,000th was
never processed. A record and its result have about BYTES each.
"""

import json
import random
import sys
from pathlib import Path

PART_RECORDS = 50_000
DROP_ID = "0123456789abcdef0123456789abcdef"
MODEL = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
FOLDERS = ["succeeded", "errors", "unprocessed"]


def lines_of(number, text):
    """Returns the line of a record in the drop, which folder has its result, and that result."""
    asked = f'{{"messages":[{{"role":"user","content":[{{"text":"{number}"}}]}}]}}'
    start = f'{{"recordId":"r{number}","modelInput":{asked}'
    if number % 1_000 == 999:
        return start + "}\n", 2, start + "}\n"
    if number % 100 == 99:
        return start + "}\n", 1, start + ',"error":{"errorCode":400,"errorMessage":"bad request"}}\n'
    usage = '{"inputTokens":1,"outputTokens":2,"totalTokens":3}'
    message = f'{{"role":"assistant","content":[{{"text":"{text} {number}"}}]}}'
    output = f'{{"output":{{"message":{message}}},"stopReason":"end_turn","usage":{usage}}}'
    return start + "}\n", 0, start + f',"modelOutput":{output}}}\n'


def job(number, counts):
    """Returns a part in `summary.json`."""
    return {
        "part": number,
        "attempt": 1,
        "job_id": f"{number:032x}",
        "job_arn": f"arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/{number:012}",
        "outcome": {
            "status": "Completed",
            "message": None,
            "model_id": MODEL,
            "submit_time": "2026-11-27T10:00:00Z",
            "end_time": "2026-11-27T11:00:00Z",
            "records": {"succeeded": counts[0], "failed": counts[1], "retried": 0, "unprocessed": counts[2]},
            "next": None,
            "input_tokens": counts[0],
            "output_tokens": 2 * counts[0],
            "mismatches": [],
        },
    }


def main(records, folder, size=200):
    results = folder / "results"
    for name in FOLDERS:
        (results / name).mkdir(parents=True, exist_ok=True)
    mix = random.Random(0)
    text = "x" * max(0, size - 240)
    jobs, files, totals, bytes_of_drop = [], [], [0, 0, 0], 0
    with (folder / "in.jsonl").open("w") as drop:
        for number, start in enumerate(range(0, records, PART_RECORDS), 1):
            found = [[], [], []]
            for record in range(start, min(start + PART_RECORDS, records)):
                line, kind, result = lines_of(record, text)
                drop.write(line)
                bytes_of_drop += len(line)
                found[kind].append(result)
            counts = [len(lines) for lines in found]
            totals = [total + count for total, count in zip(totals, counts, strict=True)]
            jobs.append(job(number, counts))
            for name, lines in zip(FOLDERS, found, strict=True):
                if lines:
                    mix.shuffle(lines)
                    file = f"{name}/part-{number:05}.jsonl"
                    (results / file).write_text("".join(lines))
                    files.append(file)
    source = {
        "bucket": "in",
        "key": "in.jsonl",
        "version_id": None,
        "etag": '"e"',
        "last_modified": "2026-11-27T09:00:00Z",
        "size_bytes": bytes_of_drop,
    }
    sums = {"total": records, "succeeded": totals[0], "failed": totals[1], "unprocessed": totals[2]}
    summary = {
        "version": 1,
        "drop_id": DROP_ID,
        "source": source,
        "records": {**sums, "source_deleted": 0},
        "balanced": True,
        "mismatches": [],
        "input_tokens": totals[0],
        "output_tokens": 2 * totals[0],
        "files": files,
        "jobs": jobs,
    }
    (results / "summary.json").write_text(json.dumps(summary))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
