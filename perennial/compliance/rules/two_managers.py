"""Two versions by somebody else within a quarter of the lifetime."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject, day
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find two versions by another author closer together than a quarter of the life; it has passed when half a life went by without another."""
    made = sorted(subject.entry.foreign_versions)[-2:]
    life = subject.version.lifetime
    if len(made) < 2 or made[1] - made[0] > life / 4 or subject.now - made[1] > life / 2:
        return None
    return {"first": day(made[0]), "second": day(made[1])}


RULE = Rule(
    id="two-managers",
    severity=Severity.HIGH,
    title="More than one manager renews it",
    source="Key Vault: at most 500 versions of a certificate can be backed up, and a single version cannot be deleted",
    since=date(2016, 10, 1),
    fix="Find out who makes these versions and let one manager keep it: tag it perennial-renew=never, or stop the other.",
    check=check,
)
