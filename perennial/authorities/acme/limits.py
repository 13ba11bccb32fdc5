"""A CA's budget: orders wait by themselves instead of being refused. What was spent stands in rows, so all instances share it.

Settings that name one directory share what the CA counts by domain and by set of names, whoever's account it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from perennial.errors import Changed
from perennial.model import limits
from perennial.model.authority import AuthoritySetting, Usage
from perennial.model.domains import plain
from perennial.model.ids import share
from perennial.model.limits import Limit, LimitKind
from perennial.ports.tables import USAGES, Stored, Table

TRIES = 50  # of a row that others change too; each round at least one of them gets its way
A_MOMENT = timedelta(minutes=1)  # until an order whose rows never stood still tries again
QUOTED = re.compile(r'"([A-Za-z0-9*_.:-]{1,253})"')  # names alone: they become keys of rows


class Budget:
    """What one CA lets one account do, and what has been done."""

    def __init__(self, setting: AuthoritySetting, usages: Table[Usage]) -> None:
        """Take the CA, whose limits may be set, and the rows of what was spent."""
        self._setting = setting
        self._limits = limits.limits_of(setting)
        self._own = {LimitKind(kind) for kind in setting.limits}  # of these we do not know what the CA exempts
        self._usages = usages

    def wait(self, names: tuple[str, ...], *, exempt: bool, now: datetime, urgent: bool = False) -> datetime | None:
        """Return when an order for these names may be placed; None: now.

        `exempt`: it carries `replaces` inside its window, and no limit holds but the CA's own word (`blocked`). `urgent`: the
        reserve may be used, and the instant is exact; else it is spread over a tenth of the span, so that a fleet does not come at once.
        """
        orders = self._usage(limits.bucket(LimitKind.ORDERS)).value
        if exempt:
            return _blocked(orders, now)
        others = (*limits.counted(names)[1:], *limits.failures(names))
        usages = [orders, *(self._usage(bucket).value for bucket in others)]
        counted = (*self._counted(names, _issued_at(usages), now), *limits.failures(names))
        spread = None if urgent else share(self._setting.name, *names)
        waits = [_blocked(usage, now) for usage in usages]
        for usage in usages:
            limit = self._limit(usage.bucket)
            if limit is not None and usage.bucket in counted:
                exact = limits.kind_of(usage.bucket) is LimitKind.FAILED
                waits.append(_room(usage, limit, now, None if exact else spread))
        return max((instant for instant in waits if instant is not None), default=None)

    def spend(self, names: tuple[str, ...], *, exempt: bool, now: datetime, urgent: bool = False) -> datetime | None:
        """Count an order, before it is placed. None: it is counted; else nothing is, for others were quicker: wait until then."""
        taken: list[str] = []
        issued_at = None if exempt else self._usage(limits.set_of(names)).value.issued_at
        for bucket in () if exempt else self._counted(names, issued_at, now):
            try:
                wait = self._take(bucket, now, urgent=urgent)
            except Changed:
                wait = now + A_MOMENT
            if wait is not None:
                for again in taken:
                    self._return(again, now)
                return wait
            taken.append(bucket)
        return None

    def undo(self, names: tuple[str, ...], at: datetime) -> None:
        """Take back all that was counted at an instant: no order was placed. Repeating it is harmless."""
        for bucket in limits.counted(names):
            self._return(bucket, at)

    def settle(self, names: tuple[str, ...], at: datetime, *, issued: bool, now: datetime) -> None:
        """Say how an order ended that was counted at an instant: a CA counts certificates by domain and by set, not orders that failed.

        Where a certificate was issued, by an exempt order too, the next order for exactly these names is a renewal. Repeating it is
        harmless. Without it the order counts as if issued, and its names as never issued: both cautious.
        """
        if issued:
            self._change(limits.set_of(names), lambda usage: replace(usage, issued_at=max(usage.issued_at or now, now)))
            return
        for bucket in limits.counted(names)[1:]:
            self._return(bucket, at)

    def failed(self, name: str, *, now: datetime) -> None:
        """Count a failed authorization of a name."""
        bucket = limits.bucket(LimitKind.FAILED, plain(name))
        limit = self._limit(bucket)
        if limit:
            self._change(bucket, lambda usage: _with(usage, limit, now))

    def blocked(self, until: datetime, names: tuple[str, ...] = (), detail: str = "") -> None:
        """Keep a CA's own Retry-After. With the text of a refusal that names one limit, only what that limit holds up waits."""
        for bucket in _meant(names, detail):
            self._change(bucket, lambda usage: replace(usage, blocked_until=max(usage.blocked_until or until, until)))

    def _counted(self, names: tuple[str, ...], issued_at: datetime | None, now: datetime) -> tuple[str, ...]:
        """Return the limited buckets that an order for these names counts in; exactly these names again count by their set alone.

        Let's Encrypt, rate limits: the same set of names without ARI is exempt from the limits of orders and of domains. Of limits
        that a person set we do not know that, so they hold.
        """
        again = issued_at is not None and now < issued_at + limits.REMEMBERED
        exempt = {LimitKind.ORDERS, LimitKind.DOMAIN} - self._own if again else set()
        return tuple(name for name in limits.counted(names) if self._limit(name) and limits.kind_of(name) not in exempt)

    def _limit(self, bucket: str) -> Limit | None:
        return self._limits.get(limits.kind_of(bucket))

    def _usage(self, bucket: str) -> Stored[Usage]:
        empty = Usage(authority=limits.keeper(self._setting, bucket), bucket=bucket)
        return self._usages.get(*USAGES.key(empty)) or Stored(empty, "")

    def _take(self, bucket: str, now: datetime, *, urgent: bool) -> datetime | None:
        """Count one more where there is room under the row's ETag; else return when there will be."""
        limit = self._limits[limits.kind_of(bucket)]
        full: list[datetime] = []

        def turn(usage: Usage) -> Usage:
            at = limits.room_at(usage.spent, limit, now, urgent=urgent)
            full[:] = [at] if at is not None else []
            return usage if full else _with(usage, limit, now)

        self._change(bucket, turn)
        return full[0] if full else None

    def _return(self, bucket: str, at: datetime) -> None:
        def turn(usage: Usage) -> Usage:
            if at not in usage.spent:
                return usage
            place = usage.spent.index(at)
            return replace(usage, spent=usage.spent[:place] + usage.spent[place + 1 :])

        self._change(bucket, turn)

    def _change(self, bucket: str, turn: Callable[[Usage], Usage]) -> None:
        """Change a row under its ETag, again as often as somebody else was quicker; what changes nothing is not written."""
        for _ in range(TRIES):
            stored = self._usage(bucket)
            after = turn(stored.value)
            if after == stored.value:
                return
            after = _dated(after)
            try:
                done = self._usages.save(Stored(after, stored.etag)) if stored.etag else self._usages.insert(after)
            except Changed:
                continue
            if done is not None:
                return
        raise Changed(f"{self._setting.name} {bucket}")


def _issued_at(usages: list[Usage]) -> datetime | None:
    return next((usage.issued_at for usage in usages if usage.issued_at is not None), None)


def _blocked(usage: Usage, now: datetime) -> datetime | None:
    return usage.blocked_until if usage.blocked_until is not None and usage.blocked_until > now else None


def _room(usage: Usage, limit: Limit, now: datetime, spread: float | None) -> datetime | None:
    """Return when there is room; `spread` is this order's own place after that, None: it is urgent, and comes at once."""
    at = limits.room_at(usage.spent, limit, now, urgent=spread is None)
    return at if at is None or spread is None else at + timedelta(seconds=int(limit.span.total_seconds() / 10 * spread))


def _dated(usage: Usage) -> Usage:
    """Return a usage that says its latest instant; one that was given back stays said, so that a row left empty ages too."""
    instants = (*usage.spent, usage.blocked_until, usage.issued_at, usage.latest)
    return replace(usage, latest=max((one for one in instants if one is not None), default=None))


def _with(usage: Usage, limit: Limit, now: datetime) -> Usage:
    """Return a usage with one more instant, in order, without those that no longer count; of an over-full one the newest."""
    spent = sorted((*limits.within(usage.spent, limit, now), now))
    return replace(usage, spent=tuple(spent[-limits.MOST :]))


def _meant(names: tuple[str, ...], detail: str) -> tuple[str, ...]:
    """Return the buckets that a refusal's text speaks of, in Let's Encrypt's words; all orders where it names none.

    Boulder writes: too many new orders (300) from this account …; too many certificates (50) already issued for "example.com" …;
    too many certificates (5) already issued for this exact set of identifiers …; too many failed authorizations (5) for "example.com" ….
    """
    quoted = QUOTED.findall(detail)
    if names and "exact set" in detail:
        return (limits.set_of(names),)
    if "failed authorizations" in detail and quoted:
        return tuple(limits.bucket(LimitKind.FAILED, plain(name)) for name in quoted)
    if "already issued for" in detail and quoted:
        return tuple(limits.bucket(LimitKind.DOMAIN, plain(name)) for name in quoted)
    return (limits.bucket(LimitKind.ORDERS),)
