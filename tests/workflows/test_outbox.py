"""The rows that wait: asked for when due, and opened again by a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from perennial.errors import BadInput
from perennial.model.certificate import CertificateRef
from perennial.model.notices import Attempt, Delivery, DeliveryState, NoticeKind, subject_of
from perennial.workflows import deliver
from tests.workflows.racing import Over
from tests.workflows.telling import DAY, HOUR, MINUTE, START, WEB, told, version_notice

SUBJECT = subject_of(WEB)


def test_overdue_queues_what_is_due_and_tells_the_rest() -> None:
    """Rows whose turn has come get a message and a time after which it counts as lost; others tell when theirs comes."""
    scene = told()
    assert deliver.overdue(scene.world, SUBJECT) == START + 10 * MINUTE
    scene.queues.take()
    scene.now += 10 * MINUTE
    assert deliver.overdue(scene.world, SUBJECT) == scene.now + 10 * MINUTE
    assert [nudge.delivery for nudge in scene.queues.nudges] == [scene.only().key]


def test_overdue_is_silent_about_what_is_closed_or_under_lease() -> None:
    """Nothing is queued for a row that somebody works on, nor for one that has ended."""
    scene = told()
    asked: list[datetime | None] = []
    scene.queues.take()
    scene.channel.on_send = lambda _: asked.append(deliver.overdue(scene.world, SUBJECT))
    scene.deliver(scene.only())
    assert asked == [START + deliver.LEASE]
    assert deliver.overdue(scene.world, SUBJECT) is None
    assert scene.queues.sent == []


def test_redeliver_opens_a_closed_delivery_again() -> None:
    """A person has a notice sent again: under the same id, with a whole new time to be delivered in."""
    scene = told()
    scene.run()
    scene.now += 30 * DAY
    row = scene.only()
    again = deliver.redeliver(scene.world, SUBJECT, row.key)
    assert again is not None
    assert (again.state, again.opened, again.failures) == (DeliveryState.OPEN, scene.now, 0)
    scene.run()
    assert [sent.delivery.notice for sent in scene.channel.sent] == [row.notice] * 2
    assert [attempt.delivered for attempt in scene.only().attempts] == [True, True]
    assert deliver.redeliver(scene.world, SUBJECT, "nothing:orders") is None


def test_redeliver_refuses_an_older_version() -> None:
    """What a newer version superseded stays untold, also when it was delivered once itself."""
    scene = told()
    scene.run()
    scene.tell(version_notice(2, START + HOUR))
    scene.run()
    older = next(row for row in scene.deliveries() if row.version_created == START)
    assert older.state is DeliveryState.DELIVERED
    with pytest.raises(BadInput, match="newer version") as refusal:
        deliver.redeliver(scene.world, SUBJECT, older.key)
    assert refusal.value.field == "id"


def test_the_first_of_several_turns_is_told() -> None:
    """Of two that wait, the sooner one's; what has ended waits for nothing and costs no message."""
    scene = told()
    scene.subscribe("later")
    scene.now += MINUTE
    scene.tell(version_notice(1))
    assert deliver.overdue(scene.world, SUBJECT) == START + 10 * MINUTE
    scene.run()
    scene.queues.take()
    assert deliver.overdue(scene.world, SUBJECT) is None
    assert scene.queues.sent == []


def test_redeliver_refuses_what_was_given_up_before_a_newer_one_was_delivered() -> None:
    """It was never told, and must not be told after the newer one."""
    scene = told()
    first = scene.tables.deliveries.get(SUBJECT, scene.only().key)
    assert first is not None
    scene.tables.deliveries.save(replace(first, value=replace(first.value, state=DeliveryState.ABANDONED)))
    scene.tell(version_notice(2, START + HOUR))
    scene.run()
    with pytest.raises(BadInput, match="newer version was delivered"):
        deliver.redeliver(scene.world, SUBJECT, first.value.key)


def test_what_is_opened_again_is_due_now_and_looked_at_in_ten_minutes() -> None:
    """The row says that its turn has come, and the certificate's clock makes up for a lost message."""
    scene = told()
    scene.run()
    scene.looked()
    scene.now += 30 * DAY
    again = deliver.redeliver(scene.world, SUBJECT, scene.only().key)
    assert again == scene.only()
    assert (again.next_attempt, again.closed) == (scene.now, None)
    assert scene.next_check() == scene.now + 10 * MINUTE


def test_redelivering_begins_with_no_failure() -> None:
    """The ladder begins anew; what it failed with before stays to be read."""
    scene = told()
    row = replace(scene.only(), state=DeliveryState.ABANDONED, failures=9, closed=START)
    scene.tables.deliveries.put(row)
    again = deliver.redeliver(scene.world, SUBJECT, row.key)
    assert again is not None
    assert (again.failures, again.state, again.attempts) == (0, DeliveryState.OPEN, row.attempts)


def test_what_may_have_arrived_is_redelivered_itself() -> None:
    """An older version is refused for it, and the refusal names the field."""
    scene = told()
    older = scene.only()
    scene.tell(version_notice(2, START + HOUR))
    newer = next(row for row in scene.deliveries() if row.key != older.key)
    scene.tables.deliveries.put(replace(newer, attempts=(Attempt(START, "503"),)))
    with pytest.raises(BadInput, match="redeliver that one") as refusal:
        deliver.redeliver(scene.world, SUBJECT, older.key)
    assert refusal.value.field == "id"


def test_overdue_is_about_one_subject() -> None:
    """Another certificate's rows are its own look's."""
    scene = told()
    other = CertificateRef("kv-orders", "other")
    scene.tell(version_notice(1, certificate=other))
    scene.queues.take()
    scene.now += 10 * MINUTE
    deliver.overdue(scene.world, SUBJECT)
    assert [nudge.subject for nudge in scene.queues.nudges] == [SUBJECT]


def test_another_certificates_versions_are_no_siblings() -> None:
    """A newer one of its own, delivered, supersedes nothing here."""
    scene = told()
    other = CertificateRef("kv-orders", "other")
    scene.tell(version_notice(2, START + HOUR, certificate=other))
    scene.deliver(scene.deliveries(other)[0])
    scene.deliver(scene.only())
    assert scene.only().state is DeliveryState.DELIVERED


def test_a_finding_that_is_being_told_makes_no_version_wait() -> None:
    """It has no place among versions."""
    scene = told()
    version = scene.only()
    finding = replace(
        version, notice="f", kind=NoticeKind.FINDING_OPENED, version_created=None, lease_until=START + HOUR
    )
    scene.tables.deliveries.put(finding)
    scene.deliver(version)
    assert {row.state for row in scene.deliveries() if row.key == version.key} == {DeliveryState.DELIVERED}


def test_a_lost_lease_leaves_the_rows_own_wait() -> None:
    """The worker died before its answer: the row waits as it did, then its turn counts the loss."""
    scene = told()
    scene.tables.deliveries.put(replace(scene.only(), lease_until=START - MINUTE, next_attempt=START + 8 * MINUTE))
    scene.queues.take()
    assert deliver.overdue(scene.world, SUBJECT) == START + 8 * MINUTE
    assert scene.queues.sent == []


@pytest.mark.parametrize(("lease", "wait"), [(START, None), (None, START)])
def test_a_wait_that_ends_now_still_waits_for_a_closed_subscription(
    lease: datetime | None, wait: datetime | None
) -> None:
    """Its turn has come, and is nothing worth while its target is left alone."""
    scene = told()
    scene.tables.deliveries.put(replace(scene.only(), lease_until=lease, next_attempt=wait))
    scene.put(replace(scene.subscription("orders"), closed_until=START + HOUR, closures=1))
    scene.queues.take()
    ahead = deliver.overdue(scene.world, SUBJECT)
    assert ahead is not None
    assert ahead >= START + HOUR
    assert scene.queues.sent == []


def test_a_row_that_has_ended_without_an_attempt_gets_no_message_again() -> None:
    """Whoever repeats the work finds it closed."""
    scene = told()
    scene.queues.take()
    scene.tables.deliveries.put(replace(scene.only(), state=DeliveryState.ABANDONED))
    assert scene.tell(version_notice(1)) == 1
    assert scene.queues.sent == []


def test_a_row_that_was_forgotten_meanwhile_gets_no_message() -> None:
    """It was there at the insert and is not at the read."""
    scene = told()
    scene.queues.take()

    class Forgetting(Over[Delivery]):
        """Deliveries that are pruned between two calls."""

        def insert(self, row: Delivery) -> None:
            """Find the row there, and let it be pruned."""
            self.delete(row.subject, row.key)

    scene.tables = replace(scene.tables, deliveries=Forgetting(scene.tables.deliveries))
    scene.tell(version_notice(1))
    assert scene.queues.sent == []


def test_a_row_that_was_attempted_gets_no_message_from_a_repeat() -> None:
    """Its next turn is its own."""
    scene = told()
    scene.queues.take()
    scene.tables.deliveries.put(replace(scene.only(), attempts=(Attempt(START, "503"),)))
    scene.tell(version_notice(1))
    assert scene.queues.sent == []
