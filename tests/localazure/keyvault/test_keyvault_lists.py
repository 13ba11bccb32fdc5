"""Lists and their pages, as recorded of the real service."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest

from localazure.keyvault.lists import marker, row_of
from tests.localazure.keyvault.house import House, Room


def test_an_item_has_an_empty_subject_and_no_version(room: Room) -> None:
    """The undocumented `subject` is always empty; attributes are bare; nextLink is there and null at the end."""
    body = room.made("www", tags={"a": "1"})
    page = room.ask("GET", "/certificates").body
    assert list(page) == ["value", "nextLink"]
    assert page["nextLink"] is None
    item = page["value"][0]
    assert list(item) == ["id", "x5t", "attributes", "tags", "subject"]
    assert (item["id"], item["subject"]) == (f"{room.root}/certificates/www", "")
    assert list(item["attributes"]) == ["enabled", "nbf", "exp", "created", "updated"]
    assert "subject" not in room.ask("GET", "/certificates", api="2016-10-01").body["value"][0]
    assert item["x5t"] == body["x5t"]


def test_versions_have_their_ids_and_are_sorted_by_them(room: Room) -> None:
    """Items of versions carry the version; the unfinished one is not among them."""
    ids = {room.made("www")["id"] for _ in range(3)}
    room.create("www")
    items = room.ask("GET", "/certificates/www/versions").body["value"]
    assert [item["id"] for item in items] == sorted(ids)
    assert items[0]["subject"] == ""


def test_versions_of_what_does_not_exist_are_an_empty_list(room: Room) -> None:
    """200 and nothing in it, not 404."""
    reply = room.ask("GET", "/certificates/nope/versions")
    assert (reply.status, reply.body) == (200, {"value": [], "nextLink": None})


def test_the_unfinished_are_listed_only_when_asked_for(room: Room) -> None:
    """With includePending an unfinished certificate is listed, disabled and without x5t."""
    room.create("www", "Unknown")
    assert room.names() == []
    item = room.ask("GET", "/certificates?includePending=true").body["value"][0]
    assert item["attributes"]["enabled"] is False
    assert "x5t" not in item


def test_pages_follow_the_link_to_the_end(house: House, room: Room) -> None:
    """Pages of 25 by default and at most; the link names its size, a literal `$skiptoken`, and not includePending."""
    made = house.loop.run(house.vaults.fill(room.vault.name, 60, datetime.now(UTC) + timedelta(days=90)))
    first = room.ask("GET", "/certificates?maxresults=1000&includePending=true").body
    assert len(first["value"]) == 25
    start = f"{room.root}/certificates?api-version=7.4&$skiptoken="
    assert first["nextLink"].startswith(start)
    assert first["nextLink"].endswith("&maxresults=25")
    assert room.names() == made == sorted(made)
    assert room.names("/certificates?maxresults=7") == made


def test_the_token_has_the_recorded_form(room: Room) -> None:
    """base64url of a JSON object whose marker names the row that comes next."""
    recorded = (
        "eyJOZXh0TWFya2VyIjoiMiE5MiFNREF3TURJMElXTmxjblJwWm1sallYUmxMekV6TnpRek5UWTFNalV0TVNFd01EQXdNamdoT1RrNU9TMHhNaTB"
        "6TVZReU16bzFPVG8xT1M0NU9UazVPVGs1V2lFLSIsIlRhcmdldExvY2F0aW9uIjowfQ"
    )
    assert row_of(recorded) == "certificate/1374356525-1"
    assert marker("certificate/1374356525-1") == recorded
    assert json.loads(base64.urlsafe_b64decode(recorded + "=="))["TargetLocation"] == 0
    refused = room.ask("GET", "/certificates?$skiptoken=rubbish")
    assert (refused.status, refused.code) == (400, "BadParameter")


def test_a_page_may_be_empty_and_yet_have_a_link(room: Room) -> None:
    """Deleted and unfinished names take their place on a page without being shown."""
    for name in ("a", "b", "d"):
        room.made(name)
    room.create("c", "Unknown")
    room.ask("DELETE", "/certificates/b")
    room.finish()
    sizes = []
    link = "/certificates?maxresults=1&api-version=7.4"
    while link:
        page = room.ask("GET", link, api=None).body
        sizes.append(len(page["value"]))
        link = (page["nextLink"] or "").removeprefix(room.root)
    assert sizes == [1, 0, 0, 1]
    assert room.names("/deletedcertificates?maxresults=1") == ["b"]


def test_paging_is_stable_while_names_come_and_go(room: Room) -> None:
    """What was there all the time is listed exactly once."""
    for name in ("b", "d", "f"):
        room.made(name)
    first = room.ask("GET", "/certificates?maxresults=1").body
    for name in ("a", "c", "e"):
        room.made(name)
    room.ask("DELETE", "/certificates/b")
    rest = room.names(first["nextLink"].removeprefix(room.root))
    assert {"d", "f"} <= set(rest)
    assert len(rest) == len(set(rest))
    assert "b" not in rest


@pytest.mark.parametrize("size", ["0", "-1", "many"])
def test_a_bad_page_size_is_refused(room: Room, size: str) -> None:
    """400 BadParameter."""
    assert room.ask("GET", f"/certificates?maxresults={size}").code == "BadParameter"


def test_four_thousand_certificates_are_made_and_listed_quickly(house: House, room: Room) -> None:
    """A fill takes seconds, a page in the middle milliseconds, and nothing is told to Event Grid."""
    begun = perf_counter()
    made = house.loop.run(house.vaults.fill(room.vault.name, 4_000, datetime.now(UTC) + timedelta(days=5), prefix="x"))
    filled = perf_counter()
    link = f"/certificates?$skiptoken={marker('certificate/' + made[2_000].upper())}"
    for _ in range(20):
        page = room.ask("GET", link).body
    paged = (perf_counter() - filled) / 20
    assert page["value"][0]["id"].endswith(made[2_000])
    assert len(made) == len(set(made)) == 4_000
    assert filled - begun < 8
    assert paged < 0.05
    house.pass_time(seconds=5)
    assert room.events() == []


def test_a_filled_certificate_is_an_ordinary_one(house: House, room: Room) -> None:
    """It ends when asked for, can be read and renewed, and a second fill takes other names."""
    end = datetime.now(UTC) + timedelta(days=10)
    name = house.loop.run(house.vaults.fill(room.vault.name, 1, end))[0]
    body = room.get(name)
    assert body["attributes"]["exp"] == int(end.timestamp())
    assert body["policy"]["lifetime_actions"][0]["action"] == {"action_type": "EmailContacts"}
    assert room.ask("POST", f"/certificates/{name}/create", {}).status == 202
    room.finish()
    assert room.get(name)["id"] != body["id"]
    assert house.loop.run(house.vaults.fill(room.vault.name, 1, end)) != [name]
