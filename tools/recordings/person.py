"""A person in a folder, who types commands, and whose terminal is written down."""

import shlex
import subprocess

from questions import lines
from terminal import BOUND, COMMAND_LINE, Terminal, environment

NAME = "bedrock-vpc-batch"
PIPELINE = ["--local", "bedrock-local"]


class Person:
    """Runs commands against the pipeline in `bedrock-local`, and writes what they show into a page."""

    def __init__(self, folder, page, normal):
        self.folder = folder
        self.page = page
        self.normal = normal
        self.open = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for terminal in reversed(self.open):
            terminal.close()

    def start(self, line, columns=80):
        """Starts a command on a terminal of its own."""
        terminal = Terminal(shlex.split(line), self.folder, columns)
        self.open.append(terminal)
        return terminal

    def run(self, line, answer=None):
        """Runs a command to its end, and writes down everything that it showed. Answers its question, if it has one."""
        terminal = self.start(line)
        if answer:
            terminal.wait_for("[y/N]")
            terminal.type(f"{answer}\n")
        code = terminal.finish()
        self.learn()
        self.record(line, terminal.everything(), code)

    def learn(self):
        """Asks for the ids of all drops, which are not written down."""
        line = [COMMAND_LINE, "status", "--json", "--since", "1d", *PIPELINE]
        done = subprocess.run(
            line,
            cwd=self.folder,
            env=environment(self.folder),
            capture_output=True,
            text=True,
            check=True,
            timeout=BOUND,
        )
        self.normal.learn(done.stdout)

    def record(self, line, shown, code=0):
        ended = [f"[exit code {code}]"] if code else []
        text = "\n".join([f"$ {NAME} {line}", *([shown] if shown else []), *ended])
        self.page.show(self.normal.text(text))

    def show(self, shown):
        self.page.show(self.normal.text(shown), "text")

    def write(self, name, records):
        (self.folder / name).write_text(lines(records))

    def head(self, name, lines):
        with (self.folder / name).open() as file:
            shown = "".join(line for line, _ in zip(file, range(lines), strict=False))
        self.page.show(self.normal.text(f"$ head -n {lines} {name}\n{shown.rstrip()}"))
