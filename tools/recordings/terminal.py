"""Runs the command line on a pseudo-terminal, and knows what is on its screen."""

import os
import time
from pathlib import Path

import pexpect
import pyte

ROOT = Path(__file__).resolve().parent.parent.parent
# The one that the tests have built.
COMMAND_LINE = ROOT / "target" / "debug" / "bedrock-vpc-batch"
ROWS = 24
# How long anything may take to appear.
BOUND = 60
# What `watch` sends at the end of each picture: empty the rest of the screen.
END_OF_PICTURE = b"\x1b[J"


# All that are open. What they show is read all the time, because a command waits while nobody reads.
OPEN = []


class Unexpected(Exception):
    """What was expected on a screen did not appear."""


class Terminal:
    """A terminal in which one command runs."""

    def __init__(self, arguments, folder, columns=80, program=COMMAND_LINE):
        self.line = " ".join(arguments)
        self.screen = pyte.HistoryScreen(columns, ROWS, history=10_000)
        self.stream = pyte.ByteStream(self.screen)
        self.received = b""
        self.child = pexpect.spawn(
            str(program), arguments, cwd=folder, env=environment(folder), dimensions=(ROWS, columns), timeout=BOUND
        )
        # Nobody types a password here.
        self.child.delaybeforesend = None
        OPEN.append(self)

    def read(self):
        """Shows what has arrived on all terminals, and returns false once the command has closed this one."""
        for terminal in OPEN:
            terminal.take(0.05 if terminal is self else 0)
        return self in OPEN

    def take(self, seconds):
        """Shows what has arrived, or arrives within this time."""
        try:
            received = self.child.read_nonblocking(65_536, timeout=seconds)
        except pexpect.TIMEOUT:
            return
        except pexpect.EOF:
            self.close()
            return
        self.received += received
        self.stream.feed(received)

    def wait_for(self, *texts, picture=False):
        """Reads until these are all on the screen, and with `picture`, until it is painted to its end."""
        end = time.monotonic() + BOUND
        while not (all(text in self.shown() for text in texts) and (not picture or self.is_painted())):
            if not self.read() or time.monotonic() > end:
                raise Unexpected(f"{self.line}: expected {texts}, but the screen is:\n{self.shown()}")

    def is_painted(self):
        return self.received.endswith(END_OF_PICTURE)

    def type(self, text):
        self.child.send(text)

    def interrupt(self):
        self.child.sendintr()

    def resize(self, columns):
        """Changes the width. What was painted before does not count any more."""
        self.received = b""
        self.screen.resize(ROWS, columns)
        self.child.setwinsize(ROWS, columns)

    def finish(self):
        """Waits for the end of the command, and returns its exit code."""
        end = time.monotonic() + BOUND
        while self.read():
            if time.monotonic() > end:
                raise Unexpected(f"{self.line}: expected its end, but the screen is:\n{self.shown()}")
        return self.child.exitstatus

    def shown(self):
        """Returns what is on the screen, without colors."""
        return "\n".join(row.rstrip() for row in self.screen.display).rstrip()

    def everything(self):
        """Returns also what has left the screen at the top."""
        columns = self.screen.columns
        left = ("".join(row[column].data for column in range(columns)).rstrip() for row in self.screen.history.top)
        return "\n".join([*left, self.shown()]).rstrip()

    def close(self):
        if self in OPEN:
            OPEN.remove(self)
        self.child.close(force=True)


def environment(folder):
    """Returns what a command needs, and nothing of the environment of this program."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
