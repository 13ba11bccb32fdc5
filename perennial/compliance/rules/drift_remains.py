"""A renewal has left it other than its policy and tags ask for."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find a version of ours that differs from its policy or tags just as the one before it did: another renewal would change nothing."""
    return {"difference": subject.drift_remains} if subject.drift_remains and not subject.never else None


RULE = Rule(
    id="drift-remains",
    severity=Severity.MEDIUM,
    title="A renewal did not make it what is asked for",
    source="docs/operations.md (drift); Key Vault: names and key come from the policy, the CA may issue otherwise",
    since=date(2026, 11, 1),
    fix="See why the CA issues something else (its profile, its rules); correct the policy or the tag to what it can issue.",
    check=check,
)
