"""The contract of Table, clause by clause: in memory, on the local Azure, and on live Azure where it is set."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perennial.errors import BadInput, Changed, TooLong
from perennial.model.certificate import CertificateRef
from perennial.model.history import HistoryKind, Record
from perennial.model.inventory import FleetRow, VaultRow
from perennial.model.notices import Delivery, DeliveryState, NoticeKind
from perennial.ports.tables import Query, Tables
from tests.contract import local
from tests.memory.tables import memory_tables

NOW = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)


@pytest.fixture(params=["memory", "choppy", *local.places("TABLES")])
def tables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Empty tables, wherever they are."""
    if request.param in ("memory", "choppy"):
        return memory_tables(choppy=request.param == "choppy")
    if request.param == "live":
        return local.tables(local.LIVE["TABLES"], local.live_identity())
    account = request.getfixturevalue("account")
    variables = local.point_at(request.getfixturevalue("azure"), monkeypatch, account)
    return local.tables(variables["PERENNIAL_TABLES"], local.app_identity(variables))


@pytest.fixture
def subject() -> str:
    """A partition that nobody used before."""
    return f"kv-{uuid.uuid4().hex[:12]}:www"


def delivery(subject: str, notice: str, **changes: Any) -> Delivery:
    """Return a row with text, an enum, instants and nothing to pay attention to."""
    row = Delivery(
        subject=subject,
        notice=notice,
        subscription="ops",
        kind=NoticeKind.NEW_VERSION,
        opened=NOW,
        body='{"a": "ü"}',
        time=NOW,
        next_attempt=NOW,
    )
    return replace(row, **changes)


def everything(tables: Tables, query: Query) -> list[Delivery]:
    """Walk all pages of deliveries."""
    return [row for page in pages(tables, query) for row in page]


def pages(tables: Tables, query: Query) -> Iterator[list[Delivery]]:
    """Walk the pages of deliveries."""
    page = tables.deliveries.select(query)
    yield [stored.value for stored in page.items]
    while page.more is not None:
        page = tables.deliveries.select(query, page.more)
        yield [stored.value for stored in page.items]


def test_keys_are_a_partitions_row_keys_in_order(tables: Tables, subject: str) -> None:
    """All of them, over all pages, and no other partition's; none where there is no row."""
    assert all_keys(tables, subject) == []
    for number in (3, 1, 2):
        tables.deliveries.put(delivery(subject, f"n{number}"))
    tables.deliveries.put(delivery(f"{subject}-other", "n4"))
    assert all_keys(tables, subject) == ["n1:ops", "n2:ops", "n3:ops"]


def all_keys(tables: Tables, partition: str) -> list[str]:
    """Walk the pages of a partition's keys."""
    page = tables.deliveries.keys(partition)
    found = [*page.items]
    while page.more is not None:
        page = tables.deliveries.keys(partition, page.more)
        found += page.items
    return found


def test_get_returns_a_row_as_it_was_written(tables: Tables, subject: str) -> None:
    """What goes in comes out, enums, instants and None included."""
    row = delivery(subject, "n1", closed=NOW + timedelta(microseconds=7), next_attempt=None)
    tables.deliveries.put(row)
    stored = tables.deliveries.get(subject, "n1:ops")
    assert stored is not None
    assert stored.value == row


def test_get_of_no_row_is_none(tables: Tables, subject: str) -> None:
    """Neither another key nor another partition is found, nor a table that was never used."""
    assert tables.deliveries.get(subject, "n1:ops") is None
    tables.deliveries.put(delivery(subject, "n1"))
    assert tables.deliveries.get(subject, "n2:ops") is None
    assert tables.deliveries.get(f"{subject}x", "n1:ops") is None


def test_insert_returns_the_row_and_an_etag_to_save_with(tables: Tables, subject: str) -> None:
    """An inserted row can be saved without being read."""
    stored = tables.deliveries.insert(delivery(subject, "n1"))
    assert stored is not None
    tables.deliveries.save(replace(stored, value=delivery(subject, "n1", failures=1)))
    found = tables.deliveries.get(subject, "n1:ops")
    assert found is not None
    assert found.value.failures == 1


def test_insert_where_there_is_a_row_is_none_and_leaves_it(tables: Tables, subject: str) -> None:
    """The second insert changes nothing, also if it wants the very same."""
    first = tables.deliveries.insert(delivery(subject, "n1"))
    assert tables.deliveries.insert(delivery(subject, "n1", failures=9)) is None
    assert tables.deliveries.insert(delivery(subject, "n1")) is None
    assert tables.deliveries.get(subject, "n1:ops") == first


def test_save_replaces_the_whole_row(tables: Tables, subject: str) -> None:
    """What the new row has not is gone."""
    stored = tables.deliveries.insert(delivery(subject, "n1", lease_until=NOW))
    assert stored is not None
    saved = tables.deliveries.save(replace(stored, value=delivery(subject, "n1", state=DeliveryState.DELIVERED)))
    found = tables.deliveries.get(subject, "n1:ops")
    assert found == saved
    assert found is not None
    assert (found.value.lease_until, found.value.state) == (None, DeliveryState.DELIVERED)


def test_save_of_a_row_that_is_another_by_now_raises_changed(tables: Tables, subject: str) -> None:
    """The first of two savers wins, and its row stays."""
    stored = tables.deliveries.insert(delivery(subject, "n1"))
    assert stored is not None
    winner = tables.deliveries.save(replace(stored, value=delivery(subject, "n1", failures=1)))
    with pytest.raises(Changed):
        tables.deliveries.save(replace(stored, value=delivery(subject, "n1", failures=2)))
    assert tables.deliveries.get(subject, "n1:ops") == winner


def test_save_of_a_row_that_is_gone_raises_changed(tables: Tables, subject: str) -> None:
    """A deleted row is not brought back."""
    stored = tables.deliveries.insert(delivery(subject, "n1"))
    assert stored is not None
    tables.deliveries.delete(subject, "n1:ops")
    with pytest.raises(Changed):
        tables.deliveries.save(stored)
    assert tables.deliveries.get(subject, "n1:ops") is None


def test_put_writes_whatever_is_there(tables: Tables, subject: str) -> None:
    """A put needs no row and no ETag, and ends the ETag of whoever read before."""
    tables.deliveries.put(delivery(subject, "n1"))
    read = tables.deliveries.get(subject, "n1:ops")
    assert read is not None
    tables.deliveries.put(delivery(subject, "n1", failures=3))
    with pytest.raises(Changed):
        tables.deliveries.save(read)


def test_delete_of_a_row_and_of_none(tables: Tables, subject: str) -> None:
    """Deleting twice is fine."""
    tables.deliveries.put(delivery(subject, "n1"))
    tables.deliveries.delete(subject, "n1:ops")
    tables.deliveries.delete(subject, "n1:ops")
    assert tables.deliveries.get(subject, "n1:ops") is None


def test_select_is_ordered_by_key_and_confined_to_the_partition(tables: Tables, subject: str) -> None:
    """Rows come in the order of their keys, whatever the order of writing."""
    for notice in ("n2", "n10", "n1"):
        tables.deliveries.put(delivery(subject, notice))
    tables.deliveries.put(delivery(f"{subject}x", "n3"))
    assert [row.notice for row in everything(tables, Query(partition=subject))] == ["n10", "n1", "n2"]


def test_select_by_prefix_and_after(tables: Tables, subject: str) -> None:
    """A prefix confines, `after` excludes its own key."""
    for notice in ("a1", "b1", "b2", "b3", "c1"):
        tables.deliveries.put(delivery(subject, notice))
    found = everything(tables, Query(partition=subject, prefix="b", after="b1:ops"))
    assert [row.notice for row in found] == ["b2", "b3"]


def test_select_until_a_key_and_between_two(tables: Tables, subject: str) -> None:
    """`until` includes its own key, also where no row has it, and goes with `after` and with pages."""
    for notice in ("a1", "b1", "b2", "b3", "c1"):
        tables.deliveries.put(delivery(subject, notice))
    tables.deliveries.put(delivery(f"{subject}x", "a2"))
    assert [row.notice for row in everything(tables, Query(partition=subject, until="b1:ops"))] == ["a1", "b1"]
    between = Query(partition=subject, after="a1:ops", until="b2:zz", limit=1)
    assert [row.notice for row in everything(tables, between)] == ["b1", "b2"]


def test_select_by_equal_columns(tables: Tables, subject: str) -> None:
    """Text, enums and flags are compared with what the column holds; quotes harm nobody."""
    tables.deliveries.put(delivery(subject, "n1", version="it's ' or true"))
    tables.deliveries.put(delivery(subject, "n2", state=DeliveryState.DELIVERED))
    by_state = Query(partition=subject, equal={"state": DeliveryState.DELIVERED})
    assert [row.notice for row in everything(tables, by_state)] == ["n2"]
    by_text = Query(partition=subject, equal={"version": "it's ' or true", "state": "open"})
    assert [row.notice for row in everything(tables, by_text)] == ["n1"]


def test_select_by_a_flag(tables: Tables, subject: str) -> None:
    """A flag is compared as a flag."""
    vault = subject.partition(":")[0]
    tables.vaults.put(VaultRow(vault=vault, first_seen=NOW, next_check=NOW, baseline_told=True))
    tables.vaults.put(VaultRow(vault=f"{vault}x", first_seen=NOW, next_check=NOW))
    found = tables.vaults.select(Query(partition="vault", prefix=vault, equal={"baseline_told": True}))
    while not found.items and found.more:
        found = tables.vaults.select(Query(partition="vault", prefix=vault, equal={"baseline_told": True}), found.more)
    assert [stored.value.vault for stored in found.items] == [vault]


def test_select_what_is_due_includes_the_instant_and_no_row_without_the_column(tables: Tables, subject: str) -> None:
    """At the instant counts, a second later does not, and a row without the column never."""
    tables.deliveries.put(delivery(subject, "n1", next_attempt=NOW))
    tables.deliveries.put(delivery(subject, "n2", next_attempt=NOW + timedelta(seconds=1)))
    tables.deliveries.put(delivery(subject, "n3", next_attempt=None))
    found = everything(tables, Query(partition=subject, due=("next_attempt", NOW)))
    assert [row.notice for row in found] == ["n1"]


def test_select_over_every_partition(tables: Tables, subject: str) -> None:
    """Without a partition the rows of all come, ordered by partition, then key."""
    for suffix, notice in (("b", "n1"), ("a", "n2"), ("a", "n1")):
        tables.deliveries.put(delivery(f"{subject}{suffix}", notice, version=subject))
    found = everything(tables, Query(equal={"version": subject}))
    assert [(row.subject[-1], row.notice) for row in found] == [("a", "n1"), ("a", "n2"), ("b", "n1")]


def test_select_beyond_a_key_over_every_partition(tables: Tables, subject: str) -> None:
    """Rows after a key come: the rest of its partition, then the partitions after it, also when the key's own row is gone."""
    for suffix, notice in (("a", "n2"), ("b", "n1"), ("b", "n3"), ("c", "n1")):
        tables.deliveries.put(delivery(f"{subject}{suffix}", notice, version=subject))
    mine = Query(equal={"version": subject}, limit=2)
    found = everything(tables, replace(mine, beyond=(f"{subject}b", "n2:ops")))
    assert [(row.subject[-1], row.notice) for row in found] == [("b", "n3"), ("c", "n1")]
    found = everything(tables, replace(mine, beyond=(f"{subject}b", "")))
    assert [(row.subject[-1], row.notice) for row in found] == [("b", "n1"), ("b", "n3"), ("c", "n1")]
    assert everything(tables, replace(mine, beyond=(f"{subject}c", "n1:ops"))) == []


def test_pages_hold_no_more_than_the_limit_and_together_everything(tables: Tables, subject: str) -> None:
    """Every row comes once, and the last page says so."""
    names = [f"n{number}" for number in range(5)]
    for notice in names:
        tables.deliveries.put(delivery(subject, notice))
    found = list(pages(tables, Query(partition=subject, limit=2)))
    assert [row.notice for page in found for row in page] == names
    assert max(map(len, found)) == 2


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_of_no_or_too_many_rows_is_refused(tables: Tables, limit: int) -> None:
    """A page has 1 to 1,000 rows."""
    with pytest.raises(BadInput):
        tables.deliveries.select(Query(limit=limit))


def test_a_key_that_table_storage_refuses_is_refused_by_name(tables: Tables, subject: str) -> None:
    """An event's id may hold a slash; no request is made with it."""
    record = Record(certificate=CertificateRef("kv-a", "www"), id="a/b", at=NOW, kind=HistoryKind.EVENT)
    with pytest.raises(BadInput, match="key"):
        tables.history.put(record)


def test_a_text_that_no_column_takes_is_refused_by_its_column_and_nothing_is_written(
    tables: Tables, subject: str
) -> None:
    """By each write; 32 K characters are taken."""
    good, bad = (delivery(subject, "n1", body="x" * length) for length in (32_768, 32_769))
    for write in (tables.deliveries.insert, tables.deliveries.put):
        with pytest.raises(TooLong):
            write(bad)
    assert tables.deliveries.get(subject, "n1:ops") is None
    stored = tables.deliveries.insert(good)
    assert stored is not None
    with pytest.raises(TooLong) as raised:
        tables.deliveries.save(replace(stored, value=bad))
    assert raised.value.field == "body"
    assert tables.deliveries.get(subject, "n1:ops") == stored


def test_the_fleet_and_the_vaults_share_a_table(tables: Tables, subject: str) -> None:
    """A vault may be called fleet, and its row is not the fleet's."""
    tables.fleet.put(FleetRow(first_seen=NOW, next_check=NOW, expected={"kv-a": 0.25}))
    tables.vaults.put(VaultRow(vault="fleet", first_seen=NOW, next_check=NOW, closed_why=subject))
    vault, fleet = tables.vaults.get("vault", "fleet"), tables.fleet.get("fleet", "fleet")
    assert vault is not None
    assert fleet is not None
    assert (vault.value.closed_why, fleet.value.expected) == (subject, {"kv-a": 0.25})
