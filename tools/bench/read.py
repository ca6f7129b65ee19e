"""Measures the CPU time of a client that reads and validates a drop from a third-party S3 server on loopback."""

import os
import sys
from pathlib import Path
from statistics import median

import data
from measure import MB, OUT, compare, programs, ratio, report
from servers import ENVIRONMENT, INPUT, client, seaweedfs

PEERS = Path(__file__).with_name("peers.py")
# The bandwidth of a function inside a VPC, and the memory size that comes with one whole CPU.
MB_PER_SECOND, MB_OF_A_CPU = 78, 1769


def main(size):
    rows, all_figures = [], {}
    with seaweedfs() as (http, https, roots):
        for kind in data.KINDS:
            drop = OUT / f"{kind}.jsonl"
            data.write(drop, kind, size)
            client(http).upload_file(str(drop), INPUT, drop.name)
            drop.unlink()
            plain = {**os.environ, **ENVIRONMENT, "AWS_ENDPOINT_URL_S3": http}
            tls = {**plain, "AWS_ENDPOINT_URL_S3": https, "SSL_CERT_FILE": str(roots), "AWS_CA_BUNDLE": str(roots)}
            ours, where = programs()["read_s3"], (INPUT, drop.name)
            figures = compare(
                {
                    "validate": [[ours, "validate", *where], plain],
                    "discard": [[ours, "discard", *where], plain],
                    "boto3 iter_lines + json": [[sys.executable, PEERS, "iter-lines", *where], plain],
                    "boto3 1 MiB chunks + orjson": [[sys.executable, PEERS, "chunks", *where], plain],
                    "validate, TLS": [[ours, "validate", *where], tls],
                    "discard, TLS": [[ours, "discard", *where], tls],
                }
            )
            all_figures[kind] = {"bytes": size, **figures}
            for name in figures:
                cpu = median(figures[name]["cpu"]) / (size / 1e9)
                memory = cpu * MB_PER_SECOND / 1000 * MB_OF_A_CPU
                rows.append(
                    [
                        kind,
                        name,
                        f"{cpu:.2f}",
                        f"{median(figures[name]['wall']):.2f}",
                        f"{ratio(figures, name, 'validate'):.2f}",
                        f"{ratio(figures, name, 'discard'):.2f}",
                        f"{memory:.0f} MB",
                    ]
                )
    header = [
        "records",
        f"{size / MB:,.0f} MB by",
        "CPU s/GB",
        "wall s",
        "CPU, times validate",
        "times discard",
        f"Lambda for {MB_PER_SECOND} MB/s",
    ]
    report("read", header, rows, all_figures)
