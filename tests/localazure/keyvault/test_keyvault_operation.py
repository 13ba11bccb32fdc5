"""Creating a certificate and what its pending operation shows, as recorded of the real service."""

from __future__ import annotations

import base64
import re

import pytest
from cryptography import x509

from tests.localazure.keyvault.house import House, Room

HEX = re.compile(r"[0-9a-f]{32}")


def test_create_answers_accepted_with_the_operation(room: Room) -> None:
    """202 with Location and Retry-After 10; the operation has neither target nor error."""
    reply = room.create("www")
    body = reply.body
    assert list(body) == [
        "id", "issuer", "csr", "cancellation_requested", "status", "status_details", "request_id",
    ]  # fmt: skip
    address = f"{room.root}/certificates/www/pending"
    assert body["id"] == address
    assert HEX.fullmatch(body["request_id"])
    assert reply.headers["Location"] == f"{address}?api-version=7.4&request_id={body['request_id']}"
    assert reply.headers["Retry-After"] == "10"
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"


def test_status_details_depend_on_who_ends_the_operation(room: Room) -> None:
    """Issuer Unknown waits for a merge, any other for the issuer."""
    assert "Perform Merge" in room.create("merged", "Unknown").body["status_details"]
    assert "Please check again later" in room.create("issued").body["status_details"]


def test_a_pending_operation_says_when_to_ask_again_and_an_ended_one_does_not(room: Room) -> None:
    """Retry-After rides on polls in progress only, issuer Unknown included."""
    room.create("www")
    room.create("csr", "Unknown")
    before = [room.ask("GET", f"/certificates/{name}/pending").headers["Retry-After"] for name in ("www", "csr")]
    room.finish()
    after = [room.ask("GET", f"/certificates/{name}/pending").headers["Retry-After"] for name in ("www", "csr")]
    assert (before, after) == (["10", "10"], [None, "10"])


def test_a_completed_operation_has_a_target_without_version(room: Room) -> None:
    """Completed: no status_details, target is the bare name, csr and request_id stay."""
    accepted = room.create("www").body
    room.finish()
    done = room.ask("GET", "/certificates/www/pending").body
    assert done["status"] == "completed"
    assert done["target"] == f"{room.root}/certificates/www"
    assert "status_details" not in done
    assert (done["csr"], done["request_id"]) == (accepted["csr"], accepted["request_id"])


def test_the_version_changes_on_completion(room: Room) -> None:
    """The version seen while pending is never the finished one."""
    room.create("www")
    unfinished = room.get("www")
    room.finish()
    assert room.get("www")["id"] != unfinished["id"]
    gone = room.ask("GET", unfinished["id"].removeprefix(room.root))
    assert (gone.status, gone.code) == (404, "CertificateNotFound")


def test_an_unfinished_certificate_is_disabled_and_bare(room: Room) -> None:
    """While the first operation is pending there is a version with times and policy, but without kid, sid, x5t, cer."""
    room.create("www")
    body = room.get("www")
    assert list(body) == ["id", "attributes", "policy", "pending"]
    assert body["attributes"]["enabled"] is False
    assert body["attributes"]["nbf"] == body["attributes"]["created"] - 600
    old = room.ask("GET", "/certificates/www/", api="2016-10-01").body
    assert old["attributes"]["enabled"] is True


def test_a_renewal_in_progress_shows_the_old_version(room: Room) -> None:
    """While a renewal is pending the latest version is the old one, and so it stays in the list."""
    old = room.made("www")
    room.ask("POST", "/certificates/www/create", {})
    assert room.get("www")["id"] == old["id"]
    assert room.ask("GET", "/certificates").body["value"][0]["x5t"] == old["x5t"]
    room.finish()
    assert room.get("www")["id"] != old["id"]


def test_request_id_filters(room: Room) -> None:
    """GET pending with another request id is 404, with the right one 200."""
    request_id = room.create("www", "Unknown").body["request_id"]
    assert room.ask("GET", f"/certificates/www/pending?request_id={request_id}").status == 200
    other = room.ask("GET", f"/certificates/www/pending?request_id={'0' * 32}")
    assert (other.status, other.code) == (404, "PendingCertificateNotFound")


def test_one_operation_at_a_time(room: Room) -> None:
    """A create or import beside an operation in progress is 409 with code Forbidden; after its end it is accepted."""
    room.create("www")
    for path in ("create", "import"):
        again = room.ask("POST", f"/certificates/www/{path}", {"value": "x"})
        assert (again.status, again.code) == (409, "Forbidden")
        assert again.body["error"]["message"].endswith("status is inProgress.")
    room.finish()
    assert room.ask("POST", "/certificates/www/create", {}).status == 202


def test_cancelling_takes_its_time(room: Room) -> None:
    """The PATCH still answers inProgress; later it is cancelled, without details or target; the certificate remains."""
    room.create("www")
    asked = room.ask("PATCH", "/certificates/www/pending", {"cancellation_requested": True})
    assert (asked.status, asked.body["status"], asked.body["cancellation_requested"]) == (200, "inProgress", True)
    assert asked.headers["Retry-After"] is None
    room.finish()
    ended = room.ask("GET", "/certificates/www/pending").body
    assert ended["status"] == "cancelled"
    assert not {"status_details", "target", "error"} & set(ended)
    assert room.get("www")["attributes"]["enabled"] is False


def test_cancelling_what_is_completed_is_forbidden(room: Room) -> None:
    """403 Forbidden: a state error, not a permission error, so without an inner error."""
    room.made("www")
    reply = room.ask("PATCH", "/certificates/www/pending", {"cancellation_requested": True})
    assert (reply.status, reply.body) == (
        403,
        {"error": {"code": "Forbidden", "message": "Pending status must be in progress to allow update."}},
    )


def test_deleting_an_operation_shows_it_as_it_was(room: Room) -> None:
    """DELETE answers with the operation in progress; then it is 404, and the certificate stays without pending."""
    room.create("www")
    gone = room.ask("DELETE", "/certificates/www/pending")
    assert (gone.status, gone.body["status"]) == (200, "inProgress")
    missing = room.ask("GET", "/certificates/www/pending")
    assert missing.body["error"] == {
        "code": "PendingCertificateNotFound",
        "message": "Pending certificate not found: www",
    }
    room.finish()
    assert "pending" not in room.get("www")
    assert "cer" not in room.get("www")


def test_a_failed_operation_answers_ok_with_an_error_inside(house: House, room: Room) -> None:
    """A CA that refuses ends the operation as failed, still 200; when it recovers the next create succeeds."""
    room.ask("PUT", "/certificates/issuers/ca1", {"provider": "DigiCert"})
    house.vaults.configure_issuer(room.vault.name, "CA1", failure=("Request rejected", "Out of funds"))
    room.create("www", "ca1")
    room.finish()
    reply = room.ask("GET", "/certificates/www/pending")
    assert (reply.status, reply.body["status"]) == (200, "failed")
    assert reply.body["error"] == {"code": "Request rejected", "message": "Out of funds"}
    assert not {"status_details", "target"} & set(reply.body)
    house.vaults.configure_issuer(room.vault.name, "ca1")
    assert "cer" in room.made("www", "ca1")


def test_an_integrated_issuer_takes_as_long_as_configured(house: House, room: Room) -> None:
    """The operation is in progress until the delay has passed; the leaf is not self-signed and brings its CA."""
    room.ask("PUT", "/certificates/issuers/slow", {"provider": "GlobalSign"})
    house.vaults.configure_issuer(room.vault.name, "slow", delay=3600)
    room.create("www", "SLOW")
    house.pass_time(seconds=3500)
    assert room.ask("GET", "/certificates/www/pending").body["status"] == "inProgress"
    house.pass_time(seconds=200)
    leaf = x509.load_der_x509_certificate(base64.b64decode(room.get("www")["cer"]))
    assert leaf.issuer != leaf.subject
    assert room.get("www")["policy"]["issuer"]["name"] == "SLOW"


def test_the_signing_request_says_what_the_policy_says(room: Room) -> None:
    """CSR: SHA-256, key usage critical, basic constraints not critical, the SANs, the subject's last attribute first."""
    props = {"subject": "C=US, O=Contoso, cn=www", "sans": {"dns_names": ["a.example", "b.example"]}}
    policy = {"x509_props": props, "issuer": {"name": "Unknown"}}
    body = room.ask("POST", "/certificates/www/create", {"policy": policy}).body
    request = x509.load_der_x509_csr(base64.b64decode(body["csr"]))
    assert [attribute.rfc4514_attribute_name for attribute in request.subject] == ["CN", "O", "C"]
    assert request.signature_hash_algorithm
    assert request.signature_hash_algorithm.name == "sha256"
    critical = {type(extension.value).__name__: extension.critical for extension in request.extensions}
    assert critical == {
        "KeyUsage": True,
        "ExtendedKeyUsage": False,
        "SubjectAlternativeName": False,
        "BasicConstraints": False,
    }


def test_a_self_signed_certificate_is_really_self_signed(room: Room) -> None:
    """Issuer equals subject, the signature is its own, key identifiers were added, the times are the recorded ones."""
    body = room.made("www")
    leaf = x509.load_der_x509_certificate(base64.b64decode(body["cer"]))
    leaf.verify_directly_issued_by(leaf)
    kinds = {type(extension.value) for extension in leaf.extensions}
    assert {x509.AuthorityKeyIdentifier, x509.SubjectKeyIdentifier} <= kinds
    times = body["attributes"]
    assert times["nbf"] == times["created"] - 600
    assert leaf.not_valid_after_utc.timestamp() == times["exp"]
    assert times["exp"] - times["nbf"] in (31_536_600, 31_622_600, 366 * 86400 + 600)


def test_every_operation_has_a_key_of_its_own_unless_reused(room: Room) -> None:
    """Three versions have two keys: the third reuses the second's, because the policy says so."""
    keys = []
    for reuse in (False, False, True):
        room.made("www")
        key_props = {"kty": "EC", "crv": "P-256", "reuse_key": reuse}
        props = {"subject": "CN=www"}
        policy = {"key_props": key_props, "x509_props": props, "issuer": {"name": "Self"}}
        room.ask("POST", "/certificates/www/create", {"policy": policy})
        before = room.get("www")
        room.finish()
        leaves = [x509.load_der_x509_certificate(base64.b64decode(one["cer"])) for one in (before, room.get("www"))]
        keys.append(leaves[0].public_key() == leaves[1].public_key())
    assert keys == [False, False, True]


@pytest.mark.parametrize(("first", "later"), [({"a": "1"}, {}), ({"a": "1"}, {"b": "2"})])
def test_tags_go_with_their_create(room: Room, first: dict[str, str], later: dict[str, str]) -> None:
    """A version has the tags of its own create; a manual renewal copies none; without any the key is absent."""
    assert room.made("www", tags=first)["tags"] == first
    room.ask("POST", "/certificates/www/create", {"tags": later})
    room.finish()
    assert room.get("www").get("tags", {}) == later
    assert ("tags" in room.get("www")) == bool(later)
