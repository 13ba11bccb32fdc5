"""A CA's limits: how many of something within a span, what has been spent of it, and when there is room again.

A limit is kept over a sliding span: never more than so many in any span of that length. Let's Encrypt refills a bucket steadily
(page of 2026-08-05), which allows at least that; so what is within a sliding span is never refused there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from perennial.model import domains
from perennial.model.authority import AuthoritySetting
from perennial.model.ids import digest

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
MOST = 1000  # instants that one row keeps: 30 characters each, under the 32 K of a column
NO_LIMIT = "none"
DAY = timedelta(days=1)
#: For so long an earlier order for exactly these names makes the next one a renewal: the longest life of Let's Encrypt's certificates.
REMEMBERED = 90 * DAY


class LimitKind(StrEnum):
    """What a CA counts."""

    ORDERS = "orders"  # new orders of the account
    DOMAIN = "domain"  # certificates of one registered domain
    SET = "set"  # certificates for exactly one set of names
    FAILED = "failed"  # failed authorizations of one name


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in any span of this length."""

    most: int
    span: timedelta

    @property
    def ordinary(self) -> int:
        """What is spent without urgency: a tenth stays in reserve for what is about to expire."""
        return self.most - self.most // 10


#: What a CA counts whoever of its accounts ordered (Let's Encrypt, rate limits); the rest it counts by account.
OF_THE_CA = frozenset({LimitKind.DOMAIN, LimitKind.SET})

LETS_ENCRYPT: Mapping[LimitKind, Limit] = {
    LimitKind.ORDERS: Limit(300, timedelta(hours=3)),
    LimitKind.DOMAIN: Limit(50, 7 * DAY),
    LimitKind.SET: Limit(5, 7 * DAY),
    LimitKind.FAILED: Limit(5, timedelta(hours=1)),
}
"""Let's Encrypt, production, https://letsencrypt.org/docs/rate-limits/ of 2026-08-05; taken for every CA of which nothing else is set."""

LETS_ENCRYPT_STAGING: Mapping[LimitKind, Limit] = {
    LimitKind.ORDERS: Limit(MOST, timedelta(hours=3)),  # 1,500 there
    LimitKind.FAILED: Limit(200, timedelta(hours=1)),
}
"""Let's Encrypt's staging environment, https://letsencrypt.org/docs/staging-environment/; 30,000 of a domain or set are no limit to us."""

BY_HOST: Mapping[str, Mapping[LimitKind, Limit]] = {
    "acme-v02.api.letsencrypt.org": LETS_ENCRYPT,
    "acme-staging-v02.api.letsencrypt.org": LETS_ENCRYPT_STAGING,
}


def read(text: str) -> Limit | None:
    """Read a limit such as 300/3h; None for `none`. Raises ValueError with what is expected."""
    if text.strip().lower() == NO_LIMIT:
        return None
    match = re.fullmatch(r"(\d{1,7})/(\d{1,4})([smhd])", text.strip().lower())
    if not match or not int(match[1]) or not int(match[2]):
        raise ValueError(f"write how many and in what span, as in 300/3h, or {NO_LIMIT}")
    if int(match[1]) > MOST:
        raise ValueError(f"write {MOST} at most, since each is kept by its instant, or {NO_LIMIT}")
    return Limit(int(match[1]), timedelta(**{UNITS[match[3]]: int(match[2])}))


def limits_of(setting: AuthoritySetting) -> Mapping[LimitKind, Limit]:
    """Return the limits of a CA: its own as set, else those known of its host, else Let's Encrypt's; a kind that is missing has none."""
    host = urlsplit(setting.directory).hostname or ""
    known = dict(BY_HOST.get(host, LETS_ENCRYPT))
    for kind, text in setting.limits.items():
        limit = read(text)
        known.pop(LimitKind(kind), None)
        if limit is not None:
            known[LimitKind(kind)] = limit
    return known


def kept(settings: Iterable[AuthoritySetting]) -> timedelta:
    """Return how long after its latest instant something of a row of any of these CAs may still count."""
    return max((REMEMBERED, *(limit.span for setting in settings for limit in limits_of(setting).values())))


def bucket(kind: LimitKind, of: str = "") -> str:
    """Return the name of what is counted, as rows have it."""
    return f"{kind}:{of}" if of else str(kind)


def kind_of(name: str) -> LimitKind:
    """Return the kind of a bucket by its name."""
    return LimitKind(name.partition(":")[0])


def keepers(setting: AuthoritySetting) -> tuple[str, str]:
    """Return under which keys a CA's buckets are counted: those of our account, and those that all accounts with one directory share."""
    return setting.name, f"ca:{digest(setting.directory.rstrip('/'))}"


def keeper(setting: AuthoritySetting, name: str) -> str:
    """Return under which of these keys a bucket is counted."""
    own, shared = keepers(setting)
    return shared if kind_of(name) in OF_THE_CA else own


def set_of(names: tuple[str, ...]) -> str:
    """Return the bucket of exactly these names, in whatever order and case."""
    return bucket(LimitKind.SET, digest(*sorted({name.lower().removesuffix(".") for name in names})))


def counted(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the buckets that an order for these names is counted in, where it renews nothing."""
    of_domains = (bucket(LimitKind.DOMAIN, domain) for domain in domains.of_set(names))
    return (bucket(LimitKind.ORDERS), *of_domains, set_of(names))


def failures(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the buckets of failed authorizations that these names' orders wait for."""
    return tuple(sorted({bucket(LimitKind.FAILED, domains.plain(name)) for name in names}))


def within(spent: tuple[datetime, ...], limit: Limit, now: datetime) -> tuple[datetime, ...]:
    """Return the instants that still count."""
    return tuple(instant for instant in spent if now < instant + limit.span)


def room_at(spent: tuple[datetime, ...], limit: Limit, now: datetime, *, urgent: bool) -> datetime | None:
    """Return when there is room for one more; None: now. `spent` is in order, the oldest first."""
    counts = within(spent, limit, now)
    most = limit.most if urgent else limit.ordinary
    return None if len(counts) < most else counts[len(counts) - most] + limit.span
