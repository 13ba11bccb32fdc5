"""The rows that wait: asked for when due, and opened again by a person."""

from __future__ import annotations

from datetime import datetime

import pytest

from perennial.errors import BadInput
from perennial.model.notices import DeliveryState, subject_of
from perennial.workflows import deliver
from tests.workflows.telling import DAY, HOUR, MINUTE, START, WEB, Scene, version_notice

SUBJECT = subject_of(WEB)


def told() -> Scene:
    """Return a scene in which one notice waits for one subscription."""
    scene = Scene()
    scene.subscribe("orders")
    scene.tell(version_notice(1))
    return scene


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
    with pytest.raises(BadInput, match="newer version"):
        deliver.redeliver(scene.world, SUBJECT, older.key)
