"""Neither Perennial nor Key Vault nor a known other manager will renew it."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject, by_life_left
from perennial.model.findings import Severity
from perennial.model.reasons import ReasonCode


def check(subject: Subject) -> Evidence | None:
    """Find a living certificate that nobody renews: not chosen for renewal, or chosen with no issuer to ask."""
    others = subject.trigger_at is not None or subject.reason is ReasonCode.FOREIGN_MANAGER
    if not subject.alive or subject.never or others:
        return None
    if subject.reason is ReasonCode.NO_ISSUER:
        return {"why": subject.reason_facts.get("why", "it has no issuer"), "issuer": subject.entry.policy.issuer}
    if subject.managed:
        return None
    return {"why": "it is only observed, and its policy has no AutoRenew", "issuer": subject.entry.policy.issuer}


RULE = Rule(
    id="nothing-will-renew-it",
    severity=Severity.LOW,
    grade=by_life_left(Severity.LOW),
    title="Nothing will renew it",
    source="NIST SP 1800-16 (automate renewal); Key Vault: issuer Unknown and imports are never rotated by the vault",
    since=date(2020, 6, 16),
    fix="Switch its vault to renew, or tag it perennial-renew=always; with issuer Unknown name a CA by the tag perennial-issuer, or say never.",
    check=check,
)
