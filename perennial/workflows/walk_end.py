"""The end of a vault's walk, and of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from perennial.compliance import evaluate_vault
from perennial.compliance.engine import FAULTS
from perennial.compliance.rule import VaultSubject
from perennial.errors import Changed
from perennial.log import line, warn
from perennial.model.decision import RenewalPolicy
from perennial.model.history import TERMINAL, VaultWalk, WalkState
from perennial.model.ids import inverted
from perennial.model.inventory import Entry, FleetRow, VaultRow
from perennial.model.messages import Look
from perennial.ports.tables import Query, Stored
from perennial.workflows import announce, findings, notices, vault_state
from perennial.workflows.gone import mark_gone
from perennial.workflows.names_seen import NamesSeen
from perennial.workflows.reading import every, every_key
from perennial.workflows.sight import fleet_row
from perennial.workflows.world import World

TRIES = 5
FEW = 20  # rows that are read by name; for more the whole vault's are read


def finish(world: World, stored: Stored[VaultWalk], policy: RenewalPolicy, seen: NamesSeen) -> None:
    """End a walk that saw everything. Its row is closed last: a crash before that walks the last page again."""
    row = stored.value
    _settle_rows(world, row, seen)
    vault = _change_vault(
        world,
        row.vault,
        lambda now: replace(now, whole_walk=world.now, mode_seen=policy.mode, listed=row.seen),
    )
    _change_fleet(world, lambda fleet: _with_expected(fleet, row.vault, row.expected))
    check_vault(world, vault)
    ended = replace(
        row, state=WalkState.WHOLE, ended=world.now, lease_until=None, place="", names_seen="", error="", fix=""
    )
    world.tables.sweeps.save(Stored(ended, stored.etag))
    line("walk", vault=row.vault, tick=row.tick, did="whole", seen=row.seen, checked=row.checked, queued=row.queued)
    settle(world, row.tick)


def check_vault(world: World, row: VaultRow) -> None:
    """Bring the findings of a vault itself in line with its row. They are told even before its first whole walk: its lack is the finding."""
    found = evaluate_vault(VaultSubject(row=row, now=world.now))
    findings.reconcile(world, (row.vault, ""), found, silent=False, owner="")


def check_overdue(world: World, row: VaultRow) -> None:
    """Open the finding of a vault that was not walked for too long; costs nothing where it was."""
    if evaluate_vault(VaultSubject(row=row, now=world.now)):
        check_vault(world, row)


def settle(world: World, tick: datetime) -> None:
    """End a sweep once all of its rows have ended: note it if it was whole, tell what failed. Computed from the rows, so anyone may repeat it."""
    rows = [stored.value for stored in every(world.tables.sweeps, Query(partition=inverted(tick)))]
    if any(row.state not in TERMINAL for row in rows):
        return
    whole = {row.vault for row in rows if row.state is WalkState.WHOLE}
    if whole >= set(world.settings.vaults):
        _change_fleet(world, lambda fleet: replace(fleet, last_sweep=max(fleet.last_sweep or tick, tick)))
    failed = {row.vault: row for row in rows if row.state is WalkState.FAILED}
    numbers = totals(rows)
    took = int((world.now - tick).total_seconds())
    line("sweep", tick=tick, seconds=took, vaults=len(rows), whole=len(whole), failed=sorted(failed), **numbers)
    if failed:
        what = "; ".join(f"{vault}: {row.error}" for vault, row in sorted(failed.items())[:10])
        reason = f"{len(failed)} of {len(rows)} vaults could not be walked: {what}"
        facts = {"tick": tick, "failed": sorted(failed), "whole": sorted(whole), **numbers}
        fix = "; ".join(sorted({row.fix for row in failed.values() if row.fix}))
        notice = notices.fleet_notice(
            "sweep-failed", reason, occasion=tick.isoformat(), now=world.now, fix=fix, facts=facts
        )
        announce.tell(world, notice)


def totals(rows: list[VaultWalk]) -> Mapping[str, int]:
    """Return a sweep's numbers, from its rows."""
    return {
        "seen": sum(row.seen for row in rows),
        "checked": sum(row.checked for row in rows),
        "skipped": sum(sum(row.skipped.values()) for row in rows),
        "items_failed": sum(row.failed for row in rows),
        "looks": sum(row.queued for row in rows),
        "findings": sum(row.findings for row in rows),
    }


def _settle_rows(world: World, row: VaultWalk, seen: NamesSeen) -> None:
    """Go once through the names of the vault's rows, and mark as gone what was not seen."""
    unseen = [key for key in every_key(world.tables.inventory, row.vault) if key not in seen]
    for stored in _entries(world, row.vault, unseen):
        entry = stored.value
        if entry.gone is not None or row.started is None or entry.first_seen >= row.started:
            continue
        try:
            _missing(world, stored)
        except FAULTS as fault:  # one bad row does not hold up the vault; its own look fails loudly
            warn("walk-item-failed", certificate=str(entry.ref), error=f"{type(fault).__name__}: {fault}")


def _entries(world: World, vault: str, names: list[str]) -> Iterator[Stored[Entry]]:
    """Read the rows of these names: a few by name, many in one pass."""
    if len(names) <= FEW:
        yield from filter(None, (world.tables.inventory.get(vault, name) for name in names))
        return
    wanted = frozenset(names)
    for stored in every(world.tables.inventory, Query(partition=vault)):
        if stored.value.certificate in wanted:
            yield stored


def _missing(world: World, stored: Stored[Entry]) -> None:
    """Mark as gone what the list no longer shows. What is being issued may be left out of a list: that is asked for by name."""
    entry = stored.value
    finished = entry.version is not None and entry.version.leaf is not None
    being_issued = not finished or (entry.version is not None and entry.claim == entry.version.id)
    try:
        if not being_issued:
            mark_gone(world, stored)
            return
        soon = min(entry.next_check, world.now + timedelta(minutes=10))
        asked = replace(entry, read_at=min(entry.read_at, world.now), next_check=soon)
        world.tables.inventory.save(Stored(asked, stored.etag))
        world.queues.send(Look(certificate=entry.ref, cause="sweep: not listed"))
    except Changed:
        return  # a look is at it; what is still missing at the next walk is marked then


def _with_expected(fleet: FleetRow, vault: str, expected: float) -> FleetRow:
    """Keep the vault's share; an unchanged one costs no write."""
    return replace(fleet, expected={**fleet.expected, vault: round(expected, 3)})


def _change_vault(world: World, vault: str, change: Callable[[VaultRow], VaultRow]) -> VaultRow:
    for _ in range(TRIES):
        stored = vault_state.row_of(world, vault)
        try:
            return world.tables.vaults.save(Stored(change(stored.value), stored.etag)).value
        except Changed:
            continue
    raise Changed(f"vault {vault}")


def _change_fleet(world: World, change: Callable[[FleetRow], FleetRow]) -> None:
    for _ in range(TRIES):
        stored = fleet_row(world)
        after = change(stored.value)
        if after == stored.value:
            return
        try:
            world.tables.fleet.save(Stored(after, stored.etag))
        except Changed:
            continue
        return
    raise Changed("fleet")
