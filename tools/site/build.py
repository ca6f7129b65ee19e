"""Builds the site in target/site from the documents of the repository, and checks it.

Usage: build.py

The documents keep their places, so their links are the same on GitHub and on the site. MkDocs checks all links between
them, with the anchors. This script checks the rest:

- Python-Markdown and GitHub read Markdown differently. Each page must have as many elements of each kind as
  CommonMark says, and each heading the anchor that GitHub gives it.
- A page loads nothing from another server: no script, style, font, or picture.
"""

import logging
import re
import shutil
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

from markdown_it import MarkdownIt
from mkdocs.commands import build
from mkdocs.config import load_config

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ROOT / "target" / "site-pages"
SETTINGS = Path(__file__).with_name("mkdocs.yml")
SOURCES = ["*.md", "docs/**/*.md", "policies/*.md", "events/*.md"]

# What both readers of Markdown must agree on.
COUNTED = ("h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "table", "tr", "pre", "code", "a", "strong", "em")
# The attributes by which an element loads something. A link that a person follows is not one of them.
LOADING = {
    "script": "src",
    "link": "href",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "embed": "src",
    "object": "data",
    "video": "src",
    "audio": "src",
    "track": "src",
    "use": "href",
}
ELSEWHERE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
STYLE_LOADS = re.compile(r"(?:url\(\s*|@import\s+)[\"']?\s*([^\"')\s;]+)", re.IGNORECASE)


def github_anchor(heading, _separator="-"):
    """Returns the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


class Elements(HTMLParser):
    """Collects the elements of a page, what it loads, and the anchors of its headings."""

    def __init__(self, html, inside=None):
        super().__init__()
        self.inside, self.depth = inside, 0 if inside else 1
        self.lists = 0
        self.counts, self.loads, self.anchors = Counter(), [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "div":
            if self.depth:
                self.depth += 1
            elif attributes.get("role") == self.inside:
                self.depth = 1
        is_permalink = "headerlink" in (attributes.get("class") or "")
        if self.depth and not is_permalink:
            # Whether an item of a list has a paragraph is a matter of space only.
            self.lists += tag == "li"
            self.counts[tag] += not (tag == "p" and self.lists)
            if re.fullmatch("h[1-6]", tag):
                self.anchors.append(attributes.get("id"))
        if value := attributes.get(LOADING.get(tag, "")):
            self.loads.append(value)
        self.loads += [piece.split()[0] for piece in (attributes.get("srcset") or "").split(",") if piece.strip()]
        self.loads += STYLE_LOADS.findall(attributes.get("style") or "")

    def handle_endtag(self, tag):
        if tag == "div" and self.inside and self.depth:
            self.depth -= 1
        self.lists -= bool(tag == "li" and self.depth)

    def handle_data(self, data):
        if self.cdata_elem == "style":
            self.loads += STYLE_LOADS.findall(data)


def for_python_markdown(text):
    """Rewrites what Python-Markdown reads differently: comments, the names of code blocks, and the depth of lists."""
    text = re.sub(r"<!--.*?-->", "", text)
    text = re.sub(r"^( *```\w+) .*$", r"\1", text, flags=re.MULTILINE)
    lines, indent, start, fenced = [], "", 0, False
    for line in text.splitlines():
        item = re.match(r"(?:[-*]|\d+\.) ", line)
        if fenced or line.startswith("```"):
            fenced = fenced != line.startswith("```")
            indent = ""
        elif item:
            # After an item with several paragraphs, the next one needs a blank line.
            lines += [""] * (bool(indent) and "" in lines[start:])
            indent, start = " " * len(item[0]), len(lines)
        elif indent and line.startswith(indent):
            lines.append(" " * 4 + line.removeprefix(indent))
            continue
        elif line:
            indent = ""
        lines.append(line)
    return "\n".join(lines) + "\n"


def stage(folder):
    """Copies the documents, and returns the text of each."""
    shutil.rmtree(folder, ignore_errors=True)
    texts = {}
    for path in sorted({path for source in SOURCES for path in ROOT.glob(source)}):
        name = path.relative_to(ROOT)
        texts[name] = path.read_text(encoding="utf-8")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(for_python_markdown(texts[name]), encoding="utf-8")
    return texts


def differences(name, text, html):
    """Returns what a page has and CommonMark does not say, or the other way round."""
    reader = MarkdownIt("commonmark").enable("table")
    expected = Elements(reader.render(text)).counts
    tokens = reader.parse(text)
    headings = [tokens[at + 1] for at, token in enumerate(tokens) if token.type == "heading_open"]
    page = Elements(html, inside="main")
    found = [
        f"{name}: <{tag}>: {page.counts[tag]} on the site, {expected[tag]} on GitHub"
        for tag in COUNTED
        if page.counts[tag] != expected[tag]
    ]
    anchors, seen = [], Counter()
    for heading in headings:
        shown = "".join(piece.content for piece in heading.children if piece.type in ("text", "code_inline"))
        anchor = github_anchor(shown)
        anchors.append(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    found += [
        f"{name}: a heading has the anchor {ours} on the site, and {theirs} on GitHub"
        for ours, theirs in zip(page.anchors, anchors, strict=False)
        if ours != theirs
    ]
    return found


def loaded_from_elsewhere(site):
    """Returns what the pages and styles load from other servers."""
    found = []
    for path in sorted(site.rglob("*")):
        if path.suffix == ".html":
            loads = Elements(path.read_text(encoding="utf-8")).loads
        elif path.suffix == ".css":
            loads = STYLE_LOADS.findall(path.read_text(encoding="utf-8"))
        else:
            continue
        found += [f"{path.relative_to(site)} loads {load}" for load in loads if ELSEWHERE.match(load)]
    return found


def main():
    logging.basicConfig(format="site: %(message)s", level=logging.WARNING)
    texts = stage(PAGES)
    config = load_config(str(SETTINGS))
    config.mdx_configs.setdefault("toc", {})["slugify"] = github_anchor
    config.plugins.on_startup(command="build", dirty=False)
    build.build(config)
    site = Path(config.site_dir).resolve()
    found = []
    for name, text in texts.items():
        page = name.with_name("index") if name.name == "README.md" else name
        html = (site / page.with_suffix(".html")).read_text(encoding="utf-8")
        found += differences(name, text, html)
    found += loaded_from_elsewhere(site)
    if found:
        sys.exit("\n".join([*found, f"site: differences: {len(found)}"]))
    print(
        f"site: {len(texts)} pages in {site.relative_to(ROOT)}, which load nothing from elsewhere; all links and anchors exist"
    )


if __name__ == "__main__":
    main()
