"""Places: a target that never answers has few threads, and others have theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.decisions.backoff import FAILURES_TO_CLOSE
from perennial.model.certificate import CertificateRef
from perennial.model.notices import Delivery, DeliveryState
from perennial.workflows import announce, standing
from perennial.workflows.places import Places
from tests.workflows.telling import FAR, MINUTE, START, Scene
from tests.workflows.test_deliver_dead_target import crowd, next_check


def waiting_for(scene: Scene, name: str, certificates: list[CertificateRef]) -> list[Delivery]:
    """Return the deliveries to one subscription."""
    return [row for one in certificates for row in scene.deliveries(one) if row.subscription == name]


def side_by_side(scene: Scene, rows: Iterator[Delivery]) -> None:
    """Begin every delivery while those before it that were attempted still wait for their answer."""

    def begin(_: object) -> None:
        for row in rows:
            scene.deliver(row)

    scene.dead.on_send = scene.channel.on_send = begin
    begin(None)
    scene.dead.on_send = scene.channel.on_send = None


@pytest.mark.parametrize("failed", [0, 1, 4])
def test_a_target_that_never_answers_holds_no_more_threads_than_it_takes_to_close_it(failed: int) -> None:
    """Of a hundred invocations at once five wait for it, or as many as are missing after failures; the others end at once, unwritten."""
    scene, certificates = crowd(100)
    scene.put(replace(scene.subscription("dead"), failures=failed, last_success=START if failed else None))
    scene.queues.sent.clear()
    rows = waiting_for(scene, "dead", certificates)
    side_by_side(scene, iter(rows))
    assert len(scene.dead.attempts) == FAILURES_TO_CLOSE - failed
    assert scene.subscription("dead").closed_until == START + MINUTE
    untouched = waiting_for(scene, "dead", certificates)[FAILURES_TO_CLOSE - failed :]
    assert untouched == rows[FAILURES_TO_CLOSE - failed :]
    assert all(next_check(scene, one) == FAR for one in certificates[FAILURES_TO_CLOSE - failed :])


class Blind(Places):
    """Places of which every invocation believed that one was free when it looked first."""

    def free(self, most: int, who: str) -> bool:
        """Say so."""
        del most, who
        return True


def test_who_comes_at_the_same_instant_gives_its_lease_back() -> None:
    """A hundred that all found a place free are no more than five attempts: the others have their rows as before, and come again."""
    scene, certificates = crowd(100)
    scene.places = Blind()
    scene.queues.sent.clear()
    side_by_side(scene, iter(waiting_for(scene, "dead", certificates)))
    assert len(scene.dead.attempts) == FAILURES_TO_CLOSE
    others = waiting_for(scene, "dead", certificates)[FAILURES_TO_CLOSE:]
    assert {(row.state, row.lease_until, row.attempts, row.failures) for row in others} == {
        (DeliveryState.OPEN, None, (), 0)
    }
    assert len([delay for _, delay in scene.queues.sent if delay != MINUTE]) == 95


def test_others_pass_while_one_never_answers() -> None:
    """Of two targets that are told at once, the living one gets everything."""
    scene, certificates = crowd(100)
    scene.queues.sent.clear()
    scene.put(replace(scene.subscription("orders"), last_success=START))
    dead, living = waiting_for(scene, "dead", certificates), waiting_for(scene, "orders", certificates)
    told: list[int] = []

    def meanwhile(_: object) -> None:
        if len(scene.dead.attempts) == FAILURES_TO_CLOSE:
            scene.dead.on_send = None
            for row in (*dead, *living):
                scene.deliver(row)
            told.append(len(scene.channel.sent))
        else:
            scene.deliver(dead[len(scene.dead.attempts)])

    scene.dead.on_send = meanwhile
    scene.deliver(dead[0])
    assert told == [100]
    assert len(scene.dead.attempts) == FAILURES_TO_CLOSE


def test_one_that_takes_notices_has_half_of_the_places() -> None:
    """Twelve at once, of the 24 notices that a host has in hand."""
    scene, certificates = crowd(100)
    scene.dead.down = None
    scene.put(replace(scene.subscription("dead"), last_success=START))
    rows = waiting_for(scene, "dead", certificates)
    side_by_side(scene, iter(rows))
    assert len(scene.dead.sent) == standing.AT_ONCE == 12
    for row in waiting_for(scene, "dead", certificates):
        scene.deliver(row)
    assert len(scene.dead.sent) == 100, "a place is given back"


@pytest.mark.parametrize(("age", "least", "most"), [(0, 1, 2), (60, 30, 60), (3600, 150, 300), (86_400 * 2, 150, 300)])
def test_who_stands_back_comes_again_by_a_message(age: int, least: int, most: int) -> None:
    """As long again as it has waited, a half of that or more: two seconds at first, at most half of the time after which a message counts as lost."""
    scene, certificates = crowd(40)
    scene.queues.sent.clear()
    scene.now += timedelta(seconds=age)
    side_by_side(scene, iter(waiting_for(scene, "dead", certificates)))
    waits = [delay.total_seconds() for message, delay in scene.queues.sent if delay != MINUTE]
    assert len(waits) == 40 - FAILURES_TO_CLOSE
    assert all(least <= wait <= most for wait in waits)
    assert len(set(waits)) > 1
    assert most < announce.PATIENCE.total_seconds()


def test_an_attempt_that_breaks_gives_its_place_back() -> None:
    """An error of our own, or a death, ends the attempt: its place is not lost until the process ends."""
    places = Places()

    def broken() -> None:
        with places.one_of(1, "dead") as free:
            assert free
            raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            broken()
    with places.one_of(1, "dead"), places.one_of(1, "dead") as second, places.one_of(1, "other") as other:
        assert (second, other) == (False, True)
