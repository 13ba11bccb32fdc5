"""docs/data-model.md describes every table, every column and what lies inside one: no more, no less."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from perennial.adapters.tables import MARK
from perennial.model.authority import Obstacle
from perennial.model.certificate import CertificateRef, IssuancePolicy, Leaf, Version
from perennial.model.history import HistoryKind
from perennial.model.notices import Attempt
from perennial.model.reasons import Reason
from perennial.model.renewal import Asked, Checkpoint
from perennial.ports import tables
from perennial.ports.tables import Tables, TableSpec
from tests.docs.pages import Page, first_words, page, rows

SECTIONS: dict[str, TableSpec[Any]] = {
    "inventory": tables.INVENTORY,
    "vaults": tables.VAULTS,
    "vaults: the fleet's row": tables.FLEETS,
    "renewals": tables.RENEWALS,
    "history": tables.HISTORY,
    "subscriptions": tables.SUBSCRIPTIONS,
    "deliveries": tables.DELIVERIES,
    "findings": tables.FINDINGS,
    "sweeps": tables.SWEEPS,
    "authorities": tables.ACCOUNTS,
    "authorities: limits": tables.USAGES,
}
VALUES = (Version, Leaf, IssuancePolicy, Reason, Asked, Checkpoint, Obstacle, Attempt, CertificateRef)
KEYS = ["PartitionKey", "RowKey"]


def model() -> Page:
    """Read the page."""
    return page("docs/data-model.md")


def members_told(text: str) -> dict[str, set[str]]:
    """Return the members that the table of values tells for each type."""
    return {cells[0].strip("`"): set(re.findall(r"`([^`]+)`", cells[2])) for cells in rows(text)}


def test_every_table_has_its_section() -> None:
    """Each table of the storage account is on the page."""
    specs = [spec for spec in vars(tables).values() if isinstance(spec, TableSpec)]
    assert {id(spec) for spec in specs} == {id(spec) for spec in SECTIONS.values()}
    assert len(SECTIONS) == len(fields(Tables))
    assert all(heading.split(":")[0] == spec.name for heading, spec in SECTIONS.items())


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_column_is_described(heading: str) -> None:
    """A section lists the two keys, then the fields of its row type, in their order."""
    row = SECTIONS[heading].row
    section = model().section(heading)
    assert first_words(section) == [*KEYS, *(field.name for field in fields(row))]
    assert f"`{row.__name__}`" in section
    assert f"`{row.__module__.replace('.', '/')}.py`" in section


def test_the_column_that_no_row_type_has_is_described() -> None:
    """The mark of a write is told of too."""
    assert f"`{MARK}`" in model().text


def test_every_kind_of_history_is_described() -> None:
    """The kinds are those of the code, in their order."""
    assert first_words(model().section("Kinds of history")) == [kind.value for kind in HistoryKind]


def test_the_members_of_nested_values_are_described() -> None:
    """What lies inside a JSON column is told member by member."""
    told = members_told(model().section("Values inside a column"))
    assert told == {kind.__name__: {field.name for field in fields(kind)} for kind in VALUES}


def test_a_missing_column_would_be_seen() -> None:
    """Take a line away from the page, and the columns no longer agree."""
    whole = model()
    line = next(line for line in whole.text.splitlines() if line.startswith("| `next_check` |"))
    broken = Page(whole.path, whole.text.replace(line + "\n", ""))
    assert "next_check" in first_words(whole.section("inventory"))
    assert "next_check" not in first_words(broken.section("inventory"))
