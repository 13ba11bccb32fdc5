"""The timer trigger: one run per occurrence, never two at once, on one of all hosts that share the storage."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime

from azure.core.exceptions import AzureError

from localazure.host.functions import Function, TimerTrigger
from localazure.host.invocations import Invocations
from localazure.host.protos import Message, TypedData
from localazure.host.schedule import Schedule
from localazure.host.timer_rows import NEVER, Status, TimerRows

logger = logging.getLogger("localazure.host")


class TimerListener:
    """Follows one schedule while this host holds its lease."""

    def __init__(self, function: Function, trigger: TimerTrigger, rows: TimerRows, invocations: Invocations) -> None:
        self._function = function
        self._trigger = trigger
        self._rows = rows
        self._invocations = invocations
        self._stopping = asyncio.Event()
        # Schedules more frequent than once a minute are never monitored, whatever the binding says.
        self._monitored = trigger.use_monitor and trigger.schedule.is_at_least_every_minute_apart(_now())

    async def run(self) -> None:
        """Wait for the lease, follow the schedule, give the lease back when stopped."""
        while not self._stopping.is_set():
            try:
                if await self._rows.hold(_now()):
                    await self._hold()
            except AzureError as broken:
                logger.warning("timer %s: %s", self._function.name, str(broken).strip().split("\n", 1)[0])
            await _wait(self._stopping, self._rows.lease / 3)

    def stop(self) -> None:
        """Start no more runs; one that is running ends by itself."""
        self._stopping.set()

    async def _hold(self) -> None:
        """Follow the schedule for as long as the lease can be renewed."""
        halt = asyncio.Event()
        following = asyncio.create_task(self._follow(halt))
        try:
            while not self._stopping.is_set() and not following.done():
                await _wait(self._stopping, self._rows.lease / 3)
                if not self._stopping.is_set() and not await self._rows.hold(_now()):
                    logger.warning("timer %s: the lease went to another host", self._function.name)
                    return
        finally:
            halt.set()
            await following
        await self._rows.let_go(_now())

    async def _follow(self, halt: asyncio.Event) -> None:
        """Run at each occurrence until halted."""
        status, past_due = await self._begin()
        if past_due:
            status = await self._invoke(status, past_due=True, early=False)
        elif self._trigger.run_on_startup:
            status = await self._invoke(status, past_due=False, early=False)
        while not halt.is_set():
            await _wait(halt, max(0.0, (status.next - _now()).total_seconds()))
            if not halt.is_set():
                status = await self._invoke(status, past_due=False, early=True)

    async def _begin(self) -> tuple[Status, bool]:
        """Return the status to start from, and whether an occurrence was missed while no host ran."""
        now = _now()
        if not self._monitored:
            return Status(NEVER, self._trigger.schedule.after(now), NEVER), False
        stored = await self._rows.read_status()
        status = reconcile(stored, self._trigger.schedule, now)
        if status != stored:
            await self._rows.write_status(status)
        return status, now > status.next

    async def _invoke(self, status: Status, *, past_due: bool, early: bool) -> Status:
        """Run once and return the new status; what the function does never stops the schedule.

        `early`: a scheduled run counts as at its occurrence if the clock is a moment behind, lest it run twice.
        """
        now = _now()
        await self._invocations.run(self._function, timer_value(status if self._monitored else None, past_due=past_due))
        if early and status.next > now:
            now = status.next
        status = Status(now, self._trigger.schedule.after(now), now)
        if self._monitored:
            try:
                await self._rows.write_status(status)
            except AzureError as broken:
                logger.warning("timer %s: status not stored: %s", self._function.name, broken)
        return status


def reconcile(stored: Status | None, schedule: Schedule, now: datetime) -> Status:
    """Return the status to start from: a new one, the stored one, or one for a schedule that was changed meanwhile."""
    if stored is None:
        return Status(NEVER, schedule.after(now), now)
    since = stored.last if stored.last > NEVER else stored.updated
    expected = schedule.after(since)
    if stored.next == expected:
        return stored
    if now > expected:  # a changed schedule is not past due at once
        return Status(NEVER, schedule.after(now), now)
    return Status(NEVER, expected, since)


def timer_value(status: Status | None, *, past_due: bool) -> Message:
    """Return what the worker makes a TimerRequest of."""
    value = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": status.as_json() if status else None,
        "IsPastDue": past_due,
    }
    return TypedData(json=json.dumps(value))


def _now() -> datetime:
    return datetime.now(UTC)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, at most so long."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
