"""A tag of ours has a value that cannot be read."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find tags with the prefix perennial- that are unknown or unreadable; the default applies for them."""
    return {"tags": "; ".join(subject.tag_faults)} if subject.tag_faults else None


RULE = Rule(
    id="bad-tag-value",
    severity=Severity.MEDIUM,
    title="A tag of ours cannot be read",
    source="docs/operations.md (tags); until it is corrected the default applies",
    since=date(2026, 11, 1),
    fix="Correct or remove the tag on the certificate's current version.",
    check=check,
)
