"""A renewal was begun long ago and has not come to an end."""

from datetime import date, timedelta

from perennial.compliance.rule import Evidence, Rule, Subject, by_life_left, day
from perennial.model.findings import Severity
from perennial.model.renewal import Step
from perennial.model.signing import unanswered

UNDER_WAY = frozenset({Step.SENDING, Step.WAITING, Step.SIGNING, Step.MERGING})


def check(subject: Subject) -> Evidence | None:
    """Find an operation of ours that is older than a day, or a tenth of the life if that is less, and that is not for a person to sign."""
    claim, patience = subject.claim, min(timedelta(days=1), subject.version.lifetime / 10)
    if claim is None or claim.checkpoint.step not in UNDER_WAY or unanswered(claim) is not None:
        return None
    if subject.now <= claim.opened + patience:
        return None
    return {"since": day(claim.opened), "issuer": claim.issuer, "step": claim.checkpoint.step.value}


RULE = Rule(
    id="pending-operation-too-old",
    severity=Severity.MEDIUM,
    grade=by_life_left(Severity.MEDIUM),
    title="Its pending operation is too old",
    source="Key Vault: a pending operation blocks import and create of its name until it ends",
    since=date(2016, 10, 1),
    fix="Ask the CA what it waits for (a payment, a validation); else discard the pending operation, and it is begun anew.",
    check=check,
)
