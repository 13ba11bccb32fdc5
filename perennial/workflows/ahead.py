"""Rows read ahead of a vault's list: the list shows 25 names a page, a table gives a hundred rows a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from perennial.ports.tables import Query, Stored, Table, TableSpec
from perennial.workflows.reading import every, just_before, newest

WINDOW = 100  # rows a call: four pages of the list; with more a walk saves few calls and holds megabytes
CALLS = 2  # for one page at most; names that lie further apart are asked for one by one


class OfCertificate(Protocol):
    """A row about a certificate."""

    @property
    def certificate(self) -> str:
        """The certificate's name."""


class Ahead[T: OfCertificate]:
    """Rows of one vault, found by the names that a page shows; cheap where pages come in name order, as they are seen to do.

    A row may be some pages old when it is used: whoever writes it does so under its ETag, and the page beside it is always younger.
    """

    def __init__(self, table: Table[T], spec: TableSpec[T], vault: str, beyond: str = "") -> None:
        """Take the table, and what a name's row keys may have after the name at most."""
        self._table = table
        self._spec = spec
        self._vault = vault
        self._beyond = beyond
        self._rows: dict[str, list[Stored[T]]] = {}
        self._after = self._until = ""  # what was read: the keys after the one, up to the other
        self._whole = False  # and beyond the other there is nothing

    def of(self, names: Sequence[str]) -> dict[str, list[Stored[T]]]:
        """Return the rows of each name."""
        if not names:
            return {}
        start, end = just_before(min(names)), max(names) + self._beyond
        if not (self._after <= start and (self._whole or start <= self._until)):
            self._rows, self._after, self._until, self._whole = {}, start, start, False
        for _ in range(CALLS):
            if not self._whole and self._until < end:
                self._read_on(start)
        return {name: self._rows.get(name, []) if self._holds(name) else self._alone(name) for name in names}

    def _holds(self, name: str) -> bool:
        return self._whole or name + self._beyond <= self._until

    def _read_on(self, start: str) -> None:
        """Read the next window, and forget what the list has passed."""
        window = newest(self._table, Query(partition=self._vault, after=self._until), WINDOW)
        self._rows = {name: rows for name, rows in self._rows.items() if name > start}
        self._after = start
        for stored in window:
            self._rows.setdefault(stored.value.certificate, []).append(stored)
            self._until = self._spec.key(stored.value)[1]
        self._whole = len(window) < WINDOW

    def _alone(self, name: str) -> list[Stored[T]]:
        between = Query(partition=self._vault, after=just_before(name), until=name + self._beyond)
        return [stored for stored in every(self._table, between) if stored.value.certificate == name]
