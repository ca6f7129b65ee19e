"""What is expected, and what was found."""

import time


class Mismatch(Exception):
    """Something is not as it should be; says what was expected and what was found."""


class Report:
    """The properties that were read back, and those that the emulator does not keep."""

    def __init__(self):
        self.properties = 0
        self.not_kept = []

    def read_back(self, what, found, expected):
        """A property of what was deployed."""
        same(what, found, expected)
        self.properties += 1

    def if_kept(self, what, found, expected, unset=None):
        """A property that the emulator may drop: it then shows what it shows where nothing was `unset`."""
        if found == unset:
            self.not_kept.append(what)
        else:
            self.read_back(what, found, expected)


def same(what, found, expected):
    if found != expected:
        raise Mismatch(f"{what}: expected {expected!r}, found {found!r}")


def wait_for(what, condition, seconds=30):
    """Waits until the condition gives something, and gives it back."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise Mismatch(f"{what}: expected within {seconds} s, did not happen")
