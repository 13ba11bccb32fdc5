"""Keys that are no certificate's, over REST: what comes back, what is refused, what never leaves."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from localazure.keyvault.rights import DATA, OWN_KEYS, READ
from tests.localazure.keyvault.house import Json, Room

EC: Json = {"kty": "EC", "crv": "P-256"}
DIGEST = hashlib.sha256(b"an ACME request").digest()


def text(octets: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def octets(encoded: str) -> bytes:
    """Return what base64url without padding means."""
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def number(jwk: Json, member: str) -> int:
    """Return a number of a JWK."""
    return int.from_bytes(octets(str(jwk[member])))


def made(room: Room, name: str = "account", body: Json | None = None) -> Json:
    """Create a key and return it."""
    reply = room.ask("POST", f"/keys/{name}/create", body or EC)
    assert reply.status == 200, reply.body
    return reply.body


def path(key: Json) -> str:
    """Return the path of a key's version."""
    return "/" + str(key["key"]["kid"]).split("/", 3)[3]


def test_a_new_key_shows_its_public_half_alone(room: Room) -> None:
    """The bundle has kid, type, curve, point and operations, never `d`, and says that it is not exportable."""
    key = made(room)
    assert key["key"].keys() == {"kid", "kty", "key_ops", "crv", "x", "y"}
    assert key["key"]["kid"].startswith(f"{room.root}/keys/account/")
    assert (len(octets(key["key"]["x"])), len(octets(key["key"]["y"]))) == (32, 32)
    assert key["attributes"]["enabled"] is True
    assert key["attributes"]["exportable"] is False


def test_the_newest_version_is_read_without_a_version(room: Room) -> None:
    """A second create is a second version; both stay readable by id."""
    first, second = made(room), made(room)
    assert first["key"]["kid"] != second["key"]["kid"]
    assert room.ask("GET", "/keys/account/").body == second
    assert room.ask("GET", path(first)).body == first


def test_a_signature_is_r_and_s_side_by_side_and_good(room: Room) -> None:
    """ES256 answers 64 bytes (RFC 7518 §3.4) that the public key confirms."""
    key = made(room)
    reply = room.ask("POST", f"{path(key)}/sign", {"alg": "ES256", "value": text(DIGEST)})
    assert reply.body["kid"] == key["key"]["kid"]
    raw = octets(reply.body["value"])
    assert len(raw) == 64
    public = ec.EllipticCurvePublicNumbers(number(key["key"], "x"), number(key["key"], "y"), ec.SECP256R1())
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public.public_key().verify(der, DIGEST, ec.ECDSA(Prehashed(hashes.SHA256())))
    with pytest.raises(InvalidSignature):
        public.public_key().verify(der, hashlib.sha256(b"another").digest(), ec.ECDSA(Prehashed(hashes.SHA256())))


def test_an_rsa_key_signs_too(room: Room) -> None:
    """RS256 by PKCS #1, checked with the public half that was shown."""
    key = made(room, body={"kty": "RSA"})
    raw = octets(room.ask("POST", f"{path(key)}/sign", {"alg": "RS256", "value": text(DIGEST)}).body["value"])
    public = rsa.RSAPublicNumbers(number(key["key"], "e"), number(key["key"], "n")).public_key()
    public.verify(raw, DIGEST, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


@pytest.mark.parametrize(("tampered", "answer"), [(False, True), (True, False)])
def test_verify_answers_yes_or_no(room: Room, tampered: bool, answer: bool) -> None:
    """A wrong signature is the answer false, not an error."""
    key = made(room)
    value = room.ask("POST", f"{path(key)}/sign", {"alg": "ES256", "value": text(DIGEST)}).body["value"]
    digest = hashlib.sha256(b"another").digest() if tampered else DIGEST
    body = {"alg": "ES256", "digest": text(digest), "value": value}
    assert room.ask("POST", f"{path(key)}/verify", body).body == {"value": answer}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"alg": "ES384", "value": text(DIGEST)}, 400, "BadParameter"),
        ({"alg": "RS256", "value": text(DIGEST)}, 400, "BadParameter"),
        ({"alg": "ES256", "value": text(DIGEST[:31])}, 400, "BadParameter"),
        ({"alg": "ES256", "value": "not base64!"}, 400, "BadParameter"),
        ({"alg": "ES256"}, 400, "BadParameter"),
    ],
)
def test_a_bad_request_to_sign_is_refused(room: Room, body: Json, status: int, code: str) -> None:
    """Another curve's algorithm, another digest's length and rubbish are 400."""
    reply = room.ask("POST", f"{path(made(room))}/sign", body)
    assert (reply.status, reply.code) == (status, code)


def test_a_key_signs_only_what_it_may(room: Room) -> None:
    """Without `sign` among its operations, or disabled, a key refuses with 403; enabled again it signs."""
    body = {"alg": "ES256", "value": text(DIGEST)}
    only = made(room, "only", EC | {"key_ops": ["verify"]})
    assert room.ask("POST", f"{path(only)}/sign", body).body["error"]["innererror"] == {"code": "KeyOperationForbidden"}
    key = made(room)
    room.ask("PATCH", path(key), {"attributes": {"enabled": False}})
    assert room.ask("POST", f"{path(key)}/sign", body).body["error"]["innererror"] == {"code": "KeyDisabled"}
    room.ask("PATCH", path(key), {"attributes": {"enabled": True}})
    assert room.ask("POST", f"{path(key)}/sign", body).status == 200


@pytest.mark.parametrize("where", ["/keys/nobody/", "/keys/account/0123456789abcdef0123456789abcdef"])
def test_a_key_that_is_not_there_is_not_found(room: Room, where: str) -> None:
    """Neither an unknown name nor an unknown version is found, and the code says so."""
    made(room)
    reply = room.ask("GET", where)
    assert (reply.status, reply.code) == (404, "KeyNotFound")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kty": "oct"},
        {"kty": "EC", "crv": "P-1"},
        {"kty": "RSA", "key_size": 1024},
        EC | {"key_ops": ["encrypt"]},
        EC | {"attributes": {"exportable": True}},
    ],
)
def test_a_key_that_no_vault_would_make_is_refused(room: Room, body: Json) -> None:
    """Unknown types, curves and sizes, operations that the type has not, and exportable keys are 400, and nothing is made."""
    reply = room.ask("POST", "/keys/account/create", body)
    assert (reply.status, reply.code) == (400, "BadParameter")
    assert room.ask("GET", "/keys/account/").status == 404


def test_the_keys_of_a_vault_and_the_versions_of_a_key_are_listed(room: Room) -> None:
    """Each list shows what its name says, without key material."""
    made(room, "b"), made(room, "a"), made(room, "a")
    listed = room.ask("GET", "/keys").body["value"]
    assert [one["kid"] for one in listed] == [f"{room.root}/keys/a", f"{room.root}/keys/b"]
    assert len(room.ask("GET", "/keys/a/versions").body["value"]) == 2
    assert room.ask("GET", "/keys/nobody/versions").body["value"] == []
    assert all("key" not in one for one in listed)


def test_a_deleted_key_signs_no_more_until_it_is_recovered(room: Room) -> None:
    """Deleting is recoverable; the name is taken meanwhile; purging frees it."""
    key = made(room)
    body = {"alg": "ES256", "value": text(DIGEST)}
    assert room.ask("DELETE", "/keys/account").status == 200
    assert room.ask("POST", f"{path(key)}/sign", body).code == "KeyNotFound"
    assert room.ask("POST", "/keys/account/create", EC).status == 409
    room.ask("POST", "/deletedkeys/account/recover")
    assert room.ask("POST", f"{path(key)}/sign", body).status == 200
    room.ask("DELETE", "/keys/account")
    assert room.ask("DELETE", "/deletedkeys/account").status == 204
    assert room.ask("GET", "/deletedkeys/account").code == "KeyNotFound"
    assert made(room)["key"]["kid"] != key["key"]["kid"]


def test_the_key_of_a_certificate_keeps_its_name_to_itself(room: Room) -> None:
    """A certificate's key is read as before, and no other key is made under its name."""
    room.made("www")
    assert room.ask("GET", "/keys/www/").body["managed"] is True
    assert room.ask("POST", "/keys/www/create", EC).status == 409


OPERATIONS = [
    ("POST", "/backup", f"{DATA}keys/backup/action"),
    ("POST", "/release", f"{DATA}keys/release/action"),
    ("DELETE", "", f"{DATA}keys/delete"),
    ("PATCH", "", f"{DATA}keys/update/action"),
]


@pytest.mark.parametrize(("method", "suffix", "action"), OPERATIONS)
def test_the_app_cannot_take_a_key_out_even_of_its_own_vault(room: Room, method: str, suffix: str, action: str) -> None:
    """Backup, release, delete and update are 403 for who has a key vault of its own; the answer names the missing action."""
    room.house.vaults.grant("perennial", frozenset(OWN_KEYS), room.vault.name)
    key = made(room)
    where = path(key) if suffix == "/release" or method == "PATCH" else "/keys/account"
    reply = room.ask(method, where + suffix, {"target": "x"}, identity="perennial")
    assert (reply.status, reply.body["error"]["innererror"]) == (403, {"code": "ForbiddenByRbac"})
    assert action in reply.body["error"]["message"]


def test_in_its_own_vault_the_app_makes_reads_and_signs(room: Room) -> None:
    """The three rights are enough for an account key's whole life, and for no certificate."""
    room.house.vaults.grant("perennial", frozenset(OWN_KEYS), room.vault.name)
    key = room.ask("POST", "/keys/account/create", EC, identity="perennial").body
    body = {"alg": "ES256", "value": text(DIGEST)}
    assert room.ask("GET", "/keys/account/", identity="perennial").body == key
    assert room.ask("POST", f"{path(key)}/sign", body, identity="perennial").status == 200
    refused = room.ask("GET", "/certificates", identity="perennial")
    assert (refused.status, READ in refused.body["error"]["message"]) == (403, True)


@pytest.mark.parametrize(
    ("method", "where"),
    [("POST", "/keys/account/create"), ("GET", "/keys/account/"), ("POST", "/keys/account/v/sign"), ("GET", "/keys")],
)
def test_in_the_vaults_of_the_fleet_the_app_has_no_key_rights(room: Room, method: str, where: str) -> None:
    """Certificates' rights give no access to keys."""
    reply = room.ask(method, where, EC, identity="perennial")
    assert (reply.status, reply.body["error"]["innererror"]) == (403, {"code": "ForbiddenByRbac"})


def test_even_the_operator_gets_no_private_half(room: Room) -> None:
    """Release is refused for a key that is not exportable, and a backup is opaque."""
    key = made(room)
    assert room.ask("POST", f"{path(key)}/release", {"target": "x"}).status == 403
    assert set(room.ask("POST", "/keys/account/backup").body) == {"value"}
