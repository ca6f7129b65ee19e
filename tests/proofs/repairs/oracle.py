"""Makes random files that people might drop, and says for each what the pipeline must make of it.

It knows the rules from docs/limits.md, and shares no code with the pipeline: JSON is read by Python's own reader. Usage:
oracle.py SEED FILES DROP_ID. For each file it prints one line: a JSON array of the file (in hexadecimal), and of null if
the file must be refused, or else of what all jobs get together (in hexadecimal) and of the repairs: for each kind the
number of lines and the first line.
"""

import json
import random
import re
import sys

MARK = b"\xef\xbb\xbf"
WHITE_SPACE = b" \t\r"
MAX_DEPTH = 128


class Refused(Exception):
    """The file is not a drop."""


def pairs(members):
    """Keeps the members of an object as they are written: some may be there twice."""
    return Members(members)


class Members(list):
    """The members of an object."""


def no_constant(name):
    """Refuses NaN and Infinity, which Python's reader accepts."""
    raise Refused(name)


def number(text):
    """Keeps a number as it is written."""
    return Number(text)


class Number(str):
    """A number, as it is written."""


DECODER = json.JSONDecoder(object_pairs_hook=pairs, parse_constant=no_constant, parse_int=number, parse_float=number)


def check_value(value, depth):
    """Refuses halves of surrogate pairs, and too many levels."""
    if depth > MAX_DEPTH:
        raise Refused("depth")
    if isinstance(value, Members):
        for name, member in value:
            check_value(name, depth + 1)
            check_value(member, depth + 1)
    elif isinstance(value, list):
        for element in value:
            check_value(element, depth + 1)
    elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise Refused("surrogate")


def parse(line):
    """Reads a line of JSON, with the spaces of JSON only at both ends."""
    text = line.decode("utf-8").strip(" \t\r")
    if not text.startswith("{"):
        raise Refused("not an object")
    try:
        value, end = DECODER.raw_decode(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Refused(error) from error
    if end != len(text):
        raise Refused("more than one value")
    check_value(value, 1)
    return value


def spans(line):
    """Finds where each member of the object is: its name, and the bytes from its name to the end of its value."""
    text = line.decode("utf-8")
    at = text.index("{") + 1
    found = []
    while True:
        at = skip(text, at)
        if text[at] == "}":
            return found
        if text[at] == ",":
            at = skip(text, at + 1)
        start = at
        name, at = DECODER.raw_decode(text, at)
        at = skip(text, at)
        value = skip(text, at + 1)
        _, at = DECODER.raw_decode(text, value)
        found.append((name, text[start:at], text[start:value], text[value:at]))


def skip(text, at):
    """Skips white space."""
    while text[at] in " \t\r":
        at += 1
    return at


def judge(line):
    """Returns the id of a record, the repaired line, and the kinds of repairs. The id is None if there is none."""
    try:
        members = parse(line)
    except UnicodeDecodeError as error:
        raise Refused(error) from error
    names = [name for name, _ in members]
    if names.count("recordId") > 1 or names.count("modelInput") != 1:
        raise Refused("members")
    by_name = dict(members)
    if not isinstance(by_name["modelInput"], Members):
        raise Refused("modelInput")
    has_others = set(names) - {"recordId", "modelInput"}
    if "recordId" not in by_name:
        if has_others:
            raise Refused("no recordId")
        return None, line, []
    record_id = by_name["recordId"]
    is_integer = isinstance(record_id, Number)
    if (
        not isinstance(record_id, str)
        or not record_id
        or (is_integer and not re.fullmatch("-?(0|[1-9][0-9]*)", record_id))
    ):
        raise Refused("recordId")
    kinds = ["integer_ids"] * is_integer + ["extra_members"] * bool(has_others)
    if not kinds:
        return record_id, line, []
    found = spans(line)
    written = []
    for name, whole, before, value in found:
        if name == "recordId" and is_integer:
            written.append(f'{before}"{value}"')
        elif name in ("recordId", "modelInput"):
            written.append(whole)
    if has_others:
        return str(record_id), ("{" + ",".join(written) + "}").encode(), kinds
    # Only the quotes are new.
    for name, whole, before, value in found:
        if name == "recordId":
            text = line.decode()
            start = text.index(whole) + len(before)
            return str(record_id), f'{text[:start]}"{value}"{text[start + len(value) :]}'.encode(), kinds
    raise AssertionError("there is a recordId")


def strip_marks(line):
    """Leaves out the marks at the start of a line."""
    marks = 0
    while line.startswith(MARK):
        line = line[len(MARK) :]
        marks += 1
    return line, marks


def is_record(line):
    """Whether a line is a record, or can be made one."""
    line, _ = strip_marks(line)
    try:
        judge(line)
    except Refused:
        return False
    return True


def is_blank(line):
    """Whether there is nothing in a line but white space and marks."""
    return not strip_marks(line)[0].strip(WHITE_SPACE)


def lines_of(data):
    """Splits a file into lines: each, and whether it ends with a carriage return only."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for line in lines:
        body = line.rstrip(b"\r")
        parts = body.split(b"\r")
        filled = [part for part in parts[:-1] if not is_blank(part)]
        if is_blank(line) or is_record(line) or not filled or not is_record(filled[0]):
            yield line, False
            continue
        # What ends the last one may be half of a Windows line ending.
        parts[-1] += line[len(body) :]
        ends = [True] * (len(parts) - 1) + [False]
        yield from zip(parts, ends, strict=True)


def expected(data, drop_id):
    """Returns what all jobs get, and the repairs."""
    repairs, ids, out = {}, set(), []

    def count(kind, number):
        repairs.setdefault(kind, [0, number])[0] += 1

    for number, (marked, is_carriage_return) in enumerate(lines_of(data), 1):
        line, marks = strip_marks(marked)
        if marks:
            count("byte_order_marks", number)
        if not line.strip(WHITE_SPACE):
            count("blank_lines", number)
            continue
        record_id, repaired, kinds = judge(line)
        for kind in kinds:
            count(kind, number)
        if is_carriage_return:
            count("carriage_returns", number)
        if record_id is None:
            record_id = f"{drop_id[:12]}-line-{number}"
            at = repaired.index(b"{") + 1
            repaired = repaired[:at] + f'"recordId":"{record_id}",'.encode() + repaired[at:]
        if record_id in ids:
            raise Refused("repeated")
        ids.add(record_id)
        out.append(repaired)
    if not out:
        raise Refused("empty")
    return b"".join(line + b"\n" for line in out), repairs


def random_value(rng, depth=0):
    """Makes JSON as programs write it, with the odd fault."""
    kind = rng.randrange(12 if depth < 3 else 7)
    if kind < 3:
        return json.dumps(
            rng.choice(["", "a", "é", "\u2028", "x" * 70, 'q"\\', "\ufeff", "{", "}", ",", "recordId", "\r", "😀"]),
            ensure_ascii=rng.random() < 0.5,
        )
    if kind < 7:
        return rng.choice(["1", "-0", "1.5e3", "true", "null", "12345678901234567890"])
    if kind < 9:
        return "[" + ",".join(random_value(rng, depth + 1) for _ in range(rng.randrange(3))) + "]"
    return random_object(rng, depth)


def random_object(rng, depth=0):
    """Makes an object."""
    space = rng.choice(["", "", " ", "\t", "\r"])
    members = (f'"{rng.choice("abc")}"{space}:{space}{random_value(rng, depth + 1)}' for _ in range(rng.randrange(4)))
    return "{" + f"{space},{space}".join(members) + "}"


def random_id(rng, number):
    """Makes an id: mostly text, sometimes a number, and sometimes something that is neither."""
    odds = rng.random()
    if odds < 0.6:
        return json.dumps(f"r{number}")
    if odds < 0.7:
        return json.dumps(str(number))
    if odds < 0.93:
        return str(rng.choice([number, -number, number * 10**25]))
    return rng.choice(
        ['""', '"\\u0031"', '"é"', "0", "-0", "7.0", "1e3", "true", "null", "01", "[1]", '"\\ud800"', "-", "+1"]
    )


def random_record(rng, number, faults):
    """Makes a line that is a record, or almost one."""
    members = []
    if rng.random() < 0.85:
        name = rng.choice(["recordId", "recordId", "recordId", "record\\u0049d"])
        members.append((name, random_id(rng, number) if faults else json.dumps(f"r{number}")))
    members.append(("modelInput", random_object(rng)))
    if faults:
        odds = rng.random()
        if odds < 0.2:
            for _ in range(rng.randrange(1, 3)):
                members.insert(rng.randrange(len(members) + 1), (rng.choice("abc"), random_value(rng)))
        elif odds < 0.23:
            members[-1] = ("modelInput", rng.choice(['"{}"', "1", "[]", "null", "{"]))
        elif odds < 0.25:
            members.append(members[rng.randrange(len(members))])
        elif odds < 0.27:
            members.pop()
    if rng.random() < 0.3:
        rng.shuffle(members)
    space = rng.choice(["", "", "", " ", "  ", "\t", "\r"])
    body = f"{space},{space}".join(f'"{name}"{space}:{space}{value}' for name, value in members)
    return rng.choice(["", "", "", " ", "\t"]) + "{" + space + body + space + "}" + rng.choice(["", "", "", " "])


def random_file(rng):
    """Makes a file: mostly one that is accepted, with some kinds of repairs."""
    end = rng.choice(["\n", "\n", "\n", "\r\n", "\r"])
    faults = rng.random() < 0.5
    marks, blanks = (rng.choice([0, 0, 0.05, 0.3]) for _ in range(2))
    out = b""
    for number in range(1, rng.randrange(2, 14)):
        if rng.random() < marks:
            out += MARK * rng.choice([1, 1, 2])
        while rng.random() < blanks:
            out += rng.choice(["", " ", "\t ", "\u00a0" if rng.random() < 0.02 else ""]).encode() + end.encode()
            if rng.random() < marks:
                out += MARK
        repeated = rng.randrange(1, number + 1) if rng.random() < 0.01 else number
        out += random_record(rng, repeated, faults and rng.random() < 0.4).encode()
        out += (end if rng.random() < 0.97 else rng.choice(["\n", "\r", "\r\n", ""])).encode()
    if rng.random() < 0.2:
        out = out.rstrip(b"\r\n")
    if rng.random() < blanks:
        out += rng.choice([b"\n", b"  ", b"\n\n", MARK, b"\r\n\r\n"])
    if rng.random() < 0.03 and out:
        at = rng.randrange(len(out))
        out = out[:at] + bytes([rng.randrange(256)]) + out[at + 1 :]
    return out


def main():
    """Prints the files, and what must become of them."""
    seed, files, drop_id = sys.argv[1:]
    rng = random.Random(int(seed))
    for _ in range(int(files)):
        data = random_file(rng)
        try:
            lines, repairs = expected(data, drop_id)
            verdict = [lines.hex(), repairs]
        except Refused:
            verdict = [None, None]
        print(json.dumps([data.hex(), *verdict]))


if __name__ == "__main__":
    main()
