"""Delivering: one attempt at one row of the outbox, and the row's way to its end.

Rows are the truth, messages are nudges: a row that must be attempted later lowers the next check of what it is about, and the look (or, for a
vault and the fleet, the minute's tick) asks `overdue` for messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from perennial import log
from perennial.decisions.backoff import notice_delay
from perennial.errors import BadInput, Changed, ChannelError
from perennial.model.ids import share
from perennial.model.messages import Nudge
from perennial.model.notices import Attempt, Delivery, DeliveryState, NoticeKind, Subscription
from perennial.ports.tables import Query, Stored
from perennial.workflows import announce, notices, standing
from perennial.workflows.reading import every
from perennial.workflows.subjects import bring_forward
from perennial.workflows.world import World

LEASE = timedelta(minutes=2)  # longer than a channel's attempt, which ends within 30 seconds
SOON = timedelta(
    minutes=2
)  # a wait up to here also goes as one delayed message; its loss costs the minute of the next tick
KEPT_ATTEMPTS = 20
ABANDONED_AFTER = timedelta(days=3)
ABANDONED_AFTER_SILENCE = timedelta(days=7)  # when the subscription took nothing at all meanwhile: its side is down


def deliver(message: str, world: World) -> None:
    """Attempt the delivery that a message names, if it is its turn. Copies and early messages are harmless."""
    nudge = msgspec.json.decode(message, type=Nudge)
    row = world.tables.deliveries.get(nudge.subject, nudge.delivery)
    outcome = "no-such-delivery" if row is None else _turn(world, row)
    log.line("deliver", subject=nudge.subject, delivery=nudge.delivery, outcome=outcome)


def overdue(world: World, subject: str) -> datetime | None:
    """Queue a message for each open delivery of a subject whose turn has come; return when the subject must be looked at for the others.

    What was queued now counts for `PATIENCE` from now, so that a lost message is made up for. A closed subscription's deliveries wait without
    a message and without a write.
    """
    waits: list[datetime] = []
    for row in every(world.tables.deliveries, Query(partition=subject, equal={"state": DeliveryState.OPEN})):
        when = _turn_of(world, row.value)
        if when <= world.now:
            world.queues.send(Nudge(subject=subject, delivery=row.value.key))
            when = world.now + announce.PATIENCE
        waits.append(when)
    return min(waits, default=None)


def redeliver(world: World, subject: str, key: str) -> Delivery | None:
    """Open a closed delivery again and queue it; None: there is none. Raises BadInput where a newer version was delivered, Changed."""
    row = world.tables.deliveries.get(subject, key)
    if row is None:
        return None
    delivery = row.value
    siblings = _siblings(world, delivery)
    if delivery.state is DeliveryState.SUPERSEDED or _newer_was_delivered(delivery, siblings):
        raise BadInput("id", "a newer version was delivered to this subscription; an older one is never told after it")
    if _newer_may_have_arrived(delivery, siblings):
        raise BadInput("id", "a newer version was attempted and may have arrived; redeliver that one")
    if delivery.state is not DeliveryState.OPEN:
        opened = replace(
            delivery,
            state=DeliveryState.OPEN,
            opened=world.now,  # the time until it is abandoned begins anew
            next_attempt=world.now,
            failures=0,
            closed=None,
        )
        delivery = world.tables.deliveries.save(replace(row, value=opened)).value
    bring_forward(world, subject, world.now + announce.PATIENCE)
    world.queues.send(Nudge(subject=subject, delivery=key))
    return delivery


def _turn(world: World, row: Stored[Delivery]) -> str:
    """Bring a delivery as far as it may go now; return what became of it, for the log."""
    if row.value.state is not DeliveryState.OPEN:
        return "closed-before"
    lease = row.value.lease_until
    if lease and lease > world.now:
        # Whoever holds it may be dead: without a message of our own nobody would come back before the clock does.
        _later(world, row.value, lease)
        return "under-lease"
    if lease:
        row = replace(row, value=_lost(row.value, lease))
    delivery = row.value
    if delivery.attempts and delivery.next_attempt and delivery.next_attempt > world.now:
        if lease:
            _save(world, row)
        _later(world, delivery, delivery.next_attempt)
        return "too-early"
    subscription = world.tables.subscriptions.get("subscription", delivery.subscription)
    if subscription is None:
        return _close(world, row, DeliveryState.ABANDONED, "the subscription is gone")
    if standing.closed(subscription.value, world.now):
        return _wait_outside(world, row, subscription.value)
    if not world.places.free(standing.room(subscription.value), delivery.subscription):
        return _stand_back(world, delivery)
    passed = standing.enter(world, subscription)
    return _wait_outside(world, row, subscription.value) if passed is None else _lead(world, row, passed.value)


def _wait_outside(world: World, row: Stored[Delivery], subscription: Subscription) -> str:
    """Leave a closed subscription alone: no attempt, and no write to the delivery until it is given up."""
    if world.now >= _deadline(row.value, subscription):
        return _abandon(world, row, "the subscription is closed after failures")
    bring_forward(world, row.value.subject, standing.reopening(row.value, subscription, world.now))
    return "subscription-closed"


def _lead(world: World, row: Stored[Delivery], subscription: Subscription) -> str:
    """Take the lease, then look at the siblings, then send: in this order two versions can't pass each other."""
    leased = _save(world, replace(row, value=replace(row.value, lease_until=world.now + LEASE)))
    if leased is None:
        return "taken-by-another"
    siblings = _siblings(world, leased.value)
    if _newer_was_delivered(leased.value, siblings):
        return _close(world, leased, DeliveryState.SUPERSEDED, "a newer version was delivered")
    overtaken = _newer_may_have_arrived(leased.value, siblings)
    if overtaken and world.now >= _deadline(leased.value, subscription):
        return _abandon(world, leased, "a newer version was attempted and may have arrived")
    if overtaken or any(_held(sibling, world) for sibling in siblings):
        wait = timedelta(seconds=60 + int(60 * share(leased.value.key, "lease")))
        _postpone(world, leased, leased.value, world.now + wait)
        return "gave-way"
    with world.places.one_of(standing.room(subscription), subscription.name) as free:
        answer = _send(world, leased.value, subscription) if free else None
    if answer is None:  # others took it meanwhile
        given_back = _save(world, replace(leased, value=replace(leased.value, lease_until=None)))
        return "taken-by-another" if given_back is None else _stand_back(world, given_back.value)
    if isinstance(answer, ChannelError):
        return _failed(world, leased, subscription, answer)
    outcome = _close(world, leased, DeliveryState.DELIVERED, answer)
    standing.note_success(world, subscription.name)
    return outcome


def _send(world: World, delivery: Delivery, subscription: Subscription) -> str | ChannelError:
    """Attempt it; return what the other side said, or why there is no answer."""
    channel = world.channels.get(subscription.channel)
    if channel is None:
        return ChannelError(f"this installation has no channel {subscription.channel!r}")
    try:
        return channel.send(delivery, subscription, world.now)
    except ChannelError as error:
        return error


def _stand_back(world: World, delivery: Delivery) -> str:
    """Let a delivery come again when others to its subscription have ended: no attempt, no write, and a thread for whoever is next.

    Its subject's clock stands as it does for any message that may be lost.
    """
    world.queues.send(
        Nudge(subject=delivery.subject, delivery=delivery.key), standing.standing_back(delivery, world.now)
    )
    return "stood-back"


def _failed(world: World, row: Stored[Delivery], seen: Subscription, error: ChannelError) -> str:
    """Write a failure down: the next rung, or the end. A 429 closes the subscription and is no rung of the delivery."""
    subscription = standing.note_failure(world, seen, error)
    delivery = row.value
    if world.now >= _deadline(delivery, subscription):
        return _abandon(world, row, error.answer)
    failures = delivery.failures if error.throttled else delivery.failures + 1
    if error.throttled:
        next_attempt = standing.reopening(delivery, subscription, world.now)
    else:
        next_attempt = world.now + max(notice_delay(failures), error.retry_after or timedelta(0))
    attempts = _with(delivery, Attempt(world.now, error.answer))
    _postpone(world, row, replace(delivery, failures=failures, attempts=attempts), next_attempt)
    return "throttled" if error.throttled else "failed"


def _lost(delivery: Delivery, lease: datetime) -> Delivery:
    """Count an attempt whose worker never wrote its answer down."""
    failures = delivery.failures + 1
    attempt = Attempt(lease - LEASE, "no answer was recorded: the worker ended in the middle of the attempt")
    return replace(
        delivery,
        lease_until=None,
        failures=failures,
        attempts=_with(delivery, attempt),
        next_attempt=lease + notice_delay(failures),
    )


def _abandon(world: World, row: Stored[Delivery], why: str) -> str:
    """End a delivery that could not be made, loudly: the others are told first, since a crash in between repeats that harmlessly."""
    delivery = row.value
    log.warn("abandoned", subject=delivery.subject, delivery=delivery.key, kind=delivery.kind, why=why)
    if delivery.kind is not NoticeKind.ABANDONED:  # two dead subscriptions would tell each other for ever
        announce.tell(world, notices.abandoned(delivery, world.now), never=delivery.subscription)
    return _close(world, row, DeliveryState.ABANDONED, why)


def _close(world: World, row: Stored[Delivery], state: DeliveryState, answer: str) -> str:
    delivered = state is DeliveryState.DELIVERED
    ended = replace(
        row.value,
        state=state,
        closed=world.now,
        lease_until=None,
        next_attempt=None,
        attempts=_with(row.value, Attempt(world.now, answer, delivered)),
    )
    return "answer-not-recorded" if _save(world, replace(row, value=ended)) is None else state.value


def _postpone(world: World, row: Stored[Delivery], delivery: Delivery, until: datetime) -> None:
    """Save a delivery that waits, without its lease, then see that its turn comes."""
    waiting = replace(delivery, lease_until=None, next_attempt=until)
    if _save(world, replace(row, value=waiting)) is not None:
        _later(world, waiting, until)


def _later(world: World, delivery: Delivery, instant: datetime) -> None:
    """Have a delivery attempted at an instant: by the clock of its subject and, if that is soon, by a message too."""
    bring_forward(world, delivery.subject, instant)
    if instant - world.now <= SOON:
        world.queues.send(Nudge(subject=delivery.subject, delivery=delivery.key), instant - world.now)


def _save(world: World, row: Stored[Delivery]) -> Stored[Delivery] | None:
    """Save a delivery; None: another wrote it meanwhile, and has the word."""
    try:
        return world.tables.deliveries.save(row)
    except Changed:
        return None


def _turn_of(world: World, delivery: Delivery) -> datetime:
    """Return when an open delivery's turn comes; now or before: it has come."""
    if delivery.lease_until and delivery.lease_until > world.now:
        return delivery.lease_until
    if delivery.next_attempt and delivery.next_attempt > world.now:
        return delivery.next_attempt
    row = world.tables.subscriptions.get("subscription", delivery.subscription)
    if row is None or not standing.closed(row.value, world.now) or world.now >= _deadline(delivery, row.value):
        return world.now
    return standing.reopening(delivery, row.value, world.now)


def _deadline(delivery: Delivery, subscription: Subscription) -> datetime:
    """Return when a delivery is given up."""
    alive = subscription.last_success is not None and subscription.last_success >= delivery.opened
    return delivery.opened + (ABANDONED_AFTER if alive else ABANDONED_AFTER_SILENCE)


def _newer_was_delivered(delivery: Delivery, siblings: Iterable[Delivery]) -> bool:
    return any(newer.state is DeliveryState.DELIVERED for newer in _newer(delivery, siblings))


def _newer_may_have_arrived(delivery: Delivery, siblings: Iterable[Delivery]) -> bool:
    """Tell whether a newer version was attempted without a known success: a receiver may take it and answer 503, or the answer be lost."""
    return any(
        newer.state in (DeliveryState.OPEN, DeliveryState.ABANDONED)
        and (newer.attempts or newer.lease_until is not None)
        for newer in _newer(delivery, siblings)
    )


def _newer(delivery: Delivery, siblings: Iterable[Delivery]) -> Iterator[Delivery]:
    """Yield those that tell of a newer version."""
    for sibling in siblings:
        created, own = sibling.version_created, delivery.version_created
        if sibling.kind is NoticeKind.NEW_VERSION and created is not None and own is not None and created > own:
            yield sibling


def _held(delivery: Delivery, world: World) -> bool:
    return delivery.lease_until is not None and delivery.lease_until > world.now


def _siblings(world: World, delivery: Delivery) -> list[Delivery]:
    """Return the other deliveries of the same certificate to the same subscription that have a place among its versions.

    What has none, a finding or a failure, neither waits for others nor makes them wait.
    """
    if delivery.version_created is None:
        return []
    query = Query(partition=delivery.subject, equal={"subscription": delivery.subscription})
    rows = (row.value for row in every(world.tables.deliveries, query))
    return [row for row in rows if row.version_created is not None and row.key != delivery.key]


def _with(delivery: Delivery, attempt: Attempt) -> tuple[Attempt, ...]:
    return (*delivery.attempts, attempt)[-KEPT_ATTEMPTS:]
