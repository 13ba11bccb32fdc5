"""It has expired and is still enabled."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject, day
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find an enabled version past its end; not-after itself still belongs to the validity period."""
    if not subject.version.enabled or subject.now <= subject.version.not_after:
        return None
    return {"not_after": day(subject.version.not_after)}


RULE = Rule(
    id="expired-but-enabled",
    severity=Severity.CRITICAL,
    title="It has expired and is still enabled",
    source="RFC 5280 §4.1.2.5 (validity is inclusive); PCI DSS 4.0.1 requirement 4.2.1",
    since=date(2024, 6, 11),
    fix="Renew it if anything still uses it; else disable or delete it.",
    check=check,
)
