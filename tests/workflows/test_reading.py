"""Many rows in few calls: no page is left out, none is larger than it must be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.model.notices import Subscription
from perennial.ports.tables import SUBSCRIPTIONS, Page, Query
from perennial.workflows.reading import every, every_key, just_before, newest
from tests.memory.tables import MemoryTable


class Small(MemoryTable[Subscription]):
    """A table whose pages hold three rows, as the service may give fewer than were asked for, and that notes how many were."""

    def __init__(self) -> None:
        super().__init__(SUBSCRIPTIONS)
        self.asked: list[int] = []

    def select(self, query: Query, more: str | None = None) -> Page[Subscription]:
        """Select three at most."""
        self.asked.append(query.limit)
        return super().select(Query(partition=query.partition, limit=3), more)


@pytest.fixture
def table() -> Small:
    """Eight rows."""
    made = Small()
    for number in range(8):
        made.put(Subscription(name=f"s-{number}", channel="memory"))
    return made


def test_every_row_and_every_key(table: Small) -> None:
    """Over three pages, in order."""
    names = [f"s-{number}" for number in range(8)]
    assert [stored.value.name for stored in every(table, Query(partition="subscription"))] == names
    assert list(every_key(table, "subscription")) == names


@pytest.mark.parametrize(("limit", "calls"), [(3, 1), (4, 2), (8, 3), (9, 3)])
def test_the_first_rows(table: Small, limit: int, calls: int) -> None:
    """So many, or all there are; no call asks for more than that."""
    found = newest(table, Query(partition="subscription"), limit)
    assert [stored.value.name for stored in found] == [f"s-{number}" for number in range(min(limit, 8))]
    assert table.asked == [limit] * calls


NAME = st.text("0123456789abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=5)


@given(NAME, NAME)
def test_just_before_lies_between_a_name_and_all_smaller_ones(one: str, other: str) -> None:
    """What is read after it begins with the name itself."""
    smaller, larger = sorted((one, other))
    assert just_before(larger) < larger
    assert smaller == larger or smaller < just_before(larger)
