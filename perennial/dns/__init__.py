"""Where a DNS-01 record is put: a provider is one file here and one line in the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from perennial.dns.needs import ProviderKind, Tools
from perennial.dns.zones import Place, Zones
from perennial.model.zones import ZoneSetting
from perennial.ports.dns import DnsProvider, Resolver


def _azure() -> ProviderKind:
    from perennial.dns import azure

    return azure.KIND


def _rfc2136() -> ProviderKind:
    from perennial.dns import rfc2136

    return rfc2136.KIND


def _acme_dns() -> ProviderKind:
    from perennial.dns import acme_dns

    return acme_dns.KIND


PROVIDERS: Mapping[str, Callable[[], ProviderKind]] = {
    "azure": _azure,
    "rfc2136": _rfc2136,
    "acme-dns": _acme_dns,
}
"""What the setting PERENNIAL_ZONES may say as a zone's provider. Each is imported when a zone asks for it."""


def check(zone: ZoneSetting) -> list[str]:
    """Say what is wrong with a zone's provider and options, each with the field before it (`options.server: …`); empty: nothing.

    What was given is not quoted: it may be a secret at the wrong place, and goes to a log.
    """
    if zone.provider not in PROVIDERS:
        return [f"provider: is none of {', '.join(PROVIDERS)}"]
    options = PROVIDERS[zone.provider]().options
    known = ", ".join(options)
    faults = [f"options.{name}: unknown; {zone.provider} takes {known}" for name in zone.options if name not in options]
    for name, option in options.items():
        value = zone.options.get(name, "")
        if not value and option.needed:
            faults.append(f"options.{name}: missing; give {option.what}")
        elif value and (problem := option.wrong(value)):
            faults.append(f"options.{name}: {problem}")
    return faults


def build(zones: tuple[ZoneSetting, ...], tools: Tools, resolver: Resolver) -> DnsProvider:
    """Return one provider for all zones; each zone's own is made when a name of it is first asked for."""
    places = {zone.zone: Place.of(zone, PROVIDERS[zone.provider], tools) for zone in zones}
    return Zones(places, resolver)
