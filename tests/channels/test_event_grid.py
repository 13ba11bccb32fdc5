"""Publishing to an Event Grid topic on the local Azure: what arrives, and how often it is tried."""

from __future__ import annotations

import itertools
import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from localazure.client import LocalAzure
from perennial.channels.event_grid import EventGridChannel
from perennial.errors import ChannelError
from perennial.model.notices import Delivery, NoticeKind, Subscription
from tests.contract import local
from tests.memory.world import SETTINGS

SERIAL = itertools.count(1)
SUBSCRIPTION = Subscription(name="orders", channel="event-grid")
DELIVERY = Delivery(
    subject="kv-orders:web",
    notice="0123456789abcdef0123456789abcdef",
    subscription="orders",
    kind=NoticeKind.EXPIRING,
    opened=datetime(2026, 3, 1, 12, tzinfo=UTC),
    body='{"rung":"1/10"}',
    time=datetime(2026, 3, 1, 12, tzinfo=UTC),
)


@pytest.fixture
def topic() -> str:
    """A topic that no other test publishes to."""
    return f"events-{next(SERIAL)}"


@pytest.fixture
def channel(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch, topic: str) -> EventGridChannel:
    """Return the channel as the wiring builds it."""
    identity = local.app_identity(local.point_at(azure, monkeypatch))
    endpoint = azure.environment(topic=topic)["PERENNIAL_TOPIC"]
    return EventGridChannel(replace(SETTINGS, topic=endpoint, instance="test"), lambda: identity)


def test_the_event_is_whole(azure: LocalAzure, channel: EventGridChannel, topic: str) -> None:
    """A subscriber gets the CloudEvent with every member that docs/notices.md names."""
    channel.send(DELIVERY, SUBSCRIPTION, DELIVERY.time)
    (event,) = azure.topic(topic)
    assert datetime.fromisoformat(event.pop("time")) == DELIVERY.time
    assert event == {
        "specversion": "1.0",
        "id": DELIVERY.notice,
        "source": "/perennial/test",
        "type": "Perennial.Certificate.Expiring",
        "subject": "kv-orders/web",
        "datacontenttype": "application/json",
        "dataschema": "urn:perennial:notice:expiring:1",
        "data": {"rung": "1/10"},
    }


@pytest.mark.parametrize(("status", "retry_after"), [(429, 1), (500, None), (503, 1)])
def test_an_attempt_is_one_request(
    azure: LocalAzure, channel: EventGridChannel, topic: str, status: int, retry_after: int | None
) -> None:
    """The ladder repeats, not the SDK: whatever the topic answers, one attempt asks it once."""
    azure.fault("eventgrid", path=f"{topic}.*", status=status, retry_after=retry_after)
    with pytest.raises(ChannelError):
        channel.send(DELIVERY, SUBSCRIPTION, DELIVERY.time)
    azure.clear_faults()
    asked = [one for one in azure.requests("eventgrid") if one["host"].startswith(f"{topic}.")]
    assert [one["status"] for one in asked] == [status]
    assert azure.topic(topic) == []


def test_nothing_is_logged_as_a_warning(channel: EventGridChannel, caplog: pytest.LogCaptureFixture) -> None:
    """The options of a call do not fill the log with the SDK's warnings about them."""
    with caplog.at_level(logging.WARNING):
        channel.send(DELIVERY, SUBSCRIPTION, DELIVERY.time)
    assert caplog.messages == []


def test_a_topic_that_is_not_there(azure: LocalAzure, channel: EventGridChannel, topic: str) -> None:
    """A wrong endpoint is said in our words, with the setting's name."""
    azure.fault("eventgrid", path=f"{topic}.*", status=404)
    with pytest.raises(ChannelError, match="PERENNIAL_TOPIC"):
        channel.send(DELIVERY, SUBSCRIPTION, DELIVERY.time)
    azure.clear_faults()


def test_a_lost_role_is_named(azure: LocalAzure, channel: EventGridChannel, topic: str) -> None:
    """A 403 names the role that is missing."""
    azure.fault("eventgrid", path=f"{topic}.*", status=403)
    with pytest.raises(ChannelError, match="EventGrid Data Sender"):
        channel.send(DELIVERY, SUBSCRIPTION, DELIVERY.time)
    azure.clear_faults()


def test_an_installation_without_a_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    """A topic that a setting took away is a failure that says so."""
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    identity = local.app_identity({"PERENNIAL_CLIENT_ID": "x"})
    with pytest.raises(ChannelError, match="no Event Grid topic"):
        EventGridChannel(replace(SETTINGS, topic=""), lambda: identity).send(DELIVERY, SUBSCRIPTION, DELIVERY.time)
