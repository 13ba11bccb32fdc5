"""A delivery's whole life: whatever befalls it, nothing is told out of order, under two ids, or left open for ever."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from perennial.errors import BadInput, ChannelError
from perennial.model.messages import Nudge
from perennial.model.notices import Delivery, DeliveryState, Subscription, subject_of
from perennial.ports import tables as specs
from perennial.workflows import deliver
from perennial.workflows.world import World
from tests.memory.death import Death, Reaper
from tests.memory.queue import MemoryQueues, Message
from tests.memory.tables import MemoryTable
from tests.simulation.play import quiet
from tests.simulation.sabotage import Alone
from tests.simulation.violation import Violation, hold
from tests.workflows.telling import DAY, FAR, HOUR, MINUTE, WEB, Scene, version_notice

SUBJECT = subject_of(WEB)


@dataclass(slots=True)
class Doubtful:
    """A receiver that takes notices, refuses them, or takes them and says no."""

    arrived: list[Delivery] = field(default_factory=list)
    mood: str = "takes"

    def refuse(self, subscription: Subscription) -> str:
        """Nothing is wrong with it."""
        return ""

    def send(self, delivery: Delivery, subscription: Subscription, now: datetime) -> str:
        """Do as the mood is."""
        if self.mood in ("takes", "takes and fails"):
            self.arrived.append(delivery)
        if self.mood == "throttles":
            raise ChannelError("429", throttled=True, retry_after=HOUR)
        if self.mood != "takes":
            raise ChannelError("503")
        return "202 Accepted"


class Deliveries(RuleBasedStateMachine):
    """The deliveries of one certificate's versions to one subscription."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.receiver = Doubtful()
        self.scene.put(Subscription(name="orders", channel="doubtful", created=self.scene.now))
        self.versions: dict[str, datetime] = {}
        self.break_it()

    def break_it(self) -> None:
        """Break nothing."""

    def world(self) -> World:
        """Return the world of one invocation now."""
        return replace(self.scene.world, channels={"doubtful": self.receiver})

    def attempt(self, row: Delivery, world: World | None = None) -> None:
        """Hand a delivery's message over."""
        nudge = Nudge(subject=row.subject, delivery=row.key)
        with quiet():
            deliver.deliver(msgspec.json.encode(nudge).decode(), world or self.world())

    def rows(self) -> list[Delivery]:
        """Return the outbox, in the order of the rows' keys."""
        return self.scene.outbox(SUBJECT)

    @rule(again=st.booleans())
    def a_version_is_seen(self, again: bool) -> None:  # hypothesis gives it by name
        """Tell of a new version, or of the last one again."""
        if not (again and self.versions):
            self.scene.now += timedelta(seconds=1)
            self.versions[f"{len(self.versions) + 2:032x}"] = self.scene.now
        self.scene.tell(version_notice(len(self.versions) + 1, list(self.versions.values())[-1]))

    @rule(mood=st.sampled_from(("takes", "takes", "refuses", "takes and fails", "throttles")))
    def the_receivers_mood_changes(self, mood: str) -> None:
        """Let the receiver answer otherwise from now on."""
        self.receiver.mood = mood

    @precondition(lambda self: bool(self.versions))
    @rule(data=st.data())
    def a_message_comes(self, data: st.DataObject) -> None:
        """Hand any delivery's message over: a copy, an early one, a late one."""
        self.attempt(data.draw(st.sampled_from(self.rows())))

    @precondition(lambda self: bool(self.versions))
    @rule(data=st.data(), at=st.integers(1, 6), after=st.booleans())
    def the_worker_dies(self, data: st.DataObject, at: int, after: bool) -> None:  # as above
        """Hand a message to a worker that dies at an effect."""
        row = data.draw(st.sampled_from(self.rows()))
        with suppress(Death):
            self.attempt(row, Reaper(at=at, after=after).around(self.world()))

    @precondition(lambda self: bool(self.versions))
    @rule(data=st.data())
    def a_person_redelivers(self, data: st.DataObject) -> None:
        """Ask for a delivery once more; a newer one may forbid it."""
        row = data.draw(st.sampled_from(self.rows()))
        with suppress(BadInput):
            deliver.redeliver(self.world(), row.subject, row.key)

    @rule()
    def messages_are_lost(self) -> None:
        """Lose whatever is queued."""
        self.scene.queues.take()

    @rule(minutes=st.sampled_from((1, 3, 20, 120, 600, 3000, 12000)))
    def time_passes(self, minutes: int) -> None:
        """Let messages come when they are due, and the clock's look when the row's next check has come."""
        end = self.scene.now + minutes * MINUTE
        due = [(self.scene.now + delay, message) for message, delay in self.scene.queues.take()]
        while True:
            due += [(self.scene.now + delay, message) for message, delay in self.scene.queues.take()]
            check = self.scene.next_check()
            when = min([check, *(at for at, _ in due)])
            if when > end:
                break
            self.scene.now = max(self.scene.now, when)
            if check <= self.scene.now:
                self.scene.looked(until=deliver.overdue(self.world(), SUBJECT) or FAR)
                continue
            at, message = min(due, key=lambda one: one[0])
            due.remove((at, message))
            if isinstance(message, Nudge):
                with quiet():
                    deliver.deliver(msgspec.json.encode(message).decode(), self.world())
        self.scene.now = end
        for at, message in due:
            self.scene.queues.send(message, min(max(at - end, timedelta(0)), DAY))

    @invariant()
    def in_order(self) -> None:
        """What arrives only grows newer, and each version has one id."""
        told = [delivery.version_created for delivery in self.receiver.arrived if delivery.version_created]
        hold(told == sorted(told), "never-older", f"arrived in this order: {told}")
        ids = {(delivery.version, delivery.notice) for delivery in self.receiver.arrived}
        hold(len(ids) == len({version for version, _ in ids}), "same-id", f"told under two ids: {ids}")

    def teardown(self) -> None:
        """Once the receiver takes everything again, all is told or given up within days, and nothing stays open."""
        self.receiver.mood = "takes"
        self.scene.looked(until=self.scene.now)
        for _ in range(4):
            self.time_passes(3 * 1440)
        left = [row.key for row in self.rows() if row.state is DeliveryState.OPEN]
        hold(not left, "announced", f"still open: {left}")
        newest = max((row.version_created for row in self.receiver.arrived if row.version_created), default=None)
        given_up = {row.version for row in self.rows() if row.state is DeliveryState.ABANDONED}
        for version, created in self.versions.items():
            told = newest is not None and newest >= created
            hold(told or version in given_up, "announced", f"{version} was neither told nor given up")


class Unordered(Deliveries):
    """Deliveries that do not see each other."""

    def break_it(self) -> None:
        """Hide the siblings."""
        found = self.scene.tables.deliveries
        assert isinstance(found, MemoryTable)
        self.scene.tables = replace(self.scene.tables, deliveries=Alone(specs.DELIVERIES, found._rows))


class Losing(MemoryQueues):
    """A queue that loses everything."""

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> None:
        """Lose it."""


class Stuck(Deliveries):
    """A clock that looks at nothing."""

    def break_it(self) -> None:
        """Let no message be sent."""
        self.scene.queues = Losing()


SETTINGS = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def test_every_promise_holds_in_any_life_of_a_delivery() -> None:
    """Attempts, outages, deaths, newer versions, copies, redeliveries, in any order."""
    run_state_machine_as_test(Deliveries, settings=SETTINGS)


@pytest.mark.parametrize(("machine", "promise"), [(Unordered, "never-older"), (Stuck, "announced")])
def test_a_break_is_found_by_its_promise(machine: type[Deliveries], promise: str) -> None:
    """The same machine, with one small break, fails by that promise."""
    with pytest.raises(Violation, match=f"^{promise}: "):
        run_state_machine_as_test(machine, settings=SETTINGS)
