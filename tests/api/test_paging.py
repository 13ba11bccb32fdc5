"""Pages cost what they show, and end; what was not made by a cursor opens nothing."""

from __future__ import annotations

import base64

import pytest

from perennial.errors import BadInput
from perennial.model.notices import Subscription
from perennial.ports.tables import SUBSCRIPTIONS, Page, Query
from perennial.workflows.api.paging import SERVICE_PAGES, Paging, cursor, gather, opened, paging
from tests.memory.tables import MemoryTable

QUERY = Query(partition="subscription")


class Served(MemoryTable[Subscription]):
    """A table whose service gives some empty pages first, then a row a page, and that notes how many rows were asked for."""

    def __init__(self, rows: int, empty: int = 0) -> None:
        super().__init__(SUBSCRIPTIONS)
        self.asked: list[int] = []
        self.empty = empty
        for number in range(rows):
            self.put(Subscription(name=f"s-{number:03}", channel="memory"))

    def select(self, query: Query, more: str | None = None) -> Page[Subscription]:
        """Select one row at most."""
        self.asked.append(query.limit)
        if len(self.asked) <= self.empty:
            return Page((), '["", ""]')
        return super().select(Query(partition=query.partition, after=query.after, limit=1), more)


def test_a_page_asks_for_one_row_more_than_it_shows() -> None:
    """That one tells whether there is a next page."""
    table = Served(2)
    assert len(gather(table, SUBSCRIPTIONS, QUERY, Paging(5)).items) == 2
    assert set(table.asked) == {6}


def test_a_filtered_page_asks_for_as_many_as_the_service_gives() -> None:
    """The filter may let little through."""
    table = Served(2)
    assert len(gather(table, SUBSCRIPTIONS, QUERY, Paging(5), keep=lambda _: True).items) == 2
    assert set(table.asked) == {1000}


@pytest.mark.parametrize(("rows", "calls", "more"), [(25, 25, False), (26, 25, True), (300, 25, True)])
def test_a_page_ends_after_twenty_five_pages_of_the_service(rows: int, calls: int, more: bool) -> None:
    """With a cursor that goes on after the last row that was seen, if there is one."""
    table = Served(rows)
    part = gather(table, SUBSCRIPTIONS, QUERY, Paging(5), keep=lambda _: False)
    assert (len(table.asked), part.items, SERVICE_PAGES) == (calls, (), 25)
    assert part.next == (cursor("subscription", "s-024") if more else None)


def test_pages_without_a_row_are_passed_over_until_there_is_a_place_to_go_on_from() -> None:
    """Thirty empty pages, then a row: the page ends with it, since it is late."""
    table = Served(9, empty=30)
    part = gather(table, SUBSCRIPTIONS, QUERY, Paging(5))
    assert [row.name for row in part.items] == ["s-000"]
    assert (len(table.asked), part.next) == (31, cursor("subscription", "s-000"))


@pytest.mark.parametrize("limit", ["0", "501", "0050", "", " 5", "5.0", "-1", "9" * 5000])
def test_a_limit_is_a_number_as_one_writes_it(limit: str) -> None:
    """Of at most three digits."""
    with pytest.raises(BadInput) as refused:
        paging({"limit": limit})
    assert refused.value.field == "limit"
    assert (paging({"limit": "1"}).limit, paging({"limit": "500"}).limit, paging({}).limit) == (1, 500, 50)


def made(text: str) -> str:
    """Close a text up as a cursor is."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        made("no border"),
        made("a/b\nkey"),
        made("partition\na#b"),
        made("partition\n" + "x" * 513),
        made("x" * 513 + "\nkey"),
        cursor("subscription", "orders") + "!!!!",
        "!!!!" + cursor("subscription", "orders"),
        "ä",
        "_w",
    ],
)
def test_what_no_page_gave_is_refused(text: str) -> None:
    """Without a border, with what no key can hold, with signs of no cursor."""
    with pytest.raises(BadInput) as refused:
        opened(text)
    assert refused.value.field == "cursor"


def test_a_cursor_is_made_of_letters_that_fit_an_address() -> None:
    """Whatever keys are made of; it opens to what it was made of."""
    for key in (">>>", "~~~~", "zzz>?"):
        text = cursor("~>~>", key)
        assert not set(text) & set("+/=")
        if "?" not in key:
            assert opened(text) == ("~>~>", key)
