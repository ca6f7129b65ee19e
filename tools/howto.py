"""Runs what the tutorial and the how-tos show, and compares what is printed with what they say.

Usage: howto.py [--bin FILE] [PAGE…]

Each page starts in a fresh folder with the examples of the repository, and without a home, AWS settings, or variables
of its caller. Of its code blocks,

- `console` is run, command by command. The whole output must be as shown. `console exit=1` is a block whose commands
  must end with 1; all others must end with 0. In `console terminal`, they run in a terminal, and questions get the
  answers that the page shows.
- a block with a name, such as `csv reviews.csv`, is written to that file.
- `sql athena` is read by sqlglot as Athena's SQL. Athena itself cannot be run here: a CREATE TABLE is only parsed, and
  its table has the lines of the files that its LOCATION names, from the copy in `out/`. A query is translated to the
  dialect of DuckDB, run on these lines, and must print the next `text` block.
- `sh` is not run, because it needs an AWS account, a build, or a network. The pages say so.

`bedrock-vpc-batch local` without files runs until the page ends, as it does in a terminal of its own.

What differs from run to run is replaced in what is printed and in what is shown: an id by its number of appearance, so
that two different ids stay different, a time by a word, an age by another. Lines about the progress of a drop that has
not ended may be missing or differ. Everything else must be equal.
"""

import argparse
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import sqlglot

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs" / "howto").glob("*.md"))]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LOCAL = re.compile(r"bedrock-vpc-batch local(?! .*\.jsonl)\b")
SECONDS = 60

# An id, also its first 8 or 12 characters.
ID = re.compile(r"\b(?:[0-9a-f]{32}|[0-9a-f]{12}|[0-9a-f]{8})\b")
TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|\b\d{8}T\d{6}Z\b")
# A drop in the table of `status`: its age sits between its state and its records.
ROW = re.compile(r"^(<id \d+>\s+[A-Z][a-z]+)\s+\d+ (?:s|min|h)(?=\s+\d+/\d+\s)")
# A file that `retry` makes for `submit`.
TEMPORARY = re.compile(r"^/\S*/bedrock-vpc-batch-[0-9a-f]{16}/(?=\S+\.jsonl: )", re.MULTILINE)
ERASED = re.compile(r"[^\n]*\x1b\[2K")
# The size of a folder of results, which has times.
SIZE = re.compile(r"(?<=files, )\d+ bytes(?=; each has the checksum)")
PROGRESS = re.compile(
    r"^(?:[0-9a-f]{8} \S+: (?:New|Reading|Preparing|Waiting|Running|Checking)[:,] .*"
    r"|note: \S+: no such drop yet; looking again for 60 s)\n",
    re.MULTILINE,
)


class PageError(Exception):
    """What a page says is not what happens."""


def plain(text):
    """Replaces what differs from run to run."""
    text = PROGRESS.sub("", text)
    text = TIME.sub("<time>", TEMPORARY.sub("", text))
    text = SIZE.sub("<size>", text)
    ids = {}

    def number(found):
        # The first 8 characters tell the ids of a page apart.
        return f"<id {ids.setdefault(found[0][:8], len(ids) + 1)}>"

    lines = ID.sub(number, text).splitlines()
    # The columns of the table are as wide as their ages.
    is_table = [line.startswith("DROP ") or ROW.match(line) for line in lines]
    lines = [ROW.sub(r"\1 <age>", line) for line in lines]
    return [" ".join(line.split()) if table else line.rstrip() for line, table in zip(lines, is_table, strict=True)]


class Page:
    """One page, on its way from its first block to its last."""

    def __init__(self, path, folder, binary):
        self.path, self.folder = path, folder
        self.servers = []
        self.shown, self.printed = "", ""
        self.counts = {"commands": 0, "files": 0, "statements of Athena": 0, "blocks not run": 0}
        self.lines_of = {}
        self.rows = None
        programs = folder / ".bin"
        programs.mkdir()
        (programs / "bedrock-vpc-batch").symlink_to(binary)
        path_variable = os.pathsep.join([str(programs), str(Path(sys.executable).parent), "/usr/bin", "/bin"])
        self.environment = {"PATH": path_variable, "HOME": str(folder / ".home"), "LANG": "C.UTF-8"}
        for example in (ROOT / "examples").iterdir():
            shutil.copy(example, folder)

    def run(self):
        text = self.path.read_text(encoding="utf-8")
        for block in FENCE.finditer(text):
            self.line = text.count("\n", 0, block.start()) + 1
            kind, _, name = block["info"].partition(" ")
            if kind == "console":
                self.console(block["text"], name)
            elif (kind, name) == ("sql", "athena"):
                self.athena(block["text"])
            elif name:
                (self.folder / name).write_text(block["text"], encoding="utf-8")
                self.counts["files"] += 1
            elif kind == "sh":
                self.counts["blocks not run"] += 1
            elif kind == "text" and self.rows is not None:
                self.compare(block["text"], self.rows, "the query")
                self.rows = None
            else:
                self.fail(f"a block of the kind {kind!r} is neither run nor a file")
        if self.rows is not None:
            self.fail("the result of the last query is not shown")

    def fail(self, message):
        raise PageError(f"{self.path.relative_to(ROOT)}:{self.line}: {message}")

    def compare(self, shown, printed, what):
        # Earlier outputs stay in front, so that an id means the same one on all of the page.
        shown, printed = (text.rstrip("\n") + "\n" for text in (shown, printed))
        shown_lines, printed_lines = plain(self.shown + shown), plain(self.printed + printed)
        if shown_lines != printed_lines:
            self.fail(f"{what} prints\n{printed}\nand the page shows\n{shown}")
        self.shown, self.printed = self.shown + shown, self.printed + printed

    def console(self, text, option):
        code = int(option.removeprefix("exit=")) if option.startswith("exit=") else 0
        for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, shown = step.partition("\n")
            self.counts["commands"] += 1
            if LOCAL.match(command):
                self.serve(command, shown)
                continue
            run = self.in_terminal if option == "terminal" else self.piped
            ended, printed = run(command, shown)
            if ended != code:
                self.fail(f"`{command}` ends with {ended}, not {code}:\n{printed}")
            self.compare(shown, printed, f"`{command}`")

    def piped(self, command, _):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout

    def in_terminal(self, command, shown):
        """Runs a command in a terminal, and answers its questions as the page does."""
        answers = re.findall(r"\[y/N\] (.*)\n", shown)
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment | {"TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        printed, asked, deadline = b"", 0, time.monotonic() + SECONDS
        with os.fdopen(ours, "r+b", buffering=0) as terminal:
            while select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                try:
                    piece = terminal.read(4096)
                except OSError:
                    # The other end is closed.
                    break
                printed += piece
                if printed.count(b"[y/N] ") > asked and asked < len(answers):
                    terminal.write(answers[asked].encode() + b"\n")
                    asked += 1
        if time.monotonic() > deadline:
            child.kill()
        text = printed.decode().replace("\r\n", "\n")
        # What a bar has erased.
        return child.wait(), ERASED.sub("", text)

    def serve(self, command, shown):
        """Starts a pipeline, and waits until it has printed as many lines as the page shows."""
        server = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=(output := (self.folder / f".local-{len(self.servers)}").open("w+b")),
            stderr=subprocess.STDOUT,
        )
        self.servers.append((server, output))
        deadline = time.monotonic() + SECONDS
        while (printed := Path(output.name).read_text(encoding="utf-8")).count("\n") < shown.count("\n"):
            if server.poll() is not None or time.monotonic() > deadline:
                self.fail(f"`{command}` does not start:\n{printed}")
            time.sleep(0.02)
        self.compare(shown, printed, f"`{command}`")

    def athena(self, text):
        for statement in sqlglot.parse(text, read="athena"):
            self.counts["statements of Athena"] += 1
            location = statement.find(sqlglot.exp.LocationProperty)
            if location:
                folder = location.this.name.rstrip("/").rsplit("/", 1)[-1]
                files = sorted((self.folder / "out" / folder).iterdir())
                lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
                columns = [column.name for column in statement.this.expressions]
                if len(columns) != 1 or not lines:
                    self.fail(f"the table has the columns {columns} and {len(lines)} lines")
                self.lines_of[statement.this.this.name] = (columns[0], lines)
                continue
            database = duckdb.connect()
            for table, (column, lines) in self.lines_of.items():
                database.execute(f'CREATE TABLE "{table}" ("{column}" VARCHAR)')
                database.executemany(f'INSERT INTO "{table}" VALUES (?)', [[line] for line in lines])
            result = database.execute(statement.sql("duckdb"))
            rows = [[column[0] for column in result.description], *result.fetchall()]
            self.rows = "".join(" | ".join("" if cell is None else str(cell) for cell in row) + "\n" for row in rows)

    def stop(self):
        for server, output in self.servers:
            if server.poll() is None:
                server.send_signal(signal.SIGINT)
                try:
                    server.wait(SECONDS)
                except subprocess.TimeoutExpired:
                    server.kill()
            output.close()


def self_test():
    """Fails unless what may differ is ignored, and nothing else is."""
    row = "52f173e6  Finished  1 min      4/4  0.00001  a.jsonl"
    other = "4b6650b4  Finished  10 s      4/4  0.00001  a.jsonl"
    same = [
        ("52f173e6aefeeb9ad0f83c4152f7f205 a.jsonl", "4b6650b4dc13c134db0438d63adfe52b a.jsonl"),
        (row, other),
        ("52f173e6 a.jsonl: Running, 0/4 records: x\n52f173e6 a.jsonl: Finished", "4b6650b4 a.jsonl: Finished"),
        ("note: a.jsonl: no such drop yet; looking again for 60 s\n1 record", "1 record"),
        ("at 2026-11-28T05:36:40Z", "at 2026-11-29T06:36:40.123Z"),
    ]
    different = [
        (row, row.replace("4/4", "3/4")),
        (row, row.replace("0.00001", "0.00002")),
        (row, row.replace("Finished", "Rejected")),
        ("52f173e6 and 52f173e6", "52f173e6 and 4b6650b4"),
        ("52f173e6 a.jsonl: Finished, 4/4 records", "52f173e6 a.jsonl: Rejected: no record"),
        ("12 tokens", "13 tokens"),
    ]
    for pairs, expected in [(same, True), (different, False)]:
        for shown, printed in pairs:
            if (plain(shown) == plain(printed)) is not expected:
                sys.exit(f"self-test: {shown!r} and {printed!r} are {'different' if expected else 'equal'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "debug" / "bedrock-vpc-batch")
    parser.add_argument("pages", nargs="*", type=Path, help="the pages to run; by default all")
    options = parser.parse_args()
    self_test()
    failures = 0
    for path in [page.resolve() for page in options.pages] or PAGES:
        with tempfile.TemporaryDirectory() as folder:
            page = Page(path, Path(folder), options.bin.resolve(strict=True))
            start = time.monotonic()
            try:
                page.run()
            except (PageError, subprocess.TimeoutExpired, sqlglot.errors.ParseError, duckdb.Error) as error:
                print(f"{path.relative_to(ROOT)}: {error}" if not isinstance(error, PageError) else error)
                failures += 1
            else:
                counts = ", ".join(f"{name}: {count}" for name, count in page.counts.items() if count)
                print(f"howto: {path.relative_to(ROOT)}: {counts}; {time.monotonic() - start:.1f} s")
            finally:
                page.stop()
    if failures:
        sys.exit(f"howto: pages that do not show what happens: {failures}")


if __name__ == "__main__":
    main()
