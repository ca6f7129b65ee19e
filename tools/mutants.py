"""Changes the code of the pure rooms, one small change at a time, and lists the changes that no test notices.

The rooms are pure, so they and their tests are built here as a package of their own, without the SDKs. So a change takes
seconds. The tests are the unit tests, the tests in proofs/strictness that are quick, and the corpora of the fuzz targets.
Fails if a change stays unnoticed that tools/mutants-left.txt does not list with a reason.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "mutants"
PACKAGE = WORK / "package"
LEFT = ROOT / "tools" / "mutants-left.txt"

# From the bottom up, as in tests/project/rooms.rs.
ROOMS = ["base", "model", "record", "drop", "job", "ledger", "estimate", "prepare"]
# What the rooms and their tests use, at the versions of Cargo.toml.
DEPENDENCIES = [
    "csv-core", "encoding_rs", "flate2", "memchr", "percent-encoding", "ruzstd", "serde", "serde_json", "sha2", "simdutf8",
    "thiserror", "time", "twox-hash", "wide",
]  # fmt: skip
TEST_DEPENDENCIES = ["fastrand", "proptest"]

# The checks of events need the room `aws`.
IMPURE_CHECK = re.compile(r'pub\(crate\) mod events;\n|    \("events", events::check\),\n')

TESTS = """#![cfg(test)]
mod model;
mod proofs {
    mod checks;
    mod fuzz_replay;
    mod strictness;
}
"""

# The tests that are quick enough to run after each change.
QUICK = ["model::", "proofs::fuzz_replay", "proofs::strictness::each_line", "proofs::strictness::values"]


def toml(value):
    """Writes strings, booleans, lists, and tables of one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


def make_package():
    """Copies the pure rooms and their tests, and keeps what cargo has built of the package before."""
    for folder in ("src", "tests"):
        shutil.rmtree(PACKAGE / folder, ignore_errors=True)
    for room in ROOMS:
        shutil.copytree(ROOT / "src" / room, PACKAGE / "src" / room)
    (PACKAGE / "src" / "lib.rs").write_text("".join(f"pub mod {room};\n" for room in ROOMS))
    proofs = PACKAGE / "tests" / "proofs"
    shutil.copytree(ROOT / "tests" / "proofs" / "strictness", proofs / "strictness")
    shutil.copytree(ROOT / "tests" / "model", PACKAGE / "tests" / "model")
    # The tests of the model rules read these.
    for folder in ("docs", "examples"):
        shutil.copytree(ROOT / folder, PACKAGE / folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "tests" / "fuzz" / "checks", proofs / "checks")
    shutil.copy(ROOT / "tests" / "proofs" / "fuzz_replay.rs", proofs)
    for folder in ("corpus", "targets"):
        ignored = shutil.ignore_patterns("events", "events.rs")
        shutil.copytree(ROOT / "tests" / "fuzz" / folder, PACKAGE / "tests" / "fuzz" / folder, ignore=ignored)
    checks = proofs / "checks" / "mod.rs"
    checks.write_text(IMPURE_CHECK.sub("", checks.read_text()))
    (proofs / "checks" / "events.rs").unlink()
    (PACKAGE / "tests" / "pure.rs").write_text(TESTS)
    write_manifest()
    shutil.copy(ROOT / "Cargo.lock", PACKAGE)


def write_manifest():
    """Writes the package's Cargo.toml, with the versions of the pipeline's."""
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    known = manifest["dependencies"] | manifest["dev-dependencies"]
    for settings in known.values():
        if isinstance(settings, dict):
            settings.pop("optional", None)

    def lines(names):
        return "".join(f"{name} = {toml(known[name])}\n" for name in names)

    (PACKAGE / "Cargo.toml").write_text(f"""[package]
name = "bedrock-vpc-batch"
version = "0.0.0"
edition = "{manifest["package"]["edition"]}"

[dependencies]
{lines(DEPENDENCIES)}
[dev-dependencies]
{lines(TEST_DEPENDENCIES)}
[workspace]

[profile.dev]
debug = false

[profile.test.package."*"]
opt-level = 1
""")


def without_position(mutant):
    """Returns a mutant's name without its line and column, which change too often."""
    return re.sub(r"^([^:]+):\d+:\d+: ", r"\1: ", mutant)


def listed():
    """Returns the mutants that are known to be left."""
    lines = (line.partition(" -- ")[0].strip() for line in LEFT.read_text().splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def test(room):
    """Tests the mutants of a room, prints its figures, and returns those that are left and not listed."""
    output = WORK / room
    output.mkdir(parents=True, exist_ok=True)
    command = [ROOT / ".tools" / "mutants" / "bin" / "cargo-mutants", "mutants", "--in-place", "--no-times"]
    command += ["--file", f"src/{room}/**", "--output", output, "--minimum-test-timeout", "20"]
    command += ["--", "--", f"{room}::", *QUICK]
    subprocess.run(command, cwd=PACKAGE, check=False)

    def found(outcome):
        return (output / "mutants.out" / f"{outcome}.txt").read_text().splitlines()

    # A change that makes the tests run without end is noticed, too.
    caught, missed = found("caught") + found("timeout"), found("missed")
    unviable = len(found("unviable"))
    print(f"mutants: {room}: {len(caught)} caught, {len(missed)} left, {unviable} that do not compile")
    return [mutant for mutant in missed if without_position(mutant) not in listed()]


def main():
    """Tests the rooms that are named."""
    rooms = sys.argv[1:]
    if not rooms or not set(rooms) <= set(ROOMS):
        sys.exit(f"usage: mutants.py ROOM..., where each ROOM is one of {', '.join(ROOMS)}")
    make_package()
    unlisted = [mutant for room in rooms for mutant in test(room)]
    for mutant in unlisted:
        print(f"not noticed by any test: {mutant}")
    sys.exit(1 if unlisted else 0)


if __name__ == "__main__":
    main()
