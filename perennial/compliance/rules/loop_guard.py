"""The loop guard stopped a renewal."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject, by_life_left
from perennial.model.findings import Severity
from perennial.model.reasons import ReasonCode


def check(subject: Subject) -> Evidence | None:
    """Find a certificate that would be renewed again within a quarter of its lifetime."""
    return dict(subject.reason_facts) if subject.reason is ReasonCode.LOOP_GUARD else None


RULE = Rule(
    id="loop-guard-hit",
    severity=Severity.HIGH,
    grade=by_life_left(Severity.HIGH),
    title="The loop guard stopped its renewal",
    source="Key Vault: a single version cannot be deleted, so a renewal loop is permanent damage",
    since=date(2026, 11, 1),
    fix="Find out why its new version was due at once (too short a life, a tag renew-at, a clock); ask for a renewal with a reason if it is right.",
    check=check,
)
