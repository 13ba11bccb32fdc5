"""It names no host in its subjectAltName."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find a certificate for TLS servers without a DNS name or an IP address in its subjectAltName."""
    if subject.leaf.names or not subject.leaf.server_auth:
        return None
    return {"subject": subject.leaf.subject}


RULE = Rule(
    id="no-san",
    severity=Severity.MEDIUM,
    title="It names no host",
    source="RFC 9525 (clients look at the subjectAltName alone); CA/Browser Forum TLS Baseline Requirements §7.1.2.7.12",
    since=date(2023, 11, 1),
    fix="Put its host names into the policy's subject_alternative_names and renew it.",
    check=check,
)
