"""It is valid longer than publicly trusted TLS certificates may be."""

from datetime import UTC, date, datetime, timedelta

from perennial.compliance.rule import Evidence, Rule, Subject, day
from perennial.model.findings import Severity

# CA/Browser Forum TLS Baseline Requirements §6.3.2 (ballots SC31 and SC-081v3): issued on or after → at most so many days. Newest first.
MAXIMA = (
    (date(2029, 3, 15), 47),
    (date(2027, 3, 15), 100),
    (date(2026, 3, 15), 200),
    (date(2020, 9, 1), 398),
)


def maximum(issued: datetime) -> int | None:
    """Return the most days that a certificate issued then may be valid; None before there was this limit."""
    on = issued.astimezone(UTC).date()
    return next((days for since, days in MAXIMA if on >= since), None)


def days_valid(not_before: datetime, not_after: datetime) -> int:
    """Count days as the Baseline Requirements do: both ends belong to it, a day has 86,400 s, and any fraction is another day."""
    return -(-(not_after - not_before + timedelta(seconds=1)) // timedelta(days=1))


def check(subject: Subject) -> Evidence | None:
    """Find a public TLS certificate that is valid longer than the maximum of its own issue date."""
    version = subject.version
    limit, days = maximum(version.not_before), days_valid(version.not_before, version.not_after)
    if not subject.public_tls or limit is None or days <= limit:
        return None
    return {"days": str(days), "maximum": str(limit), "not_before": day(version.not_before)}


RULE = Rule(
    id="validity-above-maximum",
    severity=Severity.HIGH,
    title="It is valid longer than public TLS certificates may be",
    source="CA/Browser Forum TLS Baseline Requirements §6.3.2 (ballot SC-081v3); Azure Policy 0a075868-4c26-42ef-914c-5bc007359560",
    since=date(2025, 4, 11),
    fix="Ask the CA for one within the limit (398, 200, 100 or 47 days by issue date): browsers refuse longer ones.",
    check=check,
)
