"""Reading many rows with few calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from perennial.ports.tables import Query, Stored, Table


def every[T](table: Table[T], query: Query) -> Iterator[Stored[T]]:
    """Yield all rows that match, page by page, so that memory holds one page."""
    more: str | None = None
    while True:
        page = table.select(query, more)
        yield from page.items
        if page.more is None:
            return
        more = page.more


def every_key[T](table: Table[T], partition: str) -> Iterator[str]:
    """Yield all row keys of a partition, page by page."""
    more: str | None = None
    while True:
        page = table.keys(partition, more)
        yield from page.items
        if page.more is None:
            return
        more = page.more


def newest[T](table: Table[T], query: Query, limit: int) -> list[Stored[T]]:
    """Return the first rows of a table, at most `limit`: an empty page that has more is no end."""
    found: list[Stored[T]] = []
    more: str | None = None
    while len(found) < limit:
        page = table.select(replace(query, limit=limit), more)
        found.extend(page.items)
        if page.more is None:
            break
        more = page.more
    return found[:limit]


def just_before(key: str) -> str:
    """Return a text that sorts before a key and after all smaller ones that a certificate's name can begin (0-9, a-z, -)."""
    return key[:-1] + chr(ord(key[-1]) - 1) + "~"
