"""How a CSR becomes a chain."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from perennial.model.authority import Obstacle, Suggestion
from perennial.model.renewal import Issued, Renewal, Waiting
from perennial.ports import effect, look


class Authority(Protocol):
    """A CA. Knows CSRs and chains, knows no vault: ACME, a private CA, a person, the signing CA of the tests."""

    @effect
    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Take the next step towards a chain for this CSR (DER, PKCS#10); the same rules as for Issuer.step.

        Its memory is what it returned last, in `renewal.checkpoint.memory`; the keys that belong to the caller are not shown.
        """

    @effect
    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Undo what can be undone. Repeating it is fine."""

    @look
    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Return when the CA would have a certificate renewed; None where it says nothing of it, or has no such service.

        `ari_id` is the certificate's identifier of RFC 9773 §4.1. Raises IssuerError where the CA cannot be asked now.
        """

    @look
    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """Return what would stand in the way of an order for these names; empty: nothing that can be seen. Raises IssuerError."""
