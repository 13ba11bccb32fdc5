"""A table in which another is a moment faster: the first saves find that the row has been written meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from perennial.ports.tables import Stored
from perennial.workflows.world import World
from tests.memory.tables import MemoryTable


@dataclass(slots=True)
class Raced[T]:
    """Lets everything through; before each of the first saves another writes the row."""

    table: MemoryTable[T]
    change: Callable[[T], T]
    times: int

    def __getattr__(self, name: str) -> Any:
        """Let everything else through."""
        return getattr(self.table, name)

    def save(self, row: Stored[T]) -> Stored[T]:
        """Save a row, after the other."""
        if self.times:
            self.times -= 1
            found = self.table.get(*self.table.spec.key(row.value))
            if found is not None:
                self.table.put(self.change(found.value))
        return self.table.save(row)


def raced(world: World, name: str, change: Callable[[Any], Any] = lambda row: row, times: int = 1) -> World:
    """Return a world in which another writes a table's rows first, so many times; unless said, it writes what is there."""
    table = Raced(getattr(world.tables, name), change, times)
    return replace(world, tables=replace(world.tables, **{name: table}))
