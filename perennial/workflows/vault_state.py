"""A vault that says no is left alone for a while; that stops calls to it, not looks at its certificates."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from perennial.decisions import backoff
from perennial.decisions.backoff import Closure, Refusal
from perennial.errors import Changed, Forbidden, Throttled, VaultError
from perennial.log import warn
from perennial.model.inventory import VaultRow
from perennial.ports.tables import Stored
from perennial.workflows import announce, notices
from perennial.workflows.world import World

PACE = timedelta(seconds=1)  # between two creates: key creation is limited to 20 in 10 s, and others create too


def row_of(world: World, vault: str) -> Stored[VaultRow]:
    """Return a vault's row, made at first sight and due at once."""
    new = VaultRow(vault=vault, first_seen=world.now, next_check=world.now)
    while True:
        found = world.tables.vaults.get("vault", vault) or world.tables.vaults.insert(new)
        if found is not None:
            return found


def closure_of(row: VaultRow) -> Closure:
    """Return how a vault stands."""
    return Closure(row.closed_until, row.closed_at, row.closures)


def closed(row: VaultRow, now: datetime) -> bool:
    """Tell whether a vault is to be left alone now."""
    return closure_of(row).closed(now)


def refused(world: World, stored: Stored[VaultRow], error: VaultError, began: datetime) -> Stored[VaultRow]:
    """Close a vault after a refusal of a request that began then, and tell once per occasion what a person must mend."""
    kind = _kind(error)
    while True:
        row = stored.value
        after = backoff.refused(closure_of(row), kind, began, world.now, error.retry_after)
        if after == closure_of(row):
            return stored
        if row.closures == 0 and kind is not Refusal.THROTTLED:
            occasion = f"{kind}:{row.closed_at.isoformat() if row.closed_at else 'first'}"
            announce.tell(world, notices.vault_trouble(row.vault, error.what, occasion, world.now, fix=fix_of(error)))
        closing = replace(
            row,
            closed_until=after.until,
            closed_at=after.at,
            closures=after.closures,
            closed_why=f"{kind}: {error.what}"[:500],
            next_check=min(row.next_check, after.until or row.next_check),
        )
        try:
            saved = world.tables.vaults.save(Stored(closing, stored.etag))
        except Changed:
            stored = row_of(world, row.vault)
            continue
        warn("vault-closed", vault=row.vault, why=kind, until=after.until, error=error.what)
        return saved


def succeeded(world: World, stored: Stored[VaultRow]) -> Stored[VaultRow]:
    """Open a vault after a success; costs nothing where it was open."""
    row = stored.value
    if row.closures == 0 and row.closed_until is None:
        return stored
    try:
        return world.tables.vaults.save(
            Stored(replace(row, closed_until=None, closures=0, closed_why=""), stored.etag),
        )
    except Changed:
        return row_of(world, row.vault)


def take_turn(world: World, vault: str) -> datetime | None:
    """Take the vault's next turn for a create. None: it was taken; else the instant before which there is none."""
    stored = row_of(world, vault)
    turn = stored.value.next_create
    if turn is not None and turn > world.now:
        return turn
    try:
        world.tables.vaults.save(Stored(replace(stored.value, next_create=world.now + PACE), stored.etag))
    except Changed:
        return world.now + PACE  # another took it at this instant
    return None


def _kind(error: VaultError) -> Refusal:
    if isinstance(error, Throttled):
        return Refusal.THROTTLED
    return Refusal.FORBIDDEN if isinstance(error, Forbidden) else Refusal.UNREACHABLE


def fix_of(error: VaultError) -> str:
    """Say what a person must do about a vault that refuses."""
    if isinstance(error, Throttled):
        return "nothing: it is tried again by itself"
    if error.code == "ForbiddenByFirewall":
        return "let the app through the vault's firewall"
    if isinstance(error, Forbidden):
        return "assign Perennial's role (certificates read, create, update) on the vault to the app's identity"
    return "check that the vault exists and that the app can resolve and reach it"
