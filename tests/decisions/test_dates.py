"""The dates and waits of a life, each at its edge: a second before, and at the instant itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from perennial.decisions import backoff, lifetimes
from perennial.decisions.backoff import Closure, Refusal
from perennial.decisions.case import Case, written
from perennial.decisions.tags import Wishes
from perennial.model.certificate import Version
from perennial.model.decision import RenewalPolicy, Snapshot
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Outcome
from tests.decisions.cases import (
    AUTO,
    CURRENT,
    DAY,
    NOW,
    OLDER,
    REF,
    RENEW,
    SELF,
    UNKNOWN,
    asked,
    claim,
    snapshot,
    version,
)

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
PLACE = 323623  # of kv-orders/www in 4.5 days, in seconds: a release that moves it moves every due date
FLEET = [replace(REF, name=f"cert-{number}") for number in range(300)]


def case(seen: Snapshot, now: datetime = NOW, policy: RenewalPolicy = RENEW) -> Case:
    """Return a snapshot's case."""
    assert seen.current is not None
    return Case(seen, seen.current, policy, now)


def test_the_notice_ladder() -> None:
    """A minute, five, thirty, two hours, six hours, and six hours from then on."""
    minutes = [backoff.notice_delay(failures) / MINUTE for failures in range(7)]
    assert minutes == [1, 1, 5, 30, 120, 360, 360]
    assert backoff.FAILURES_TO_CLOSE == 5


def test_a_renewals_wait_at_each_rung() -> None:
    """The ladder's step, an hour at most under the floor, and in both what the CA asked for when that is longer."""
    ladder = (MINUTE, DAY)
    assert backoff.renewal_wait(ladder, 1, None) == backoff.RenewalWait(MINUTE, MINUTE)
    assert backoff.renewal_wait(ladder, 2, None) == backoff.RenewalWait(DAY, HOUR)
    assert backoff.renewal_wait(ladder, 2, 3 * HOUR) == backoff.RenewalWait(DAY, 3 * HOUR)


@pytest.mark.parametrize(
    ("kind", "first", "longest"),
    [
        (Refusal.THROTTLED, 10, 300),
        (Refusal.FORBIDDEN, 900, 900),
        (Refusal.UNREACHABLE, 900, 900),
        (Refusal.FAILING, 60, 3600),
    ],
)
def test_how_long_each_refusal_closes(kind: Refusal, first: int, longest: int) -> None:
    """The first time, and after many in a row."""
    assert backoff.refused(Closure(), kind, NOW, NOW).until == NOW + first * SECOND
    assert backoff.refused(Closure(closures=500), kind, NOW, NOW).until == NOW + longest * SECOND


def test_closed_until_its_instant() -> None:
    """Closed a second before, open at the instant, and open where nothing closed it."""
    closure = Closure(until=NOW)
    assert closure.closed(NOW - SECOND)
    assert not closure.closed(NOW)
    assert not Closure().closed(NOW)


def test_what_was_opened_knows_when_it_was_last_closed() -> None:
    """So a refusal of a request that began before that changes nothing, and one that began with it counts."""
    open_again = Closure(at=NOW)
    assert backoff.refused(open_again, Refusal.FAILING, NOW - SECOND, NOW + SECOND) == open_again
    assert backoff.refused(open_again, Refusal.FAILING, NOW, NOW + SECOND).closures == 1


def test_due_dates_fill_a_twentieth_of_the_life() -> None:
    """Before the latest date, never after it, over the whole twentieth; and the place of a name never moves."""
    one = version(45 * DAY)
    early = [lifetimes.latest_due(one) - lifetimes.due(ref, one, Wishes()) for ref in FLEET]
    assert timedelta(0) <= min(early) < max(early) < one.lifetime / 20
    assert max(early) > one.lifetime / 20 * 0.98
    assert lifetimes.latest_due(one) - lifetimes.due(REF, one, Wishes()) == timedelta(seconds=PLACE)


@pytest.mark.parametrize(
    ("wishes", "left"),
    [
        (Wishes(renew_before=40 * DAY), 40 * DAY),
        (Wishes(renew_share=0.5), 45 * DAY),
        (Wishes(renew_before=80 * DAY), 67.5 * DAY),
        (Wishes(renew_share=0.9), 67.5 * DAY),
    ],
)
def test_a_tag_pulls_the_due_date_earlier(wishes: Wishes, left: timedelta) -> None:
    """To the day or share that it names, but not into the first quarter of the life."""
    one = version(90 * DAY)
    assert one.not_after - lifetimes.due(REF, one, wishes) == left


def test_a_tag_cannot_push_the_due_date_back() -> None:
    """One day before the end is later than the rule: the rule holds."""
    one = version(90 * DAY)
    assert lifetimes.due(REF, one, Wishes(renew_before=DAY)) == lifetimes.due(REF, one, Wishes())


def test_key_vaults_own_trigger() -> None:
    """Days before the end where the policy counts days, a share of the life otherwise, 80 % where it names none."""
    one = version(90 * DAY)
    assert lifetimes.trigger(replace(AUTO, trigger_days=7), one) == one.not_after - 7 * DAY
    assert lifetimes.trigger(replace(AUTO, trigger_percentage=50), one) == one.not_before + 45 * DAY
    assert lifetimes.trigger(replace(AUTO, trigger_percentage=None), one) == one.not_before + 72 * DAY


def test_key_vault_renews_itself_only_what_its_issuer_can() -> None:
    """An `Unknown` issuer rotates nothing, whatever its lifetime action says."""
    assert lifetimes.supervised(AUTO)
    assert not lifetimes.supervised(replace(AUTO, issuer=UNKNOWN.issuer))


RUNGS = [
    50 * DAY,
    30 * DAY,
    15 * DAY,
    6 * DAY,
    timedelta(0),
]  # left of 300 days: a sixth, tenth, twentieth, fiftieth, nothing


@pytest.mark.parametrize(("number", "left"), list(enumerate(RUNGS, 1)))
def test_a_rung_is_reached_at_its_instant(number: int, left: timedelta) -> None:
    """Not a second before; and the next rung is always later than now."""
    reached, earlier = version(left, 300 * DAY), version(left + SECOND, 300 * DAY)
    assert (lifetimes.rung_reached(earlier, NOW), lifetimes.rung_reached(reached, NOW)) == (number - 1, number)
    assert lifetimes.next_rung(earlier, NOW) == NOW + SECOND
    assert lifetimes.next_rung(reached, NOW) == (NOW + left - RUNGS[number] if number < len(RUNGS) else None)


@pytest.mark.parametrize(
    ("one", "settled", "wait"),
    [
        (version(20 * DAY), True, 7 * DAY),
        (version(-DAY), True, 7 * DAY),
        (None, True, DAY),
        (None, False, DAY),
        (version(20 * DAY), False, DAY),
        (version(5 * DAY), False, 12 * HOUR),
        (version(10 * MINUTE), False, 5 * MINUTE),
        (version(SECOND), False, 5 * MINUTE),
        (version(timedelta(0)), False, DAY),
        (version(-DAY), False, DAY),
    ],
)
def test_when_the_vault_is_read_again(one: Version | None, settled: bool, wait: timedelta) -> None:
    """In a week; where somebody else acts, in a day or a tenth of the life left; daily once it is dead or was never there."""
    assert lifetimes.read_again(one, settled=settled, now=NOW) == NOW + wait


def test_due_and_emergency_begin_at_their_instants() -> None:
    """A second before neither, at the instant both."""
    seen = snapshot(80 * DAY)
    due, floor = case(seen).due_at, case(seen).floor_at
    assert [case(seen, at).due for at in (due - SECOND, due)] == [False, True]
    assert [case(seen, at).emergency for at in (floor - SECOND, floor)] == [False, True]
    assert floor == NOW + 80 * DAY - 9 * DAY


def test_the_floor_of_a_supervised_certificate_waits_for_its_turn() -> None:
    """Where Key Vault's own trigger is later than the floor, the emergency begins when Perennial steps in; else at the floor."""
    late = replace(AUTO, trigger_days=1)
    end = NOW + 80 * DAY
    assert case(snapshot(80 * DAY, policy=late)).floor_at == end - 12 * HOUR
    assert case(snapshot(80 * DAY, policy=replace(late, trigger_days=30))).floor_at == end - 9 * DAY
    assert case(snapshot(80 * DAY, policy=replace(SELF, trigger_days=1))).floor_at == end - 9 * DAY


def test_a_window_in_the_past_makes_it_due_once() -> None:
    """Not again for a version that such a window has brought; any other version's last renewal does not count."""
    heels = claim(replacing=OLDER, outcome=Outcome.ISSUED, new_version=CURRENT, trigger=ReasonCode.REVOKED)
    seen = snapshot(80 * DAY, window_passed=True)
    assert case(seen).due
    assert not case(replace(seen, renewal=heels)).due
    assert case(replace(seen, renewal=replace(heels, trigger=ReasonCode.DUE))).due
    assert case(replace(seen, renewal=replace(heels, new_version=OLDER))).due
    assert not case(replace(seen, window_passed=False)).due


@pytest.mark.parametrize(
    ("last_lifetime", "guarded"), [(60 * DAY, 15 * DAY), (200 * DAY, 22.5 * DAY), (None, 22.5 * DAY)]
)
def test_the_loop_guard_lasts_a_quarter_of_the_shorter_life(last_lifetime: timedelta, guarded: timedelta) -> None:
    """Of the version's and its predecessor's; without a predecessor, of its own."""
    seen = snapshot(80 * DAY, last_issued=NOW - DAY, last_lifetime=last_lifetime)
    assert case(seen).guarded_until == NOW - DAY + guarded
    assert case(replace(seen, last_issued=None)).guarded_until is None


def test_the_longer_of_two_pauses_counts() -> None:
    """The tag's and the person's, whichever ends last."""
    tags = {"perennial-pause-until": "2026-11-30"}
    tagged = datetime(2026, 11, 30, tzinfo=UTC)
    assert case(snapshot(80 * DAY, tags=tags)).paused_until == tagged
    assert case(snapshot(80 * DAY, tags=tags, paused_until=NOW)).paused_until == tagged
    assert case(snapshot(80 * DAY, tags=tags, paused_until=NOW + 30 * DAY)).paused_until == NOW + 30 * DAY


def test_the_next_step_of_an_open_claim() -> None:
    """As the claim says; under the floor as early as the CA allows; at once for a person who asked after its last step."""
    waiting = claim(next_step=NOW + DAY, earliest=NOW + HOUR, stepped=NOW - HOUR)
    seen = snapshot(20 * DAY, renewal=waiting)
    assert case(seen).next_step == NOW + DAY
    assert case(snapshot(5 * DAY, renewal=waiting)).next_step == NOW + HOUR
    assert case(replace(seen, request=asked(at=NOW - MINUTE))).next_step == NOW
    assert case(replace(seen, request=asked(at=NOW - HOUR))).next_step == NOW + DAY
    assert case(replace(seen, request=asked(at=NOW - DAY))).next_step == NOW + DAY
    assert case(replace(seen, request=asked(), renewal=replace(waiting, stepped=None))).next_step == NOW


def test_a_wait_ends_at_the_floor() -> None:
    """It is brought forward to the floor while that lies ahead, and left as it is from there on."""
    ahead, behind = case(snapshot(20 * DAY)), case(snapshot(5 * DAY))
    assert ahead.not_past_floor(NOW + DAY) == NOW + DAY
    assert ahead.not_past_floor(NOW + 30 * DAY) == ahead.floor_at == NOW + 11 * DAY
    assert behind.not_past_floor(NOW + 30 * DAY) == NOW + 30 * DAY
    assert case(snapshot(9 * DAY)).not_past_floor(NOW + DAY) == NOW + DAY


def test_midnight_is_the_next_of_utc_and_spread_over_ten_minutes() -> None:
    """Whatever the zone in which the instant is written; each name has its own place."""
    now = datetime(2026, 11, 24, 20, 14, 15, 16, tzinfo=timezone(-5 * HOUR))  # already the 25th in UTC
    places = [case(replace(snapshot(DAY), certificate=ref), now).midnight() for ref in FLEET]
    midnight = datetime(2026, 11, 26, tzinfo=UTC)
    assert midnight <= min(places) < midnight + 10 * SECOND
    assert {place.microsecond for place in places} == {0}
    assert midnight + 9.8 * MINUTE < max(places) < midnight + 10 * MINUTE


def test_an_instant_is_written_in_utc() -> None:
    """To the minute, with its zone."""
    assert written(datetime(2026, 11, 24, 9, 5, tzinfo=timezone(5 * HOUR))) == "2026-11-24 04:05Z"
