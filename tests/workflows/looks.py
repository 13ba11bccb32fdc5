"""A stage with one old certificate, for the tests of looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from perennial.model.certificate import CertificateRef, IssuancePolicy, LifetimeAction
from tests.memory.stage import Stage

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WWW = CertificateRef("kv-orders", "www")
SELF = IssuancePolicy(
    issuer="Self",
    subject="CN=www.example",
    names=("www.example",),
    action=LifetimeAction.EMAIL_CONTACTS,
    key_type="EC",
    key_size=256,
    curve="P-256",  # as all of the memory's keys are
)
UNKNOWN = replace(SELF, issuer="Unknown")


def stage(
    *,
    left: timedelta = 20 * DAY,
    lifetime: timedelta = 90 * DAY,
    policy: IssuancePolicy = SELF,
    events: bool = True,
    **changes: Any,
) -> Stage:
    """Return a stage with one old certificate, long there, and one subscriber."""
    made = Stage(NOW, events=events)
    made.subscribe()
    place(made, left=left, lifetime=lifetime, policy=policy, **changes)
    return made


def place(
    on: Stage,
    ref: CertificateRef = WWW,
    *,
    left: timedelta = 20 * DAY,
    lifetime: timedelta = 90 * DAY,
    policy: IssuancePolicy = SELF,
    **given: Any,
) -> None:
    """Put a certificate into its vault that was made long ago; no event tells of it."""
    end = on.now + left
    made = end - lifetime
    on.vaults.import_certificate(ref, made, end, policy=policy, created=made, quiet=True, **given)
