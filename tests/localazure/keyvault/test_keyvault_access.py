"""Who may ask what: the challenge, the data actions, the limits, the addresses."""

from __future__ import annotations

import pytest

from localazure.keyvault.rights import CREATE, DATA, READ, UPDATE
from localazure.tokens import TENANT
from tests.localazure.keyvault import minting
from tests.localazure.keyvault.house import House, Json, Reply, Room

POLICY: Json = {
    "key_props": {"kty": "EC", "crv": "P-256"},
    "x509_props": {"subject": "CN=a"},
    "issuer": {"name": "Self"},
}


@pytest.mark.parametrize(
    ("method", "path", "api"),
    [
        ("GET", "/certificates/nope/", "7.4"),
        ("POST", "/certificates//create", "7.4"),
        ("GET", "/nowhere", "7.4"),
        ("GET", "/certificates", None),
    ],
)
def test_without_a_token_everything_is_a_challenge(room: Room, method: str, path: str, api: str | None) -> None:
    """401 before anything else, with the recorded header and body."""
    reply = room.ask(method, path, token="", api=api)
    assert reply.status == 401
    authority = f"https://login.microsoftonline.com/{TENANT}"
    assert (
        reply.headers["WWW-Authenticate"] == f'Bearer authorization="{authority}", resource="https://vault.azure.net"'
    )
    text = "AKV10000: Request is missing a Bearer or PoP token."
    assert reply.body == {"error": {"code": "Unauthorized", "message": text}}
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_token_for_another_audience_or_forged_is_refused(house: House, room: Room) -> None:
    """401 for storage's token, for rubbish, and for a token of another local Azure."""
    for token in (house.token(audience="https://storage.azure.com"), "rubbish", House.__name__):
        assert room.ask("GET", "/certificates", token=token).status == 401
    assert room.ask("GET", "/certificates", token=house.token()).status == 200


@pytest.mark.parametrize("suffix", ["vault.azure.cn", "vault.usgovcloudapi.net"])
def test_other_clouds_have_their_own_audience(house: House, room: Room, suffix: str) -> None:
    """The suffix of the host decides on the audience, and ids carry it."""
    host = f"{room.vault.name.lower()}.{suffix}"
    assert (
        f'resource="https://{suffix}"'
        in room.ask("GET", "/certificates", token="", host=host).headers["WWW-Authenticate"]
    )
    assert room.ask("GET", "/certificates", host=host).status == 401
    token = house.token(audience=f"https://{suffix}")
    policy = {"policy": POLICY}
    reply = room.ask("POST", "/certificates/www/create", policy, host=host, token=token)
    assert reply.body["id"] == f"https://{host}/certificates/www/pending"


@pytest.mark.parametrize("api", [None, "", "latest", "7"])
def test_an_api_version_is_mandatory(room: Room, api: str | None) -> None:
    """400 without one and with a bad one; previews and dates are good."""
    path = f"/certificates?api-version={api}" if api is not None else "/certificates"
    assert room.ask("GET", path, api=None).code == "BadParameter"
    for good in ("7.4-preview.1", "2026-04-01", "2026-05-01-preview", "7.6"):
        assert room.ask("GET", "/certificates", api=good).status == 200


def test_a_vault_that_does_not_exist(room: Room) -> None:
    """404 VaultNotFound, even without a token; a vault's name in any casing is the same vault."""
    reply = room.ask("GET", "/certificates", token="", host="kv-nobody.vault.azure.net")
    assert (reply.status, reply.code) == (404, "VaultNotFound")
    assert room.ask("GET", "/certificates", host=room.host.upper()).status == 200
    assert room.house.vaults.create_vault(room.vault.name.upper()) is room.vault


def test_bad_paths_names_and_bodies(room: Room) -> None:
    """405 for an empty name or another method, 404 for another path, 400 for a bad name."""
    empty = room.ask("POST", "/certificates//create", {"policy": POLICY})
    text = "HTTP POST not allowed"
    assert (empty.status, empty.body["error"]) == (405, {"code": "MethodNotAllowed", "message": text})
    assert room.ask("POST", "/certificates/www/versions", {}).status == 405
    assert room.ask("GET", "/nowhere").status == 404
    assert room.ask("GET", "/certificates/under_score/").code == "BadParameter"
    assert room.ask("GET", f"/certificates/{'a' * 128}/").code == "BadParameter"
    assert room.ask("POST", "/certificates/www/create", {"policy": "text"}).code == "BadParameter"


def refused(reply: Reply) -> bool:
    """Tell whether a reply is the refusal of an identity without the right."""
    return reply.status == 403 and reply.body["error"].get("innererror") == {"code": "ForbiddenByRbac"}


def test_the_app_may_read_create_and_update_and_nothing_else(room: Room) -> None:
    """Its three data actions carry a whole renewal with a merge; secrets, keys, imports, deletion are refused."""
    good: list[tuple[str, str, Json | None]] = [
        ("POST", "/certificates/www/create", {"policy": POLICY | {"issuer": {"name": "Unknown"}}}),
        ("GET", "/certificates/www/pending", None),
        ("GET", "/certificates/www/", None),
        ("GET", "/certificates/www/policy", None),
        ("GET", "/certificates", None),
        ("PATCH", "/certificates/www/", {"tags": {}}),
        ("PATCH", "/certificates/www/policy", {"attributes": {}}),
    ]
    assert not [path for method, path, body in good if room.ask(method, path, body, identity="perennial").status > 202]
    csr = room.ask("GET", "/certificates/www/pending").body["csr"]
    x5c = {"x5c": [minting.b64(minting.answer(csr))]}
    assert room.ask("POST", "/certificates/www/pending/merge", x5c, identity="perennial").status == 201
    assert room.ask("DELETE", "/certificates/www/pending", identity="perennial").status == 200
    bad = [
        ("GET", "/secrets/www"),
        ("GET", "/keys/www"),
        ("POST", "/certificates/www/import"),
        ("DELETE", "/certificates/www"),
        ("POST", "/certificates/www/backup"),
        ("POST", "/certificates/restore"),
        ("POST", "/deletedcertificates/www/recover"),
        ("DELETE", "/deletedcertificates/www"),
        ("GET", "/certificates/issuers"),
        ("PUT", "/certificates/issuers/a"),
        ("PUT", "/certificates/contacts"),
    ]
    allowed = [path for method, path in bad if not refused(room.ask(method, path, {}, identity="perennial"))]
    assert allowed == [], "refused to the app: whatever its three data actions do not need"
    assert not refused(room.ask("GET", "/secrets/www", identity="operator"))


def test_an_identity_without_rights_is_told_what_it_lacks(house: House, room: Room) -> None:
    """The message names the caller, the action, the resource and the vault, line by line."""
    reply = room.ask("GET", "/certificates/www/", identity="stranger")
    assert refused(reply)
    assert reply.code == "Forbidden"
    lines = reply.body["error"]["message"].split("\r\n")
    caller = house.tokens.identity("stranger")
    assert lines[0] == "Caller is not authorized to perform action on resource."
    assert lines[2].startswith(f"Caller: appid={caller.client_id};oid={caller.object_id};iss=https://sts.windows.net/")
    assert lines[3] == f"Action: '{READ}'"
    assert f"vaults/{room.vault.name.lower()}/certificates/www'" in lines[4]
    assert lines[5] == "Assignment: (not found)"
    assert "DecisionReason: 'DeniedWithNoValidRBAC'" in lines
    assert f"Vault: {room.vault.name};location=westeurope" in lines


@pytest.mark.parametrize(
    ("lacking", "method", "path"),
    [
        (READ, "GET", "/certificates/www/"),
        (CREATE, "POST", "/certificates/www/create"),
        (CREATE, "POST", "/certificates/www/pending/merge"),
        (UPDATE, "PATCH", "/certificates/www/"),
        (UPDATE, "DELETE", "/certificates/www/pending"),
    ],
)
def test_rights_can_be_less_in_one_vault(house: House, room: Room, lacking: str, method: str, path: str) -> None:
    """A grant for one vault takes the place of the general one there, and nowhere else."""
    house.vaults.grant("perennial", frozenset({READ, CREATE, UPDATE} - {lacking}), room.vault.name)
    assert refused(room.ask(method, path, {}, identity="perennial"))
    assert not refused(house.room().ask(method, path, {}, identity="perennial"))


def test_rights_can_be_granted(house: House, room: Room) -> None:
    """An identity that had none gets one action, everywhere."""
    house.vaults.grant("reader", frozenset({f"{DATA}secrets/getSecret/action"}))
    room.made("www")
    assert room.ask("GET", "/secrets/www", identity="reader").status == 200
    assert refused(room.ask("GET", "/certificates/www/", identity="reader"))


def test_key_creation_is_throttled_where_asked_for(house: House) -> None:
    """20 in ten seconds, then 429 without Retry-After; reads go on; after ten seconds creates do too."""
    room = house.room(throttle=True)
    replies = [room.ask("POST", f"/certificates/a{number}/create", {"policy": POLICY}) for number in range(22)]
    assert [reply.status for reply in replies] == [202] * 20 + [429] * 2
    assert (replies[-1].code, replies[-1].headers["Retry-After"]) == ("Throttled", None)
    assert room.ask("GET", "/certificates/a0/").status == 200
    house.pass_time(seconds=11)
    assert room.ask("POST", "/certificates/a20/create", {"policy": POLICY}).status == 202


def test_an_ordinary_vault_is_not_throttled(room: Room) -> None:
    """25 creates in a row are accepted."""
    replies = [room.ask("POST", f"/certificates/a{number}/create", {"policy": POLICY}) for number in range(25)]
    assert {reply.status for reply in replies} == {202}
