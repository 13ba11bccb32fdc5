"""Decisions at their edges: forecasts of orders to the second, and an open claim whose issuer is not set up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.decisions import ahead, failover
from perennial.decisions.ahead import Expected, Order
from perennial.decisions.case import Case
from perennial.decisions.drift import drift
from perennial.decisions.failover import Life
from perennial.model import limits
from perennial.model.limits import Limit, LimitKind, counted
from tests.decisions.cases import DAY, NOW, RENEW, UNKNOWN, claim, snapshot, version

SECOND = timedelta(seconds=1)
POLICY = replace(RENEW, authorities=frozenset({"first", "second"}), issuers=("first", "second"))
BUCKETS = counted(("www.example.com",))
ORDERS, OTHER = BUCKETS[0], BUCKETS[-1]


def reached(*instants: timedelta, most: int = 1) -> list[tuple[timedelta, tuple[str, ...]]]:
    """Return when, and for whom, a limit of so many a day is met by orders at these instants."""
    expected = [Order(NOW + at, f"c{number}", (ORDERS,)) for number, at in enumerate(instants)]
    kind = limits.kind_of(ORDERS)
    found = ahead.reached(expected, {kind: Limit(most, DAY)}, {})
    return [(one.at - NOW, one.certificates) for one in found]


def test_an_order_has_left_its_limit_when_its_span_has_passed() -> None:
    """To the second."""
    assert reached(timedelta(0), DAY - SECOND) == [(DAY - SECOND, ("c1",))]
    assert reached(timedelta(0), DAY) == []


def test_a_limit_is_told_of_its_first_day() -> None:
    """Whoever meets it on that day is named; a later day's would have moved by then."""
    hour = timedelta(hours=1)
    assert reached(timedelta(0), hour, 2 * hour) == [(hour, ("c1", "c2"))]
    assert reached(timedelta(0), 11 * hour, 23 * hour) == [(11 * hour, ("c1",))]


def test_an_order_that_counts_in_no_known_limit_goes_on_to_the_next() -> None:
    """One bucket without a limit does not hide the others."""
    kinds = {limits.kind_of(bucket): bucket for bucket in BUCKETS}
    last = next(reversed(kinds))
    expected = [Order(NOW, name, tuple(kinds.values())) for name in ("a", "b")]
    (found,) = ahead.reached(expected, {last: Limit(1, DAY)}, {})
    assert (found.bucket, found.certificates) == (kinds[last], ("b",))


def test_limits_that_are_met_at_once_are_told_in_one_order() -> None:
    """By the instant, then by their names."""
    known: dict[LimitKind, Limit] = {limits.kind_of(bucket): Limit(1, DAY) for bucket in BUCKETS}
    expected = [Order(NOW, name, tuple(reversed(BUCKETS))) for name in ("a", "b")]
    found = [one.bucket for one in ahead.reached(expected, known, {})]
    assert found == sorted(found)
    assert len(found) > 1


def test_how_long_a_certificate_is_in_use() -> None:
    """Two thirds of its life from ten days on, half of a shorter one."""
    assert ahead.period(10 * DAY) == 10 * DAY * 2 / 3
    assert ahead.period(10 * DAY - SECOND) == (10 * DAY - SECOND) / 2


@pytest.mark.parametrize(("used", "again"), [(timedelta(0), False), (-3 * SECOND, True)])
def test_an_order_after_what_the_ca_remembers_is_a_new_one(used: timedelta, again: bool) -> None:
    """In use exactly as long as a CA remembers the names: it counts everywhere."""
    life = limits.REMEMBERED * 3 / 2 + used
    assert (ahead.period(life) < limits.REMEMBERED) is again
    expected = Expected(certificate="c", names=("www.example.com",), due=NOW, lifetime=life)
    first, second = ahead.orders([expected], frozenset(), NOW, NOW + 2 * limits.REMEMBERED - 9 * SECOND)
    assert (len(second.buckets) < len(first.buckets)) is again
    assert OTHER in first.buckets


@pytest.mark.parametrize(
    ("columns", "issuer"),
    [
        ({"issuer": "second"}, "second"),
        ({"issuer": "vault"}, "vault"),
        ({"issuer": "dropped"}, "first"),
        (None, "first"),
    ],
)
def test_whose_renewal_it_is(columns: dict[str, str] | None, issuer: str) -> None:
    """Whoever has begun it, if it is still set up; else the first of the list."""
    seen = snapshot(20 * DAY, policy=UNKNOWN, renewal=None if columns is None else claim(**columns))
    assert Case(seen, version(20 * DAY), POLICY, NOW).issuer == issuer


def test_what_its_policy_has_the_vault_renew_no_authority_signs() -> None:
    """Whatever its tag names."""
    tags = {"perennial-issuer": "first"}
    assert not Case(snapshot(20 * DAY, tags=tags), version(20 * DAY), POLICY, NOW).signed
    assert Case(snapshot(20 * DAY, policy=UNKNOWN, tags=tags), version(20 * DAY), POLICY, NOW).signed


def test_a_turn_that_begins_at_the_floor_works_towards_the_end() -> None:
    """To the second: half of what is left until it expires, not half of nothing."""
    life = Life(floor=NOW, end=NOW + 2 * DAY)
    assert failover.half_gone(claim(opened=NOW), life) == NOW + DAY
    assert failover.half_gone(claim(opened=NOW - 2 * SECOND), life) == NOW - SECOND


def test_a_title_with_a_dot_and_a_space_names_no_host() -> None:
    """A private CA may write one; a host's name in the subject is asked for."""
    leaf = version(DAY).leaf
    assert leaf is not None
    assert drift(replace(UNKNOWN, subject="CN=Example Inc. web"), leaf, "", ()) == ""
    assert drift(replace(UNKNOWN, subject="CN=other.example"), leaf, "", ()) == "it does not name other.example"
