"""What goes on side by side: the background, many callers at once, two vaults."""

from __future__ import annotations

import base64
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from cryptography import x509

from localazure.keyvault import Pace
from tests.localazure.keyvault.house import House, Room


def until(wanted: int, room: Room) -> int:
    """Wait until so many events were told, at most five seconds; return how many were."""
    waiting = threading.Event()
    for _ in range(250):
        if len(room.events()) >= wanted:
            break
        waiting.wait(0.02)
    return len(room.events())


def test_operations_end_while_nobody_asks() -> None:
    """A create is completed and told without a further request; once stopped, nothing more happens."""
    house = House(Pace(self_issuance=0.05))
    try:
        room = house.room()
        room.create("www")
        assert until(3, room) == 3
    finally:
        house.close()


def test_one_of_many_creates_at_once_is_accepted(room: Room) -> None:
    """Ten creates of one name: one is 202, nine are 409, and one version comes of it."""
    policy = {"x509_props": {"subject": "CN=www"}, "issuer": {"name": "Self"}}
    with ThreadPoolExecutor(10) as callers:
        body = {"policy": policy}
        replies = list(callers.map(lambda _: room.ask("POST", "/certificates/www/create", body), range(10)))
    assert Counter(reply.status for reply in replies) == {202: 1, 409: 9}
    room.finish()
    assert len(room.ask("GET", "/certificates/www/versions").body["value"]) == 1


def test_vaults_do_not_see_each_other(house: House, room: Room) -> None:
    """The same name in two vaults is two certificates."""
    other = house.room()
    first, second = room.made("www"), other.made("www")
    assert first["x5t"] != second["x5t"]
    other.ask("DELETE", "/certificates/www")
    assert room.get("www") == first


def test_a_policy_changed_while_pending_does_not_change_what_was_asked_for(room: Room) -> None:
    """The certificate has the subject of its signing request; the next one has the new subject."""
    before = room.create("www").body["csr"]
    room.ask("PATCH", "/certificates/www/policy", {"x509_props": {"subject": "CN=other"}})
    room.finish()
    assert room.ask("GET", "/certificates/www/pending").body["csr"] == before
    leaf = x509.load_der_x509_certificate(base64.b64decode(room.get("www")["cer"]))
    assert leaf.subject.rfc4514_string() == "CN=www"
    leaf = x509.load_der_x509_certificate(base64.b64decode(room.made("www", policy=room.get("www")["policy"])["cer"]))
    assert leaf.subject.rfc4514_string() == "CN=other"
