"""What one look has in hand: the rows of a certificate, gathered whole before anything is decided."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from perennial.decisions.case import Case
from perennial.decisions.tags import VAULT_ISSUER
from perennial.errors import Changed
from perennial.model.certificate import CertificateRef
from perennial.model.decision import RenewalPolicy, Snapshot
from perennial.model.inventory import FLEET, Entry, FleetRow, VaultRow
from perennial.model.messages import Look
from perennial.model.mode import Mode
from perennial.model.notices import subject_of
from perennial.model.renewal import Outcome, Renewal
from perennial.ports.tables import Stored
from perennial.workflows import vault_state
from perennial.workflows.inspection import snapshot_of
from perennial.workflows.world import World

LEASE = timedelta(minutes=12)  # longer than functionTimeout, so that a lease which has ended has no living holder


MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Sight:
    """One look at one certificate, from its first read to its last write."""

    world: World
    look: Look
    stored: Stored[Entry]  # as first read: its ETag guards the last write
    entry: Entry  # as it will be written
    vault: Stored[VaultRow]
    fleet: Stored[FleetRow]
    renewal: Stored[Renewal] | None  # the newest claim
    new: bool = False  # its row was made by this look, so no other row is about it yet
    read: bool = False  # the vault was read in this look
    gone: bool = False
    did: list[str] = field(default_factory=list)  # for the log line
    _case: Case | None = None  # as the rows stood when it was asked for last
    _case_of: tuple[object, ...] = ()  # those rows

    @property
    def ref(self) -> CertificateRef:
        """The certificate looked at."""
        return self.look.certificate

    @property
    def closed(self) -> bool:
        """Whether the vault is to be left alone."""
        return vault_state.closed(self.vault.value, self.world.now)

    @property
    def case(self) -> Case:
        """The case of its current version; what follows from it is worked out once, until a row changes. Raises Changed where there is none."""
        if self.entry.version is None:
            raise Changed
        of = self.entry, self.renewal, self.fleet, self.gone
        if self._case is None or any(map(operator.is_not, of, self._case_of)):
            self._case = Case(self.snapshot(), self.entry.version, self.policy(), self.world.now)
            self._case_of = of
        return self._case

    def snapshot(self) -> Snapshot:
        """Return all that a decision may know."""
        entry = replace(self.entry, gone=self.world.now) if self.gone else self.entry
        return snapshot_of(entry, self.renewal.value if self.renewal else None)

    def policy(self) -> RenewalPolicy:
        """Return what the settings and the fleet say."""
        return renewal_policy(self.world, self.ref.vault, self.fleet.value)


def renewal_policy(world: World, vault: str, fleet: FleetRow) -> RenewalPolicy:
    """Return the policy that holds for a vault's certificates now."""
    settings = world.settings
    expected = 3 * sum(fleet.expected.values())
    limit = settings.max_renewals_per_day
    return RenewalPolicy(
        mode=settings.vaults.get(vault, Mode.OBSERVE),
        switched_off=fleet.switch_off or None,
        instance=settings.instance,
        authorities=frozenset(world.issuers) - {VAULT_ISSUER},
        issuers=settings.issuers,
        foreign_tags=settings.foreign_tags,
        renewals_today=fleet.renewals_today if fleet.day == world.now.date() else 0,
        brake=limit if limit is not None else max(20, round(expected)),
        supervision_grace=settings.supervision_grace,
    )


def fleet_row(world: World) -> Stored[FleetRow]:
    """Return the fleet's row, made at first sight."""
    while True:
        new = FleetRow(first_seen=world.now, next_check=world.now)
        found = world.tables.fleet.get(FLEET, FLEET) or world.tables.fleet.insert(new)
        if found is not None:
            return found


def gather(world: World, look: Look) -> Sight:
    """Read the rows of a certificate; its own row is inserted if absent, due within the hour should this look die."""
    ref = look.certificate
    new = Entry(
        vault=ref.vault,
        certificate=ref.name,
        first_seen=world.now,
        next_check=world.now + timedelta(hours=1),
        read_at=world.now,
    )
    found = world.tables.inventory.get(ref.vault, ref.name)
    stored = found or world.tables.inventory.insert(new)
    if stored is None:  # another look inserted it in between
        raise Changed
    renewal = newest_claim(world, stored.value)
    return Sight(
        world=world,
        look=look,
        stored=stored,
        entry=_hinted(_remembering(stored.value, renewal), world, look),
        vault=vault_state.row_of(world, ref.vault),
        fleet=fleet_row(world),
        renewal=renewal,
        new=found is None,
    )


def newest_claim(world: World, entry: Entry) -> Stored[Renewal] | None:
    """Return the newest claim: on the version that the row holds as current, else the one that the row names.

    The row is written at the end of a look, so a claim whose look died is found under the version which that look replaced.
    """
    partition = subject_of(entry.ref)
    if entry.version is not None:
        found = world.tables.renewals.get(partition, entry.version.id)
        if found is not None:
            return found
    return world.tables.renewals.get(partition, entry.claim) if entry.claim else None


def _remembering(entry: Entry, claim: Stored[Renewal] | None) -> Entry:
    """The loop guard counts claims closed as issued, also one whose look died before it wrote the row."""
    row = claim.value if claim else None
    if row is None or row.outcome is not Outcome.ISSUED or not row.automatic or row.closed is None:
        return entry
    if entry.last_issued is not None and entry.last_issued >= row.closed:
        return entry
    return replace(entry, last_issued=row.closed, last_lifetime_seconds=row.lifetime_seconds)


def _hinted(entry: Entry, world: World, look: Look) -> Entry:
    """A hint of a version or a thumbprint that we don't know asks for a read, from now on."""
    known = {entry.version.id, entry.previous} if entry.version else set()
    sha1 = entry.version.leaf.sha1 if entry.version and entry.version.leaf else ""
    news = (look.version and look.version not in known) or (look.sha1 and look.sha1 != sha1)
    return replace(entry, read_at=min(entry.read_at, world.now)) if news else entry


def must_read(sight: Sight) -> bool:
    """Tell whether the vault must be read before deciding, whoever holds the renewal."""
    entry, current = sight.entry, sight.entry.version
    if current is None or entry.gone is not None or entry.read_at <= sight.world.now:
        return True
    if sight.renewal is None:
        return False
    claim = sight.renewal.value  # one that has ended in another version: its look died before it wrote the row
    return claim.outcome in (Outcome.ISSUED, Outcome.SUPERSEDED) and claim.replacing == current.id
