"""A journey's time machine: what the app's rows wait for is over, as if the minutes and hours had passed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from tests.journeys.running import Journey

MINUTE = timedelta(minutes=1)
LONGEST_LOOK = timedelta(seconds=13)  # in a journey: one write that times out after ten seconds, and the rest


@dataclass(frozen=True, slots=True)
class Wait:
    """What the rows of a table wait for: columns, the one that is a lease and how long that lasts, and which key names the vault."""

    table: str
    columns: tuple[str, ...]
    lease: str = ""
    lasts: timedelta = timedelta(0)
    key: str = "PartitionKey"


WAITS = (
    Wait("renewals", ("held_until", "next_step", "earliest"), "held_until", timedelta(minutes=12)),
    Wait("deliveries", ("lease_until", "next_attempt"), "lease_until", timedelta(minutes=2)),
    Wait("sweeps", ("lease_until",), "lease_until", timedelta(minutes=12), "RowKey"),
    Wait("vaults", ("closed_until", "next_create"), key="RowKey"),
    Wait("subscriptions", ("closed_until",), key="RowKey"),
    Wait("inventory", ("next_check",)),  # the last: who is looked at now finds all of the above over
)


def end_waits(journey: Journey, vaults: Collection[str], *, dead: bool = False) -> None:
    """Turn back what the rows of these vaults (and of the subscriptions of their names) wait for.

    A lease is ended only when it is older than any look could be, since a lease that has ended has no living holder; `dead` says that none lives.
    """
    now = datetime.now(UTC)
    youngest = timedelta(0) if dead else LONGEST_LOOK
    for wait in WAITS:
        with journey.table(wait.table) as table:
            for row in rows_of(journey, wait.table):
                lease = row.get(wait.lease)
                if str(row[wait.key]).partition(":")[0] in vaults and (
                    lease is None or now - (lease - wait.lasts) >= youngest
                ):
                    _turn_back(table, row, wait.columns, now)


def rows_of(journey: Journey, name: str) -> list[Mapping[str, Any]]:
    """Return all rows of one of the app's tables; none where nothing was ever written to it."""
    with journey.table(name) as table:
        try:
            return list(table.list_entities())
        except ResourceNotFoundError:
            return []


def _turn_back(table: TableClient, row: Mapping[str, Any], columns: Collection[str], now: datetime) -> None:
    ended = {name: now - MINUTE for name in columns if row.get(name) is not None and row[name] > now}
    if ended:
        key = {"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"]}
        table.update_entity({**key, **ended}, mode=UpdateMode.MERGE)
