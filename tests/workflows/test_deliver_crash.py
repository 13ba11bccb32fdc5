"""A crash at every effect of a delivery: its message comes again, or its lease runs out, and it ends as it would have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from perennial.errors import ChannelError
from perennial.model.messages import Nudge
from perennial.model.notices import DeliveryState, NoticeKind, subject_of
from perennial.workflows import deliver
from tests.memory.death import Death, Reaper
from tests.workflows.telling import DAY, FAR, MINUTE, START, WEB, Scene, version_notice

RETURNS = 10 * MINUTE  # a message whose reader died is seen again after this


def plain() -> Scene:
    """A notice that is taken at once."""
    scene = Scene()
    scene.subscribe("orders")
    scene.subscribe("operators", kinds=("abandoned",))
    scene.tell(version_notice(1))
    return scene


def failing() -> Scene:
    """A notice that is taken at the second attempt."""
    scene = plain()
    scene.channel.failures.append(ChannelError("500"))
    return scene


def closing() -> Scene:
    """A notice whose failure closes the subscription."""
    scene = failing()
    scene.put(replace(scene.subscription("orders"), failures=4))
    return scene


def probing() -> Scene:
    """A notice that is the probe of a closed subscription, and succeeds."""
    scene = plain()
    scene.put(replace(scene.subscription("orders"), failures=6, closures=2, closed_until=START))
    return scene


def dying(scene: Scene, reaper: Reaper) -> bool:
    """Attempt the scene's new version once, with death at hand; return whether it struck."""
    row = next(row for row in scene.deliveries() if row.kind is NoticeKind.NEW_VERSION)
    message = msgspec.json.encode(Nudge(subject=row.subject, delivery=row.key)).decode()
    try:
        deliver.deliver(message, reaper.around(scene.world))
    except Death:
        return True
    return False


def live_on(scene: Scene, minutes: int) -> None:
    """Let the system run without messages but those that rows bring about: a look whenever the certificate's clock says."""
    for _ in range(minutes):
        scene.now += MINUTE
        if scene.next_check() <= scene.now:
            scene.looked(until=deliver.overdue(scene.world, subject_of(WEB)) or FAR)
        scene.run()


def effects_of(make: Callable[[], Scene]) -> int:
    """Count the effects of one attempt."""
    reaper = Reaper()
    dying(make(), reaper)
    return len(reaper.effects)


STORIES = [plain, failing, closing, probing]
CASES = [
    pytest.param(make, number, after, id=f"{make.__name__}-{number}-{'after' if after else 'before'}")
    for make in STORIES
    for number in range(1, effects_of(make) + 1)
    for after in (False, True)
]


@pytest.mark.parametrize(("make", "number", "after"), CASES)
def test_a_crash_loses_nothing(make: Callable[[], Scene], number: int, after: bool) -> None:
    """Whatever the attempt died of, the notice is delivered, at most twice and under one id, and the row says so."""
    scene = make()
    scene.queues.take()
    # After an effect that was refused (an attempt that failed) nothing took place that one could die after.
    assert dying(scene, Reaper(at=number, after=after)) or after
    scene.now += RETURNS
    assert not dying(scene, Reaper())
    live_on(scene, 30)
    (row,) = scene.deliveries()
    assert row.state is DeliveryState.DELIVERED
    assert row.lease_until is None
    assert 1 <= len(scene.channel.sent) <= 2
    assert len({sent.delivery.notice for sent in scene.channel.sent}) == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, 8))
def test_a_crash_while_giving_up_tells_the_others_once(number: int, after: bool) -> None:
    """An abandoned delivery is told, wherever the worker died, and under one id however often that was begun."""
    scene = plain()
    scene.queues.take()
    scene.channel.down = ChannelError("500")
    scene.now = START + 7 * DAY
    struck = dying(scene, Reaper(at=number, after=after))
    scene.now += RETURNS
    dying(scene, Reaper())
    scene.channel.down = None
    live_on(scene, 30)
    rows = {row.kind: row.state for row in scene.deliveries()}
    assert len(scene.deliveries()) == 2
    if rows[NoticeKind.NEW_VERSION] is DeliveryState.DELIVERED:
        # The lost lease cost a rung, and by then the target was alive again.
        assert struck
    else:
        assert rows[NoticeKind.NEW_VERSION] is DeliveryState.ABANDONED
    assert rows[NoticeKind.ABANDONED] is DeliveryState.DELIVERED
