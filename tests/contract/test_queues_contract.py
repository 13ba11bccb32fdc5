"""The contract of Queues and Intake, clause by clause."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from perennial.adapters.binding import BindingIntake
from perennial.errors import PerennialError
from perennial.model.certificate import CertificateRef
from perennial.model.messages import EventSeen, Look, Nudge, Queue, Walk
from perennial.ports.queue import Intake, Queues
from tests.contract import local
from tests.memory.queue import MemoryIntake, MemoryQueues, Message

NOW = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)
LOOK = Look(
    certificate=CertificateRef("kv-orders", "www"),
    cause="event",
    version="0" * 32,
    event=EventSeen(id="e1", kind="near-expiry", time=NOW),
)
NUDGE = Nudge(subject="kv-orders:www", delivery="n1:ops")
WALK = Walk(tick=NOW, vault="kv-orders")


@dataclass(frozen=True, slots=True)
class Station:
    """A sender, and who would be seen on a queue now."""

    queues: Queues
    visible: Callable[[Queue], list[Message]]


@pytest.fixture(params=["memory", *local.places("QUEUES")])
def station(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Station:
    """A sender with empty queues that do not exist yet."""
    if request.param == "memory":
        memory = MemoryQueues()
        return Station(memory, lambda queue: [m for m, delay in memory.sent if not delay and _queue_of(m) is queue])
    if request.param == "live":
        return _emptied(local.LIVE["QUEUES"], local.live_identity())
    variables = local.point_at(request.getfixturevalue("azure"), monkeypatch, request.getfixturevalue("account"))
    return _at(variables["PERENNIAL_QUEUES"], local.app_identity(variables))


def _at(endpoint: str, identity: TokenCredential) -> Station:
    def visible(queue: Queue) -> list[Message]:
        plain = QueueClient(endpoint, queue.value, credential=identity)
        kinds: dict[Queue, type[Message]] = {Queue.LOOKS: Look, Queue.NOTICES: Nudge, Queue.SWEEPS: Walk}
        try:
            texts = [message.content for message in plain.peek_messages(32)]
        except ResourceNotFoundError:
            return []
        return [msgspec.json.decode(base64.b64decode(text, validate=True), type=kinds[queue]) for text in texts]

    return Station(local.queues(endpoint, identity), visible)


def _emptied(endpoint: str, identity: TokenCredential) -> Station:
    """A live account is the same for every test; `make live-check` refuses that of an installation."""
    for queue in Queue:
        with contextlib.suppress(ResourceNotFoundError):
            QueueClient(endpoint, queue.value, credential=identity).clear_messages()
    return _at(endpoint, identity)


def _queue_of(message: Message) -> Queue:
    return {Look: Queue.LOOKS, Nudge: Queue.NOTICES, Walk: Queue.SWEEPS}[type(message)]


@pytest.mark.parametrize("message", [LOOK, NUDGE, WALK], ids=["look", "nudge", "walk"])
def test_a_message_is_put_on_its_queue(station: Station, message: Message) -> None:
    """Each kind has a queue of its own, where it is read as it was sent."""
    station.queues.send(message)
    assert station.visible(_queue_of(message)) == [message]
    assert [queue for queue in Queue if station.visible(queue)] == [_queue_of(message)]


def test_nobody_sees_a_message_before_its_delay(station: Station) -> None:
    """A delayed message is not there yet, one without delay is."""
    station.queues.send(LOOK, timedelta(minutes=5))
    assert station.visible(Queue.LOOKS) == []
    station.queues.send(LOOK)
    assert station.visible(Queue.LOOKS) == [LOOK]


def test_a_delay_of_seven_days_is_taken(station: Station) -> None:
    """The longest delay is not longer than the message lives."""
    station.queues.send(LOOK, timedelta(days=7))
    assert station.visible(Queue.LOOKS) == []


@pytest.mark.parametrize("delay", [timedelta(days=7, seconds=1), timedelta(seconds=-1)])
def test_a_delay_out_of_bounds_is_refused(station: Station, delay: timedelta) -> None:
    """Neither the past nor more than seven days."""
    with pytest.raises(PerennialError):
        station.queues.send(LOOK, delay)


OTHER = replace(LOOK, version="other")


@pytest.fixture(params=["memory", "binding"])
def intake(request: pytest.FixtureRequest) -> tuple[Intake, list[Look]]:
    """A door's way to its queue, and what came out of it."""
    if request.param == "memory":
        memory = MemoryIntake()
        return memory, memory.looks
    taken: list[Look] = []

    def flush(text: str) -> None:
        """Take the binding's value as the host does: the last one, an array split into messages."""
        value = msgspec.json.decode(text, type=Look | list[Look])
        taken[:] = value if isinstance(value, list) else [value]

    return BindingIntake(flush), taken


def test_the_door_queues_a_look(intake: tuple[Intake, list[Look]]) -> None:
    """What the door puts is what the queue gets."""
    way, taken = intake
    way.put(LOOK)
    assert taken == [LOOK]


def test_the_door_queues_all_looks_of_an_invocation(intake: tuple[Intake, list[Look]]) -> None:
    """A second look does not replace the first: a batch of events loses none."""
    way, taken = intake
    way.put(LOOK)
    way.put(OTHER)
    assert taken == [LOOK, OTHER]
