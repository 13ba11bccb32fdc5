"""The dates in a version's life: when it is due, when it is an emergency, when Key Vault would act by itself.

Everything is a share of the lifetime, never "30 days": the near-expiry event comes 30 days before the end, which for a 45-day certificate is
the middle of its life and for a six-day one its birth.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from perennial.decisions.tags import Wishes
from perennial.model.certificate import CertificateRef, IssuancePolicy, LifetimeAction, Version
from perennial.model.ids import spread

SHORT_LIVED = timedelta(days=10)
LEAST_FLOOR = timedelta(minutes=75)

#: Shares of the lifetime left at which a certificate that nobody renewed is told of, each once.
EXPIRING_RUNGS = (1 / 6, 1 / 10, 1 / 20, 1 / 50)


def latest_due(version: Version) -> datetime:
    """Return when a third of the lifetime is left (a half below ten days): Let's Encrypt's integration guide says the same."""
    return version.not_after - version.lifetime / (2 if version.lifetime < SHORT_LIVED else 3)


def due(certificate: CertificateRef, version: Version, wishes: Wishes) -> datetime:
    """Return when the version is due: spread over a twentieth of its life before the latest date; a tag can only pull it earlier.

    A tag cannot pull it into the first quarter of the life, which is the loop guard's span.
    """
    own = latest_due(version) - spread(certificate, version.lifetime / 20, "due")
    asked = own
    if wishes.renew_before is not None:
        asked = version.not_after - wishes.renew_before
    elif wishes.renew_share is not None:
        asked = version.not_after - version.lifetime * wishes.renew_share
    return min(own, max(asked, version.not_before + version.lifetime / 4))


def floor(version: Version) -> datetime:
    """Return from when on it is an emergency: a tenth of the life left, at least 75 minutes, at most a quarter of the life."""
    left = min(max(version.lifetime / 10, LEAST_FLOOR), version.lifetime / 4)
    return version.not_after - left


def supervised(policy: IssuancePolicy) -> bool:
    """Tell whether Key Vault renews this name itself."""
    return policy.action is LifetimeAction.AUTO_RENEW and policy.by_vault


def trigger(policy: IssuancePolicy, version: Version) -> datetime:
    """Return when Key Vault's own lifetime action fires."""
    if policy.trigger_days is not None:
        return version.not_after - timedelta(days=policy.trigger_days)
    return version.not_before + version.lifetime * (policy.trigger_percentage or 80) / 100


def steps_in(policy: IssuancePolicy, version: Version, grace: timedelta) -> datetime:
    """Return when Perennial takes over from Key Vault's autorotation: a grace after its trigger, at most half of what is left then."""
    fires = trigger(policy, version)
    return min(fires + grace, fires + (version.not_after - fires) / 2)


def rung_reached(version: Version, now: datetime) -> int:
    """Return how many rungs of the ladder `expiring` have passed; one more than there are once it has expired."""
    if now >= version.not_after:
        return len(EXPIRING_RUNGS) + 1
    return sum(now >= version.not_after - version.lifetime * left for left in EXPIRING_RUNGS)


def next_rung(version: Version, now: datetime) -> datetime | None:
    """Return when the next rung comes; None after the last."""
    instants = [version.not_after - version.lifetime * left for left in EXPIRING_RUNGS] + [version.not_after]
    return min((instant for instant in instants if instant > now), default=None)


def read_again(version: Version | None, *, settled: bool, now: datetime) -> datetime:
    """Return when the vault is to be read again: in a week; where a person or another manager acts, in a day or a tenth of the life left."""
    if settled or version is None:
        return now + timedelta(days=7 if version is not None else 1)
    left = (version.not_after - now) / 10
    return now + (min(timedelta(days=1), max(left, timedelta(minutes=5))) if left > timedelta(0) else timedelta(days=1))
