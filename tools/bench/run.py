"""Benchmarks whole processes: python tools/bench/run.py [SECTION…]. Without a section, runs them all.

SIZE=200 in the environment makes the drops 200 MB instead of 1,000; RUNS=3 takes medians of 3 instead of 5.
"""

import importlib
import os
import sys

from measure import OUT

SECTIONS = ["validate", "check", "repair", "read", "split", "complete", "memory", "warm", "cold", "library"]


def main(sections):
    if unknown := set(sections) - set(SECTIONS):
        sys.exit(f"unknown section: {', '.join(unknown)}; the sections are {', '.join(SECTIONS)}")
    OUT.mkdir(parents=True, exist_ok=True)
    for section in sections or SECTIONS:
        importlib.import_module(section).main(int(os.environ.get("SIZE", "1000")) * 1_000_000)
    print(f"\nbench: {len(sections or SECTIONS)} sections done; the figures are in target/bench/")


if __name__ == "__main__":
    main(sys.argv[1:])
