"""Checks that `sam build` built an executable of each function for one architecture.

Usage: check_build.py arm64|x86_64
"""

import os
import sys
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / ".aws-sam" / "build"
# e_machine of the ELF header, at byte 18. https://refspecs.linuxfoundation.org/elf/elf.pdf
MACHINES = {"x86_64": 62, "arm64": 183}


def main(architecture):
    for function in ("SubmitFunction", "CompleteFunction"):
        path = BUILD / function / "bootstrap"
        if not path.is_file() or not os.access(path, os.X_OK):
            sys.exit(f"{path} is not an executable file")
        with path.open("rb") as file:
            header = file.read(20)
        if header[:6] != b"\x7fELF\x02\x01":
            sys.exit(f"{path} is not a 64-bit ELF file")
        if int.from_bytes(header[18:20], "little") != MACHINES[architecture]:
            sys.exit(f"{path} is not for {architecture}")
        print(f"{function}: {architecture}, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1])
