"""Prints what CHANGELOG.md says of a version, for its release.

Fails unless the tag names the version in Cargo.toml and the changelog starts with the section of that version.

Usage: release_notes.py v0.2.0
       release_notes.py --self-test
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADING = re.compile(r"^## (\S+)(?: \(\d{4}-\d\d-\d\d\))?$", re.MULTILINE)


class Unready(Exception):
    """Says why a version cannot be released."""


def notes(tag, version, changelog):
    """Returns the text of the first section, which is the version's."""
    if tag != f"v{version}":
        raise Unready(f"the tag is {tag}, but the version in Cargo.toml is {version}")
    sections = list(HEADING.finditer(changelog))
    if not sections or sections[0][1] != version:
        first = sections[0][0] if sections else "no section"
        raise Unready(f"CHANGELOG.md starts with {first!r}, expected ## {version}")
    end = sections[1].start() if len(sections) > 1 else len(changelog)
    text = changelog[sections[0].end() : end].strip()
    if not text:
        raise Unready(f"CHANGELOG.md says nothing of {version}")
    return text + "\n"


CHANGELOG = "# Changelog\n\n## 0.2.0 (2026-12-01)\n\n- New.\n\n## 0.1.0\n\n- Old.\n"
# A tag, a version, a changelog, and the expected notes, or the start of the expected reason.
SAMPLES = [
    ("v0.2.0", "0.2.0", CHANGELOG, "- New.\n"),
    ("v0.1.0", "0.1.0", "# Changelog\n\n## 0.1.0\n\n- Old.\n", "- Old.\n"),
    ("0.2.0", "0.2.0", CHANGELOG, "the tag is 0.2.0"),
    ("v0.2.1", "0.2.0", CHANGELOG, "the tag is v0.2.1"),
    ("v0.1.0", "0.1.0", CHANGELOG, "CHANGELOG.md starts with '## 0.2.0"),
    ("v0.2.0", "0.2.0", CHANGELOG.replace("## 0.2.0", "## Unreleased\n\n## 0.2.0"), "CHANGELOG.md starts with '## Un"),
    ("v0.2.0", "0.2.0", "# Changelog\n", "CHANGELOG.md starts with 'no section'"),
    ("v0.2.0", "0.2.0", CHANGELOG.replace("- New.", ""), "CHANGELOG.md says nothing of 0.2.0"),
]


def self_test():
    """Checks this script by samples, because only a release uses it."""
    for tag, version, changelog, expected in SAMPLES:
        try:
            found, is_as_expected = (text := notes(tag, version, changelog)), text == expected
        except Unready as reason:
            found, is_as_expected = str(reason), str(reason).startswith(expected)
        if not is_as_expected:
            sys.exit(f"self-test: expected {expected!r} for {tag}, found {found!r}")
    print(f"release notes: {len(SAMPLES)} samples behave as expected")


def main(argument):
    if argument == "--self-test":
        self_test()
        return
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    try:
        print(notes(argument, version, (ROOT / "CHANGELOG.md").read_text()), end="")
    except Unready as reason:
        sys.exit(f"release notes: {reason}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
