"""Certificates and their policies, as recorded of the real service."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography import x509

from localazure.keyvault import names
from tests.localazure.keyvault.house import QUICK, Json, Room


def test_a_finished_certificate_has_its_keys_in_order(room: Room) -> None:
    """The key order is the recorded one, and kid, sid and id share one version."""
    body = room.made("www", tags={"a": "1"})
    assert list(body) == ["id", "kid", "sid", "x5t", "cer", "attributes", "tags", "policy", "pending"]
    version = body["id"].rsplit("/", 1)[1]
    assert body["id"] == f"{room.root}/certificates/www/{version}"
    assert body["kid"] == f"{room.root}/keys/www/{version}"
    assert body["sid"] == f"{room.root}/secrets/www/{version}"
    assert body["x5t"] == base64.urlsafe_b64encode(
        hashlib.sha1(base64.b64decode(body["cer"])).digest()
    ).decode().rstrip("=")


def test_the_empty_version_is_the_latest(room: Room) -> None:
    """With and without the slash that the SDKs send, in any casing, the answer is the same."""
    body = room.made("www")
    assert room.ask("GET", "/certificates/www").body == body
    assert room.ask("GET", "/certificates/WWW/").body == body


def test_a_version_is_shown_without_policy(room: Room) -> None:
    """GET of a version has neither policy nor pending; PATCH of one has pending; both without version have both."""
    path = room.made("www")["id"].removeprefix(room.root)
    assert not {"policy", "pending"} & set(room.ask("GET", path).body)
    patched = room.ask("PATCH", path, {"tags": {"a": "1"}}).body
    assert "pending" in patched
    assert "policy" not in patched
    assert {"policy", "pending"} <= set(room.ask("PATCH", "/certificates/www/", {}).body)


def test_one_version_of_the_api_shows_what_the_certificate_says(room: Room) -> None:
    """At 7.2 a GET of one version adds subject, issuer, SANs and serial number, as recorded; at 7.3 it does not."""
    body = room.made("www")
    path = body["id"].removeprefix(room.root)
    serial = x509.load_der_x509_certificate(base64.b64decode(body["cer"])).serial_number
    shown = room.ask("GET", path, api="7.2").body
    assert shown["serialnumber"] == f"{serial:032X}"
    assert (shown["subject"], shown["issuer"], shown["sans"]) == ("CN=www", "CN=www", {"dns_names": ["www.example"]})
    assert "serialnumber" not in room.ask("GET", path, api="7.3").body


def test_disabling_and_tags(room: Room) -> None:
    """PATCH sets enabled and replaces the tags; what it omits stays; nbf and exp can't be moved."""
    before = room.made("www", tags={"a": "1", "b": "2"})
    room.ask("PATCH", "/certificates/www/", {"attributes": {"enabled": False, "exp": 1}})
    after = room.get("www")
    assert after["attributes"]["enabled"] is False
    assert after["attributes"]["exp"] == before["attributes"]["exp"]
    assert after["tags"] == before["tags"]
    assert room.ask("PATCH", "/certificates/www/", {"tags": {"c": "3"}}).body["tags"] == {"c": "3"}
    assert room.get("www")["attributes"]["enabled"] is False


def test_tags_can_be_patched_while_pending(room: Room) -> None:
    """A PATCH of an unfinished certificate is accepted, and its tags are those of the finished version."""
    room.create("www")
    assert room.ask("PATCH", "/certificates/www/", {"attributes": {}, "tags": {"a": "1"}}).status == 200
    room.finish()
    assert room.get("www")["tags"] == {"a": "1"}


@pytest.mark.parametrize(
    ("api", "expected"),
    [("2016-10-01", ["recoveryLevel"]), ("7.0", ["recoveryLevel"]), ("7.1", ["recoveryLevel", "recoverableDays"])],
)
def test_recovery_attributes_depend_on_the_api_version(room: Room, api: str, expected: list[str]) -> None:
    """The recoverable days exist from API version 7.1 on."""
    room.made("www")
    shown = room.ask("GET", "/certificates/www/", api=api).body["attributes"]
    assert [key for key in shown if key.startswith("recover")] == expected


def policy_of(room: Room, issuer: str, sent: Json | None = None) -> Json:
    """Create a certificate with hardly any policy and return what the service made of it."""
    policy = {"x509_props": {"subject": "cn=MyCert"}, "issuer": {"name": issuer}} | (sent or {})
    assert room.ask("POST", "/certificates/www/create", {"policy": policy}).status == 202
    return room.ask("GET", "/certificates/www/policy").body


def test_the_default_policy(room: Room) -> None:
    """Nothing but subject and issuer: the recorded defaults, the subject and the issuer echoed as sent, no sans."""
    policy = policy_of(room, "self")
    created = policy["attributes"]["created"]
    assert policy == {
        "id": f"{room.root}/certificates/www/policy",
        "key_props": {"exportable": True, "kty": "RSA", "key_size": 2048, "reuse_key": False},
        "secret_props": {"contentType": "application/x-pkcs12"},
        "x509_props": {
            "subject": "cn=MyCert",
            "ekus": ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
            "key_usage": ["digitalSignature", "keyEncipherment"],
            "validity_months": 12,
            "basic_constraints": {"ca": False},
        },
        "lifetime_actions": [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "AutoRenew"}}],
        "issuer": {"name": "self"},
        "attributes": {"enabled": True, "created": created, "updated": created},
    }
    assert list(policy["x509_props"]) == ["subject", "ekus", "key_usage", "validity_months", "basic_constraints"]


def test_nobody_can_renew_with_issuer_unknown(room: Room) -> None:
    """The default action of issuer Unknown is mail to the contacts."""
    assert policy_of(room, "Unknown")["lifetime_actions"][0]["action"] == {"action_type": "EmailContacts"}


def test_sans_and_transparency_are_echoed_as_sent(room: Room) -> None:
    """Empty sans stay `{}`, cert_transparency shows in the policy alone, key usages come by the alphabet."""
    usages = ["nonRepudiation", "digitalSignature", "keyAgreement"]
    sent = {"x509_props": {"subject": "CN=a", "sans": {}, "key_usage": usages}}
    policy = policy_of(room, "", sent | {"issuer": {"name": "Unknown", "cert_transparency": False}})
    assert policy["x509_props"]["sans"] == {}
    assert policy["issuer"] == {"name": "Unknown", "cert_transparency": False}
    assert policy["x509_props"]["key_usage"] == ["digitalSignature", "keyAgreement", "nonRepudiation"]
    assert room.ask("GET", "/certificates/www/pending").body["issuer"] == {"name": "Unknown"}


def test_a_create_without_policy_keeps_the_stored_one_to_the_byte(room: Room) -> None:
    """The policy belongs to the name: a later create needs none, and members that nobody knows survive it."""
    policy_of(room, "Self", {"key_props": QUICK, "platformManaged": True})
    room.finish()
    before = room.ask("GET", "/certificates/www/policy").body
    assert room.ask("POST", "/certificates/www/create", {"tags": {"a": "1"}}).status == 202
    room.finish()
    assert room.ask("GET", "/certificates/www/policy").body == before
    assert before["platformManaged"] is True


def test_a_policy_sent_with_a_later_create_replaces_the_stored_one(room: Room) -> None:
    """Nothing of the old policy is left but its date of creation."""
    room.made("www")
    policy = {"key_props": QUICK, "x509_props": {"subject": "CN=other"}, "issuer": {"name": "Unknown"}}
    room.ask("POST", "/certificates/www/create", {"policy": policy})
    after = room.ask("GET", "/certificates/www/policy").body
    assert after["x509_props"]["subject"] == "CN=other"
    assert "sans" not in after["x509_props"]
    assert after["issuer"] == {"name": "Unknown"}


def test_the_first_create_needs_a_policy(room: Room) -> None:
    """Without one it is 400, and nothing is made."""
    reply = room.ask("POST", "/certificates/www/create", {})
    assert (reply.status, reply.code) == (400, "BadParameter")
    assert room.ask("GET", "/certificates/www/").status == 404


def test_a_policy_patch_merges(room: Room) -> None:
    """Sections merge by key, `{}` leaves all as it was, and a PATCH is allowed while the operation is pending."""
    before = policy_of(room, "Self", {"key_props": QUICK})
    patch = {"key_props": {}, "x509_props": {"subject": "CN=other"}, "issuer": {"name": "Self"}, "attributes": {}}
    reply = room.ask("PATCH", "/certificates/www/policy", patch)
    assert reply.status == 200
    assert reply.body["x509_props"] == before["x509_props"] | {"subject": "CN=other"}
    assert reply.body["key_props"] == before["key_props"]
    assert reply.body["lifetime_actions"] == before["lifetime_actions"]
    assert room.get("www")["policy"] == reply.body


def test_a_bad_subject_is_found_before_anything_else(room: Room) -> None:
    """The recorded message ends in CR LF; a bad key usage and an unknown issuer are not even looked at."""
    props = {"subject": "Self", "key_usage": ["invalid"]}
    policy = {"x509_props": props, "issuer": {"name": "invalid"}}
    reply = room.ask("POST", "/certificates/www/create", {"policy": policy})
    assert reply.status == 400
    text = "Property policy.x509_props has invalid value. Invalid X.500 distinguished name\r\n"
    assert reply.body["error"] == {"code": "BadParameter", "message": text}


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": {"name": "nobody"}},
        {"x509_props": {"subject": "CN=a", "key_usage": ["invalid"]}},
        {"x509_props": {"subject": "CN=a", "validity_months": 0}},
        {"x509_props": {"sans": {}}},
        {"x509_props": {"subject": "CN=a", "sans": {"dns_names": ["ümlaut.example"]}}},
        {"key_props": {"kty": "RSA", "key_size": 1024}},
        {"key_props": {"kty": "EC", "crv": "P-224"}},
        {"secret_props": {"contentType": "text/plain"}},
        {"lifetime_actions": [{"trigger": {"lifetime_percentage": 100}, "action": {"action_type": "AutoRenew"}}]},
        {"lifetime_actions": [{"trigger": {"days_before_expiry": 400}, "action": {"action_type": "AutoRenew"}}]},
        {"lifetime_actions": [{"trigger": {}, "action": {"action_type": "AutoRenew"}}]},
        {"lifetime_actions": [{"trigger": {"days_before_expiry": 9}, "action": {"action_type": "Pray"}}]},
    ],
)
def test_a_bad_policy_is_refused(room: Room, wrong: Json) -> None:
    """Each fault is 400 BadParameter and makes nothing; an issuer that the vault does not have is one."""
    policy = {"key_props": QUICK, "x509_props": {"subject": "CN=a"}, "issuer": {"name": "Self"}} | wrong
    reply = room.ask("POST", "/certificates/www/create", {"policy": policy})
    assert (reply.status, reply.code) == (400, "BadParameter")
    assert room.names() == []


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("CN=a, O=b", "b"),
        ('CN="Contoso, Ltd."', "Contoso, Ltd."),
        (r"CN=Contoso\, Ltd.", "Contoso, Ltd."),
        ("C=US, S=WA, CN=www", "www"),
        ("2.5.4.3=dotted", "dotted"),
    ],
)
def test_subjects_are_read_last_attribute_first(text: str, first: str) -> None:
    """Quotes, escapes, dotted types and the Windows `S` are understood."""
    assert next(iter(names.parse(text))).value == first


@pytest.mark.parametrize("text", ["Self", "CN", "CN=a,", "XX=a", "C=USA", "CN=a;b=c,,"])
def test_what_is_no_name_is_refused(text: str) -> None:
    """A text that is no X.500 name raises."""
    with pytest.raises(names.BadName):
        names.parse(text)


def test_missing_things_are_named_the_recorded_way(room: Room) -> None:
    """Each kind of absence has its own code and text."""
    room.made("www")
    hint = "was not found in this key vault. If you recently deleted this certificate you may be able to recover it"
    missing = room.ask("GET", "/certificates/nope/").body["error"]
    assert missing["code"] == "CertificateNotFound"
    assert missing["message"].startswith(f"A certificate with (name/id) nope {hint}")
    version = room.ask("GET", f"/certificates/www/{'0' * 32}").body["error"]
    assert f"(name/id) www/versions/{'0' * 32} was not found" in version["message"]
    assert room.ask("DELETE", "/certificates/nope").code == "CertificateNotFound"
    assert room.ask("POST", "/certificates/nope/backup").code == "CertificateNotFound"


def test_certificates_of_several_kinds_of_key(room: Room) -> None:
    """EC and RSA keys come out as asked for, the policy filled up."""
    kinds = [({"kty": "EC", "crv": "P-384"}, 384), ({"kty": "EC"}, 256), ({"kty": "RSA", "key_size": 3072}, 3072)]
    for number, (key_props, size) in enumerate(kinds):
        policy = {"key_props": key_props, "x509_props": {"subject": "CN=a"}, "issuer": {"name": "Self"}}
        room.ask("POST", f"/certificates/k{number}/create", {"policy": policy})
        room.finish()
        body = room.get(f"k{number}")
        key = x509.load_der_x509_certificate(base64.b64decode(body["cer"])).public_key()
        assert getattr(key, "key_size", 0) == size
        assert body["policy"]["key_props"]["key_size"] == size
