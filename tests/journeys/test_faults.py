"""Faults at the HTTP level, each in the middle of a renewal: throttled, refused, cut off, garbled, done but answered badly. All end alike."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.journeys.fault_rows import QUEUES, TABLES, TOPICS, VAULT, WEBHOOKS, Row
from tests.journeys.running import Journey
from tests.journeys.storm import End, Storm

DAYS = {"vault": VAULT, "storage": (*QUEUES, *TABLES), "channels": (*TOPICS, *WEBHOOKS)}


def _faults(rows: Mapping[str, Row], ends: Mapping[str, End]) -> dict[str, str]:
    """Return what is wrong with the ends, by row."""
    found: dict[str, str] = {}
    for name, row in rows.items():
        end = ends[name]
        problems = {
            end.amiss: bool(end.amiss),
            "its fault never struck": end.struck == 0,
            f"{end.creates} creates, not {row.creates}": end.creates != row.creates,
            f"{end.told} messages, not {1 + row.repeats}": end.told != 1 + row.repeats,
        }
        wrong = [text for text, so in problems.items() if so]
        if wrong:
            found[name] = "; ".join(wrong)
    return found


@pytest.mark.parametrize("at", DAYS)
def test_a_fault_changes_nothing_in_the_end(journey: Journey, at: str) -> None:
    """Each fault struck; still there is one new version, told under one id, a next check in the row, and no create more than it must cost.

    The rows of one service share a host, so that they end in seconds; each has a vault, a certificate and a subscriber of its own.
    """
    rows = {row.name: row for row in DAYS[at]}
    assert _faults(rows, Storm(journey, rows).run()) == {}


def test_an_end_that_is_not_as_it_must_be_is_seen() -> None:
    """The proof can fail: at a fault that never struck, a create or a message too many, and whatever is amiss in the end."""
    row = Row(name="a", creates=2, repeats=1)
    good = End(amiss="", struck=1, creates=2, told=2)
    assert _faults({"a": row}, {"a": good}) == {}
    for bad in (End("3 versions, not 2", 1, 2, 2), End("", 0, 2, 2), End("", 1, 3, 2), End("", 1, 2, 3)):
        assert _faults({"a": row}, {"a": bad}).keys() == {"a"}
