"""Certificates are listed by vault and name, page by page, and shown with all that is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.model.certificate import CertificateRef
from perennial.model.inventory import Entry
from perennial.model.reasons import Reason, ReasonCode
from perennial.ports.tables import INVENTORY, Page, Query
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.stocking import DAY, NOW, WATCHED, WEB, claim, remember, stock
from tests.memory.tables import MemoryTable, memory_tables
from tests.memory.world import make_world


def names(found: object) -> list[str]:
    """Return vault/name of each item of a page."""
    assert isinstance(found, list)
    return [f"{item['vault']}/{item['certificate']}" for item in found]


def fleet(*refs: CertificateRef, choppy: bool = False) -> World:
    """Return a world with these certificates."""
    world = replace(make_world(NOW), tables=memory_tables(choppy=choppy))
    for ref in refs:
        stock(world, ref)
    return world


def walk(api: Api, door: str, *route: str, **query: str) -> list[list[object]]:
    """Follow `next` to the end; return the pages."""
    pages: list[list[object]] = []
    more: str | None = None
    while True:
        found = api.call(door, *route, query={**query, **({"cursor": more} if more else {})})
        assert found.status == 200
        pages.append(found.one("items"))
        more = found.one("next")
        if more is None:
            return pages


def test_a_certificate_is_listed_with_its_decision_and_reason() -> None:
    """The brief row says whose it is, when it is due, what was decided and why, and where to look further."""
    world = make_world(NOW)
    stock(world, owner="orders")
    item = Api(world).call("list_certificates").one("items", 0)
    assert (item["decision"], item["reason"]["code"], item["managed"]) == ("wait-until", "not-due", True)
    assert (item["owner"], item["url"]) == ("orders", "/api/certificates/kv-orders/web")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, ["kv-orders/api", "kv-orders/web", "kv-watched/intranet"]),
        ({"vault": "KV-Orders"}, ["kv-orders/api", "kv-orders/web"]),
        ({"name": "w*"}, ["kv-orders/web"]),
        ({"name": "*e*"}, ["kv-orders/web", "kv-watched/intranet"]),
        ({"name": "[a-i]*"}, ["kv-orders/api", "kv-watched/intranet"]),
        ({"owner": "orders"}, ["kv-orders/web"]),
        ({"decision": "renew"}, ["kv-orders/api"]),
        ({"decision": "leave-alone"}, ["kv-watched/intranet"]),
        ({"due_before": "2026-11-24T09:00:00+01:00"}, ["kv-orders/api", "kv-watched/intranet"]),
        ({"due_before": "2026-01-01T00:00:00Z"}, []),
        ({"vault": "kv-orders", "decision": "renew", "name": "web"}, []),
        ({"code": "the-function-key", "clientId": "default", "owner": "orders"}, ["kv-orders/web"]),
    ],
)
def test_filters_hold_together(query: dict[str, str], wanted: list[str]) -> None:
    """Each filter narrows the list, several at once hold all; the host's own parameters are let pass."""
    world = make_world(NOW)
    stock(world, WEB, owner="orders")
    stock(world, replace(WEB, name="api"), left=50 * DAY)
    stock(world, WATCHED, left=50 * DAY)
    assert names(Api(world).call("list_certificates", query=query).one("items")) == wanted


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vault", "x"),
        ("vault", "kv_orders"),
        ("vault", ""),
        ("name", "a/b"),
        ("name", ""),
        ("owner", ""),
        ("owner", "a\nb"),
        ("decision", "maybe"),
        ("due_before", "tomorrow"),
        ("due_before", "2026-12-01T00:00:00"),
        ("due_before", "0001-01-01T00:00:00+14:00"),
        ("due_before", "1600-12-31T23:59:59Z"),
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "-1"),
        ("limit", "٣"),
        ("limit", "1e2"),
        ("cursor", "%%%"),
        ("cursor", ""),
        ("cursor", "bm8"),
        ("cursor", "YS9iCmM"),
    ],
)
def test_a_wrong_value_is_refused_by_the_parameters_name(field: str, value: str) -> None:
    """400, with the field and the fix."""
    found = Api(make_world(NOW)).call("list_certificates", query={field: value})
    assert (found.status, found.one("field")) == (400, field)
    assert found.one("fix")


@pytest.mark.parametrize("choppy", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
def test_pages_hold_every_certificate_once(limit: int, *, choppy: bool) -> None:
    """Over vaults and pages of any size, with a table service that sends empty pages, each stands there once, in order."""
    refs = [CertificateRef(vault, f"c{number}") for vault in ("kv-orders", "kv-watched") for number in range(4)]
    pages = walk(Api(fleet(*refs, choppy=choppy)), "list_certificates", limit=str(limit))
    assert names([item for page in pages for item in page]) == [str(ref) for ref in refs]
    assert all(len(page) <= limit for page in pages)


def test_pages_stay_true_while_rows_come_and_go() -> None:
    """Rows that come before the cursor or go, the cursor's own among them, neither repeat nor hide another."""
    world = fleet(*(CertificateRef("kv-orders", f"c{number}") for number in range(6)))
    api = Api(world)
    first = api.call("list_certificates", limit="3")
    assert names(first.one("items")) == ["kv-orders/c0", "kv-orders/c1", "kv-orders/c2"]
    world.tables.inventory.delete("kv-orders", "c2")
    world.tables.inventory.delete("kv-orders", "c3")
    for new in ("a", "c25", "d"):
        stock(world, CertificateRef("kv-orders", new))
    rest = api.call("list_certificates", cursor=first.one("next"))
    assert names(rest.one("items")) == ["kv-orders/c25", "kv-orders/c4", "kv-orders/c5", "kv-orders/d"]


def test_a_filtered_page_ends_short_rather_than_late() -> None:
    """A glob that lets little through gives what it found, with a cursor that goes on, and the walk ends."""
    world = make_world(NOW)
    entry = stock(world, CertificateRef("kv-orders", "x"))
    for number in range(30_000):
        world.tables.inventory.put(replace(entry, certificate=f"c{number:05d}"))
    world.tables.inventory.put(replace(entry, certificate="zz"))
    pages = walk(Api(world), "list_certificates", name="?z")
    assert [len(page) for page in pages] == [0, 1]


def test_a_cursor_of_another_vault_is_refused() -> None:
    """A cursor belongs to the list that it came from."""
    api = Api(fleet(WEB, replace(WEB, name="api"), WATCHED))
    more = api.call("list_certificates", limit="1", vault="kv-orders").one("next")
    found = api.call("list_certificates", cursor=more, vault="kv-watched")
    assert (found.status, found.one("field")) == (400, "cursor")


def test_a_certificate_is_shown_with_facts_policy_and_renewal() -> None:
    """The whole of it: version, policy, tags, the open renewal with its failures, whatever the case of the address."""
    world = make_world(NOW)
    entry = stock(world, left=50 * DAY, tags={"perennial-owner": "orders"})
    waits = Reason(ReasonCode.IN_PROGRESS, {"issuer": "DigiCert", "what": "pending"})
    claim(world, entry, failures=2, error="refused", waiting=waits)
    found = Api(world).call("get_certificate", "KV-ORDERS", "Web")
    assert found.status == 200
    assert found.one("current", "names") == ["web.example"]
    assert found.one("policy", "issuer") == "Self"
    assert found.one("tags") == {"perennial-owner": "orders"}
    renewal = found.one("renewal")
    assert (renewal["failures"], renewal["error"], renewal["waiting"]["sentence"]) == (
        2,
        "refused",
        "DigiCert is at work: pending",
    )


def test_a_renewals_memory_is_not_shown() -> None:
    """What an issuer keeps between steps stays with it."""
    world = make_world(NOW)
    claim(world, stock(world))
    assert "memory" not in str(Api(world).call("get_certificate", "kv-orders", "web").body)


def test_a_certificate_without_a_finished_version_is_shown() -> None:
    """A row that a first look has just made has no facts yet."""
    world = make_world(NOW)
    entry = stock(world)
    bare = replace(entry, version=None, not_after=None, due_at=None, decision="", reason=None, since=None)
    world.tables.inventory.put(bare)
    found = Api(world).call("get_certificate", "kv-orders", "web")
    assert (found.status, found.one("current"), found.one("decision")) == (200, None, None)
    assert Api(world).call("list_certificates").one("items", 0, "version") is None


@pytest.mark.parametrize(
    "route", [("kv-orders", "none"), ("kv-none", "web"), ("k", "web"), ("kv-orders", "a_b"), ("", "")]
)
@pytest.mark.parametrize("name", ["get_certificate", "get_history"])
def test_an_unknown_certificate_is_not_found(name: str, route: tuple[str, str]) -> None:
    """404, also for a name that no certificate can have."""
    found = Api(fleet(WEB)).call(name, *route)
    assert (found.status, found.one("type")) == (404, "urn:perennial:problem:not-found")


def test_history_is_newest_first_and_paged() -> None:
    """Pages go back in time, and what happens meanwhile is on no later page."""
    world = fleet(WEB)
    for number in range(5):
        remember(world, WEB, number)
    first = Api(world).call("get_history", "kv-orders", "web", limit="2")
    assert [item["id"] for item in first.one("items")] == ["e0", "e1"]
    world.tables.history.put(replace(remember(world, WEB, 0), id="new", at=NOW + timedelta(hours=1)))
    rest = Api(world).call("get_history", "kv-orders", "web", cursor=first.one("next"))
    assert [item["id"] for item in rest.one("items")] == ["e2", "e3", "e4"]
    assert rest.one("next") is None


def test_history_is_of_one_certificate() -> None:
    """Another certificate's history is not shown, also not of one whose name begins alike."""
    world = fleet(WEB, replace(WEB, name="web-2"))
    remember(world, replace(WEB, name="web-2"), 1)
    assert Api(world).call("get_history", "kv-orders", "web").one("items") == []


class Noted(MemoryTable[Entry]):
    """An inventory that notes what it was asked for."""

    def __init__(self) -> None:
        super().__init__(INVENTORY)
        self.asked: list[Query] = []

    def select(self, query: Query, more: str | None = None) -> Page[Entry]:
        """Note it."""
        self.asked.append(query)
        return super().select(query, more)


@pytest.mark.parametrize(
    ("query", "prefix", "limit"),
    [
        ({}, "", 51),
        ({"name": "*"}, "", 51),
        ({"name": "we*"}, "we", 1000),
        ({"name": "we?b"}, "we", 1000),
        ({"name": "we[a-c]"}, "we", 1000),
        ({"name": "web-x"}, "web-x", 1000),
    ],
)
def test_a_glob_asks_for_what_it_begins_with(query: dict[str, str], prefix: str, limit: int) -> None:
    """The service looks among those keys alone; a glob that all names match is none."""
    table = Noted()
    world = make_world(NOW)
    Api(replace(world, tables=replace(world.tables, inventory=table))).call("list_certificates", query=query)
    assert [(one.prefix, one.limit) for one in table.asked] == [(prefix, limit)]
