"""CAs that speak ACME, as a fleet has them: the real authority, and around it a CA, zones and keys that have bad days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from perennial.errors import DnsError
from perennial.model.authority import AuthoritySetting
from tests.memory.acme_ca import Conduct, MemoryCa
from tests.memory.acme_site import Site
from tests.memory.dns import MemoryDns
from tests.simulation.acme_watch import RECORD, AcmeWatch
from tests.simulation.cast import ACME, DAY, Kind

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet

LIMITS = {"orders": "2/3h"}


@dataclass(slots=True)
class Zones:
    """The DNS as we write it: what it refused to remove is noted."""

    inner: MemoryDns
    watch: AcmeWatch

    def present(self, name: str, value: str) -> None:
        """Add a value."""
        self.inner.present(name, value)
        self.watch.befell["acme: value written"] += 1

    def clean(self, name: str, value: str) -> None:
        """Remove a value."""
        try:
            self.inner.clean(name, value)
        except DnsError:
            self.watch.excused.add((name.removeprefix(RECORD), value))
            self.watch.befell["acme: value left, since the DNS refused"] += 1
            raise

    def serves(self, name: str) -> str:
        """Return the zone."""
        return self.inner.serves(name)


def settle(fleet: Fleet) -> tuple[MemoryDns, AcmeWatch]:
    """Give a fleet its CAs, one DNS, and somebody who watches both."""
    dns = MemoryDns(ours={"example"})
    watch = AcmeWatch(fleet.befell, dns, lambda: fleet.now, lambda ref: fleet.claims(ref.name, ref.vault))

    def texts(place: str) -> list[str]:
        """Return what a CA sees: nothing new while a server lags."""
        return [] if dns.lagging else dns.values[place]

    for name, life in ACME.items():
        conduct = Conduct(life=life, again=timedelta(hours=fleet.dice.randint(18, 24)))
        conduct.reuse = 3 * DAY if name == "backup" else timedelta(0)
        ca = MemoryCa(f"{name}.test", lambda: fleet.now, texts, conduct)
        setting = AuthoritySetting(name=name, directory=ca.directory, agree_terms=True, limits=LIMITS)
        site = Site(setting, ca, dns, lambda: fleet.tables, fleet.call)
        site.ports["dns"] = Zones(dns, watch)
        fleet.sites[name] = site
        _listen(name, ca, watch)
    watch.settings = {name: site.setting for name, site in fleet.sites.items()}
    fleet.settings = replace(fleet.settings, authorities=tuple(watch.settings.values()))
    return dns, watch


def introduce(fleet: Fleet) -> None:
    """Tell who watches CAs which certificates there are, and who watches vaults which of them CAs have revoked."""
    fleet.acme.refs = {role.ref.name: role.ref for role in fleet.roles}
    fleet.watch.revoked = fleet.acme.revoked
    for host in hosts(fleet):
        fleet.acme.others(host)


def _listen(name: str, ca: MemoryCa, watch: AcmeWatch) -> None:
    def about(check: Callable[..., None]) -> Callable[..., None]:
        """Tell of this CA."""
        return lambda *what: check(name, *what)

    ca.on_account, ca.on_order, ca.on_leaf = about(watch.account), about(watch.order), about(watch.leaf)
    ca.on_failed, ca.on_work = about(watch.failed), about(watch.work)


def hosts(fleet: Fleet) -> list[str]:
    """Return the hosts of the certificates that ACME renews."""
    return [f"{role.ref.name}.{role.ref.vault}.example" for role in fleet.roles if role.kind is Kind.ACME]


def struck(fleet: Fleet) -> dict[str, Any]:
    """Return which problems of CAs and of a busy name somebody ran into, and how often."""
    taken = {"merge refused: another operation had taken its place": fleet.vaults.strangers}
    return taken | {f"acme: {kind}": count for site in fleet.sites.values() for kind, count in site.ca.struck.items()}
