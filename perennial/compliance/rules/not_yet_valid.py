"""Its validity begins in the future."""

from datetime import date, timedelta

from perennial.compliance.rule import Evidence, Rule, Subject, day
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find an enabled version that clients refuse because it is not valid yet."""
    if not subject.version.enabled or subject.now >= subject.version.not_before:
        return None
    return {"not_before": day(subject.version.not_before)}


def grade(subject: Subject) -> Severity:
    """Grade by the wait: a day is a mistake in dates, less may be a clock."""
    return Severity.HIGH if subject.version.not_before - subject.now > timedelta(days=1) else Severity.MEDIUM


RULE = Rule(
    id="not-yet-valid",
    severity=Severity.HIGH,
    grade=grade,
    title="It is current and not valid yet",
    source="RFC 5280 §4.1.2.5",
    since=date(2008, 5, 1),
    fix="Whoever asks the vault for the latest version gets this one: disable it until it is valid, or issue one that is valid now.",
    check=check,
)
