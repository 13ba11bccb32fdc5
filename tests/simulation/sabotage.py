"""A small break for each promise, made at a port: the run that keeps the promise without it must fail by that promise's name with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from perennial.errors import Throttled
from perennial.model.authority import Obstacle, Suggestion
from perennial.model.certificate import CertificateRef, Version
from perennial.model.inventory import Entry, FleetRow, VaultRow
from perennial.model.mode import Mode
from perennial.model.notices import Delivery, Subscription
from perennial.model.renewal import Issued, Renewal, Waiting
from perennial.ports import tables as specs
from perennial.ports.authority import Authority
from perennial.ports.tables import Page, Query, Stored, TableSpec
from tests.memory.shelf import VaultEvent
from tests.memory.tables import MemoryTable, Rows
from tests.simulation.fleet import Fleet


class Spoilt[T](MemoryTable[T]):
    """A table that changes each row on its way in, or drops it."""

    def __init__(
        self, spec: TableSpec[T], rows: Rows, spoil: Callable[[T], T | None], tell: Callable[[T], None]
    ) -> None:
        super().__init__(spec, rows)
        self._spoil = spoil
        self._tell = tell

    def insert(self, row: T) -> Stored[T] | None:
        """Insert what is left of the row."""
        spoilt = self._spoil(row)
        if spoilt is None:
            return Stored(row, "0")
        self._tell(spoilt)
        return super().insert(spoilt)

    def save(self, row: Stored[T]) -> Stored[T]:
        """Save what is left of the row."""
        spoilt = self._spoil(row.value)
        if spoilt is None:
            return row
        saved = super().save(Stored(spoilt, row.etag))
        self._tell(spoilt)
        return saved


class Forgetful(MemoryTable[Renewal]):
    """Claims that are forgotten once they have closed."""

    def get(self, partition: str, key: str) -> Stored[Renewal] | None:
        """Return a claim only while it is open."""
        found = super().get(partition, key)
        return found if found and found.value.is_open else None

    def insert(self, row: Renewal) -> Stored[Renewal] | None:
        """Insert over what is there."""
        self.put(row)
        return super().get(*self.spec.key(row))


class Alone(MemoryTable[Delivery]):
    """Deliveries that do not see each other."""

    def select(self, query: Query, more: str | None = None) -> Page[Delivery]:
        """Show no siblings."""
        return Page((), None) if "subscription" in query.equal else super().select(query, more)


def _nothing(_: object) -> None:
    """Nobody is told."""


def _inventory(fleet: Fleet, spoil: Callable[[Entry], Entry | None]) -> None:
    table = Spoilt(specs.INVENTORY, fleet.rows("inventory"), spoil, lambda entry: fleet.watch.entry(entry, fleet.now))
    fleet.tables = replace(fleet.tables, inventory=table)


def expired(fleet: Fleet) -> None:
    """No create passes, and the vaults seem healthy."""
    fleet.vaults.fail_next("create", Throttled("kv-a", "too many requests"), times=10**9)


def replaced_once(fleet: Fleet) -> None:
    """Claims are forgotten, and so a restored version is replaced again unasked."""
    fleet.tables = replace(fleet.tables, renewals=Forgetful(specs.RENEWALS, fleet.rows("renewals")))


def announced(fleet: Fleet) -> None:
    """Every fourth delivery is lost before it is written."""
    table = Spoilt(
        specs.DELIVERIES, fleet.rows("deliveries"), lambda row: None if row.notice[0] in "048c" else row, _nothing
    )
    fleet.tables = replace(fleet.tables, deliveries=table)


def never_older(fleet: Fleet) -> None:
    """No delivery sees its siblings."""
    fleet.tables = replace(fleet.tables, deliveries=Alone(specs.DELIVERIES, fleet.rows("deliveries")))


def same_id(fleet: Fleet) -> None:
    """A notice's id changes with the minute in which it is sent."""
    for receiver in fleet.receivers.values():
        receiver.on_sent = _renamed(fleet, receiver.on_sent)


def _renamed(fleet: Fleet, sent: Callable[[Delivery, Subscription], None]) -> Callable[[Delivery, Subscription], None]:
    def send(delivery: Delivery, subscription: Subscription) -> None:
        """Send it under another id."""
        sent(replace(delivery, notice=f"{fleet.now.minute:02d}{delivery.notice[2:]}"), subscription)

    return send


def reason(fleet: Fleet) -> None:
    """Rows lose their reason."""
    _inventory(fleet, lambda entry: replace(entry, reason=None))


def next_check(fleet: Fleet) -> None:
    """A look that is content is due again at once."""
    _inventory(fleet, lambda entry: replace(entry, next_check=min(entry.next_check, entry.since or entry.next_check)))


def schedule(fleet: Fleet) -> None:
    """Rows move out of the schedule."""
    far = timedelta(days=30)
    _inventory(fleet, lambda entry: replace(entry, next_check=entry.next_check + far) if entry.decision else entry)


def row(fleet: Fleet) -> None:
    """Some certificates never get a row: the walk does not list them, and their events are lost."""
    hidden = {name for name in (role.ref.name for role in fleet.roles) if name.endswith(("3", "7"))}
    listed = fleet.vaults.page

    def page(vault: str, more: str | None = None) -> object:
        """Leave them out."""
        whole = listed(vault, more)
        return replace(whole, items=tuple(item for item in whole.items if item.ref.name not in hidden))

    def door(event: VaultEvent, ref: CertificateRef, version: Version) -> None:
        """Lose their events."""
        if ref.name not in hidden:
            Fleet.door(fleet, event, ref, version)

    vars(fleet.vaults)["page"] = page
    vars(fleet)["door"] = door


def loop_guard(fleet: Fleet) -> None:
    """Nobody remembers the last renewal: neither the certificate's row nor the claim."""
    _inventory(fleet, lambda entry: replace(entry, last_issued=None))

    def spoil(row: Renewal) -> Renewal:
        """Close each claim as a person's."""
        return replace(row, automatic=row.automatic and row.is_open)

    table = Spoilt(specs.RENEWALS, fleet.rows("renewals"), spoil, lambda row: fleet.watch.claimed(row, fleet.now))
    fleet.tables = replace(fleet.tables, renewals=table)


def brake(fleet: Fleet) -> None:
    """Renewals are not counted."""
    table = Spoilt(specs.FLEETS, fleet.rows("fleet"), _uncounted, _nothing)
    fleet.tables = replace(fleet.tables, fleet=table)


def _uncounted(row: FleetRow) -> FleetRow:
    return replace(row, renewals_today=0)


def pace(fleet: Fleet) -> None:
    """A vault's row forgets its next turn, and many are due at once."""
    table = Spoilt(specs.VAULTS, fleet.rows("vaults"), _unpaced, _nothing)
    fleet.tables = replace(fleet.tables, vaults=table)


def _unpaced(row: VaultRow) -> VaultRow:
    return replace(row, next_create=None)


def switch(fleet: Fleet) -> None:
    """The switch is stored, and does not hold."""
    table = Spoilt(specs.FLEETS, fleet.rows("fleet"), lambda row: replace(row, switch_off=""), _nothing)
    fleet.tables = replace(fleet.tables, fleet=table)


def observe(fleet: Fleet) -> None:
    """The settings that we run under say renew where they should say observe."""
    fleet.settings = replace(fleet.settings, vaults=dict.fromkeys(fleet.settings.vaults, Mode.RENEW))


def foreign_untouched(fleet: Fleet) -> None:
    """Every operation that is found is taken for ours."""

    def spoil(row: Renewal) -> Renewal:
        """Add whatever is pending to the claim."""
        pending = fleet.vaults.shelf.names[row.certificate].pending
        return replace(row, requests=(*row.requests, pending.request_id)) if pending else row

    table = Spoilt(specs.RENEWALS, fleet.rows("renewals"), spoil, lambda row: fleet.watch.claimed(row, fleet.now))
    fleet.tables = replace(fleet.tables, renewals=table)


@dataclass(slots=True)
class Hasty:
    """An authority whose every order is sent twice."""

    inner: Authority

    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Ask twice."""
        self.inner.sign(csr, renewal, fresh=fresh, now=now)
        return self.inner.sign(csr, renewal, fresh=fresh, now=now)

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Ask the authority."""
        return self.inner.suggest(ari_id, now)

    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """Ask the authority."""
        return self.inner.obstacles(names, now)

    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Undo what can be undone."""
        self.inner.abandon(renewal, now)


def ordered_once(fleet: Fleet) -> None:
    """Each order is sent twice."""
    fleet.authorities = {name: Hasty(signer) for name, signer in fleet.signers.items()}


SABOTAGES: Mapping[str, Callable[[Fleet], None]] = {
    "expired": expired,
    "replaced-once": replaced_once,
    "announced": announced,
    "never-older": never_older,
    "same-id": same_id,
    "reason": reason,
    "next-check": next_check,
    "schedule": schedule,
    "row": row,
    "loop-guard": loop_guard,
    "brake": brake,
    "pace": pace,
    "switch": switch,
    "observe": observe,
    "foreign-untouched": foreign_untouched,
    "ordered-once": ordered_once,
}
