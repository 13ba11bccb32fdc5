"""Its CSR waits for a signature that only somebody else can give."""

from datetime import date, timedelta

from perennial.compliance.rule import Evidence, Rule, Subject, by_life_left, day
from perennial.model.findings import Severity
from perennial.model.signing import unanswered


def check(subject: Subject) -> Evidence | None:
    """Find a CSR of ours that has waited for a chain for more than two days, or a twentieth of the certificate's life if that is less."""
    request = unanswered(subject.claim) if subject.claim is not None else None
    patience = min(timedelta(days=2), subject.version.lifetime / 20)
    if request is None or subject.now <= request.since + patience:
        return None
    return {"since": day(request.since), "issuer": request.issuer}


RULE = Rule(
    id="waiting-for-signature",
    severity=Severity.MEDIUM,
    grade=by_life_left(Severity.MEDIUM),
    title="Its CSR waits for somebody's signature",
    source="Key Vault: a certificate whose policy has the issuer Unknown is completed by a merge of what another CA signed",
    since=date(2016, 10, 1),
    fix="Have the CSR signed (GET /api/requests shows it with what to order) and post the chain; or give the certificate another CA.",
    check=check,
)
