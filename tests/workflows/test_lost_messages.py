"""What a poisoned message leaves: a line, a record, a notice, and a row that is looked at again."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from perennial.model.history import HistoryKind
from perennial.model.inventory import Entry
from perennial.model.messages import EventSeen, Look, Nudge, Walk
from perennial.ports.tables import Stored
from perennial.workflows.abandon import SHOWN, abandon
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, WWW
from tests.workflows.racing import Over, raced
from tests.workflows.rows import written

EVENT = EventSeen(id="e-1", kind="new-version", time=NOW - HOUR)


def lost(on: Stage, message: object, queue: str = "looks") -> None:
    """Hand a poisoned message over."""
    text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
    abandon(text, queue, on.world())


def known(on: Stage, next_check: datetime, read_at: datetime) -> Entry:
    """Put a row there."""
    row = Entry(vault=WWW.vault, certificate=WWW.name, first_seen=NOW - DAY, next_check=next_check, read_at=read_at)
    on.tables.inventory.put(row)
    return row


@pytest.mark.parametrize(
    ("event", "at"), [(EVENT, NOW - HOUR), (replace(EVENT, time=None), NOW), (None, NOW)], ids=["event", "odd", "none"]
)
def test_the_record_of_a_lost_look(event: EventSeen | None, at: datetime) -> None:
    """At the event's time if it has one; with the cause, and the version that it spoke of."""
    on = Stage(NOW)
    lost(on, Look(certificate=WWW, cause="why", version="v" * 32, event=event))
    (row,) = [one for one in on.history("www") if one.kind is HistoryKind.MESSAGE_LOST]
    assert (row.at, row.version, row.trigger) == (at, "v" * 32, "why")


def test_two_lost_messages_are_two_records() -> None:
    """Each event is its own, and each cause; a repeat writes the same."""
    on = Stage(NOW)
    for event in (EVENT, replace(EVENT, id="e-2"), EVENT):
        lost(on, Look(certificate=WWW, cause="event", event=event))
    for cause in ("a", "b", "a"):
        lost(on, Look(certificate=WWW, cause=cause))
    assert len([one for one in on.history("www") if one.kind is HistoryKind.MESSAGE_LOST]) == 4


def test_a_name_without_a_row_gets_one() -> None:
    """Due within the hour, to be read now."""
    on = Stage(NOW)
    lost(on, Look(certificate=WWW, cause="why"))
    entry = on.entry("www")
    assert (entry.first_seen, entry.next_check, entry.read_at) == (NOW, NOW + HOUR, NOW)


def test_a_rows_clock_is_only_brought_forward() -> None:
    """What is due earlier, or to be read since earlier, stays; where nothing changes nothing is written."""
    on = Stage(NOW)
    known(on, NOW + DAY, NOW + DAY)
    lost(on, Look(certificate=WWW, cause="why"))
    assert (on.entry("www").next_check, on.entry("www").read_at) == (NOW + HOUR, NOW)
    row = known(on, NOW - HOUR, NOW - DAY)
    before = on.tables.inventory.get(WWW.vault, WWW.name)
    lost(on, Look(certificate=WWW, cause="why"))
    assert on.entry("www") == row
    assert on.tables.inventory.get(WWW.vault, WWW.name) == before


def test_a_row_that_is_written_meanwhile_is_read_again() -> None:
    """What the other wrote stays, and the clock is brought forward all the same."""
    on = Stage(NOW)
    known(on, NOW + DAY, NOW + DAY)
    world = raced(on.world(), "inventory", lambda row: replace(row, owner="team-a"))
    abandon(msgspec.json.encode(Look(certificate=WWW, cause="why")).decode(), "looks", world)
    assert (on.entry("www").owner, on.entry("www").next_check) == ("team-a", NOW + HOUR)


def test_a_row_that_another_inserts_meanwhile_is_taken_as_it_is() -> None:
    """The insert finds it there; its clock is brought forward."""
    on = Stage(NOW)
    late: list[str] = []

    class Late(Over[Entry]):
        """An inventory in which another's insert is a moment faster."""

        def insert(self, row: Entry) -> Stored[Entry] | None:
            """Find another's row."""
            late.append(row.certificate)
            known(on, NOW + DAY, NOW + DAY)
            return super().insert(row)

    world = replace(on.world(), tables=replace(on.tables, inventory=Late(on.tables.inventory)))
    abandon(msgspec.json.encode(Look(certificate=WWW, cause="why")).decode(), "looks", world)
    assert late == ["www"]
    assert (on.entry("www").first_seen, on.entry("www").next_check) == (NOW - DAY, NOW + HOUR)


def test_a_lost_nudge_brings_its_subject_forward() -> None:
    """To an hour from now."""
    on = Stage(NOW)
    known(on, NOW + DAY, NOW + DAY)
    lost(on, Nudge(subject="kv-orders:www", delivery="n:s"), "notices")
    assert on.entry("www").next_check == NOW + HOUR
    assert on.history("www") == []


def test_the_notice_of_lost_messages() -> None:
    """About the fleet, at the full hour, with what to read; each queue has its own."""
    on = Stage(NOW + timedelta(minutes=34, seconds=56))
    on.subscribe()
    lost(on, Look(certificate=WWW, cause="why"))
    lost(on, Walk(tick=NOW, vault="kv-orders"), "sweeps")
    bodies = {data["code"]: data for data in written(on)}
    assert set(bodies) == {"message-lost-looks", "message-lost-sweeps"}
    data = bodies["message-lost-looks"]
    assert data["reason"] == "a message of the queue looks could not be handled after all its tries"
    assert data["fix"] == "see the log lines message-lost and the function's failures around them"
    assert data["since"] == "2026-11-24T12:00:00Z"


@pytest.mark.parametrize("queue", ["looks", "notices", "sweeps"])
def test_what_cannot_be_read_is_two_warnings(queue: str, caplog: pytest.LogCaptureFixture) -> None:
    """The beginning of the message, and what is wrong with it."""
    on = Stage(NOW)
    text = '{"x": "' + "y" * 3000
    with caplog.at_level(logging.WARNING, logger="perennial"):
        lost(on, text, queue)
    first, second = [json.loads(one) for one in caplog.messages][:2]
    assert first == {"event": "message-lost", "queue": queue, "message": text[:SHOWN]}
    assert (second["event"], second["queue"]) == ("message-not-understood", queue)
    assert second["problem"]


@pytest.mark.parametrize("queue", ["looks", "notices", "sweeps"])
def test_another_message_is_not_understood_either(queue: str, caplog: pytest.LogCaptureFixture) -> None:
    """JSON that lacks what a message of that queue must have."""
    with caplog.at_level(logging.WARNING, logger="perennial"):
        lost(Stage(NOW), '{"vault": "kv-orders"}', queue)
    assert "message-not-understood" in [json.loads(one)["event"] for one in caplog.messages]


def test_what_can_be_read_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """It is ours, and kept in the schedule."""
    on = Stage(NOW)
    on.subscribe()
    with caplog.at_level(logging.WARNING, logger="perennial"):
        lost(on, Look(certificate=WWW, cause="why"))
    assert [json.loads(one)["event"] for one in caplog.messages] == ["message-lost"]
