"""One page of a vault's list beside the rows that are known: what no event told us becomes a look, the rest is checked against the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from perennial.compliance.engine import FAULTS
from perennial.decisions.case import managed
from perennial.decisions.renewal import decide
from perennial.decisions.tags import wishes
from perennial.errors import Changed
from perennial.log import warn
from perennial.model.certificate import Listed
from perennial.model.decision import AskHuman, RenewalPolicy, kind_of
from perennial.model.findings import Finding
from perennial.model.inventory import Entry, VaultRow
from perennial.model.messages import Look
from perennial.model.notices import subject_of
from perennial.model.renewal import Renewal
from perennial.ports.tables import FINDINGS, INVENTORY, Stored
from perennial.workflows import findings
from perennial.workflows.ahead import Ahead
from perennial.workflows.inspection import inspect, snapshot_of
from perennial.workflows.world import World

# Between two looks of one walk. Key Vault takes 4,000 calls in 10 s from all its callers together; first sights may have a sixteenth of that.
PACE = timedelta(milliseconds=40)
LONGEST_DELAY = timedelta(hours=1)
LEASE = timedelta(hours=1)  # a row whose look was queued stays out of find_due's way for so long, as find_due's own do
TRIES = 3


@dataclass(slots=True)
class Counts:
    """What one page added to the walk's numbers."""

    seen: int = 0
    checked: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    queued: int = 0
    findings: int = 0
    expected: float = 0.0  # renewals a day


@dataclass(slots=True)
class Beside:
    """What the tables hold of a vault, read ahead of its list."""

    entries: Ahead[Entry]
    findings: Ahead[Finding]

    @classmethod
    def of(cls, world: World, vault: str) -> Beside:
        """Begin at the start of a vault, or anywhere in it."""
        tables = world.tables
        return cls(Ahead(tables.inventory, INVENTORY, vault), Ahead(tables.findings, FINDINGS, vault, beyond=":~"))


@dataclass(slots=True)
class PageWalk:
    """A page in hand."""

    world: World
    vault: VaultRow
    policy: RenewalPolicy
    beside: Beside
    before: int  # looks that this walk had queued before this page
    counts: Counts = field(default_factory=Counts)

    def take(self, items: Sequence[Listed]) -> Counts:
        """Go through the items; one that fails is counted and does not hold up the others."""
        names = [item.ref.name for item in items]
        rows, known = self.beside.entries.of(names), self.beside.findings.of(names)
        for item in items:
            self.counts.seen += 1
            try:
                self._one(item, next(iter(rows[item.ref.name]), None), known[item.ref.name])
            except (Changed, *FAULTS) as fault:
                self.counts.failed += 1
                warn("walk-item-failed", certificate=str(item.ref), error=f"{type(fault).__name__}: {fault}")
        return self.counts

    def _one(self, item: Listed, stored: Stored[Entry] | None, known: list[Stored[Finding]]) -> None:
        why = self._news(item, stored)
        if stored is not None and stored.value.gone is None:
            self.counts.expected += renewals_a_day(stored.value, self.policy)
        if why:
            self.counts.skipped[why] += 1  # its look checks the rules, on what it reads
            return
        if stored is None:
            return
        entry, renewal = stored.value, self._renewal(stored.value)
        missed = entry.next_check <= self.world.now - LEASE  # what came due since then find_due has, and paces
        if missed or self._decides_otherwise(entry, renewal):
            self._queue_from_row(stored, "sweep: overdue" if missed else "sweep: mode")
        found = inspect(self.world, entry, renewal, self.policy)
        silent = not self.vault.baseline_told
        subject = (entry.vault, entry.certificate)
        findings.reconcile(self.world, subject, found, silent=silent, owner=entry.owner, known=known)
        self.counts.checked += 1
        self.counts.findings += len(found)

    def _news(self, item: Listed, stored: Stored[Entry] | None) -> str:
        """Queue a look for what the row does not know; say what that is. The row first: should the message be lost, find_due sees it."""
        for _ in range(TRIES):
            if stored is None:
                self._send(item, "sweep: first seen")
                return "first seen"
            why = change(stored.value, item)
            if not why:
                return ""
            entry = stored.value
            if entry.gone is None and entry.read_at <= self.world.now < entry.next_check:
                return why  # a look that will read it is on its way already
            soon = self.world.now + self._delay() + timedelta(minutes=10)
            asked = replace(entry, read_at=min(entry.read_at, self.world.now), next_check=min(entry.next_check, soon))
            try:
                self.world.tables.inventory.save(Stored(asked, stored.etag))
            except Changed:
                stored = self.world.tables.inventory.get(entry.vault, entry.certificate)
                continue
            self._send(item, f"sweep: {why}")
            return why
        raise Changed(str(item.ref))

    def _queue_from_row(self, stored: Stored[Entry], cause: str) -> None:
        entry = stored.value
        leased = replace(entry, next_check=self.world.now + self._delay() + LEASE)
        try:
            self.world.tables.inventory.save(Stored(leased, stored.etag))
        except Changed:
            return  # somebody looks at it now
        self._queue(Look(certificate=entry.ref, cause=cause))

    def _send(self, item: Listed, cause: str) -> None:
        self._queue(Look(certificate=item.ref, cause=cause, sha1=item.sha1))

    def _queue(self, look: Look) -> None:
        self.world.queues.send(look, self._delay())
        self.counts.queued += 1

    def _delay(self) -> timedelta:
        return min(
            timedelta(seconds=((self.before + self.counts.queued) * PACE) // timedelta(seconds=1)), LONGEST_DELAY
        )

    def _renewal(self, entry: Entry) -> Renewal | None:
        if not entry.claim:
            return None
        stored = self.world.tables.renewals.get(subject_of(entry.ref), entry.claim)
        return stored.value if stored is not None else None

    def _decides_otherwise(self, entry: Entry, renewal: Renewal | None) -> bool:
        """Tell whether another mode since the last walk changes what the row says."""
        if self.vault.mode_seen in ("", self.policy.mode) or entry.reason is None:
            return False
        decision = decide(snapshot_of(entry, renewal), self.policy, self.world.now)
        # A person who was not asked while the vault was observed is asked now.
        asks = isinstance(decision, AskHuman)
        return asks or (kind_of(decision), decision.reason.code) != (entry.decision, entry.reason.code)


def change(entry: Entry, item: Listed) -> str:
    """Say what the list shows that the row does not know; empty: nothing. An item without a thumbprint is unfinished and shows no change."""
    if entry.gone is not None:
        return "listed again"
    if not item.sha1:
        return ""
    version = entry.version
    if version is None or version.leaf is None or version.leaf.sha1 != item.sha1:
        return "another version"
    if version.enabled != item.enabled:
        return "enabled" if item.enabled else "disabled"
    return "other tags" if dict(entry.tags) != dict(item.tags) else ""


def renewals_a_day(entry: Entry, policy: RenewalPolicy) -> float:
    """Return how many renewals a day a certificate's lifetime asks for; none where it is not managed."""
    version = entry.version
    if version is None or not managed(policy.mode, wishes(entry.tags)):
        return 0.0
    period = (entry.due_at - version.not_before) if entry.due_at else version.lifetime * 2 / 3
    return timedelta(days=1) / max(period, timedelta(hours=1))
