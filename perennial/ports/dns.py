"""Where a DNS-01 record is put (RFC 8555 §8.4), and what the DNS itself says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from perennial.ports import effect, look


class ZoneProvider(Protocol):
    """TXT values in one zone. Names are whole, lie in the zone, and have no dot at the end; values of others at a name survive every call.

    Raises DnsError, which says who must act and when to try again.
    """

    @effect
    def present(self, name: str, value: str) -> None:
        """Add a TXT value at a name; repeating it is fine."""

    @effect
    def clean(self, name: str, value: str) -> None:
        """Remove our value; one that is not there is removed already. Where a provider lets none be removed, it stays."""


class DnsProvider(Protocol):
    """TXT values in all the zones that we may write: a name is followed by its CNAMEs to the zone that holds its end.

    Values of others at the same name survive every call. Raises DnsError, which says who must act and when to try again.
    """

    @effect
    def present(self, name: str, value: str) -> None:
        """Add a TXT value where a name (no dot at the end) leads to; repeating it is fine."""

    @effect
    def clean(self, name: str, value: str) -> None:
        """Remove our value; one that is not there is removed already. Where a provider lets none be removed, it stays."""

    @look
    def serves(self, name: str) -> str:
        """Return the configured zone that a name's values are put in. Raises DnsError no-provider, and not-delegated where the DNS asks elsewhere."""


@dataclass(frozen=True, slots=True)
class Caa:
    """A CAA record (RFC 8659 §4)."""

    critical: bool
    tag: str  # lower-cased: issue, issuewild, …
    value: str


@dataclass(frozen=True, slots=True)
class Zone:
    """The zone that a name lies in, as the DNS delegates it."""

    apex: str
    servers: tuple[str, ...]  # names of its authoritative servers


class Resolver(Protocol):
    """Questions to the DNS. Names have no dot at the end. Every method raises DnsError where there is no usable answer."""

    @look
    def alias(self, name: str) -> str:
        """Follow CNAMEs to their end; the name itself where there is none."""

    @look
    def zone(self, name: str) -> Zone | None:
        """Return the zone of a name; None where the DNS knows no zone for it below a public suffix."""

    @look
    def lacking(self, name: str, value: str) -> tuple[str, ...]:
        """Follow a name's CNAMEs and return the authoritative servers there that do not serve this TXT value yet; empty: all do."""

    @look
    def caa(self, name: str) -> tuple[Caa, ...]:
        """Return the CAA records that hold for a name: its own, or the nearest parent's (RFC 8659 §3)."""

    @look
    def broken(self, name: str) -> str:
        """Say what is wrong with the DNSSEC of a name's zone, as a validating resolver sees it; empty: nothing."""
