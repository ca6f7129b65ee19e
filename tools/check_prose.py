"""Finds phrases that read as if translated. `typos` checks words; this script checks phrases.

Reads the comments and strings of Rust, Python, and JavaScript, Markdown outside code fences, and all of YAML, TOML,
and the Makefile. Lines of one comment are joined first, so a phrase that is wrapped is found too. Code in backticks
is skipped. Prints `path:line: "phrase": advice` for each finding, and exits with 1 if there are any.
"""

import argparse
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Data, and text that we did not write.
SKIPPED = re.compile(
    r"^(LICENSE|(?:.*/)?Cargo\.lock|tests/fuzz/corpus/.*|examples/.*|events/.*\.json|tools/policies/package.*\.json)$"
)

# English that contains "is no": comparisons and a few idioms.
FINE_AFTER_NO = r"(?:longer|use|one|good)\b|(?:more|less|other|\w+er)~than\b|different~from\b|[|–—-]"

# What to find, and what to write instead. A tilde matches any white space, a line break included.
PHRASES = [
    (r"\bfor~ever\b", "say how long, or: indefinitely"),
    (r"\b(?:hold|holds|held|holding)~(?:[^\s.;:!?]+~){0,10}?against\b", "compare A with B, or check A for B"),
    (r"\bsomebody~else\b", "another invocation, another writer, another caller"),
    (r"\bso~many\b", "give the number, or: that many, as many"),
    (r"\b(?:comes?|came|coming)~to(?=[.;,:)]|\s*\Z)", "result in, add up to, or: the result of"),
    (r"\b(?:comes?|came|coming)~to~(?:pass|fit|this)\b", "happen, fit, or: result in"),
    (rf"\b(?:is|are|was|were|be|been|being)~no~(?!{FINE_AFTER_NO})\S+", "is not a …, are not …, or the direct form"),
    (r"\bbehind~the~(?:end|last)\b", "after the end, past the end"),
    (r"\bnothing~but\b", "only"),
    (r"\bof~the~one~kind\b", "name the kind"),
    (r"\b(?:a|the|its|their|whose|every|this)~begin\b|\b(?:the|its|their)~begins\b", "start"),
]
PHRASES = [(re.compile(pattern.replace("~", r"\s+"), re.IGNORECASE), advice) for pattern, advice in PHRASES]

# "There is no …", with up to two words between, as in "there may still be no".
THERE = re.compile(r"\bthere\s+(?:\w+\s+){0,2}\Z", re.IGNORECASE)

DOC_START = re.compile(r"\s*(Of|The same|Whether there may be|Such)\b")
DOC_ADVICE = "start a doc comment with a third-person verb or with the thing itself"

# A blank line, a list item, or a row of a table starts a new paragraph.
PARAGRAPH = re.compile(r"\n(?=[ \t]*(?:\n|[-*|] |\d+\. |\|))")

C_LIKE = {
    ".rs": re.compile(
        r"""(?P<comment>//[^\n]*|/\*.*?\*/)
        |(?P<raw>\b[bc]?r(?P<hashes>\#*)".*?"(?P=hashes))
        |(?P<string>"(?:\\.|[^"\\])*")
        |'(?:\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.)|[^\\'\n])'""",
        re.DOTALL | re.VERBOSE,
    ),
    ".mjs": re.compile(
        r"""(?P<comment>//[^\n]*|/\*.*?\*/)
        |(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)
        |(?<=[(,=:\[!&|?{};])\s*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+/""",
        re.DOTALL | re.VERBOSE,
    ),
}


def blank(text, pattern):
    """Replaces what matches with spaces, so that every character keeps its offset."""
    return re.sub(pattern, lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def blank_string(literal):
    """Returns the contents of a string literal, with spaces for its quotes, its prefix, and its escapes."""
    quoted = blank(literal, r"""^[a-zA-Z]*\#*(?:\"\"\"|'''|["'`])|(?:\"\"\"|'''|["'`])\#*$""")
    return blank(quoted, r"\\(?s:.)")


def c_like_units(text, suffix):
    """Yields (offset, prose, is doc comment) for each string, and for each run of line comments of one kind."""
    run = None
    for token in C_LIKE[suffix].finditer(text):
        if token["comment"] is None:
            literal = token["string"] or ("raw" in token.re.groupindex and token["raw"])
            if literal:
                yield token.start(), blank_string(literal), False
            continue
        marker = re.match(r"//[/!]?|/\*[*!]?", token[0])[0]
        own_line = not text[text.rfind("\n", 0, token.start()) + 1 : token.start()].strip()
        if run and own_line and run[2] == marker and re.fullmatch(r"[ \t]*\n[ \t]*", text[run[1] : token.start()]):
            run[1] = token.end()
            continue
        if run:
            yield c_like_comment(text, *run)
        run = [token.start(), token.end(), marker]
    if run:
        yield c_like_comment(text, *run)


def c_like_comment(text, start, end, marker):
    prose = blank(text[start:end], r"(?m)^[ \t]*(?://[/!]?|/?\*+[/!]?)|\*/$")
    return start, prose, len(marker) == 3


def python_units(text):
    """Yields (offset, prose, is docstring) for each run of comments, and for each run of adjacent strings."""
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    start_of_fstring, end_of_fstring = (getattr(tokenize, f"FSTRING_{end}", None) for end in ("START", "END"))
    depth = 0
    run, last = None, tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        start, end = (lines[row - 1] + column for row, column in (token.start, token.end))
        # Before Python 3.12 an f-string is one token; since then it is many, which nest.
        depth += (token.type == start_of_fstring) - (token.type == end_of_fstring)
        kind = tokenize.STRING if depth or token.type == end_of_fstring else token.type
        if kind in (tokenize.COMMENT, tokenize.STRING):
            if (
                run
                and run[0] == kind
                and not (kind == tokenize.COMMENT and text[lines[token.start[0] - 1] : start].strip())
            ):
                run[2].append((start, end))
            else:
                if run:
                    yield python_unit(text, *run)
                run = [kind, last in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT), [(start, end)]]
        elif run and not (kind == tokenize.NL and (run[0] == tokenize.STRING or not blank_line(text, start))):
            yield python_unit(text, *run)
            run = None
        if kind not in (tokenize.NL, tokenize.COMMENT):
            last = kind


def blank_line(text, offset):
    return not text[text.rfind("\n", 0, offset) + 1 : offset].strip()


def python_unit(text, kind, is_first, spans):
    first, end = spans[0][0], spans[-1][1]
    prose, at = "", first
    for start, stop in spans:
        piece = text[start:stop]
        piece = blank(piece, r"^#+") if kind == tokenize.COMMENT else blank_string(piece)
        prose += blank(text[at:start], r"\S") + piece
        at = stop
    assert len(prose) == end - first
    return first, prose, kind == tokenize.STRING and is_first


def markdown_units(text):
    yield 0, blank(text, r"(?ms)^[ \t]*(```|~~~).*?^[ \t]*\1|^[ \t]*(?:#+|>)"), False


def hash_units(text):
    """Yields YAML, TOML, and Makefiles: each run of `#` comments, each trailing comment, each value."""
    offset, kind_before, start, prose = 0, None, 0, ""
    for line in text.splitlines(keepends=True):
        comment = re.search(r"(?:^|(?<=\s))#+", line)
        head = line[: comment.start()] if comment else line
        if head.strip():
            kind = "value"
            if kind_before != kind or re.match(r"\s*(?:- )?[\w.:-]+\s*[:=](?:\s|$)", line):
                yield start, prose, False
                start, prose = offset, ""
            prose += head + ("" if head == line else " " * (len(line) - len(head) - 1) + "\n")
            if comment:
                yield offset + comment.end(), line[comment.end() :], False
        else:
            kind = "comment" if comment else None
            if kind_before != kind:
                yield start, prose, False
                start, prose = offset, ""
            prose += blank(line, r"^\s*#+")
        offset, kind_before = offset + len(line), kind
    yield start, prose, False


def reader(path):
    """Returns the function that yields the prose in a file, or None for an unknown kind of file."""
    path = Path(path)
    if path.suffix in C_LIKE:
        return lambda text: c_like_units(text, path.suffix)
    if path.suffix in (".yaml", ".yml", ".toml", ".txt") or path.name == "Makefile":
        return hash_units
    return {".py": python_units, ".md": markdown_units}.get(path.suffix)


def findings(path, text):
    """Returns the findings in a file in order: (line, phrase, advice)."""
    found = []
    for offset, prose, is_doc in reader(path)(text):
        masked = re.sub(r"`[^`]*`", lambda code: re.sub(r"[^\n`]", "x", code[0]), prose)
        if is_doc and (start := DOC_START.match(masked)):
            found.append((offset + start.start(1), start[1], DOC_ADVICE))
        at = 0
        for end in [*(split.start() for split in PARAGRAPH.finditer(masked)), len(masked)]:
            paragraph = masked[at:end]
            for pattern, advice in PHRASES:
                for match in pattern.finditer(paragraph):
                    if not THERE.search(paragraph, 0, match.start()):
                        start, stop = at + match.start(), at + match.end()
                        found.append((offset + start, prose[start:stop], advice))
            at = end
    return [(text.count("\n", 0, at) + 1, " ".join(phrase.split()), advice) for at, phrase, advice in sorted(found)]


# Each sample has a file name, a text, and the lines of the expected findings. A tilde stands for a space, so that this
# file has no findings itself, and a percent sign for a double quote.
SAMPLES = [
    ("a.rs", "fn a() {}\n// Waits for~ever.", [2]),
    ("a.rs", "// Waits for\n// ever.", [1]),
    ("a.rs", "/// Waits for\n/// ever.\n", [1]),
    ("a.rs", "//! This waits for\n\n// Ever is a word.", []),
    ("a.rs", "let a = 1; // It waits for\nlet b = 2; // ever so long.", []),
    ("a.rs", "/* It waits for\n * ever. */", [1]),
    ("a.rs", "const A: &str = %x is~no~setting of y%;", [1]),
    ("a.rs", "const A: &str = %x is~no \\\n    setting%;", [1]),
    ("a.rs", "const A: &str = r#%x % is~no~setting%#; let b = '%'; // so~many", [1, 1]),
    ("a.rs", "fn a<'a>(b: &'a str) -> char { '\\'' } // so~many", [1]),
    ("a.rs", "let is = no || is_no_setting;", []),
    ("a.rs", "// It is\n// no~setting.", [1]),
    (
        "a.rs",
        "// There is no setting. There may still be no setting. There\n// is~no~setting, where there was no setting.",
        [],
    ),
    ("a.rs", "// It is no longer one, is no more than 2, is no larger than 2, and is no use. The answer is no.", []),
    ("a.rs", "// `for~ever`, `is~no~setting`: code is not prose.", []),
    ("a.rs", "// It is~no `etag`, {value} is~no {kind}, and that was~no~more.", [1, 1, 1]),
    ("a.rs", "// Holds~the ids against each other. The list is held~against it. Hold on. It is against rules.", [1, 1]),
    ("a.rs", "/// Of~its kind.\nfn a() {}\n/// Offers one. The same again.", [1]),
    ("a.rs", "/// A line.\n\n//! The~same. Such as.\n/// Such~a thing.\n// Such as this.", [3, 4]),
    ("a.rs", "/// Whether~there~may be more.\n/// Whether there is more.", [1]),
    ("a.rs", "// What a pass came~to. The event comes to the server. It came~to~pass.", [1, 1]),
    ("a.rs", "// The~begin of it; files that begin, and the beginning.", [1]),
    ("a.rs", "//   - It is the answer to so\n//   - many questions.", []),
    ("a.rs", "// Reads behind~the end, of~the~one~kind, by nothing~but luck, of somebody~else.", [1, 1, 1, 1]),
    ("a.md", "# A\n\nIt waits for~\never.\n\n```text\nfor~ever\n```\n| a for |\n| ever |\n", [3]),
    ("a.md", "> Not for\n> ever.\n", [1]),
    ("a.py", "# Waits for\n# ever.\nA = 1\n\n\ndef f():\n    %%%Waits for~\n    ever.%%%\n", [1, 7]),
    ("a.py", "A = (\n    %It is~no %\n    f%setting {A} is~no {A}%\n)\nis_no_setting = A\n", [2, 3]),
    ("a.py", "def f():\n    %%%The~same as g.%%%\n    return %The same%\n", [2]),
    ("a.py", "A = 1  # for\n\n# ever\n", []),
    ("a.mjs", "const a = b.replace(/%/g, '');\n// so~many\nconst c = `is~no ${a}`; const d = 'so~many';", [2, 3, 3]),
    ("a.yaml", "# for\n# ever\nA:\n  Description: >\n    for~\n    ever\n  B: for\n  C: ever # so~many\n", [1, 5, 8]),
    ("Makefile", "a: b ## It is~no~help.\n\t@echo %so~many%\n", [1, 2]),
    ("a.toml", "# so\n# many\na = { reason = %for~ever% }\n", [1, 3]),
]


def self_test():
    """Fails unless exactly the planted phrases are found: a check that never finds anything would pass otherwise."""
    for path, sample, expected in SAMPLES:
        text = sample.replace("~", " ").replace("%", '"')
        found = findings(path, text)
        if [line for line, _, _ in found] != expected:
            sys.exit(f"self-test: expected findings on lines {expected} of {path}, got {found}:\n{text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", help="the files to check; by default all that git knows or would add")
    parser.add_argument("--self-test", action="store_true", help="check this script by planted phrases, and stop")
    options = parser.parse_args()
    self_test()
    if options.self_test:
        print(f"prose: {len(SAMPLES)} samples behave as expected")
        return
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = options.paths or [path for path in listed.split("\0") if path and not SKIPPED.match(path)]
    count, files = 0, 0
    for path in paths:
        if (ROOT / path).is_file() and reader(path):
            files += 1
            for line, phrase, advice in findings(path, (ROOT / path).read_text(encoding="utf-8")):
                count += 1
                print(f'{path}:{line}: "{phrase}": {advice}')
    if count:
        sys.exit(f"prose: phrases to rewrite: {count} (rewrite the sentence; do not just swap the words)")
    print(f"prose: checked {files} files, found nothing to rewrite")


if __name__ == "__main__":
    main()
