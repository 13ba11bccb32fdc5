"""The contract of Channel, clause by clause: in memory, a webhook over real TLS, an Event Grid topic on the local Azure."""

from __future__ import annotations

import itertools
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from time import monotonic
from typing import Any

import pytest
import trustme

from localazure.client import LocalAzure
from perennial import channels
from perennial.channels.event_grid import EventGridChannel
from perennial.channels.post import Wire
from perennial.channels.webhook import WebhookChannel
from perennial.errors import ChannelError
from perennial.model.notices import Delivery, NoticeKind, Subscription
from perennial.ports.channel import Channel
from tests.channels.receiver import answering, receiver
from tests.contract import local
from tests.memory.channel import MemoryChannel
from tests.memory.world import SETTINGS

NOW = datetime.now(UTC).replace(microsecond=0)
DATA = {"vault": "kv-orders", "names": ["bücher.example"], "count": 3, "none": None}
SERIAL = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A channel, a subscription that it takes, and the other side of the wire."""

    channel: Channel
    subscription: Subscription
    bad: Subscription
    taken: Callable[[], list[tuple[str, Any]]]  # id and data of what arrived
    answer: Callable[[int, int | None], None]  # status and Retry-After of every answer from now on
    hang: Callable[[], None]  # no answer from now on


def delivery(notice: str = "0123456789abcdef0123456789abcdef", subject: str = "kv-orders:web") -> Delivery:
    """Return a delivery of a notice."""
    return Delivery(
        subject=subject,
        notice=notice,
        subscription="orders",
        kind=NoticeKind.NEW_VERSION,
        opened=NOW,
        body=json.dumps(DATA, ensure_ascii=False),
        time=NOW,
    )


class Choosy(MemoryChannel):
    """The fake, with something to complain of."""

    def refuse(self, subscription: Subscription) -> str:
        """Complain of a target."""
        return "target: leave it out" if subscription.target else ""


def in_memory() -> Iterator[Side]:
    """The fake."""
    channel = Choosy()
    good = Subscription(name="orders", channel="memory")

    def answer(status: int, retry_after: int | None) -> None:
        wait = None if retry_after is None else timedelta(seconds=retry_after)
        channel.down = ChannelError(str(status), throttled=status == 429, retry_after=wait)

    yield Side(
        channel=channel,
        subscription=good,
        bad=replace(good, target="nowhere"),
        taken=lambda: [(sent.delivery.notice, json.loads(sent.delivery.body)) for sent in channel.sent],
        answer=answer,
        hang=lambda: answer(0, None),
    )


def over_tls() -> Iterator[Side]:
    """A webhook whose receiver is called localhost."""
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    settings = replace(SETTINGS, webhook_ranges=(ip_network("127.0.0.0/8"),))
    secrets = {"PERENNIAL_SECRET_ORDERS": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    with receiver(authority, "127.0.0.1") as target:
        good = Subscription(
            name="orders", channel="webhook", target=f"https://127.0.0.1:{target.port}/", secret="ORDERS"
        )

        def answer(status: int, retry_after: int | None) -> None:
            header = "" if retry_after is None else f"Retry-After: {retry_after}\r\n"
            target.behaviour = answering(f"{status} No", header)

        def hang() -> None:
            target.behaviour = lambda _, stopping: (stopping.wait(), None)[1]

        yield Side(
            channel=WebhookChannel(settings, secrets, Wire(1, 0.5, lambda: context)),
            subscription=good,
            bad=replace(good, target="http://example.com/"),
            taken=lambda: [(json.loads(got.body)["id"], json.loads(got.body)["data"]) for got in target.got],
            answer=answer,
            hang=hang,
        )


def on_event_grid(azure: LocalAzure, patch: pytest.MonkeyPatch) -> Iterator[Side]:
    """A custom topic of the local Azure that no other test publishes to."""
    identity = local.app_identity(local.point_at(azure, patch))
    topic = f"topic-{next(SERIAL)}-{NOW:%H%M%S%f}"
    endpoint = azure.environment(topic=topic)["PERENNIAL_TOPIC"]
    channel = EventGridChannel(replace(SETTINGS, topic=endpoint), lambda: identity, read_seconds=0.5)
    good = Subscription(name="orders", channel="event-grid")

    def answer(status: int, retry_after: int | None) -> None:
        azure.fault("eventgrid", path=f"{topic}.*", status=status, retry_after=retry_after)

    def hang() -> None:
        azure.fault("eventgrid", path=f"{topic}.*", delay=3)

    yield Side(
        channel=channel,
        subscription=good,
        bad=replace(good, target="https://example.com/"),
        taken=lambda: [(event["id"], event["data"]) for event in azure.topic(topic)],
        answer=answer,
        hang=hang,
    )
    azure.clear_faults()


@pytest.fixture(params=["memory", "webhook", "event-grid"])
def side(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Side]:
    """A channel and its other side."""
    if request.param == "memory":
        yield from in_memory()
    elif request.param == "webhook":
        yield from over_tls()
    else:
        yield from on_event_grid(request.getfixturevalue("azure"), monkeypatch)


def test_every_channel_is_in_this_suite() -> None:
    """Whoever adds a channel adds it here."""
    assert set(channels.CHANNELS) == {"webhook", "event-grid"}


def test_send_delivers_once_under_the_notices_id(side: Side) -> None:
    """One call is one delivery, whose id is the notice's and whose data is the body."""
    side.channel.send(delivery("a" * 32), side.subscription, NOW)
    assert side.taken() == [("a" * 32, DATA)]


def test_a_repeat_has_the_same_id(side: Side) -> None:
    """A second attempt can be known for one."""
    for _ in range(2):
        side.channel.send(delivery("b" * 32), side.subscription, NOW)
    assert side.taken() == [("b" * 32, DATA)] * 2


@pytest.mark.parametrize("subject", ["kv-orders:", ":"])
def test_a_notice_of_a_vault_or_the_fleet_is_delivered(side: Side, subject: str) -> None:
    """Not every notice is about a certificate."""
    side.channel.send(delivery(subject=subject), side.subscription, NOW)
    assert len(side.taken()) == 1


def test_send_returns_the_answer_in_one_line(side: Side) -> None:
    """What the other side said fits a row."""
    answer = side.channel.send(delivery(), side.subscription, NOW)
    assert answer
    assert answer.splitlines() == [answer]
    assert len(answer) <= 400


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_send_raises_channel_error(side: Side, status: int) -> None:
    """A refusal is a ChannelError with what was said; nothing is retried inside an attempt."""
    side.answer(status, None)
    with pytest.raises(ChannelError) as error:
        side.channel.send(delivery(), side.subscription, NOW)
    assert str(status) in error.value.answer
    assert "\n" not in error.value.answer
    assert (error.value.throttled, error.value.retry_after) == (False, None)


@pytest.mark.parametrize("retry_after", [None, 77])
def test_send_says_that_it_is_throttled(side: Side, retry_after: int | None) -> None:
    """A 429 is passed on with its wait, and not slept out."""
    side.answer(429, retry_after)
    started = monotonic()
    with pytest.raises(ChannelError) as error:
        side.channel.send(delivery(), side.subscription, NOW)
    assert monotonic() - started < 3
    assert error.value.throttled
    assert error.value.retry_after == (None if retry_after is None else timedelta(seconds=retry_after))


def test_an_attempt_ends_in_time(side: Side) -> None:
    """An other side that is silent is a ChannelError, once, after the time-out."""
    side.hang()
    started = monotonic()
    with pytest.raises(ChannelError):
        side.channel.send(delivery(), side.subscription, NOW)
    assert monotonic() - started < 3


def test_refuse_is_empty_for_a_good_subscription(side: Side) -> None:
    """Nothing is wrong with it."""
    assert side.channel.refuse(side.subscription) == ""


def test_refuse_names_the_field(side: Side) -> None:
    """What is wrong begins with the field, and says more than that."""
    field, _, problem = side.channel.refuse(side.bad).partition(": ")
    assert field == "target"
    assert problem
