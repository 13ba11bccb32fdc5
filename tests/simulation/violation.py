"""A promise that was not kept: each has a name, so that a proof can say which one a break must hurt."""

from __future__ import annotations


class Violation(AssertionError):
    """A promise was not kept; the text begins with its name."""

    def __init__(self, promise: str, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise


def hold(kept: bool, promise: str, what: str) -> None:  # reads as assert does
    """Raise where a promise is not kept."""
    if not kept:
        raise Violation(promise, what)
