"""Its policy would issue something else than what is there."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject, by_life_left
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find a policy of another issuer class, or one that does not ask for all the certificate's names."""
    return {"difference": subject.mismatch} if subject.mismatch and not subject.never else None


RULE = Rule(
    id="policy-does-not-match-certificate",
    severity=Severity.MEDIUM,
    grade=by_life_left(Severity.MEDIUM),
    title="Its policy does not match the certificate",
    source="Key Vault: the issuance policy belongs to the name and stays when a certificate is imported over it",
    since=date(2016, 10, 1),
    fix="Correct the policy in the vault, or ask for a renewal that accepts it.",
    check=check,
)
