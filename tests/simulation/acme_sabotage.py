"""Breaks of the promises towards CAs and the DNS, each at a port: as in sabotage.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from perennial.model.authority import Account, Obstacle, Suggestion, Usage
from perennial.model.inventory import Entry
from perennial.model.renewal import Issued, Renewal, Waiting
from perennial.ports import tables as specs
from perennial.ports.authority import Authority
from perennial.ports.keys import PublicKey
from perennial.ports.tables import Stored
from tests.memory.acme_site import Site
from tests.memory.dns import MemoryDns
from tests.memory.keys import MemoryKeys
from tests.memory.tables import MemoryTable
from tests.simulation.fleet import Fleet
from tests.simulation.ports import Told


class Unkept[T](MemoryTable[T]):
    """A table that says it has written, and has not."""

    def insert(self, row: T) -> Stored[T] | None:
        """Keep nothing."""
        return Stored(row, "0")

    def save(self, row: Stored[T]) -> Stored[T]:
        """Keep nothing."""
        return row


def ca_limits(fleet: Fleet) -> None:
    """Nothing that was spent is counted."""
    usages: Unkept[Usage] = Unkept(specs.USAGES, fleet.rows("usages"))
    fleet.tables = replace(fleet.tables, usages=usages)


class Unremembered(MemoryTable[Account]):
    """Rows of accounts that are not found again where the account was made on an odd day."""

    def get(self, partition: str, key: str) -> Stored[Account] | None:
        """Find such a row empty."""
        stored = super().get(partition, key)
        if stored is not None and stored.value.made is not None and stored.value.made.day % 2:
            blank = Account(authority=stored.value.authority, directory=stored.value.directory)
            return Stored(blank, stored.etag)
        return stored


class NoKeys(MemoryKeys):
    """A vault that finds no key by its name."""

    def get(self, name: str) -> PublicKey | None:
        """Find none."""
        del name
        return None


def one_account(fleet: Fleet) -> None:
    """Neither row nor key of an account is found again on some days."""
    fleet.tables = replace(fleet.tables, accounts=Unremembered(specs.ACCOUNTS, fleet.rows("accounts")))
    for site in fleet.sites.values():
        site.keys = site.ports["keys"] = NoKeys()


@dataclass(slots=True)
class Greedy:
    """An authority that has each order placed with another CA too."""

    inner: Authority
    other: Site

    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Ask both."""
        self.other.authority.sign(csr, renewal, fresh=fresh, now=now)
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


class GreedySite(Site):
    """A site whose authority asks another's too."""

    other: Site

    @property
    def authority(self) -> Authority:
        """The authority, and the other one."""
        return Greedy(super().authority, self.other)


def one_ca(fleet: Fleet) -> None:
    """Two CAs are asked at once."""
    first, second = fleet.sites["le"], fleet.sites["backup"]
    both = GreedySite(second.setting, second.ca, fleet.dns, lambda: fleet.tables, fleet.call)
    both.ports, both.keys, both.other = second.ports, second.keys, first
    fleet.sites["backup"] = both


class Careless(MemoryDns):
    """A DNS whose every removal removes all that is at the name."""

    def clean(self, name: str, value: str) -> None:
        """Remove everything."""
        MemoryDns.clean(self, name, value)
        self.values[name] = []


class Lasting(MemoryDns):
    """A DNS that says it has removed, and has not."""

    def clean(self, name: str, value: str) -> None:
        """Remove nothing."""


def _zones(fleet: Fleet, kind: type[MemoryDns]) -> None:
    """Let zones be of another kind, over the same values."""
    spoilt = kind(ours=fleet.dns.ours, values=fleet.dns.values)
    for site in fleet.sites.values():
        site.ports["dns"] = spoilt


def txt_others(fleet: Fleet) -> None:
    """A removal takes others' values with it."""
    _zones(fleet, Careless)


def txt_left(fleet: Fleet) -> None:
    """Removals do nothing."""
    _zones(fleet, Lasting)


def window_earlier(fleet: Fleet) -> None:
    """A window that was moved to later is obeyed."""

    def later(entry: Entry) -> Entry:
        """Let the window alone say when it is due."""
        return replace(entry, due_at=entry.suggested_at) if entry.suggested_at and entry.due_at else entry

    class Obedient(Told[Entry]):
        """An inventory of such rows."""

        def save(self, row: Stored[Entry]) -> Stored[Entry]:
            """Save the changed row."""
            return super().save(Stored(later(row.value), row.etag))

    fleet.tables = replace(
        fleet.tables,
        inventory=Obedient(specs.INVENTORY, fleet.rows("inventory"), fleet.wrote),
    )


SABOTAGES: Mapping[str, Callable[[Fleet], None]] = {
    "ca-limits": ca_limits,
    "one-account": one_account,
    "one-ca": one_ca,
    "txt-others": txt_others,
    "txt-left": txt_left,
    "window-earlier": window_earlier,
}
