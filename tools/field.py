"""Checks what the program says about the kinds of files that people really drop.

usage: field.py PROGRAM [--table BEFORE]

Makes small files in a temporary folder, runs `PROGRAM check` on each of them, and compares the verdict with the one
that is written here. These were written from what people need, not from what the program says. Every file must be
explained on one screen: at most 24 lines of at most 80 columns, without control characters. Exits with 1 if anything
differs.

With `--table`, also runs `BEFORE validate` on each file, and prints a Markdown table of what both say.
"""

import argparse
import bz2
import dataclasses
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
RECORDS = 120
SCREEN_LINES = 24
SCREEN_COLUMNS = 80
MARK = "\ufeff"
# How parsers talk. No person should have to know.
JARGON = ("EOF", "pars", "expected value", "expected ident", "key must be", "trailing characters")


@dataclasses.dataclass(frozen=True)
class Case:
    """A file, and what a person should be told about it."""

    name: str
    data: bytes
    # How many lines each kind of repair concerns; None if the file is not valid.
    repairs: dict[str, int] | None = None
    # The codes of the problems, in any order.
    codes: tuple[str, ...] = ()
    # Codes of warnings about single records, in any order.
    warnings: tuple[str, ...] = ()
    # Texts that the problems, with their fixes, or the warnings must contain.
    says: tuple[str, ...] = ()
    # How many records a valid file has.
    records: int = RECORDS


def body(i: int = 0, **more: object) -> dict:
    """Returns a request that Claude accepts."""
    messages = [{"role": "user", "content": f"review {i} café"}]
    return {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "messages": messages, **more}


def record(i: int, **more: object) -> dict:
    """Returns a good record, with more members in its body."""
    return {"recordId": f"r{i:05d}", "modelInput": body(i, **more)}


def lines(make: Callable[[int], object] = record, n: int = RECORDS) -> list[str]:
    """Returns the lines that `make` describes, as JSON."""
    return [json.dumps(make(i), ensure_ascii=False) for i in range(n)]


def text(rows: list[str], end: str = "\n") -> bytes:
    """Returns lines as a file in UTF-8."""
    return "".join(row + end for row in rows).encode()


def made(make: Callable[[int], object], n: int = RECORDS) -> bytes:
    """Returns a JSON Lines file of what `make` describes."""
    return text(lines(make, n))


GOOD = lines()
PLAIN = text(GOOD)


def with_line(line: str, at: int = 4) -> bytes:
    """Returns the good records with another line in place of one of them."""
    return text([*GOOD[:at], line, *GOOD[at + 1 :]])


def with_ids(make: Callable[[int], object]) -> bytes:
    """Returns good records with other ids."""
    return made(lambda i: {"recordId": make(i), "modelInput": body(i)})


def with_id(number: str) -> str:
    """Returns a good record whose id is written like this."""
    return json.dumps({"recordId": 0, "modelInput": body()}).replace("0", number, 1)


def bodies(make: Callable[[int], object]) -> bytes:
    """Returns records with other bodies."""
    return made(lambda i: {"recordId": f"r{i}", "modelInput": make(i)})


def zip_of(**files: bytes) -> bytes:
    """Returns a ZIP archive; `__` in a name stands for a slash, as names of arguments have none."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name.replace("__", "/")), data)
    return out.getvalue()


def tar_of(name: str, data: bytes) -> bytes:
    """Returns a tar archive of one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def zstd_of(data: bytes) -> bytes:
    """Returns a Zstandard frame of one block that is stored as it is."""
    block = (len(data) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little") + block + data


def avro() -> bytes:
    """Returns the header of an Avro file, and one block."""
    schema = b'{"type": "string"}'
    return b"Obj\x01\x02\x16avro.schema" + bytes([2 * len(schema)]) + schema + b"\x00" + b"s" * 16 + b"\x02\x06\x04ok"


def openai(url: str, request: Callable[[int], dict]) -> bytes:
    """Returns a batch file for one of OpenAI's APIs."""
    return made(lambda i: {"custom_id": f"r{i}", "method": "POST", "url": url, "body": request(i)})


def chat(i: int) -> dict:
    """Returns a request for OpenAI's Chat Completions API."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"review {i}"}]
    return {"model": "gpt-4o-mini", "max_tokens": 64, "messages": messages}


def anthropic(i: int) -> dict:
    """Returns a line of a batch file for Anthropic's API."""
    params = {"model": "claude-haiku-4-5", "max_tokens": 64, "messages": [{"role": "user", "content": f"review {i}"}]}
    return {"custom_id": f"r{i}", "params": params}


def vertex(i: int) -> dict:
    """Returns a line of a batch file for Vertex AI."""
    return {"request": {"contents": [{"role": "user", "parts": [{"text": f"review {i}"}]}]}}


def langchain(i: int) -> dict:
    """Returns a body with a message as LangChain serializes it."""
    kwargs = {"content": f"review {i}", "type": "human"}
    path = ["langchain", "schema", "messages", "HumanMessage"]
    return body(i, messages=[{"lc": 1, "type": "constructor", "id": path, "kwargs": kwargs}])


def converse(i: int) -> dict:
    """Returns a body for the Converse API."""
    messages = [{"role": "user", "content": [{"text": f"review {i}"}]}]
    return {"messages": messages, "inferenceConfig": {"maxTokens": 10}}


def without(member: str) -> Callable[[int], dict]:
    """Returns a maker of bodies that lack one member."""
    return lambda i: {name: value for name, value in body(i).items() if name != member}


def deep(levels: int) -> str:
    """Returns a record whose body has nested arrays."""
    nested = "[" * levels + "]" * levels
    return f'{{"recordId": "deep", "modelInput": {{"max_tokens": 64, "x": {nested}}}}}'


HTML = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body>Your session has expired.</body></html>\n"
S3_ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>\n"
)
LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a' * 16}\nsize 12345\n"
TABLE = [f'{i},"review {i}, please"' for i in range(RECORDS)]
CONTENT_TYPES = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
INDENTED = "".join(json.dumps(record(i), indent=2) + "\n" for i in range(RECORDS)).encode()
ARRAY = [record(i) for i in range(RECORDS)]


def refused(name: str, data: bytes, *says: str) -> Case:
    """Returns a case whose records must all fail at the model."""
    return Case(name, data, codes=("model-refuses",), says=says)


def known_cases() -> list[Case]:
    """Returns the cases that were seen first."""
    exported = made(lambda i: {"recordId": 1000 + i, "modelInput": json.dumps(body(i)), "category": "x"})
    return [
        Case("good.jsonl", PLAIN, {}),
        Case("trailing-blank.jsonl", PLAIN + b"\n", {"blank_lines": 1}),
        Case("trailing-space.jsonl", PLAIN + b"  ", {"blank_lines": 1}),
        Case("inner-blank.jsonl", text([*GOOD[:50], "", "  ", *GOOD[50:]]), {"blank_lines": 2}),
        Case("windows.jsonl", MARK.encode() + text(GOOD, "\r\n") + b"\r\n", {"blank_lines": 1, "byte_order_marks": 1}),
        Case("export.jsonl", exported, codes=("model-input-string",), says=("fromjson", "prepare")),
        Case("integer-ids.jsonl", with_ids(lambda i: 1000 + i), {"integer_ids": RECORDS}),
        Case("extra-members.jsonl", made(lambda i: {**record(i), "category": "x", "n": i}), {"extra_members": RECORDS}),
        Case("openai.jsonl", openai("/v1/chat/completions", chat), codes=("openai-chat",), says=("prepare",)),
        Case("anthropic.jsonl", made(anthropic), codes=("anthropic-batch",), says=("prepare",)),
        Case("gzip.jsonl", gzip.compress(PLAIN, mtime=0), codes=("gzip",), says=("gunzip",)),
        Case("utf16.jsonl", b"\xff\xfe" + "\r\n".join(GOOD).encode("utf-16-le"), codes=("utf-16",), says=("prepare",)),
        Case("array.jsonl", json.dumps(ARRAY).encode(), codes=("json-array",), says=("jq",)),
        Case("array-indented.jsonl", json.dumps(ARRAY, indent=2).encode(), codes=("json-array",), says=("jq",)),
        Case("table.jsonl", text(["id,prompt", *TABLE]), codes=("table",), says=("prepare", "--template")),
        Case("few.jsonl", text(GOOD[:7]), {}, records=7),
        Case("empty.jsonl", b"", codes=("empty-file",)),
        Case("repeated-ids.jsonl", made(lambda i: record(i % 110), 150), codes=("record-id-repeated",)),
        refused("no-version.jsonl", bodies(without("anthropic_version")), "anthropic_version"),
        refused(
            "model-inside.jsonl",
            made(lambda i: record(i, model="claude-haiku-4-5", stream=False)),
            "remove `model`: ",
            "remove `stream`: ",
        ),
        refused("converse-in-invoke.jsonl", bodies(converse), "Converse", "--model-invocation-type"),
        Case(
            "nan.jsonl",
            made(lambda i: record(i, temperature=float("nan"))),
            codes=("not-json",),
            says=("allow_nan=False", "null", "NaN"),
        ),
        Case("records.ndjson", PLAIN, {}),
        Case("RECORDS.JSONL", PLAIN, {}),
    ]


def binary_cases() -> list[Case]:
    """Returns the cases that are compressed, archived, or not text."""
    sheet = {"[Content_Types].xml": CONTENT_TYPES, "xl__workbook.xml": b"<workbook/>"}
    return [
        Case("records.jsonl.gz", gzip.compress(PLAIN, mtime=0), codes=("name-not-jsonl",), says=("prepare",)),
        Case("zstd.jsonl", zstd_of(PLAIN), codes=("zstd",), says=("zstd -dc",)),
        Case("xz.jsonl", lzma.compress(PLAIN), codes=("xz",), says=("xz -dc",)),
        Case("bzip2.jsonl", bz2.compress(PLAIN), codes=("bzip2",), says=("bzip2 -dc",)),
        Case("zip.jsonl", zip_of(**{"records.jsonl": PLAIN}), codes=("zip",)),
        Case("xlsx.jsonl", zip_of(**sheet), codes=("spreadsheet",), says=("CSV",)),
        Case("tar.jsonl", tar_of("records.jsonl", PLAIN), codes=("tar",), says=("tar -xf",)),
        Case(
            "parquet.jsonl", b"PAR1\x15\x04\x15\x10\x15\x14" + bytes(range(64)) + b"\x10\0\0\0PAR1", codes=("parquet",)
        ),
        Case("avro.jsonl", avro(), codes=("avro",)),
        Case("orc.jsonl", b"ORC\x08\x03\x10\x02" + bytes(range(64)) + b"\x08\x03\x03ORC\x17", codes=("orc",)),
        Case("pdf.jsonl", b"%PDF-1.7\r\n%\xe2\xe3\xcf\xd3\r\n1 0 obj\r\n<<>>\r\nendobj\r\n%%EOF\r\n", codes=("pdf",)),
        Case("nul-start.jsonl", bytes(4096) + PLAIN, codes=("nul-padded",)),
        Case("nul-end.jsonl", PLAIN + bytes(4096), codes=("nul-padded",)),
        Case("nul-end-cut.jsonl", PLAIN[:-30] + bytes(4096), codes=("nul-padded",)),
        Case("nul-only.jsonl", bytes(4096), codes=("nul-padded",)),
    ]


def encoding_cases() -> list[Case]:
    """Returns the cases about encodings, marks, and line ends."""
    cases = [
        Case(
            f"{encoding}{'-mark' if mark else ''}.jsonl",
            ((MARK if mark else "") + "\n".join(GOOD)).encode(encoding),
            codes=(encoding[:6],),
            says=(f"bedrock-vpc-batch prepare {encoding[:6]}",),
        )
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
        for mark in (True, False)
    ]
    mixed = "".join(row + ("\n", "\r\n")[i % 2] for i, row in enumerate(GOOD))
    joined = MARK.encode() + text(GOOD[:50], "\r\n") + MARK.encode() + text(GOOD[50:], "\r\n")
    latin = "".join(row + "\n" for row in GOOD).encode("latin-1")
    late = text(GOOD[:70]) + latin.splitlines(keepends=True)[70] + text(GOOD[71:])
    cases += [
        Case("latin-1.jsonl", latin, codes=("not-utf-8",), says=("iconv -f WINDOWS-1252", "é in Windows-1252")),
        Case("latin-1-late.jsonl", late, codes=("not-utf-8",), says=("do not convert the whole file",)),
        Case("mark-only.jsonl", MARK.encode(), codes=("empty-file",)),
        Case("blank-only.jsonl", b"\n\r\n  \n\t\n", codes=("empty-file",)),
        Case("joined-marks.jsonl", joined, {"byte_order_marks": 2}),
        Case("mixed-ends.jsonl", mixed.encode(), {}),
        Case("old-mac.jsonl", "\r".join(GOOD).encode(), {"carriage_returns": RECORDS - 1}),
        Case("half-old-mac.jsonl", text(GOOD[:60], "\r") + text(GOOD[60:]), {"carriage_returns": 60}),
        Case("no-last-newline.jsonl", PLAIN[:-1], {}),
    ]
    return cases


def other_cases() -> list[Case]:
    """Returns the cases that are text, but not JSON Lines or not for Bedrock."""
    semicolons = [f'"{i}";"review ""{i}""; please"' for i in range(RECORDS)]
    tabs = [f"{i}\treview {i}\tx" for i in range(RECORDS)]
    embeddings = openai("/v1/embeddings", lambda i: {"model": "text-embedding-3-small", "input": f"review {i}"})
    responses = openai("/v1/responses", lambda i: {"model": "gpt-5-mini", "input": f"review {i}"})
    return [
        Case("array-of-one.json", json.dumps([record(0)]).encode(), codes=("json-array",), says=("jq",)),
        Case("indented-objects.json", INDENTED, codes=("indented-json",), says=("jq",)),
        Case("table.csv", text(["id,prompt", *TABLE], "\r\n"), codes=("name-not-jsonl",), says=("--template",)),
        Case("tabs.jsonl", text(["id\tprompt\tnote", *tabs]), codes=("table",), says=("--template",)),
        Case("bars.jsonl", text(["id|prompt", "1|review"]), codes=("table",), says=("--template",)),
        Case("mark-later.jsonl", f"\n\n{MARK}id,prompt\n1,x\n".encode(), codes=("table",), says=("--template",)),
        Case("semicolons.jsonl", text(['"id";"prompt"', *semicolons]), codes=("table",), says=("--template",)),
        Case("login.jsonl", HTML.encode(), codes=("web-page",)),
        Case("s3-error.jsonl", S3_ERROR.encode(), codes=("web-page",)),
        Case("git-lfs.jsonl", LFS.encode(), codes=("git-lfs-pointer",), says=("git lfs pull",)),
        Case(
            "python.jsonl", text([str(record(i)) for i in range(RECORDS)]), codes=("python-dict",), says=("json.dumps",)
        ),
        Case("openai-late.jsonl", b"\n\n" + openai("/v1/chat/completions", chat), codes=("openai-chat",)),
        Case("array-mark.json", MARK.encode() + b"\r\n" + json.dumps(ARRAY).encode(), codes=("json-array",)),
        Case(
            "embeddings.jsonl",
            embeddings,
            codes=("openai-embeddings",),
            says=("--model-id amazon.titan-embed-text-v2:0",),
        ),
        Case("responses.jsonl", responses, codes=("openai-responses",), says=("prepare",)),
        Case("vertex.jsonl", made(vertex), codes=("vertex-batch",), says=("prepare",)),
        Case(
            "snake-case.jsonl",
            made(lambda i: {"record_id": f"r{i}", "model_input": body(i)}),
            codes=("snake-case",),
            says=("recordId", "modelInput"),
        ),
        Case(
            "capitals.jsonl",
            made(lambda i: {"RecordId": f"r{i}", "ModelInput": body(i)}),
            codes=("member-spelling",),
            says=("`RecordId` instead of recordId", "`ModelInput` instead of modelInput", "prepare"),
        ),
        Case(
            "misspelled-id.jsonl",
            made(lambda i: {"recordid": f"r{i}", "modelInput": body(i)}),
            codes=("member-spelling",),
            says=("recordId",),
        ),
    ]


def line_cases() -> list[Case]:
    """Returns the cases about single lines and records."""
    faults = [
        '{"recordId": 1.5, "modelInput": {}}',
        '{"recordId": "no input"}',
        '{"recordId": "text", "modelInput": "Summarize this"}',
        '{"recordId": "cut", "modelInput": {"max_',
        '"Summarize this"',
    ]
    many = ("record-id-not-string", "model-input-missing", "model-input-not-object", "not-json", "not-an-object")
    big = 10**40
    return [
        Case("prompt-string.jsonl", bodies(lambda i: f"review {i}"), codes=("model-input-not-object",)),
        Case(
            "input-string.jsonl",
            bodies(lambda i: json.dumps(body(i))),
            codes=("model-input-string",),
            says=("prepare",),
        ),
        Case("input-array.jsonl", bodies(lambda i: [body(i)]), codes=("model-input-not-object",)),
        Case("no-input.jsonl", made(lambda i: {"recordId": f"r{i}"}), codes=("model-input-missing",)),
        Case("no-ids.jsonl", made(lambda i: {"modelInput": body(i)}), {}),
        Case("other-id.jsonl", made(lambda i: {"id": f"r{i}", "modelInput": body(i)}), codes=("unknown-member",)),
        Case("old-results.jsonl", made(lambda i: {**record(i), "modelOutput": {}}), {"extra_members": RECORDS}),
        # The request alone, without a record around it.
        Case(
            "bare-bodies.jsonl",
            made(body),
            codes=("model-input-missing", "unknown-member"),
            says=("jq -c '{modelInput: .}'",),
        ),
        Case(
            "rows.jsonl",
            made(lambda i: {"id": i, "prompt": "x"}),
            codes=("model-input-missing", "unknown-member"),
            says=("prepare", "--template"),
        ),
        Case(
            "body-with-id.jsonl",
            made(lambda i: {"recordId": f"r{i}", **body(i)}),
            codes=("model-input-missing",),
            says=("del(.recordId)",),
        ),
        Case(
            "two-faults.jsonl",
            made(lambda i: {"recordId": i + 0.5, "modelInput": f"review {i}"}),
            codes=("model-input-not-object", "record-id-not-string"),
        ),
        Case("zero-ids.jsonl", text([with_id("0"), with_id("-0"), *GOOD[2:]]), {"integer_ids": 2}),
        Case("leading-zero.jsonl", with_line(with_id("007")), codes=("not-json",), says=("leading zero",)),
        Case("float-ids.jsonl", with_ids(float), codes=("record-id-not-string",), says=("quotes",)),
        Case("exponent-id.jsonl", with_line('{"recordId": 1e3, "modelInput": {}}'), codes=("record-id-not-string",)),
        Case("huge-ids.jsonl", with_ids(lambda i: i - big), {"integer_ids": RECORDS}),
        Case("null-ids.jsonl", with_ids(lambda _: None), codes=("record-id-not-string",)),
        Case("boolean-ids.jsonl", with_ids(lambda i: i % 2 == 0), codes=("record-id-not-string",)),
        Case("empty-id.jsonl", with_line('{"recordId": "", "modelInput": {}}'), codes=("record-id-empty",)),
        Case(
            "integer-and-text.jsonl",
            with_ids(lambda i: i if i < 60 else str(i - 1)),
            codes=("record-id-repeated",),
            says=("recordId",),
        ),
        Case("control-ids.jsonl", with_ids(lambda i: f"\x1b[2J\x07\u202e{i}"), {}),
        Case("control-ids-twice.jsonl", with_ids(lambda i: f"\x1b[2J\u202e{i % 110}"), codes=("record-id-repeated",)),
        Case(
            "raw-control.jsonl",
            with_line('{"recordId": "\x1b[2J", "modelInput": {}}'),
            codes=("not-json",),
            says=("control character", "escape"),
        ),
        Case(
            "id-twice.jsonl",
            with_line('{"recordId": "a", "recordId": "b", "modelInput": {}}'),
            codes=("member-repeated",),
        ),
        Case("half-emoji.jsonl", with_line(HALF), codes=("lone-surrogate",)),
        Case("truncated.jsonl", PLAIN[:-40], codes=("not-json",), says=("cut off",)),
        Case("trailing-comma.jsonl", text(GOOD, ",\n"), codes=("not-json",), says=("sed 's/,",)),
        Case(
            "comma-inside.jsonl",
            with_line('{"recordId": "a", "modelInput": {"max_tokens": 64,}}'),
            codes=("not-json",),
            says=("remove the comma before the closing bracket",),
        ),
        Case(
            "comments.jsonl",
            text(["// reviews of May", *GOOD[:60], "# June", *GOOD[60:]]),
            codes=("not-json",),
            says=("remove the comments",),
        ),
        Case(
            "single-quotes.jsonl",
            with_line("{'recordId': 'a', 'modelInput': {}}"),
            codes=("not-json",),
            says=("double quotes", "json.dumps"),
        ),
        Case("two-on-a-line.jsonl", with_line(GOOD[4] + GOOD[5]), codes=("not-json",), says=("own: jq -c . ",)),
        Case(
            "windows-path.jsonl",
            with_line('{"recordId": "C:\\reviews\\1", "modelInput": {}}'),
            codes=("not-json",),
            says=("backslash",),
        ),
        Case(
            "inner-quote.jsonl",
            with_line('{"recordId": "a", "modelInput": {"inputText": "so "good" it is"}}'),
            codes=("not-json",),
            says=("quote within a text",),
        ),
        Case("too-deep.jsonl", with_line(deep(200)), codes=("nested-too-deep",)),
        Case("all-at-once.jsonl", text([*GOOD, "", *faults]), codes=many),
        Case(
            "all-repairs.jsonl",
            text([MARK + GOOD[0], "", json.dumps({"recordId": 7, "modelInput": body(), "x": 1}), *GOOD[2:]]),
            {"blank_lines": 1, "byte_order_marks": 1, "integer_ids": 1, "extra_members": 1},
        ),
    ]


# A record whose text was cut between the two halves of an emoji.
HALF = json.dumps({"recordId": "half", "modelInput": body()}).replace("review 0", "review \\ud83d")


def model_cases() -> list[Case]:
    """Returns the cases that are good JSON Lines, but fail at Claude Haiku 4.5."""
    sampled = made(lambda i: record(i, temperature=0.5, top_p=0.9))
    system = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "x"}]
    mixed = made(lambda i: record(i, model="claude-haiku-4-5") if i < 20 else record(i))
    return [
        refused("langchain.jsonl", bodies(langchain), "LangChain", "role"),
        refused("openai-body.jsonl", bodies(chat), "anthropic_version", "Claude"),
        refused("no-max-tokens.jsonl", bodies(without("max_tokens")), "max_tokens"),
        refused("no-messages.jsonl", bodies(without("messages")), "messages"),
        refused("too-many-tokens.jsonl", made(lambda i: record(i, max_tokens=200_000)), "max_tokens", "200000"),
        refused("temperature-top-p.jsonl", sampled, "temperature", "top_p"),
        refused("system-message.jsonl", made(lambda i: record(i, messages=system)), "system"),
        refused("record-in-record.jsonl", bodies(record), "inner modelInput"),
        refused("converse-full.jsonl", bodies(lambda i: {"modelId": MODEL, **converse(i)}), "Converse"),
        Case("some-with-model.jsonl", mixed, {}, warnings=("body-member-not-allowed",), says=("model",)),
    ]


def name_cases() -> list[Case]:
    """Returns the cases about names."""
    return [
        Case("records.jsonlines", PLAIN, {}),
        Case("Records.Json", PLAIN, {}),
        Case("_reviews.jsonl", PLAIN, {}),
        Case("two words é.jsonl", PLAIN, {}),
        Case("red\x1b[31m\u202e.jsonl", PLAIN, {}),
        Case("_started_123", b"{}", codes=("name-ignored",)),
        Case("good.csv", PLAIN, codes=("name-not-jsonl",), says=("the name ends in .csv, which says", ".jsonl")),
        Case("good.txt", PLAIN, codes=("name-not-jsonl",), says=(".jsonl",)),
        Case("part-00000", PLAIN, codes=("name-not-jsonl",), says=(".jsonl",)),
        Case(".hidden.jsonl", PLAIN, codes=("name-ignored",)),
        Case("_SUCCESS", b"", codes=("name-ignored",)),
        Case("_committed_123", b"{}", codes=("name-ignored",)),
        Case("photo.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", codes=("name-ignored",)),
    ]


def all_cases() -> list[Case]:
    """Returns every case, once."""
    makers = (known_cases, binary_cases, encoding_cases, other_cases, line_cases, model_cases, name_cases)
    cases = [case for make in makers for case in make()]
    names = [case.name.lower() for case in cases]
    assert len(set(names)) == len(cases), "two cases have the same name"
    return cases


def run(folder: Path, *command: str) -> subprocess.CompletedProcess:
    """Runs a command in the folder of the files, without colors."""
    env = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=120, check=False)


def columns(line: str) -> int:
    """Returns how many columns of a terminal a line takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in line)
    return wide + sum(not unicodedata.combining(c) for c in line)


def differences(case: Case, done: subprocess.CompletedProcess, found: dict) -> list[str]:
    """Returns how a verdict differs from the one that was expected."""
    valid = case.repairs is not None
    wanted = "valid" if valid else "invalid"
    problems = found["problems"]
    codes = [problem["code"] for problem in problems]
    out = []
    if found["verdict"] != wanted:
        out.append(f"{found['verdict']}, not {wanted}")
    if done.returncode != (0 if valid else 1):
        out.append(f"exit code {done.returncode}")
    if sorted(codes) != sorted(case.codes):
        out.append(f"codes {codes}, not {sorted(case.codes)}")
    if valid and found["verdict"] == "valid":
        repairs = {kind: seen["lines"] for kind, seen in found["repairs"].items()}
        if repairs != case.repairs:
            out.append(f"repairs {repairs}, not {case.repairs}")
        if found["records"] != case.records:
            out.append(f"{found['records']} records, not {case.records}")
    warned = warnings(found)
    if sorted(warned) != sorted(case.warnings):
        out.append(f"warnings {warned}, not {sorted(case.warnings)}")
    said = json.dumps([problems, found["model"]], ensure_ascii=False)
    out += [f"does not say {part!r}" for part in case.says if part not in said]
    out += [f"says {part!r}" for part in JARGON if part in said]
    return out


def warnings(found: dict) -> list[str]:
    """Returns the codes of warnings about records."""
    return [problem["code"] for problem in (found["model"] or {}).get("findings", [])]


def screen(shown: subprocess.CompletedProcess) -> list[str]:
    """Returns what is wrong with an explanation that people read."""
    said = (shown.stdout + shown.stderr).decode(errors="replace")
    rows = said.splitlines()
    widest = max(map(columns, rows), default=0)
    raw = sorted({f"U+{ord(c):04X}" for c in said if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")})
    out = []
    if not rows:
        out.append("says nothing")
    if len(rows) > SCREEN_LINES:
        out.append(f"{len(rows)} lines on the screen")
    if widest > SCREEN_COLUMNS:
        out.append(f"{widest} columns on the screen")
    if raw:
        out.append(f"raw {', '.join(raw)} on the screen")
    return out


def verdict(found: dict) -> str:
    """Returns a verdict for the table."""
    if found["verdict"] == "valid":
        parts = [f"{kind} {seen['lines']}" for kind, seen in found["repairs"].items()]
        parts += [f"warning {code}" for code in warnings(found)]
    else:
        parts = [problem["code"] for problem in found["problems"]]
    return f"{found['verdict']}: {', '.join(parts)}" if parts else found["verdict"]


def cell(content: str) -> str:
    """Returns a text for a cell of the table, truncated and escaped."""
    shown = "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in content)
    cut = shown if len(shown) <= 80 else shown[:79] + "…"
    return cut.replace("|", "\\|")


def before(folder: Path, program: str, case: Case) -> str:
    """Returns the first thing that the program said before, and how many lines it took."""
    done = run(folder, program, "validate", f"./{case.name}")
    rows = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    rows = [row.strip() for row in rows if row.strip()]
    if len(rows) > 1:
        # The first line only counts the problems; the next one is the first of them.
        return f"{cell(rows[1])} ({len(rows)} lines)"
    # It starts with the name.
    return cell(rows[0].partition(": ")[2] if rows else "(nothing)")


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the program, built")
    parser.add_argument("--table", metavar="BEFORE", help="an older program, to compare with")
    parser.add_argument("--show", action="store_true", help="also print what people see about each file")
    return parser.parse_args()


def main() -> int:
    """Checks all files, and returns the exit code."""
    args = parse()
    program = str(Path(args.program).resolve())
    cases = all_cases()
    wrong, table = [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for case in cases:
            (folder / case.name).write_bytes(case.data)
            check = (program, "check", "--model-id", MODEL, case.name)
            done = run(folder, *check, "--format", "json")
            shown = run(folder, *check)
            try:
                found = json.loads(done.stdout)
                faults = differences(case, done, found) + screen(shown)
                after = cell(verdict(found))
            except (json.JSONDecodeError, KeyError) as error:
                faults, after = [f"no verdict ({error!r}): {done.stderr.decode(errors='replace')[:200]}"], "no verdict"
            wrong += [f"{cell(case.name)}: {fault}" for fault in faults]
            if args.table:
                old = before(folder, str(Path(args.table).resolve()), case)
                table.append(f"| `{cell(case.name)}` | {old} | {after} |")
            if args.show:
                print((shown.stdout + shown.stderr).decode(errors="replace"))
    if table:
        print("| file | before | after |\n|---|---|---|", *table, "", sep="\n")
    for difference in wrong:
        print(difference)
    files = len({difference.split(": ")[0] for difference in wrong})
    valid = sum(case.repairs is not None for case in cases)
    print(f"{len(cases)} files: {valid} should be valid, {len(cases) - valid} refused; {files} files differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
