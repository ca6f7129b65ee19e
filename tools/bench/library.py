"""The library by itself, on one thread: the benches of benches/library.rs."""

import re
import subprocess

from measure import programs, report


def main(_):
    ran = subprocess.run([programs()["library"], "--bench"], stdout=subprocess.PIPE, text=True, check=True)
    rows, bench, records = [], None, None
    for line in ran.stdout.splitlines()[1:]:
        # Name or argument, then fastest, slowest, median and mean of the time; on the next line those of the rate.
        if begin := re.match(r"[├╰]─ (\w+)", line):
            bench = begin[1]
        elif argument := re.match(r"[│ ]  [├╰]─ (\d+) +(.+?)  ", line):
            records, time = argument[1], argument[2]
        elif rate := re.match(r"[│ ]  [│ ]  +(.+?)  ", line):
            rows.append([bench, f"{records} B", time, rate[1]])
    # The fastest: what else the machine does can only add to it.
    report("library", ["bench", "records", "time, fastest", "rate, fastest"], rows, rows)
