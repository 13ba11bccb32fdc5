"""Soft delete, recovery, purge, backup and restore."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.localazure.keyvault.house import Room


def inner(body: dict[str, Any]) -> str:
    """Return an inner error's code."""
    return str(body["error"].get("innererror", {}).get("code", ""))


def test_a_deletion_takes_its_time(room: Room) -> None:
    """Gone at once, but among the deleted ones only later, and then as DELETE answered."""
    room.made("www")
    gone = room.ask("DELETE", "/certificates/www")
    assert gone.status == 200
    assert list(gone.body)[:4] == ["recoveryId", "deletedDate", "scheduledPurgeDate", "id"]
    assert gone.body["recoveryId"] == f"{room.root}/deletedcertificates/www"
    assert gone.body["scheduledPurgeDate"] - gone.body["deletedDate"] == 90 * 86400
    assert room.ask("GET", "/certificates/www/").status == 404
    early = room.ask("GET", "/deletedcertificates/www")
    assert early.body["error"] == {"code": "CertificateNotFound", "message": "Deleted Certificate not found: www"}
    room.finish()
    assert room.ask("GET", "/deletedcertificates/www").body == gone.body


def test_deleted_items_show_how_to_recover(room: Room) -> None:
    """Items of deleted certificates have recovery attributes, no subject and no version."""
    room.made("www")
    room.ask("DELETE", "/certificates/www")
    room.finish()
    item = room.ask("GET", "/deletedcertificates").body["value"][0]
    assert list(item) == ["recoveryId", "deletedDate", "scheduledPurgeDate", "id", "x5t", "attributes"]
    assert item["id"] == f"{room.root}/certificates/www"
    assert item["attributes"]["recoveryLevel"] == "Recoverable+Purgeable"


def test_a_deleted_name_cannot_be_used(room: Room) -> None:
    """409 Conflict: first it is being deleted, then deleted but recoverable; import fails alike."""
    room.made("www")
    room.ask("DELETE", "/certificates/www")
    being = room.ask("POST", "/certificates/www/create", {})
    assert (being.status, being.code, inner(being.body)) == (409, "Conflict", "ObjectIsBeingDeleted")
    room.finish()
    for path in ("create", "import"):
        refused = room.ask("POST", f"/certificates/www/{path}", {})
        assert (refused.status, refused.code, inner(refused.body)) == (409, "Conflict", "ObjectIsDeletedButRecoverable")


def test_recovery_takes_its_time(room: Room) -> None:
    """The answer is the live certificate, which is still 404 for a while; 409 meanwhile; then it is as before."""
    before = room.made("www")
    room.ask("DELETE", "/certificates/www")
    assert inner(room.ask("POST", "/deletedcertificates/www/recover").body) == "ObjectIsBeingDeleted"
    room.finish()
    recovered = room.ask("POST", "/deletedcertificates/www/recover")
    assert (recovered.status, recovered.body) == (200, before)
    assert room.ask("GET", "/certificates/www/").status == 404
    assert inner(room.ask("POST", "/certificates/www/create", {}).body) == "ObjectIsBeingRecovered"
    room.finish()
    assert room.get("www") == before
    assert room.ask("GET", "/deletedcertificates/www").status == 404


def test_recovering_what_is_not_there(room: Room) -> None:
    """404 with the long text, not the one of a deleted certificate."""
    error = room.ask("POST", "/deletedcertificates/nope/recover").body["error"]
    assert error["message"].startswith("A certificate with (name/id) nope was not found in this key vault.")


def test_a_purged_name_is_free_only_later(room: Room) -> None:
    """204 without a body; then 409 for some seconds; then a create is accepted."""
    room.made("www")
    room.ask("DELETE", "/certificates/www")
    room.finish()
    purged = room.ask("DELETE", "/deletedcertificates/www")
    assert (purged.status, purged.body, purged.headers["Content-Type"]) == (204, {}, None)
    assert room.ask("POST", "/certificates/www/create", {}).status == 409
    room.finish()
    assert "cer" in room.made("www")


def test_an_unfinished_certificate_can_be_deleted(room: Room) -> None:
    """Its answer has no kid, sid and cer, and its operation is no longer found; recovered, it is finished after all."""
    room.create("www")
    gone = room.ask("DELETE", "/certificates/www").body
    assert not {"kid", "sid", "cer", "x5t"} & set(gone)
    assert room.ask("GET", "/certificates/www/pending").status == 404
    room.finish()
    room.ask("POST", "/deletedcertificates/www/recover")
    room.finish()
    room.finish()
    assert "cer" in room.get("www")


def test_a_backup_comes_back_as_it_was(room: Room) -> None:
    """The same version ids, times and key, without pending; the blob has the recorded beginning."""
    first, before = room.made("www", tags={"a": "1"}), room.made("www", tags={"b": "2"})
    blob = room.ask("POST", "/certificates/www/backup").body["value"]
    assert base64.urlsafe_b64decode(blob + "==").startswith(b"&AzureKeyVaultKeyBackupV1.microsoft.com")
    secret = room.ask("GET", "/secrets/www").body
    room.ask("DELETE", "/certificates/www")
    room.finish()
    room.ask("DELETE", "/deletedcertificates/www")
    refused = room.ask("POST", "/certificates/restore", {"value": blob})
    assert (refused.status, refused.code) == (409, "Conflict")
    identifier = before["id"]
    assert refused.body["error"]["message"].startswith(f"There was a conflict restoring the certificate '{identifier}'")
    room.finish()
    restored = room.ask("POST", "/certificates/restore", {"value": blob})
    before.pop("pending")
    assert (restored.status, restored.body) == (200, before)
    assert room.ask("GET", first["id"].removeprefix(room.root)).status == 200
    assert room.ask("GET", "/secrets/www").body["kid"] == secret["kid"]


def test_a_backup_is_not_restored_over_a_name_in_use(room: Room) -> None:
    """409 Conflict."""
    room.made("www")
    blob = room.ask("POST", "/certificates/www/backup").body
    assert room.ask("POST", "/certificates/restore", blob).status == 409


@pytest.mark.parametrize("value", ["AAAA", "", "JkF6dXJlS2V5VmF1bHRLZXlCYWNrdXBWMS5taWNyb3NvZnQuY29tAAAA"])
def test_rubbish_is_no_backup(room: Room, value: str) -> None:
    """400 whose code is a phrase."""
    error = room.ask("POST", "/certificates/restore", {"value": value})
    assert error.status == 400
    text = "Backup blob contains invalid or corrupt version."
    assert error.body["error"] == {"code": "Malformed backup blob", "message": text}
