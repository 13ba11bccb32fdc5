"""Rows in Table Storage: one protocol for every table, and what is stored where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from perennial.model.authority import Account, Usage
from perennial.model.findings import Finding
from perennial.model.history import Record, VaultWalk
from perennial.model.ids import inverted
from perennial.model.inventory import FLEET, Entry, FleetRow, VaultRow
from perennial.model.notices import Delivery, Subscription, subject_of
from perennial.model.renewal import Renewal
from perennial.ports import effect, look


@dataclass(frozen=True, slots=True)
class Stored[T]:
    """A row and the ETag it was read with."""

    value: T
    etag: str


@dataclass(frozen=True, slots=True)
class Page[T]:
    """Some rows, in key order; `more` continues after them (None: that was all). A page may be empty and yet have more."""

    items: tuple[Stored[T], ...]
    more: str | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """Some row keys, in order; `more` continues after them (None: that was all)."""

    items: tuple[str, ...]
    more: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which rows: all conditions hold. Only partition and key are indexed; the rest is filtered by the service."""

    partition: str = ""  # empty: every partition
    prefix: str = ""  # of the row key
    after: str = ""  # row keys greater than this
    until: str = ""  # row keys up to this one, itself included
    beyond: tuple[str, str] | None = None  # rows after this partition and key, over all partitions
    equal: Mapping[str, str | bool] = field(default_factory=dict)  # column → text or flag
    due: tuple[str, datetime] | None = None  # column at or before that instant; rows without the column do not match
    limit: int = 1000  # rows a page, at most 1,000


@dataclass(frozen=True, slots=True)
class TableSpec[T]:
    """A table: its name in the account, its row type, and where a row lives."""

    name: str
    row: type[T]
    key: Callable[[T], tuple[str, str]]


class Table[T](Protocol):
    """The rows of one kind. Writes raise TooLong, naming the column, where a text is longer than one takes (32 K characters): nothing is written."""

    @look
    def get(self, partition: str, key: str) -> Stored[T] | None:
        """Return a row, or None where there is none. Columns that an older row lacks read as their defaults."""

    @look
    def select(self, query: Query, more: str | None = None) -> Page[T]:
        """Return the next page of the rows that match, ordered by partition and key."""

    @look
    def keys(self, partition: str, more: str | None = None) -> Keys:
        """Return the next page of a partition's row keys, in order. No other column is read, so it costs little."""

    @effect
    def insert(self, row: T) -> Stored[T] | None:
        """Insert a row if absent. None: there is one already, and it stays as it is."""

    @effect
    def save(self, row: Stored[T]) -> Stored[T]:
        """Replace the row that was read with this ETag. Raises Changed where it is another by now, or gone."""

    @effect
    def put(self, row: T) -> None:
        """Write a row whatever is there."""

    @effect
    def delete(self, partition: str, key: str) -> None:
        """Delete a row; one that is not there is deleted already."""


def _keys_of_record(record: Record) -> tuple[str, str]:
    return subject_of(record.certificate), f"{inverted(record.at)}:{record.id}"


INVENTORY = TableSpec("inventory", Entry, lambda row: (row.vault, row.certificate))
VAULTS = TableSpec("vaults", VaultRow, lambda row: ("vault", row.vault))
FLEETS = TableSpec("vaults", FleetRow, lambda _: (FLEET, FLEET))  # a vault may be called "fleet", a partition not
RENEWALS = TableSpec("renewals", Renewal, lambda row: (subject_of(row.certificate), row.replacing))
HISTORY = TableSpec("history", Record, _keys_of_record)
SUBSCRIPTIONS = TableSpec("subscriptions", Subscription, lambda row: ("subscription", row.name))
DELIVERIES = TableSpec("deliveries", Delivery, lambda row: (row.subject, row.key))
FINDINGS = TableSpec("findings", Finding, lambda row: (row.vault, f"{row.certificate}:{row.rule}"))
ACCOUNTS = TableSpec("authorities", Account, lambda row: (row.authority, "account"))
USAGES = TableSpec("authorities", Usage, lambda row: (row.authority, f"limit:{row.bucket}"))
SWEEPS = TableSpec("sweeps", VaultWalk, lambda row: (inverted(row.tick), row.vault))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """All tables; a workflow takes what it needs."""

    inventory: Table[Entry]
    vaults: Table[VaultRow]
    fleet: Table[FleetRow]
    renewals: Table[Renewal]
    history: Table[Record]
    subscriptions: Table[Subscription]
    deliveries: Table[Delivery]
    findings: Table[Finding]
    sweeps: Table[VaultWalk]
    accounts: Table[Account]
    usages: Table[Usage]
