"""Health tells whether the clock and the sweep still turn, to anyone, without a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.model.inventory import FleetRow
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.stocking import NOW, WEB, stock
from tests.memory.world import make_world


def beating(world: World, due: timedelta | None, sweep: timedelta | None, seen: timedelta = timedelta(0)) -> Api:
    """Return the API of a fleet whose find_due and whole sweep happened so long ago."""
    row = FleetRow(
        first_seen=NOW - seen,
        next_check=NOW,
        last_due=NOW - due if due is not None else None,
        last_sweep=NOW - sweep if sweep is not None else None,
    )
    world.tables.fleet.put(row)
    return Api(world)


def test_a_fleet_whose_timers_turn_is_alive() -> None:
    """Both beats are young: 200."""
    found = beating(make_world(NOW), timedelta(minutes=15), timedelta(hours=36)).call("health")
    assert (found.status, found.one("status"), found.one("find_due", "age_seconds")) == (200, "alive", 900)


@pytest.mark.parametrize(
    ("due", "sweep", "stale"),
    [
        (timedelta(minutes=15, seconds=1), timedelta(0), "find_due"),
        (timedelta(0), timedelta(hours=36, seconds=1), "sweep"),
    ],
)
def test_a_stopped_timer_is_stale(due: timedelta, sweep: timedelta, stale: str) -> None:
    """One old beat is enough for 503, and the answer says which."""
    found = beating(make_world(NOW), due, sweep).call("health")
    assert (found.status, found.one("status"), found.one(stale, "stale")) == (503, "stale", True)
    assert [name for name in ("find_due", "sweep") if found.one(name, "stale")] == [stale]


def test_a_timer_that_never_fires_is_noticed_too() -> None:
    """Before the first beat the age counts from the fleet's row, which the first call makes."""
    world = make_world(NOW)
    assert Api(world).call("health").status == 200
    later = replace(world, now=NOW + timedelta(minutes=16))
    found = Api(later).call("health")
    assert (found.status, found.one("find_due", "happened"), found.one("find_due", "stale")) == (503, False, True)


def test_health_names_nothing() -> None:
    """No vault and no certificate stands in the answer."""
    world = make_world(NOW)
    stock(world, WEB)
    text = str(Api(world).call("health").body)
    assert "kv-" not in text
    assert "web" not in text
