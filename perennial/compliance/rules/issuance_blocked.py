"""Its next renewal would fail, as far as can be seen before."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find what the daily look ahead found: a zone not ours, a CAA record against the CA, a lost account, an empty budget."""
    found = subject.entry.obstacles
    if subject.never or not found:
        return None
    return {
        "code": ", ".join(dict.fromkeys(one.code for one in found)),
        "what": "; ".join(one.what for one in found),
        "fix": "; ".join(dict.fromkeys(one.fix for one in found)),
    }


def grade(subject: Subject) -> Severity:
    """Grade by the time until it is due: high within a sixth of the life, or when the renewal is under way."""
    soon = subject.due_at is not None and subject.due_at - subject.now <= subject.version.lifetime / 6
    return Severity.HIGH if soon or subject.claim is not None else Severity.MEDIUM


RULE = Rule(
    id="issuance-blocked",
    severity=Severity.MEDIUM,
    grade=grade,
    title="Its renewal would fail",
    source="RFC 8555 §8.4 (DNS-01), RFC 8659 (CAA): what a CA checks can be looked at before",
    since=date(2019, 11, 1),
    fix="Do what its evidence says under fix; it is looked at again within a day.",
    check=check,
)
