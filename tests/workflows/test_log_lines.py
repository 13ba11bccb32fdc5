"""What one line of the log says of a unit of work: queries and alerts read its members as columns."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from perennial.errors import Changed, ChannelError
from perennial.model.notices import Attempt, Delivery, DeliveryState
from perennial.ports.tables import Stored
from perennial.workflows import announce, notices
from perennial.workflows.places import Places
from tests.workflows.racing import Over
from tests.workflows.telling import DAY, FAR, HOUR, MINUTE, START, Scene, make_entry, make_version, version_notice
from tests.workflows.test_turns import SUBJECT, close, rewrite, told


def lost_race(scene: Scene) -> None:
    """Let another write each delivery between its read and its save."""

    class Raced(Over[Delivery]):
        """Deliveries that another writes a moment earlier."""

        def save(self, row: Stored[Delivery]) -> Stored[Delivery]:
            """Find the row written by another."""
            raise Changed(row.value.key)

    scene.tables = replace(scene.tables, deliveries=Raced(scene.tables.deliveries))


def early(scene: Scene) -> None:
    """Let its rung lie ahead."""
    rewrite(scene, attempts=(Attempt(START, "503"),), next_attempt=START + MINUTE)


def fails(scene: Scene) -> None:
    """Let the channel fail."""
    scene.channel.down = ChannelError("500")


def throttles(scene: Scene) -> None:
    """Let the channel ask for patience."""
    scene.channel.down = ChannelError("429", throttled=True)


def answers_late(scene: Scene) -> None:
    """Let another take the row over while the channel takes the notice."""
    scene.channel.on_send = lambda _: scene.tables.deliveries.put(scene.only())


def after_a_newer_one(scene: Scene) -> None:
    """Let a newer version have been delivered."""
    newer = version_notice(2, START + HOUR)
    scene.tell(newer)
    row = next(one for one in scene.deliveries() if one.notice == newer.id)
    scene.tables.deliveries.put(replace(row, state=DeliveryState.DELIVERED))


def beside_a_held_one(scene: Scene) -> None:
    """Let another version be on its way."""
    newer = version_notice(2, START + HOUR)
    scene.tell(newer)
    row = next(one for one in scene.deliveries() if one.notice == newer.id)
    scene.tables.deliveries.put(replace(row, lease_until=START + MINUTE))


class Full(Places):
    """A process in which every place is taken."""

    @contextmanager
    def one_of(self, most: int, who: str) -> Iterator[bool]:
        """Have none free."""
        del most, who
        yield False


def full(scene: Scene) -> None:
    """Let others to its subscription be under way."""
    scene.places = Full()


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        (lambda _: None, "delivered"),
        (lambda scene: scene.tables.deliveries.delete(SUBJECT, scene.only().key), "no-such-delivery"),
        (lambda scene: rewrite(scene, state=DeliveryState.ABANDONED), "closed-before"),
        (lambda scene: rewrite(scene, lease_until=START + MINUTE), "under-lease"),
        (early, "too-early"),
        (lambda scene: scene.tables.subscriptions.delete("subscription", "orders"), "abandoned"),
        (lambda scene: close(scene, FAR), "subscription-closed"),
        (lost_race, "taken-by-another"),
        (after_a_newer_one, "superseded"),
        (beside_a_held_one, "gave-way"),
        (full, "stood-back"),
        (fails, "failed"),
        (throttles, "throttled"),
        (answers_late, "answer-not-recorded"),
    ],
)
def test_the_line_of_a_turn_says_how_it_ended(
    act: Callable[[Scene], object], outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One line a turn, with subject and delivery."""
    scene = told()
    row = scene.only()
    act(scene)
    with caplog.at_level(logging.INFO, logger="perennial"):
        scene.deliver(row)
    (line,) = [one for one in map(json.loads, caplog.messages) if one["event"] == "deliver"]
    assert line == {"event": "deliver", "subject": SUBJECT, "delivery": row.key, "outcome": outcome}


def test_what_was_given_up_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """With the reason."""
    scene = told()
    row = scene.only()
    close(scene, FAR)
    scene.now = START + 7 * DAY
    scene.deliver(row)
    (line,) = [one for one in map(json.loads, caplog.messages) if one["event"] == "abandoned"]
    assert line == {
        "event": "abandoned",
        "subject": SUBJECT,
        "delivery": row.key,
        "kind": "new-version",
        "why": "the subscription is closed after failures",
    }


def test_a_version_that_is_told_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Which, by whom, and to how many."""
    scene = Scene()
    scene.subscribe("orders")
    version = make_version(7)
    with caplog.at_level(logging.INFO, logger="perennial"):
        announce.announce_version(scene.world, make_entry(version), version, "", "Key Vault")
    line = {"certificate": "kv-orders/web", "version": version.id, "by": "Key Vault", "recipients": 1}
    assert [json.loads(text) for text in caplog.messages] == [{"event": "announced", **line}]


def test_a_notice_that_nobody_wants_is_whole_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Its id, kind and subject, and all that it would have said."""
    scene = Scene()
    trouble = notices.vault_trouble("kv-orders", "403", "1", START)
    scene.tell(trouble)
    (line,) = [json.loads(text) for text in caplog.messages]
    assert {name: line[name] for name in ("event", "notice", "kind", "subject")} == {
        "event": "nobody-is-told",
        "notice": trouble.id,
        "kind": "action-needed",
        "subject": "kv-orders:",
    }
    assert line["data"]["reason"] == "403"
