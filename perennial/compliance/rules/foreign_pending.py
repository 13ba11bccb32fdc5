"""Somebody else's operation is pending, and stands in the way."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject, by_life_left, day
from perennial.model.findings import Severity
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Step


def check(subject: Subject) -> Evidence | None:
    """Find a renewal of ours that met an operation which is not ours."""
    claim = subject.claim
    met = claim is not None and claim.checkpoint.step is Step.FOREIGN
    if not met and subject.reason is not ReasonCode.FOREIGN_PENDING:
        return None
    return {"since": day(claim.opened)} if claim is not None else {"since": day(subject.entry.since or subject.now)}


RULE = Rule(
    id="foreign-pending-operation",
    severity=Severity.MEDIUM,
    grade=by_life_left(Severity.MEDIUM),
    title="An operation that is not ours is pending",
    source="Key Vault: one pending operation a name; deleting it destroys its key, for which a CA may already be signing",
    since=date(2016, 10, 1),
    fix="Find out who began it and let it finish; if nobody waits for it, discard it with a reason.",
    check=check,
)
