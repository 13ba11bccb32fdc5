"""Rows in Table Storage when the service falters: its own repeats, missing tables, columns of other times."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from azure.data.tables import TableClient
from requests.utils import get_netrc_auth

from localazure.client import LocalAzure
from perennial.adapters import clients
from perennial.adapters.tables import MARK, AzureTable
from perennial.errors import BadInput, Changed, Unavailable
from perennial.model.inventory import VaultRow
from perennial.ports.tables import VAULTS, Query
from tests.contract import local

NOW = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)
ROW = VaultRow(vault="kv-orders", first_seen=NOW, next_check=NOW)


@pytest.fixture
def client(azure: LocalAzure, account: str, monkeypatch: pytest.MonkeyPatch) -> TableClient:
    """A client of the table `vaults` of an account that has none yet."""
    variables = local.point_at(azure, monkeypatch, account)
    return clients.table_client(variables["PERENNIAL_TABLES"], local.app_identity(variables), "vaults")


@pytest.fixture
def table(client: TableClient) -> AzureTable[VaultRow]:
    """The table through the adapter."""
    return AzureTable(VAULTS, lambda _: client, map(str, itertools.count()).__next__)


def break_once(azure: LocalAzure, account: str, method: str) -> None:
    """Let the next write be done and then answered with 503, as a balancer may; the pipeline repeats it."""
    azure.fault("storage-table", method=method, path=f"/{account}/vaults*", status=503, after_effect=True, times=1)


def test_an_insert_that_the_pipeline_repeated_is_ours(
    azure: LocalAzure, account: str, table: AzureTable[VaultRow]
) -> None:
    """The repeat meets the row of the first try; it is known by its mark, and its ETag is good."""
    assert table.insert(replace(ROW, vault="kv-before")) is not None
    break_once(azure, account, "POST")
    stored = table.insert(ROW)
    assert stored is not None
    table.save(replace(stored, value=replace(ROW, closures=1)))
    assert table.insert(ROW) is None


def test_an_equal_row_of_another_is_not_ours(azure: LocalAzure, account: str, table: AzureTable[VaultRow]) -> None:
    """Two copies of a look write the very same row in the same second: only one may have inserted it, also after a repeat."""
    assert table.insert(ROW) is not None
    azure.fault("storage-table", method="POST", path=f"/{account}/vaults*", status=503, times=1)
    assert table.insert(ROW) is None


def test_a_save_that_the_pipeline_repeated_is_ours(
    azure: LocalAzure, account: str, table: AzureTable[VaultRow]
) -> None:
    """The repeat meets the ETag of the first try: no false alarm of a change."""
    stored = table.insert(ROW)
    assert stored is not None
    break_once(azure, account, "PUT")
    saved = table.save(replace(stored, value=replace(ROW, closures=1)))
    assert table.get("vault", "kv-orders") == saved
    with pytest.raises(Changed):
        table.save(stored)


def test_a_table_is_made_when_it_is_first_written(table: AzureTable[VaultRow]) -> None:
    """No one has to make tables beforehand."""
    assert table.get("vault", "kv-orders") is None
    table.put(ROW)
    assert table.get("vault", "kv-orders") is not None


def test_a_service_that_stays_away_is_unavailable(azure: LocalAzure, account: str, table: AzureTable[VaultRow]) -> None:
    """The SDK's error does not leave; afterwards all is well again."""
    azure.fault("storage-table", path=f"/{account}/vaults*", status=503)
    with pytest.raises(Unavailable):
        table.get("vault", "x")
    with pytest.raises(Unavailable):
        table.select(Query())
    azure.clear_faults()
    assert table.insert(ROW) is not None


def test_a_row_of_an_older_version_reads_with_defaults(client: TableClient, table: AzureTable[VaultRow]) -> None:
    """Missing columns are the defaults; columns of a newer version are passed over."""
    table.put(replace(ROW, vault="kv-other"))
    old = {"PartitionKey": "vault", "RowKey": "kv-orders", "vault": "kv-orders", "first_seen": NOW, "next_check": NOW}
    client.create_entity({**old, "not_known_yet": 7})
    stored = table.get("vault", "kv-orders")
    assert stored is not None
    assert stored.value == ROW


def test_a_row_that_lacks_what_has_no_default_says_which(client: TableClient, table: AzureTable[VaultRow]) -> None:
    """A damaged row names its column."""
    table.put(replace(ROW, vault="kv-other"))
    client.create_entity({"PartitionKey": "vault", "RowKey": "kv-orders", "vault": "kv-orders"})
    with pytest.raises(BadInput, match="first_seen"):
        table.get("vault", "kv-orders")


def test_the_mark_is_a_column_and_not_of_the_row(client: TableClient, table: AzureTable[VaultRow]) -> None:
    """Each write has a mark of its own."""
    table.put(ROW)
    first = client.get_entity("vault", "kv-orders")[MARK]
    table.put(ROW)
    assert client.get_entity("vault", "kv-orders")[MARK] != first


def test_times_of_another_zone_are_stored_as_utc(table: AzureTable[VaultRow]) -> None:
    """An instant is the same whatever zone it was written in; one without a zone is refused."""
    table.put(replace(ROW, next_check=NOW.astimezone()))
    stored = table.get("vault", "kv-orders")
    assert stored is not None
    assert (stored.value.next_check, stored.value.next_check.tzinfo) == (NOW, UTC)
    with pytest.raises(BadInput, match="next_check"):
        table.put(replace(ROW, next_check=NOW.replace(tzinfo=None)))


@pytest.mark.parametrize("place", ["x", "[]", "7"])
def test_a_place_that_no_page_gave_is_refused(table: AzureTable[VaultRow], place: str) -> None:
    """A cursor that a caller made up is the caller's mistake."""
    with pytest.raises(BadInput, match="more"):
        table.select(Query(), place)


def test_one_page_is_one_call(azure: LocalAzure, account: str, table: AzureTable[VaultRow]) -> None:
    """The service is asked once a page."""
    for number in range(5):
        table.put(replace(ROW, vault=f"kv-{number}", next_check=NOW + timedelta(days=number)))
    azure.clear_requests("storage-table")
    page = table.select(Query(partition="vault", limit=2))
    assert len(page.items) == 2
    assert len([one for one in azure.requests("storage-table") if f"/{account}/" in one["path"]]) == 1


def test_a_netrc_puts_nothing_in_place_of_the_token(
    azure: LocalAzure, account: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Requests would send a .netrc's password for the host instead of what the pipeline signed; the service would refuse it."""
    variables = local.point_at(azure, monkeypatch, account)
    host = urlsplit(variables["PERENNIAL_TABLES"]).hostname
    (tmp_path / "netrc").write_text(f"machine {host} login person password guess\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    identity = local.app_identity(variables)
    with clients.table_client(variables["PERENNIAL_TABLES"], identity, "vaults") as client:
        client.create_table()
        assert list(client.list_entities()) == []
    assert get_netrc_auth(variables["PERENNIAL_TABLES"]) == ("person", "guess"), "Requests would have found it"
