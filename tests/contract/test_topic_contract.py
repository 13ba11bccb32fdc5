"""The contract of Channel, as far as a publisher sees it, on an Event Grid topic: of the local Azure, of live Azure where one is set."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime

import pytest

from perennial.channels.event_grid import EventGridChannel
from perennial.errors import ChannelError
from perennial.model.notices import Delivery, NoticeKind, Subscription
from tests.contract import local

NOW = datetime.now(UTC).replace(microsecond=0)
SUBSCRIPTION = Subscription(name="live-check", channel="event-grid")
SERIAL = itertools.count(1)
LARGEST = 1024 * 1024  # bytes of an event (Event Grid limits)


@pytest.fixture(params=local.places("TOPIC"))
def channel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> EventGridChannel:
    """The channel to a topic."""
    if request.param == "live":
        return local.topic(local.LIVE["TOPIC"], local.live_identity())
    azure = request.getfixturevalue("azure")
    identity = local.app_identity(local.point_at(azure, monkeypatch))
    return local.topic(azure.environment(topic="contract")["PERENNIAL_TOPIC"], identity)


def delivery(subject: str = "kv-live-check:www", text: str = "bücher.example") -> Delivery:
    """Return a delivery of a notice that somebody asked for; nobody needs to do anything about it."""
    return Delivery(
        subject=subject,
        notice=f"{next(SERIAL):032x}",
        subscription="live-check",
        kind=NoticeKind.TEST,
        opened=NOW,
        body=json.dumps({"names": [text], "none": None}, ensure_ascii=False),
        time=NOW,
    )


@pytest.mark.parametrize("subject", ["kv-live-check:www", "kv-live-check:", ":"])
def test_a_notice_is_accepted(channel: EventGridChannel, subject: str) -> None:
    """About a certificate, a vault or the fleet; the answer fits a row."""
    answer = channel.send(delivery(subject), SUBSCRIPTION, NOW)
    assert answer.splitlines() == [answer]


def test_a_repeat_is_accepted(channel: EventGridChannel) -> None:
    """The topic takes a second attempt under the same id."""
    twice = delivery()
    assert channel.send(twice, SUBSCRIPTION, NOW) == channel.send(twice, SUBSCRIPTION, NOW)


def test_a_refusal_is_a_channel_error(channel: EventGridChannel) -> None:
    """What is larger than an event may be is refused, with the topic's words; the next notice goes through."""
    with pytest.raises(ChannelError, match="413"):
        channel.send(delivery(text="x" * LARGEST), SUBSCRIPTION, NOW)
    assert channel.send(delivery(), SUBSCRIPTION, NOW)
