"""The DNS in memory: zones that we may write and others, aliases, servers that lag, CAA, DNSSEC. A DnsProvider and a Resolver in one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from perennial.errors import DnsError
from perennial.ports.dns import Caa, Zone

NO_PROVIDER = "add the zone to PERENNIAL_ZONES, or point the name by a CNAME into one that is there"
NOT_DELEGATED = "let the parent zone name the zone's servers (NS)"


@dataclass(slots=True)
class MemoryDns:
    """Zones are `example.com`; a name lies in the longest that fits. Every server serves a value at once, unless it lags."""

    ours: set[str] = field(default_factory=lambda: {"example.com"})  # zones that we may write
    others: set[str] = field(default_factory=set)  # further zones that the DNS knows
    undelegated: set[str] = field(default_factory=set)  # zones of ours that the DNS does not know
    servers: tuple[str, ...] = ("ns1.example.net", "ns2.example.net")
    lagging: set[str] = field(default_factory=set)  # servers that serve nothing new
    aliases: dict[str, str] = field(default_factory=dict)
    caas: dict[str, tuple[Caa, ...]] = field(default_factory=dict)
    faults: dict[str, str] = field(
        default_factory=dict
    )  # zone → what is wrong with its DNSSEC; nothing else is answered about it then
    values: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    refuses: DnsError | None = None  # raised by every write
    down: DnsError | None = None  # raised by every question
    calls: list[tuple[str, str]] = field(default_factory=list)  # writes: what, and the name they ended at

    def present(self, name: str, value: str) -> None:
        """Add a value where the name leads to."""
        end = self._write("present", name)
        if value not in self.values[end]:
            self.values[end].append(value)

    def clean(self, name: str, value: str) -> None:
        """Remove a value."""
        end = self._write("clean", name)
        self.values[end] = [other for other in self.values[end] if other != value]

    def serves(self, name: str) -> str:
        """Return the zone of ours, if the DNS asks there."""
        end = self.alias(name)
        ours = self._ours(end)
        zone = self.zone(end)
        if zone is None or zone.apex != ours:
            raise DnsError("not-delegated", f"the DNS does not ask {ours} for {end}", fix=NOT_DELEGATED)
        return ours

    def alias(self, name: str) -> str:
        """Follow aliases."""
        self._ask(name)
        for _ in range(len(self.aliases) + 1):
            if name not in self.aliases:
                return name
            name = self.aliases[name]
        raise DnsError("cname-loop", f"the CNAMEs of {name} go in a circle", fix="end the circle")

    def zone(self, name: str) -> Zone | None:
        """Return the longest zone that the DNS knows."""
        self._ask(name)
        found = self._apex(name)
        return Zone(found, self.servers) if found else None

    def lacking(self, name: str, value: str) -> tuple[str, ...]:
        """Return those that lag, or all where the value is not there."""
        end = self.alias(name)
        served = value in self.values[end] and self.zone(end) is not None
        return tuple(server for server in self.servers if server in self.lagging or not served)

    def caa(self, name: str) -> tuple[Caa, ...]:
        """Climb to the nearest records."""
        self._ask(name)
        at = name.removeprefix("*.")
        while at:
            if found := self.caas.get(self.aliases.get(at, at)):
                return found
            at = at.partition(".")[2]
        return ()

    def broken(self, name: str) -> str:
        """Return what was said of the name's zone, or of the one that its CNAME leads into."""
        if self.down is not None:
            raise self.down
        return next((self.faults[apex] for apex in map(self._apex, self._way(name)) if apex in self.faults), "")

    def _write(self, what: str, name: str) -> str:
        if self.refuses is not None:
            raise self.refuses
        end = self.alias(name)
        self._ours(end)
        self.calls.append((what, end))
        return end

    def _ours(self, end: str) -> str:
        ours = _longest(end, self.ours)
        if not ours:
            raise DnsError("no-provider", f"no zone of PERENNIAL_ZONES holds {end}", fix=NO_PROVIDER)
        return ours

    def _ask(self, name: str) -> None:
        if self.down is not None:
            raise self.down
        if self._apex(name) in self.faults:
            raise DnsError("dns-down", f"SERVFAIL about {name}", fix="mend it")

    def _apex(self, name: str) -> str:
        return _longest(name.removeprefix("*."), (self.ours | self.others) - self.undelegated)

    def _way(self, name: str) -> list[str]:
        way = [name]
        while way[-1] in self.aliases and self.aliases[way[-1]] not in way:
            way.append(self.aliases[way[-1]])
        return way


def _longest(name: str, zones: set[str]) -> str:
    fitting = [zone for zone in zones if name == zone or name.endswith(f".{zone}")]
    return max(fitting, key=len, default="")
