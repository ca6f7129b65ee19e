"""Pictures of `watch` at several widths: docs/recordings/watch.md."""

import signal
import subprocess
import threading

from normal import Normal
from page import Page
from person import PIPELINE, Person, question
from terminal import BOUND, COMMAND_LINE, environment

LOCAL = " ".join(PIPELINE)
# Bedrock takes 5 of 20 jobs at a time, and each of these four rounds takes four times the pace.
PACE = "--pace-ms 2500 --sweep-ms 500 --fault jobs-in-flight=5"
QUOTAS = "--set MAX_RECORDS_PER_JOB=100"
SLOTS_IN_USE = "Bedrock has 5 jobs"
WAITS = ("letters.jsonl", "Waiting", "Nothing needs to be done")


def watching(folder):
    """Records the pictures, and returns their page."""
    page = Page("watch.md", "What watch shows", "make recordings")
    page.say(
        "`make test` makes these pictures again, and fails if anything differs. Only the ids and ages of drops and the time left"
        " are replaced by others."
    )
    page.say(
        "The stand-in for Bedrock takes 5 jobs at a time. `catalog.jsonl` has 20 parts, so `letters.jsonl` waits for the quota."
        " `broken.jsonl` was copied into a watched folder without a check, and is refused:"
    )
    with Person(folder, page, Normal()) as person:
        (folder / "inbox").mkdir()
        person.write("catalog.jsonl", (question(number) for number in range(1, 2001)))
        person.write("letters.jsonl", (question(number) for number in range(1, 101)))
        person.write("inbox/broken.part", [*(question(number) for number in range(1, 100)), {"modelInput": "hello"}])
        line = f"local inbox --quiet-ms 0 {PACE} {QUOTAS}"
        pipeline = person.start(line)
        pipeline.wait_for("watching inbox")
        person.record(line, pipeline.shown())

        line = f"watch {LOCAL}"
        picture = person.start(line)
        person.start(f"submit catalog.jsonl --yes {LOCAL}").finish()
        picture.wait_for("0/2,000", SLOTS_IN_USE)
        person.start(f"submit letters.jsonl --yes {LOCAL}").finish()
        (folder / "inbox" / "broken.part").rename(folder / "inbox" / "broken.jsonl")
        page.heading("80 columns")
        picture.wait_for("Rejected", "0/2,000", SLOTS_IN_USE, *WAITS, picture=True)
        person.learn()
        person.record(line, picture.shown())
        page.say("When half of the records are done:")
        half = ("1,000/2,000", SLOTS_IN_USE)
        picture.wait_for(*half, *WAITS, picture=True)
        person.show(picture.shown())

        page.heading("Resized to 200 columns while it runs")
        resized(person, picture, 200, half)
        page.heading("Resized to 50 columns while it runs")
        resized(person, picture, 50, half)
        page.heading("Ctrl-C")
        picture.resize(80)
        picture.wait_for(*half, picture=True)
        picture.interrupt()
        code = picture.finish()
        person.show(f"{picture.everything()}\n[exit code {code}]")

        page.heading("Through a pipe")
        page.say("A line for each change, without a picture; here up to Ctrl-C:")
        piped(person, f"watch broken.jsonl catalog.jsonl letters.jsonl {LOCAL}", 3)
    return page


def resized(person, picture, columns, texts):
    picture.resize(columns)
    picture.wait_for(*texts, picture=True)
    person.show(picture.shown())


def piped(person, line, lines):
    """Runs a command whose output is a pipe, and interrupts it after some lines."""
    process = subprocess.Popen(
        [COMMAND_LINE, *line.split()],
        cwd=person.folder,
        env=environment(person.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    bound = threading.Timer(BOUND, process.kill)
    bound.start()
    try:
        first = "".join(process.stdout.readline() for _ in range(lines))
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    finally:
        bound.cancel()
        process.kill()
    person.record(f"{line} | cat", (first + rest).rstrip())
