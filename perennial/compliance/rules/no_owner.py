"""Nobody is named as its owner."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find a certificate without the tag perennial-owner."""
    return None if subject.entry.owner.strip() else {"tag": "perennial-owner"}


RULE = Rule(
    id="no-owner",
    severity=Severity.LOW,
    title="It has no owner",
    source="NIST SP 1800-16 (an inventory with owners); Microsoft: Secure your Azure Key Vault certificates",
    since=date(2020, 6, 16),
    fix="Tag it perennial-owner with the team or address to ask.",
    check=check,
)
