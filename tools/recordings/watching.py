"""Pictures of `watch` at several widths: docs/recordings/watch.md."""

import signal
import subprocess
import threading

from normal import Normal
from page import Page
from person import PIPELINE, Person
from questions import questions
from terminal import BOUND, COMMAND_LINE, environment

LOCAL = " ".join(PIPELINE)
# Bedrock takes 5 jobs at a time, and catalog.jsonl has 20.
SETTINGS = "--fault jobs-in-flight=5 --set MAX_RECORDS_PER_JOB=100"
SLOTS_IN_USE = "Bedrock has 5 jobs"
FIXED = ("broken.jsonl", "Rejected", "0/2,000", SLOTS_IN_USE, "Waiting", "0/100")


def watching(folder):
    """Records the pictures, and returns their page."""
    page = Page("watch.md", "What watch shows", "make recordings")
    page.say(
        "`make test` makes these pictures again, and fails if anything differs. Only the ids and ages of drops and the time left"
        " are replaced by others. The stand-in for Bedrock takes 5 jobs at a time."
    )
    (folder / "still").mkdir()
    still(page, folder / "still")
    (folder / "moving").mkdir()
    moving(page, folder / "moving")
    return page


def still(page, folder):
    """Records drops of which none moves on, because a job stays in its state for an hour, and nothing sweeps."""
    with Person(folder, page, Normal()) as person:
        page.heading("20 parts, one that waits, and one that is refused")
        page.say(
            "`catalog.jsonl` has 20 parts, so `letters.jsonl` waits for the quota. `broken.jsonl` is copied into a watched folder"
            " without a check."
        )
        (folder / "inbox").mkdir()
        write_catalog(person)
        person.write("letters.jsonl", questions(100))
        person.write("broken.jsonl", [*questions(99), {"modelInput": "hello"}])
        line = f"local inbox --quiet-ms 0 --pace-ms 3600000 --sweep-ms 0 {SETTINGS}"
        pipeline = person.start(line)
        pipeline.wait_for("watching inbox")
        person.record(line, pipeline.shown())

        line = f"watch {LOCAL}"
        picture = person.start(line)
        person.start(f"submit catalog.jsonl --yes {LOCAL}").finish()
        picture.wait_for("0/2,000", SLOTS_IN_USE)
        person.start(f"submit letters.jsonl --yes {LOCAL}").finish()
        (folder / "broken.jsonl").rename(folder / "inbox" / "broken.jsonl")
        picture.wait_for(*FIXED, picture=True)
        person.learn()
        page.say("80 columns:")
        person.record(line, picture.shown())
        for columns in (200, 50):
            page.say(f"Resized to {columns} columns while it runs:")
            picture.resize(columns)
            picture.wait_for(*FIXED, picture=True)
            person.show(picture.shown())
        page.say("Resized to 80 columns again, and ended with Ctrl-C:")
        picture.resize(80)
        picture.wait_for(*FIXED, picture=True)
        picture.interrupt()
        code = picture.finish()
        person.show(f"{picture.everything()}\n[exit code {code}]")
        page.say("Through a pipe, there is a line for each change:")
        piped(person, f"watch broken.jsonl catalog.jsonl letters.jsonl {LOCAL}", 3)


def moving(page, folder):
    """Records a drop while its jobs end five at a time."""
    with Person(folder, page, Normal()) as person:
        page.heading("Half of 20 parts")
        write_catalog(person)
        line = f"local --pace-ms 1000 --sweep-ms 500 {SETTINGS}"
        pipeline = person.start(line)
        pipeline.wait_for("the pipeline runs")
        person.record(line, pipeline.shown())
        line = f"watch {LOCAL}"
        picture = person.start(line)
        person.start(f"submit catalog.jsonl --yes {LOCAL}").finish()
        picture.wait_for("1,000/2,000", SLOTS_IN_USE, picture=True)
        person.learn()
        person.record(line, picture.shown())


def write_catalog(person):
    # Numbers of four digits, so that all parts take the same tokens, whichever end first.
    person.write("catalog.jsonl", questions(2000, first=1001))


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
