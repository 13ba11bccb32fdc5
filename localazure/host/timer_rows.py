"""What hosts of one app share about a timer: its status, and the lease that lets one host follow the schedule.

In Azure both are blobs of AzureWebJobsStorage (a JSON document and a blob lease); here they are two rows of a table.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

NEVER = datetime(1, 1, 1, tzinfo=UTC)  # .NET's default, which the status has before the first run


@dataclass(frozen=True, slots=True)
class Status:
    """The last and the next occurrence, and the instant from which `next` was computed."""

    last: datetime
    next: datetime
    updated: datetime

    def as_json(self) -> dict[str, str]:
        """Return the members that a TimerRequest shows."""
        return {
            "Last": _iso(self.last),
            "Next": _iso(self.next),
            "LastUpdated": _iso(self.updated),
        }


class TimerRows:
    """The rows of one timer of one app (host id). Any method raises AzureError when the table cannot be used."""

    def __init__(self, table: TableClient, host_id: str, function: str, lease: float) -> None:
        self.lease = lease
        self._table = table
        self._status_key = {"PartitionKey": host_id, "RowKey": f"{function} status"}
        self._lease_key = {"PartitionKey": host_id, "RowKey": f"{function} lease"}
        self._holder = str(uuid.uuid4())

    async def read_status(self) -> Status | None:
        """Return the stored status; None before the first."""
        row = await self._read(self._status_key)
        if row is None:
            return None
        return Status(*(datetime.fromisoformat(row[name]) for name in ("Last", "Next", "LastUpdated")))

    async def write_status(self, status: Status) -> None:
        """Store a status; only the holder of the lease does."""
        await self._table.upsert_entity({**self._status_key, **status.as_json()}, mode=UpdateMode.REPLACE)

    async def hold(self, now: datetime) -> bool:
        """Take or renew the lease; False while another host has it."""
        row = await self._read(self._lease_key)
        mine = {**self._lease_key, "Holder": self._holder, "Until": _iso(now + timedelta(seconds=self.lease))}
        try:
            if row is None:
                await self._table.create_entity(mine)
            elif row["Holder"] == self._holder or datetime.fromisoformat(row["Until"]) <= now:
                await self._table.update_entity(
                    mine,
                    mode=UpdateMode.REPLACE,
                    etag=row.metadata["etag"],
                    match_condition=MatchConditions.IfNotModified,
                )
            else:
                return False
        except (ResourceExistsError, ResourceModifiedError):
            return False  # another host was faster
        return True

    async def let_go(self, now: datetime) -> None:
        """End the lease, so that another host need not wait for it."""
        row = await self._read(self._lease_key)
        if row is not None and row["Holder"] == self._holder:
            await self._table.upsert_entity(
                {**self._lease_key, "Holder": self._holder, "Until": _iso(now)}, mode=UpdateMode.REPLACE
            )

    async def _read(self, key: dict[str, str]) -> Any:
        """Return a row or None; the table is made when it is missing."""
        try:
            return await self._table.get_entity(key["PartitionKey"], key["RowKey"])
        except ResourceNotFoundError as missing:
            if getattr(missing, "error_code", None) == "TableNotFound":
                await _create(self._table)
            return None


async def _create(table: TableClient) -> None:
    """Create the table; fine if another host has."""
    with suppress(ResourceExistsError):
        await table.create_table()


def _iso(instant: datetime) -> str:
    """Return an aware UTC instant as text."""
    return instant.isoformat()
