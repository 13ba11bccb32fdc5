"""The budget of a CA: orders wait by themselves, never more than allowed in any window, and never though there is room."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from perennial.authorities.acme.limits import Budget
from perennial.errors import Changed
from perennial.model import limits
from perennial.model.authority import AuthoritySetting, Usage
from perennial.model.limits import LimitKind
from perennial.ports.tables import USAGES, Query, Stored, Table
from tests.memory.tables import MemoryTable, memory_tables

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LE = AuthoritySetting(name="le", directory="https://acme-v02.api.letsencrypt.org/directory")
WWW = ("www.example.com",)


def usages() -> Table[Usage]:
    """Return an empty table."""
    return memory_tables().usages


def small(**own: str) -> AuthoritySetting:
    """Return a CA that has these limits and no others."""
    return replace(LE, limits=dict.fromkeys(map(str, LimitKind), "none") | own)


def spent_of(table: Table[Usage], bucket: str) -> tuple[datetime, ...]:
    """Return what a bucket has seen."""
    stored = table.get(limits.keeper(LE, bucket), f"limit:{bucket}")
    return stored.value.spent if stored else ()


class Hurried(MemoryTable[Usage]):
    """A table on which somebody else is quicker, a number of times."""

    def __init__(self, meanwhile: list[Usage]) -> None:
        """Take what somebody else writes, one row before each of our writes."""
        super().__init__(USAGES)
        self.meanwhile = meanwhile

    def insert(self, row: Usage) -> Stored[Usage] | None:
        """Let the other one write first."""
        if self.meanwhile:
            self.put(self.meanwhile.pop(0))
        return super().insert(row)

    def save(self, row: Stored[Usage]) -> Stored[Usage]:
        """Let the other one write first."""
        if self.meanwhile:
            self.put(self.meanwhile.pop(0))
        return super().save(row)


def test_an_order_counts_for_the_account_its_domains_and_its_set() -> None:
    """Two names of one registered domain count once for it; a failed authorization is no order's matter."""
    table = usages()
    names = ("a.example.com", "*.b.example.com", "example.co.uk")
    assert Budget(LE, table).spend(names, exempt=False, now=NOW) is None
    assert {stored.value.bucket for stored in table.select(Query()).items} == {
        "orders",
        "domain:example.com",
        "domain:example.co.uk",
        limits.set_of(names),
    }


def test_a_set_is_the_same_in_any_order_and_case() -> None:
    """A CA compares names, not how they are written."""
    assert limits.set_of(("B.example.com.", "a.example.com")) == limits.set_of(("a.example.com", "b.example.com"))
    assert limits.set_of(("*.example.com",)) != limits.set_of(("example.com",))


def test_the_sixth_order_for_the_same_names_waits_for_the_first_to_leave_the_week() -> None:
    """Five in seven days for exactly the same names; the instant is exact where it is urgent."""
    budget = Budget(LE, usages())
    for hours in range(5):
        assert budget.spend(WWW, exempt=False, now=NOW + hours * HOUR) is None
    asked = NOW + 6 * HOUR
    assert budget.spend(WWW, exempt=False, now=asked) == NOW + 7 * DAY
    assert budget.wait(WWW, exempt=False, urgent=True, now=asked) == NOW + 7 * DAY
    assert budget.wait(WWW, exempt=False, urgent=True, now=NOW + 7 * DAY) is None


def test_a_fleet_does_not_come_back_at_one_instant() -> None:
    """Who waits without urgency comes within a tenth of the span after there is room, each at its own instant, the same when asked again."""
    budget = Budget(small(orders="10/3h"), usages())
    for number in range(9):
        assert budget.spend((f"n{number}.example.com",), exempt=False, now=NOW) is None
    waits = [budget.wait((f"m{number}.example.com",), exempt=False, now=NOW) for number in range(50)]
    assert len(set(waits)) > 40
    assert all(wait and NOW + 3 * HOUR <= wait < NOW + 3 * HOUR + 18 * timedelta(minutes=1) for wait in waits)
    assert waits[7] == budget.wait(("m7.example.com",), exempt=False, now=NOW + HOUR)


def test_a_tenth_is_kept_for_what_is_urgent() -> None:
    """Nine of ten are for everybody; the tenth is for what is about to expire, and an eleventh for nobody."""
    budget = Budget(small(orders="10/3h"), usages())
    ordinary = [budget.spend((f"n{n}.example.com",), exempt=False, now=NOW) for n in range(10)]
    assert [wait is None for wait in ordinary] == [True] * 9 + [False]
    assert budget.spend(WWW, exempt=False, urgent=True, now=NOW) is None
    assert budget.spend(("last.example.com",), exempt=False, urgent=True, now=NOW) == NOW + 3 * HOUR


def test_a_renewal_that_the_ca_suggested_spends_nothing() -> None:
    """Exempt from every limit, as RFC 9773 lets the CA grant, though all are used up."""
    table = usages()
    budget = Budget(small(orders="1/1h", set="1/1h", failed="1/1h"), table)
    assert budget.spend(WWW, exempt=False, now=NOW) is None
    budget.failed("www.example.com", now=NOW)
    before = [stored.value for stored in table.select(Query()).items]
    assert budget.wait(WWW, exempt=True, now=NOW) is None
    assert budget.spend(WWW, exempt=True, now=NOW) is None
    assert [stored.value for stored in table.select(Query()).items] == before
    assert budget.wait(WWW, exempt=False, now=NOW) is not None


def test_the_same_names_again_count_by_their_set_alone() -> None:
    """Once issued, a renewal of exactly these names needs no room among orders and domains; others do, as does a second first order."""
    table = usages()
    budget = Budget(LE, table)
    assert budget.spend(WWW, exempt=False, now=NOW) is None
    assert budget.spend(WWW, exempt=False, now=NOW + HOUR) is None  # not issued yet: counts whole
    assert len(spent_of(table, "orders")) == 2
    budget.settle(WWW, NOW, issued=True, now=NOW + HOUR)
    assert budget.spend(WWW, exempt=False, now=NOW + 2 * HOUR) is None
    assert len(spent_of(table, "orders")) == 2
    assert len(spent_of(table, limits.set_of(WWW))) == 3
    assert budget.spend(("other.example.com",), exempt=False, now=NOW + 2 * HOUR) is None
    assert len(spent_of(table, "orders")) == 3


def test_after_its_life_a_set_is_new_again() -> None:
    """A certificate that expired is no predecessor."""
    table = usages()
    budget = Budget(LE, table)
    budget.settle(WWW, NOW, issued=True, now=NOW)
    assert budget.spend(WWW, exempt=False, now=NOW + 90 * DAY) is None
    assert len(spent_of(table, "orders")) == 1


def test_what_a_ca_exempts_of_its_own_limits_is_not_guessed() -> None:
    """A limit that a person set holds for renewals too."""
    table = usages()
    budget = Budget(small(orders="2/1h"), table)
    budget.settle(WWW, NOW, issued=True, now=NOW)
    assert [budget.spend(WWW, exempt=False, now=NOW) for _ in range(2)] == [None, None]
    assert budget.spend(WWW, exempt=False, now=NOW) == NOW + HOUR


def test_an_order_without_a_certificate_is_given_back_but_as_an_order() -> None:
    """A CA counts certificates by domain and set; the order was placed all the same. Twice said is once done."""
    table = usages()
    budget = Budget(LE, table)
    assert budget.spend(WWW, exempt=False, now=NOW) is None
    for _ in range(2):
        budget.settle(WWW, NOW, issued=False, now=NOW + HOUR)
    assert spent_of(table, "orders") == (NOW,)
    assert spent_of(table, "domain:example.com") == spent_of(table, limits.set_of(WWW)) == ()


def test_failed_authorizations_hold_up_their_name_alone() -> None:
    """After five in an hour no order with that name is placed, its wildcard included; other names go on."""
    budget = Budget(LE, usages())
    for minutes in range(5):
        assert budget.wait(("*.www.example.com", "example.org"), exempt=False, now=NOW) is None
        budget.failed("*.WWW.example.com", now=NOW + timedelta(minutes=minutes))
    asked = NOW + timedelta(minutes=5)
    assert budget.wait(("*.www.example.com", "example.org"), exempt=False, now=asked) == NOW + HOUR
    assert budget.wait(WWW, exempt=False, now=asked) == NOW + HOUR
    assert budget.wait(("example.org",), exempt=False, now=asked) is None
    assert budget.wait(WWW, exempt=False, now=NOW + HOUR) is None


def test_the_cas_own_word_holds_for_every_order() -> None:
    """Retry-After is kept to the second, also for what is exempt, and a shorter one later takes nothing back."""
    budget = Budget(small(), usages())
    until = NOW + timedelta(seconds=4711)
    budget.blocked(until)
    budget.blocked(NOW + timedelta(seconds=1))
    for exempt in (True, False):
        assert budget.wait(("any.example.net",), exempt=exempt, now=NOW) == until
        assert budget.wait(("any.example.net",), exempt=exempt, now=until) is None


@pytest.mark.parametrize(
    ("detail", "waits", "free"),
    [
        ("too many new orders (300) from this account in the last 3h0m0s, retry after …", [WWW, ("x.org",)], []),
        (
            'too many certificates (50) already issued for "example.com" in the last 168h0m0s',
            [WWW, ("b.example.com",)],
            [("x.org",)],
        ),
        (
            "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s",
            [WWW],
            [("b.example.com",), ("x.org",)],
        ),
        (
            'too many failed authorizations (5) for "www.example.com" in the last 1h0m0s',
            [WWW, ("*.www.example.com",)],
            [("b.example.com",)],
        ),
        ("Service busy; retry later.", [WWW, ("x.org",)], []),
        ('already issued for "https://ca.example/#limits"', [WWW, ("x.org",)], []),  # no name, and no key of a row
    ],
)
def test_a_refusal_holds_up_what_it_names(
    detail: str, waits: list[tuple[str, ...]], free: list[tuple[str, ...]]
) -> None:
    """One full domain does not stop a fleet; a text that says nothing stops all."""
    budget = Budget(LE, usages())
    until = NOW + 2 * DAY
    budget.blocked(until, WWW, detail)
    assert [budget.wait(names, exempt=False, now=NOW) for names in waits] == [until] * len(waits)
    assert [budget.wait(names, exempt=False, now=NOW) for names in free] == [None] * len(free)


def test_two_instances_share_the_budget() -> None:
    """What another instance spent between our read and our write is counted: the row is read again, and the last place is taken once."""
    full = Usage(authority="le", bucket="orders", spent=(NOW,))
    table = Hurried([full])
    assert Budget(small(orders="1/1h"), table).spend(WWW, exempt=False, now=NOW) == NOW + HOUR
    assert spent_of(table, "orders") == (NOW,)


def test_two_accounts_at_one_ca_share_what_it_counts_of_domains_and_sets() -> None:
    """Under whatever name, and however the directory's address ends; orders and failures are each account's own (Let's Encrypt)."""
    table = usages()
    first, second = Budget(LE, table), Budget(replace(LE, name="le2", directory=f"{LE.directory}/"), table)
    for hours in range(5):
        assert first.spend(WWW, exempt=False, now=NOW + hours * HOUR) is None
    first.failed("www.example.com", now=NOW)
    asked = NOW + 6 * HOUR
    assert second.wait(WWW, exempt=False, urgent=True, now=asked) == NOW + 7 * DAY
    assert second.spend(WWW, exempt=False, now=asked) == NOW + 7 * DAY
    assert second.wait(("other.example.com",), exempt=False, urgent=True, now=asked) is None
    first.settle(WWW, NOW, issued=True, now=asked)
    assert second.spend(WWW, exempt=False, now=NOW + 7 * DAY) is None
    counted = {(stored.value.authority, stored.value.bucket) for stored in table.select(Query()).items}
    shared = limits.keeper(LE, limits.set_of(WWW))
    assert counted == {
        ("le", "orders"),
        ("le", "failed:www.example.com"),
        ("le2", "orders"),
        (shared, "domain:example.com"),
        (shared, limits.set_of(WWW)),
    }


def test_a_domain_that_a_ca_has_closed_is_closed_to_its_other_account() -> None:
    """The CA's word about a domain is about the domain; of its orders it speaks to one account."""
    table = usages()
    first, second = Budget(LE, table), Budget(replace(LE, name="le2"), table)
    until = NOW + DAY
    first.blocked(until, WWW, 'too many certificates (50) already issued for "example.com" in the last 168h0m0s')
    assert second.wait(WWW, exempt=False, now=NOW) == until
    first.blocked(until)
    assert second.wait(("x.org",), exempt=False, now=NOW) is None


def test_another_ca_counts_by_itself() -> None:
    """The negative: another directory."""
    table = usages()
    staging = replace(LE, name="le2", directory="https://ca.example/directory")
    for _ in range(5):
        assert Budget(LE, table).spend(WWW, exempt=False, now=NOW) is None
    assert Budget(LE, table).wait(WWW, exempt=False, now=NOW) is not None
    assert Budget(staging, table).wait(WWW, exempt=False, now=NOW) is None


def test_what_was_taken_is_returned_where_a_later_limit_has_no_room() -> None:
    """Nothing is counted for an order that is not placed."""
    table = usages()
    budget = Budget(small(orders="10/1h", domain="10/1h", set="1/1d"), table)
    assert budget.spend(WWW, exempt=False, now=NOW) is None
    assert budget.spend(WWW, exempt=False, now=NOW + timedelta(minutes=1)) == NOW + DAY
    assert spent_of(table, "orders") == spent_of(table, "domain:example.com") == (NOW,)


def test_a_row_that_never_stands_still_lets_an_order_wait_a_moment() -> None:
    """Fifty others in a row: nothing is counted, and the order comes again; what must be kept says Changed, as any row does."""
    others = [Usage(authority="le", bucket="orders", spent=(NOW - n * timedelta(seconds=1),)) for n in range(1, 150)]
    table = Hurried(others)
    assert Budget(LE, table).spend(WWW, exempt=False, now=NOW) == NOW + timedelta(minutes=1)
    assert NOW not in spent_of(table, "orders")
    with pytest.raises(Changed):
        Budget(LE, Hurried(others)).blocked(NOW + DAY)
