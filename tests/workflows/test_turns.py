"""When a delivery's turn comes, and what becomes of one that comes too early, too late, or to nobody."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from perennial.errors import BadInput, ChannelError
from perennial.model.notices import Attempt, Delivery, DeliveryState, NoticeKind, subject_of
from perennial.workflows import deliver, notices, standing
from perennial.workflows.announce import PATIENCE
from tests.workflows import telling
from tests.workflows.telling import DAY, FAR, HOUR, MINUTE, START, WEB, Scene, make_entry, make_version, version_notice

SUBJECT, SECOND = subject_of(WEB), timedelta(seconds=1)


def told() -> Scene:
    """Return a scene in which one notice waits for one subscription, without a message."""
    scene = telling.told()
    scene.queues.take()
    return scene


def rewrite(scene: Scene, **columns: Any) -> Delivery:
    """Change columns of the one delivery."""
    row = replace(scene.only(), **columns)
    scene.tables.deliveries.put(row)
    return row


def close(scene: Scene, until: datetime, **columns: Any) -> None:
    """Close the subscription."""
    closed = replace(scene.subscription("orders"), closed_until=until, closures=1)
    scene.put(replace(closed, **columns))


@pytest.mark.parametrize("column", ["lease_until", "next_attempt"])
def test_a_turn_comes_when_its_lease_and_its_wait_have_ended(column: str) -> None:
    """Until that second the row is not queued and says when; at that second it is."""
    scene = told()
    rewrite(scene, **{"next_attempt": None, column: START + 7 * MINUTE})
    scene.now = START + 7 * MINUTE - SECOND
    assert deliver.overdue(scene.world, SUBJECT) == START + 7 * MINUTE
    assert scene.queues.sent == []
    scene.now += SECOND
    assert deliver.overdue(scene.world, SUBJECT) == scene.now + PATIENCE
    assert len(scene.queues.sent) == 1


def test_a_row_without_a_wait_or_without_a_subscription_is_due() -> None:
    """Its turn closes it, if nobody is left to be told."""
    scene = told()
    rewrite(scene, next_attempt=None)
    assert deliver.overdue(scene.world, SUBJECT) == START + PATIENCE
    scene.tables.subscriptions.delete("subscription", "orders")
    assert deliver.overdue(scene.world, SUBJECT) == START + PATIENCE
    assert len(scene.queues.sent) == 2


def test_a_closed_subscriptions_delivery_waits_as_its_reopening_says() -> None:
    """Without a message; once the closure has ended, or its own time is over, its turn has come."""
    scene = told()
    scene.now = START + HOUR
    close(scene, START + 2 * HOUR)
    expected = standing.reopening(scene.only(), scene.subscription("orders"), scene.now)
    assert deliver.overdue(scene.world, SUBJECT) == expected >= START + 2 * HOUR
    assert scene.queues.sent == []
    close(scene, scene.now)
    assert deliver.overdue(scene.world, SUBJECT) == scene.now + PATIENCE
    close(scene, FAR)
    scene.now = START + 7 * DAY - SECOND
    assert deliver.overdue(scene.world, SUBJECT) != scene.now + PATIENCE
    scene.now += SECOND
    assert deliver.overdue(scene.world, SUBJECT) == scene.now + PATIENCE


def test_a_turn_before_its_second_is_too_early_and_at_it_is_not() -> None:
    """The rung that a failure set stands to the second; a row that was never attempted is attempted whenever a message comes."""
    scene = told()
    scene.channel.failures.append(ChannelError("500"))
    scene.deliver(scene.only())
    scene.queues.take()
    scene.now = START + MINUTE - SECOND
    scene.deliver(scene.only())
    assert [delay for _, delay in scene.queues.take()] == [SECOND]
    scene.now += SECOND
    scene.deliver(scene.only())
    assert [attempt.delivered for attempt in scene.only().attempts] == [False, True]


def test_a_lease_that_ends_now_is_lost() -> None:
    """At its second it protects nobody; its attempt is written down with the time at which it was taken."""
    scene = told()
    rewrite(scene, lease_until=START + deliver.LEASE, attempts=())
    scene.now = START + deliver.LEASE - SECOND
    scene.deliver(scene.only())
    assert scene.only().failures == 0
    assert [delay for _, delay in scene.queues.take()] == [SECOND]
    scene.now += SECOND
    scene.looked()
    scene.deliver(scene.only())
    row = scene.only()
    assert [attempt.at for attempt in row.attempts] == [START]
    assert (row.failures, row.lease_until, row.next_attempt) == (1, None, START + deliver.LEASE + MINUTE)
    assert [delay for _, delay in scene.queues.take()] == [MINUTE]
    assert scene.next_check() == START + deliver.LEASE + MINUTE


@pytest.mark.parametrize(("wait", "messages"), [(deliver.SOON, 1), (deliver.SOON + SECOND, 0)])
def test_a_wait_goes_as_a_message_up_to_two_minutes(wait: timedelta, messages: int) -> None:
    """And by the certificate's clock always."""
    scene = told()
    scene.channel.failures.append(ChannelError("503", retry_after=wait))
    scene.deliver(scene.only())
    assert [delay for _, delay in scene.queues.take()] == [wait] * messages
    assert scene.next_check() == scene.only().next_attempt == START + wait


def test_a_receivers_own_wait_is_obeyed_when_it_is_longer_than_the_rung() -> None:
    """And not when it is shorter."""
    for asked, wait in ((HOUR, HOUR), (SECOND, MINUTE)):
        scene = told()
        scene.channel.failures.append(ChannelError("503", retry_after=asked))
        scene.deliver(scene.only())
        assert scene.only().next_attempt == START + wait
        assert scene.only().attempts == (Attempt(START, "503"),)


def test_a_closed_subscription_is_given_up_at_the_second_of_the_deadline() -> None:
    """Before it the row is not touched, and its certificate is looked at when it may be worth while."""
    scene = told()
    close(scene, START + 8 * DAY)
    before = scene.only()
    scene.now = START + 7 * DAY - SECOND
    scene.looked()
    scene.deliver(before)
    assert scene.only() == before
    assert scene.next_check() == standing.reopening(before, scene.subscription("orders"), scene.now) < FAR
    scene.now += SECOND
    scene.deliver(before)
    row = scene.only()
    assert (row.state, row.closed, row.next_attempt) == (DeliveryState.ABANDONED, scene.now, None)
    assert row.attempts[-1].answer == "the subscription is closed after failures"


def test_a_success_at_the_opening_of_a_delivery_shortens_its_time() -> None:
    """A subscription that took something since then is alive: three days, to the second."""
    scene = told()
    close(scene, FAR, last_success=START)
    scene.now = START + 3 * DAY - SECOND
    scene.deliver(scene.only())
    assert scene.only().state is DeliveryState.OPEN
    scene.now += SECOND
    scene.deliver(scene.only())
    assert scene.only().state is DeliveryState.ABANDONED


def test_a_failure_at_the_deadline_is_the_last() -> None:
    """To the second; the answer is kept, with no lease and no further turn."""
    scene = told()
    scene.channel.down = ChannelError("500")
    scene.now = START + 7 * DAY
    scene.deliver(scene.only())
    row = scene.only()
    assert (row.state, row.lease_until, row.next_attempt) == (DeliveryState.ABANDONED, None, None)
    assert row.attempts == (Attempt(scene.now, "500"),)


def test_who_is_told_of_what_was_given_up() -> None:
    """Everyone who wants it but the one that failed, with the notice's own time."""
    scene = told()
    scene.subscribe("operators", kinds=("abandoned",))
    scene.channel.down = ChannelError("500")
    scene.now = START + 7 * DAY
    scene.deliver(next(row for row in scene.deliveries() if row.subscription == "orders"))
    (row,) = [row for row in scene.deliveries() if row.kind is NoticeKind.ABANDONED]
    assert (row.subscription, row.time) == ("operators", scene.now)
    data = json.loads(row.body)
    assert (data["subscription"], data["notice_kind"]) == ("orders", "new-version")


def two_versions() -> tuple[Scene, Delivery, Delivery]:
    """Return a scene with an older and a newer version waiting for one subscription, without messages."""
    scene = told()
    scene.tell(version_notice(2, START + HOUR))
    scene.queues.take()
    older, newer = sorted(scene.deliveries(), key=lambda row: row.version_created or START)
    return scene, older, newer


def test_giving_way_sees_to_the_next_turn() -> None:
    """The lease is given back, and clock and message come again at the row's own instant."""
    scene, older, newer = two_versions()
    scene.tables.deliveries.put(replace(newer, lease_until=START + SECOND))
    scene.deliver(older)
    row = next(one for one in scene.deliveries() if one.key == older.key)
    assert (row.lease_until, row.state) == (None, DeliveryState.OPEN)
    assert row.next_attempt == scene.next_check()
    assert [START + delay for _, delay in scene.queues.take()] == [row.next_attempt]


@pytest.mark.parametrize(
    ("columns", "outcome"),
    [
        ({"state": DeliveryState.DELIVERED}, DeliveryState.SUPERSEDED),
        ({"state": DeliveryState.SUPERSEDED}, DeliveryState.DELIVERED),
        ({"state": DeliveryState.DELIVERED, "kind": NoticeKind.EXPIRING}, DeliveryState.DELIVERED),
        ({"state": DeliveryState.DELIVERED, "version_created": START}, DeliveryState.DELIVERED),
        ({"attempts": (Attempt(START, "503"),)}, DeliveryState.OPEN),
        ({"attempts": (Attempt(START, "503"),), "state": DeliveryState.ABANDONED}, DeliveryState.OPEN),
        ({"attempts": (Attempt(START, "503"),), "kind": NoticeKind.EXPIRING}, DeliveryState.DELIVERED),
        ({"attempts": (Attempt(START, "503"),), "version_created": START}, DeliveryState.DELIVERED),
        ({"attempts": (Attempt(START, "503"),), "state": DeliveryState.SUPERSEDED}, DeliveryState.DELIVERED),
        ({"lease_until": START - SECOND}, DeliveryState.OPEN),
        ({}, DeliveryState.DELIVERED),
    ],
)
def test_what_a_sibling_does_to_an_older_version(columns: dict[str, Any], outcome: DeliveryState) -> None:
    """A newer version that was delivered supersedes; one that may have arrived holds up; all else leaves it alone."""
    scene, older, newer = two_versions()
    scene.tables.deliveries.put(replace(newer, **columns))
    scene.deliver(older)
    assert next(one for one in scene.deliveries() if one.key == older.key).state is outcome


def test_an_older_version_that_was_held_up_is_given_up_at_its_deadline() -> None:
    """To the second; before it, it waits on."""
    scene, older, newer = two_versions()
    scene.tables.deliveries.put(replace(newer, attempts=(Attempt(START, "503"),)))
    scene.now = START + 7 * DAY - SECOND
    scene.deliver(older)
    assert next(one for one in scene.deliveries() if one.key == older.key).state is DeliveryState.OPEN
    scene.now = START + 7 * DAY
    scene.tables.deliveries.put(replace(older, next_attempt=None))
    scene.deliver(older)
    row = next(one for one in scene.deliveries() if one.key == older.key)
    assert (row.state, row.attempts[-1].answer) == (
        DeliveryState.ABANDONED,
        "a newer version was attempted and may have arrived",
    )


def test_a_finding_waits_for_no_version_and_is_superseded_by_none() -> None:
    """It has no place among them, whatever they are at."""
    scene, _, newer = two_versions()
    trouble = notices.certificate_notice(make_entry(make_version(1)), "any", "any", occasion="1", now=START)
    scene.tell(trouble)
    row = next(one for one in scene.deliveries() if one.notice == trouble.id)
    scene.tables.deliveries.put(replace(newer, lease_until=START + MINUTE))
    scene.deliver(row)
    assert next(one for one in scene.deliveries() if one.key == row.key).state is DeliveryState.DELIVERED


def test_redelivering_what_is_open_sends_a_message_and_changes_nothing() -> None:
    """Its rung and its time stay; a superseded one is refused."""
    scene = told()
    before = rewrite(scene, failures=3, next_attempt=START + HOUR)
    scene.now = START + MINUTE
    assert deliver.redeliver(scene.world, SUBJECT, before.key) == before == scene.only()
    assert [nudge.delivery for nudge in scene.queues.nudges] == [before.key]
    rewrite(scene, state=DeliveryState.SUPERSEDED)
    with pytest.raises(BadInput, match="newer version was delivered"):
        deliver.redeliver(scene.world, SUBJECT, before.key)


def test_a_wait_that_another_wrote_over_sends_nothing() -> None:
    """Whoever wrote the row has the word about its next turn."""
    scene = told()
    row = scene.only()
    scene.channel.down = ChannelError("500")
    scene.channel.on_send = lambda _: scene.tables.deliveries.put(scene.only())
    scene.looked()
    scene.deliver(row)
    assert scene.queues.sent == []
    assert scene.next_check() == FAR
