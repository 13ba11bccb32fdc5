"""Its tag names an issuer that is not set up."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject, by_life_left
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find a tag perennial-issuer that names a CA which the settings don't know; others of its list are used meanwhile."""
    if subject.never or not subject.unknown_issuers:
        return None
    return {"unknown": ", ".join(subject.unknown_issuers), "used": ", ".join(subject.issuers) or "none"}


RULE = Rule(
    id="unknown-issuer",
    severity=Severity.MEDIUM,
    grade=by_life_left(Severity.MEDIUM),
    title="Its tag names an issuer that is not set up",
    source="docs/operations.md (tags); the setting PERENNIAL_AUTHORITIES",
    since=date(2026, 11, 1),
    fix="Correct the name in the tag perennial-issuer, or set the CA up in PERENNIAL_AUTHORITIES.",
    check=check,
)
