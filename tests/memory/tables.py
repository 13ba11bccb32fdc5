"""Tables in memory: the rows of the ports' table protocol, frozen values under ETags, in key order."""

from __future__ import annotations

import heapq
import json
import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from perennial.adapters.codec import LONGEST_TEXT, to_entity
from perennial.errors import BadInput, Changed
from perennial.ports import tables
from perennial.ports.tables import Keys, Page, Query, Stored, Tables, TableSpec

# Table Storage: "/", "\", "#", "?" and control characters are not allowed in keys.
FORBIDDEN = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")


@dataclass(slots=True)
class Rows:
    """What is in one table of the account, whatever types its rows have."""

    partitions: list[str] = field(default_factory=list)  # sorted
    keys: dict[str, list[str]] = field(default_factory=dict)  # partition → sorted row keys
    cells: dict[tuple[str, str], tuple[object, int]] = field(default_factory=dict)  # key → row and ETag
    writes: int = 0
    dues: dict[tuple[str, str], list[tuple[datetime, int, tuple[str, str]]]] = field(default_factory=dict)
    """For each partition (empty: all) and column that was asked about: instants, ETags and keys, the earliest first."""

    def write(self, at: tuple[str, str], value: object) -> str:
        """Put a row there under a new ETag, which is returned."""
        if at not in self.cells:
            if at[0] not in self.keys:
                insort(self.partitions, at[0])
                self.keys[at[0]] = []
            insort(self.keys[at[0]], at[1])
        self.writes += 1
        self.cells[at] = (value, self.writes)
        for (partition, column), heap in self.dues.items():
            when = getattr(value, column, None) if partition in ("", at[0]) else None
            if when is not None:
                heapq.heappush(heap, (when, self.writes, at))
        return str(self.writes)

    def earliest(self, partition: str, column: str) -> datetime | None:
        """Return the earliest instant in a column, of one partition if given: what a simulation's clock is set by."""
        heap = self.dues.get((partition, column))
        if heap is None:
            cells = [(at, *cell) for at, cell in self.cells.items() if partition in ("", at[0])]
            heap = self.dues[partition, column] = []
            for at, value, etag in cells:
                when = getattr(value, column, None)
                if when is not None:
                    heap.append((when, etag, at))
            heapq.heapify(heap)
        while heap and ((cell := self.cells.get(heap[0][2])) is None or cell[1] != heap[0][1]):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def remove(self, at: tuple[str, str]) -> None:
        """Take a row away, if there is one."""
        if self.cells.pop(at, None) is None:
            return
        keys = self.keys[at[0]]
        del keys[bisect_left(keys, at[1])]
        if not keys:
            del self.keys[at[0]]
            self.partitions.remove(at[0])

    def walk(self, query: Query, after: tuple[str, str] | None) -> Iterator[tuple[str, str]]:
        """Walk the keys that partition, prefix and place allow, in order."""
        after = max((place for place in (after, query.beyond) if place), default=None)
        for partition in [query.partition] if query.partition else list(self.partitions):
            if after and partition < after[0]:
                continue
            keys = self.keys.get(partition, [])
            start = bisect_left(keys, query.prefix)
            start = max(start, bisect_right(keys, query.after)) if query.after else start
            start = max(start, bisect_right(keys, after[1])) if after and partition == after[0] else start
            for key in keys[start:]:
                if not key.startswith(query.prefix) or (query.until and key > query.until):
                    break
                yield partition, key


class MemoryTable[T]:
    """A table that behaves as the port says. `choppy` begins every selection with an empty page that has more, as the service may."""

    def __init__(self, spec: TableSpec[T], rows: Rows | None = None, *, choppy: bool = False) -> None:
        self.spec = spec
        self.choppy = choppy
        self._rows = Rows() if rows is None else rows

    def get(self, partition: str, key: str) -> Stored[T] | None:
        """Return a row, or None."""
        cell = self._rows.cells.get((partition, key))
        return None if cell is None else self._stored(cell)

    def select(self, query: Query, more: str | None = None) -> Page[T]:
        """Return the next page of the rows that match."""
        if not 1 <= query.limit <= 1000:
            raise BadInput("limit", "a page has 1 to 1,000 rows")
        if more is None and self.choppy:
            return Page((), json.dumps(["", ""]))
        place: list[str] | None = json.loads(more) if more is not None else None
        if query.due is not None:
            first = self._rows.earliest(query.partition, query.due[0])
            if first is None or first > query.due[1]:
                return Page((), None)
        found: list[Stored[T]] = []
        last = ("", "")
        cells, conditional = self._rows.cells, query.due is not None or bool(query.equal)
        for at in self._rows.walk(query, (place[0], place[1]) if place else None):
            cell = cells[at]
            if conditional and not _matches(cell[0], query):
                continue
            if len(found) == query.limit:
                return Page(tuple(found), json.dumps(last))
            found.append(self._stored(cell))
            last = at
        return Page(tuple(found), None)

    def keys(self, partition: str, more: str | None = None) -> Keys:
        """Return the next page of a partition's row keys."""
        page = self.select(Query(partition=partition), more)
        return Keys(tuple(self.spec.key(stored.value)[1] for stored in page.items), page.more)

    def insert(self, row: T) -> Stored[T] | None:
        """Insert a row if absent."""
        at = self._place(row)
        return None if at in self._rows.cells else Stored(row, self._rows.write(at, row))

    def save(self, row: Stored[T]) -> Stored[T]:
        """Replace the row that was read with this ETag."""
        at = self._place(row.value)
        cell = self._rows.cells.get(at)
        if cell is None or str(cell[1]) != row.etag:
            raise Changed(f"{self.spec.name} {at[0]} {at[1]}")
        return Stored(row.value, self._rows.write(at, row.value))

    def put(self, row: T) -> None:
        """Write a row whatever is there."""
        self._rows.write(self._place(row), row)

    def delete(self, partition: str, key: str) -> None:
        """Delete a row, if there is one."""
        self._rows.remove((partition, key))

    def all(self) -> list[T]:
        """List every row: for assertions."""
        return [self._stored(cell).value for _, cell in sorted(self._rows.cells.items())]

    @property
    def writes(self) -> int:
        """How many writes it has had."""
        return self._rows.writes

    def earliest(self, column: str) -> datetime | None:
        """Return the earliest instant in a column."""
        return self._rows.earliest("", column)

    def _place(self, row: T) -> tuple[str, str]:
        at = self.spec.key(row)
        if len(msgspec.json.encode(row)) > LONGEST_TEXT:  # else none of its texts can be: seldom, since this is slow
            to_entity(row, at)
        if FORBIDDEN.search("".join(at)):
            raise BadInput("key", f"{at} holds a character that Table Storage refuses in keys")
        return at

    def _stored(self, cell: tuple[object, int]) -> Stored[T]:
        value, etag = cell
        if not isinstance(value, self.spec.row):
            raise TypeError(f"{self.spec.name} holds a {type(value).__name__} here, not a {self.spec.row.__name__}")
        return Stored(value, str(etag))


def _matches(row: object, query: Query) -> bool:
    """Tell whether a row is asked for; one without a column does not match, as where a table holds rows of two kinds."""
    for column, wanted in query.equal.items():
        if getattr(row, column, None) != wanted:
            return False
    if query.due is None:
        return True
    at: datetime | None = getattr(row, query.due[0], None)
    return at is not None and at <= query.due[1]


def memory_tables(*, choppy: bool = False) -> Tables:
    """Return all tables of an empty account; `vaults` and `fleet` share one, as in the account, and so do `accounts` and `usages`."""
    vaults, authorities = Rows(), Rows()
    return Tables(
        inventory=MemoryTable(tables.INVENTORY, choppy=choppy),
        vaults=MemoryTable(tables.VAULTS, vaults, choppy=choppy),
        fleet=MemoryTable(tables.FLEETS, vaults, choppy=choppy),
        renewals=MemoryTable(tables.RENEWALS, choppy=choppy),
        history=MemoryTable(tables.HISTORY, choppy=choppy),
        subscriptions=MemoryTable(tables.SUBSCRIPTIONS, choppy=choppy),
        deliveries=MemoryTable(tables.DELIVERIES, choppy=choppy),
        findings=MemoryTable(tables.FINDINGS, choppy=choppy),
        sweeps=MemoryTable(tables.SWEEPS, choppy=choppy),
        accounts=MemoryTable(tables.ACCOUNTS, authorities, choppy=choppy),
        usages=MemoryTable(tables.USAGES, authorities, choppy=choppy),
    )
