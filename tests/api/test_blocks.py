"""What keeps a certificate from being renewed today: to the second, and with the facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from perennial.decisions.lifetimes import floor
from perennial.model.decision import RenewalPolicy
from perennial.model.inventory import Entry
from perennial.model.mode import Mode
from perennial.model.reasons import Reason, ReasonCode
from perennial.workflows.api import blocks
from tests.api.stocking import DAY, NOW, stock
from tests.memory.world import make_world

RENEW = RenewalPolicy(mode=Mode.RENEW)
BRAKED = replace(RENEW, brake=20, renewals_today=20)
SECOND = timedelta(seconds=1)


def row(**columns: Any) -> Entry:
    """Return a certificate that is due now and has no reason of its own."""
    made = stock(make_world(NOW), left=50 * DAY)
    return replace(made, **({"due_at": NOW, "reason": None} | columns))


def test_nothing_blocks_what_may_be_renewed() -> None:
    """Without a reason of its own too."""
    assert blocks.of(row(), RENEW, NOW) == ()


def test_its_own_reason_blocks_unless_today_says_better() -> None:
    """What a person must do stays; what the row tells of switch, mode or brake is computed anew."""
    own = Reason(ReasonCode.GIVEN_UP, {"error": "no"})
    assert blocks.of(row(reason=own), RENEW, NOW) == (own,)
    facts = {"why": "x", "due": "x", "until": "x", "count": "20", "limit": "20"}
    for code in ("kill-switch", "observed", "never", "paused", "brake"):
        assert blocks.of(row(reason=Reason(ReasonCode(code), facts)), RENEW, NOW) == ()


@pytest.mark.parametrize(("due", "written"), [(NOW, "2026-11-24 08:00Z"), (None, "?")])
def test_who_is_not_managed_would_be_due(due: datetime | None, written: str) -> None:
    """By its vault's mode with the date; by its own tag for good."""
    observed = replace(RENEW, mode=Mode.OBSERVE)
    assert blocks.of(row(due_at=due), observed, NOW) == (Reason(ReasonCode.OBSERVED, {"due": written}),)
    never = row(tags={"perennial-renew": "never"})
    assert blocks.of(never, RENEW, NOW) == (Reason(ReasonCode.NEVER),)


def test_the_switch_says_why() -> None:
    """As whoever turned it did."""
    off = replace(RENEW, switched_off="incident")
    assert blocks.of(row(), off, NOW) == (Reason(ReasonCode.KILL_SWITCH, {"why": "incident"}),)


@pytest.mark.parametrize("due", [NOW - DAY, NOW + DAY, None])
def test_a_pause_blocks_if_it_outlasts_the_due_date(due: datetime | None) -> None:
    """One that ends at that second, or at this one if it is due already, does not."""
    end = max(due or NOW, NOW)
    assert blocks.of(row(due_at=due, paused_until=end), RENEW, NOW) == ()
    (found,) = blocks.of(row(due_at=due, paused_until=end + SECOND), RENEW, NOW)
    assert found == Reason(ReasonCode.PAUSED, {"until": f"{end + SECOND:%Y-%m-%d %H:%MZ}"})


def test_of_two_pauses_the_later_one_counts() -> None:
    """A tag's and a person's."""
    tags = {"perennial-pause-until": "2026-12-01"}
    for mine, end in ((NOW + DAY, "2026-12-01 00:00Z"), (NOW + 30 * DAY, "2026-12-24 08:00Z")):
        (found,) = blocks.of(row(tags=tags, paused_until=mine), RENEW, NOW)
        assert found.facts["until"] == end


@pytest.mark.parametrize(("due", "blocked"), [(NOW, True), (NOW + SECOND, False), (None, False)])
def test_the_brake_blocks_what_is_due(due: datetime | None, blocked: bool) -> None:
    """Until midnight, UTC; what is due later meets another day's brake."""
    midnight = Reason(ReasonCode.BRAKE, {"count": "20", "limit": "20", "until": "2026-11-25 00:00Z"})
    assert blocks.of(row(due_at=due), BRAKED, NOW) == ((midnight,) if blocked else ())
    assert blocks.of(row(due_at=due), replace(BRAKED, renewals_today=19), NOW) == ()


def test_from_the_floor_on_neither_pause_nor_brake_blocks() -> None:
    """To the second; without a version there is no floor."""
    entry = row(paused_until=NOW + 300 * DAY)
    assert entry.version is not None
    at = floor(entry.version)
    codes = [reason.code for reason in blocks.of(entry, BRAKED, at - SECOND)]
    assert codes == [ReasonCode.PAUSED, ReasonCode.BRAKE]
    assert blocks.of(entry, BRAKED, at) == ()
    assert len(blocks.of(replace(entry, version=None), BRAKED, at)) == 2


def test_midnight_is_the_next_one_from_any_second() -> None:
    """Of the day after, whatever the clock shows."""
    for at in (NOW.replace(hour=0), NOW.replace(hour=23, minute=59, second=59, microsecond=1)):
        (found,) = blocks.of(row(due_at=at), BRAKED, at)
        assert found.facts["until"] == "2026-11-25 00:00Z"
