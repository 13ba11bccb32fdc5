"""Rows as entities and back: every row type of the product, whatever is in it."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from azure.data.tables import EdmType, EntityProperty
from hypothesis import given
from hypothesis import strategies as st

from perennial.adapters.codec import LONGEST_TEXT, from_entity, to_entity
from perennial.errors import BadInput
from perennial.model.findings import Finding
from perennial.model.history import Record, VaultWalk
from perennial.model.inventory import Entry, FleetRow, VaultRow
from perennial.model.notices import Delivery, Subscription
from perennial.model.renewal import Renewal

ROWS = (Entry, VaultRow, FleetRow, Renewal, Record, Subscription, Delivery, Finding, VaultWalk)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)

texts = st.text(st.characters(codec="utf-8"), max_size=40)
LEAVES: dict[object, st.SearchStrategy[Any]] = {
    str: texts,
    bool: st.booleans(),
    int: st.integers(-(2**62), 2**62),
    float: st.floats(0, 1e6),
    bytes: st.binary(max_size=20),
    datetime: st.integers(0, 2**52).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds)),
    date: st.dates(),
    timedelta: st.timedeltas(timedelta(0), timedelta(days=4000)),
    NoneType: st.none(),
}


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a field's type."""
    if hint in LEAVES:
        return LEAVES[hint]
    if isinstance(hint, type) and is_dataclass(hint):
        names = get_type_hints(hint)
        return st.builds(hint, **{each.name: anything(names[each.name]) for each in fields(hint)})
    parts = get_args(hint)
    if not parts:
        return st.sampled_from(hint)
    if get_origin(hint) is Mapping:
        return st.dictionaries(anything(parts[0]), anything(parts[1]), max_size=3)
    if get_origin(hint) is tuple:
        return st.lists(anything(parts[0]), max_size=3).map(tuple)
    return st.one_of(*map(anything, parts))


def stored(entity: dict[str, object]) -> dict[str, object]:
    """Return an entity as the SDK would read it back: an Int64 comes wrapped."""
    wide = {k: EntityProperty(v, EdmType.INT64) for k, v in entity.items() if type(v) is int and abs(v) >= 2**31}
    return {**entity, **wide}


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.__name__)
def test_a_row_comes_back_as_it_went(kind: type[object]) -> None:
    """Every row type of the product survives, with anything in its fields."""

    @given(anything(kind))
    def comes_back(row: object) -> None:
        entity = to_entity(row, ("p", "k"))
        assert from_entity(stored(entity), kind) == row

    comes_back()


class Colour(StrEnum):
    """Text with a few values."""

    RED = "red"


class Rank(IntEnum):
    """A number with a few values."""

    HIGH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A nested value."""

    at: datetime
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row with one field of each kind."""

    name: str
    flag: bool = False
    number: int = 0
    at: datetime | None = None
    day: date | None = None
    span: timedelta = timedelta(0)
    colour: Colour = Colour.RED
    rank: Rank = Rank.HIGH
    inner: Inner | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


FULL = Row(
    name="n",
    flag=True,
    number=2**40,
    at=NOW,
    day=NOW.date(),
    span=timedelta(hours=36),
    inner=Inner(at=NOW, names=("a",)),
    counts={"a": 1},
)


def test_columns_are_what_a_person_expects_to_read() -> None:
    """Enums are their values, dates and spans ISO 8601, nested values JSON, and None is no column."""
    entity = to_entity(FULL, ("p", "k"))
    assert entity.pop("number").edm_type == EdmType.INT64
    assert entity == {
        "PartitionKey": "p",
        "RowKey": "k",
        "name": "n",
        "flag": True,
        "at": NOW,
        "day": "2026-11-24",
        "span": "P1DT43200S",
        "colour": "red",
        "rank": "4",
        "inner": '{"at":"2026-11-24T09:00:00Z","names":["a"]}',
        "counts": '{"a":1}',
    }
    assert "at" not in to_entity(Row(name="n"), ("p", "k"))


def test_an_enums_column_is_plain_text() -> None:
    """The SDK would write a str subclass by its str(), which for some enums is the member's name."""
    assert type(to_entity(FULL, ("p", "k"))["colour"]) is str


def test_missing_columns_are_defaults_and_unknown_ones_ignored() -> None:
    """A row of another version is read."""
    assert from_entity({"name": "n", "newer": 1}, Row) == Row(name="n")


@pytest.mark.parametrize(
    ("column", "value"), [("colour", "blue"), ("rank", "x"), ("inner", "{"), ("inner", "{}"), ("day", "Tuesday")]
)
def test_what_cannot_be_read_names_its_column(column: str, value: str) -> None:
    """A damaged column is named."""
    with pytest.raises(BadInput, match=column):
        from_entity({"name": "n", column: value}, Row)


def test_a_text_that_fits_is_taken_and_one_more_character_is_refused() -> None:
    """The limit is in UTF-16 units, so an emoji counts twice."""
    to_entity(Row(name="x" * LONGEST_TEXT), ("p", "k"))
    to_entity(Row(name="🌱" * (LONGEST_TEXT // 2)), ("p", "k"))
    for text in ("x" * (LONGEST_TEXT + 1), "🌱" * (LONGEST_TEXT // 2 + 1)):
        with pytest.raises(BadInput, match="name"):
            to_entity(Row(name=text), ("p", "k"))


@pytest.mark.parametrize("key", ["a/b", "a\\b", "a#b", "a?b", "a\nb", "x" * 513])
def test_a_key_that_the_service_refuses_is_refused(key: str) -> None:
    """In either place."""
    for pair in ((key, "k"), ("p", key)):
        with pytest.raises(BadInput, match="key"):
            to_entity(FULL, pair)
    to_entity(FULL, (string.ascii_letters, "a:b c.d-e_f~%"))


def test_an_instant_keeps_its_moment_and_becomes_plain_utc() -> None:
    """Another zone is turned, and none is refused."""
    auckland = NOW.astimezone(timezone(timedelta(hours=13)))
    assert to_entity(Row(name="n", at=auckland), ("p", "k"))["at"].tzinfo is UTC
    with pytest.raises(BadInput, match="at"):
        to_entity(Row(name="n", at=NOW.replace(tzinfo=None)), ("p", "k"))
