"""Importing a certificate with its key."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from localazure.keyvault import imports
from tests.localazure.keyvault import minting
from tests.localazure.keyvault.house import Json, Reply, Room

NAMES = (x509.SubjectAlternativeName([x509.DNSName("a.example")]), False)


def bring(room: Room, value: str, name: str = "www", **more: object) -> Reply:
    """Import a certificate."""
    return room.ask("POST", f"/certificates/{name}/import", {"value": value} | more)


def minted(subject: str = "CN=minted", **more: Any) -> tuple[minting.Key, x509.Certificate]:
    """Return a key and a certificate over it."""
    key = minting.new_key()
    return key, minting.sign(key.public_key(), subject=subject, **more)


def test_an_import_answers_with_everything(room: Room) -> None:
    """200 without Location, without pending, with a policy read from the certificate and issuer Unknown."""
    key, leaf = minted("C=AU,ST=Some-State,O=Widgits", days=(-10, 290))
    reply = bring(room, minting.pfx(key, leaf))
    assert reply.status == 200
    assert reply.headers["Location"] is None
    assert "pending" not in reply.body
    assert room.ask("GET", "/certificates/www/pending").status == 404
    policy = reply.body["policy"]
    assert policy["issuer"] == {"name": "Unknown"}
    assert policy["lifetime_actions"][0]["action"] == {"action_type": "EmailContacts"}
    assert policy["x509_props"] == {
        "subject": "C=AU, S=Some-State, O=Widgits",
        "ekus": [],
        "key_usage": [],
        "validity_months": 10,
        "basic_constraints": {"ca": False},
    }
    assert policy["key_props"] == {
        "exportable": True,
        "kty": "EC",
        "crv": "P-256",
        "key_size": 256,
        "reuse_key": False,
    }


def test_sans_are_read_with_all_three_lists(room: Room) -> None:
    """A certificate with names shows emails, dns_names and upns; whether it is a CA shows too."""
    key, leaf = minted(extensions=(NAMES, (x509.BasicConstraints(ca=True, path_length=None), True)))
    props = bring(room, minting.pfx(key, leaf)).body["policy"]["x509_props"]
    assert props["sans"] == {"emails": [], "dns_names": ["a.example"], "upns": []}
    assert props["basic_constraints"] == {"ca": True}


def test_an_issuer_sent_with_an_import_is_kept(room: Room) -> None:
    """A policy with issuer Self gets the action AutoRenew; the rest of x509_props comes from the certificate."""
    key, leaf = minted()
    policy = {"issuer": {"name": "Self"}, "x509_props": {"subject": "CN=sent", "validity_months": 1}}
    body = bring(room, minting.pfx(key, leaf), policy=policy).body["policy"]
    assert body["issuer"] == {"name": "Self"}
    assert body["lifetime_actions"][0]["action"] == {"action_type": "AutoRenew"}
    assert body["x509_props"]["subject"] == "CN=minted"
    assert bring(room, minting.pfx(key, leaf), policy={"issuer": {"name": "nobody"}}).code == "BadParameter"


@pytest.mark.parametrize("password", ["", "123"])
def test_a_pfx_with_and_without_password(room: Room, password: str) -> None:
    """The right password opens it; the secret comes back with an empty one."""
    key, leaf = minted()
    value = minting.pfx(key, leaf, password=password)
    assert bring(room, value, pwd=password).body["cer"] == minting.b64(leaf)
    secret = base64.b64decode(room.ask("GET", "/secrets/www").body["value"])
    back = pkcs12.load_key_and_certificates(secret, None)
    assert back[1] == leaf


def test_a_wrong_password_is_refused(room: Room) -> None:
    """A PFX that does not open is 400, with another password and with none."""
    key, leaf = minted()
    value = minting.pfx(key, leaf, password="123")
    replies = [bring(room, value, pwd=password) for password in ("wrong", "")]
    assert [(reply.status, reply.code) for reply in replies] == [(400, "BadParameter")] * 2


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_pem_text(room: Room, wrapped: bool) -> None:
    """Key and chain in any order are accepted, as text and in base64; the secret is PEM again, leaf first."""
    key, leaf = minted()
    other = minting.sign(minting.new_key().public_key(), subject="CN=intermediate")
    policy = {"secret_props": {"contentType": "application/x-pem-file"}}
    text = minting.pem(key, other, leaf)
    body = bring(room, base64.b64encode(text.encode()).decode() if wrapped else text, policy=policy).body
    assert body["cer"] == minting.b64(leaf)
    secret = room.ask("GET", "/secrets/www").body
    assert secret["contentType"] == "application/x-pem-file"
    assert x509.load_pem_x509_certificates(secret["value"].encode()) == [leaf, other]
    assert "PRIVATE KEY" in secret["value"]


@pytest.mark.parametrize("value", ["", "AAAA", "no base64!", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_rubbish_is_refused(room: Room, value: str) -> None:
    """What is neither PFX nor PEM is 400 and makes nothing."""
    reply = bring(room, value)
    assert (reply.status, reply.code) == (400, "BadParameter")
    assert room.names() == []


def test_an_import_can_be_disabled(room: Room) -> None:
    """`enabled` false is honoured."""
    key, leaf = minted()
    body = bring(room, minting.pfx(key, leaf), attributes={"enabled": False}, tags={"a": "1"}).body
    assert body["attributes"]["enabled"] is False
    assert body["tags"] == {"a": "1"}


def test_an_old_certificate_can_be_seeded(room: Room) -> None:
    """Imported disabled, its policy patched to Self, then enabled: ready to be renewed."""
    key, leaf = minted(days=(-80, 10))
    bring(room, minting.pfx(key, leaf), attributes={"enabled": False})
    assert room.ask("PATCH", "/certificates/www/policy", {"issuer": {"name": "Self"}}).status == 200
    room.ask("PATCH", "/certificates/www/", {"attributes": {"enabled": True}})
    assert room.ask("POST", "/certificates/www/create", {}).status == 202
    room.finish()
    after: Json = room.get("www")
    assert after["cer"] != minting.b64(leaf)
    assert after["policy"]["x509_props"]["subject"] == "CN=minted"


def test_an_import_over_a_name_without_policy_keeps_its_policy(room: Room) -> None:
    """The policy belongs to the name: a certificate of another issuer over a Self policy leaves that policy."""
    before = room.made("www")
    key, leaf = minted(extensions=(NAMES,))
    after = bring(room, minting.pfx(key, leaf)).body
    assert after["policy"] == before["policy"]
    assert after["id"] != before["id"]


@pytest.mark.parametrize(
    ("begin", "end", "months"),
    [
        (1593090033, 1624626633, 13),
        (1430344421, 2208988799, 297),
        (1628270437, 4781870437, 1200),
        (1476312157, 2107464757, 241),
        (1600000000, 1600000001, 1),
    ],
)
def test_begun_months_count(begin: int, end: int, months: int) -> None:
    """The months of the recorded imports: a year and ten minutes are 13."""
    assert imports.months(datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)) == months
