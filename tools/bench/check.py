"""Compares checking a file with its estimate and the rules of its model to the engine alone, as whole processes."""

import json
from statistics import median

import data
from measure import MB, OUT, compare, programs, ratio, report

# The models that the records are for.
MODELS = {"large": "us.anthropic.claude-haiku-4-5-20251001-v1:0", "small": "amazon.titan-embed-text-v2:0"}

# What an earlier drop took: with it, no record is looked at for the estimate, so only the engine runs.
SUMMARY = {
    "version": 1,
    "drop_id": "0123456789abcdef0123456789abcdef",
    "source": {
        "bucket": "b",
        "key": "k.jsonl",
        "version_id": None,
        "etag": "e",
        "last_modified": "2026-11-27T00:00:00Z",
        "size_bytes": 1_000,
    },
    "records": {"total": 10, "succeeded": 10, "failed": 0, "unprocessed": 0, "source_deleted": 0},
    "balanced": True,
    "mismatches": [],
    "input_tokens": 1_000,
    "output_tokens": 1_000,
    "files": [],
    "jobs": [],
}


def main(size):
    ours = programs()["bedrock-vpc-batch"]
    summary = OUT / "summary.json"
    summary.write_text(json.dumps(SUMMARY))
    rows, all_figures = [], {}
    for kind in data.KINDS:
        drop = OUT / f"{kind}.jsonl"
        data.write(drop, kind, size)
        drop.read_bytes()
        command = [ours, "check", drop, "--model-id", MODELS[kind]]
        figures = compare(
            {
                "engine alone": [[*command, "--like", summary, "--set", "MODEL_RULES=off"]],
                "check": [command],
                "check --every-record": [[*command, "--every-record"]],
            }
        )
        drop.unlink()
        all_figures[kind] = {"bytes": size, **figures}
        for name in figures:
            cpu = median(figures[name]["cpu"])
            rows.append([kind, name, f"{cpu:.2f}", f"{ratio(figures, name, 'engine alone'):.2f}"])
    header = ["records", f"{size / MB:,.0f} MB by", "CPU s", "times the engine alone"]
    report("check", header, rows, all_figures)
