"""Things that are made at their first use, once a process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from perennial.wiring import once


def test_threads_that_meet_at_the_first_call_make_one() -> None:
    """The others wait for whoever was first, and all get what it made."""
    made, start = [], Barrier(8)

    @once
    def make() -> object:
        made.append(object())
        Event().wait(0.05)
        return made[-1]

    def called(_: int) -> object:
        start.wait(10)
        return make()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(called, range(8))) == set(made)
    assert len(made) == 1


def test_what_could_not_be_made_is_tried_again() -> None:
    """An error is not kept: a setting may be mended, a library's first connection succeed."""
    tries = []

    @once
    def make() -> int:
        tries.append(1)
        return 1 // (len(tries) - 1)

    with pytest.raises(ZeroDivisionError):
        make()
    assert (make(), make(), len(tries)) == (1, 1, 2)
