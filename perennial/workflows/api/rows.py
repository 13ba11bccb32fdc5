"""Rows changed under their ETag, and instants as the API writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from perennial.errors import Changed
from perennial.ports.tables import Stored, Table

TRIES = 5


def change[T](table: Table[T], read: Callable[[], Stored[T]], turn: Callable[[T], T]) -> T:
    """Change a row under its ETag; read it again, and judge it again, as often as somebody else was quicker. Raises Changed in the end."""
    for _ in range(TRIES - 1):
        stored = read()
        try:
            return table.save(Stored(turn(stored.value), stored.etag)).value
        except Changed:
            continue
    stored = read()
    return table.save(Stored(turn(stored.value), stored.etag)).value


def instant(at: datetime | None) -> str | None:
    """Write an instant as ISO 8601 with Z."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
