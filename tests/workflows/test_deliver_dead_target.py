"""A subscription that takes nothing is left alone, and holds nobody up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from perennial.errors import ChannelError
from perennial.model.certificate import CertificateRef
from perennial.model.notices import DeliveryState, subject_of
from perennial.ports.tables import Query
from perennial.workflows import deliver, standing
from tests.workflows.telling import DAY, FAR, HOUR, MINUTE, START, WEB, Scene, make_entry, make_version, version_notice

DOWN = ChannelError("connection refused")


def crowd(size: int) -> tuple[Scene, list[CertificateRef]]:
    """Return a scene in which each of many certificates has a notice for a dead target and for a living one."""
    scene = Scene()
    scene.subscribe("dead", channel="dead", kinds=("new-version",))
    scene.subscribe("orders", kinds=("new-version",))
    scene.dead.down = DOWN
    certificates = [CertificateRef("kv-orders", f"c{number:04}") for number in range(size)]
    for certificate in certificates:
        scene.tables.inventory.insert(make_entry(make_version(1), certificate))
        scene.tell(version_notice(1, certificate=certificate))
    return scene, certificates


def next_check(scene: Scene, certificate: CertificateRef) -> datetime:
    """Return a certificate's clock."""
    row = scene.tables.inventory.get(certificate.vault, certificate.name)
    assert row is not None
    return row.value.next_check


def tick(scene: Scene, certificates: list[CertificateRef]) -> int:
    """Do what a minute's tick and the looks it queues do about deliveries; return how many looks those were."""
    due = [one for one in certificates if next_check(scene, one) <= scene.now]
    for certificate in due:
        scene.looked(certificate)
        ahead = deliver.overdue(scene.world, subject_of(certificate))
        scene.looked(certificate, ahead or FAR)
    scene.run()
    return len(due)


@pytest.fixture
def size() -> int:
    """How many notices wait."""
    return 5000


def test_five_thousand_notices_wait_for_a_dead_target_at_the_cost_of_five_attempts(
    size: int, spoil: Callable[[Scene], None]
) -> None:
    """Five failures close the target; the other 4,995 notices end without an attempt or a write, and all others are delivered."""
    scene, certificates = crowd(size)
    before = len(scene.queues.sent)
    assert before == 2 * size
    spoil(scene)
    scene.run()
    assert len(scene.channel.sent) == size, "the living one is told of everything"
    assert len(scene.dead.attempts) == 5, "five failures close the dead one"
    untouched = [row for one in certificates[10:] for row in scene.deliveries(one) if row.subscription == "dead"]
    assert {(row.state, row.attempts, row.failures) for row in untouched} == {(DeliveryState.OPEN, (), 0)}
    assert max(next_check(scene, one) for one in certificates) <= START + 5 * MINUTE


def test_a_dead_day_and_a_recovery() -> None:
    """Over a day one notice at a time probes, hourly at the end, with few looks for the rest; after the recovery all are delivered."""
    scene, certificates = crowd(400)
    scene.run()
    looks = 0
    while scene.now < START + DAY:
        scene.now += 5 * MINUTE
        scene.queues.sent.clear()
        looks += tick(scene, certificates)
    assert len(scene.dead.attempts) < 45
    assert looks < 25 * len(certificates)
    assert not scene.dead.sent
    scene.dead.down = None
    while scene.now < START + DAY + 7 * HOUR:
        scene.now += 5 * MINUTE
        tick(scene, certificates)
    assert len({sent.delivery.subject for sent in scene.dead.sent}) == 400
    assert len(scene.dead.sent) == 400
    assert scene.subscription("dead").failures == 0


def test_a_probe_goes_alone() -> None:
    """When a closure has ended, one delivery tries and the others wait for its answer."""
    scene, certificates = crowd(20)
    scene.run()
    scene.now += 2 * MINUTE
    attempts = len(scene.dead.attempts)
    waiting = [row for one in certificates for row in scene.deliveries(one) if row.subscription == "dead"][10:]

    def meanwhile(_: object) -> None:
        scene.dead.on_send = None
        for row in waiting[1:]:
            scene.deliver(row)

    scene.dead.on_send = meanwhile
    scene.deliver(waiting[0])
    assert len(scene.dead.attempts) == attempts + 1
    assert scene.subscription("dead").closures == 2


def test_a_probe_that_succeeds_opens_for_all() -> None:
    """After a success everybody passes again."""
    scene, certificates = crowd(20)
    scene.run()
    scene.now += 2 * MINUTE
    scene.dead.down = None
    for one in certificates:
        for row in scene.deliveries(one):
            scene.deliver(row)
    closed = [row for one in certificates for row in scene.deliveries(one) if row.state is DeliveryState.DELIVERED]
    # The first five failed at the start and wait for their rung of a minute, which has passed.
    assert len(closed) == 40
    standing_now = scene.subscription("dead")
    assert (standing_now.closed_until, standing_now.closures, standing_now.failures) == (None, 0, 0)


def test_refusals_of_a_burst_close_once() -> None:
    """Attempts that began before the closure and fail after it do not double it."""
    scene, _ = crowd(30)
    seen = scene.subscription("dead")
    for _ in range(24):
        standing.note_failure(scene.world, seen, DOWN)
    after = scene.subscription("dead")
    assert (after.closures, after.closed_until, after.failures) == (1, START + MINUTE, 5)


def test_closures_double_to_an_hour() -> None:
    """A minute, two, four … an hour: a target that is dead for good is probed hourly."""
    scene, _ = crowd(1)
    scene.put(replace(scene.subscription("dead"), failures=4))
    waits = []
    for _ in range(8):
        after = standing.note_failure(scene.world, scene.subscription("dead"), DOWN)
        assert after.closed_until is not None
        waits.append(int((after.closed_until - scene.now) / MINUTE))
        scene.now = after.closed_until
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(("retry_after", "wait"), [(timedelta(minutes=20), 20 * MINUTE), (None, timedelta(seconds=10))])
def test_a_throttled_subscription_is_left_alone_at_once(retry_after: timedelta | None, wait: timedelta) -> None:
    """A 429 closes for as long as it says, and is neither a failure of the delivery nor one of the five."""
    scene, (first, second) = crowd(2)
    scene.dead.down = ChannelError("429", throttled=True, retry_after=retry_after)
    scene.run()
    assert len(scene.dead.attempts) == 1
    subscription = scene.subscription("dead")
    assert (subscription.closed_until, subscription.failures) == (START + wait, 0)
    row = next(row for row in scene.deliveries(first) if row.subscription == "dead")
    assert (row.failures, row.attempts[0].answer, row.lease_until) == (0, "429", None)
    assert row.next_attempt is not None
    assert row.next_attempt >= START + wait
    assert next_check(scene, second) >= START + wait


def test_a_success_is_remembered_by_the_hour() -> None:
    """A subscription that takes everything is not written for every notice."""
    scene = Scene()
    scene.subscribe("orders")
    stored = []
    for number, minutes in enumerate((0, 10, 59, 61)):
        scene.now = START + minutes * MINUTE
        scene.tell(version_notice(number, START + number * HOUR))
        scene.run()
        stored.append(scene.subscription("orders").last_success)
    assert stored == [START, START, START, START + 61 * MINUTE]


def test_a_delivery_to_a_closed_subscription_is_given_up_in_time() -> None:
    """Seven days of silence end a delivery that never got its turn, and overdue brings it up for that."""
    scene = Scene()
    scene.subscribe("dead", channel="dead")
    scene.tell(version_notice(1))
    scene.queues.take()
    scene.now = START + 7 * DAY - MINUTE
    scene.put(replace(scene.subscription("dead"), closed_until=START + 8 * DAY, closures=3))
    ahead = deliver.overdue(scene.world, subject_of(WEB))
    assert ahead is not None
    assert ahead >= START + 8 * DAY
    assert scene.queues.sent == []
    scene.now += MINUTE
    deliver.overdue(scene.world, subject_of(WEB))
    scene.run()
    rows = scene.tables.deliveries.select(Query(partition=subject_of(WEB))).items
    assert [row.value.state for row in rows] == [DeliveryState.ABANDONED]
    assert scene.dead.attempts == []
