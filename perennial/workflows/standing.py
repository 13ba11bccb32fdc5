"""How a subscription stands: it is left alone after failures in a row or when it asks for it, then tried by one delivery before the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from perennial import log
from perennial.decisions.backoff import FAILURES_TO_CLOSE, Closure, Refusal, refused
from perennial.errors import Changed, ChannelError
from perennial.model.ids import share
from perennial.model.notices import Delivery, Subscription
from perennial.ports.tables import Stored
from perennial.workflows.subjects import TRIES
from perennial.workflows.world import World

PROBE = timedelta(minutes=2)
"""A probe's lease on the subscription: as long as a delivery's."""

REMEMBERED = timedelta(hours=1)
"""How exactly `last_success` is kept: a write an hour, not one for each notice."""

LONGEST_WAIT = timedelta(hours=6)  # the last rung of the notice ladder

SHORTEST_BACK, LONGEST_BACK = timedelta(seconds=2), timedelta(minutes=5)
"""For whoever finds no place: the longer is half of the time after which a message counts as lost, so that copies do not multiply."""

AT_ONCE = 12
"""Attempts at one subscription that a process makes at once: half of the notices that it has in hand (host.json: 16, and 8 when more are fetched)."""


def closed(subscription: Subscription, now: datetime) -> bool:
    """Tell whether a subscription is to be left alone now."""
    return subscription.closed_until is not None and now < subscription.closed_until


def reopening(delivery: Delivery, subscription: Subscription, now: datetime) -> datetime:
    """Return when a delivery to a closed subscription is worth a look again.

    It waits about as long again as it has waited, at most six hours: thousands of them behind a dead target do not come back at every probe.
    """
    span = min(max(now - delivery.opened, PROBE), LONGEST_WAIT)
    wait = timedelta(seconds=int(span.total_seconds() * share(delivery.subject, delivery.key, "reopening")))
    return max(subscription.closed_until or now, now) + wait


def standing_back(delivery: Delivery, now: datetime) -> timedelta:
    """Return how long a delivery waits that found no place: about as long again as it has waited, so that a crowd thins out."""
    span = min(max(now - delivery.opened, SHORTEST_BACK), LONGEST_BACK)
    return timedelta(seconds=round(span.total_seconds() * (1 + share(delivery.key, "stand-back")) / 2))


def enter(world: World, row: Stored[Subscription]) -> Stored[Subscription] | None:
    """Let a delivery pass; None: not now. After a closure only one passes, under a lease, and its answer decides for the rest.

    So a dead target costs one waiting invocation at each reopening, however many notices are queued for it.
    """
    if closed(row.value, world.now):
        return None
    if row.value.closures == 0:
        return row
    try:
        return world.tables.subscriptions.save(replace(row, value=replace(row.value, closed_until=world.now + PROBE)))
    except Changed:
        return None


def room(subscription: Subscription) -> int:
    """Return how many attempts may be under way at once: of one that failed last, or never took a notice, as many as close it if they all fail.

    An attempt at a target that never answers holds its thread for as long as the channel waits; more of them would learn no more.
    """
    proved = subscription.last_success is not None and not subscription.failures
    return AT_ONCE if proved else max(FAILURES_TO_CLOSE - subscription.failures, 1)


def note_success(world: World, name: str) -> None:
    """Open a subscription that took a notice."""

    def changed(now: Subscription) -> Subscription:
        stale = now.last_success is None or world.now - now.last_success >= REMEMBERED
        if not (stale or now.failures or now.closures or now.closed_until):
            return now
        return replace(now, closed_until=None, closures=0, failures=0, last_success=world.now)

    _change(world, name, changed)


def note_failure(world: World, seen: Subscription, error: ChannelError) -> Subscription:
    """Count a failure, or obey a 429; close where that is due. Return how the subscription stands.

    `seen` is the row as the attempt began: if it was closed since, this refusal is of a request that began before and changes nothing.
    """

    def changed(now: Subscription) -> Subscription:
        if now.closed_at != seen.closed_at:
            return now
        failures = now.failures if error.throttled else now.failures + 1
        counted = replace(now, failures=failures)
        if not error.throttled and failures < FAILURES_TO_CLOSE:
            return counted
        before = Closure(now.closed_until, now.closed_at, now.closures)
        kind = Refusal.THROTTLED if error.throttled else Refusal.FAILING
        after = refused(before, kind, world.now, world.now, error.retry_after)
        log.warn("subscription-closed", subscription=now.name, until=after.until, failures=failures, why=error.answer)
        return replace(counted, closed_until=after.until, closed_at=after.at, closures=after.closures)

    return _change(world, seen.name, changed) or seen


def _change(world: World, name: str, changed: Callable[[Subscription], Subscription]) -> Subscription | None:
    """Rewrite a subscription under its ETag, reading again on a 412; None: it is gone, or others were always faster."""
    for _ in range(TRIES):
        row = world.tables.subscriptions.get("subscription", name)
        if row is None:
            return None
        after = changed(row.value)
        if after == row.value:
            return after
        try:
            return world.tables.subscriptions.save(replace(row, value=after)).value
        except Changed:
            continue
    return None
