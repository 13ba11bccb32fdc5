"""Telling: a notice becomes one delivery row for each recipient, and one message for each row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import msgspec

from perennial import log
from perennial.decisions.routing import OPERATOR_KINDS, recipients
from perennial.model.certificate import Version
from perennial.model.inventory import Entry
from perennial.model.messages import Nudge
from perennial.model.notices import Delivery, DeliveryState, Notice, Subscription
from perennial.ports.tables import Query
from perennial.workflows import notices
from perennial.workflows.reading import every
from perennial.workflows.world import World

PATIENCE = timedelta(minutes=10)
"""How long a message may take before the clock of its subject sends another. A row that was never attempted is attempted whenever one comes."""


def tell(world: World, notice: Notice, *, never: str = "") -> int:
    """Queue a notice for every subscription that wants it, except `never`; return how many those are. Repeating it is harmless."""
    wanted = [one for one in recipients(notice, subscriptions(world)) if one.name != never]
    if not wanted and notice.kind in OPERATOR_KINDS:
        log.warn("nobody-is-told", notice=notice.id, kind=notice.kind, subject=notice.subject, data=notice.data)
    return tell_these(world, notice, wanted)


def tell_these(world: World, notice: Notice, chosen: Iterable[Subscription]) -> int:
    """Queue a notice for these subscriptions, whatever they match; return how many they are.

    A row that exists, open and never attempted, gets its message again: the first may have been lost with whoever was to send it.
    """
    body = msgspec.json.encode(notice.data).decode()
    rows = [_delivery(world, notice, subscription, body) for subscription in chosen]
    for row in rows:
        if world.tables.deliveries.insert(row) is not None or _waits_for_a_message(world, row):
            world.queues.send(Nudge(subject=row.subject, delivery=row.key))
    return len(rows)


def announce_version(world: World, entry: Entry, version: Version, previous: str, author: str) -> Entry:
    """Tell of a version and return the entry that remembers it, for the caller to save; an older version than the last told is not told."""
    if entry.announced_created is not None and version.created < entry.announced_created:
        return entry
    told = tell(world, notices.new_version(entry, version, previous, author, world.settings.cloud))
    log.line("announced", certificate=str(entry.ref), version=version.id, by=author, recipients=told)
    return replace(entry, announced=version.id, announced_created=version.created)


def subscriptions(world: World) -> list[Subscription]:
    """Return every subscription."""
    return [stored.value for stored in every(world.tables.subscriptions, Query(partition="subscription"))]


def _delivery(world: World, notice: Notice, subscription: Subscription, body: str) -> Delivery:
    return Delivery(
        subject=notice.subject,
        notice=notice.id,
        subscription=subscription.name,
        kind=notice.kind,
        opened=world.now,
        body=body,
        time=notice.time,
        version=notice.version,
        version_created=notice.version_created,
        next_attempt=world.now + PATIENCE,
    )


def _waits_for_a_message(world: World, delivery: Delivery) -> bool:
    stored = world.tables.deliveries.get(delivery.subject, delivery.key)
    return stored is not None and stored.value.state is DeliveryState.OPEN and not stored.value.attempts
