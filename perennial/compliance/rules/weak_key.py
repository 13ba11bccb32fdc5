"""Its key is too weak."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject
from perennial.model.findings import Severity

LEAST_RSA = 2048  # bits
LEAST_EC = 256  # bits
PUBLIC_CURVES = frozenset({"P-256", "P-384", "P-521"})


def check(subject: Subject) -> Evidence | None:
    """Find RSA below 2,048 bits, EC below 256, DSA, and in public TLS a curve or modulus that the Baseline Requirements do not know."""
    leaf = subject.leaf
    match leaf.key_type:
        case "RSA":
            weak = leaf.key_size < LEAST_RSA or (subject.public_tls and leaf.key_size % 8 != 0)
        case "EC":
            weak = leaf.key_size < LEAST_EC or (subject.public_tls and leaf.curve not in PUBLIC_CURVES)
        case other:
            weak = other == "DSA"
    if not weak:
        return None
    return {"key_type": leaf.key_type, "key_size": str(leaf.key_size)} | ({"curve": leaf.curve} if leaf.curve else {})


RULE = Rule(
    id="weak-key",
    severity=Severity.HIGH,
    title="Its key is too weak",
    source=(
        "CA/Browser Forum TLS Baseline Requirements §6.1.5; "
        "Azure Policy cee51871-e572-4576-855c-047c820360f0 and bd78111f-4953-4367-9fd5-7e08808b54bf"
    ),
    since=date(2014, 1, 1),
    fix="Set RSA of at least 2,048 bits, or P-256, P-384 or P-521, in its policy and renew it.",
    check=check,
)
