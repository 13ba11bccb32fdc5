"""The settings PERENNIAL_ZONES and PERENNIAL_DNS_SERVERS: where TXT values are put, and who is asked for them."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address

from perennial.model.zones import ZoneSetting
from perennial.settings.objects import Objects, where
from perennial.settings.readers import Wrong, size

# RFC 1035 §2.3.4 lengths; an underscore is fine in a name that only carries records.
ZONE = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
PLACE = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?|([\d.]+)(?::(\d{1,5}))?|([0-9A-Fa-f:]+)")
DNS_PORT = 53


def zones(text: str) -> tuple[ZoneSetting, ...]:
    """Read the zones. Raises Wrong with every fault but those of a provider's own options, which only the provider knows."""
    objects = Objects(text, "zones")
    found = [(place, replace(one, zone=one.zone.lower().removesuffix("."))) for place, one in objects.read(ZoneSetting)]
    names: dict[str, int] = {}
    for place, one in found:
        if not ZONE.fullmatch(one.zone):
            fix = "write the zone's own name, as in example.com; an international one in its xn-- form"
            objects.fault(place, "zone", f"is not the name of a zone ({size(one.zone)})", fix)
        elif one.zone in names:
            other = where("zones", names[one.zone], "zone")
            objects.fault(place, "zone", f"is that of {other} already", "name each zone once")
        names.setdefault(one.zone, place)
    objects.ended()
    return tuple(one for _, one in found)


def dns_servers(text: str) -> tuple[str, ...]:
    """Read addresses of name servers, each with its port, 53 where none is written: 10.0.0.4, 10.0.0.4:5353, [fd00::4]:53."""
    return tuple(_place(word, number) for number, word in enumerate(text.split(), 1))


def _place(word: str, number: int) -> str:
    match = PLACE.fullmatch(word)
    host = "" if match is None else match[1] or match[3] or match[5]
    port = DNS_PORT if match is None else int(match[2] or match[4] or DNS_PORT)
    try:
        address = ip_address(host)
    except ValueError as error:
        fix = "write addresses, not names, as in 10.0.0.4:53 or [fd00::4]:53"
        raise Wrong(f"word {number} ({size(word)}) is not the address of a server", fix) from error
    if not 1 <= port <= 65535:
        raise Wrong(f"word {number} has no port that there is", "write a port from 1 to 65535, or none for 53")
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
