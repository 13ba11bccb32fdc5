"""For each rule a certificate that breaks it, and one that barely does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes

from perennial.compliance.rule import Subject
from perennial.model.authority import Obstacle
from perennial.model.certificate import IssuerClass
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Step
from tests.compliance.minted import (
    DAY,
    LIFE,
    NOW,
    SECOND,
    because,
    claim,
    fresh,
    judged,
    mint,
    over_broken_hash,
    rsa_key,
    unsigned,
)

AT = datetime(2026, 3, 15, tzinfo=UTC)
PUBLIC = IssuerClass.PUBLIC


def two_versions_apart(days: float) -> Subject:
    """Return a certificate whose last two versions somebody else made so many days apart."""
    subject = fresh()
    made = (NOW - 5 * DAY - days * DAY, NOW - 5 * DAY)
    return replace(subject, entry=replace(subject.entry, foreign_versions=made))


def exportable(*, forbidden: bool) -> Subject:
    """Return a certificate with an exportable key, where that is forbidden or not."""
    subject = fresh()
    policy = replace(subject.entry.policy, exportable=True)
    return replace(subject, entry=replace(subject.entry, policy=policy), forbid_exportable_keys=forbidden)


def blocked(*obstacles: Obstacle) -> Subject:
    """Return a certificate whose renewal would meet these."""
    subject = fresh()
    return replace(subject, entry=replace(subject.entry, obstacles=obstacles))


def ca_signed() -> bytes:
    """Return a certificate over SHA-256 by a CA."""
    return mint(NOW - 30 * DAY, NOW + 60 * DAY)


PAIRS: dict[str, tuple[Subject, Subject]] = {
    "expiring-with-nothing-in-progress": (fresh(LIFE / 4 - SECOND), fresh(LIFE / 4)),
    "expired-but-enabled": (fresh(-SECOND), fresh(0 * DAY)),
    "not-yet-valid": (fresh(LIFE + SECOND), fresh(LIFE)),
    "nothing-will-renew-it": (replace(fresh(), managed=False), fresh()),
    "renewal-overdue": (
        replace(fresh(), due_at=NOW - 2 * DAY - SECOND),
        replace(fresh(), due_at=NOW - 2 * DAY),
    ),
    "supervised-autorotation-overdue": (
        replace(fresh(), trigger_at=NOW - 2 * DAY, steps_in_at=NOW - SECOND),
        replace(fresh(), trigger_at=NOW - 2 * DAY, steps_in_at=NOW),
    ),
    "pending-operation-too-old": (
        replace(fresh(), renewal=claim(Step.WAITING, NOW - DAY - SECOND)),
        replace(fresh(), renewal=claim(Step.WAITING, NOW - DAY)),
    ),
    "waiting-for-signature": (
        replace(fresh(), renewal=unsigned(NOW - 2 * DAY - SECOND)),
        replace(fresh(), renewal=unsigned(NOW - 2 * DAY)),
    ),
    "foreign-pending-operation": (
        replace(fresh(), renewal=claim(Step.FOREIGN, NOW)),
        replace(fresh(), renewal=claim(Step.WAITING, NOW)),
    ),
    "current-version-disabled": (judged(ca_signed(), enabled=False), judged(ca_signed())),
    "policy-does-not-match-certificate": (replace(fresh(), mismatch="it does not ask for b.example"), fresh()),
    "issuance-blocked": (blocked(Obstacle(code="caa-forbids", what="CAA forbids it", fix="allow it")), blocked()),
    "unknown-issuer": (replace(fresh(), unknown_issuers=("corp",)), replace(fresh(), issuers=("corp",))),
    "drift-remains": (replace(fresh(), drift_remains="its key is RSA 2048"), fresh()),
    "two-managers": (two_versions_apart(22.5), two_versions_apart(22.6)),
    "loop-guard-hit": (because(ReasonCode.LOOP_GUARD, last="x", until="y"), because(ReasonCode.NOT_DUE)),
    "brake-hit": (because(ReasonCode.BRAKE, limit="20"), because(ReasonCode.PAUSED)),
    "validity-above-maximum": (
        judged(mint(AT, AT + 200 * DAY, issuer_class=PUBLIC)),
        judged(mint(AT, AT + 200 * DAY - SECOND, issuer_class=PUBLIC)),
    ),
    "weak-key": (fresh(key=rsa_key(2040)), fresh(key=rsa_key(2048))),
    "weak-signature": (
        judged(over_broken_hash(ca_signed())),
        judged(mint(NOW - 30 * DAY, NOW + 60 * DAY, hash_algorithm=hashes.SHA224())),
    ),
    "no-san": (fresh(names=(), common_name="a.example"), fresh(names=("a.example",))),
    "common-name-not-in-san": (
        fresh(common_name="www.a.example", names=("a.example",), issuer_class=PUBLIC),
        fresh(common_name="A.Example", names=("a.example",), issuer_class=PUBLIC),
    ),
    "exportable-key": (exportable(forbidden=True), exportable(forbidden=False)),
    "no-owner": (judged(ca_signed(), owner=" "), judged(ca_signed(), owner="a")),
    "bad-tag-value": (replace(fresh(), tag_faults=("perennial-renew: 'perhaps' is not understood",)), fresh()),
}
