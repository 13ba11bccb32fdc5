"""A stage with one old certificate, for the tests of looks."""

from __future__ import annotations

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
    made.vaults.import_certificate(
        WWW,
        NOW + left - lifetime,
        NOW + left,
        policy=policy,
        created=NOW + left - lifetime,
        quiet=True,
        **changes,
    )
    return made
