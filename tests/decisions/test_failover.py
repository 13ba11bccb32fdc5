"""Whose turn it is after each failure: the table, and what holds whatever has happened before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.decisions import failover
from perennial.decisions.failover import Life, Turn
from perennial.model.renewal import Renewal
from tests.decisions.cases import DAY, NOW, claim

LIST = ("first", "second", "third")
LIFE = Life(floor=NOW + 10 * DAY, end=NOW + 20 * DAY)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
FIRST = claim(issuer="first", opened=NOW)
HALF = 5 * DAY


def after(row: Renewal, at: timedelta = timedelta(0), retry_after: timedelta | None = None) -> Turn:
    """Return who goes on after a failure that may pass, so long after the beginning."""
    return failover.after_failure(row, LIST, LIFE, NOW + at, retry_after)


def test_a_failure_early_in_its_time_keeps_the_turn() -> None:
    """Until half of the time to the floor is gone it is tried again by the ladder."""
    assert after(FIRST) == after(FIRST, HALF) == Turn("first")
    assert after(FIRST, HALF + SECOND) == Turn("second", at_once=True)


def test_a_retry_after_beyond_its_time_hands_over() -> None:
    """What it asks for itself says that it cannot deliver in time."""
    assert after(FIRST, DAY, 4 * DAY) == Turn("first")
    assert after(FIRST, DAY, 4 * DAY + SECOND) == Turn("second", at_once=True)


def test_under_the_floor_each_failure_hands_over() -> None:
    """Also one whose turn began a moment ago."""
    young = replace(FIRST, issuer="second", turn_began=NOW + 10 * DAY)
    assert after(young, 10 * DAY) == Turn("third", at_once=True)


def test_a_second_issuer_has_its_own_time() -> None:
    """Half of what is left from the beginning of its own turn."""
    row = replace(FIRST, issuer="second", turn_began=NOW + HALF)
    assert after(row, HALF + 2 * DAY) == Turn("second")
    assert after(row, HALF + 2.5 * DAY + SECOND) == Turn("third", at_once=True)


def test_after_the_last_it_goes_round_by_the_ladder() -> None:
    """To the first that has not refused; not at once, or two that are down would be asked without end."""
    last = replace(FIRST, issuer="third")
    assert after(last, 10 * DAY) == Turn("first")
    assert after(replace(last, refused=("first",)), 10 * DAY) == Turn("second")


def test_alone_it_keeps_the_turn() -> None:
    """Nobody else is left: the ladder goes on."""
    assert after(replace(FIRST, refused=("second", "third")), 10 * DAY) == Turn("first")
    assert failover.after_failure(FIRST, ("first",), LIFE, LIFE.end, None) == Turn("first")
    assert failover.after_failure(FIRST, (), LIFE, LIFE.end, None) == Turn("first")


def test_a_refusal_hands_over_at_once_and_the_last_one_ends_it() -> None:
    """Given up only when all have refused for good."""
    assert failover.after_refusal(FIRST, LIST, NOW) == Turn("second", at_once=True)
    assert failover.after_refusal(replace(FIRST, refused=("second",)), LIST, NOW) == Turn("third", at_once=True)
    assert failover.after_refusal(replace(FIRST, refused=("second", "third")), LIST, NOW) is None
    assert failover.after_refusal(FIRST, (), NOW) is None


def test_who_asked_to_be_left_alone_comes_last_and_not_before_its_time() -> None:
    """A Retry-After of an earlier turn stands; the rest that ends first, where all rest."""
    until, later = NOW + DAY, NOW + 2 * DAY
    assert failover.after_refusal(replace(FIRST, resting={"second": until}), LIST, NOW) == Turn("third", at_once=True)
    both = replace(FIRST, resting={"second": later, "third": until})
    assert failover.after_refusal(both, LIST, NOW) == Turn("third", at_once=True, not_before=until)
    assert failover.after_refusal(replace(FIRST, resting={"second": NOW}), LIST, NOW) == Turn("second", at_once=True)


def test_nobody_hands_over_to_one_that_rests_longer() -> None:
    """A CA that asked for a week would leave a dead certificate dead, while the one that failed may be asked again in two hours."""
    under = 10 * DAY
    week, hours = NOW + under + 7 * DAY, NOW + under + 2 * HOUR
    alone = replace(FIRST, refused=("third",))
    resting = replace(alone, resting={"second": week})
    assert after(resting, under) == after(resting, under, 2 * HOUR) == after(resting, under, 7 * DAY) == Turn("first")
    assert after(resting, under, 7 * DAY + SECOND) == Turn("second", at_once=True, not_before=week)
    soon = replace(alone, resting={"second": hours})
    assert after(soon, under, 2 * HOUR) == Turn("first")
    assert after(soon, under, 2 * HOUR + SECOND) == Turn("second", at_once=True, not_before=hours)
    refused = replace(resting, refused=("first", "third"))
    assert after(refused, under) == Turn("second", at_once=True, not_before=week)


def test_who_is_at_work_is_not_left_for_one_that_rests() -> None:
    """Its wait goes on until the other could begin."""
    row = replace(FIRST, refused=("third",), resting={"second": NOW + 12 * DAY})
    assert failover.after_wait(row, LIST, LIFE, NOW + 12 * DAY - SECOND) is None
    assert failover.after_wait(row, LIST, LIFE, NOW + 12 * DAY) == Turn("second", at_once=True)


def test_a_wait_is_cut_to_the_turn_and_under_the_floor_a_named_end_may_be_later() -> None:
    """Half of what is left after the turn stays for another; before the floor there is time to go round."""
    under = replace(FIRST, turn_began=NOW + 10 * DAY)  # five days of its own, five more until the end
    kept, cut = NOW + 17.5 * DAY, NOW + 15 * DAY
    assert failover.longest_wait(under, LIFE, NOW + 12 * DAY) == NOW + 12 * DAY
    assert failover.longest_wait(under, LIFE, kept) == kept
    assert failover.longest_wait(under, LIFE, kept + SECOND) == cut
    before = replace(FIRST, turn_began=NOW + 10 * DAY - SECOND)
    assert failover.longest_wait(before, LIFE, kept) == failover.patience_ends(before, LIFE) < kept
    assert failover.longest_wait(FIRST, LIFE, NOW + DAY) == NOW + DAY
    assert failover.longest_wait(FIRST, LIFE, NOW + 6 * DAY) == NOW + 5 * DAY


def test_an_issuer_that_left_the_list_hands_over_at_its_next_failure() -> None:
    """To the first of the list that is left."""
    gone = replace(FIRST, issuer="renamed")
    assert after(gone) == Turn("first", at_once=True)
    assert failover.after_refusal(replace(gone, refused=("first",)), LIST, NOW) == Turn("second", at_once=True)


@pytest.mark.parametrize(
    ("began", "opened", "patience"),
    [
        (None, NOW, HALF),
        (NOW + 4 * DAY, NOW, 7 * DAY),  # half of its own time
        (NOW + 12 * DAY, NOW + 8 * DAY, 16 * DAY),  # begun under the floor: half of what is left of the life
        (NOW + 12 * DAY, NOW, 18 * DAY),  # but half of what it has taken so far
        (
            NOW + 20 * DAY - timedelta(minutes=30),
            NOW + 20 * DAY - HOUR,
            20 * DAY + timedelta(minutes=30),
        ),  # an hour at least
    ],
    ids=["first", "second", "under the floor", "after a long time", "at the end"],
)
def test_a_wait_lasts_as_long_as_the_turn(began: datetime | None, opened: datetime, patience: timedelta) -> None:
    """Then the next takes over, if one is left."""
    row = replace(FIRST, opened=opened, turn_began=began)
    assert failover.after_wait(row, LIST, LIFE, NOW + patience - SECOND) is None
    assert failover.after_wait(row, LIST, LIFE, NOW + patience) == Turn("second", at_once=True)
    assert failover.after_wait(row, ("first",), LIFE, NOW + patience) is None


names = st.sampled_from(["first", "second", "third", "renamed"])
instants = st.integers(-60 * 24, 60 * 24).map(lambda hours: NOW + timedelta(hours=hours))
rows = st.builds(
    lambda issuer, refused, began, resting: replace(
        FIRST, issuer=issuer, refused=tuple(sorted(refused)), turn_began=began, resting=resting
    ),
    names,
    st.sets(names),
    st.none() | instants,
    st.dictionaries(names, instants),
)
lists = st.lists(st.sampled_from(["first", "second", "third"]), unique=True).map(tuple)
waits = st.none() | st.integers(0, 60 * 24).map(lambda hours: timedelta(hours=hours))


@given(rows, lists, instants, waits)
def test_never_a_refused_one_while_another_is_left(
    row: Renewal, issuers: tuple[str, ...], now: datetime, retry_after: timedelta | None
) -> None:
    """Whatever has happened, whose turn it is has not refused, unless all others have."""
    left = set(issuers) - set(row.refused)
    turn = failover.after_failure(row, issuers, LIFE, now, retry_after)
    assert turn.issuer in left or (not left - {row.issuer} and turn.issuer == row.issuer)
    refusal = failover.after_refusal(row, issuers, now)
    others = left - {row.issuer}
    assert (refusal is None) == (not others)
    assert refusal is None or refusal.issuer in others


@given(rows, lists, instants)
def test_a_refusal_always_leaves_fewer(row: Renewal, issuers: tuple[str, ...], now: datetime) -> None:
    """Refusals for good come to an end: each takes one away, so that a list is gone through once at the most."""
    steps = 0
    turn = failover.after_refusal(row, issuers, now)
    while turn is not None:
        row = replace(row, refused=(*row.refused, row.issuer), issuer=turn.issuer)
        turn = failover.after_refusal(row, issuers, now)
        steps += 1
    assert steps <= len(issuers)
