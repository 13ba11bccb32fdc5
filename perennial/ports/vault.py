"""The certificates of the fleet's Key Vaults, as far as the app's three data actions reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from perennial.model.certificate import Certificate, CertificateRef, Listed, Operation
from perennial.ports import effect, look


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a vault's list; may be empty and yet have more."""

    items: tuple[Listed, ...]
    more: str | None


class Vaults(Protocol):
    """Each method is one call, authenticated, of at most 30 seconds in all, never retried after 429 or Retry-After.

    Every method may raise Throttled (429), Forbidden (403: role or firewall) and Unreachable (DNS, TLS, no answer; for looks also 5xx).
    """

    @look
    def get(self, certificate: CertificateRef) -> Certificate | None:
        """Return the latest version; None where the name does not exist (404). Its version has no leaf while unfinished."""

    @look
    def pending(self, certificate: CertificateRef, request_id: str = "") -> Operation | None:
        """Return the pending operation, finished ones included; None where there is none, or none with this request_id."""

    @look
    def page(self, vault: str, more: str | None = None) -> ListPage:
        """Return a page of the vault's list. Raises Refused where the continuation is not accepted."""

    @effect
    def create(self, certificate: CertificateRef, tags: Mapping[str, str]) -> Operation:
        """Begin a new version under the stored policy, sent once. Raises Busy (409), Refused (other 4xx), Unclear (time-out, 5xx)."""

    @effect
    def merge(self, certificate: CertificateRef, chain: tuple[bytes, ...], tags: Mapping[str, str]) -> Certificate:
        """Merge a chain (DER, leaf first) into the pending operation, sent once. Raises Refused, Unclear."""

    @effect
    def discard(self, certificate: CertificateRef) -> bool:
        """Delete the pending operation, whosever it is, and its key; False where there is none. Raises Refused, Unclear."""
