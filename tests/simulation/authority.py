"""A CA that signs CSRs in some hours, and has bad days: it refuses for a while, for good, or lets one wait."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from perennial.errors import IssuerError
from perennial.model.authority import Obstacle, Suggestion
from perennial.model.certificate import CertificateRef
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, Issued, Renewal, Step, Waiting
from tests.memory import minting
from tests.simulation.violation import hold


@dataclass(slots=True)
class Signer:
    """An order, a wait, a chain. An order whose intent is only found is asked about by its CSR first."""

    life: timedelta
    delay: timedelta
    refuses: str = ""  # "down": it passes; "for-good": a person must mend it
    busy_until: datetime | None = None
    ordered: dict[str, datetime] = field(default_factory=dict)  # CSR's hash and renewal → when it was ordered
    found: int = 0  # orders that were found as intents
    placed: dict[tuple[CertificateRef, str], str] = field(default_factory=dict)  # which order a renewal has

    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Take the next step."""
        memory = renewal.checkpoint.memory
        order = hashlib.sha256(csr + f"{renewal.certificate}{renewal.replacing}{renewal.requests}".encode()).hexdigest()
        if self.refuses:
            self.ordered.pop(order, None)  # an order that failed is no order
            wait = timedelta(hours=2) if self.refuses == "down" and now.hour % 2 else None
            raise IssuerError(
                self.refuses,
                "the CA refuses",
                fix="mend the account",
                permanent=self.refuses != "down",
                retry_after=wait,
            )
        match memory.get("state", ""):
            case "":
                return _wait(now, {"state": "ordering"})
            case "ordering":
                if not fresh and order in self.ordered:
                    self.found += 1
                else:
                    hold(order not in self.ordered, "ordered-once", f"{renewal.certificate}: one CSR was ordered twice")
                    self.ordered[order] = now
                    self.placed[renewal.certificate, renewal.replacing] = order
                return _wait(self.ordered[order] + self.delay, {"state": "thinking"})
            case _ if self.busy_until is not None and now < self.busy_until:
                return _wait(min(self.busy_until, now + timedelta(hours=6)), memory)
            case _:
                return Issued((minting.signed(csr, now - timedelta(minutes=10), self.life),))

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Say nothing."""
        del ari_id, now
        return None

    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """See none."""
        del names, now
        return ()

    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Let its order lapse: when its turn comes round again, it is placed anew."""
        self.ordered.pop(self.placed.pop((renewal.certificate, renewal.replacing), ""), None)


def _wait(until: datetime, memory: Mapping[str, str]) -> Waiting:
    reason = Reason(ReasonCode.IN_PROGRESS, {"issuer": "the signer", "what": memory["state"]})
    return Waiting(until, Checkpoint(Step.SIGNING, memory), reason)
