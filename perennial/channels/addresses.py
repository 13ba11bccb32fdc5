"""Which addresses a webhook may reach: public ones, and the ranges that a setting allows (OWASP, Server Side Request Forgery Prevention)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

#: Azure's platform channel (DHCP, DNS, health probes, guest agent), reachable from every virtual machine; it lies in a public range.
AZURE_PLATFORM = IPv4Address("168.63.129.16")
#: IPv6 that carries an IPv4 address in its last 32 bits: RFC 6052 §2.1, RFC 4291 §2.5.5.1.
CARRIERS = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))

#: What is refused, the most telling first.
REFUSED: Sequence[tuple[Callable[[Address], bool], str]] = (
    (lambda address: address == AZURE_PLATFORM, "the platform's own address"),
    (lambda address: address.is_link_local, "a link-local address, where the metadata service lives"),
    (lambda address: address.is_loopback, "a loopback address"),
    (lambda address: address.is_multicast, "a multicast address"),
    (lambda address: address.is_unspecified, "an unspecified address"),
    (lambda address: isinstance(address, IPv6Address) and address.is_site_local, "a private address"),
    (lambda address: not address.is_global, "a private or reserved address"),
)


class Forbidden(Exception):
    """An address that must not be reached."""


class Unresolved(Exception):
    """A name without an address."""


def resolve(host: str, port: int, allowed: Sequence[Network]) -> tuple[Address, ...]:
    """Return a host's addresses, all checked. Raises Forbidden if any one of them must not be reached, Unresolved.

    The resolver is asked also for what looks like a number: it knows every spelling of an address (RFC 3986 §7.4: 0x7f.1, 2130706433).
    """
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unresolved(f"{host} has no address: {error}") from error
    # A scope (fe80::1%eth0) belongs to link-local addresses alone, which are refused anyway.
    found = tuple(dict.fromkeys(ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers))
    for address in found:
        if problem := wrong_with(address, allowed):
            raise Forbidden(f"{host} is {address}, {problem}")
    return found


def wrong_with(address: Address, allowed: Sequence[Network]) -> str:
    """Say why an address must not be reached; empty: it may be."""
    inner = carried(address)
    if any(inner in network for network in allowed):
        return ""
    return next((why for is_so, why in REFUSED if is_so(inner)), "")


def carried(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for (mapped, 6to4, Teredo, NAT64), or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    embedded = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if embedded is not None:
        return embedded
    if int(address) > 1 and any(address in network for network in CARRIERS):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
