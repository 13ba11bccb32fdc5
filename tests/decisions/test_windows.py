"""A certificate's own instant in its CA's window, and when a window means revocation."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.decisions.lifetimes import latest_due
from perennial.decisions.windows import instant_in, says_revoked
from perennial.model.authority import Suggestion
from perennial.model.certificate import CertificateRef
from tests.decisions.cases import DAY, NOW, REF, version

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
YOUNG = version(80 * DAY)


def window(start: datetime, end: datetime) -> Suggestion:
    """Return a window."""
    return Suggestion(start=start, end=end, ask_again=NOW + 6 * HOUR)


@given(st.integers(1, 10**7), st.integers(-(10**6), 10**6))
def test_the_instant_lies_in_the_window_and_stays(seconds: int, offset: int) -> None:
    """The same for the same window; whole seconds; never past its end."""
    one = window(NOW + offset * SECOND, NOW + (offset + seconds) * SECOND)
    chosen = instant_in(REF, one)
    assert one.start <= chosen < one.end
    assert chosen == instant_in(REF, window(one.start, one.end))
    assert chosen.microsecond == 0


def test_a_fleet_is_spread_over_a_window_and_another_window_spreads_anew() -> None:
    """Each certificate has its own share, and not the same in each window."""
    one, other = window(NOW, NOW + 100 * HOUR), window(NOW + DAY, NOW + DAY + 100 * HOUR)
    fleet = [CertificateRef("kv", f"c{number}") for number in range(200)]
    hours = [(instant_in(ref, one) - one.start) / HOUR for ref in fleet]
    assert all(sum(low <= hour < low + 25 for hour in hours) > 20 for low in (0, 25, 50, 75))
    assert [instant_in(ref, other) - other.start for ref in fleet] != [
        instant_in(ref, one) - one.start for ref in fleet
    ]


@pytest.mark.parametrize(
    ("start", "end", "now", "revoked"),
    [
        (NOW - 2 * DAY, NOW, NOW, True),
        (NOW - 2 * DAY, NOW + SECOND, NOW, False),  # it has not passed
        (NOW - 2 * DAY, latest_due(YOUNG) - SECOND, latest_due(YOUNG), True),
        (NOW - 2 * DAY, latest_due(YOUNG), latest_due(YOUNG) + 9 * DAY, False),  # an ordinary one that we were late for
    ],
    ids=["passed when told", "still open", "just before the ordinary date", "ordinary and late"],
)
def test_a_window_that_had_passed_when_it_was_told_means_revocation(
    start: datetime, end: datetime, now: datetime, revoked: bool
) -> None:
    """If it ends before the lifetime rule would have renewed anyway."""
    assert says_revoked(YOUNG, window(start, end), now) is revoked
