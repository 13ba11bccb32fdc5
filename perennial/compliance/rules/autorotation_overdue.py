"""Key Vault should have renewed it by itself and did not."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject, by_life_left, day
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find a certificate whose autorotation trigger has passed by the grace that we give Key Vault."""
    late = subject.steps_in_at is not None and subject.now > subject.steps_in_at
    if not late or subject.trigger_at is None or not subject.version.enabled or subject.never:
        return None
    return {"trigger_at": day(subject.trigger_at), "issuer": subject.entry.policy.issuer}


RULE = Rule(
    id="supervised-autorotation-overdue",
    severity=Severity.HIGH,
    grade=by_life_left(Severity.HIGH),
    title="Key Vault's own rotation is overdue",
    source="Key Vault: lifetime actions of a certificate policy (AutoRenew at lifetime_percentage or days_before_expiry)",
    since=date(2016, 10, 1),
    fix="Look at the pending operation and the issuer's credentials in the vault; in a vault set to renew, Perennial takes over.",
    check=check,
)
