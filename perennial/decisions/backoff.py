"""How long to wait after a no: the ladders, written as tables, and the closing of a vault or a subscription."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

#: A dependent service that is down for a weekend is told on Monday, and is not hammered until then. Total to the last rung: 2 h 36 min.
NOTICE_LADDER = (MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR)

#: A subscription is left alone after this many failures in a row.
FAILURES_TO_CLOSE = 5


def rung(ladder: Sequence[timedelta], failures: int) -> timedelta:
    """Return the wait after the n-th failure (from 1); the last rung repeats without end."""
    return ladder[min(max(failures, 1), len(ladder)) - 1]


def notice_delay(failures: int) -> timedelta:
    """Return the wait before a notice is tried again."""
    return rung(NOTICE_LADDER, failures)


@dataclass(frozen=True, slots=True)
class RenewalWait:
    """How long a failed renewal waits: as the ladder says, and the shorter wait that holds under the emergency floor."""

    ladder: timedelta
    under_floor: timedelta


def renewal_wait(ladder: Sequence[timedelta], failures: int, retry_after: timedelta | None) -> RenewalWait:
    """Return the waits after the n-th failure. The CA's own Retry-After is obeyed when it is longer, also under the floor."""
    asked = retry_after or timedelta(0)
    step = rung(ladder, failures)
    return RenewalWait(max(step, asked), max(min(step, HOUR), asked))


class Refusal(StrEnum):
    """Why a vault or a subscription is to be left alone."""

    THROTTLED = "throttled"
    FORBIDDEN = "forbidden"
    UNREACHABLE = "unreachable"
    FAILING = "failing"


#: First wait, and the longest that doubling reaches. Forbidden and unreachable need a person: probing faster than that helps nobody.
CLOSURES = {
    Refusal.THROTTLED: (timedelta(seconds=10), 5 * MINUTE),
    Refusal.FORBIDDEN: (15 * MINUTE, 15 * MINUTE),
    Refusal.UNREACHABLE: (15 * MINUTE, 15 * MINUTE),
    Refusal.FAILING: (MINUTE, HOUR),
}


@dataclass(frozen=True, slots=True)
class Closure:
    """How a vault or a subscription stands: open, or left alone until an instant."""

    until: datetime | None = None
    at: datetime | None = None  # when it was last closed
    closures: int = 0  # in a row

    def closed(self, now: datetime) -> bool:
        """Tell whether it is to be left alone now."""
        return self.until is not None and now < self.until


def refused(
    before: Closure, kind: Refusal, began: datetime, now: datetime, retry_after: timedelta | None = None
) -> Closure:
    """Close after a refusal. One of a request that began before the last closure changes nothing: it tells nothing new."""
    if before.at is not None and began < before.at:
        return before
    first, longest = CLOSURES[kind]
    wait = retry_after or min(first * 2 ** min(before.closures, 16), longest)
    return Closure(now + wait, now, before.closures + 1)
