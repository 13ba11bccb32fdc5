"""It is managed, was due, and is still the same version."""

from datetime import date, timedelta

from perennial.compliance.rule import Evidence, Rule, Subject, by_life_left, day
from perennial.model.findings import Severity
from perennial.model.reasons import ReasonCode

#: These say why themselves, and a person was asked or has decided.
ON_PURPOSE = frozenset(
    {
        ReasonCode.PAUSED,
        ReasonCode.FOREIGN_MANAGER,
        ReasonCode.EXPIRED_WHEN_FIRST_SEEN,
        ReasonCode.SIGNATURE_NEEDED,
    }
)


def check(subject: Subject) -> Evidence | None:
    """Find a managed certificate that was due longer ago than two days, or a twentieth of its life if that is less."""
    grace = min(timedelta(days=2), subject.version.lifetime / 20)
    left_alone = not subject.managed or subject.never or not subject.version.enabled or subject.reason in ON_PURPOSE
    if left_alone or subject.due_at is None or subject.now <= subject.due_at + grace:
        return None
    error = {"error": subject.claim.error} if subject.claim and subject.claim.error else {}
    return {"due_at": day(subject.due_at)} | error


RULE = Rule(
    id="renewal-overdue",
    severity=Severity.HIGH,
    grade=by_life_left(Severity.HIGH),
    title="Its renewal is overdue",
    source="The lifetime rule: due when a third of the life is left (a half below ten days), after Let's Encrypt's integration guide",
    since=date(2025, 2, 1),
    fix="Read the reason and the last error of its renewal, correct what they name, and ask for a renewal.",
    check=check,
)
