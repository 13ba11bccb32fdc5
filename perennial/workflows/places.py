"""How many attempts one process makes at a target at once, so that one that never answers cannot have every thread of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Places:
    """The attempts that wait for an answer in this process, by whom they are for. It ends with the process, and so do they.

    Threads share it without a lock: one or two that come at the same instant may find the same place free, which costs no more than that.
    """

    def __init__(self) -> None:
        self._taken: dict[str, list[None]] = {}

    def free(self, most: int, who: str) -> bool:
        """Tell whether one of so many places is free now."""
        return len(self._taken.get(who, ())) < most

    @contextmanager
    def one_of(self, most: int, who: str) -> Iterator[bool]:
        """Hold a place for the length of a block; False: none is free."""
        taken = self._taken.setdefault(who, [])
        if len(taken) >= most:
            yield False
            return
        taken.append(None)
        try:
            yield True
        finally:
            taken.pop()
