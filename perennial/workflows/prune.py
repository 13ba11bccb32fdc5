"""Forgetting: what has closed long enough ago is deleted, a bounded number of rows a tick, once a day. Claims are kept for ever."""

from __future__ import annotations

from datetime import datetime

from perennial.log import line
from perennial.model.limits import kept
from perennial.ports.tables import DELIVERIES, FINDINGS, HISTORY, SWEEPS, USAGES, Query, Table, TableSpec
from perennial.workflows.world import World

ROWS_A_TICK = 500  # so that a tick stays short; the next one goes on


def prune(world: World) -> bool:
    """Delete old rows; True when none is left. Claims have no age: their key is the promise that a version is replaced once."""
    tables, settings = world.tables, world.settings
    history = world.now - settings.keep_history
    deleted = _prune(tables.deliveries, DELIVERIES, "closed", world.now - settings.keep_deliveries, ROWS_A_TICK)
    deleted += _prune(tables.history, HISTORY, "at", history, ROWS_A_TICK - deleted)
    deleted += _prune(tables.findings, FINDINGS, "resolved", history, ROWS_A_TICK - deleted)
    deleted += _prune(tables.sweeps, SWEEPS, "tick", history, ROWS_A_TICK - deleted)
    spent = world.now - kept(settings.authorities)  # a count of this very second may go too: one, of an empty budget
    deleted += _prune(tables.usages, USAGES, "latest", spent, ROWS_A_TICK - deleted)
    if deleted:
        line("pruned", rows=deleted)
    return deleted < ROWS_A_TICK


def _prune[T](table: Table[T], spec: TableSpec[T], column: str, before: datetime, most: int) -> int:
    """Delete rows whose column lies at or before an instant, at most so many; return how many."""
    deleted, more = 0, None
    while deleted < most:
        page = table.select(Query(due=(column, before), limit=most - deleted), more)
        for stored in page.items:
            table.delete(*spec.key(stored.value))
        deleted += len(page.items)
        more = page.more
        if more is None:
            break
    return deleted
