"""A sweep is a tick of its schedule: a row for each vault, and a message that says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from perennial.decisions.schedule import newest_tick
from perennial.errors import Changed
from perennial.log import line
from perennial.model.history import TERMINAL, VaultWalk, WalkState
from perennial.model.inventory import VaultRow
from perennial.model.messages import Walk
from perennial.model.mode import Mode
from perennial.ports.tables import Query, Stored
from perennial.workflows import dropped, vault_state, walk_end
from perennial.workflows.baseline import summarize
from perennial.workflows.reading import every, newest
from perennial.workflows.walk import PATIENCE, fresh
from perennial.workflows.world import World

RETRY = timedelta(
    minutes=15
)  # a failed walk is tried again, so that a role given back at noon need not wait for the next day's tick
BY_SCHEDULE, BY_MODE = "schedule", "mode"


def start_scheduled(world: World) -> datetime:
    """Start the sweep whose tick has just come."""
    return start(world, tick=newest_tick(world.settings.sweep_schedule, world.now), asked_by=BY_SCHEDULE)


def start(world: World, *, tick: datetime, asked_by: str) -> datetime:
    """Start a sweep: a row for each vault if absent, and a message for each row inserted. Return its tick."""
    for vault in world.settings.vaults:
        _insert(world, tick, vault, asked_by)
    line("sweep-started", tick=tick, asked_by=asked_by, vaults=len(world.settings.vaults))
    return tick


def requeue(world: World) -> None:
    """Make up for what was missed, each minute: rows of the newest tick, walks without a holder, vaults whose mode has changed.

    Also what only time brings about: the finding of a vault that was not walked for too long, and the summary of a vault's first walk.
    """
    tick = newest_tick(world.settings.sweep_schedule, world.now)
    walks = _newest_walks(world)
    vaults = {stored.value.vault: stored for stored in every(world.tables.vaults, Query(partition="vault"))}
    for vault, mode in world.settings.vaults.items():
        row = vaults.get(vault)
        try:
            _see_to(world, tick, (vault, mode), walks.get(vault), row.value if row else None)
            if row is not None:
                walk_end.check_overdue(world, row.value)
                summarize(world, row)
        except Changed:
            continue  # somebody is at it; the next minute looks again
    for stored in vaults.values():
        _let_go(world, stored)


def _let_go(world: World, stored: Stored[VaultRow]) -> None:
    try:
        dropped.let_go(world, stored)
    except Changed:
        return  # the next minute looks again


def _newest_walks(world: World) -> dict[str, Stored[VaultWalk]]:
    """Return each vault's newest walk, and close the older ones that never ended. The table's first rows are the newest ticks'."""
    found: dict[str, Stored[VaultWalk]] = {}
    for stored in newest(world.tables.sweeps, Query(), max(4 * len(world.settings.vaults), 20)):
        if stored.value.vault not in found:
            found[stored.value.vault] = stored
        elif stored.value.state not in TERMINAL:
            _overtake(world, stored)
    return found


def _overtake(world: World, stored: Stored[VaultWalk]) -> None:
    ended = replace(stored.value, state=WalkState.OVERTAKEN, ended=world.now, lease_until=None)
    try:
        world.tables.sweeps.save(Stored(ended, stored.etag))
    except Changed:
        return


def _see_to(
    world: World, tick: datetime, vault: tuple[str, Mode], walk: Stored[VaultWalk] | None, row: VaultRow | None
) -> None:
    """Give a vault the walk that it lacks."""
    name, mode = vault
    closed = row is not None and vault_state.closed(row, world.now)
    if walk is None or walk.value.tick < tick:
        _insert(world, tick, name, BY_SCHEDULE)
    elif walk.value.state not in TERMINAL:
        held = walk.value.lease_until is not None and world.now < walk.value.lease_until
        if not held and not closed:
            _send_again(world, walk, walk.value)
    elif walk.value.state is WalkState.FAILED:
        if not closed and (walk.value.ended or walk.value.tick) + RETRY <= world.now:
            _send_again(world, walk, fresh(walk.value))
    elif row is not None and row.mode_seen not in ("", mode):
        _insert(world, world.now, name, BY_MODE)


def _insert(world: World, tick: datetime, vault: str, asked_by: str) -> None:
    row = VaultWalk(tick=tick, vault=vault, asked_by=asked_by, lease_until=world.now + PATIENCE)
    if world.tables.sweeps.insert(row) is not None:
        world.queues.send(Walk(tick=tick, vault=vault))


def _send_again(world: World, stored: Stored[VaultWalk], row: VaultWalk) -> None:
    """Send a walk on. The row says for how long its message may wait, so that each minute sends one message at most, not one a minute."""
    queued = replace(row, state=WalkState.QUEUED, lease_until=world.now + PATIENCE)
    world.tables.sweeps.save(Stored(queued, stored.etag))
    world.queues.send(Walk(tick=row.tick, vault=row.vault))
