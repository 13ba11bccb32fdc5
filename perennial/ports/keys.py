"""Keys of our own, kept in Key Vault and never exported: an ACME account's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from perennial.ports import effect, look


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """The public half of an EC P-256 key."""

    id: str  # its versioned address
    x: bytes  # 32 bytes, big-endian
    y: bytes


class Keys(Protocol):
    """The keys in the app's own vault. Every method may raise Throttled, Forbidden and Unreachable."""

    @look
    def get(self, name: str) -> PublicKey | None:
        """Return the newest version of a key; None where there is no key of this name."""

    @look
    def read(self, key_id: str) -> PublicKey | None:
        """Return the version at this address, as get and create gave it; None where it is no more."""

    @effect
    def create(self, name: str) -> PublicKey:
        """Make a new EC P-256 key, or a new version of it, that cannot be exported. Raises Refused, Unclear."""

    @look
    def sign(self, key_id: str, digest: bytes) -> bytes:
        """Sign a SHA-256 digest (32 bytes) with ES256; returns r and s, 32 bytes each (RFC 7518 §3.4). Raises Refused."""
