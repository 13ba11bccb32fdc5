"""A CA's renewal window (RFC 9773): a certificate's own instant in it, and whether it says that the certificate is revoked."""

from __future__ import annotations

from datetime import datetime, timedelta

from perennial.decisions.lifetimes import latest_due
from perennial.model.authority import Suggestion
from perennial.model.certificate import CertificateRef, Version
from perennial.model.ids import share


def instant_in(certificate: CertificateRef, window: Suggestion) -> datetime:
    """Return this certificate's own instant in a window: evenly spread over a fleet, and the same while the window is."""
    part = share(certificate.vault, certificate.name, window.start.isoformat(), window.end.isoformat())
    return window.start + timedelta(seconds=int((window.end - window.start).total_seconds() * part))


def says_revoked(version: Version, window: Suggestion, now: datetime) -> bool:
    """Tell whether a window, as a CA tells of it now, is a signal of revocation.

    It has passed already, and it ends before the lifetime rule would have renewed: an ordinary window that we were late for stands around that
    date (Let's Encrypt: a third of the life left, give or take a hundredth), and must not pass the brake.
    """
    return window.end <= now and window.end < latest_due(version)
