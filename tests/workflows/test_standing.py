"""How a subscription stands: closed after failures in a row or a 429, tried by one, opened by a success."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from perennial.decisions.backoff import FAILURES_TO_CLOSE
from perennial.errors import ChannelError
from perennial.model.notices import Delivery, NoticeKind, Subscription
from perennial.ports.tables import Stored
from perennial.workflows import standing
from perennial.workflows.subjects import TRIES
from tests.workflows.racing import raced
from tests.workflows.telling import DAY, HOUR, MINUTE, START, Scene

SECOND = timedelta(seconds=1)
FAILS = ChannelError("500")
HOLD_ON = ChannelError("429", throttled=True, retry_after=7 * MINUTE)


def scene(**columns: Any) -> Scene:
    """Return a scene with one subscription that stands so."""
    made = Scene()
    made.put(Subscription(name="orders", channel="memory", **columns))
    return made


def stored(made: Scene) -> Stored[Subscription]:
    """Return the row as it is read."""
    row = made.tables.subscriptions.get("subscription", "orders")
    assert row is not None
    return row


def fail(made: Scene, error: ChannelError = FAILS, times: int = 1) -> Subscription:
    """Let so many attempts in a row fail, and return what the last one was told."""
    found = made.subscription("orders")
    for _ in range(times):
        found = standing.note_failure(made.world, made.subscription("orders"), error)
    return found


def waits(opened: datetime, closed_until: datetime | None = None) -> list[timedelta]:
    """Return how long after now each of two hundred deliveries waits for a subscription."""
    subscription = Subscription(name="orders", channel="memory", closed_until=closed_until)
    rows = [
        Delivery(
            subject=f"kv-orders:{number}",
            notice="n",
            subscription="orders",
            kind=NoticeKind.EXPIRING,
            opened=opened,
            body="{}",
            time=opened,
        )
        for number in range(200)
    ]
    return sorted(standing.reopening(row, subscription, START) - START for row in rows)


@pytest.mark.parametrize(
    ("waited", "span"),
    [
        (timedelta(0), 2 * MINUTE),
        (MINUTE, 2 * MINUTE),
        (HOUR, HOUR),
        (6 * HOUR, 6 * HOUR),
        (3 * DAY, 6 * HOUR),
    ],
)
def test_deliveries_come_back_spread_over_as_long_as_they_have_waited(waited: timedelta, span: timedelta) -> None:
    """At least over two minutes, at most over six hours; evenly, after the end of the closure or from now on."""
    for until in (None, START - HOUR, START + DAY):
        after = [one - max(until - START, timedelta(0)) if until else one for one in waits(START - waited, until)]
        assert timedelta(0) <= after[0] < span / 10
        assert span * 0.45 < after[100] < span * 0.55
        assert span * 0.9 < after[-1] < span


def test_one_delivery_tries_a_subscription_that_was_closed() -> None:
    """It holds the row for two minutes, in which no other passes; if it dies, the next one passes then."""
    made = scene(closed_until=START, closures=2)
    held = standing.enter(made.world, stored(made))
    assert held is not None
    assert held.value == made.subscription("orders")
    assert held.value.closed_until == START + 2 * MINUTE
    made.now = START + 2 * MINUTE - SECOND
    assert standing.enter(made.world, stored(made)) is None
    made.now += SECOND
    assert standing.enter(made.world, stored(made)) is not None


def test_of_two_that_try_at_once_one_passes() -> None:
    """The other read the row before the first one's lease."""
    made = scene(closed_until=START, closures=1)
    both = [stored(made), stored(made)]
    passed = [standing.enter(made.world, row) is not None for row in both]
    assert passed == [True, False]


def test_an_open_subscription_takes_all() -> None:
    """No row is written for it."""
    made = scene()
    row = stored(made)
    assert standing.enter(made.world, row) is row
    assert stored(made) == row


@pytest.mark.parametrize(
    "columns",
    [
        {"closed_until": START + MINUTE},
        {"closures": 1},
        {"failures": 1},
        {"closed_until": START + MINUTE, "closed_at": START, "closures": 3, "failures": 4},
    ],
)
def test_a_success_opens(columns: dict[str, Any]) -> None:
    """Whatever is left of failures is gone at once; the instant of the last closure stays."""
    made = scene(last_success=START - MINUTE, **columns)
    standing.note_success(made.world, "orders")
    assert made.subscription("orders") == Subscription(
        name="orders", channel="memory", last_success=START, closed_at=columns.get("closed_at")
    )


@pytest.mark.parametrize(
    ("last", "remembered"),
    [(None, START), (START - HOUR + SECOND, START - HOUR + SECOND), (START - HOUR, START)],
)
def test_a_success_is_written_once_an_hour(last: datetime | None, remembered: datetime) -> None:
    """The first one, and one an hour later; between them the row stays as it is."""
    made = scene(last_success=last)
    before = stored(made)
    standing.note_success(made.world, "orders")
    assert made.subscription("orders").last_success == remembered
    assert (stored(made).etag == before.etag) is (last == remembered)


def test_failures_in_a_row_close(caplog: pytest.LogCaptureFixture) -> None:
    """Each but the last only counts; the last closes for a minute, and says so in the log."""
    made = scene()
    assert fail(made, times=FAILURES_TO_CLOSE - 1) == Subscription(
        name="orders", channel="memory", failures=FAILURES_TO_CLOSE - 1
    )
    assert caplog.messages == []
    closed = fail(made)
    assert closed == made.subscription("orders")
    assert closed == Subscription(
        name="orders",
        channel="memory",
        failures=FAILURES_TO_CLOSE,
        closed_until=START + MINUTE,
        closed_at=START,
        closures=1,
    )
    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    assert json.loads(line.getMessage()) == {
        "event": "subscription-closed",
        "subscription": "orders",
        "until": "2026-03-01T12:01:00Z",
        "failures": FAILURES_TO_CLOSE,
        "why": "500",
    }


def test_a_closure_that_follows_another_lasts_twice_as_long() -> None:
    """One failure is enough once so many have come in a row."""
    made = scene(failures=FAILURES_TO_CLOSE, closed_until=START, closed_at=START - HOUR, closures=3)
    found = fail(made)
    assert (found.failures, found.closures, found.closed_at) == (FAILURES_TO_CLOSE + 1, 4, START)
    assert found.closed_until == START + 8 * MINUTE


def test_a_429_closes_at_once_and_is_no_failure() -> None:
    """For as long as it asks, or for ten seconds."""
    made = scene(failures=1)
    found = fail(made, HOLD_ON)
    assert (found.failures, found.closures, found.closed_until) == (1, 1, START + 7 * MINUTE)
    made = scene()
    assert fail(made, ChannelError("429", throttled=True)).closed_until == START + 10 * SECOND


def test_a_refusal_from_before_a_closure_changes_nothing() -> None:
    """The attempt began when the subscription stood open: it learns how it stands now."""
    made = scene()
    began = made.subscription("orders")
    closed = fail(made, HOLD_ON)
    assert standing.note_failure(made.world, began, FAILS) == closed
    assert made.subscription("orders") == closed


def test_a_subscription_that_is_gone_stands_as_it_was_seen() -> None:
    """Whoever failed goes on with what it read; nothing is written."""
    made = scene(failures=1)
    seen = made.subscription("orders")
    made.tables.subscriptions.delete("subscription", "orders")
    assert standing.note_failure(made.world, seen, FAILS) == seen
    standing.note_success(made.world, "orders")
    assert made.tables.subscriptions.get("subscription", "orders") is None


@pytest.mark.parametrize(("times", "counted"), [(1, 1), (TRIES - 1, 1), (TRIES, 0)])
def test_a_lost_race_is_run_again_a_few_times(times: int, counted: int) -> None:
    """Others write the row first; after five times they have told what there is to tell."""
    made = scene()
    seen = made.subscription("orders")
    world = raced(made.world, "subscriptions", times=times)
    found = standing.note_failure(world, seen, FAILS)
    assert found == replace(seen, failures=counted)
    assert made.subscription("orders").failures == counted
