"""Counts the instructions for validating a drop and scanning an output, and compares them with the recorded counts.

Times vary on a shared machine; instruction counts do not. Usage: python3 tools/bench/instructions.py [--record]
"""

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from measure import build

RECORD = Path(__file__).with_suffix(".json")
# A larger ratio is a regression. Compilers differ by less.
TOLERANCE = 1.05
BYTES = 8_000_000
WORK = [(what, kind) for what in ("validate", "output") for kind in ("large", "small")]


def count(program, *arguments):
    ran = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(ran.stderr.rpartition("Collected : ")[2].split()[0])


def main(is_to_record):
    if not shutil.which("valgrind"):
        print("instructions: not counted, because valgrind is not installed")
        return
    program = build("instructions", features="bench")["instructions"]
    counts = {}
    for work in WORK:
        once, thrice = (count(program, *work, times) for times in ("1", "3"))
        counts[" ".join(work)] = round((thrice - once) / 2 / BYTES, 3)
    recorded = json.loads(RECORD.read_text())
    if is_to_record:
        recorded[platform.machine()] = counts
        RECORD.write_text(json.dumps(recorded, indent=1) + "\n")
    known = recorded.get(platform.machine(), {})
    worse = [name for name, value in counts.items() if value > TOLERANCE * known.get(name, value)]
    print(
        "instructions per byte: "
        + ", ".join(f"{name} {value} (on record {known.get(name, 'nothing')})" for name, value in counts.items())
    )
    if worse:
        sys.exit(f"instructions: more than {TOLERANCE} times those on record: {', '.join(worse)}")


if __name__ == "__main__":
    main(sys.argv[1:] == ["--record"])
