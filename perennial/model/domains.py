"""The registered domain of a name, by the public suffix list: what a CA counts certificates by."""

from __future__ import annotations

from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


@cache
def suffixes() -> PublicSuffixList:
    """Return the public suffix list, read once: most invocations never need it."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def plain(name: str) -> str:
    """Return the name that is authorized for this one: lower-cased, without a wildcard's star and a dot at the end."""
    return name.lower().removesuffix(".").removeprefix("*.")


def registered(name: str) -> str:
    """Return the domain under which a CA counts this name: one label below a public suffix; for an address itself, or its /64.

    Let's Encrypt, rate limits (page of 2026-08-05): names count by registered domain, IPv4 by address, IPv6 by /64; a name that is
    itself a public suffix counts as itself.
    """
    bare = plain(name)
    try:
        address = ip_address(bare)
    except ValueError:
        return suffixes().privatesuffix(bare) or bare
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False).network_address)
    return str(address)


def of_set(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the registered domains of some names, each once, sorted."""
    return tuple(sorted({registered(name) for name in names}))
