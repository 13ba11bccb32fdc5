"""The outbox is listed with every attempt and answer, and a delivery can be attempted again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from perennial.model.messages import Nudge
from perennial.model.notices import FLEET_SUBJECT, Attempt, Delivery, DeliveryState, NoticeKind
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.stocking import DAY, NOW, WEB, stock
from tests.memory.queue import MemoryQueues
from tests.memory.world import make_world

SUBJECTS = (FLEET_SUBJECT, "kv-order:z", "kv-orders:", "kv-orders:api", "kv-orders:web", "kv-orders-2:web")


def told(world: World, subject: str, subscription: str = "orders", **changes: Any) -> Delivery:
    """Put a delivery into the outbox."""
    facts: dict[str, Any] = {
        "subject": subject,
        "notice": "n1",
        "subscription": subscription,
        "kind": NoticeKind.NEW_VERSION,
        "opened": NOW - DAY,
        "body": "{}",
        "time": NOW - DAY,
        "next_attempt": NOW + DAY,
    }
    row = Delivery(**(facts | changes))
    world.tables.deliveries.put(row)
    return row


def closed(world: World, subject: str = "kv-orders:web", **changes: Any) -> Delivery:
    """Put a delivery into the outbox that has ended."""
    ended = {"state": DeliveryState.ABANDONED, "next_attempt": None, "closed": NOW, "failures": 12}
    return told(world, subject, **(ended | changes))


def about(items: list[dict[str, Any]]) -> list[str]:
    """Return what each delivery is about."""
    return [f"{item['vault'] or ''}:{item['certificate'] or ''}" for item in items]


def test_a_delivery_is_shown_with_every_attempt_and_answer() -> None:
    """Who was told what, when, what they said, and when it is tried next."""
    world = make_world(NOW)
    told(world, "kv-orders:web", attempts=(Attempt(NOW, "503 busy"), Attempt(NOW, "202 Accepted", delivered=True)))
    item = Api(world).call("list_deliveries").one("items", 0)
    assert [attempt["answer"] for attempt in item["attempts"]] == ["503 busy", "202 Accepted"]
    assert (item["vault"], item["certificate"], item["next_attempt"]) == ("kv-orders", "web", "2026-11-25T08:00:00Z")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, sorted(SUBJECTS)),
        ({"vault": "kv-orders"}, ["kv-orders:", "kv-orders:api", "kv-orders:web"]),
        ({"vault": "kv-orders", "certificate": "WEB"}, ["kv-orders:web"]),
        ({"vault": "kv-none"}, []),
        ({"state": "abandoned"}, ["kv-orders:api"]),
        ({"subscription": "billing"}, ["kv-orders:api", "kv-orders:web"]),
        ({"vault": "kv-orders", "subscription": "billing", "state": "open"}, ["kv-orders:web"]),
    ],
)
@pytest.mark.parametrize("limit", ["1", "2", "500"])
def test_filters_and_pages(query: dict[str, str], wanted: list[str], limit: str) -> None:
    """A vault's own notices and those of its certificates, a certificate's, a state's, a subscription's; each once over all pages."""
    world = make_world(NOW)
    for subject in SUBJECTS:
        told(world, subject, "billing" if subject == "kv-orders:web" else "orders")
    closed(world, "kv-orders:api", subscription="billing")
    if not query or query == {"vault": "kv-orders"}:
        world.tables.deliveries.delete("kv-orders:api", "n1:billing")
    found: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = Api(world).call("list_deliveries", query=query | more | {"limit": limit})
        found += page.one("items")
        if page.one("next") is None:
            break
        more = {"cursor": page.one("next")}
    assert about(found) == wanted


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"certificate": "web"}, "certificate"),
        ({"vault": "kv-orders", "certificate": "a/b"}, "certificate"),
        ({"vault": "kv-orders", "certificate": ""}, "certificate"),
        ({"state": "lost"}, "state"),
        ({"subscription": ""}, "subscription"),
        ({"vault": "kv-orders", "cursor": "a3YteDoKbg"}, "cursor"),
    ],
)
def test_a_wrong_filter_is_refused(query: dict[str, str], field: str) -> None:
    """400 by the parameter's name; a certificate needs its vault, a cursor its list."""
    found = Api(make_world(NOW)).call("list_deliveries", query=query)
    assert (found.status, found.one("field")) == (400, field)


def test_a_closed_delivery_is_opened_again_under_its_id() -> None:
    """202; it is open, and its message is queued."""
    world = make_world(NOW)
    stock(world)
    delivery = closed(world)
    identifier = Api(world).call("list_deliveries").one("items", 0, "id")
    found = Api(world).call("redeliver", identifier)
    assert (found.status, found.one("id"), found.one("state"), found.one("notice")) == (202, identifier, "open", "n1")
    assert isinstance(world.queues, MemoryQueues)
    assert world.queues.nudges == [Nudge(subject=delivery.subject, delivery=delivery.key)]


def test_a_superseded_delivery_is_not_opened_again() -> None:
    """409: nobody is told of an older version after a newer one."""
    world = make_world(NOW)
    stock(world)
    closed(world, state=DeliveryState.SUPERSEDED)
    identifier = Api(world).call("list_deliveries").one("items", 0, "id")
    found = Api(world).call("redeliver", identifier)
    assert (found.status, found.one("type")) == (409, "urn:perennial:problem:superseded")


def test_an_older_version_than_one_delivered_is_not_opened_again() -> None:
    """409 also for one that was abandoned before a newer one was delivered."""
    world = make_world(NOW)
    stock(world, WEB)
    closed(world, version="v1", version_created=NOW - 2 * DAY)
    told(
        world,
        "kv-orders:web",
        notice="n2",
        version="v2",
        version_created=NOW - DAY,
        state=DeliveryState.DELIVERED,
        closed=NOW - timedelta(hours=1),
        next_attempt=None,
    )
    older = next(item for item in Api(world).call("list_deliveries").one("items") if item["version"] == "v1")
    assert Api(world).call("redeliver", older["id"]).status == 409


@pytest.mark.parametrize("identifier", ["", "nothing", "%2e%2e", "a3Ytb3JkZXJzOndlYgpuMg", "bm8", "ä", "YS9iCmM"])
def test_an_unknown_id_is_not_found(identifier: str) -> None:
    """404, whatever it looks like."""
    world = make_world(NOW)
    closed(world)
    assert Api(world).call("redeliver", identifier).status == 404


def test_whoever_asks_for_a_delivery_has_a_name_that_can_be_kept() -> None:
    """400 for one that is too long, and nothing is opened."""
    world = make_world(NOW)
    stock(world)
    closed(world)
    identifier = Api(world).call("list_deliveries").one("items", 0, "id")
    found = Api(world).call("redeliver", identifier, actor="a" * 81)
    assert (found.status, found.one("field")) == (400, "X-Perennial-Actor")
    assert Api(world).call("list_deliveries").one("items", 0, "state") == "abandoned"
