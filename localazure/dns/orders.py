"""What the management port takes about DNS."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import dns.exception
import dns.name
import dns.rdata
import msgspec
from aiohttp import web

from localazure.dns.arm import ResourceManager
from localazure.dns.zones import GROUP, SUBSCRIPTION, Zone, Zones
from localazure.identity import ManagedIdentities
from localazure.orders import Order, OrderError, Seconds, parse


class ZoneOrder(Order):
    """`PUT /dns/zones/{zone}`."""

    subscription: str = SUBSCRIPTION
    resource_group: str = GROUP
    records: Mapping[str, Mapping[str, list[str]]] = msgspec.field(default_factory=dict)
    lag: Seconds = 0
    bogus: bool = False
    delegated: bool = True
    lock: Literal["", "CanNotDelete", "ReadOnly"] = ""

    def check(self, zone: str) -> None:
        """Refuse records that are none. Raises OrderError."""
        for name, kinds in self.records.items():
            for kind, texts in kinds.items():
                for text in texts:
                    try:
                        dns.rdata.from_text("IN", kind, text, origin=dns.name.from_text(zone))
                    except (dns.exception.DNSException, ValueError) as fault:
                        raise OrderError(
                            f"records.{name}.{kind}", f"{text!r}: {fault or type(fault).__name__}"
                        ) from fault


class RightsOrder(Order):
    """`PUT /dns/rights/{identity}`."""

    actions: list[Literal["read", "write", "delete"]]
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class DnsManagement:
    """The operations; each docstring is what `GET /` says about it."""

    zones: Zones
    resource_manager: ResourceManager
    identities: ManagedIdentities

    def routes(self) -> list[tuple[str, str, Callable[[web.Request], Awaitable[web.Response]]]]:
        """Return the routes."""
        return [
            ("GET", "/dns/zones", self.list_zones),
            ("PUT", "/dns/zones/{zone}", self.put_zone),
            ("DELETE", "/dns/zones/{zone}", self.delete_zone),
            ("PUT", "/dns/rights/{identity}", self.grant),
        ]

    async def list_zones(self, request: web.Request) -> web.Response:
        """Show the DNS zones and their TXT sets; ?zone= confines it."""
        asked = request.query.get("zone")
        return web.json_response({"zones": [_shown(zone) for zone in self.zones.all() if asked in (None, zone.name)]})

    async def put_zone(self, request: web.Request) -> web.Response:
        """Make a DNS zone or change it (TXT sets stay): subscription, resource_group, records, lag (seconds), bogus, delegated, lock."""
        order, name = parse(await request.read(), ZoneOrder), request.match_info["zone"].lower().rstrip(".")
        order.check(name)
        records = {relative.lower(): kinds for relative, kinds in order.records.items()}
        lag = timedelta(seconds=order.lag)
        zone = Zone(
            name, order.subscription, order.resource_group, records, lag, order.bogus, order.delegated, order.lock
        )
        self.zones.put(zone)
        return web.json_response(_shown(zone), status=201)

    async def delete_zone(self, request: web.Request) -> web.Response:
        """Take a DNS zone away."""
        if not self.zones.remove(request.match_info["zone"].lower()):
            raise OrderError("zone", "there is no such zone", 404)
        return web.Response(status=204)

    async def grant(self, request: web.Request) -> web.Response:
        """Set what an identity may do with TXT sets: actions (read, write, delete), zone (default all)."""
        order = parse(await request.read(), RightsOrder)
        identity = self.identities.add(request.match_info["identity"])
        self.resource_manager.grant(identity.name, frozenset(order.actions), order.zone)
        return web.json_response({"identity": identity.name, "actions": order.actions, "zone": order.zone})


def _shown(zone: Zone) -> dict[str, object]:
    return {
        "zone": zone.name,
        "subscription": zone.subscription,
        "resource_group": zone.group,
        "records": zone.records,
        "lag": zone.lag.total_seconds(),
        "bogus": zone.bogus,
        "delegated": zone.delegated,
        "lock": zone.lock,
        "txt": {name: found.properties for name, found in zone.sets.items()},
    }
