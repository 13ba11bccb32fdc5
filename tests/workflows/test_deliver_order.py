"""Versions in their order: nobody is told of an older one after a newer one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.errors import BadInput, ChannelError
from perennial.model.findings import Finding, Severity
from perennial.model.notices import Delivery, DeliveryState, subject_of
from perennial.workflows import deliver, notices
from tests.workflows.telling import HOUR, MINUTE, START, WEB, Scene, make_entry, make_version, version_notice

SUBJECT = subject_of(WEB)


def two_versions() -> tuple[Scene, Delivery, Delivery]:
    """Return a scene with an older and a newer version waiting for one subscription."""
    scene = Scene()
    scene.subscribe("orders")
    scene.tell(version_notice(1, START))
    scene.tell(version_notice(2, START + HOUR))
    scene.queues.take()
    older, newer = sorted(scene.deliveries(), key=lambda row: row.version_created or START)
    return scene, older, newer


def state(scene: Scene, row: Delivery) -> DeliveryState:
    """Return how a delivery stands."""
    stored = scene.tables.deliveries.get(row.subject, row.key)
    assert stored is not None
    return stored.value.state


def test_an_older_version_is_superseded(spoil: Callable[[Scene], None]) -> None:
    """Once a newer version was delivered, the older one is closed without an attempt."""
    scene, older, newer = two_versions()
    spoil(scene)
    scene.deliver(newer)
    scene.deliver(older)
    assert [sent.delivery.version for sent in scene.channel.sent] == [newer.version], "never an older one afterwards"
    assert state(scene, older) is DeliveryState.SUPERSEDED


def test_versions_in_order_are_both_delivered() -> None:
    """An older version first, the newer one then: both are told."""
    scene, older, newer = two_versions()
    scene.deliver(older)
    scene.deliver(newer)
    assert [sent.delivery.version for sent in scene.channel.sent] == [older.version, newer.version]


def test_an_older_version_waits_for_a_newer_one_that_was_attempted() -> None:
    """A receiver may take a notice and answer 503 all the same: until the newer one has its end, the older is not told."""
    scene, older, newer = two_versions()
    scene.channel.failures.append(ChannelError("503"))
    scene.deliver(newer)
    scene.deliver(older)
    assert state(scene, older) is DeliveryState.OPEN
    assert scene.channel.sent == []
    scene.now += 10 * MINUTE
    scene.deliver(newer)
    scene.deliver(older)
    assert state(scene, older) is DeliveryState.SUPERSEDED
    assert [sent.delivery.version for sent in scene.channel.sent] == [newer.version]


def test_an_older_version_waits_for_a_newer_one_whose_answer_was_lost() -> None:
    """A worker that died in the middle of an attempt may have made it."""
    scene, older, newer = two_versions()
    held = scene.tables.deliveries.get(SUBJECT, newer.key)
    assert held is not None
    scene.tables.deliveries.save(replace(held, value=replace(held.value, lease_until=START + MINUTE)))
    scene.now += 2 * MINUTE
    scene.deliver(older)
    assert state(scene, older) is DeliveryState.OPEN
    assert scene.channel.sent == []


def test_an_older_version_is_given_up_with_the_newer_one() -> None:
    """What was attempted for days may have arrived; the older one's time is over too, and a person is pointed at the newer."""
    scene, older, newer = two_versions()
    scene.channel.failures.append(ChannelError("503"))
    scene.now += timedelta(days=8)
    scene.deliver(newer)
    assert state(scene, newer) is DeliveryState.ABANDONED
    scene.deliver(older)
    assert state(scene, older) is DeliveryState.ABANDONED
    assert scene.channel.sent == []
    with pytest.raises(BadInput, match="redeliver that one"):
        deliver.redeliver(scene.world, older.subject, older.key)
    deliver.redeliver(scene.world, newer.subject, newer.key)
    scene.deliver(newer)
    assert [sent.delivery.version for sent in scene.channel.sent] == [newer.version]


def test_another_subscription_supersedes_nothing() -> None:
    """The order is one of each subscription."""
    scene, older, newer = two_versions()
    scene.subscribe("other")
    scene.tell(version_notice(2, START + HOUR))
    other = next(row for row in scene.deliveries() if row.subscription == "other")
    scene.deliver(other)
    scene.deliver(older)
    scene.deliver(newer)
    assert len(scene.channel.sent) == 3


def test_a_delivery_gives_way_to_one_that_is_being_made() -> None:
    """While a sibling is under lease the lease is given back, and the turn comes again in a minute and its share of one."""
    scene, older, newer = two_versions()

    def meanwhile(_: Delivery) -> None:
        scene.channel.on_send = None
        scene.deliver(older)

    scene.channel.on_send = meanwhile
    scene.deliver(newer)
    assert [sent.delivery.version for sent in scene.channel.sent] == [newer.version]
    stored = scene.tables.deliveries.get(SUBJECT, older.key)
    assert stored is not None
    row = stored.value
    assert (row.state, row.lease_until, row.failures, row.attempts) == (DeliveryState.OPEN, None, 0, ())
    assert row.next_attempt is not None
    assert MINUTE <= row.next_attempt - scene.now < 2 * MINUTE
    ((_, delay),) = scene.queues.take()
    assert scene.now + delay == row.next_attempt
    scene.now += delay
    scene.deliver(older)
    assert state(scene, older) is DeliveryState.SUPERSEDED


def test_two_that_give_way_to_each_other_come_back_apart() -> None:
    """When both took their lease before either looked, both give way, and their shares of the minute differ."""
    scene, older, newer = two_versions()
    for row in (older, newer):
        stored = scene.tables.deliveries.get(SUBJECT, row.key)
        assert stored is not None
        other = newer if row is older else older
        held = scene.tables.deliveries.get(SUBJECT, other.key)
        assert held is not None
        leased = scene.tables.deliveries.save(
            replace(held, value=replace(held.value, lease_until=START + deliver.LEASE))
        )
        scene.deliver(row)
        scene.tables.deliveries.save(replace(leased, value=held.value))
    assert scene.channel.attempts == []
    delays = [delay for _, delay in scene.queues.take()]
    assert len(set(delays)) == 2


def test_a_lost_lease_of_a_sibling_holds_nobody_up() -> None:
    """A lease that has ended is none."""
    scene, older, newer = two_versions()
    held = scene.tables.deliveries.get(SUBJECT, older.key)
    assert held is not None
    scene.tables.deliveries.save(replace(held, value=replace(held.value, lease_until=START + MINUTE)))
    scene.now = START + MINUTE
    scene.deliver(newer)
    assert state(scene, newer) is DeliveryState.DELIVERED


def test_a_finding_neither_waits_nor_makes_wait() -> None:
    """What has no place among the versions is delivered beside them."""
    scene, older, _ = two_versions()
    finding = Finding(
        vault=WEB.vault, certificate=WEB.name, rule="no-owner", severity=Severity.LOW, opened=START, last_seen=START
    )
    scene.tell(notices.finding_opened(finding))
    ((message, _),) = scene.queues.take()
    row = next(row for row in scene.deliveries() if row.version_created is None)

    def meanwhile(_: Delivery) -> None:
        scene.channel.on_send = None
        scene.deliver(row)

    scene.channel.on_send = meanwhile
    scene.deliver(older)
    assert message is not None
    assert len(scene.channel.sent) == 2


def test_an_expiring_notice_of_a_replaced_version_is_superseded() -> None:
    """That an old version is running out is not told after the new one was."""
    scene, older, newer = two_versions()
    scene.tell(notices.expiring(make_entry(make_version(1, START)), "1/10", START))
    expiring = next(row for row in scene.deliveries() if row.kind == "expiring")
    scene.deliver(newer)
    scene.deliver(expiring)
    assert state(scene, expiring) is DeliveryState.SUPERSEDED
    assert state(scene, older) is DeliveryState.OPEN


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 300), st.booleans()), max_size=40))
def test_no_order_of_messages_tells_an_older_version_after_a_newer_one(steps: list[tuple[int, int, bool]]) -> None:
    """Whatever comes in whatever order, with failures and waits between, what a subscription takes only grows newer."""
    scene = Scene()
    scene.subscribe("orders")
    for number in range(4):
        scene.tell(version_notice(number, START + number * HOUR))
    rows = sorted(scene.deliveries(), key=lambda row: row.version_created or START)
    for index, minutes, fails in steps:
        scene.now += timedelta(minutes=minutes)
        if fails:
            scene.channel.failures.append(ChannelError("500"))
        scene.deliver(rows[index])
        scene.channel.failures.clear()
    told = [sent.delivery.version_created for sent in scene.channel.sent]
    assert told == sorted(told, key=lambda at: at or START)
    assert len(set(told)) == len(told)
