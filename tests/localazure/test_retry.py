"""Event Grid's retry schedule, on a simulated clock."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from localazure.deliveries import Deliveries, Disorder, PublishedEvent
from localazure.envelope import envelope
from localazure.keyvault.events import VaultEvent
from localazure.retry import Outcome, RetryPolicy

START = datetime(2026, 1, 1, tzinfo=UTC)
EVENT = VaultEvent(
    "Microsoft.KeyVault.CertificateNearExpiry",
    "KV-Orders",
    "Certificate",
    "www",
    "0" * 32,
    f"https://kv-orders.vault.azure.net/certificates/www/{'0' * 32}",
    1_700_000_000,
    1_800_000_000,
)


def published(event_id: str = "e1") -> PublishedEvent:
    """Return an event published at the start."""
    return PublishedEvent(event_id, EVENT, START, "cloudevents", envelope(EVENT, event_id, START, "cloudevents"))


def simulate(deliveries: Deliveries, outcome: Outcome, attempts: int = 100) -> list[tuple[str, float]]:
    """Let every attempt meet the same outcome; return the event and the second of each attempt."""
    seen: list[tuple[str, float]] = []
    while (now := deliveries.next_due()) is not None and len(seen) < attempts:
        for delivery in deliveries.take_due(now):
            seen.append((delivery.event.id, (now - START).total_seconds()))
            deliveries.report(delivery, outcome, now)
    return seen


def waits(outcome: Outcome, pace: float = 1.0) -> list[float]:
    """Return the seconds between the attempts at one event."""
    deliveries = Deliveries(RetryPolicy(pace=pace))
    deliveries.add(published(), "http://host", START)
    times = [second for _, second in simulate(deliveries, outcome)]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def test_a_failing_endpoint_is_tried_by_the_documented_schedule() -> None:
    """10 s, 30 s, 1, 5, 10 and 30 min, 1, 3, 6, 12 h; what is due after more than 24 h is not sent."""
    assert waits(Outcome(500)) == [10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200]


@pytest.mark.parametrize(("status", "first"), [(401, 300), (404, 300), (408, 120), (503, 30), (429, 10), (None, 30)])
def test_some_answers_ask_for_a_longer_first_wait(status: int | None, first: float) -> None:
    """The minimum delays of 401, 404, 408 and 503 hold, and the probation of an endpoint that is not there; others wait ten seconds."""
    assert waits(Outcome(status, "SocketError"))[0] == first


@pytest.mark.parametrize(("status", "word"), [(400, "BadRequest"), (403, "Forbidden"), (413, "RequestEntityTooLarge")])
def test_some_answers_are_never_tried_again(status: int, word: str) -> None:
    """A refusal of the event itself ends its delivery at once, and the dead letter names it."""
    deliveries = Deliveries(RetryPolicy())
    deliveries.add(published(), "http://host", START)
    assert len(simulate(deliveries, Outcome(status))) == 1
    assert [letter["deadletterreason"] for letter in deliveries.dead_letters] == [f"UndeliverableDueToHttp{word}"]


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
def test_success_is_200_to_204(status: int) -> None:
    """A success ends the delivery without a dead letter; a redirect is no success."""
    event = published()
    deliveries = Deliveries(RetryPolicy())
    deliveries.add(event, "http://host", START)
    assert len(simulate(deliveries, Outcome(status))) == 1
    assert (event.state, deliveries.dead_letters) == ("delivered", [])
    assert not Outcome(302).succeeded


def test_attempts_are_limited() -> None:
    """After the last allowed attempt the event is dead-lettered, with the reason and the count."""
    policy = RetryPolicy(max_attempts=3)
    deliveries = Deliveries(policy)
    event = published()
    deliveries.add(event, "http://host", START)
    assert len(simulate(deliveries, Outcome(500))) == 3
    (letter,) = deliveries.dead_letters
    assert letter["deadletterreason"] == "MaxDeliveryAttemptsExceeded"
    assert letter["deliveryattempts"] == 3
    assert letter["id"] == event.id
    assert letter["lastdeliveryoutcome"] == "Busy"
    assert letter["publishtime"] == "2026-01-01T00:00:00.0000000Z"
    assert letter["lastdeliveryattempttime"] == "2026-01-01T00:00:40.0000000Z"
    assert event.state == "dead-lettered"


def test_the_time_to_live_is_looked_at_only_when_an_attempt_is_due() -> None:
    """An event that outlived its time waits for its next attempt, which then is not made."""
    deliveries = Deliveries(RetryPolicy(time_to_live=timedelta(minutes=1)))
    deliveries.add(published(), "http://host", START)
    assert simulate(deliveries, Outcome(500)) == [("e1", 0), ("e1", 10), ("e1", 40)]
    assert [letter["deadletterreason"] for letter in deliveries.dead_letters] == ["TimeToLiveExceeded"]


def test_whichever_limit_comes_first_ends_a_delivery() -> None:
    """Two attempts end before half an hour does; of ten attempts six fit into it (the documentation's own example)."""
    for policy, reason in (
        (RetryPolicy(max_attempts=2, time_to_live=timedelta(minutes=30)), "MaxDeliveryAttemptsExceeded"),
        (RetryPolicy(max_attempts=10, time_to_live=timedelta(minutes=30)), "TimeToLiveExceeded"),
    ):
        deliveries = Deliveries(policy)
        deliveries.add(published(), "http://host", START)
        assert len(simulate(deliveries, Outcome(500))) == (2 if policy.max_attempts == 2 else 6)
        assert [letter["deadletterreason"] for letter in deliveries.dead_letters] == [reason]


def test_the_limits_are_azures_unless_they_are_set() -> None:
    """Thirty attempts and a day."""
    assert (RetryPolicy().max_attempts, RetryPolicy().time_to_live) == (30, timedelta(minutes=1440))


def test_pace_scales_every_wait() -> None:
    """At a hundredth of the pace, ten seconds are a tenth of one."""
    assert waits(Outcome(500), pace=0.01)[:3] == pytest.approx([0.1, 0.3, 0.6])


def test_a_failed_delivery_succeeds_later() -> None:
    """An endpoint that recovers gets the event at the next attempt, once."""
    deliveries = Deliveries(RetryPolicy())
    event = published()
    deliveries.add(event, "http://host", START)
    simulate(deliveries, Outcome(500), attempts=1)
    assert event.state == "waiting"
    simulate(deliveries, Outcome(202))
    assert (event.state, len(event.deliveries[0].attempts)) == ("delivered", 2)


@pytest.mark.parametrize(
    ("disorder", "seen"),
    [
        (Disorder(), [("e1", 0), ("e2", 0)]),
        (Disorder(duplicate=2), [("e1", 0)] * 3 + [("e2", 0)] * 3),
        (Disorder(drop=True), []),
        (Disorder(delay=5), [("e1", 5), ("e2", 5)]),
        (Disorder(reorder=2), [("e2", 0), ("e1", 0.1)]),
        (Disorder(reorder=3), [("e2", 2), ("e1", 2.1)]),  # the group never filled
    ],
)
def test_deliveries_are_disturbed_as_asked(disorder: Disorder, seen: list[tuple[str, float]]) -> None:
    """Duplicates, drops, delays and reordering do what they say, and nothing without being asked."""
    deliveries = Deliveries(RetryPolicy())
    for name in ("e1", "e2"):
        deliveries.add(published(name), "http://host", START, disorder)
    assert simulate(deliveries, Outcome(202)) == seen
