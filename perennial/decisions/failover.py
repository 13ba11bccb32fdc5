"""Whose turn it is: a certificate's issuers stand in a list, and the next takes over when one cannot deliver in time. Never two at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from perennial.model.renewal import Renewal

#: A CA that keeps us waiting is given so long at the least, however little life is left.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """Who goes on, and whether at once or by the ladder."""

    issuer: str
    at_once: bool = False
    not_before: datetime | None = None  # its own Retry-After, from an earlier turn


@dataclass(frozen=True, slots=True)
class Life:
    """The instants that a renewal works towards."""

    floor: datetime  # from then on it is an emergency
    end: datetime  # it expires


def half_gone(row: Renewal, life: Life) -> datetime:
    """Return when half of the time from the beginning of an issuer's turn to the floor (to the end, under the floor) is gone."""
    began = row.turn_began or row.opened
    end = life.floor if began < life.floor else max(life.end, began)
    return began + (end - began) / 2


def patience_ends(row: Renewal, life: Life) -> datetime:
    """Return how long a CA that keeps us waiting is waited for.

    Not less than half of what the renewal has taken before its turn: two CAs that need a day each would else be left in turn without end.
    """
    began = row.turn_began or row.opened
    return max(half_gone(row, life), began + max(PATIENCE, (began - row.opened) / 2))


def longest_wait(row: Renewal, life: Life, until: datetime) -> datetime:
    """Return when a wait ends that a CA has named the end of: when its patience ends, or, under the floor, a little later.

    There a CA that says when it will be done is closer to it than one that begins anew, while half of what is left then stays for another:
    of two that need eight hours each, neither would make it in the fourteen that a six-day certificate has.
    """
    late, began = patience_ends(row, life), row.turn_began or row.opened
    waits = life.floor <= began and until <= late + (life.end - late) / 2
    return until if waits else min(until, late)


def after_refusal(row: Renewal, issuers: tuple[str, ...], now: datetime) -> Turn | None:
    """Say who goes on after an issuer refused for good; None: all have, so that a person must act."""
    return _next(row, _left(row, issuers, row.issuer), issuers, now)


def after_failure(
    row: Renewal, issuers: tuple[str, ...], life: Life, now: datetime, retry_after: timedelta | None
) -> Turn:
    """Say who goes on after a failure that may pass: the same, unless it cannot deliver in time and another can begin sooner."""
    again = now + (retry_after or timedelta(0))
    late = again > half_gone(row, life) or now >= life.floor
    left = _left(row, issuers)
    stays = row.issuer in left
    if stays and not late:
        return Turn(row.issuer)
    other = _next(row, tuple(name for name in left if name != row.issuer), issuers, now)
    if other is None or (stays and other.not_before is not None and other.not_before >= again):
        return Turn(row.issuer)
    return other


def after_wait(row: Renewal, issuers: tuple[str, ...], life: Life, now: datetime) -> Turn | None:
    """Say who goes on in place of an issuer that lets us wait too long; None: it has its time still, or nobody else could begin now."""
    if now < patience_ends(row, life):
        return None
    other = _next(row, tuple(name for name in _left(row, issuers) if name != row.issuer), issuers, now)
    return other if other is not None and other.not_before is None else None


def _left(row: Renewal, issuers: tuple[str, ...], refusing: str = "") -> tuple[str, ...]:
    return tuple(name for name in issuers if name not in row.refused and name != refusing)


def _next(row: Renewal, left: tuple[str, ...], issuers: tuple[str, ...], now: datetime) -> Turn | None:
    """Return the next of those left, in the list's order and round to the first; those that asked to be left alone come last."""
    if not left:
        return None
    at = issuers.index(row.issuer) if row.issuer in issuers else -1
    ordered = sorted(left, key=lambda name: (issuers.index(name) <= at, issuers.index(name)))
    rests = {name: until for name in left if (until := row.resting.get(name)) is not None and until > now}
    chosen = next((name for name in ordered if name not in rests), None)
    if chosen is None:
        chosen = min(ordered, key=lambda name: rests[name])
    return Turn(chosen, at_once=issuers.index(chosen) > at, not_before=rests.get(chosen))
