"""What CAs will be asked for in the time ahead, and on which day a limit of theirs would make orders wait.

From due dates and lifetimes: a renewal brings the next one, a short life many. A certificate is taken to live as long as its present
version does, and to be renewed when it is due; nothing is known of certificates that do not exist yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from perennial.decisions.lifetimes import SHORT_LIVED
from perennial.model import limits
from perennial.model.limits import Limit, LimitKind

LEAST_PERIOD = timedelta(hours=1)  # a life too short to be one must not fill the forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A certificate that one CA is to renew."""

    certificate: str  # vault/name
    names: tuple[str, ...]
    due: datetime
    lifetime: timedelta
    suggested: bool = False  # the CA gave it a renewal window: orders inside it are exempt from its limits
    known: bool = (
        False  # the CA's account issued the present version, so that the next order is a renewal of the same names
    )


@dataclass(frozen=True, slots=True)
class Order:
    """One order that is expected, and the limits that it would count in."""

    at: datetime
    certificate: str
    buckets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A limit that orders would wait for, first at this instant."""

    bucket: str
    limit: Limit
    at: datetime
    certificates: tuple[str, ...]  # whose orders meet it full on that day


@dataclass(slots=True)
class _Watched:
    """One bucket while time goes on."""

    limit: Limit
    counts: deque[datetime]
    at: datetime | None = None
    certificates: dict[str, None] = field(default_factory=dict)

    def take(self, order: Order) -> None:
        """Count an order, or note that it would wait: on the first such day, since later ones would have moved by then."""
        while self.counts and self.counts[0] + self.limit.span <= order.at:
            self.counts.popleft()
        if len(self.counts) < self.limit.ordinary:
            self.counts.append(order.at)
            return
        self.at = self.at or order.at
        if order.at.date() == self.at.date():
            self.certificates[order.certificate] = None


def period(lifetime: timedelta) -> timedelta:
    """Return how long a certificate of this lifetime is in use before it is renewed: two thirds of its life, half of a short one."""
    return max(lifetime / 2 if lifetime < SHORT_LIVED else lifetime * 2 / 3, LEAST_PERIOD)


def orders(expected: Iterable[Expected], own: frozenset[LimitKind], now: datetime, until: datetime) -> list[Order]:
    """Return every order until an instant, in order; `own`: limits that a person set, from which we know no exemption."""
    found = [order for one in expected for order in _of(one, own, now, until)]
    return sorted(found, key=lambda order: (order.at, order.certificate))


def _of(one: Expected, own: frozenset[LimitKind], now: datetime, until: datetime) -> Iterator[Order]:
    whole = limits.counted(one.names)
    exempt = {LimitKind.ORDERS, LimitKind.DOMAIN} - own
    again = tuple(bucket for bucket in whole if limits.kind_of(bucket) not in exempt)
    at, known = max(one.due, now), one.known
    while at < until:
        yield Order(at, one.certificate, () if one.suggested else again if known else whole)
        at, known = at + period(one.lifetime), period(one.lifetime) < limits.REMEMBERED


def reached(
    expected: Iterable[Order], known: Mapping[LimitKind, Limit], spent: Mapping[str, tuple[datetime, ...]]
) -> list[Reached]:
    """Return the limits that would make orders wait, the earliest first; `spent` is what each bucket has seen already."""
    watched: dict[str, _Watched] = {}
    for order in expected:
        for bucket in order.buckets:
            limit = known.get(limits.kind_of(bucket))
            if limit is None:
                continue
            if bucket not in watched:
                watched[bucket] = _Watched(limit, deque(spent.get(bucket, ())))
            watched[bucket].take(order)
    found = [
        Reached(bucket=bucket, limit=one.limit, at=one.at, certificates=tuple(one.certificates))
        for bucket, one in watched.items()
        if one.at is not None
    ]
    return sorted(found, key=lambda one: (one.at, one.bucket))
