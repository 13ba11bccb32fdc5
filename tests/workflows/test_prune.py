"""Forgetting what is old, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial.ports.tables import Query
from perennial.workflows.prune import ROWS_A_TICK, prune
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, NOW, place


def renewed() -> Stage:
    """Return a stage with one certificate that was renewed within the hour, and told."""
    on = Stage(NOW)
    on.subscribe()
    place(on)
    on.look("www", "near-expiry")
    on.run(timedelta(hours=1))
    return on


def test_closed_deliveries_and_old_history_go_and_claims_stay() -> None:
    """After the settings' spans the outbox and the history are empty of what is old; the claim is kept for ever."""
    on = renewed()
    assert on.tables.deliveries.select(Query()).items
    on.now += 401 * DAY
    while not prune(on.world()):
        pass
    assert not on.tables.deliveries.select(Query(equal={"state": "delivered"})).items
    assert not on.history("www")
    assert len(on.claims("www")) == 1


def test_what_is_not_old_stays() -> None:
    """A day before its time nothing is deleted."""
    on = renewed()
    delivered = len(on.tables.deliveries.select(Query(equal={"state": "delivered"})).items)
    on.now += 89 * DAY
    assert prune(on.world())
    assert len(on.tables.deliveries.select(Query(equal={"state": "delivered"})).items) == delivered > 0


def test_a_tick_deletes_a_bounded_number_of_rows() -> None:
    """A flood of old rows is forgotten over several ticks."""
    on = Stage(NOW)
    on.look("missing")
    row = on.tables.fleet.get("fleet", "fleet")
    assert row is not None
    place(on)
    on.look("www")
    (record, *_) = on.history("www")
    for number in range(ROWS_A_TICK + 10):
        on.tables.history.put(replace(record, id=f"r{number}", at=NOW - 500 * DAY))
    assert not prune(on.world())
    assert prune(on.world())
