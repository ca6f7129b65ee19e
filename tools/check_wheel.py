"""Installs the wheel in dist/ as a user does, and runs the command line without a Rust toolchain in PATH.

Usage: check_wheel.py
"""

import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "support-tickets.jsonl"
RECORDS = len(EXAMPLE.read_bytes().splitlines())
# The commands, and what their output must contain.
RUNS = [
    (["--version"], "bedrock-vpc-batch "),
    (["doctor", "--help"], "--stack"),
    (["validate", EXAMPLE], f": valid, {RECORDS} records, jobs: 1"),
    (["local", EXAMPLE], f": {RECORDS} records = {RECORDS} succeeded + 0 failed + 0 unprocessed"),
]


def run(command, folder, environment):
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    wheels = list((ROOT / "dist").glob("*.whl"))
    if len(wheels) != 1:
        sys.exit(f"dist/: expected one wheel, found {len(wheels)}")
    wheel = wheels[0]
    with tempfile.TemporaryDirectory(prefix="wheel-") as folder:
        started = time.monotonic()
        programs = Path(folder, "venv", "bin")
        venv.create(programs.parent, with_pip=True)
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8"}
        rust = [name for name in ("cargo", "rustc") if shutil.which(name, path=environment["PATH"])]
        if rust:
            sys.exit(f"in PATH: {', '.join(rust)}; this check needs a PATH without Rust")
        run(
            [programs / "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", wheel],
            folder,
            environment,
        )
        installed = time.monotonic() - started
        if found := [name for name in ("submit", "complete") if (programs / name).exists()]:
            sys.exit(f"{wheel.name}: expected only the command line, found {', '.join(found)}")
        for arguments, expected in RUNS:
            found = run([programs / "bedrock-vpc-batch", *arguments], folder, environment)
            if expected not in found:
                sys.exit(f"bedrock-vpc-batch {arguments[0]}: expected {expected!r}, found:\n{found}")
        size = (programs / "bedrock-vpc-batch").stat().st_size / 1e6
    print(
        f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB ({size:.1f} MB installed), installed in {installed:.0f} s, "
        f"{len(RUNS)} commands without Rust"
    )


if __name__ == "__main__":
    main()
