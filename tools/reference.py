"""Writes docs/reference/commands.md from what `--help` says, or checks that it is current.

Usage: reference.py [--check] [--bin FILE]
"""

import argparse
import re
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "commands.md"
PROGRAM = "bedrock-vpc-batch"
COLUMNS = 100

HEAD = f"""# Commands

What `{PROGRAM} --help` says about each command. This page is made from the code by `make reference`.

Settings are in [configuration](../configuration.md), codes of problems in [problems](../problems.md), and what is logged in
[log lines](log-lines.md).
"""

# The options by which a command finds its stack are the same for all, and are listed once.
STACK_HEADING = "Options for a stack"
STACK = f"""
## {STACK_HEADING}

Commands with these options work with a deployed stack, or with a pipeline on this machine
([which stack](../follow.md#which-stack)).
"""


def help_of(binary, *command):
    # The first argument is the name that the help calls the program.
    arguments = [PROGRAM, *command, "--help"]
    return subprocess.run(arguments, executable=binary, check=True, capture_output=True, text=True).stdout


def wrapped(text):
    """Wraps long lines, with the indentation that they have."""
    lines = []
    for line in text.splitlines():
        indent = re.match(r" *", line)[0]
        further = indent + "  " * bool(re.match(r"\S+: ", line.strip()))
        options = {"break_long_words": False, "break_on_hyphens": False}
        is_prose = len(line) > COLUMNS and not line.lstrip().startswith("{")
        lines += textwrap.wrap(line, COLUMNS, subsequent_indent=further, **options) if is_prose else [line.rstrip()]
    return "\n".join(lines)


def prose(text):
    """Writes paragraphs as Markdown. What is in backticks stays as it is."""
    pieces = re.split(r"(`[^`]*`)", text.strip())
    escaped = [piece if piece.startswith("`") else re.sub(r"([<*_\[])", r"\\\1", piece) for piece in pieces]
    paragraphs = re.split(r"\n\n+", "".join(escaped))
    return "\n\n".join(textwrap.fill(paragraph, 120, break_on_hyphens=False) for paragraph in paragraphs)


def block(text):
    return "```text\n" + wrapped(textwrap.dedent(text).strip()) + "\n```\n"


def page(binary):
    overview = help_of(binary)
    listed = re.search(r"^Commands:\n(.*?)\n\n", overview, re.MULTILINE | re.DOTALL)[1]
    names = [name for name in re.findall(r"^  ([a-z-]+)", listed, re.MULTILINE) if name != "help"]
    if not names:
        sys.exit(f"reference: `{PROGRAM} --help` lists no commands:\n{overview}")
    text, stack = HEAD, None
    for name in names:
        about, _, rest = help_of(binary, name).partition("\nUsage: ")
        usage, _, sections = rest.partition("\n")
        sections, found, options = sections.partition("\nStack:\n")
        text += f"\n## {name}\n\n{prose(about)}\n\n" + block(f"Usage: {usage}\n{sections}")
        if found:
            if stack not in (None, options):
                sys.exit(f"reference: the options for a stack of `{name}` differ from those of other commands")
            stack = options
            text += f"\nAnd the [options for a stack](#{STACK_HEADING.lower().replace(' ', '-')}).\n"
    return text + STACK + "\n" + block(stack)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "debug" / PROGRAM)
    parser.add_argument("--check", action="store_true", help="fail if the page is not current, and write nothing")
    options = parser.parse_args()
    written = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    current = page(options.bin)
    commands = current.count("\n## ") - 1
    if not options.check:
        PAGE.write_text(current, encoding="utf-8")
        print(f"reference: {PAGE.relative_to(ROOT)}: {commands} commands")
    elif written != current:
        sys.exit(f"reference: {PAGE.relative_to(ROOT)} is not what --help says: run `make reference`")
    else:
        print(f"reference: {PAGE.relative_to(ROOT)} is current: {commands} commands")


if __name__ == "__main__":
    main()
