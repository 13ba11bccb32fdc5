"""A stage with certificates that CAs sign: a list of two, of which the first comes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from perennial.model.authority import Suggestion
from perennial.model.certificate import CertificateRef, IssuancePolicy, IssuerClass
from perennial.model.mode import Mode
from tests.memory.authority import SlowAuthority
from tests.memory.stage import Stage
from tests.workflows import looks
from tests.workflows.looks import DAY, HOUR, NOW, UNKNOWN, WWW


def signed_stage(
    *,
    left: timedelta = 80 * DAY,
    lifetime: timedelta = 90 * DAY,
    issuers: tuple[str, ...] = ("first", "second"),
    tags: Mapping[str, str] | None = None,
    policy: IssuancePolicy = UNKNOWN,
    mode: Mode = Mode.RENEW,
    **authorities: SlowAuthority,
) -> Stage:
    """Return a stage with one certificate of a private CA, young unless said otherwise; both CAs answer at once unless given."""
    both = {"first": SlowAuthority(prompt=True), "second": SlowAuthority(prompt=True), **authorities}
    on = Stage(NOW, vaults={"kv-orders": mode}, authorities=both, events=False)
    on.settings = replace(on.settings, issuers=issuers)
    on.subscribe()
    place(on, WWW, left=left, lifetime=lifetime, policy=policy, tags=tags)
    return on


def place(
    on: Stage,
    ref: CertificateRef,
    *,
    left: timedelta,
    lifetime: timedelta = 90 * DAY,
    policy: IssuancePolicy = UNKNOWN,
    **given: Any,
) -> None:
    """Put a certificate of a private CA into the vault, long before now."""
    looks.place(on, ref, left=left, lifetime=lifetime, policy=policy, issuer_class=IssuerClass.PRIVATE, **given)


def window(start: timedelta, end: timedelta, *, again: timedelta = 6 * HOUR, explanation: str = "") -> Suggestion:
    """Return a window that lies so long after NOW."""
    return Suggestion(start=NOW + start, end=NOW + end, ask_again=NOW + again, explanation=explanation)
