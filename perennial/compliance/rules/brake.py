"""The day's brake stopped a renewal."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject, by_life_left
from perennial.model.findings import Severity
from perennial.model.reasons import ReasonCode


def check(subject: Subject) -> Evidence | None:
    """Find a certificate whose renewal waits because more were begun today than expected."""
    if subject.reason is not ReasonCode.BRAKE:
        return None
    return {"limit": subject.reason_facts.get("limit", "")}


RULE = Rule(
    id="brake-hit",
    severity=Severity.MEDIUM,
    grade=by_life_left(Severity.MEDIUM),
    title="The brake stopped its renewal for today",
    source="The setting PERENNIAL_MAX_RENEWALS_PER_DAY",
    since=date(2026, 11, 1),
    fix="Read the plan: if so many renewals are right, raise the setting; those near their end pass the brake anyway.",
    check=check,
)
