"""All zones that we may write, as one provider: follows CNAMEs, and picks the longest zone that holds the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from perennial.dns.needs import ProviderKind, Tools
from perennial.errors import DnsError
from perennial.model.zones import ZoneSetting
from perennial.ports.dns import Resolver, Zone, ZoneProvider


@dataclass(frozen=True, slots=True)
class Place:
    """One zone of the setting, and how its provider is come by."""

    zone: str
    kind: Callable[[], ProviderKind]
    provider: Callable[[], ZoneProvider]

    @classmethod
    def of(cls, setting: ZoneSetting, kind: Callable[[], ProviderKind], tools: Tools) -> Place:
        """Return the place of a zone; its provider is made once, when a name of it is first written."""
        return cls(setting.zone, kind, cache(lambda: kind().make(setting, tools)))


class Zones:
    """A DnsProvider over every zone of the setting."""

    def __init__(self, places: Mapping[str, Place], resolver: Resolver) -> None:
        """Take the places by their zones."""
        self._places = places
        self._resolver = resolver

    def present(self, name: str, value: str) -> None:
        """Add a value in the zone where the name's CNAMEs end."""
        end, place = self._find(name)
        place.provider().present(end, value)

    def clean(self, name: str, value: str) -> None:
        """Remove it there."""
        end, place = self._find(name)
        place.provider().clean(end, value)

    def serves(self, name: str) -> str:
        """Return the zone of the setting, having asked the DNS whether it looks for the name there."""
        end, place = self._find(name)
        _check_delegation(end, place, self._resolver.zone(end))
        return place.zone

    def _find(self, name: str) -> tuple[str, Place]:
        end = self._resolver.alias(name.lower().rstrip("."))
        # From the name itself upwards: the first zone of ours on the way is the longest.
        labels = end.split(".")
        for start in range(len(labels)):
            if place := self._places.get(".".join(labels[start:])):
                return end, place
        way = f" (where the CNAME of {name} leads)" if end != name else ""
        fix = f"add the zone of {end} to PERENNIAL_ZONES, or point {name} by a CNAME into a zone that is there"
        raise DnsError("no-provider", f"no zone of PERENNIAL_ZONES holds {end}{way}", fix=fix)


def _check_delegation(end: str, place: Place, found: Zone | None) -> None:
    """Raise DnsError where the DNS looks for a name in another zone than the one that is written."""
    what, fix = "", ""
    if not place.kind().is_apex and end != place.zone:
        what = f"{place.zone} is one name, and {end} is below it"
        fix = f"let the CNAME end at {place.zone}"
    elif found is None:
        what = f"the DNS knows no zone for {end}"
        fix = f"register {place.zone}, or let its parent zone name its servers (NS records)"
    elif found.apex != place.zone and found.apex.endswith(f".{place.zone}"):
        what = f"the DNS looks for {end} in {found.apex}, which {place.zone} delegates to {', '.join(found.servers)}"
        fix = f"add {found.apex} to PERENNIAL_ZONES, or point {end} by a CNAME into a zone that is there"
    elif found.apex != place.zone and place.kind().is_apex:
        what = f"the DNS looks for {end} in {found.apex}: it does not know {place.zone} as a zone"
        fix = f"let {found.apex} name the servers of {place.zone} (NS records)"
    if what:
        raise DnsError("not-delegated", what, fix=fix)
