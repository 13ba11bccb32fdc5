"""Issuers, contacts, and the key and secret of a certificate."""

from __future__ import annotations

from tests.localazure.keyvault.house import Room

PATH = "/certificates/issuers/Ca1"
ADMINS = [{"first_name": "A", "last_name": "B", "email": "a@b.example", "phone": "1"}, {"email": "c@d.example"}]


def test_an_issuer_never_shows_its_password(room: Room) -> None:
    """`pwd` never comes back, org_details gain `zip: 0`, absent parts stay absent."""
    bare = room.ask("PUT", "/certificates/issuers/bare", {"provider": "Test"}).body
    assert list(bare) == ["id", "provider", "attributes"]
    sent = {"credentials": {"account_id": "me", "pwd": "secret"}, "org_details": {"id": "Org"}}
    body = room.ask("PUT", PATH, {"provider": "DigiCert"} | sent).body
    assert body["credentials"] == {"account_id": "me"}
    assert body["org_details"] == {"id": "Org", "zip": 0}
    assert list(body) == ["id", "provider", "credentials", "org_details", "attributes"]


def test_a_second_put_keeps_the_date_of_creation(room: Room) -> None:
    """200 both times, and what the second one omits is gone."""
    first = room.ask("PUT", PATH, {"provider": "Test", "credentials": {"account_id": "me"}})
    room.house.pass_time(seconds=60)
    second = room.ask("PUT", PATH, {"provider": "Test"})
    assert (first.status, second.status) == (200, 200)
    assert second.body["attributes"]["created"] == first.body["attributes"]["created"]
    assert second.body["attributes"]["updated"] > first.body["attributes"]["updated"]
    assert "credentials" not in second.body


def test_an_issuer_patch_merges_and_replaces_the_admins(room: Room) -> None:
    """Other members of org_details stay, the list is replaced."""
    room.ask("PUT", PATH, {"provider": "Test", "org_details": {"id": "Org", "admin_details": ADMINS}})
    body = room.ask("PATCH", PATH, {"org_details": {"admin_details": ADMINS[1:]}}).body
    assert body["org_details"] == {"id": "Org", "zip": 0, "admin_details": ADMINS[1:]}


def test_missing_issuers_are_named_only_by_patch(room: Room) -> None:
    """GET and DELETE say `Issuer not found`, PATCH says which."""
    texts = [room.ask(method, PATH, {}).body["error"]["message"] for method in ("GET", "DELETE", "PATCH")]
    assert texts == ["Issuer not found", "Issuer not found", "Issuer Ca1 not found"]
    assert room.ask("GET", PATH).code == "CertificateIssuerNotFound"
    assert room.ask("PUT", PATH, {}).code == "BadParameter"


def test_issuers_are_listed_with_their_provider_only(room: Room) -> None:
    """Items hold id and provider; DELETE returns the issuer as it was and takes it out of the list."""
    for name in ("b", "a"):
        room.ask("PUT", f"/certificates/issuers/{name}", {"provider": "Test"})
    items = room.ask("GET", "/certificates/issuers").body["value"]
    assert items == [{"id": f"{room.root}/certificates/issuers/{name}", "provider": "Test"} for name in ("a", "b")]
    before = room.ask("GET", "/certificates/issuers/a").body
    assert room.ask("DELETE", "/certificates/issuers/a").body == before
    assert len(room.ask("GET", "/certificates/issuers").body["value"]) == 1


def test_contacts_belong_to_the_vault(room: Room) -> None:
    """404 at first; PUT replaces; a contact keeps only the fields sent; DELETE returns them."""
    path = "/certificates/contacts"
    assert room.ask("GET", path).body["error"] == {"code": "ContactsNotFound", "message": "Contacts not found"}
    room.ask("PUT", path, {"contacts": [{"email": "old@x.example"}]})
    expected = {"id": f"{room.root}{path}", "contacts": [{"email": "a@x.example", "name": "A"}]}
    assert room.ask("PUT", path, {"contacts": expected["contacts"]}).body == expected
    assert room.ask("GET", path).body == expected
    assert room.ask("DELETE", path).body == expected
    assert room.ask("GET", path).status == 404


def test_contacts_take_a_place_in_the_list_of_certificates(room: Room) -> None:
    """They are a row of the same index, so the page of the last certificate may have a link to an empty one."""
    room.made("a")
    room.ask("PUT", "/certificates/contacts", {"contacts": [{"email": "a@x.example"}]})
    first = room.ask("GET", "/certificates?maxresults=1").body
    assert first["nextLink"]
    second = room.ask("GET", first["nextLink"].removeprefix(room.root), api=None).body
    assert second == {"value": [], "nextLink": None}


def test_the_secret_of_a_certificate(room: Room) -> None:
    """Key order as recorded, managed, and the same version."""
    body = room.made("www")
    path = body["sid"].removeprefix(room.root)
    secret = room.ask("GET", path).body
    assert list(secret) == ["value", "contentType", "id", "managed", "attributes", "kid"]
    assert (secret["id"], secret["kid"], secret["managed"]) == (body["sid"], body["kid"], True)
    assert room.ask("GET", "/secrets/www/").body["id"] == body["sid"]


def test_the_key_of_a_certificate(room: Room) -> None:
    """The public members only, managed."""
    body = room.made("www")
    key = room.ask("GET", "/keys/www").body
    assert list(key) == ["key", "attributes", "managed"]
    assert list(key["key"]) == ["kid", "kty", "key_ops", "crv", "x", "y"]
    assert key["key"]["kid"] == body["kid"]


def test_a_disabled_version_gives_no_secret(room: Room) -> None:
    """403 with an inner error; the certificate itself is still readable; an unfinished one has no secret at all."""
    room.made("www")
    room.ask("PATCH", "/certificates/www/", {"attributes": {"enabled": False}})
    refused = room.ask("GET", "/secrets/www")
    assert (refused.status, refused.body["error"]["innererror"]) == (403, {"code": "SecretDisabled"})
    assert room.ask("GET", "/certificates/www/").status == 200
    room.create("new", "Unknown")
    assert room.ask("GET", "/secrets/new").code == "SecretNotFound"
