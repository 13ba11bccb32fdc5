"""Subscriptions are written whole, checked by member, and told only what a person asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from perennial.model.messages import Nudge
from perennial.model.notices import Delivery, NoticeKind, Subscription
from perennial.ports.tables import Page, Query, Stored, Table
from perennial.workflows import announce
from perennial.workflows.world import World
from tests.api.calling import Answer, Api
from tests.api.stocking import DAY, NOW, WATCHED, WEB, stock
from tests.memory.channel import MemoryChannel
from tests.memory.queue import MemoryQueues
from tests.memory.world import make_world
from tests.workflows.racing import Over, raced

BODY: dict[str, Any] = {
    "channel": "memory",
    "target": "https://hooks.example/x",
    "vaults": "kv-orders",
    "secret": "ORDERS",
}


def put(world: World, name: str = "orders", **body: Any) -> Answer:
    """Write a subscription."""
    return Api(world).call("put_subscription", name, body=BODY | body)


def outbox(world: World) -> list[Delivery]:
    """Return the deliveries."""
    return [stored.value for stored in world.tables.deliveries.select(Query()).items]


def test_a_subscription_is_created_shown_listed_and_deleted() -> None:
    """201 with Location, then it is there, with what it was given; 204, then it is not."""
    world = make_world(NOW)
    api = Api(world)
    created = put(world, kinds=["new-version", "new-version", "expired"], vaults="KV-*")
    assert (created.status, created.headers["Location"], created.one("sent")) == (201, "/api/subscriptions/orders", 0)
    shown = api.call("get_subscription", "orders")
    assert shown.body == {name: value for name, value in created.body.items() if name != "sent"}
    assert (shown.one("kinds"), shown.one("vaults")) == (["new-version", "expired"], "kv-*")
    assert api.call("list_subscriptions").one("items") == [shown.body]
    assert api.call("delete_subscription", "orders").status == 204
    assert api.call("get_subscription", "orders").status == 404
    assert api.call("delete_subscription", "orders").status == 404
    assert outbox(world) == []


def test_a_put_replaces_it_whole_and_opens_it_again() -> None:
    """What is left out takes its default; when it was made and last told stays; a closed one is tried again at once."""
    world = make_world(NOW)
    put(world)
    stored = world.tables.subscriptions.get("subscription", "orders")
    assert stored
    closed = replace(stored.value, closed_until=NOW + DAY, closed_at=NOW, closures=3, failures=9, last_success=NOW)
    world.tables.subscriptions.put(closed)
    found = Api(replace(world, now=NOW + DAY)).call("put_subscription", "orders", body={"channel": "memory"})
    assert found.status == 200
    assert (found.one("target"), found.one("vaults"), found.one("closed_until"), found.one("failures")) == (
        "",
        "*",
        None,
        0,
    )
    assert (found.one("created"), found.one("last_success")) == ("2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"channel": 1}, "channel"),
        ({"vaults": "kv orders"}, "vaults"),
        ({"certificates": "[a"}, "certificates"),
        ({"certificates": ""}, "certificates"),
        ({"kinds": ["new-version", "weather"]}, "kinds"),
        ({"kinds": ["test"]}, "kinds"),
        ({"kinds": [1]}, "kinds[0]"),
        ({"kinds": "expired"}, "kinds"),
        ({"target": "https://x/" + "a" * 2048}, "target"),
        ({"target": "https://x/\n"}, "target"),
        ({"secret": "S" * 101}, "secret"),
        ({"send": "all"}, "send"),
        ({"send": "current", "kinds": ["expired"]}, "send"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_member_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    """400 with the member; nothing is stored."""
    world = make_world(NOW)
    found = put(world, **body)
    assert (found.status, found.one("field")) == (400, field)
    assert announce.subscriptions(world) == []


@pytest.mark.parametrize("name", ["", "Orders", "-a", "a_b", "a" * 41, "ä"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """1 to 40 lower-case letters, digits and dashes; what can't be a name is not found either."""
    world = make_world(NOW)
    found = put(world, name)
    assert (found.status, found.one("field")) == (400, "name")
    assert Api(world).call("get_subscription", name).status == 404


@pytest.mark.parametrize(
    ("complaint", "field"),
    [
        ("target: only https is told", "target"),
        ("the secret is not set", None),
        ("target", None),
        ("when: never", None),
    ],
)
def test_what_the_channel_will_not_take_is_refused(complaint: str, field: str | None) -> None:
    """The channel's own words, under the member that they name."""
    world = make_world(NOW, channels={"memory": MemoryChannel(complaint=complaint)})
    found = put(world)
    assert (found.status, found.body.get("field")) == (400, field)
    assert complaint in found.one("detail")


def test_a_test_notice_goes_to_this_subscription_alone() -> None:
    """One delivery of the kind test and one message; others hear nothing."""
    world = make_world(NOW)
    put(world, "other")
    found = put(world, send="test")
    assert found.one("sent") == 1
    (delivery,) = outbox(world)
    assert (delivery.kind, delivery.subscription) == (NoticeKind.TEST, "orders")
    assert isinstance(world.queues, MemoryQueues)
    assert world.queues.nudges == [Nudge(subject=delivery.subject, delivery=delivery.key)]


def test_current_versions_are_told_to_this_subscription_alone_and_once() -> None:
    """Every certificate that it covers and that is there, by the id under which the version was announced."""
    world = make_world(NOW)
    put(world, "other")
    entry = stock(world)
    stock(world, replace(WEB, name="gone"), gone=NOW - DAY)
    stock(world, WATCHED)
    found = put(world, send="current")
    assert found.one("sent") == 1
    (delivery,) = outbox(world)
    assert (delivery.subject, delivery.subscription, delivery.kind) == ("kv-orders:web", "orders", "new-version")
    assert entry.version
    announce.announce_version(replace(world, now=NOW + DAY), entry, entry.version, "", "")
    assert len([row for row in outbox(world) if row.subscription == "orders"]) == 1
    assert put(world, send="current").one("sent") == 1
    assert len([row for row in outbox(world) if row.subscription == "orders"]) == 1
    assert msgspec.json.decode(delivery.body)["names"] == ["web.example"]


def test_a_new_subscription_gets_no_backlog() -> None:
    """Unless asked to, nothing is sent."""
    world = make_world(NOW)
    stock(world)
    assert put(world).one("sent") == 0
    assert outbox(world) == []


def test_subscriptions_are_paged() -> None:
    """By name, each once."""
    world = make_world(NOW)
    for number in range(5):
        world.tables.subscriptions.put(
            Subscription(name=f"s{number}", channel="memory", created=NOW - timedelta(days=number))
        )
    first = Api(world).call("list_subscriptions", limit="3")
    rest = Api(world).call("list_subscriptions", limit="3", cursor=first.one("next"))
    assert [item["name"] for item in first.one("items") + rest.one("items")] == [f"s{n}" for n in range(5)]
    assert rest.one("next") is None


@pytest.mark.parametrize(("field", "most"), [("target", 2048), ("secret", 100)])
def test_how_long_a_member_may_be(field: str, most: int) -> None:
    """To the letter."""
    assert put(make_world(NOW), **{field: "S" * most}).status == 201
    assert put(make_world(NOW), **{field: "S" * (most + 1)}).one("field") == field
    assert put(make_world(NOW), "a" * 40).status == 201


def test_only_a_new_one_has_a_location() -> None:
    """A replaced one is where it was."""
    world = make_world(NOW)
    assert put(world).headers == {"Location": "/api/subscriptions/orders"}
    assert put(world).headers == {}


@pytest.mark.parametrize("kinds", [[], ["new-version"], ["expired", "new-version"]])
def test_current_versions_go_to_whoever_hears_of_versions(kinds: list[str]) -> None:
    """All kinds, or that one among others; what asks for nothing need not hear of them."""
    assert put(make_world(NOW), send="current", kinds=kinds).status == 201
    assert put(make_world(NOW), send="test", kinds=["expired"]).status == 201


def test_a_certificate_without_a_version_is_not_told() -> None:
    """There is nothing to tell of."""
    world = make_world(NOW)
    world.tables.inventory.put(replace(stock(world), version=None))
    assert put(world, send="current").one("sent") == 0


def test_what_is_replaced_is_stored() -> None:
    """As it is shown."""
    world = make_world(NOW)
    put(world)
    assert put(world, target="https://hooks.example/y").status == 200
    assert Api(world).call("get_subscription", "orders").one("target") == "https://hooks.example/y"


@pytest.mark.parametrize(("times", "status"), [(4, 200), (5, 409)])
def test_a_row_that_others_write_is_tried_five_times(times: int, status: int) -> None:
    """Deliveries write it too; then whoever asks hears of it."""
    world = make_world(NOW)
    put(world)
    assert put(raced(world, "subscriptions", times=times), target="https://x").status == status


def test_two_who_create_the_same_at_once_both_write_it() -> None:
    """The slower one finds a row and replaces it."""
    world = make_world(NOW)
    slow = Late(world.tables.subscriptions)
    found = put(replace(world, tables=replace(world.tables, subscriptions=slow)), target="https://mine")
    assert (found.status, found.one("target")) == (200, "https://mine")


class Late(Over[Subscription]):
    """Subscriptions of which another inserts the row first."""

    def insert(self, row: Subscription) -> Stored[Subscription] | None:
        """Let the other one in."""
        super().insert(replace(row, target="https://theirs"))
        return super().insert(row)


def test_the_list_asks_for_its_partition_alone_and_no_name_that_is_none_is_looked_for() -> None:
    """Each a call that costs little, or none."""
    world = make_world(NOW)
    table = Asked(world.tables.subscriptions)
    api = Api(replace(world, tables=replace(world.tables, subscriptions=table)))
    assert api.call("list_subscriptions").status == 200
    assert api.call("get_subscription", "a/b").status == 404
    assert table.asked == ["subscription"]


class Asked(Over[Subscription]):
    """Subscriptions that note what they are asked for."""

    def __init__(self, table: Table[Subscription]) -> None:
        super().__init__(table)
        self.asked: list[str] = []

    def select(self, query: Query, more: str | None = None) -> Page[Subscription]:
        """Note the partition."""
        self.asked.append(query.partition)
        return super().select(query, more)

    def get(self, partition: str, key: str) -> Stored[Subscription] | None:
        """Note the key."""
        self.asked.append(key)
        return super().get(partition, key)
