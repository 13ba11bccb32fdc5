"""Certificates and policies for the tests of decisions: a usual one, to be changed in the one way that a test is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from perennial.model.certificate import (
    CertificateRef,
    IssuancePolicy,
    IssuerClass,
    Leaf,
    LifetimeAction,
    Version,
)
from perennial.model.decision import RenewalPolicy, Snapshot
from perennial.model.mode import Mode
from perennial.model.renewal import Asked, Renewal

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
REF = CertificateRef("kv-orders", "www")
CURRENT = "a" * 32
OLDER = "b" * 32


def version(
    left: timedelta,
    lifetime: timedelta = 90 * DAY,
    issuer_class: IssuerClass = IssuerClass.SELF_SIGNED,
    **changes: Any,
) -> Version:
    """Return a version, self-signed unless said otherwise, with so much life left at NOW."""
    leaf = Leaf(
        sha256="s" * 64,
        sha1="t" * 40,
        serial="1",
        subject="CN=www.example",
        issuer="CN=www.example",
        common_name="www.example",
        names=("www.example",),
        issuer_class=issuer_class,
    )
    end = NOW + left
    made = Version(id=CURRENT, created=end - lifetime, not_before=end - lifetime, not_after=end, leaf=leaf)
    return replace(made, **changes)


SELF = IssuancePolicy(
    issuer="Self", subject="CN=www.example", names=("www.example",), action=LifetimeAction.EMAIL_CONTACTS
)
AUTO = replace(SELF, action=LifetimeAction.AUTO_RENEW, trigger_percentage=80)
UNKNOWN = replace(SELF, issuer="Unknown")


def snapshot(left: timedelta, lifetime: timedelta = 90 * DAY, **changes: Any) -> Snapshot:
    """Return what is seen of a self-signed certificate under a `Self` policy, first seen at its birth."""
    current = version(left, lifetime)
    made = Snapshot(certificate=REF, current=current, policy=SELF, first_seen=current.created)
    return replace(made, **changes)


RENEW = RenewalPolicy(mode=Mode.RENEW)
OBSERVE = RenewalPolicy(mode=Mode.OBSERVE)


def claim(**changes: Any) -> Renewal:
    """Return an open claim on the current version, whose next step has come."""
    made = Renewal(
        certificate=REF,
        replacing=CURRENT,
        issuer="vault",
        opened=NOW - DAY,
        next_step=NOW,
        earliest=NOW,
        stepped=NOW - DAY,
    )
    return replace(made, **changes)


def asked(**changes: Any) -> Asked:
    """Return a person's request for the current version, a minute old."""
    made = Asked(reason="new key", actor="ada", at=NOW - timedelta(minutes=1), version=CURRENT, force=True)
    return replace(made, **changes)
