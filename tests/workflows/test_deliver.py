"""One attempt at one delivery, and the ladder when it fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from perennial.decisions.backoff import NOTICE_LADDER
from perennial.errors import Changed, ChannelError
from perennial.model.inventory import FLEET
from perennial.model.notices import FLEET_SUBJECT, Delivery, DeliveryState, NoticeKind, subject_of, subject_of_vault
from perennial.ports.tables import Stored
from perennial.workflows import deliver, notices
from tests.workflows.telling import DAY, FAR, HOUR, MINUTE, START, WEB, Scene, told, version_notice

SUBJECT = subject_of(WEB)


def test_a_delivery_ends_with_the_answer() -> None:
    """A notice that is taken closes its row, which keeps what the other side said."""
    scene = told()
    scene.run()
    row = scene.only()
    assert (row.state, row.closed, row.next_attempt, row.lease_until) == (DeliveryState.DELIVERED, START, None, None)
    assert [(a.at, a.answer, a.delivered) for a in row.attempts] == [(START, "202 Accepted", True)]
    assert scene.subscription("orders").last_success == START


def test_copies_of_a_message_deliver_once() -> None:
    """Ten copies of a message are one attempt."""
    scene = told()
    for _ in range(10):
        scene.deliver(scene.only())
    assert len(scene.channel.attempts) == 1


def test_a_copy_during_the_attempt_waits_for_its_end() -> None:
    """A copy that finds the lease does not attempt, and comes back when the lease has ended."""
    scene = told()
    seen: list[int] = []

    def copy(row: Delivery) -> None:
        scene.channel.on_send = None
        scene.deliver(row)
        seen.append(len(scene.channel.attempts))

    scene.channel.on_send = copy
    scene.run()
    assert seen == [1]
    ((_, delay),) = scene.queues.take()
    assert delay == deliver.LEASE
    scene.now += delay
    scene.deliver(scene.only())
    assert len(scene.channel.attempts) == 1


def test_two_workers_take_the_lease_once() -> None:
    """Of two workers that read the row at once, one attempts: the other's save of the lease is refused."""
    scene = told()
    read = scene.tables.deliveries.get(SUBJECT, scene.only().key)
    assert read is not None
    scene.run()
    with pytest.raises(Changed):
        scene.tables.deliveries.save(replace(read, value=replace(read.value, lease_until=START)))
    assert len(scene.channel.sent) == 1


def test_a_message_without_a_row_ends() -> None:
    """A delivery that was pruned or never written is not worth an error."""
    scene = told()
    row = scene.only()
    scene.tables.deliveries.delete(row.subject, row.key)
    scene.run()
    assert scene.channel.attempts == []


def test_a_deleted_subscription_closes_its_deliveries() -> None:
    """Nobody is left to be told: closed as abandoned, and no notice about it."""
    scene = told()
    scene.subscribe("operators")
    scene.tables.subscriptions.delete("subscription", "orders")
    scene.run()
    assert scene.only().state is DeliveryState.ABANDONED
    assert scene.only().attempts[-1].answer == "the subscription is gone"
    assert scene.channel.attempts == []


def test_failures_climb_the_ladder() -> None:
    """After each failure the next attempt is a rung later, and the subject's clock is lowered to it."""
    scene = told()
    scene.channel.down = ChannelError("500 Internal Server Error")
    scene.run()
    waits: list[timedelta] = []
    for failures in range(1, 5):
        row = scene.only()
        assert (row.state, row.failures, len(row.attempts)) == (DeliveryState.OPEN, failures, failures)
        assert row.next_attempt is not None
        assert scene.next_check() == row.next_attempt
        waits.append(row.next_attempt - scene.now)
        scene.looked()
        scene.now = row.next_attempt
        scene.deliver(row)
    assert tuple(waits) == NOTICE_LADDER[:4]


def test_a_short_wait_also_goes_as_a_message() -> None:
    """The first rung comes back by a delayed message; the second by the clock alone."""
    scene = told()
    scene.channel.down = ChannelError("500 Internal Server Error")
    scene.run()
    ((_, delay),) = scene.queues.take()
    assert delay == MINUTE
    scene.now += delay
    scene.deliver(scene.only())
    assert scene.queues.sent == []


def test_an_early_message_attempts_nothing() -> None:
    """A copy that comes before the rung neither attempts nor moves the rung, but sees that the clock stands right."""
    scene = told()
    scene.channel.down = ChannelError("500 Internal Server Error")
    scene.run()
    failed = scene.only()
    scene.looked()
    scene.now += MINUTE / 2
    scene.deliver(failed)
    assert scene.only() == failed
    assert len(scene.channel.attempts) == 1
    assert scene.next_check() == failed.next_attempt


def test_the_clock_is_only_lowered() -> None:
    """A failed delivery does not put off a look that is due earlier."""
    scene = told()
    scene.looked(until=START)
    scene.channel.down = ChannelError("500")
    scene.run()
    assert scene.next_check() == START


@pytest.mark.parametrize("subject", [subject_of_vault("kv-orders"), FLEET_SUBJECT])
def test_a_notice_of_a_vault_or_the_fleet_lowers_its_own_clock(subject: str) -> None:
    """What is about a vault waits on the vault's row, what is about the fleet on the fleet's."""
    scene = Scene()
    scene.subscribe("operators")
    of_vault = notices.vault_trouble("kv-orders", "403", "1", START)
    of_fleet = notices.fleet_notice("brake", "20 renewals today", occasion="1", now=START)
    scene.channel.down = ChannelError("500")
    scene.tell(of_fleet if subject == FLEET_SUBJECT else of_vault)
    scene.run()
    vault = scene.tables.vaults.get("vault", "kv-orders")
    fleet = scene.tables.fleet.get(FLEET, FLEET)
    assert vault is not None
    assert fleet is not None
    lowered = {subject_of_vault("kv-orders"): vault.value.next_check, FLEET_SUBJECT: fleet.value.next_check}
    assert lowered.pop(subject) == START + MINUTE
    assert list(lowered.values()) == [FAR]
    assert scene.next_check() == FAR


def test_a_lost_lease_counts_as_a_failed_attempt() -> None:
    """A worker that died in the middle costs a rung, counted from the end of its lease."""
    scene = told()
    row = scene.tables.deliveries.get(SUBJECT, scene.only().key)
    assert row is not None
    scene.tables.deliveries.save(replace(row, value=replace(row.value, lease_until=START + deliver.LEASE)))
    scene.now = START + deliver.LEASE
    scene.run()
    counted = scene.only()
    assert (counted.failures, counted.lease_until) == (1, None)
    assert "no answer was recorded" in counted.attempts[0].answer
    assert counted.next_attempt == START + deliver.LEASE + MINUTE
    assert scene.channel.attempts == []
    scene.now = counted.next_attempt
    scene.deliver(counted)
    assert scene.only().state is DeliveryState.DELIVERED
    assert scene.only().failures == 1


def test_a_lost_lease_found_late_is_attempted_at_once() -> None:
    """When the rung has passed too, the turn that finds the lost lease attempts."""
    scene = told()
    row = scene.tables.deliveries.get(SUBJECT, scene.only().key)
    assert row is not None
    scene.tables.deliveries.save(replace(row, value=replace(row.value, lease_until=START + deliver.LEASE)))
    scene.now = START + HOUR
    scene.run()
    assert scene.only().state is DeliveryState.DELIVERED


def test_a_channel_that_fails_otherwise_leaves_the_lease() -> None:
    """An error that is no answer ends the invocation; the row shows the lease, so that its loss is counted."""
    scene = told()

    def broken(_: Delivery) -> None:
        raise ZeroDivisionError

    scene.channel.on_send = broken
    with pytest.raises(ZeroDivisionError):
        scene.run()
    assert scene.only().lease_until == START + deliver.LEASE
    assert deliver.overdue(scene.world, SUBJECT) == START + deliver.LEASE


def test_a_channel_that_is_not_installed_is_a_failure() -> None:
    """A subscription to a channel that a setting took away fails with the reason."""
    scene = Scene()
    scene.subscribe("orders", channel="pigeon")
    scene.tell(version_notice(1))
    scene.run()
    assert "no channel 'pigeon'" in scene.only().attempts[0].answer


def test_the_last_twenty_attempts_are_kept() -> None:
    """A row does not grow without end."""
    scene = told()
    scene.channel.down = ChannelError("500")
    scene.run()
    for _ in range(30):
        row = scene.only()
        assert row.next_attempt is not None
        scene.now += MINUTE
        stored = scene.tables.deliveries.get(SUBJECT, row.key)
        assert stored is not None
        scene.tables.deliveries.save(Stored(replace(row, next_attempt=scene.now), stored.etag))
        scene.put(replace(scene.subscription("orders"), closed_until=None, closures=0, failures=0))
        scene.deliver(row)
    assert len(scene.only().attempts) == 20
    assert scene.only().failures == 31


@pytest.mark.parametrize(("success", "days"), [(None, 7), (START - DAY, 7), (START + DAY, 3)])
def test_a_delivery_is_abandoned(success: datetime | None, days: int) -> None:
    """Three days after it was opened, or seven if the subscription took nothing in that time; before, it is tried again."""
    scene = told()
    scene.subscribe("operators", kinds=("abandoned",))
    scene.channel.failures.extend([ChannelError("500")] * 2)
    scene.now = START + days * DAY - MINUTE
    scene.put(replace(scene.subscription("orders"), last_success=success))
    scene.run()
    assert scene.only().state is DeliveryState.OPEN
    scene.now += MINUTE
    scene.deliver(scene.only())
    abandoned, told_of = sorted(scene.deliveries(), key=lambda row: row.opened)
    assert (abandoned.state, abandoned.attempts[-1].answer) == (DeliveryState.ABANDONED, "500")
    assert (told_of.kind, told_of.subscription) == (NoticeKind.ABANDONED, "operators")


def test_an_abandoned_delivery_is_never_told_to_the_one_that_failed() -> None:
    """The subscription that took nothing is not told that it took nothing; every other that wants it is."""
    scene = told()
    scene.subscribe("a")
    scene.subscribe("b")
    scene.channel.down = ChannelError("500")
    scene.now = START + 7 * DAY
    scene.run()
    told_of = [row.subscription for row in scene.deliveries() if row.kind is NoticeKind.ABANDONED]
    assert told_of == ["a", "b"]


def test_an_abandoned_notice_about_an_abandoned_one_is_not_made() -> None:
    """Two dead subscriptions do not tell each other for ever."""
    scene = told()
    scene.subscribe("operators")
    scene.channel.down = ChannelError("500")
    for week in range(1, 5):
        scene.now = START + week * 7 * DAY
        for row in scene.deliveries():
            scene.deliver(row)
    assert len(scene.deliveries()) == 2
    assert {row.state for row in scene.deliveries()} == {DeliveryState.ABANDONED}
