"""What repairs cost `submit`: the bytes that it sends, its CPU time, and its memory, for files of about 4 KB per record."""

import io
import re
from statistics import median

import data
from measure import MB, OUT, RUNS, functions, report
from servers import INPUT, EmbeddedS3, Function, notification

RECORD_ID = re.compile(rb'"recordId":"R(\d+)"')
# A repaired line may lose bytes, and a call has headers. So the drop is sent once, or not at all.
MOST_SENT = 0.01


def with_integers(drop):
    """Makes each id an integer. A JSON number has no leading zeros, so each starts with 1."""
    return RECORD_ID.sub(rb'"recordId":1\1', drop)


def with_blank_line_within(drop):
    """Puts a blank line between two records in the middle of the drop."""
    middle = drop.index(b"\n", len(drop) // 2) + 1
    return drop[:middle] + b"\n" + drop[middle:]


FILES = {
    "clean": lambda drop: drop,
    "blank last line": lambda drop: drop + b"\n",
    "byte order mark": lambda drop: b"\xef\xbb\xbf" + drop,
    "blank line in the middle": with_blank_line_within,
    "integer ids": with_integers,
}


def main(size):
    """Passes each file to the function RUNS times."""
    plain = OUT / "repair.jsonl"
    data.write(plain, "large", size)
    drop = plain.read_bytes()
    plain.unlink()
    rows, all_figures = [], {}
    for name, change in FILES.items():
        body = change(drop)
        figures = [submit(body) for _ in range(RUNS)]
        all_figures[name] = {"bytes": len(body), "runs": figures}
        middle = {figure: median(run[figure] for run in figures) for figure in figures[0]}
        rows.append(
            [
                name,
                f"{middle['sent']:,.0f}",
                f"{middle['sent'] / len(body):.1%}",
                middle["jobs"],
                f"{middle['cpu']:.2f}",
                f"{middle['wall']:.1f}",
                f"{middle['peak_mib']:.1f}",
            ]
        )
    header = [f"{size / MB:,.0f} MB", "bytes sent", "of the drop", "jobs", "CPU s", "wall s", "peak memory, MiB"]
    report("repair", header, rows, all_figures)
    for name in ("clean", "blank last line", "byte order mark"):
        for run in all_figures[name]["runs"]:
            if run["sent"] > MOST_SENT * len(drop):
                raise SystemExit(f"repair: {name}: the function sent {run['sent']:,} bytes, which is too many")


def submit(body):
    """Drops a file, and returns what the function needed. A file that does not become a job ends the benchmark."""
    with EmbeddedS3() as s3:
        s3.client.upload_fileobj(io.BytesIO(body), INPUT, "drop.jsonl")
        with Function([functions()["submit"]], {"AWS_ENDPOINT_URL_S3": s3.endpoint}, is_counted=True) as function:
            wall = function.invoke(notification("drop.jsonl"))
            figures = {"wall": wall, **function.end(), "jobs": len(function.jobs)}
    if not figures["jobs"]:
        raise SystemExit("repair: the function made no job")
    return figures
