"""A CSR that waits for somebody else's signature: what its claim's checkpoint remembers of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from perennial.model.certificate import CertificateRef
from perennial.model.renewal import Checkpoint, Renewal, Step

#: An authority's memory stands in the checkpoint under this prefix, beside what is the issuer's own.
THEIRS = "ca."

# The members of that memory that belong to a request for a signature.
ASKED = "asked"  # since when: ISO 8601, UTC
CHAIN = "chain"  # what was posted: DER in base64, leaf first, separated by blanks
RECEIVED = "received"  # when


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRequest:
    """A CSR of ours and, once it was posted, the chain that answers it."""

    certificate: CertificateRef
    replacing: str  # the version whose successor it is for
    issuer: str
    id: str  # of the vault's pending operation
    csr: bytes  # DER, PKCS#10
    since: datetime
    chain: tuple[bytes, ...] = ()  # DER, leaf first; empty: nobody has signed yet
    received: datetime | None = None


def request_of(renewal: Renewal) -> SignatureRequest | None:
    """Return what a claim waits to have signed, or has had signed and not yet merged; None: nothing."""
    memory = renewal.checkpoint.memory
    asked = memory.get(THEIRS + ASKED, "")
    if not asked or not renewal.is_open or renewal.checkpoint.step is not Step.SIGNING:
        return None
    received = memory.get(THEIRS + RECEIVED, "")
    return SignatureRequest(
        certificate=renewal.certificate,
        replacing=renewal.replacing,
        issuer=renewal.issuer,
        id=memory.get("request_id", ""),
        csr=base64.b64decode(memory["csr"]),
        since=datetime.fromisoformat(asked),
        chain=chain_in(memory, THEIRS),
        received=datetime.fromisoformat(received) if received else None,
    )


def unanswered(renewal: Renewal) -> SignatureRequest | None:
    """Return the request of a claim while nobody has answered it."""
    found = request_of(renewal)
    return found if found is not None and not found.chain else None


def chain_in(memory: Mapping[str, str], prefix: str = "") -> tuple[bytes, ...]:
    """Return the chain that a memory holds: DER, leaf first; empty: none."""
    return tuple(base64.b64decode(der) for der in memory.get(prefix + CHAIN, "").split())


def answered(renewal: Renewal, chain: tuple[bytes, ...], now: datetime) -> Renewal:
    """Put a chain (DER, leaf first) into a claim that waits for one; its next step is now, and no earlier look may save over it."""
    text = " ".join(base64.b64encode(der).decode() for der in chain)
    memory = {**renewal.checkpoint.memory, THEIRS + CHAIN: text, THEIRS + RECEIVED: written(now)}
    checkpoint = Checkpoint(renewal.checkpoint.step, memory)
    return replace(renewal, checkpoint=checkpoint, held_until=None, next_step=now, earliest=now, waiting=None)


def written(at: datetime) -> str:
    """Write an instant as the memory holds it."""
    return at.astimezone(UTC).isoformat()
