"""The library by itself: the benches of benches/library.rs."""

import subprocess

from measure import OUT, programs


def main(_):
    ran = subprocess.run([programs()["library"], "--bench"], stdout=subprocess.PIPE, text=True, check=True)
    print(ran.stdout)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "library.txt").write_text(ran.stdout)
