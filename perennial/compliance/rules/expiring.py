"""Little of its life is left, and nothing is being done about it."""

from datetime import date, timedelta

from perennial.compliance.rule import Evidence, Rule, Subject, by_life_left, day
from perennial.model.findings import Severity
from perennial.model.reasons import ReasonCode

SHORT_LIVED = timedelta(days=10)


def check(subject: Subject) -> Evidence | None:
    """Find a certificate with less than a quarter of its life left (a third if it lives less than ten days) and no successor under way."""
    share = 1 / 3 if subject.version.lifetime < SHORT_LIVED else 1 / 4
    looked_after = subject.never or subject.claim is not None or subject.reason is ReasonCode.SUPERVISED
    if not subject.alive or looked_after or subject.share_left >= share:
        return None
    return {"not_after": day(subject.version.not_after)}


RULE = Rule(
    id="expiring-with-nothing-in-progress",
    severity=Severity.MEDIUM,
    grade=by_life_left(Severity.MEDIUM),
    title="It expires soon and no renewal is in progress",
    source="Let's Encrypt integration guide: renew when a third of the lifetime is left; Azure Policy f772fb64-8e40-40ad-87bc-7706e1949427",
    since=date(2025, 2, 1),
    fix="Read the reason of its decision; give it an issuer or switch its vault to renew, or ask for a renewal.",
    check=check,
)
