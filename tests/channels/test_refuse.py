"""What is wrong with a subscription is said when it is made, naming the field and the fix."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from azure.core.credentials import TokenCredential

from perennial import channels
from perennial.channels.event_grid import EventGridChannel
from perennial.channels.webhook import WebhookChannel
from perennial.model.notices import Subscription
from tests.channels.test_webhook import OLD
from tests.memory.world import SETTINGS

ALLOWED = replace(SETTINGS, webhook_ranges=(ip_network("192.0.2.0/24"),))
SECRETS = {"PERENNIAL_SECRET_ORDERS": OLD, "PERENNIAL_SECRET_BROKEN": "whsec_?", "PERENNIAL_SECRET_EMPTY": ""}
GOOD = Subscription(name="orders", channel="webhook", target="https://192.0.2.1/hook", secret="ORDERS")


def refused(**members: str) -> str:
    """Say what the webhook channel finds wrong with the good subscription, changed."""
    changed = Subscription(
        name="orders",
        channel="webhook",
        target=members.get("target", GOOD.target),
        secret=members.get("secret", GOOD.secret),
    )
    return WebhookChannel(ALLOWED, SECRETS).refuse(changed)


def test_a_good_subscription_is_not_refused() -> None:
    """An https address in reach and a secret that is set are all it takes."""
    assert refused() == ""


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("", "https"),
        ("http://192.0.2.1/", "only https"),
        ("ftp://192.0.2.1/", "only https"),
        ("https://", "no host"),
        ("https://user:pass@192.0.2.1/", "user and password"),
        ("https://192.0.2.1/#a", "fragment"),
        ("https://192.0.2.1:99999/", "no address"),
        ("https://192.0.2.1/a b", "ASCII"),
        ("https://bücher.example/", "xn--"),
        ("https://192.0.2.1/\r\nX: y", "ASCII"),
        ("https://[::1/", "no address"),
        ("https://127.0.0.1/", "loopback"),
        ("https://10.0.0.1/", "PERENNIAL_WEBHOOK_RANGES"),
        ("https://169.254.169.254/metadata", "metadata"),
        ("https://168.63.129.16/", "platform"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://2130706433/", "loopback"),
        ("https://nothing.invalid/", "no address"),
        ("https://192.0.2.1/" + "a" * 2048, "address"),
    ],
)
def test_a_bad_target_is_named(target: str, problem: str) -> None:
    """Every target that no notice could or should reach is refused as the field `target`."""
    answer = refused(target=target)
    assert answer.startswith("target: ")
    assert problem in answer


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("", "NAME"),
        ("orders", "NAME"),
        ("ORDERS_NEXT", "_NEXT"),
        ("MISSING", "PERENNIAL_SECRET_MISSING is not set"),
        ("EMPTY", "PERENNIAL_SECRET_EMPTY is not set"),
        ("BROKEN", "no Standard Webhooks secret"),
        (OLD, "NAME"),
    ],
)
def test_a_bad_secret_is_named(secret: str, problem: str) -> None:
    """A secret is named, set and readable, or the field `secret` is refused, and no secret is quoted."""
    answer = refused(secret=secret)
    assert answer.startswith("secret: ")
    assert problem in answer
    assert OLD not in answer
    assert "whsec_?" not in answer


def no_credential() -> TokenCredential:
    """Fail the test that asks for the identity before the first notice."""
    raise AssertionError("nobody asked for a notice")


@pytest.mark.parametrize(
    ("topic", "target", "secret", "field"),
    [
        ("", "", "", "channel"),
        ("https://t", "https://x", "", "target"),
        ("https://t", "", "X", "secret"),
        ("https://t", "", "", ""),
    ],
)
def test_event_grid_needs_a_topic_and_nothing_else(topic: str, target: str, secret: str, field: str) -> None:
    """The topic is a setting of the installation; a subscription that says more is refused by that field."""
    channel = EventGridChannel(replace(SETTINGS, topic=topic), no_credential)
    answer = channel.refuse(Subscription(name="orders", channel="event-grid", target=target, secret=secret))
    assert answer.partition(":")[0] == field


def test_the_table_builds_every_channel() -> None:
    """Each channel of the table is built without a connection, a token or a secret."""
    built = channels.build(SETTINGS, no_credential, {})
    assert set(built) == set(channels.CHANNELS) == {"event-grid", "webhook"}
