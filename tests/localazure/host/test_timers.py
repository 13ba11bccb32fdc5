"""The timer trigger: on time, never twice at once, on one host, and caught up after a gap."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables import TableEntity

from localazure.client import await_until
from localazure.host.schedule import parse_schedule
from localazure.host.timer_rows import NEVER, Status
from localazure.host.timers import reconcile
from tests.localazure.host.conftest import StartHost
from tests.localazure.host.hosts import Account

NOW = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)
DAILY = parse_schedule("0 0 3 * * *", NOW)
HOUR = timedelta(hours=1)


def test_a_timer_runs_on_time_and_never_overlaps_itself(
    start_host: StartHost, new_host_account: Callable[[], Account]
) -> None:
    """Every second, with runs of 1.3 seconds: the second run starts after the first has ended, and is not past due."""
    with start_host(new_host_account(), TICK="* * * * * *", TICK_TAKES="1.3") as host:
        host.wait_for_text('"tock"')
        host.wait_for(2, past_due=False)
        marks = [line.get("tick") or -line["tock"] for line in host.lines()]
    ticks, tocks = [mark for mark in marks if mark > 0], [-mark for mark in marks if mark < 0]
    assert tocks[0] <= ticks[1]
    assert ticks[0] % 1 < 0.5


def test_five_fields_are_minutes(start_host: StartHost, new_host_account: Callable[[], Account]) -> None:
    """A five-field schedule is accepted and stored: its next occurrence is at a full minute."""
    account = new_host_account()
    rows: list[TableEntity] = []
    with start_host(account, TICK="*/5 * * * *"), account.table() as table:

        def is_stored() -> bool:
            """Look for the status."""
            rows[:] = [row for row in table.list_entities() if row["RowKey"] == "on_tick status"]
            return bool(rows)

        await_until(is_stored, 10)
    assert datetime.fromisoformat(rows[0]["Next"]).second == 0
    assert datetime.fromisoformat(rows[0]["Next"]).minute % 5 == 0


@pytest.mark.parametrize("missed", [True, False])
def test_a_missed_occurrence_runs_once_at_start(
    start_host: StartHost, new_host_account: Callable[[], Account], missed: bool
) -> None:
    """A status whose next occurrence has passed makes one past-due run, which sees that status; else there is none."""
    account = new_host_account()
    now = datetime.now(UTC).replace(microsecond=0)
    hour = (now + timedelta(hours=-1 if missed else 2)).hour
    schedule = f"0 0 {hour} * * *"
    last = now - (timedelta(days=1, hours=2) if missed else timedelta(minutes=1))
    stored = Status(last, parse_schedule(schedule, last).after(last), last)
    account.table().upsert_entity({"PartitionKey": "app-1", "RowKey": "on_tick status", **stored.as_json()})
    with start_host(account, TICK=schedule, AzureFunctionsWebHost__hostid="App-1") as host:
        if missed:
            [seen] = host.wait_for(past_due=True)
            assert seen["status"] == stored.as_json()
            assert seen["schedule"] == {"AdjustForDST": True}
        host.notify("on_event", [{"id": "later", "sleep": 0.5}])
        assert len([line for line in host.lines() if "tick" in line]) == missed
    row = account.table().get_entity("app-1", "on_tick status")
    assert datetime.fromisoformat(row["Next"]) > now
    assert (row["Last"] == stored.as_json()["Last"]) is not missed


def test_two_hosts_share_a_timer(start_host: StartHost, new_host_account: Callable[[], Account]) -> None:
    """One of them runs it; when that one is killed, the other takes over once its lease has ended."""
    account = new_host_account()
    options = ("--timer-lease", "2")
    with start_host(account, *options, TICK="* * * * * *") as first:
        first.wait_for(1, past_due=False)
        with start_host(account, *options, TICK="* * * * * *") as second:
            first.wait_for(len(first.lines(past_due=False)) + 2, past_due=False)
            assert not second.lines(past_due=False)
            first.process.kill()
            killed = time.time()
            ticks = [line["tick"] for line in second.wait_for(1, past_due=False)]
    assert ticks[0] - killed < 5


def test_a_stopped_host_gives_its_timer_back(start_host: StartHost, new_host_account: Callable[[], Account]) -> None:
    """After SIGTERM another host need not wait for the lease of a minute."""
    account = new_host_account()
    options = ("--timer-lease", "60")
    with start_host(account, *options, TICK="* * * * * *") as first:
        first.wait_for(1, past_due=False)
    with start_host(account, *options, TICK="* * * * * *") as second:
        second.wait_for(1, past_due=False, timeout=5)


def test_the_first_start_is_not_past_due() -> None:
    """Without a stored status the next occurrence counts from now."""
    assert reconcile(None, DAILY, NOW) == Status(NEVER, datetime(2026, 3, 5, 3, tzinfo=UTC), NOW)


def test_a_stored_status_is_kept() -> None:
    """Its next occurrence is the schedule's, whether it passed or not, counted from the last run or the last update."""
    ran = Status(NOW - 30 * HOUR, datetime(2026, 3, 4, 3, tzinfo=UTC), NOW - 30 * HOUR)
    never_ran = Status(NEVER, datetime(2026, 3, 5, 3, tzinfo=UTC), NOW - HOUR)
    assert reconcile(ran, DAILY, NOW) is ran
    assert reconcile(never_ran, DAILY, NOW) is never_ran


def test_a_changed_schedule_is_not_past_due() -> None:
    """The occurrence that the new schedule would have had is not caught up on; one to come is kept."""
    old = Status(NOW - 30 * HOUR, NOW - 29 * HOUR, NOW - 30 * HOUR)
    assert reconcile(old, DAILY, NOW) == Status(NEVER, datetime(2026, 3, 5, 3, tzinfo=UTC), NOW)
    recent = Status(NOW - HOUR, NOW + HOUR, NOW - HOUR)
    assert reconcile(recent, DAILY, NOW) == Status(NEVER, datetime(2026, 3, 5, 3, tzinfo=UTC), NOW - HOUR)
