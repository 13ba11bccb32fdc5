"""The zones: what Resource Manager was told, what stands in them besides, and from when on the servers serve it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
GROUP = "rg-local"
SERVERS = ("ns1-01.azure-dns.com", "ns2-01.azure-dns.net")  # what the zones are delegated to; all are this server


@dataclass(slots=True)
class TxtSet:
    """One TXT record set."""

    properties: dict[str, Any]  # TTL, TXTRecords, metadata, as they were put
    etag: str
    since: datetime  # the servers serve it from then on
    before: TxtSet | None  # what they serve until then

    def values(self) -> list[list[str]]:
        """Return the records, each as its strings."""
        return [list(record["value"]) for record in self.properties["TXTRecords"]]


@dataclass(slots=True)
class Zone:
    """One zone."""

    name: str  # lower-cased, no dot at the end
    subscription: str = SUBSCRIPTION
    group: str = GROUP
    records: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)  # relative name → type → texts
    lag: timedelta = timedelta(0)  # from Resource Manager's answer until the servers serve it
    bogus: bool = False  # its DNSSEC does not hold
    delegated: bool = True  # False: the rest of the DNS does not know it
    lock: str = ""  # CanNotDelete, ReadOnly
    sets: dict[str, TxtSet] = field(default_factory=dict)  # by relative name
    gone: dict[str, tuple[datetime, TxtSet]] = field(default_factory=dict)  # deleted, and served until then

    def relative(self, name: str) -> str:
        """Return a name of this zone as Resource Manager has it."""
        return "@" if name == self.name else name.removesuffix(f".{self.name}")

    def served(self, relative: str, now: datetime) -> TxtSet | None:
        """Return the set that the servers serve at an instant."""
        if relative in self.gone and now < self.gone[relative][0]:
            return self.gone[relative][1]
        found = self.sets.get(relative)
        while found is not None and now < found.since:
            found = found.before
        return found

    def names(self) -> Iterator[str]:
        """Return every relative name at which something is."""
        yield from self.records
        yield from self.sets


class Zones:
    """All zones."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self._zones: dict[str, Zone] = {}
        for server in SERVERS:  # the servers' own names lie in a zone too
            label, _, parent = server.partition(".")
            self._zones[parent] = Zone(parent, records={label: {"A": ["127.0.0.1"]}})

    def put(self, zone: Zone) -> None:
        """Make a zone or change it; its TXT sets stay."""
        old = self._zones.get(zone.name)
        if old is not None:
            zone.sets, zone.gone = old.sets, old.gone
        self._zones[zone.name] = zone

    def remove(self, name: str) -> bool:
        """Take a zone away, with its sets; tell whether there was one."""
        return self._zones.pop(name, None) is not None

    def get(self, name: str) -> Zone | None:
        """Return a zone by its name."""
        return self._zones.get(name)

    def all(self) -> list[Zone]:
        """Return every zone."""
        return list(self._zones.values())

    def holding(self, name: str, *, known_to_all: bool) -> Zone | None:
        """Return the longest zone that a name lies in; one that is not delegated only its own servers know."""
        labels = name.split(".")
        for start in range(len(labels)):
            zone = self._zones.get(".".join(labels[start:]))
            if zone is not None and (zone.delegated or not known_to_all):
                return zone
        return None

    def write(self, zone: Zone, relative: str, properties: dict[str, Any]) -> TxtSet:
        """Put a TXT set."""
        before, now = zone.served(relative, self.clock()), self.clock()
        made = TxtSet(properties, str(uuid.uuid4()), now + zone.lag, before)
        zone.sets[relative] = made
        zone.gone.pop(relative, None)
        return made

    def delete(self, zone: Zone, relative: str) -> None:
        """Delete a TXT set."""
        served = zone.served(relative, self.clock())
        if zone.sets.pop(relative, None) and served:
            zone.gone[relative] = (self.clock() + zone.lag, served)
