"""The clock of what a notice is about: a certificate's row, a vault's, or the fleet's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from perennial import log
from perennial.errors import Changed
from perennial.model.inventory import FLEET, Entry, FleetRow, VaultRow
from perennial.ports.tables import Table
from perennial.workflows.world import World

TRIES = 5
"""How often a row that others write too is read again after a 412."""


def bring_forward(world: World, subject: str, instant: datetime) -> None:
    """Make sure that a subject is looked at no later than an instant; its next check is never moved back."""
    vault, _, certificate = subject.partition(":")
    if certificate:
        _lower(world.tables.inventory, vault, certificate, instant)
    elif vault:
        _lower(world.tables.vaults, "vault", vault, instant)
    else:
        _lower(world.tables.fleet, FLEET, FLEET, instant)


def _lower[Row: (Entry, VaultRow, FleetRow)](table: Table[Row], partition: str, key: str, instant: datetime) -> None:
    for _ in range(TRIES):
        row = table.get(partition, key)
        if row is None:
            log.warn("no-row-to-look-at", partition=partition, key=key)
            return
        if row.value.next_check <= instant:
            return
        try:
            table.save(replace(row, value=replace(row.value, next_check=instant)))
        except Changed:
            continue
        return
    # Whoever writes the row this often looks at it now, and a look ends by asking for the deliveries that are open.
    log.warn("next-check-not-lowered", partition=partition, key=key, instant=instant)
