"""What a timer does when its host starts, and what it remembers: its listener in this process, with rows in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localazure.host.functions import Function, TimerTrigger
from localazure.host.invocations import Invocations, Result
from localazure.host.protos import Message
from localazure.host.schedule import parse_schedule
from localazure.host.timer_rows import Status, TimerRows
from localazure.host.timers import TimerListener

YEARLY = "0 0 3 1 1 *"  # never due while a test runs, but on one morning a year


class Rows(TimerRows):
    """The rows of a timer, in memory; the lease is always to be had."""

    def __init__(self, stored: Status | None) -> None:
        self.lease = 60
        self.stored = stored
        self.written = 0

    async def read_status(self) -> Status | None:
        """Return the stored status."""
        return self.stored

    async def write_status(self, status: Status) -> None:
        """Store a status."""
        self.stored = status
        self.written += 1

    async def hold(self, now: datetime) -> bool:
        """Have the lease."""
        return True

    async def let_go(self, now: datetime) -> None:
        """Give the lease back."""


class Runs(Invocations):
    """Takes down what the function would get."""

    def __init__(self) -> None:
        self.values: list[dict[str, Any]] = []

    async def run(self, function: Function, value: Message, metadata: Mapping[str, Message] | None = None) -> Result:
        """Take down one run."""
        self.values.append(json.loads(value.json))
        return Result(None)


def started(rows: Rows, *, text: str = YEARLY, monitor: bool = True, at_start: bool = False) -> list[dict[str, Any]]:
    """Start a host's timer and stop it again; return what its function got."""

    async def go() -> list[dict[str, Any]]:
        """Run the listener for a moment."""
        trigger = TimerTrigger("timer", parse_schedule(text, datetime.now(UTC)), monitor, at_start)
        runs = Runs()
        listener = TimerListener(Function("on_tick", "1", trigger, (), disabled=False), trigger, rows, runs)
        running = asyncio.create_task(listener.run())
        await asyncio.sleep(0.05)
        listener.stop()
        await running
        return runs.values

    return asyncio.run(go())


def missed() -> Status:
    """Return a status whose next occurrence passed while no host ran."""
    last = datetime.now(UTC) - timedelta(days=800)
    return Status(last, parse_schedule(YEARLY, last).after(last), last)


@pytest.mark.parametrize("at_start", [True, False])
def test_a_timer_may_run_at_start(at_start: bool) -> None:
    """With runOnStartup it runs once when the host starts, and that run is not past due; without, it waits."""
    values = started(Rows(None), at_start=at_start)
    assert [value["IsPastDue"] for value in values] == ([False] if at_start else [])


def test_a_missed_occurrence_is_the_run_at_start() -> None:
    """A past-due timer with runOnStartup runs once, past due, and not once more."""
    rows = Rows(missed())
    assert [value["IsPastDue"] for value in started(rows, at_start=True)] == [True]
    assert rows.stored is not None
    assert rows.stored.next > datetime.now(UTC)


def test_many_missed_occurrences_are_one_run() -> None:
    """Two years were missed, and the next start has nothing to catch up on."""
    rows = Rows(missed())
    assert len(started(rows)) == 1
    assert started(rows) == []


@pytest.mark.parametrize(("text", "monitor"), [(YEARLY, False), ("*/59 * * * * *", True)])
def test_what_is_not_monitored_remembers_nothing(text: str, monitor: bool) -> None:
    """Without useMonitor, or more often than once a minute: no past-due run, no status read, shown or written."""
    rows = Rows(missed())
    values = started(rows, text=text, monitor=monitor, at_start=True)
    assert (values[0]["IsPastDue"], values[0]["ScheduleStatus"]) == (False, None)
    assert rows.written == 0


def test_what_is_monitored_is_shown_its_status_and_writes_it() -> None:
    """A run sees the status from before it, and leaves one whose last occurrence is the run."""
    rows = Rows(missed())
    before = rows.stored
    assert before is not None
    (value,) = started(rows)
    assert value["ScheduleStatus"] == before.as_json()
    assert value["Schedule"] == {"AdjustForDST": True}
    assert rows.written == 1
    assert rows.stored is not None
    assert rows.stored.last > before.next
