"""Merging a chain into a pending certificate."""

from __future__ import annotations

import base64

import pytest

from tests.localazure.keyvault import minting
from tests.localazure.keyvault.house import Reply, Room


def merge(room: Room, name: str, *x5c: str, **more: object) -> Reply:
    """Send a merge."""
    return room.ask("POST", f"/certificates/{name}/pending/merge", {"x5c": list(x5c)} | more)


def test_a_merge_finishes_the_certificate(room: Room) -> None:
    """201 with Location and the enabled certificate, whose times are the leaf's own and whose version is a new one."""
    csr = room.create("www", "Unknown").body["csr"]
    unfinished = room.get("www")
    leaf = minting.answer(csr, days=(10, 20))
    reply = merge(room, "www", minting.b64(leaf))
    assert reply.status == 201
    assert reply.headers["Location"] == f"{room.root}/certificates/www?api-version=7.4"
    assert reply.body["cer"] == minting.b64(leaf)
    assert reply.body["attributes"]["enabled"] is True
    assert reply.body["attributes"]["nbf"] == leaf.not_valid_before_utc.timestamp()
    assert reply.body["id"] != unfinished["id"]
    assert "pending" in reply.body
    assert reply.body["policy"] == unfinished["policy"]
    assert room.ask("GET", "/certificates/www/pending").body["status"] == "completed"


def test_base64_of_the_base64_text_is_accepted(room: Room) -> None:
    """Some clients encode twice: `cer` is plain base64 of DER all the same."""
    leaf = minting.b64(minting.answer(room.create("www", "Unknown").body["csr"]))
    reply = merge(room, "www", base64.b64encode(leaf.encode()).decode())
    assert (reply.status, reply.body["cer"]) == (201, leaf)


@pytest.mark.parametrize("days", [(-1, 89), (1000, 2000), (-20, -10)])
def test_nothing_but_the_key_is_checked(room: Room, days: tuple[float, float]) -> None:
    """Another subject, no extensions, not yet valid, expired: all accepted."""
    csr = room.create("www", "Unknown").body["csr"]
    leaf = minting.answer(csr, subject="CN=someone else", extensions=(), days=days)
    assert merge(room, "www", minting.b64(leaf)).status == 201


def test_a_certificate_over_another_key_is_refused(room: Room) -> None:
    """400 with the recorded text; the operation stays in progress and usable."""
    csr = room.create("www", "Unknown").body["csr"]
    reply = merge(room, "www", minting.b64(minting.sign(minting.new_key().public_key())))
    text = "Unable to parse X5c certificate chain and locate leaf certificate"
    assert (reply.status, reply.body["error"]) == (400, {"code": "BadParameter", "message": text})
    assert room.ask("GET", "/certificates/www/pending").body["status"] == "inProgress"
    assert merge(room, "www", minting.b64(minting.answer(csr))).status == 201


@pytest.mark.parametrize(
    ("x5c", "words"),
    [([], "at least one valid item"), (["AAAA"], "ASN1 bad tag value met"), (["MIIB"], "ASN1 bad tag value met")],
)
def test_what_is_no_certificate_is_refused(room: Room, x5c: list[str], words: str) -> None:
    """An empty list and rubbish are 400 BadParameter."""
    room.create("www", "Unknown")
    reply = merge(room, "www", *x5c)
    assert (reply.status, reply.code) == (400, "BadParameter")
    assert words in reply.body["error"]["message"]


def test_the_leaf_is_found_wherever_it_stands(room: Room) -> None:
    """The secret has the leaf first by default, and the received order if that was asked for at create."""
    other = minting.sign(minting.new_key().public_key(), subject="CN=intermediate")
    firsts = []
    for name, keep in (("sorted", None), ("kept", True)):
        policy = {
            "key_props": {"kty": "EC", "crv": "P-256"},
            "secret_props": {"contentType": "application/x-pem-file"},
            "x509_props": {"subject": f"CN={name}"},
            "issuer": {"name": "Unknown"},
        }
        csr = room.create(name, policy=policy, preserveCertOrder=keep).body["csr"]
        merged = merge(room, name, minting.b64(other), minting.b64(minting.answer(csr)))
        assert merged.body.get("preserveCertOrder") is keep
        blocks = room.ask("GET", f"/secrets/{name}").body["value"].split("-----BEGIN CERTIFICATE-----")
        firsts.append(blocks[1].replace("\n", "").startswith(minting.b64(other)[:60]))
    assert firsts == [False, True]


def test_tags_and_state_of_a_merge(room: Room) -> None:
    """Tags of the create stay unless the merge brings its own; enabled false is honoured."""
    for name, more, tags, enabled in (
        ("kept", {}, {"a": "1"}, True),
        ("replaced", {"tags": {"b": "2"}, "attributes": {"enabled": False}}, {"b": "2"}, False),
    ):
        csr = room.create(name, "Unknown", tags={"a": "1"}).body["csr"]
        body = merge(room, name, minting.b64(minting.answer(csr)), **more).body
        assert (body["tags"], body["attributes"]["enabled"]) == (tags, enabled)


def test_a_merge_needs_an_operation_that_waits_for_it(room: Room) -> None:
    """404 without one or after a cancellation, 403 if the issuer ends it or it has ended."""
    leaf = minting.b64(minting.sign(minting.new_key().public_key()))
    assert merge(room, "nope", leaf).code == "PendingCertificateNotFound"
    room.create("issued")
    assert merge(room, "issued", leaf).status == 403
    csr = room.create("done", "Unknown").body["csr"]
    mine = minting.b64(minting.answer(csr))
    assert [merge(room, "done", mine).status for _ in range(2)] == [201, 403]
    csr = room.create("cancelled", "Unknown").body["csr"]
    room.ask("PATCH", "/certificates/cancelled/pending", {"cancellation_requested": True})
    room.finish()
    assert merge(room, "cancelled", minting.b64(minting.answer(csr))).status == 404
