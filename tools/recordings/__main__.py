"""Records what terminals show, and compares it with docs/recordings/, or writes it there.

Usage: python tools/recordings [--write]
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from session import session
from terminal import Unexpected
from watching import watching


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the pages instead of comparing them")
    arguments = parser.parse_args()
    started = time.monotonic()
    differences = []
    for record in (session, watching):
        with tempfile.TemporaryDirectory(prefix="recordings-") as folder:
            page = record(Path(folder))
        if arguments.write:
            page.write()
        elif difference := page.difference():
            differences.append(difference)
    if differences:
        sys.exit(
            "".join(differences)
            + "recordings: terminals show something else; if that is right, `make recordings` writes it"
        )
    print(f"recordings: 2 pages {'written' if arguments.write else 'as in docs/'}, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    # A signal that ends this program also ends the processes that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("recordings: terminated"))
    try:
        main()
    except Unexpected as error:
        sys.exit(f"recordings: {error}")
