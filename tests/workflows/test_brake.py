"""The brake's notice: who waits, until when, and that it is told once a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from perennial.model.certificate import CertificateRef, Version
from perennial.model.inventory import Entry, FleetRow
from perennial.model.mode import Mode
from perennial.workflows.brake import FIX, tell_brake
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW
from tests.workflows.rows import written

TODAY = NOW.date()
VERSION = Version(id="a" * 32, created=NOW - DAY, not_before=NOW - DAY, not_after=NOW + DAY)
FLEET = FleetRow(first_seen=NOW, next_check=NOW, day=TODAY, renewals_today=2)


def braked(*changes: dict[str, Any], limit: int = 2) -> Stage:
    """Return a stage with one row for each of these, which waits for the brake but for what is changed."""
    on = Stage(NOW, vaults={"kv-orders": Mode.RENEW, "kv-watched": Mode.OBSERVE}, events=False)
    on.subscribe()
    on.settings = replace(on.settings, max_renewals_per_day=limit)
    for number, change in enumerate(changes):
        row = Entry(
            vault="kv-orders",
            certificate=f"c{number:02}",
            first_seen=NOW,
            next_check=NOW + DAY,
            read_at=NOW + DAY,
            version=VERSION,
            due_at=NOW,
            decision="wait-until",
        )
        on.tables.inventory.put(replace(row, **change))
    return on


@pytest.mark.parametrize(
    ("change", "waits"),
    [
        ({}, True),
        ({"decision": "renew"}, True),
        ({"decision": "ask-human"}, False),
        ({"due_at": NOW + timedelta(seconds=1)}, False),
        ({"due_at": None}, False),
        ({"claim": VERSION.id}, False),
        ({"claim": "b" * 32}, True),
        ({"version": None}, False),
        ({"gone": NOW}, False),
        ({"tags": {"perennial-renew": "never"}}, False),
        ({"vault": "kv-watched"}, False),
        ({"vault": "kv-watched", "tags": {"perennial-renew": "always"}}, True),
        ({"vault": "kv-elsewhere"}, False),
    ],
)
def test_who_waits_for_the_brake(change: dict[str, object], waits: bool) -> None:
    """What is due, chosen, there, decided, and not begun; in a vault of ours."""
    on = braked(change)
    after = tell_brake(on.world(), FLEET)
    assert (len(written(on)), after.brake_told) == ((1, TODAY) if waits else (0, None))


@pytest.mark.parametrize(
    ("fleet", "tells"),
    [
        (FLEET, True),
        (replace(FLEET, renewals_today=1), False),
        (replace(FLEET, renewals_today=3), True),
        (replace(FLEET, day=TODAY - DAY), False),
        (replace(FLEET, brake_told=TODAY), False),
        (replace(FLEET, brake_told=TODAY - DAY), True),
    ],
)
def test_when_it_is_told(fleet: FleetRow, tells: bool) -> None:
    """Once the day's number is reached, once a day."""
    on = braked({})
    after = tell_brake(on.world(), fleet)
    assert (len(written(on)), after) == ((1, replace(fleet, brake_told=TODAY)) if tells else (0, fleet))


@pytest.mark.parametrize(
    ("waiting", "limit", "last"),
    [(1, 2, date(2026, 11, 25)), (2, 2, date(2026, 11, 25)), (3, 2, date(2026, 11, 26)), (3, 0, date(2026, 11, 27))],
)
def test_the_last_day_it_will_take(waiting: int, limit: int, last: date) -> None:
    """The days that so many need at that pace, from tomorrow on; a limit of nothing is reckoned as one."""
    on = braked(*({} for _ in range(waiting)), limit=limit)
    tell_brake(on.world(), replace(FLEET, renewals_today=limit))
    (data,) = written(on)
    assert data["facts"] == {"begun": limit, "limit": limit, "waiting": waiting, "last_day": str(last)}


def test_what_it_says() -> None:
    """Numbers in a sentence, and what to do; the same occasion all day."""
    on = braked({}, {}, {})
    tell_brake(on.world(), FLEET)
    on.now = NOW + HOUR
    tell_brake(on.world(), FLEET)  # the tick that told it died before it wrote the fleet's row
    (data,) = written(on)
    assert data["reason"] == (
        "2 automatic renewals were begun today, as many as the brake allows; 3 wait, at this pace until 2026-11-26; "
        "what is in its last tenth goes on"
    )
    assert (data["code"], data["fix"], data["since"]) == ("brake", FIX, "2026-11-24T12:00:00Z")
    assert CertificateRef("kv-orders", "c00") == on.entry("c00").ref
