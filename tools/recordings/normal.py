"""Replaces what differs from run to run: ids, ages, and times left. Counts and messages stay as they are."""

import hashlib
import json
import re

ID_CHARS = 32
# The ids that commands show: whole, as a command takes them, and in a table.
SHOWN_CHARS = (ID_CHARS, 12, 8)
AGE = "5 s"
LEFT = "~9 s left"
PUT = "2026-11-28T10:00:00Z"
TIME_PUT = re.compile(r"(?<=^\"Dropped by EXAMPLE at )\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ(?=\.\"$)", re.MULTILINE)
TIME_LEFT = re.compile(r"~\d+ (?:s|min) left$", re.MULTILINE)
# A table of drops, which has other rows below its drops.
HEAD = re.compile(r"(?P<left>DROP +STATE) +AGE(?=  )")
ROW = re.compile(r"(?P<left>[0-9a-f]{8}  [A-Z][a-z]+) +\d+ (?:s|min)(?=  )")


class Normal:
    """The ids that were seen so far, each with the one that replaces it."""

    def __init__(self):
        self.ids = {}

    def learn(self, lines_of_json):
        """Takes the ids from what `status --json` prints. New ones are numbered in the order of their keys."""
        drops = [json.loads(line) for line in lines_of_json.splitlines()]
        for drop in sorted(drops, key=lambda drop: drop["key"]):
            self.add(drop["drop_id"])

    def add(self, drop_id):
        number = len(self.ids)
        self.ids.setdefault(drop_id, hashlib.sha256(f"drop {number}".encode()).hexdigest()[:ID_CHARS])

    def text(self, shown):
        """Returns a text with the same ids, ages, and times left in every run."""
        for real, instead in self.ids.items():
            for chars in SHOWN_CHARS:
                # A terminal breaks a long line anywhere.
                pattern = r"(?<![0-9a-f])" + r"\n?".join(real[:chars]) + r"(?![0-9a-f])"
                shown = re.sub(pattern, lambda found, chars=chars: wrapped(instead[:chars], found.group()), shown)  # noqa: B023
        shown = "\n".join(without_ages(shown.split("\n")))
        return TIME_PUT.sub(PUT, TIME_LEFT.sub(LEFT, shown))


def wrapped(text, like):
    """Breaks a text where another one of the same length is broken."""
    rest = iter(text)
    return "".join(char if char == "\n" else next(rest) for char in like)


def without_ages(lines):
    """Sets all ages in tables of drops to the same one. The column is as wide as it, and all others stay as they are."""
    found = [HEAD.match(line) or ROW.match(line) for line in lines]
    width = max((len(match["left"]) for match in found if match), default=0)
    return [
        f"{match['left']:{width}}  {'AGE' if HEAD.match(line) else AGE}{line[match.end() :]}" if match else line
        for line, match in zip(lines, found, strict=True)
    ]
