"""The next minute at which find_due could find something, as the rows stand: all others are jumped over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from cronsim import CronSim

from perennial.compliance.rules.vault_not_walked import LONGEST
from perennial.model.history import TERMINAL, VaultWalk, WalkState
from perennial.model.inventory import FLEET, VaultRow
from perennial.ports.tables import Query, Stored, Tables
from perennial.settings import Settings
from perennial.workflows.reading import newest
from perennial.workflows.sweep import RETRY
from tests.memory.tables import MemoryTable

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class Ticks:
    """Reads the tables as find_due would, with an index instead of a scan."""

    def __init__(self, tables: Tables, ticked: datetime) -> None:
        self.ticked = ticked.replace(second=0, microsecond=0) - MINUTE
        self.jumps = True
        self._tables = tables
        self._read = -2
        self._newest: dict[str, VaultWalk] = {}
        self._cron: tuple[str, datetime, datetime] = ("", ticked, ticked)

    def following(self, settings: Settings) -> datetime:
        """Return the minute of the next tick that is not in vain."""
        found = min(self._waits(settings)) if self.jumps else self.ticked
        minute = found.replace(second=0, microsecond=0)
        return max(self.ticked + MINUTE, minute + MINUTE if minute < found else minute)

    def _waits(self, settings: Settings) -> Iterator[datetime]:
        for table in (self._tables.inventory, self._tables.vaults):  # the fleet's row lives beside the vaults'
            if isinstance(table, MemoryTable):
                yield from (at for at in (table.earliest("next_check"),) if at is not None)
        yield self._scheduled(settings.sweep_schedule)
        fleet = self._tables.fleet.get(FLEET, FLEET)
        if fleet is None or fleet.value.pruned != self.ticked.date():
            yield self.ticked
        yield self.ticked.replace(hour=0, minute=0) + DAY
        yield from self._walks(settings)

    def _walks(self, settings: Settings) -> Iterator[datetime]:
        """Yield what the vaults' walks wait for; the newest walks are kept until a row of the table is written."""
        table = self._tables.sweeps
        writes = table.writes if isinstance(table, MemoryTable) else -1
        if writes != self._read:
            self._newest = {}
            for stored in newest(table, Query(), max(4 * len(settings.vaults), 20)):
                self._newest.setdefault(stored.value.vault, stored.value)
            self._read = writes
        for vault, mode in settings.vaults.items():
            yield from self._of_vault(self._tables.vaults.get("vault", vault), self._newest.get(vault), mode)

    def _scheduled(self, schedule: str) -> datetime:
        """Return the next tick of the sweep's schedule after the last tick, remembered until it has come."""
        written, _, at = self._cron
        if written != schedule or at <= self.ticked:
            at = next(CronSim(schedule, self.ticked))
            self._cron = schedule, self.ticked, at
        return at

    def _of_vault(self, stored: Stored[VaultRow] | None, walk: VaultWalk | None, mode: str) -> Iterator[datetime]:
        if stored is None or walk is None:
            yield self.ticked
            return
        row = stored.value
        opens = row.closed_until or walk.tick
        if walk.state not in TERMINAL:
            yield max(walk.lease_until or walk.tick, opens)
        elif walk.state is WalkState.FAILED:
            yield max((walk.ended or walk.tick) + RETRY, opens)
        elif row.mode_seen not in ("", mode):
            yield self.ticked
        if row.whole_walk is not None and not row.baseline_told:
            yield self.ticked
        overdue = (row.whole_walk or row.first_seen) + LONGEST
        if overdue >= self.ticked:
            yield overdue + timedelta(seconds=1)
