"""Makes drops of any size: python tools/bench/data.py large|small BYTES FILE

Large records have about 4 KB: a prompt that contains a document. Small records have about 200 bytes: a sentence to
embed. Both contain escapes and text outside ASCII. Every record has a unique id, and the same arguments always make the
same file. One block of records is made once and then written repeatedly with new ids, so this is as fast as the disk.
"""

import json
import random
import sys
from pathlib import Path

KINDS = {"large": 4_000, "small": 200}
BLOCK_RECORDS = 4_000
BLOCK_NUMBER = b"########"

SENTENCES = [
    "The seam is torn, right next to the zip; I have photos.",
    'The courier\'s page says "delivered", the door is blue.',
    "Das Zelt kam zu spät, und niemand hat sich gemeldet.",
    "L'étiquette de retour ne s'imprime pas : page blanche.",
    "¿Se puede lavar a máquina?",
    "返品の方法を教えてください。",
    "Żona mówi, że to znak. 😅",
    "Is 158 cm too small for size L?",
    "The export goes to C:\\Users\\me\\table.csv and is garbage in Excel.",
    "I was charged 149.90 twice, see lines 14 and 15.",
    "Please answer in one sentence.\n\nRegards",
    "> Could you send the serial number?\n> It is on the label.",
]


def records(kind):
    """Yields the lines of one block, with a placeholder for the number of the block."""
    rng = random.Random(7)
    for number in range(BLOCK_RECORDS):
        size = rng.triangular(0.5, 1.6, 0.9) * KINDS[kind] - (700 if kind == "large" else 85)
        text = ""
        while len(text) < size:
            text += rng.choice(SENTENCES) + " "
        if kind == "small":
            model_input = {"inputText": text[: max(20, int(size))], "dimensions": 256}
        else:
            model_input = {
                "anthropic_version": "bedrock-2023-05-31",
                "max_tokens": 512,
                "temperature": 0.5,
                "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}],
            }
        record = {"recordId": f"R{BLOCK_NUMBER.decode()}{number:04}", "modelInput": model_input}
        # Every other record escapes the characters outside ASCII, as some JSON writers do.
        line = json.dumps(record, ensure_ascii=number % 2 == 0, separators=(",", ":"))
        yield line.encode() + b"\n"


def blocks(kind, size):
    """Yields whole records of at least `size` bytes in total, in pieces of about one block."""
    lines = list(records(kind))
    block, number = b"".join(lines), 0
    while size >= len(block):
        yield block.replace(BLOCK_NUMBER, b"%08d" % number)
        size, number = size - len(block), number + 1
    rest = bytearray()
    while len(rest) < size:
        rest += lines.pop(0)
    yield bytes(rest.replace(BLOCK_NUMBER, b"%08d" % number))


def write(path, kind, size):
    with Path(path).open("wb") as file:
        file.writelines(blocks(kind, size))


if __name__ == "__main__":
    write(sys.argv[3], sys.argv[1], int(float(sys.argv[2])))
