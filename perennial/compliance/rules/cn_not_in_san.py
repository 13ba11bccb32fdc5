"""Its common name is a host that the subjectAltName does not name."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find a common name that is missing among the names: any in public TLS, else only one that looks like a host."""
    leaf = subject.leaf
    name = leaf.common_name.lower()
    like_a_host = "." in name and not any(sign in name for sign in " @/")
    binds = subject.public_tls or (leaf.server_auth and like_a_host)
    if not name or not leaf.names or not binds or name in leaf.names:
        return None
    return {"common_name": leaf.common_name, "names": ", ".join(leaf.names[:10])}


def grade(subject: Subject) -> Severity:
    """Grade by whom the rule binds."""
    return Severity.MEDIUM if subject.public_tls else Severity.LOW


RULE = Rule(
    id="common-name-not-in-san",
    severity=Severity.MEDIUM,
    grade=grade,
    title="Its common name is not among its names",
    source="CA/Browser Forum TLS Baseline Requirements §7.1.4.3; RFC 9525",
    since=date(2023, 11, 1),
    fix="Add the common name to the policy's subject_alternative_names, or take it out of the subject, and renew it.",
    check=check,
)
