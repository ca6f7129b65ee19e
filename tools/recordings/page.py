"""A page of recordings in docs/, which is written or compared."""

import difflib
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "docs" / "recordings"
COLUMNS = 120


class Page:
    """Markdown, made piece by piece."""

    def __init__(self, name, title, command):
        self.path = FOLDER / name
        self.pieces = [f"# {title}", f"<!-- `{command}` writes this page. -->"]

    def heading(self, text):
        self.pieces.append(f"## {text}")

    def say(self, text):
        self.pieces.append(textwrap.fill(text, COLUMNS, break_long_words=False, break_on_hyphens=False))

    def show(self, text, kind="console"):
        self.pieces.append(f"```{kind}\n{text}\n```")

    def content(self):
        return "\n\n".join(self.pieces) + "\n"

    def write(self):
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(self.content())

    def difference(self):
        """Returns how the page in docs/ differs from what was recorded; empty if it does not."""
        name = str(self.path.relative_to(ROOT))
        before = self.path.read_text() if self.path.exists() else ""
        lines = (text.splitlines(keepends=True) for text in (before, self.content()))
        return "".join(difflib.unified_diff(*lines, name, "what was recorded"))
