"""Tables in which another is a moment faster: a save, an insert or a read finds what was written meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from perennial.ports.tables import Stored, Table
from perennial.workflows.world import World
from tests.memory.tables import MemoryTable


class Over[T](MemoryTable[T]):
    """The same rows as those of a table, for another to answer for some of it otherwise."""

    def __init__(self, table: Table[T]) -> None:
        assert isinstance(table, MemoryTable)
        super().__init__(table.spec, table._rows)


class Raced[T](Over[T]):
    """Before each of the first saves another writes the row."""

    def __init__(self, table: Table[T], change: Callable[[T], T], times: int) -> None:
        super().__init__(table)
        self.change = change
        self.times = times

    def save(self, row: Stored[T]) -> Stored[T]:
        """Save a row, after the other."""
        if self.times:
            self.times -= 1
            found = self.get(*self.spec.key(row.value))
            if found is not None:
                self.put(self.change(found.value))
        return super().save(row)


def raced(world: World, name: str, change: Callable[[Any], Any] = lambda row: row, times: int = 1) -> World:
    """Return a world in which another writes a table's rows first, so many times; unless said, it writes what is there."""
    table = Raced(getattr(world.tables, name), change, times)
    return replace(world, tables=replace(world.tables, **{name: table}))
