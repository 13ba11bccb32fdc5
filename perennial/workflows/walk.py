"""A vault's walk in one sweep: page by page, its place kept in its row, so that whoever comes next goes on from there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec

from perennial.errors import Changed, Refused, Throttled, VaultError
from perennial.log import line, warn
from perennial.model.certificate import Listed
from perennial.model.decision import RenewalPolicy
from perennial.model.history import TERMINAL, VaultWalk, WalkState
from perennial.model.ids import inverted
from perennial.model.inventory import VaultRow
from perennial.model.messages import Walk
from perennial.ports.tables import Stored
from perennial.workflows import vault_state, walk_end
from perennial.workflows.names_seen import NamesSeen
from perennial.workflows.sight import fleet_row, renewal_policy
from perennial.workflows.walk_page import Beside, Counts, PageWalk
from perennial.workflows.world import World

LEASE = timedelta(minutes=12)  # longer than functionTimeout, so that a lease which has ended has no living holder
PATIENCE = timedelta(minutes=10)  # how long a queued message may take before find_due sends another
PAGES_A_SAVE = 4  # of pages that asked for nothing: a crash repeats them, which costs a list call each
PAGES = 200  # a leg: at 2 s a page it ends well before functionTimeout, and pages are counted because nobody here reads a clock

STARTED_AGAIN = "the list's continuation was refused, so the vault was started again"
NOT_OURS = "the vault is no longer in the settings"


def walk_vault(message: str, world: World) -> None:
    """Walk one leg of the vault that a message names. Raises Changed where another took the row over."""
    asked = msgspec.json.decode(message, type=Walk)
    stored = world.tables.sweeps.get(inverted(asked.tick), asked.vault)
    if stored is None:
        line("walk", vault=asked.vault, tick=asked.tick, did="no-row")
        return
    if (
        stored.value.state in TERMINAL
    ):  # a message that came back: whoever ended the row may have died before the sweep's end
        walk_end.settle(world, asked.tick)
        return
    lease = stored.value.lease_until if stored.value.state is WalkState.WALKING else None
    if lease is not None and world.now < lease:
        return
    try:
        leg = _begin(world, stored)
    except Changed:  # a copy of the message was faster
        return
    if leg is not None:
        _walk(leg)


@dataclass(slots=True)
class Leg:
    """One invocation's part of a walk."""

    world: World
    row: Stored[VaultWalk]
    vault: Stored[VaultRow]
    policy: RenewalPolicy
    seen: NamesSeen
    beside: Beside
    unsaved: int = 0  # pages

    def save(self, row: VaultWalk) -> None:
        """Write the walk's row under its ETag. Raises Changed: another took it, so this leg stops without another effect."""
        self.row = self.world.tables.sweeps.save(Stored(row, self.row.etag))
        self.unsaved = 0

    def go_on(self, row: VaultWalk) -> None:
        """Take the next place; what a page asked for is saved with it, what asked for nothing with a later page."""
        quiet = row.queued == self.row.value.queued
        self.row = Stored(row, self.row.etag)
        self.unsaved += 1
        if not quiet or self.unsaved >= PAGES_A_SAVE:
            self.save(self.known())

    def known(self) -> VaultWalk:
        """Return the row with all that this leg knows."""
        return replace(self.row.value, names_seen=self.seen.text)


def _begin(world: World, stored: Stored[VaultWalk]) -> Leg | None:
    """Take the row by its lease; None where there is nothing to walk now."""
    row = stored.value
    if row.vault not in world.settings.vaults:
        ended = replace(row, state=WalkState.FAILED, ended=world.now, lease_until=None, error=NOT_OURS)
        world.tables.sweeps.save(Stored(ended, stored.etag))
        walk_end.settle(world, row.tick)
        return None
    vault = vault_state.row_of(world, row.vault)
    if vault_state.closed(vault.value, world.now):
        _wait(world, stored)
        return None
    policy = renewal_policy(world, row.vault, fleet_row(world).value)
    taken = replace(row, state=WalkState.WALKING, lease_until=world.now + LEASE, started=row.started or world.now)
    if row.mode != policy.mode:  # what was walked before was compared with decisions under another mode
        taken = replace(fresh(taken), mode=policy.mode)
    salt = f"{row.tick.isoformat()} {row.vault}"
    return Leg(
        world,
        world.tables.sweeps.save(Stored(taken, stored.etag)),
        vault,
        policy,
        NamesSeen(salt, taken.names_seen),
        Beside.of(world, row.vault),
    )


def fresh(row: VaultWalk) -> VaultWalk:
    """Return a walk as it is at its start: no place, no counts."""
    started = VaultWalk(tick=row.tick, vault=row.vault, asked_by=row.asked_by, state=row.state)
    return replace(started, lease_until=row.lease_until, started=row.started, mode=row.mode)


def _walk(leg: Leg) -> None:
    """Walk up to `PAGES` pages; place and counts are one save, after a page's effects: a crash repeats what was not saved, harmlessly."""
    world = leg.world
    for _ in range(PAGES):
        row = leg.row.value
        try:
            page = world.vaults.page(row.vault, row.place or None)
        except Refused as refusal:
            if not _start_again(leg, refusal):
                return
            continue
        except Throttled as refusal:
            vault_state.refused(world, leg.vault, refusal, world.now)
            _wait(world, Stored(leg.known(), leg.row.etag))
            return
        except VaultError as error:
            vault_state.refused(world, leg.vault, error, world.now)
            _fail(leg, error.what, vault_state.fix_of(error))
            return
        leg.vault = vault_state.succeeded(world, leg.vault)
        counted = _take(leg, page.items)
        if page.more is None:
            if leg.unsaved:  # what follows is for the walk's holder alone
                leg.save(leg.known())
            walk_end.finish(world, Stored(counted, leg.row.etag), leg.policy, leg.seen)
            return
        leg.go_on(replace(counted, place=page.more))
    leg.save(replace(leg.known(), state=WalkState.QUEUED, lease_until=world.now + PATIENCE))
    world.queues.send(Walk(tick=leg.row.value.tick, vault=leg.row.value.vault))


def _take(leg: Leg, items: tuple[Listed, ...]) -> VaultWalk:
    """Do what a page asks for; return the row with the page counted."""
    row = leg.row.value
    for item in items:
        leg.seen.add(item.ref.name)
    return counted(row, PageWalk(leg.world, leg.vault.value, leg.policy, leg.beside, row.queued).take(items))


def counted(row: VaultWalk, page: Counts) -> VaultWalk:
    """Add a page's numbers to the walk's."""
    return replace(
        row,
        seen=row.seen + page.seen,
        checked=row.checked + page.checked,
        skipped=dict(Counter(row.skipped) + page.skipped),
        failed=row.failed + page.failed,
        queued=row.queued + page.queued,
        findings=row.findings + page.findings,
        expected=row.expected + page.expected,
    )


def _start_again(leg: Leg, refusal: Refused) -> bool:
    """Start the vault again after a refused continuation, once; a list that is refused at its head, or again, is a failed walk."""
    row = leg.row.value
    if not row.place or row.error == STARTED_AGAIN:
        _fail(leg, refusal.what, "read the vault's answer: it refuses to list its certificates")
        return False
    leg.save(replace(fresh(row), error=STARTED_AGAIN))
    leg.seen = NamesSeen(f"{row.tick.isoformat()} {row.vault}")
    return True


def _wait(world: World, stored: Stored[VaultWalk]) -> None:
    """Keep the place, drop the lease: find_due sends it on when the vault is open again."""
    world.tables.sweeps.save(Stored(replace(stored.value, state=WalkState.QUEUED, lease_until=None), stored.etag))


def _fail(leg: Leg, error: str, fix: str) -> None:
    """End the walk: what the vault would not show is not known, and that is said."""
    row = leg.row.value
    leg.save(replace(row, state=WalkState.FAILED, ended=leg.world.now, lease_until=None, error=error[:500], fix=fix))
    warn("walk-failed", vault=row.vault, tick=row.tick, error=error, fix=fix)
    walk_end.settle(leg.world, row.tick)
