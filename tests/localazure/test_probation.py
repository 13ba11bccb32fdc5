"""A failing endpoint is spared for a while: its retries and what is new wait, by a simulated clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from localazure.deliveries import Deliveries
from localazure.probation import LONGEST, TOLERATED, Probation
from localazure.retry import Outcome, RetryPolicy
from tests.localazure.test_retry import START, published, simulate

ILL, WELL = "http://ill", "http://well"
DOWN = Outcome(None, "SocketError")


def failed_once(outcome: Outcome, policy: RetryPolicy | None = None) -> Deliveries:
    """Return deliveries of which one just failed at the ill endpoint."""
    deliveries = Deliveries(policy or RetryPolicy())
    deliveries.add(published("e1"), ILL, START)
    (delivery,) = deliveries.take_due(START)
    deliveries.report(delivery, outcome, START)
    return deliveries


def first_attempt(deliveries: Deliveries, event_id: str) -> float:
    """Return the second at which an event is sent for the first time; from now on all is well."""
    return dict(reversed(simulate(deliveries, Outcome(202))))[event_id]


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        (Outcome(500), 10),
        (Outcome(503), 10),
        (Outcome(429), 10),
        (Outcome(None, "TimedOut"), 10),
        (Outcome(408), 10),
        (DOWN, 30),
        (Outcome(404), 300),
        (Outcome(401), 300),
        (Outcome(403), 300),
        (Outcome(400), 0),
        (Outcome(413), 0),
    ],
)
def test_what_is_new_waits_while_its_endpoint_is_on_probation(outcome: Outcome, seconds: float) -> None:
    """The pause goes by the failure; a refusal of one event is none of the endpoint's."""
    deliveries = failed_once(outcome)
    deliveries.add(published("e2"), ILL, START)
    assert first_attempt(deliveries, "e2") == seconds


def test_another_endpoint_is_not_held_up() -> None:
    """An event for an endpoint that is well goes at once, though another is on probation."""
    deliveries = failed_once(DOWN)
    deliveries.add(published("e2"), WELL, START)
    assert first_attempt(deliveries, "e2") == 0


def test_a_pause_is_no_attempt() -> None:
    """What was held back has used none of its attempts, and after the pause it arrives with the first."""
    deliveries = failed_once(Outcome(404))
    event = published("e2")
    deliveries.add(event, ILL, START)
    simulate(deliveries, Outcome(202))
    assert (event.state, len(event.deliveries[0].attempts)) == ("delivered", 1)


def test_what_outlives_its_time_on_probation_was_never_tried() -> None:
    """Its dead letter says so: no attempt, and the last outcome is the probation."""
    deliveries = failed_once(Outcome(404), RetryPolicy(time_to_live=timedelta(minutes=1)))
    deliveries.add(published("e2"), ILL, START)
    simulate(deliveries, Outcome(202))
    letters = {str(letter["id"]): letter for letter in deliveries.dead_letters}
    assert (letters["e2"]["deliveryattempts"], letters["e2"]["lastdeliveryoutcome"]) == (0, "Probation")
    assert letters["e2"]["deadletterreason"] == "TimeToLiveExceeded"
    assert (letters["e1"]["deliveryattempts"], letters["e1"]["lastdeliveryoutcome"]) == (1, "NotFound")


def pauses(rounds: int, together: int, outcome: Outcome = DOWN) -> list[float]:
    """Let so many attempts fail together at the end of each pause; return the pauses."""
    probation, now, found = Probation(pace=1), START, []
    for _ in range(rounds):
        for _ in range(together):
            probation.report(ILL, outcome, now)
        until = probation.closed_until(ILL, now)
        assert until is not None
        found.append((until - now).total_seconds())
        now = until
    return found


def test_an_endpoint_that_keeps_failing_delays_everything_for_hours() -> None:
    """After ten failures in a row each further pause is twice as long, up to three hours."""
    found = pauses(30, together=1)
    assert found[: TOLERATED + 3] == [30] * TOLERATED + [60, 120, 240]
    assert found[-1] == max(found) == LONGEST


def test_failures_at_the_same_moment_are_one_step() -> None:
    """A hundred events that fail together lengthen the pause no more than one that fails."""
    assert pauses(4, together=100) == [30, 60, 120, 240]


def test_a_long_pause_holds_new_events_and_a_success_ends_it() -> None:
    """An endpoint that was down for a day gets the next event an hour or more late, and the one after it at once."""
    deliveries = Deliveries(RetryPolicy())
    for hours in range(24):
        time = START + timedelta(hours=hours)
        deliveries.add(replace(published(f"old-{hours}"), published=time), ILL, time)
    seen = simulate(deliveries, DOWN, attempts=10_000)
    end = START + timedelta(seconds=seen[-1][1])
    deliveries.add(replace(published("late"), published=end), ILL, end)
    due = deliveries.next_due()
    while due is not None and not (sent := deliveries.take_due(due)):
        due = deliveries.next_due()
    assert due is not None
    assert timedelta(hours=1) < due - end <= timedelta(seconds=LONGEST)
    deliveries.report(sent[0], Outcome(202), due)
    deliveries.add(published("next"), ILL, due)
    assert [delivery.event.id for delivery in deliveries.take_due(due)] == ["next"]


def test_a_success_begins_the_count_again() -> None:
    """Nine failures, a success and nine failures are not eighteen in a row."""
    probation, now = Probation(pace=1), START
    for _ in range(2):
        for _ in range(TOLERATED - 1):
            probation.report(ILL, DOWN, now)
            now += timedelta(minutes=5)
        probation.report(ILL, Outcome(202), now)
        assert probation.closed_until(ILL, now) is None
    probation.report(ILL, DOWN, now)
    assert probation.closed_until(ILL, now) == now + timedelta(seconds=30)


def test_pace_scales_the_pauses() -> None:
    """At a hundredth of the pace half a minute is 0.3 seconds."""
    deliveries = failed_once(DOWN, RetryPolicy(pace=0.01))
    deliveries.add(published("e2"), ILL, START)
    assert first_attempt(deliveries, "e2") == 0.3


def test_a_late_success_drops_the_queued_retry() -> None:
    """The attempt timed out and was answered after all: the event is not sent again."""
    deliveries = failed_once(Outcome(None, "TimedOut"))
    event = published("e2")
    deliveries.add(event, WELL, START)
    (delivery,) = deliveries.take_due(START)
    deliveries.report(delivery, Outcome(None, "TimedOut"), START)
    deliveries.report_late(delivery, Outcome(200))
    assert event.state == "delivered"
    assert "e2" not in dict(simulate(deliveries, Outcome(202)))


def test_a_late_failure_changes_nothing() -> None:
    """The retry comes when it was due."""
    deliveries = Deliveries(RetryPolicy())
    deliveries.add(published(), WELL, START)
    (delivery,) = deliveries.take_due(START)
    deliveries.report(delivery, Outcome(None, "TimedOut"), START)
    deliveries.report_late(delivery, Outcome(500))
    assert simulate(deliveries, Outcome(202)) == [("e1", 10)]


def test_a_late_success_comes_too_late_for_a_retry_under_way() -> None:
    """The event is delivered twice, and the second attempt's failure is not tried again."""
    deliveries = Deliveries(RetryPolicy())
    event = published()
    deliveries.add(event, WELL, START)
    (delivery,) = deliveries.take_due(START)
    deliveries.report(delivery, Outcome(None, "TimedOut"), START)
    later = START + timedelta(seconds=10)
    assert deliveries.take_due(later) == [delivery]
    deliveries.report_late(delivery, Outcome(202))
    deliveries.report(delivery, Outcome(500), later)
    assert (event.state, len(delivery.attempts), deliveries.next_due()) == ("delivered", 2, None)
