"""Where a DNS-01 record is put (RFC 8555 §8.4)."""

from __future__ import annotations

from typing import Protocol

from perennial.ports import effect, look


class DnsProvider(Protocol):
    """A zone's TXT values. Values of others at the same name survive every call."""

    @effect
    def present(self, name: str, value: str) -> None:
        """Add a TXT value at a name; repeating it is fine."""

    @look
    def visible(self, name: str, value: str) -> bool:
        """Tell whether every authoritative server of the zone serves the value."""

    @effect
    def clean(self, name: str, value: str) -> None:
        """Remove our value; one that is not there is removed already."""
