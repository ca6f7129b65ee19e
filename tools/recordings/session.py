"""From a file to answers on one machine: docs/recordings/session.md."""

from normal import Normal
from page import Page
from person import PIPELINE, Person
from questions import WRONG, questions

MODEL = "amazon.nova-lite-v1:0"
LOCAL = " ".join(PIPELINE)
# Jobs fail records at random by this seed: two of the first job with an error that may pass, and none of the second.
FAULTS = "--set MAX_ATTEMPTS=1 --fault retryable-errors=0.02 --seed 1"
# So a job can be cancelled for some seconds before it has processed anything.
PACE = "--pace-ms 1500"


def session(folder):
    """Records the session, and returns its page."""
    page = Page("session.md", "From a file to answers, on one machine", "make recordings")
    page.say(
        "What a terminal of 80 columns shows. `make test` runs these commands again, and fails if anything differs. Only the ids"
        " and ages of drops are replaced by others."
    )
    page.say(
        "In one terminal, a pipeline runs on this machine. Its stand-in for Bedrock fails some records, and no record is tried"
        " again:"
    )
    with Person(folder, page, Normal()) as person:
        person.write("questions.jsonl", questions(120, WRONG))
        person.write("corrected.jsonl", questions(120))
        person.write("more.jsonl", questions(150))
        line = f"local {PACE} {FAULTS}"
        pipeline = person.start(line)
        pipeline.wait_for("the pipeline runs")
        person.record(line, pipeline.shown())
        page.say("Everything else is typed in another terminal, in the same folder.")
        answered(page, person)
        cancelled(page, person)
    return page


def answered(page, person):
    page.heading("Check a file, and drop it")
    person.run(f"check questions.jsonl --model-id {MODEL}")
    page.say("Three records have a mistake. The file is dropped all the same:")
    person.run(f"submit questions.jsonl {LOCAL}", "y")

    page.heading("Follow it")
    line = f"watch questions.jsonl {LOCAL}"
    watching = person.start(line)
    watching.wait_for("Running", "0/120", picture=True)
    person.record(line, watching.shown())
    page.say("At the end, a table takes the place of this picture:")
    code = watching.finish()
    person.record(line, watching.everything(), code)
    person.run(f"status {LOCAL}")

    page.heading("See what went wrong, and try it again")
    person.run(f"errors questions.jsonl {LOCAL}")
    page.say("With the mistakes corrected, the records without an answer are dropped once more:")
    person.run(f"retry questions.jsonl --from corrected.jsonl {LOCAL}", "y")
    person.run(f"watch questions.retry-1.jsonl {LOCAL}")

    page.heading("Get the answers")
    person.run(f"results questions.jsonl --order questions.jsonl -o answers.csv {LOCAL}")
    person.head("answers.csv", 3)
    person.run(f"results questions.retry-1.jsonl -o retried.jsonl --fields recordId,status,text {LOCAL}")
    person.head("retried.jsonl", 5)


def cancelled(page, person):
    page.heading("Cancel a drop")
    person.run(f"submit more.jsonl --yes {LOCAL}")
    line = f"watch more.jsonl {LOCAL}"
    watching = person.start(line)
    watching.wait_for("Running", "0/150", picture=True)
    watching.interrupt()
    code = watching.finish()
    page.say("Ctrl-C ends `watch`, and nothing else:")
    person.record(line, watching.everything(), code)
    person.run(f"cancel more.jsonl {LOCAL}", "y")
    person.run(f"watch more.jsonl {LOCAL}")
    person.run(f"status {LOCAL}")
