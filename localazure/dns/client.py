"""A synchronous client of the DNS side of the management port, for demos and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

type Ask = Callable[[str, str, Mapping[str, object] | None], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class DnsClient:
    """Makes zones and shows what is in them."""

    ask: Ask

    def zone(self, name: str, **order: object) -> dict[str, Any]:
        """Make or change a zone: subscription, resource_group, records, lag, bogus, delegated, lock."""
        return self.ask("PUT", f"/dns/zones/{name}", order)

    def remove(self, name: str) -> None:
        """Take a zone away."""
        self.ask("DELETE", f"/dns/zones/{name}", None)

    def sets(self, zone: str) -> dict[str, Any]:
        """Return the properties of a zone's TXT sets by their relative names, as Resource Manager has them."""
        zones: list[dict[str, Any]] = self.ask("GET", f"/dns/zones?zone={zone}", None)["zones"]
        found: dict[str, Any] = zones[0]["txt"]
        return found

    def values(self, zone: str, relative: str) -> list[str]:
        """Return the TXT values at a name."""
        records = self.sets(zone).get(relative, {}).get("TXTRecords", [])
        return ["".join(record["value"]) for record in records]

    def rights(self, identity: str, actions: Sequence[str], zone: str | None = None) -> None:
        """Set what an identity may do with TXT sets: read, write, delete."""
        self.ask("PUT", f"/dns/rights/{identity}", {"actions": list(actions), "zone": zone})
