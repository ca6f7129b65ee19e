"""Measures cold starts: from the start of a process to its first answer, which takes one call over TLS, at the CPU
shares of Lambda."""

import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

from measure import MB, compare, functions, programs, ratio, report, share_of_cpu
from servers import INPUT, Function, TlsServer, notification

MB_OF_A_CPU = 1769
MEMORY = {"128 MB": 128, "256 MB": 256, "512 MB": 512, "no limit": None}
STEPS = ["ready", "invoked", "connected", "TLS", "asked", "answered"]
HANDLER = Path(__file__).parent


def main(_):
    submit, bare = functions()["submit"], programs()["bare_function"]
    rows, steps, all_figures = [], [], {}
    with tempfile.TemporaryDirectory() as folder:
        server = TlsServer(Path(folder))
        contenders = {
            "submit": [submit],
            "Python: awslambdaric, boto3": [sys.executable, "-m", "awslambdaric", "handler.handler"],
            "no SDK: lambda_runtime alone": [bare],
        }
        for memory, megabytes in MEMORY.items():
            once = partial(start, server=server, megabytes=megabytes)
            figures = compare({name: [command] for name, command in contenders.items()}, once)
            all_figures[memory] = figures
            for name in contenders:
                wall, cpu, peak = (median(figures[name][what]) for what in ("answered", "cpu", "peak_mib"))
                rows.append(
                    [
                        memory,
                        name,
                        f"{1000 * wall:.0f} ms",
                        f"{ratio(figures, name, 'submit', 'answered'):.1f}",
                        f"{1000 * cpu:.0f} ms",
                        f"{ratio(figures, name, 'submit'):.2f}",
                        f"{peak:.1f} MiB",
                    ]
                )
            took = {step: 1000 * median(figures["submit"][step]) for step in STEPS}
            steps.append(
                [
                    memory,
                    *(
                        f"{took[step] - (took[before] if before else 0):.1f} ms"
                        for before, step in zip([None, *STEPS[:-1]], STEPS, strict=True)
                    ),
                ]
            )
    header = ["memory size", "function", "first answer", "times submit", "CPU", "CPU, times submit", "peak memory"]
    sizes = {name: Path(path).stat().st_size for name, path in functions().items()}
    sizes["bare"] = Path(bare).stat().st_size
    report("cold", header, rows, {"binary_bytes": sizes, **all_figures})
    report(
        "cold-steps",
        ["submit at", "start to ready", "event", "to connection", "TLS", "request", "to answer"],
        steps,
        {},
    )
    print("\nbinaries: " + ", ".join(f"{name} {size / MB:.1f} MB" for name, size in sizes.items()))


def start(command, server, megabytes):
    """Starts a function, gives it one event, and ends it."""
    environment = {
        "AWS_ENDPOINT_URL_S3": f"https://{server.address}",
        "SSL_CERT_FILE": str(server.roots),
        "AWS_CA_BUNDLE": str(server.roots),
        "PYTHONPATH": str(HANDLER),
        "INPUT_BUCKET": INPUT,
    }
    share = megabytes and megabytes / MB_OF_A_CPU
    with share_of_cpu(share) as limited, Function([*limited, *command], environment) as function:
        server.function = function
        function.invoke(notification("gone.jsonl"))
        times = function.times
        steps = {step: times[step] - times["started"] for step in STEPS if step in times}
        return {**steps, **function.end()}
