"""The scenarios of the Azure SDK's own certificate tests, through the real client."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.certificates import (
    AdministratorContact,
    CertificateClient,
    CertificateContact,
    CertificateContentType,
    CertificateOperation,
    CertificatePolicy,
    CertificatePolicyAction,
    CertificateProperties,
    KeyCurveName,
    KeyType,
    KeyVaultCertificate,
    LifetimeAction,
    WellKnownIssuerNames,
)

from localazure.keyvault import Pace
from tests.localazure.keyvault import minting
from tests.localazure.keyvault.house import House, Room
from tests.localazure.keyvault.sdk import Entrance

SOON = 0.05
FAST: dict[str, Any] = {"_polling_interval": 0.02}
SWIFT = Pace(
    self_issuance=SOON, issuer=SOON, cancellation=SOON, deletion=SOON, recovery=SOON, purge=SOON, near_expiry=SOON
)


@pytest.fixture(scope="module")
def entrance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrance]:
    """Run a stand-in that is quick enough for the SDK's own polling, behind TLS and a proxy."""
    house = House(SWIFT)
    opened = Entrance(house, tmp_path_factory.mktemp("ca"))
    yield opened
    opened.close()
    house.close()


@pytest.fixture
def room(entrance: Entrance) -> Room:
    """Give a vault that nobody has used: the SDK caches a challenge by host."""
    return entrance.house.room()


@pytest.fixture
def client(entrance: Entrance, room: Room) -> Iterator[CertificateClient]:
    """Open a client that may do everything."""
    with entrance.client(room) as opened:
        yield opened


def policy(issuer: str = WellKnownIssuerNames.self, **more: Any) -> CertificatePolicy:
    """Return a policy with a quick key."""
    settings = {"subject": "CN=www", "san_dns_names": ["a.example"], "key_type": KeyType.ec, "key_curve_name": "P-256"}
    return CertificatePolicy(issuer, **(settings | more))


def create(client: CertificateClient, name: str = "www", **more: Any) -> KeyVaultCertificate:
    """Create a certificate and wait for it."""
    made = client.begin_create_certificate(name, policy(**more), **FAST).result()
    assert isinstance(made, KeyVaultCertificate)
    return made


def facts(certificate: KeyVaultCertificate) -> CertificateProperties:
    """Return a certificate's properties, which are always there."""
    assert certificate.properties
    return certificate.properties


def test_create_read_update_delete(client: CertificateClient) -> None:
    """A certificate goes through its life: created, read, read by version, updated, deleted."""
    made = create(client)
    assert made.policy
    assert made.policy.key_curve_name == KeyCurveName.p_256
    assert made.policy.san_dns_names == ["a.example"]
    read = client.get_certificate("www")
    assert (read.id, read.cer) == (made.id, made.cer)
    version = client.get_certificate_version("www", str(facts(made).version))
    assert facts(version).x509_thumbprint == facts(made).x509_thumbprint
    tagged = client.update_certificate_properties("www", tags={"tag1": "updated"}, enabled=False)
    assert (facts(tagged).tags, facts(tagged).enabled) == ({"tag1": "updated"}, False)
    deleted = client.begin_delete_certificate("www", **FAST).result()
    assert deleted.recovery_id
    with pytest.raises(ResourceNotFoundError):
        client.get_certificate("www")


def test_an_operation_of_unknown_waits_for_a_merge(client: CertificateClient) -> None:
    """The poller ends at once with the operation and its CSR as bytes; merged, it is a certificate."""
    pending = client.begin_create_certificate("www", policy(WellKnownIssuerNames.unknown), **FAST).result()
    assert isinstance(pending, CertificateOperation)
    assert (pending.status, pending.issuer_name) == ("inProgress", "Unknown")
    assert isinstance(pending.csr, bytes)
    leaf = minting.answer(base64.b64encode(pending.csr).decode())
    der = leaf.public_bytes(minting.DER)
    merged = client.merge_certificate("www", [der], tags={"a": "1"})
    assert bytes(merged.cer or b"") == der
    assert facts(merged).tags == {"a": "1"}
    with pytest.raises(HttpResponseError):
        client.merge_certificate("www", [der])


def test_cancelling_and_deleting_an_operation(client: CertificateClient) -> None:
    """A cancelled operation stays readable until it is deleted; a second deletion is not found."""
    client.begin_create_certificate("www", policy(WellKnownIssuerNames.unknown), **FAST).result()
    assert client.cancel_certificate_operation("www").cancellation_requested is True
    assert client.delete_certificate_operation("www").name == "www"
    with pytest.raises(ResourceNotFoundError):
        client.get_certificate_operation("www")
    with pytest.raises(ResourceNotFoundError):
        client.delete_certificate_operation("www")


def test_cancelling_what_is_completed(client: CertificateClient) -> None:
    """It is an error whose code is Forbidden."""
    create(client)
    with pytest.raises(HttpResponseError) as refused:
        client.cancel_certificate_operation("www")
    assert refused.value.status_code == 403


def test_an_integrated_issuer(client: CertificateClient, entrance: Entrance, room: Room) -> None:
    """With a CA the poller ends with a certificate; when the CA refuses, with a failed operation and its reason."""
    admin = AdministratorContact(first_name="A", last_name="B", email="a@b.example", phone="1")
    client.create_issuer("ca1", "DigiCert", account_id="me", password="secret", admin_contacts=[admin])
    assert create(client, issuer="ca1").cer
    entrance.house.vaults.configure_issuer(room.vault.name, "ca1", failure=("Request rejected", "no"))
    failed = client.begin_create_certificate("www", policy("ca1"), **FAST).result()
    assert isinstance(failed, CertificateOperation)
    assert failed.status == "failed"
    assert failed.error
    assert (failed.error.code, failed.error.message) == ("Request rejected", "no")


def test_issuers(client: CertificateClient) -> None:
    """Issuers are made, updated, listed and deleted."""
    client.create_issuer("a", "Test", account_id="me")
    client.create_issuer("b", "Test")
    updated = client.update_issuer("a", account_id="you")
    assert (updated.account_id, updated.provider) == ("you", "Test")
    assert [issuer.name for issuer in client.list_properties_of_issuers()] == ["a", "b"]
    client.delete_issuer("a")
    with pytest.raises(ResourceNotFoundError):
        client.get_issuer("a")


def test_contacts(client: CertificateClient) -> None:
    """Contacts are set, read and deleted."""
    contacts = [CertificateContact(email="a@b.example", name="A", phone="1"), CertificateContact(email="c@d.example")]
    for read in (client.set_contacts(contacts), client.get_contacts(), client.delete_contacts()):
        assert [(contact.email, contact.name) for contact in read] == [("a@b.example", "A"), ("c@d.example", None)]
    with pytest.raises(ResourceNotFoundError):
        client.get_contacts()


def test_importing(client: CertificateClient) -> None:
    """PFX with a password and PEM with a policy that says so."""
    key = minting.new_key()
    leaf = minting.sign(key.public_key())
    octets = base64.b64decode(minting.pfx(key, leaf, password="123"))
    made = client.import_certificate("pfx", octets, password="123", tags={"a": "1"})
    assert bytes(made.cer or b"") == leaf.public_bytes(minting.DER)
    pem = CertificatePolicy(WellKnownIssuerNames.unknown, subject="CN=x", content_type=CertificateContentType.pem)
    made = client.import_certificate("pem", minting.pem(key, leaf).encode(), policy=pem, enabled=False)
    assert facts(made).enabled is False
    assert made.policy
    assert made.policy.content_type == CertificateContentType.pem


def test_policies(client: CertificateClient) -> None:
    """A policy is read and updated; lifetime actions come back as the SDK's own types."""
    create(client)
    action = LifetimeAction(CertificatePolicyAction.email_contacts, days_before_expiry=20)
    client.update_certificate_policy("www", policy(validity_in_months=7, lifetime_actions=[action]))
    read = client.get_certificate_policy("www")
    assert read.validity_in_months == 7
    assert read.lifetime_actions
    assert read.lifetime_actions[0].action == CertificatePolicyAction.email_contacts
    assert read.lifetime_actions[0].days_before_expiry == 20


def test_lists_over_several_pages(client: CertificateClient, entrance: Entrance, room: Room) -> None:
    """The client follows every link; versions are listed too."""
    end = entrance.house.clock() + timedelta(days=90)
    made = entrance.house.loop.run(entrance.house.vaults.fill(room.vault.name, 60, end))
    assert [listed.name for listed in client.list_properties_of_certificates()] == made
    pages = list(client.list_properties_of_certificates(max_page_size=7).by_page())
    assert len([list(page) for page in pages]) == 9
    create(client)
    newest = facts(create(client)).version
    versions = [one.version for one in client.list_properties_of_certificate_versions("www")]
    assert newest in versions
    assert len(versions) == 2


def test_the_unfinished_are_listed_on_the_first_page_only(
    client: CertificateClient, entrance: Entrance, room: Room
) -> None:
    """The link does not repeat include_pending, so what is unfinished on a later page stays unseen."""
    end = entrance.house.clock() + timedelta(days=90)
    entrance.house.loop.run(entrance.house.vaults.fill(room.vault.name, 30, end))
    for name in ("early", "a-first"):
        client.begin_create_certificate(name, policy(WellKnownIssuerNames.unknown), **FAST).result()
    listed = {one.name for one in client.list_properties_of_certificates(include_pending=True)}
    assert listed - {one.name for one in client.list_properties_of_certificates()} == {"a-first"}


def test_recovering_and_purging(client: CertificateClient) -> None:
    """A deleted certificate is listed, recovered, deleted again and purged."""
    made = create(client)
    client.begin_delete_certificate("www", **FAST).wait()
    assert [one.name for one in client.list_deleted_certificates()] == ["www"]
    with pytest.raises(ResourceExistsError) as taken:
        client.begin_create_certificate("www", policy(), **FAST)
    assert taken.value.error
    assert taken.value.error.innererror == {"code": "ObjectIsDeletedButRecoverable"}
    recovered = client.begin_recover_deleted_certificate("www", **FAST)
    recovered.wait()
    assert client.get_certificate("www").id == made.id
    client.begin_delete_certificate("www", **FAST).wait()
    client.purge_deleted_certificate("www")
    with pytest.raises(ResourceNotFoundError):
        client.get_deleted_certificate("www")


def test_backing_up_and_restoring(client: CertificateClient, entrance: Entrance) -> None:
    """A backup is restored into another vault with the same version."""
    made = create(client)
    blob = client.backup_certificate("www")
    assert blob
    with pytest.raises(ResourceExistsError):
        client.restore_certificate_backup(blob)
    with entrance.client(entrance.house.room()) as other:
        assert facts(other.restore_certificate_backup(blob)).version == facts(made).version


def test_errors_arrive_as_the_kinds_of_the_sdk(client: CertificateClient, entrance: Entrance, room: Room) -> None:
    """404, 409 with code Forbidden, and 403 with an inner error as a plain dict."""
    with pytest.raises(ResourceNotFoundError):
        client.get_certificate("nope")
    client.begin_create_certificate("www", policy(WellKnownIssuerNames.unknown), **FAST).result()
    with pytest.raises(ResourceExistsError) as pending:
        client.begin_create_certificate("www", policy(), **FAST)
    assert pending.value.error
    assert pending.value.error.code == "Forbidden"
    with entrance.client(room, "stranger") as stranger, pytest.raises(HttpResponseError) as refused:
        stranger.get_certificate("www")
    assert refused.value.error
    assert (refused.value.status_code, refused.value.error.innererror) == (403, {"code": "ForbiddenByRbac"})
