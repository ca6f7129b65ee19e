"""Compares validating a file in the page cache, as a whole process, with Python, `wc -l`, and `cat`."""

import sys
from pathlib import Path
from statistics import median

import data
from measure import MB, OUT, compare, programs, ratio, report

PEERS = Path(__file__).with_name("peers.py")


def main(size):
    ours = programs()["bedrock-vpc-batch"]
    rows, all_figures = [], {}
    for kind in data.KINDS:
        drop = OUT / f"{kind}.jsonl"
        data.write(drop, kind, size)
        drop.read_bytes()
        figures = compare(
            {
                "validate": [[ours, "validate", drop]],
                "Python json": [[sys.executable, PEERS, "json", drop]],
                "Python orjson": [[sys.executable, PEERS, "orjson", drop]],
                "wc -l": [["wc", "-l", drop]],
                "cat": [["cat", drop]],
            }
        )
        drop.unlink()
        all_figures[kind] = {"bytes": size, **figures}
        for name in figures:
            cpu, wall = (median(figures[name][figure]) for figure in ("cpu", "wall"))
            rows.append(
                [
                    kind,
                    name,
                    f"{cpu:.2f}",
                    f"{wall:.2f}",
                    f"{size / 1e9 / cpu:.2f}",
                    f"{ratio(figures, name, 'validate'):.2f}",
                ]
            )
    header = ["records", f"{size / MB:,.0f} MB by", "CPU s", "wall s", "GB per CPU s", "CPU, times ours"]
    report("validate", header, rows, all_figures)
