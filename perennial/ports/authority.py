"""How a CSR becomes a chain."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from perennial.model.renewal import Issued, Renewal, Waiting
from perennial.ports import effect


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
