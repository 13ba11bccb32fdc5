"""The clock: every minute, a look for each row whose next check has come, paced. Reads and writes tables, calls no vault."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from perennial.errors import Changed
from perennial.log import line
from perennial.model.inventory import Entry, FleetRow, VaultRow
from perennial.model.messages import Look
from perennial.model.notices import FLEET_SUBJECT, subject_of_vault
from perennial.ports.tables import Query, Stored
from perennial.workflows import deliver, sweep, vault_state
from perennial.workflows.brake import tell_brake
from perennial.workflows.prune import prune
from perennial.workflows.sight import fleet_row
from perennial.workflows.world import World

LOOKS_A_TICK = 60  # a vault and minute: one a second, so that a fleet which is due at once becomes a stream
LEASE = timedelta(hours=1)  # a lost message costs this much
DAY = timedelta(days=1)


def find_due(world: World) -> None:
    """Queue what is due, the earliest hour first, and of what is late by a day the least life left; note that the clock has ticked, for `health`."""
    queued = {vault: _certificates(world, vault) for vault in world.settings.vaults}
    for vault in world.settings.vaults:
        _vault(world, vault)
    _fleet(world)
    sweep.requeue(world)
    line("find-due", queued={vault: count for vault, count in queued.items() if count})


def _certificates(world: World, vault: str) -> int:
    """Queue a look for a vault's due rows. Moving the row on under its ETag is the look's lease: another instance's tick finds it moved."""
    queued = 0
    for stored in _due(world, vault):
        if queued == LOOKS_A_TICK:
            break
        moved = replace(stored.value, next_check=world.now + LEASE)
        try:
            world.tables.inventory.save(Stored(moved, stored.etag))
        except Changed:
            continue
        look = Look(certificate=stored.value.ref, cause="due")
        world.queues.send(look, timedelta(seconds=queued))
        queued += 1
    return queued


def _due(world: World, vault: str) -> list[Stored[Entry]]:
    query, more, found = Query(partition=vault, due=("next_check", world.now)), None, list[Stored[Entry]]()
    while True:
        page = world.tables.inventory.select(query, more)
        found += page.items
        more = page.more
        if more is None:
            return sorted(found, key=lambda stored: _urgency(stored.value, world.now))


def _urgency(entry: Entry, now: datetime) -> tuple[datetime, bool, datetime]:
    """Order by the hour of the next check, and within an hour the least life left first: a CA that revokes all at once makes all due at once.

    What is late by a day or more is late alike: after an outage of days the hours say nothing, and CAs' limits may let only some go first.
    """
    hour = max(entry.next_check, now - DAY).replace(minute=0, second=0, microsecond=0)
    return hour, entry.not_after is None, entry.not_after or entry.next_check


def _vault(world: World, vault: str) -> None:
    """Queue a vault's overdue notices, if its row is due."""
    stored = vault_state.row_of(world, vault)
    if stored.value.next_check > world.now:
        return
    waits = deliver.overdue(world, subject_of_vault(vault))
    moved: VaultRow = replace(stored.value, next_check=min(world.now + DAY, waits or world.now + DAY))
    try:
        world.tables.vaults.save(Stored(moved, stored.etag))
    except Changed:
        return  # due again in a minute


def _fleet(world: World) -> None:
    """Queue the fleet's overdue notices, if its row is due, and note the tick."""
    stored = fleet_row(world)
    moved: FleetRow = replace(stored.value, last_due=world.now)
    if stored.value.next_check <= world.now:
        waits = deliver.overdue(world, FLEET_SUBJECT)
        moved = replace(moved, next_check=min(world.now + DAY, waits or world.now + DAY))
    moved = tell_brake(world, moved)
    if stored.value.pruned != world.now.date() and prune(world):
        moved = replace(moved, pruned=world.now.date())
    try:
        world.tables.fleet.save(Stored(moved, stored.etag))
    except Changed:
        return  # the next tick notes itself a minute later
