"""Telling: rows first, then one message for each."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from perennial.errors import PerennialError
from perennial.model.messages import Look, Nudge, Walk
from perennial.model.notices import DeliveryState
from perennial.workflows import announce, notices
from tests.memory.queue import MemoryQueues
from tests.memory.tables import memory_tables
from tests.workflows.telling import DAY, HOUR, START, WEB, Scene, make_entry, make_version, version_notice


class Killed(PerennialError):
    """The worker died here."""


class DyingQueues(MemoryQueues):
    """Queues whose sender dies instead of the n-th send."""

    def __init__(self, alive: int) -> None:
        """Let so many messages through."""
        super().__init__()
        self.alive = alive

    def send(self, message: Look | Nudge | Walk, delay: timedelta = timedelta(0)) -> None:
        """Send, or die."""
        if self.alive == 0:
            raise Killed
        self.alive -= 1
        super().send(message, delay)


def test_one_row_and_one_message_for_each_recipient(spoil: Callable[[Scene], None]) -> None:
    """Everyone who wants a notice gets a row and a message; nobody else does."""
    scene = Scene()
    scene.subscribe("orders")
    scene.subscribe("web", certificates="web*")
    scene.subscribe("mail", certificates="mail*")
    spoil(scene)
    scene.tell(version_notice(1))
    assert [row.subscription for row in scene.deliveries()] == ["orders", "web"], "every subscriber has a row"
    assert [nudge.delivery for nudge in scene.queues.nudges] == [row.key for row in scene.deliveries()]
    assert all(row.state is DeliveryState.OPEN for row in scene.deliveries())


def test_all_subscriptions_are_read_over_empty_pages() -> None:
    """A page of subscriptions that is empty and yet has more ends nothing."""
    scene = Scene(tables=memory_tables(choppy=True))
    scene.subscribe("orders")
    assert scene.tell(version_notice(1)) == 1


def test_a_repeat_after_delivery_tells_nothing() -> None:
    """The same notice again finds its rows, and sends no message for those that were attempted."""
    scene = Scene()
    scene.subscribe("orders")
    scene.tell(version_notice(1))
    scene.run()
    assert scene.tell(version_notice(1)) == 1
    assert scene.queues.sent == []
    assert len(scene.channel.sent) == 1


@pytest.mark.parametrize("alive", [0, 1, 2])
def test_a_crash_between_row_and_message_repeats_harmlessly(alive: int, spoil: Callable[[Scene], None]) -> None:
    """Whoever repeats the work sends the messages that are missing; each recipient is told once."""
    scene = Scene(queues=DyingQueues(alive))
    for name in ("a", "b", "c"):
        scene.subscribe(name)
    spoil(scene)
    with pytest.raises(Killed):
        scene.tell(version_notice(1))
    before = scene.queues.sent
    scene.queues = MemoryQueues()
    scene.queues.sent = list(before)
    scene.tell(version_notice(1))
    scene.run()
    told = sorted(sent.subscription.name for sent in scene.channel.sent)
    assert told == ["a", "b", "c"], "a repeat has the same id, so each is told once"


def test_an_operators_notice_without_a_recipient_is_loud(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what nobody was told, with all of it; a new version that nobody wants is silent."""
    scene = Scene()
    trouble = notices.vault_trouble("kv-orders", "403 ForbiddenByRbac", "1", START)
    with caplog.at_level(logging.WARNING, logger="perennial"):
        scene.tell(version_notice(1))
        assert caplog.records == []
        assert scene.tell(trouble) == 0
    (line,) = caplog.messages
    assert json.loads(line)["event"] == "nobody-is-told"
    assert json.loads(line)["data"]["reason"] == "403 ForbiddenByRbac"


def test_an_operators_notice_with_a_recipient_is_not_loud(caplog: pytest.LogCaptureFixture) -> None:
    """A subscription is enough."""
    scene = Scene()
    scene.subscribe("operators")
    with caplog.at_level(logging.WARNING, logger="perennial"):
        scene.tell(notices.vault_trouble("kv-orders", "403 ForbiddenByRbac", "1", START))
    assert caplog.records == []


def test_a_version_is_announced_with_all_that_a_service_needs() -> None:
    """The notice holds the version's facts and the unversioned secret id; the entry remembers what was announced."""
    scene = Scene()
    scene.subscribe("orders")
    version = make_version(7, START)
    entry = announce.announce_version(scene.world, make_entry(version), version, make_version(6).id, "Key Vault")
    assert (entry.announced, entry.announced_created) == (version.id, START)
    data = json.loads(scene.only().body)
    assert version.leaf is not None
    assert data == {
        "vault": "kv-orders",
        "certificate": "web",
        "owner": None,
        "version": version.id,
        "previous_version": make_version(6).id,
        "created": "2026-03-01T12:00:00Z",
        "not_before": "2026-03-01T12:00:00Z",
        "not_after": "2026-05-30T12:00:00Z",
        "sha256": version.leaf.sha256,
        "sha1": version.leaf.sha1,
        "serial": "7",
        "subject": "CN=web.example",
        "issuer": "CN=web.example",
        "names": ["web.example"],
        "made_by": "Key Vault",
        "secret_id": f"{scene.world.settings.cloud.vault_url('kv-orders')}/secrets/web",
    }


def test_the_announced_version_only_moves_to_a_newer_one() -> None:
    """An older version is neither told nor remembered; one of the same second is."""
    scene = Scene()
    scene.subscribe("orders")
    new, same, old = make_version(2, START), make_version(3, START), make_version(1, START - DAY)
    entry = announce.announce_version(scene.world, make_entry(), new, "", "")
    assert announce.announce_version(scene.world, entry, old, "", "") == entry
    assert len(scene.deliveries()) == 1
    assert announce.announce_version(scene.world, entry, same, new.id, "").announced == same.id
    assert len(scene.deliveries()) == 2


def test_the_first_body_stays() -> None:
    """A repeat that sees it a little otherwise changes nothing of what was told: every attempt sends the same text."""
    scene = Scene()
    scene.subscribe("orders")
    version = make_version(1)
    announce.announce_version(scene.world, make_entry(version), version, "", "")
    body = scene.only().body
    scene.now += HOUR
    announce.announce_version(scene.world, make_entry(version), version, "", "a person")
    assert scene.only().body == body


def test_a_chosen_recipient_is_told_whatever_it_matches() -> None:
    """A test notice goes to the subscription that asked, though routing would not send it there."""
    scene = Scene()
    scene.subscribe("web", certificates="web")
    chosen = scene.subscription("web")
    assert announce.tell_these(scene.world, notices.trial(chosen, START), [chosen]) == 1
    scene.run()
    assert [sent.subscription.name for sent in scene.channel.sent] == ["web"]
    assert scene.tell(notices.trial(chosen, START)) == 0


def test_the_subscription_that_failed_is_left_out() -> None:
    """`never` is not told, whatever it matches."""
    scene = Scene()
    scene.subscribe("orders")
    scene.subscribe("operators")
    assert announce.tell(scene.world, version_notice(1), never="orders") == 1
    assert scene.only().subscription == "operators"
    assert scene.only().subject == f"{WEB.vault}:{WEB.name}"
