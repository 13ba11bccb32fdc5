"""What a vault tells Event Grid, and what it renews by itself."""

from __future__ import annotations

import pytest

from tests.localazure.keyvault import minting
from tests.localazure.keyvault.house import QUICK, House, Json, Room

DAY = 86400
AUTO = {"trigger": {"days_before_expiry": 20}, "action": {"action_type": "AutoRenew"}}


def seed(room: Room, name: str, days: float, **more: object) -> Json:
    """Import a certificate that ends in so many days."""
    key = minting.new_key()
    leaf = minting.sign(key.public_key(), subject=f"CN={name}", days=(-10, days), now=room.house.clock())
    reply = room.ask("POST", f"/certificates/{name}/import", {"value": minting.pfx(key, leaf)} | more)
    assert reply.status == 200, reply.body
    return reply.body


def test_a_new_version_is_told_with_its_key_and_secret(room: Room) -> None:
    """Three events of one version; the vault keeps its casing, the host in the id does not."""
    body = room.made("www")
    told = room.events()
    assert [event.type.removeprefix("Microsoft.KeyVault.") for event in told] == [
        "CertificateNewVersionCreated",
        "KeyNewVersionCreated",
        "SecretNewVersionCreated",
    ]
    assert [event.object_type for event in told] == ["Certificate", "Key", "Secret"]
    assert [event.id for event in told] == [body["id"], body["kid"], body["sid"]]
    assert {event.vault for event in told} == {room.vault.name}
    assert told[0].vault != told[0].vault.lower()
    assert {(event.name, event.version) for event in told} == {("www", body["id"].rsplit("/", 1)[1])}
    assert (told[0].not_before, told[0].expires) == (body["attributes"]["nbf"], body["attributes"]["exp"])


def test_nothing_is_told_before_a_version_is_finished(room: Room) -> None:
    """An accepted create, a cancelled one, updates and deletions raise no event; a merge and an import do."""
    csr = room.create("www", "Unknown").body["csr"]
    room.finish()
    assert room.events() == []
    room.ask("POST", "/certificates/www/pending/merge", {"x5c": [minting.b64(minting.answer(csr))]})
    assert len(room.events()) == 3
    room.ask("PATCH", "/certificates/www/", {"tags": {"a": "1"}})
    blob = room.ask("POST", "/certificates/www/backup").body
    room.ask("DELETE", "/certificates/www")
    room.finish()
    room.ask("DELETE", "/deletedcertificates/www")
    room.finish()
    assert room.ask("POST", "/certificates/restore", blob).status == 200
    assert len(room.events()) == 3
    seed(room, "other", 90)
    assert len(room.events()) == 6


def test_near_expiry_comes_thirty_days_before_the_end_once(room: Room) -> None:
    """Whatever the policy says, at 30 days, once per version."""
    body = seed(room, "www", 40)
    room.house.pass_time(days=9)
    assert room.told("CertificateNearExpiry") == []
    room.house.pass_time(days=2)
    told = room.told("CertificateNearExpiry")
    assert [event.id for event in told] == [body["id"]]
    room.house.pass_time(days=2)
    assert len(room.told("CertificateNearExpiry")) == 1


def test_a_short_lived_certificate_is_near_its_end_at_birth(room: Room) -> None:
    """A version whose whole life is within 30 days raises the event soon after it was made, not with it."""
    seed(room, "www", 5)
    assert room.told("CertificateNearExpiry") == []
    room.finish()
    assert len(room.told("CertificateNearExpiry")) == 1


def test_expiry_is_told_of_disabled_versions_too(room: Room) -> None:
    """CertificateExpired comes at the end, once; one that has expired already is told at once and is not near it."""
    seed(room, "www", 3, attributes={"enabled": False})
    seed(room, "dead", -1)
    room.finish()
    assert [event.name for event in room.told("CertificateNearExpiry")] == ["www"]
    assert [event.name for event in room.told("CertificateExpired")] == ["dead"]
    room.house.pass_time(days=4)
    assert [event.name for event in room.told("CertificateExpired")] == ["dead", "www"]


def test_only_the_current_version_ages(room: Room) -> None:
    """A replaced version and a deleted certificate raise nothing."""
    old = seed(room, "www", 40)
    seed(room, "gone", 40)
    room.made("www")
    room.ask("DELETE", "/certificates/gone")
    room.house.pass_time(days=60)
    assert [event for event in room.events() if "NewVersion" not in event.type] == []
    assert old["id"] != room.get("www")["id"]


def due(room: Room, name: str, **policy: object) -> Json:
    """Seed a certificate whose trigger for AutoRenew has passed."""
    rules = {"issuer": {"name": "Self"}, "lifetime_actions": [AUTO]} | policy
    return seed(room, name, 10, policy=rules, tags={"a": "1"})


def rotate(house: House, room: Room) -> list[str]:
    """Run the vault's own rotation now and let it end."""
    names = house.loop.run(house.vaults.run_autorotation(room.vault.name))
    room.finish()
    return names


def test_the_vault_renews_what_is_due_and_copies_the_tags(house: House, room: Room) -> None:
    """A new version with the tags of the old one, told as any; a second look finds nothing to do."""
    before = due(room, "www")
    assert rotate(house, room) == ["www"]
    after = room.get("www")
    assert after["id"] != before["id"]
    assert after["tags"] == {"a": "1"}
    assert len(room.told("CertificateNewVersionCreated")) == 2
    assert rotate(house, room) == []


@pytest.mark.parametrize(
    "policy",
    [
        {"issuer": {"name": "Unknown"}},
        {"lifetime_actions": [{**AUTO, "action": {"action_type": "EmailContacts"}}]},
        {"lifetime_actions": [{**AUTO, "trigger": {"days_before_expiry": 5}}]},
        {"lifetime_actions": [{**AUTO, "trigger": {"lifetime_percentage": 60}}]},
    ],
)
def test_the_vault_leaves_alone_what_is_not_due_or_not_its_to_renew(house: House, room: Room, policy: Json) -> None:
    """Issuer Unknown, another action, a trigger still to come: half the life is over here, ten days are left."""
    due(room, "www", **policy)
    assert rotate(house, room) == []


def test_a_percentage_triggers_too(house: House, room: Room) -> None:
    """At 40 % of its life, when half of it is over, it is due."""
    due(room, "www", lifetime_actions=[{**AUTO, "trigger": {"lifetime_percentage": 40}}])
    assert rotate(house, room) == ["www"]


def test_a_disabled_or_pending_certificate_is_not_rotated(house: House, room: Room) -> None:
    """Disabled ones and those with an operation in progress are left alone."""
    due(room, "disabled")
    room.ask("PATCH", "/certificates/disabled/", {"attributes": {"enabled": False}})
    due(room, "busy")
    room.ask("POST", "/certificates/busy/create", {})
    assert rotate(house, room) == []


def test_rotation_comes_by_itself_within_a_day_and_not_at_once(house: House) -> None:
    """Seeding an old certificate does not renew it at once; a day later the vault has."""
    room = house.room()
    before = due(room, "www")
    house.pass_time(hours=1)
    assert room.get("www")["id"] == before["id"]
    house.pass_time(hours=24)
    room.finish()
    assert room.get("www")["id"] != before["id"]


def test_rotation_uses_the_integrated_issuer(house: House, room: Room) -> None:
    """With an issuer object its CA signs; when the CA refuses, the operation fails and the old version stays."""
    room.ask("PUT", "/certificates/issuers/ca1", {"provider": "DigiCert"})
    before = due(room, "www", issuer={"name": "ca1"}, key_props=QUICK)
    house.vaults.configure_issuer(room.vault.name, "ca1", failure=("Request rejected", "no"))
    assert rotate(house, room) == ["www"]
    assert room.get("www")["id"] == before["id"]
    assert room.ask("GET", "/certificates/www/pending").body["status"] == "failed"
    house.vaults.configure_issuer(room.vault.name, "ca1")
    rotate(house, room)
    assert room.get("www")["id"] != before["id"]
