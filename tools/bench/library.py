"""Measures the library by itself, on one thread: the benches of benches/library.rs."""

import re
import subprocess

from measure import programs, report


def main(_):
    ran = subprocess.run([programs()["library"], "--bench"], stdout=subprocess.PIPE, text=True, check=True)
    rows, bench, records = [], None, None
    for line in ran.stdout.splitlines()[1:]:
        # A line has the name or argument, then the fastest, slowest, median, and mean time. The next line has the rates.
        if name := re.match(r"[├╰]─ (\w+)", line):
            bench = name[1]
        elif argument := re.match(r"[│ ]  [├╰]─ (\d+) +(.+?)  ", line):
            records, time = argument[1], argument[2]
        elif rate := re.match(r"[│ ]  [│ ]  +(.+?)  ", line):
            rows.append([bench, f"{records} B", time, rate[1]])
    # The fastest run, because other load on the machine can only slow it down.
    report("library", ["bench", "records", "time, fastest", "rate, fastest"], rows, rows)
