"""Ids made from what caused them, and a certificate's steady place in any span: never from dice."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perennial.model.certificate import CertificateRef


def digest(*parts: str) -> str:
    """Return 32 hex digits that depend on every part and on their borders."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def share(*parts: str) -> float:
    """Return a number in [0, 1) that is always the same for the same parts and even over many."""
    return int(digest(*parts)[:13], 16) / 16**13


def spread(certificate: CertificateRef, span: timedelta, purpose: str) -> timedelta:
    """Return this certificate's own place in a span, so that a fleet does not act at one instant."""
    return timedelta(seconds=int(span.total_seconds() * share(certificate.vault, certificate.name, purpose)))


def inverted(instant: datetime) -> str:
    """Return a fixed-width key under which the newest sorts first (Table Storage sorts row keys as text)."""
    return f"{10**16 - int(instant.timestamp() * 1000):016d}"


NOTICE_ID_LENGTH = 32


def notice_id(kind: str, subject: str, version: str, occasion: str) -> str:
    """Return the id of a notice, the same on every repeat: the CloudEvent's id and the `webhook-id`."""
    return digest("notice", kind, subject, version, occasion)[:NOTICE_ID_LENGTH]
