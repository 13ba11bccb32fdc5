"""Orders within a CA's limits: who waits, who may use the reserve, and when another CA is the better way."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from localazure.acme.conduct import Trouble
from perennial.errors import IssuerError, Unreachable
from perennial.model.authority import Usage
from perennial.model.reasons import ReasonCode
from perennial.ports.tables import Query
from tests.authorities.acme.ordered import NAMES, NOW, Bench, at, bench, claim, next_attempt

LIFE = timedelta(days=90)
DAY = timedelta(days=1)


def spent(one: Bench) -> int:
    """Count what the budget holds."""
    return sum(len(row.spent) for row in usages(one))


def usages(one: Bench) -> list[Usage]:
    """List what was counted."""
    return [stored.value for stored in one.tables.usages.select(Query(prefix="limit:")).items]


def left(time: timedelta, **changes: object) -> dict[str, object]:
    """Return the columns of a claim whose version has this long to live."""
    return {"not_after": NOW + time, "lifetime_seconds": int(LIFE.total_seconds()), **changes}


def test_an_order_that_waits_in_time_is_no_failure() -> None:
    """Its turn comes long before the certificate is near its end."""
    with bench(limits={"orders": "1/3h"}) as one:
        one.issue()
        one.waits.clear()
        one.issue(("a.example.com",), claim(**left(30 * DAY)))
        assert max(one.waits) >= timedelta(hours=3)


def test_a_turn_that_comes_too_late_is_a_failure() -> None:
    """Then another CA of the certificate's list may take over; this one's turn is the failure's Retry-After."""
    with bench(limits={"orders": "1/60d"}) as one:
        one.issue()
        with pytest.raises(IssuerError) as raised:
            one.run(("a.example.com",), claim(**left(30 * DAY)))
        assert (raised.value.code, raised.value.permanent) == ("rate-limited", False)
        assert raised.value.retry_after is not None
        assert raised.value.retry_after > 50 * DAY
        assert one.asked("new-order") == 1


@pytest.mark.parametrize(
    ("columns", "urgent"),
    [
        ({}, False),
        (left(30 * DAY), False),
        (left(8 * DAY), True),
        ({"trigger": ReasonCode.EMERGENCY}, True),
        ({"trigger": ReasonCode.REVOKED}, True),
    ],
)
def test_the_reserve_is_for_what_cannot_wait(columns: dict[str, object], urgent: bool) -> None:
    """A tenth of a limit is kept: for revoked certificates, for those under the floor, and for those whose time ran out under way."""
    with bench(limits={"orders": "10/3h"}) as one:
        for number in range(9):
            one.issue((f"n{number}.example.com",))
        one.waits.clear()
        one.issue(("a.example.com",), claim(**columns))
        assert (max(one.waits) < timedelta(hours=1)) is urgent


def test_an_order_inside_its_window_costs_nothing() -> None:
    """A CA exempts what it suggested itself and what says what it replaces (Let's Encrypt: from all limits)."""
    with bench() as one:
        issued = one.issue()
        certificate = next(iter(one.ca.books.certificates.values()))
        before = spent(one)
        columns = {"ari_id": certificate.ari_id, "issued_by": issued.by, "window_ends": one.now + DAY}
        one.issue(NAMES, claim(**columns, trigger=ReasonCode.SUGGESTED))
        assert spent(one) == before


def test_an_order_inside_its_window_makes_the_next_a_renewal() -> None:
    """Names that were renewed by their windows for longer than a life are no new ones: an order that misses its window counts by its set alone."""
    with bench() as one:
        issued = one.issue()
        one.clock[0] += 60 * DAY
        certificate = next(iter(one.ca.books.certificates.values()))
        columns = {"ari_id": certificate.ari_id, "issued_by": issued.by, "window_ends": one.now + DAY}
        one.issue(NAMES, claim(**columns, trigger=ReasonCode.SUGGESTED))
        renewed = one.now
        assert [row.issued_at for row in usages(one) if row.bucket.startswith("set:")] == [renewed]
        one.clock[0] += 60 * DAY
        one.issue()
        counts = {row.bucket.partition(":")[0]: row.spent for row in usages(one)}
        assert (counts["orders"], counts["domain"]) == ((NOW,), (NOW,))
        assert counts["set"] == (renewed + 60 * DAY,)


@pytest.mark.parametrize("ends", [None, NOW - timedelta(seconds=1)])
def test_an_order_after_its_window_counts(ends: datetime | None) -> None:
    """A renewal that was held up until the window had passed is one like any other to the CA (Boulder: inside the window alone)."""
    with bench() as one:
        issued = one.issue()
        certificate = next(iter(one.ca.books.certificates.values()))
        columns = {"ari_id": certificate.ari_id, "issued_by": issued.by, "window_ends": ends}
        one.issue(NAMES, claim(**columns, trigger=ReasonCode.SUGGESTED))
        sets = [row.spent for row in usages(one) if row.bucket.startswith("set:")]
        assert [len(instants) for instants in sets] == [2]


def test_the_same_without_a_suggestion_counts() -> None:
    """Outside the window a CA exempts nothing for `replaces` alone; the set of names counts, as Let's Encrypt says of renewals."""
    with bench() as one:
        issued = one.issue()
        certificate = next(iter(one.ca.books.certificates.values()))
        one.issue(NAMES, claim(ari_id=certificate.ari_id, issued_by=issued.by, trigger=ReasonCode.DUE))
        sets = [row.spent for row in usages(one) if row.bucket.startswith("set:")]
        assert [len(instants) for instants in sets] == [2]


def test_an_order_that_failed_gives_its_turn_back() -> None:
    """A CA counts certificates of a domain and a set, not orders that came to nothing."""
    with bench() as one:
        one.ca.conduct.rejected.append("bad.example.com")
        with pytest.raises(IssuerError):
            one.run(("bad.example.com",))
        kept = {row.bucket.partition(":")[0]: len(row.spent) for row in usages(one)}
        assert kept == {"orders": 1, "domain": 0, "set": 0}


def test_an_order_whose_names_fail_gives_its_turn_back() -> None:
    """Also where the CA had accepted the order: no certificate came of it."""
    with bench() as one:
        one.ca.troubles.append(Trouble(on="validation", type="unauthorized", status=400))
        with pytest.raises(IssuerError):
            one.run(("www.example.com",))
        kept = {row.bucket.partition(":")[0]: len(row.spent) for row in usages(one)}
        assert kept == {"orders": 1, "domain": 0, "set": 0, "failed": 1}


def test_a_certificate_keeps_its_turn() -> None:
    """The negative: what was issued counts by domain and set."""
    with bench() as one:
        one.issue(("www.example.com",))
        kept = {row.bucket.partition(":")[0]: len(row.spent) for row in usages(one)}
        assert kept == {"orders": 1, "domain": 1, "set": 1}
        assert [row.issued_at for row in usages(one) if row.bucket.startswith("set:")] == [one.now]


def test_of_two_orders_for_the_last_turn_one_waits() -> None:
    """Both saw room; who comes second learns when there is some again, and places no order before."""
    with bench(limits={"orders": "1/3h"}) as one:
        second = one.stop(("b.example.com",), at("ordering"))
        one.issue(("a.example.com",))
        placed = one.asked("new-order")
        waiting = one.stop(("b.example.com",), lambda _: len(one.waits) > 1, second)
        assert one.asked("new-order") == placed
        assert one.now >= NOW + timedelta(hours=3)
        one.issue(("b.example.com",), waiting)


def kept(one: Bench) -> dict[str, int]:
    """Count what is in the budget, by kind."""
    return {row.bucket.partition(":")[0]: len(row.spent) for row in usages(one)}


def tried(one: Bench, times: int) -> set[str]:
    """Try an order again and again, as the ladder does; return what it failed with."""
    codes = set()
    renewal = one.stop(("b.example.com",), at("ordering"), claim())
    for _ in range(times):
        with pytest.raises(IssuerError) as raised:
            one.run(("b.example.com",), renewal)
        codes.add(raised.value.code)
        renewal = next_attempt(renewal, raised.value.back_to)
        one.clock[0] += timedelta(hours=1)
    return codes


def test_nonces_that_are_refused_cost_nothing() -> None:
    """Nothing was placed: a CA that refuses nonces for hours leaves the budget of a name whole, else it could not be renewed for days."""
    with bench() as one:
        one.issue(("b.example.com",))
        before = kept(one)
        one.ca.conduct.nonce_refusal = 1
        assert tried(one, 6) == {"ca-down"}
        assert kept(one) == before


def test_an_account_key_that_does_not_sign_costs_nothing() -> None:
    """Nothing was placed."""
    with bench() as one:
        one.issue(("b.example.com",))
        before = kept(one)
        one.keys.refuses = Unreachable(one.keys.vault, "no answer")
        assert tried(one, 6) == {"account-key"}
        assert kept(one) == before


def test_a_ca_that_does_not_answer_costs_orders_and_no_certificates() -> None:
    """An order may have been placed each time, which the CA would count; nobody finalizes it, so no certificate of the set comes of it."""
    with bench() as one:
        one.issue(("b.example.com",))
        one.ca.conduct.down = "drop"
        assert tried(one, 6) == {"ca-down"}
        found = kept(one)
        assert (found["domain"], found["set"]) == (1, 1)
        one.ca.conduct.down = ""
        one.waits.clear()
        one.issue(("b.example.com",))
        assert max(one.waits, default=timedelta(0)) < timedelta(minutes=5)
