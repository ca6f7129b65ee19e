"""Runs processes, measures their CPU time, wall time, and memory, and prints tables."""

import datetime
import json
import os
import platform
import subprocess
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "target" / "bench"
SAM_BIN = ROOT / ".tools" / "sam" / "bin"
RUNS = int(os.environ.get("RUNS", "5"))
MB = 1_000_000


@cache
def functions():
    """Builds the functions as they are deployed, and returns their paths by name."""
    return build("submit", "complete")


@cache
def programs():
    """Builds the command line and the programs of benches/ in one build, and returns their paths by name."""
    names = "bedrock-vpc-batch", "library", "read_s3", "judge_output", "split_s3", "s3_server", "bare_function"
    return build(*names, features="local,bench")


def build(*names, features=None):
    """Builds with the same tool and flags as `sam build`, and so reuses what that has built."""
    command = [
        SAM_BIN / "cargo-lambda",
        "lambda",
        "build",
        "--release",
        "--locked",
        *(f"--bin={name}" for name in names),
    ]
    command += [f"--features={features}"] if features else []
    path = f"{SAM_BIN}:{os.environ['PATH']}"
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, stdout=subprocess.DEVNULL, check=True)
    return {name: ROOT / "target" / "lambda" / name / "bootstrap" for name in names}


def run(command, env=None):
    """Runs a process, and returns its CPU and wall time in seconds."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return {"cpu": usage.ru_utime + usage.ru_stime, "wall": wall}


def compare(contenders, once=run):
    """Measures all contenders in turn, RUNS times. Maps {name: arguments of `once`} to {name: {figure: [values]}}."""
    figures = {name: {} for name in contenders}
    for _ in range(RUNS):
        for name, arguments in contenders.items():
            for figure, value in once(*arguments).items():
                figures[name].setdefault(figure, []).append(value)
    return figures


def ratio(figures, name, base, figure="cpu"):
    """Returns how many times as much `name` takes as `base`: the median over the pairs of runs."""
    return median(one / other for one, other in zip(figures[name][figure], figures[base][figure], strict=True))


def peak_memory(pid):
    """Returns the peak memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def machine():
    cpu = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": f"{len(cpu)} × {cpu[0]}",
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def report(name, header, rows, figures):
    """Prints a table in Markdown, and writes the figures as JSON."""
    table = [header, ["---"] * len(header), *rows]
    print(f"\n{name}\n")
    for row in table:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    text = json.dumps({"machine": machine(), "runs": RUNS, "figures": figures}, indent=1, ensure_ascii=False)
    (OUT / f"{name}.json").write_text(text + "\n")


@contextmanager
def share_of_cpu(share):
    """Yields a command prefix that limits what it runs to a share of one CPU, as Lambda does; empty without a share."""
    if share is None:
        yield []
        return
    period = 20_000  # µs, as in Lambda
    v1, v2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
    group = (v1 if v1.is_dir() else v2) / f"bench-{os.getpid()}"
    group.mkdir()
    try:
        if v1.is_dir():
            (group / "cpu.cfs_period_us").write_text(str(period))
            (group / "cpu.cfs_quota_us").write_text(str(int(share * period)))
        else:
            (group / "cpu.max").write_text(f"{int(share * period)} {period}")
        # A shell, because a fork of this process would use up the share by itself.
        yield ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', group / "cgroup.procs"]
    finally:
        time.sleep(0.1)
        group.rmdir()
