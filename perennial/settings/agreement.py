"""What settings say of each other and of what is outside: names that must be known, secrets that must be there, options of DNS providers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from perennial.model.authority import AuthorityKind, AuthoritySetting
from perennial.model.zones import ZoneSetting
from perennial.settings.objects import where
from perennial.settings.readers import size

PREFIX = "PERENNIAL_"
SECRET_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
SECRETS = "PERENNIAL_SECRET_"  # of webhooks, DNS providers and CAs, each named by what needs it


type CheckZone = Callable[[ZoneSetting], list[str]]
"""Says what is wrong with a zone's provider and options, each fault with its member before it (perennial/dns)."""


def unchecked(_: ZoneSetting) -> list[str]:
    """Take any provider and options."""
    return []


def faults(values: Mapping[str, Any], environ: Mapping[str, str], check_zone: CheckZone) -> Iterator[str]:
    """Go through the faults between settings; one that could not be read itself is left out."""
    authorities: tuple[AuthoritySetting, ...] = values.get("authorities", ())
    zones: tuple[ZoneSetting, ...] = values.get("zones", ())
    for place, one in enumerate(authorities):
        if one.eab_secret:
            yield from _secret("AUTHORITIES", where("authorities", place, "eab_secret"), one.eab_secret, environ)
    for place, zone in enumerate(zones):
        yield from (_of_provider(place, fault) for fault in check_zone(zone))
        name = zone.options.get("secret", "")
        if name:
            yield from _secret("ZONES", where("zones", place, "options.secret"), name, environ)
    yield from _keys(values, authorities, environ)
    yield from _issuers(values, authorities, environ)


def _of_provider(place: int, fault: str) -> str:
    member, _, told = fault.partition(": ")
    problem, _, fix = told.partition("; ")
    return f"{PREFIX}ZONES {where('zones', place, member)}: {problem}; {fix or 'see docs/acme.md for the options of each provider'}"


def _secret(setting: str, place: str, name: str, environ: Mapping[str, str]) -> Iterator[str]:
    if not SECRET_NAME.fullmatch(name):
        return  # told of already
    if not environ.get(SECRETS + name, "").strip():  # a secret of capitals and digits would look like the name of one
        yield f"{PREFIX}{setting} {place}: the {SECRETS}NAME that it names is missing; add it, in Azure as a Key Vault reference"


def _keys(
    values: Mapping[str, Any], authorities: tuple[AuthoritySetting, ...], environ: Mapping[str, str]
) -> Iterator[str]:
    variable = f"{PREFIX}KEYS"
    acme = [one.name for one in authorities if one.kind is AuthorityKind.ACME]
    if acme and not environ.get(variable, "").strip():
        yield f"{variable} is missing; {', '.join(acme)} signs with an account's key: name a vault of the app's own, as in https://VAULT.SUFFIX"
    vault = (urlsplit(values.get("keys", "")).hostname or "").partition(".")[0]
    if vault and vault in values.get("vaults", {}):
        yield f"{variable} names {vault}, a vault of the fleet; keep the accounts' keys in a vault of the app's own"


def _issuers(
    values: Mapping[str, Any], authorities: tuple[AuthoritySetting, ...], environ: Mapping[str, str]
) -> Iterator[str]:
    if "authorities" not in values and environ.get(f"{PREFIX}AUTHORITIES", "").strip():
        return  # told of already
    known = [one.name for one in authorities]
    for place, name in enumerate(values.get("issuers", ()), 1):
        if name not in known:
            fix = f"write one of {', '.join(known)}" if known else f"add it to {PREFIX}AUTHORITIES"
            yield f"{PREFIX}ISSUERS word {place} ({size(name)}) is the name of no CA in {PREFIX}AUTHORITIES; {fix}"
