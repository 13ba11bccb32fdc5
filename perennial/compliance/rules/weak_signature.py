"""It is signed over a broken hash."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject
from perennial.model.certificate import IssuerClass
from perennial.model.findings import Severity

BROKEN = frozenset({"md2", "md4", "md5", "sha1"})


def check(subject: Subject) -> Evidence | None:
    """Find a signature over MD5, SHA-1 or older."""
    return {"signature_hash": subject.leaf.signature_hash} if subject.leaf.signature_hash in BROKEN else None


def grade(subject: Subject) -> Severity:
    """Grade by who relies on the signature: nobody on that of a self-signed certificate."""
    return Severity.LOW if subject.leaf.issuer_class is IssuerClass.SELF_SIGNED else Severity.HIGH


RULE = Rule(
    id="weak-signature",
    severity=Severity.HIGH,
    grade=grade,
    title="It is signed over a broken hash",
    source="CA/Browser Forum TLS Baseline Requirements §7.1.3.2; NIST SP 800-131A Rev. 2",
    since=date(2019, 3, 21),
    fix="Renew it with a CA that signs over SHA-256 or better.",
    check=check,
)
