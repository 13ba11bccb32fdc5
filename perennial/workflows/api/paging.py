"""Lists page by page. A cursor is the last key that was seen, so that pages stay true while rows come and go."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from perennial.errors import BadInput
from perennial.ports.tables import Query, Table, TableSpec

MOST = 500
USUAL = 50
# A page ends short rather than late: after so many pages of the table service (each at most 1,000 rows or 5 seconds).
SERVICE_PAGES = 25

# Table Storage: what a key may not hold; at most 1 KiB.
KEY = re.compile(r"[^/\\#?\x00-\x1f\x7f-\x9f\ud800-\udfff]{0,512}")


@dataclass(frozen=True, slots=True)
class Paging:
    """How many rows a caller wants, and the key after which they go on."""

    limit: int = USUAL
    after: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Part[T]:
    """Some rows of a list; `next` is the cursor of what follows, None at the end."""

    items: tuple[T, ...]
    next: str | None = None

    def body(self, shown: Callable[[T], object]) -> dict[str, object]:
        """Show it."""
        return {"items": [shown(item) for item in self.items], "next": self.next}


def paging(given: Mapping[str, str]) -> Paging:
    """Read `limit` and `cursor`."""
    limit = given.get("limit", str(USUAL))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 3 and 1 <= int(limit) <= MOST):
        raise BadInput("limit", f"a number from 1 to {MOST}")
    return Paging(int(limit), opened(given["cursor"]) if "cursor" in given else None)


def cursor(partition: str, key: str) -> str:
    """Close a key up into a word that fits an address."""
    return base64.urlsafe_b64encode(f"{partition}\n{key}".encode()).decode().rstrip("=")


def opened(text: str) -> tuple[str, str]:
    """Open a cursor again; whatever was not made by `cursor` is refused."""
    try:
        inner = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise BadInput("cursor", "the `next` of an earlier page, as it was") from error
    partition, found, key = inner.partition("\n")
    if not found or not KEY.fullmatch(partition) or not KEY.fullmatch(key):
        raise BadInput("cursor", "the `next` of an earlier page, as it was")
    return partition, key


def gather[T](
    table: Table[T],
    spec: TableSpec[T],
    query: Query,
    page: Paging,
    *,
    keep: Callable[[T], bool] | None = None,
    within: Callable[[T], bool] | None = None,
) -> Part[T]:
    """Collect a page of the rows that match the query and `keep`; the list ends at the first row that is not `within`.

    May come back short of its limit and still have a next page: when the filter let little through.
    """
    query = replace(_start(query, page.after), limit=1000 if keep else page.limit + 1)
    kept: list[T] = []
    last: tuple[str, str] | None = None
    more, pages = None, 0
    while pages < SERVICE_PAGES or last is None:
        found = table.select(query, more)
        for row in (stored.value for stored in found.items):
            if within and not within(row):
                return Part(tuple(kept))
            if len(kept) == page.limit and last:
                return Part(tuple(kept), cursor(*last))
            last = spec.key(row)
            if keep is None or keep(row):
                kept.append(row)
        more, pages = found.more, pages + 1
        if more is None:
            return Part(tuple(kept))
    return Part(tuple(kept), cursor(*last))


def _start(query: Query, after: tuple[str, str] | None) -> Query:
    """Begin a query after a key; within one partition by the row key alone, which the service finds at once."""
    if after is None:
        return query
    if not query.partition:
        return replace(query, beyond=after)
    if after[0] != query.partition:
        raise BadInput(
            "cursor", "it belongs to another list: leave the filters as they were, or start without a cursor"
        )
    return replace(query, after=after[1])


def shown_id(partition: str, key: str) -> str:
    """Return the id under which the API shows a row."""
    return cursor(partition, key)


def keys_of(identifier: str) -> tuple[str, str] | None:
    """Return the keys in an id; None where it is none of ours."""
    try:
        return opened(identifier)
    except BadInput:
        return None
