"""Compares what was found with what is expected."""

import time


class Mismatch(Exception):
    """Something is not as it should be. The message says what was expected and what was found."""


class Report:
    """Counts the properties that were read back, and lists those that the emulator does not keep."""

    def __init__(self):
        self.properties = 0
        self.not_kept = []

    def read_back(self, what, found, expected):
        """Checks a property of a deployed resource."""
        same(what, found, expected)
        self.properties += 1

    def if_kept(self, what, found, expected, unset=None):
        """Checks a property that the emulator may drop. If it did, it shows the value `unset`."""
        if found == unset:
            self.not_kept.append(what)
        else:
            self.read_back(what, found, expected)


def same(what, found, expected):
    if found != expected:
        raise Mismatch(f"{what}: expected {expected!r}, found {found!r}")


def wait_for(what, condition, seconds=30):
    """Waits until the condition returns something true, and returns that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise Mismatch(f"{what}: expected within {seconds} s, but it did not happen")
