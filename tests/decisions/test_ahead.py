"""The forecast of orders: renewals after renewals, what counts in which limit, and the first order that would wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from perennial.decisions import ahead
from perennial.decisions.ahead import Expected, Order
from perennial.model import limits
from perennial.model.limits import Limit, LimitKind

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
UNTIL = NOW + 90 * DAY
NONE: frozenset[LimitKind] = frozenset()


def one(
    name: str = "www.example.com", *, due: timedelta = DAY, lifetime: timedelta = 90 * DAY, **more: bool
) -> Expected:
    """Return a certificate of this name."""
    return Expected(certificate=f"kv/{name}", names=(name,), due=NOW + due, lifetime=lifetime, **more)


def orders(*expected: Expected, own: frozenset[LimitKind] = NONE) -> list[Order]:
    """Return the orders of 90 days."""
    return ahead.orders(expected, own, NOW, UNTIL)


def test_a_renewal_brings_the_next() -> None:
    """A third of the life is left at each; of a short one half, so that 160 hours make 27 orders in 90 days."""
    assert [order.at for order in orders(one())] == [NOW + DAY, NOW + 61 * DAY]
    short = orders(one(lifetime=timedelta(hours=160), due=timedelta(0)))
    assert len(short) == 27
    assert {later.at - earlier.at for earlier, later in pairwise(short)} == {timedelta(hours=80)}


def test_what_is_overdue_comes_now() -> None:
    """An order does not lie in the past."""
    assert orders(one(due=-5 * DAY))[0].at == NOW


def test_the_first_order_counts_everywhere_and_the_next_by_its_set_alone() -> None:
    """Exactly the same names again are a renewal; what the CA's account issued already is one from the start."""
    first, second = orders(one())
    assert first.buckets == limits.counted(("www.example.com",))
    assert second.buckets == (limits.set_of(("www.example.com",)),)
    assert orders(one(known=True))[0].buckets == second.buckets


def test_what_the_ca_suggested_counts_nowhere() -> None:
    """Orders inside a window are exempt."""
    assert {order.buckets for order in orders(one(suggested=True))} == {()}


def test_of_a_limit_that_a_person_set_no_exemption_is_known() -> None:
    """It counts renewals too."""
    buckets = {order.buckets for order in orders(one(known=True), own=frozenset({LimitKind.ORDERS}))}
    assert buckets == {("orders", limits.set_of(("www.example.com",)))}


def test_a_long_life_makes_each_order_a_new_one() -> None:
    """After more than 90 days nobody knows the set any more."""
    far = ahead.orders([one(lifetime=300 * DAY)], NONE, NOW, NOW + 400 * DAY)
    assert [len(order.buckets) for order in far] == [3, 3]


def test_the_first_order_that_would_wait_is_found() -> None:
    """Of 60 new certificates of one domain 45 go at once, five are kept for emergencies: the rest of that day would wait."""
    many = [one(f"n{number:02}.example.com", due=DAY) for number in range(60)]
    (found,) = ahead.reached(orders(*many), limits.LETS_ENCRYPT, {})
    assert (found.bucket, found.at, found.limit.most) == ("domain:example.com", NOW + DAY, 50)
    assert found.certificates == tuple(f"kv/n{number:02}.example.com" for number in range(45, 60))


def test_what_was_spent_already_counts() -> None:
    """Ten of ten in the last hours leave no room; what has left the window leaves it."""
    known = {LimitKind.ORDERS: Limit(5, DAY)}
    spent = {"orders": (NOW - 2 * DAY, *(NOW - timedelta(hours=n) for n in (5, 4, 3, 2, 1)))}
    (found,) = ahead.reached(orders(one(due=timedelta(0))), known, spent)
    assert (found.bucket, found.at) == ("orders", NOW)
    assert ahead.reached(orders(one(due=DAY)), known, spent) == []


def test_where_there_is_no_limit_nothing_is_reached() -> None:
    """A private CA may have none."""
    assert ahead.reached(orders(*(one(f"n{n}.example.com") for n in range(500))), {}, {}) == []


@given(
    st.lists(st.tuples(st.integers(0, 80), st.integers(1, 400), st.booleans(), st.booleans()), max_size=20),
    st.integers(1, 10),
)
def test_what_is_told_is_true(given: list[tuple[int, int, bool, bool]], most: int) -> None:
    """Before the told instant the window never holds more than goes at once, and at it one more; nothing told means that it never does."""
    limit = Limit(most, 7 * DAY)
    expected = [
        one(f"n{number}.example.com", due=due * DAY, lifetime=days * DAY, suggested=suggested, known=known)
        for number, (due, days, suggested, known) in enumerate(given)
    ]
    found = orders(*expected)
    counted = [order.at for order in found if "orders" in order.buckets]
    told = ahead.reached(found, {LimitKind.ORDERS: limit}, {})
    over = [
        at
        for place, at in enumerate(counted)
        if sum(at < earlier + limit.span for earlier in counted[: place + 1]) > limit.ordinary
    ]
    assert [one.at for one in told] == over[:1]
    assert all(NOW <= order.at < UNTIL for order in found)
