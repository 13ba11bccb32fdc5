"""Which looks a minute's tick queues, in which order, and its line."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.model.inventory import Entry
from perennial.model.messages import Nudge, Walk
from tests.workflows.racing import raced
from tests.workflows.rows import rewrite
from tests.workflows.test_schedules import tick
from tests.workflows.walking import BOTH, DAY, HOUR, MINUTE, ORDERS, SECOND, named, stage


def test_a_row_that_another_tick_took_costs_the_others_nothing() -> None:
    """It is left out, and the next row's look is not put off for it."""
    on = stage(*named(3))
    for name in named(3):
        rewrite(on, name, next_check=on.now - SECOND)
    queues = tick(on, raced(on.world(), "inventory"))
    looks = [(one, delay) for one, delay in queues.sent if not isinstance(one, Nudge | Walk)]
    assert [delay for _, delay in looks] == [timedelta(0), SECOND]
    assert {look.cause for look, _ in looks} == {"due"}


def test_the_line_of_a_tick_counts_by_vault(caplog: pytest.LogCaptureFixture) -> None:
    """Vaults without a look are left out."""
    on = stage(*named(2), vaults=BOTH)
    for name in named(2):
        rewrite(on, name, next_check=on.now)
    with caplog.at_level(logging.INFO, logger="perennial"):
        tick(on)
    assert {"event": "find-due", "queued": {ORDERS: 2}} in [json.loads(text) for text in caplog.messages]


def test_which_of_an_hours_rows_goes_first() -> None:
    """Those with an end before those without; among the latter the earliest; a part of a second is no order."""
    on = stage()
    hour = on.now.replace(minute=0) - HOUR
    row = Entry(vault=ORDERS, certificate="", first_seen=hour, next_check=hour, read_at=on.now + DAY)
    part = timedelta(microseconds=5)
    for name, after, left in (
        ("a", 2 * MINUTE, None),
        ("b", MINUTE, None),
        ("c", 3 * MINUTE, 9 * DAY),
        ("d", 3 * MINUTE + part, 8 * DAY),
    ):
        end = None if left is None else on.now + left
        on.tables.inventory.put(replace(row, certificate=name, next_check=hour + after, not_after=end))
    assert [look.certificate.name for look in tick(on).looks] == ["d", "c", "b", "a"]
