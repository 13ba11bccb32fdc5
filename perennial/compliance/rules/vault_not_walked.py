"""A vault was not walked whole for a day and a half."""

from datetime import date, timedelta

from perennial.compliance.rule import Evidence, Rule, VaultSubject, day
from perennial.model.findings import Severity

LONGEST = timedelta(hours=36)


def check(subject: VaultSubject) -> Evidence | None:
    """Find a vault whose last whole walk, or first sight if there was none, is more than 36 hours ago."""
    last = subject.row.whole_walk or subject.row.first_seen
    if subject.now - last <= LONGEST:
        return None
    return {"since": day(last)} | ({"why": subject.row.closed_why} if subject.row.closed_why else {})


RULE = Rule(
    id="vault-not-walked",
    severity=Severity.HIGH,
    title="No sweep has seen all of this vault for 36 hours",
    source="The sweep's schedule: each vault is walked whole once a day",
    since=date(2026, 11, 1),
    fix="Read the last walk's error in GET /api/sweeps: a lost role, a firewall, a vault that is gone or throttles.",
    check=check,
)
