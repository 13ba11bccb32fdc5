"""The clock: what is due is queued, paced, once; what is not, is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial.model.inventory import Entry
from perennial.model.messages import Look
from perennial.model.mode import Mode
from perennial.workflows import due
from tests.memory.queue import MemoryQueues
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, NOW
from tests.workflows.racing import raced


def stage(count: int, *, late: timedelta = timedelta(minutes=1)) -> Stage:
    """Return a stage with rows that are due, the first the longest."""
    on = Stage(NOW, vaults={"kv-orders": Mode.RENEW})
    for number in range(count):
        row = Entry(
            vault="kv-orders",
            certificate=f"c{number:04}",
            first_seen=NOW - DAY,
            next_check=NOW - late - timedelta(seconds=count - number),
            read_at=NOW + DAY,
        )
        on.tables.inventory.put(row)
    return on


def tick(on: Stage) -> list[tuple[Look, timedelta]]:
    """Run the clock once and return the looks that it queued."""
    queues = MemoryQueues()
    due.find_due(replace(on.world(), queues=queues))
    return [(message, delay) for message, delay in queues.sent if isinstance(message, Look)]


def test_due_rows_are_queued_earliest_first_a_second_apart() -> None:
    """Sixty a vault and tick, the k-th with k seconds of delay; the rest stay due for the next tick."""
    on = stage(60 + 5)
    first = tick(on)
    assert [look.certificate.name for look, _ in first] == [f"c{number:04}" for number in range(60)]
    assert [delay.total_seconds() for _, delay in first] == list(range(60))
    assert len(tick(on)) == 5
    assert tick(on) == []


def test_within_an_hour_the_least_life_left_goes_first() -> None:
    """What a CA revokes all at once is due at once: the worst first. An earlier hour goes before it, so that nothing waits for ever."""
    on = stage(6)
    for number in range(6):
        stored = on.tables.inventory.get("kv-orders", f"c{number:04}")
        assert stored is not None
        hour = NOW - timedelta(hours=3 if number == 4 else 1)
        row = replace(stored.value, next_check=hour + number * timedelta(minutes=9), not_after=NOW + (9 - number) * DAY)
        on.tables.inventory.put(row if number else replace(row, not_after=None))
    assert [look.certificate.name for look, _ in tick(on)] == ["c0004", "c0005", "c0003", "c0002", "c0001", "c0000"]


def test_after_an_outage_of_days_the_least_life_left_goes_first() -> None:
    """Whatever the hour at which each would have been looked at; what is late by less than a day comes after it."""
    on = stage(5)
    for number in range(5):
        stored = on.tables.inventory.get("kv-orders", f"c{number:04}")
        assert stored is not None
        late = timedelta(hours=2) if number == 4 else (9 - number) * DAY + number * timedelta(hours=5)
        on.tables.inventory.put(replace(stored.value, next_check=NOW - late, not_after=NOW + (9 - number) * DAY))
    assert [look.certificate.name for look, _ in tick(on)] == ["c0003", "c0002", "c0001", "c0000", "c0004"]


def test_a_row_that_was_queued_is_out_of_the_way_for_an_hour() -> None:
    """The row is moved on before its look is queued: a lost message costs an hour, a second tick finds nothing."""
    on = stage(1)
    tick(on)
    assert on.entry("c0000").next_check == NOW + timedelta(hours=1)


def test_a_row_that_is_not_due_is_left() -> None:
    """A second before its time nothing is queued."""
    on = stage(1, late=timedelta(seconds=-5))
    assert tick(on) == []


def test_rows_of_a_vault_that_is_no_longer_ours_are_left() -> None:
    """A vault that the settings no longer name costs nothing."""
    on = stage(3)
    on.settings = replace(on.settings, vaults={"kv-other": Mode.OBSERVE})
    assert tick(on) == []


def test_the_tick_is_noted_for_health() -> None:
    """The heartbeat is the tick itself."""
    on = stage(0)
    tick(on)
    fleet = on.tables.fleet.get("fleet", "fleet")
    assert fleet is not None
    assert fleet.value.last_due == NOW


def test_two_ticks_at_once_queue_a_row_once() -> None:
    """Another instance's tick in the middle wins the row by its ETag."""
    on = stage(1)
    queues = MemoryQueues()
    moved = raced(on.world(), "inventory", lambda row: replace(row, next_check=NOW + timedelta(hours=1)))
    due.find_due(replace(moved, queues=queues))
    assert queues.looks == []
