"""Writes docs/reference/log-lines.md from the calls in the code that log, or checks that it is current.

Also checks that the table in docs/operations.md, which explains the most important lines, names only messages and fields
that the code has.

Usage: log_lines.py [--check]
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "log-lines.md"
OPERATIONS = ROOT / "docs" / "operations.md"
# The rooms that run in Lambda and log.
ROOMS = ["bin", "flow", "aws"]

HEAD = """# Log lines

Every line that the functions log, by the file that logs it. This page is made from the code by `make reference`.
[Operations](../operations.md#log-lines) explains the most important ones, and has the [metrics](../operations.md#metrics).
All lines also have `timestamp`, `level`, `message`, and `requestId`.

"""

CALL = re.compile(r"\b(debug|info|warn|error)!\(")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
FIELD = re.compile(r"[%?]?([A-Za-z_][\w.]*)\s*(?:=(?!=)|$)")
TABLE_OF_OPERATIONS = "| message | level | fields |\n|---|---|---|\n"


def arguments(code, at):
    """Splits the arguments of a call whose opening bracket ends before `at`."""
    found, start, depth = [], at, 0
    while depth >= 0:
        if string := STRING.match(code, at):
            at = string.end()
            continue
        depth += (code[at] in "([{") - (code[at] in ")]}")
        if depth < 0 or (depth == 0 and code[at] == ","):
            found.append(code[start:at].strip())
            start = at + 1
        at += 1
    return [argument for argument in found if argument]


def logged(path):
    """Yields the lines that a file logs: level, message, fields, metrics."""
    code = path.read_text(encoding="utf-8").split("#[cfg(test)]")[0]
    code = re.sub(r"^\s*//.*$", "", code, flags=re.MULTILINE)
    for call in CALL.finditer(code):
        *fields, last = arguments(code, call.end())
        # A message may be followed by what goes into it.
        while not last.startswith('"') and fields:
            last = fields.pop()
        message = STRING.fullmatch(last)
        if not message:
            line = code.count("\n", 0, call.start()) + 1
            sys.exit(f"log-lines: {path.relative_to(ROOT)}:{line}: no message in this call: {last}")
        message = re.sub(r"\\\n\s*", "", message[1])
        if variable := re.fullmatch(r"\{(\w+)\}", message):
            values = re.findall(rf'let {variable[1]} = "([^"]*)";', code[: call.start()])
            message = values[-1] if values else "…"
        message = re.sub(r"\{[^}]*\}", "…", message)
        names = [FIELD.match(field)[1] for field in fields]
        is_metric = [name[0].isupper() and name != "Status" for name in names]
        kinds = [
            [name for name, metric in zip(names, is_metric, strict=True) if metric is kind] for kind in (False, True)
        ]
        yield call[1].upper(), message, *kinds


def all_lines():
    files = sorted(file for room in ROOMS for file in (ROOT / "src" / room).rglob("*.rs"))
    return [(file.relative_to(ROOT).as_posix(), *line) for file in files for line in logged(file)]


def page(lines):
    def names(values):
        return ", ".join(f"`{value}`" for value in values)

    rows = [
        f"| `{message}` | `{level}` | {names(fields)} | {names(metrics)} | `{file}` |\n"
        for file, level, message, fields, metrics in lines
    ]
    return HEAD + "| message | level | fields | metrics | file |\n|---|---|---|---|---|\n" + "".join(rows)


def wrong_rows(lines):
    """Returns what the table in docs/operations.md has and the code does not."""
    table = OPERATIONS.read_text(encoding="utf-8").partition(TABLE_OF_OPERATIONS)[2].partition("\n\n")[0]
    if not table:
        return ["docs/operations.md has no table of log lines"]
    found = []
    for row in table.splitlines():
        # What is in brackets explains a field.
        messages, levels, fields = row.strip("| ").split(" | ")
        fields = set(re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)|: .*", "", fields)))
        has, at = set(), set()
        for message in re.findall(r"`([^`]+)`", messages):
            said = message.rstrip("… ")
            same = [line for line in lines if (line[2].startswith(said) if said != message else line[2] == said)]
            found += [f"docs/operations.md: nothing logs `{message}`"] * (not same)
            has.update(name for line in same for name in line[3])
            at.update(line[1] for line in same)
        found += [f"docs/operations.md: {messages} has no field `{field}`" for field in sorted(fields - has)]
        wrong = set(re.findall(r"`([A-Z]+)`", levels)) ^ at
        found += [f"docs/operations.md: {messages}: the levels are {', '.join(sorted(at))}"] * bool(wrong)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if the page is not current, and write nothing")
    options = parser.parse_args()
    lines = all_lines()
    current = page(lines)
    if not options.check:
        PAGE.write_text(current, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != current:
        sys.exit(f"log-lines: {PAGE.relative_to(ROOT)} is not what the code logs: run `make reference`")
    if wrong := wrong_rows(lines):
        sys.exit("\n".join(wrong))
    print(f"log-lines: {PAGE.relative_to(ROOT)} is current: {len(lines)} lines")


if __name__ == "__main__":
    main()
