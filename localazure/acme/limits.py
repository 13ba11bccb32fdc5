"""A CA's rate limits as token buckets, with Let's Encrypt's words and exemptions (its "Rate Limits" page, 2026-08-05)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache

from publicsuffixlist import PublicSuffixList

from localazure.acme.conduct import Limit
from localazure.acme.problems import Problem
from localazure.acme.store import Identifier

PAGE = "see https://letsencrypt.org/docs/rate-limits/"
WORDS = {
    "orders": "too many new orders ({count}) from this account in the last {span}",
    "domain": 'too many certificates ({count}) already issued for "{what}" in the last {span}',
    "set": "too many certificates ({count}) already issued for this exact set of identifiers in the last {span}",
    "failed": 'too many failed authorizations ({count}) for "{what}" in the last {span}',
    "accounts": "too many new registrations ({count}) from this IP address in the last {span}",
}


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def registered_domain(name: str) -> str:
    """Return the domain that a limit counts by; a name that is itself a public suffix counts by itself."""
    plain = name.removeprefix("*.")
    return _suffixes().privatesuffix(plain) or plain


def domains(identifiers: Iterable[Identifier]) -> list[str]:
    """Return the registered domains of an order, each once; an address counts by itself."""
    return sorted({registered_domain(value) if kind == "dns" else value for kind, value in identifiers})


def set_of(identifiers: Iterable[Identifier]) -> str:
    """Return what stands for an exact set of names."""
    return hashlib.sha256(",".join(sorted(value for _, value in identifiers)).encode()).hexdigest()[:16]


class Buckets:
    """When each bucket will be full again: the one number that a token bucket needs (GCRA)."""

    def __init__(self) -> None:
        self._full_at: dict[tuple[str, str], datetime] = {}

    def check(self, limits: Mapping[str, Limit], name: str, what: str, now: datetime) -> None:
        """Refuse if a bucket has no token left. Raises Problem."""
        limit = limits.get(name)
        if limit is None:
            return
        token = timedelta(seconds=limit.seconds / limit.count)
        wait = self._full_at.get((name, what), now) + token - now - timedelta(seconds=limit.seconds)
        if wait <= timedelta():
            return
        again = now + wait
        span = str(timedelta(seconds=limit.seconds))
        text = WORDS[name].format(count=limit.count, what=what, span=span)
        detail = f"{text}, retry after {again:%Y-%m-%d %H:%M:%S} UTC: {PAGE}"
        raise Problem("rateLimited", detail, 429, retry_after=max(1, -(-wait // timedelta(seconds=1))))

    def spend(self, limits: Mapping[str, Limit], name: str, what: str, now: datetime) -> None:
        """Take a token."""
        limit = limits.get(name)
        if limit is not None:
            full_at = max(self._full_at.get((name, what), now), now)
            self._full_at[name, what] = full_at + timedelta(seconds=limit.seconds / limit.count)
