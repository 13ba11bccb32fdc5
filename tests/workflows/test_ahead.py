"""Rows read ahead of a list: the right ones whatever the order, and few calls where it is the names' own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.model.findings import Finding, Severity
from perennial.model.inventory import Entry
from perennial.ports.tables import FINDINGS, INVENTORY, Page, Query, Table
from perennial.workflows.ahead import CALLS, WINDOW, Ahead
from tests.memory.tables import MemoryTable

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
VAULT = "kv-orders"
NAMES = [f"cert-{number:05}" for number in range(1_000)]


class Counting[T](MemoryTable[T]):
    """A table that counts selections, each of which costs a call, and the rows that they bring."""

    calls: int = 0
    rows: int = 0

    def select(self, query: Query, more: str | None = None) -> Page[T]:
        """Select, and count it."""
        self.calls += 1
        page = super().select(query, more)
        self.rows += len(page.items)
        return page


def entry(name: str) -> Entry:
    """Return a row."""
    return Entry(vault=VAULT, certificate=name, first_seen=NOW, next_check=NOW, read_at=NOW)


def finding(name: str, rule: str) -> Finding:
    """Return a finding."""
    return Finding(vault=VAULT, certificate=name, rule=rule, severity=Severity.LOW, opened=NOW, last_seen=NOW)


@pytest.fixture
def inventory() -> Counting[Entry]:
    """A thousand rows, and some of the same names in the vaults beside it."""
    table = Counting(INVENTORY)
    for name in NAMES:
        table.put(entry(name))
    for vault in ("kv-alien", "kv-zebra"):
        for name in (*NAMES[::50], NAMES[-1]):
            table.put(replace(entry(name), vault=vault))
    return table


def names_of(ahead: Ahead[Entry], names: list[str]) -> list[str]:
    """Return the names of the rows that were found."""
    return [stored.value.certificate for rows in ahead.of(names).values() for stored in rows]


def test_a_list_in_name_order_costs_a_call_for_four_pages(inventory: Counting[Entry]) -> None:
    """Forty pages of 25 find all of their rows with as many calls as there are windows, and one that shows the end."""
    ahead = Ahead(inventory, INVENTORY, VAULT)
    for start in range(0, len(NAMES), 25):
        page = NAMES[start : start + 25]
        assert names_of(ahead, page) == page
        assert inventory.calls == start // WINDOW + 1
    assert inventory.rows == len(NAMES)


def test_beyond_the_last_row_nothing_is_asked(inventory: Counting[Entry]) -> None:
    """Names that have no row yet, as at a first sweep, cost one call and no more."""
    ahead = Ahead(inventory, INVENTORY, VAULT)
    for number in range(40):
        assert names_of(ahead, [f"new-{number:03}-{at:02}" for at in range(25)]) == []
    assert inventory.calls == 1


def test_what_the_list_has_passed_is_forgotten(inventory: Counting[Entry]) -> None:
    """Memory holds windows, not vaults."""
    ahead = Ahead(inventory, INVENTORY, VAULT)
    for start in range(0, len(NAMES), 25):
        ahead.of(NAMES[start : start + 25])
        assert len(ahead._rows) <= (CALLS + 1) * WINDOW


def test_a_place_far_on_is_gone_to_at_once(inventory: Counting[Entry]) -> None:
    """A walk that goes on from its place reads no row before it; one that starts again reads anew."""
    ahead = Ahead(inventory, INVENTORY, VAULT)
    assert names_of(ahead, NAMES[900:925]) == NAMES[900:925]
    assert inventory.calls == 1
    assert names_of(ahead, NAMES[:25]) == NAMES[:25]
    assert inventory.calls == 2
    assert names_of(ahead, NAMES[700:725]) == NAMES[700:725]
    assert inventory.calls == 3


def test_a_page_that_is_asked_for_again_costs_nothing(inventory: Counting[Entry]) -> None:
    """Its rows are there."""
    ahead = Ahead(inventory, INVENTORY, VAULT)
    for _ in range(2):
        assert names_of(ahead, NAMES[300:325]) == NAMES[300:325]
    assert inventory.calls == 1


def test_names_far_apart_are_asked_for_one_by_one(inventory: Counting[Entry]) -> None:
    """A list in another order than the names' costs calls, never a row."""
    ahead = Ahead(inventory, INVENTORY, VAULT)
    assert names_of(ahead, [NAMES[999], NAMES[0], NAMES[998]]) == [NAMES[999], NAMES[0], NAMES[998]]
    assert inventory.calls == 2 + 2
    assert inventory.rows == 2 * WINDOW + 2


def test_no_names_cost_nothing(inventory: Counting[Entry]) -> None:
    """A page may be empty and yet have more."""
    assert Ahead(inventory, INVENTORY, VAULT).of([]) == {}
    assert inventory.calls == 0


def some_findings() -> tuple[MemoryTable[Finding], Counter[str]]:
    """Return a table in which neighbours' keys lie close, and how many findings each name has."""
    table, counts = MemoryTable(FINDINGS), Counter[str]()
    names = ["a", "a-1", "a1", "ab", *NAMES[:60]]
    for number, name in enumerate(names):
        for rule in range(number % 9):
            table.put(finding(name, f"rule-{rule}"))
            counts[name] += 1
    table.put(finding("", "of-the-vault"))
    return table, counts


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "a-1", "a1", "ab", "none", *NAMES[:60]]), max_size=25, unique=True), max_size=6
    )
)
def test_findings_are_their_own_names(pages: list[list[str]]) -> None:
    """Whatever pages come in whatever order, each name gets all of its findings and none of a neighbour's."""
    table, counts = some_findings()
    ahead: Ahead[Finding] = Ahead(table, FINDINGS, VAULT, beyond=":~")
    for names in pages:
        found = ahead.of(names)
        assert {name: len(rows) for name, rows in found.items()} == {name: counts[name] for name in names}
        assert all(one.value.certificate == name for name, rows in found.items() for one in rows)


def test_a_choppy_table_is_read_to_its_end() -> None:
    """An empty page that has more is no end."""
    table: Table[Entry] = MemoryTable(INVENTORY, choppy=True)
    table.put(entry("www"))
    assert names_of(Ahead(table, INVENTORY, VAULT), ["www"]) == ["www"]
