"""Messages that could not be handled: recorded, told once an hour, and their subjects kept in the schedule."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from perennial.model.history import HistoryKind
from perennial.model.messages import EventSeen, Look, Nudge, Walk
from perennial.workflows.abandon import abandon
from tests.memory.stage import Stage
from tests.workflows.looks import NOW, WWW

HOUR = timedelta(hours=1)
LOOK = Look(certificate=WWW, cause="new-version", version="v", event=EventSeen(id="e", kind="new-version", time=NOW))


def text(message: object) -> str:
    """Return a message as it lies on its queue."""
    return msgspec.json.encode(message).decode()


def test_a_lost_look_is_recorded_and_its_certificate_read_within_the_hour(
    spoil: Callable[[Stage], None],
) -> None:
    """The event is filed all the same, the row inserted if absent, the vault to be read at the next look."""
    on = Stage(NOW)
    on.subscribe()
    spoil(on)
    abandon(text(LOOK), "looks", on.world())
    entry = on.entry("www")
    assert entry.next_check <= NOW + HOUR, "it keeps its place in the schedule"
    assert entry.read_at <= NOW
    kinds = {row.kind for row in on.history("www")}
    assert kinds == {HistoryKind.EVENT, HistoryKind.MESSAGE_LOST}, "the event and the loss are recorded"


def test_a_row_that_waits_for_long_is_brought_forward() -> None:
    """A known certificate keeps its facts; only its clock moves, and only forward."""
    on = Stage(NOW)
    abandon(text(LOOK), "looks", on.world())
    first = on.entry("www")
    abandon(text(LOOK), "looks", on.world())
    assert on.entry("www") == first


@pytest.mark.parametrize("copies", [1, 5])
def test_lost_messages_are_told_once_an_hour(copies: int) -> None:
    """A flood of poison is one notice an hour, whatever its size."""
    on = Stage(NOW)
    on.subscribe()
    for _ in range(copies):
        abandon(text(LOOK), "looks", on.world())
    on.run(timedelta(minutes=1))
    assert len(on.told("action-needed", code="message-lost-looks")) == 1
    on.now += HOUR
    abandon(text(LOOK), "looks", on.world())
    on.run(timedelta(minutes=1))
    assert len(on.told("action-needed", code="message-lost-looks")) == 2


@pytest.mark.parametrize("message", ["rubbish", "{}", '{"certificate": 5}'])
def test_what_is_no_message_of_ours_is_told_and_ends(message: str) -> None:
    """Nothing can be kept in the schedule that nobody can read; a person hears of it."""
    on = Stage(NOW)
    on.subscribe()
    abandon(message, "looks", on.world())
    on.run(timedelta(minutes=1))
    assert len(on.told("action-needed", code="message-lost-looks")) == 1


def test_a_lost_notice_is_attempted_again_by_its_subjects_clock() -> None:
    """The certificate's next look, within the hour, asks for the deliveries that are open."""
    on = Stage(NOW)
    on.look("www")
    abandon(text(Nudge(subject="kv-orders:www", delivery="n:s")), "notices", on.world())
    assert on.entry("www").next_check <= NOW + HOUR


def test_a_lost_walk_goes_on_by_its_row() -> None:
    """The walk's own row is requeued by the clock; the message is recorded and told."""
    on = Stage(NOW)
    on.subscribe()
    abandon(text(Walk(tick=NOW, vault="kv-orders")), "sweeps", on.world())
    on.run(timedelta(minutes=1))
    assert len(on.told("action-needed", code="message-lost-sweeps")) == 1


def test_within_the_hour_is_an_hour_from_now() -> None:
    """For a look and for a notice alike, where nothing comes earlier."""
    on = Stage(NOW)
    abandon(text(LOOK), "looks", on.world())
    assert on.entry("www").next_check == NOW + HOUR
    row = on.tables.inventory.get("kv-orders", "www")
    assert row is not None
    on.tables.inventory.save(replace(row, value=replace(row.value, next_check=NOW + 2 * HOUR)))
    abandon(text(Nudge(subject="kv-orders:www", delivery="n:s")), "notices", on.world())
    assert on.entry("www").next_check == NOW + HOUR


def test_a_lost_message_is_shown_with_its_first_2000_letters(caplog: pytest.LogCaptureFixture) -> None:
    """The rest of a large one is not logged."""
    abandon("x" * 3000, "looks", Stage(NOW).world())
    (line,) = [one for one in map(json.loads, caplog.messages) if one["event"] == "message-lost"]
    assert line == {"event": "message-lost", "queue": "looks", "message": "x" * 2000}
