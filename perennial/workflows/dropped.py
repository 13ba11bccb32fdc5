"""A vault that the settings no longer name: what was found in it is closed, and it no longer counts for the brake."""

from __future__ import annotations

from dataclasses import replace

from perennial.log import line
from perennial.model.inventory import VaultRow
from perennial.ports.tables import Query, Stored
from perennial.workflows import findings
from perennial.workflows.reading import every
from perennial.workflows.sight import fleet_row
from perennial.workflows.world import World

DROPPED = "dropped"  # as `mode_seen`; once the settings name it again, that is another mode, which asks for a walk


def let_go(world: World, stored: Stored[VaultRow]) -> None:
    """Close a vault's open findings without a word, since nothing was mended. Rows stay: it may come back. Raises Changed."""
    row = stored.value
    if row.vault in world.settings.vaults or row.mode_seen == DROPPED:
        return
    query = Query(partition=row.vault, equal={"state": findings.OPEN})
    closed = list(every(world.tables.findings, query))
    for finding in closed:
        findings.withdraw(world, finding)
    fleet = fleet_row(world)
    if row.vault in fleet.value.expected:
        expected = {vault: count for vault, count in fleet.value.expected.items() if vault != row.vault}
        world.tables.fleet.save(Stored(replace(fleet.value, expected=expected), fleet.etag))
    world.tables.vaults.save(Stored(replace(row, mode_seen=DROPPED), stored.etag))
    line("vault-dropped", vault=row.vault, findings=len(closed))
